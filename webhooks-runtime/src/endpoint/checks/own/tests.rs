//! Which events are the program's own.

use futures_util::future::ready;
use serde_json::{Value, json};

use super::*;
use crate::endpoint::extract::body::parse_payload;
use crate::samples::{
    Sample, comment_created, comment_edited, dataset_commit, discussion_closed, discussion_deleted,
    discussion_opened, pull_request_opened, repo_created, tag_deleted,
};

/// The account `bot`, which has made the commits that begin with `b`.
struct BotEvents {
    is_known: bool,
}

impl OwnEvents for BotEvents {
    fn account(&self) -> BoxFuture<'_, Result<ProgramAccount, Undetermined>> {
        let account = ProgramAccount { id: "id-of-bot".to_owned(), name: "bot".to_owned() };
        Box::pin(ready(if self.is_known { Ok(account) } else { Err(undetermined()) }))
    }

    fn made<'a>(&'a self, commits: &'a [&'a str]) -> BoxFuture<'a, Result<bool, Undetermined>> {
        Box::pin(ready(Ok(commits.iter().all(|commit| commit.starts_with('b')))))
    }
}

fn undetermined() -> Undetermined {
    Undetermined { reason: "the Hub is down".to_owned(), retry_after: Duration::from_secs(5) }
}

async fn check(is_known: bool, body: &Value) -> Decision {
    let delivery = parse_payload(body.to_string().as_bytes()).unwrap();
    OwnCheck(Arc::new(BotEvents { is_known })).check(&delivery, Stage::Arrival).await
}

/// The body of a sample in which everything was written by this author.
fn by(author: &str, sample: &Sample) -> Value {
    let mut body = json!(sample);
    for object in ["comment", "discussion"] {
        if let Some(author_id) = body.pointer_mut(&format!("/{object}/author/id")) {
            *author_id = json!(author);
        }
    }
    body
}

fn commits(commits: &[Option<&str>]) -> Value {
    let mut body = json!(dataset_commit());
    let updated = |new: &_| json!({ "ref": "refs/heads/main", "oldSha": "a", "newSha": new });
    body["updatedRefs"] = commits.iter().map(updated).collect();
    body
}

fn skip(reason: &str) -> Decision {
    Decision::Skip(reason.into())
}

#[tokio::test]
async fn a_comment_is_own_by_its_author_and_an_opened_discussion_by_its_own() {
    let comment = skip("own: the comment was written by bot, the account of this program");
    assert_eq!(check(true, &by("id-of-bot", &comment_created())).await, comment);
    assert_eq!(check(true, &by("id-of-bot", &comment_edited())).await, comment);
    assert_eq!(check(true, &by("other", &comment_created())).await, Decision::Run(None));
    let discussion = skip("own: the discussion was written by bot, the account of this program");
    assert_eq!(check(true, &by("id-of-bot", &discussion_opened())).await, discussion);
    assert_eq!(check(true, &by("id-of-bot", &pull_request_opened())).await, discussion);
    // Somebody else's comment in a discussion of the bot.
    let mut answer = by("id-of-bot", &comment_created());
    answer["comment"]["author"]["id"] = json!("other");
    assert_eq!(check(true, &answer).await, Decision::Run(None));
}

#[tokio::test]
async fn a_narrower_scope_counts_as_an_update_of_its_parent() {
    let with_scope = |scope: &str, sample: Value| {
        let mut body = sample;
        body["event"] = json!({ "action": "create", "scope": scope });
        body
    };
    let own = skip("own: the comment was written by bot, the account of this program");
    for scope in ["discussion.comment.reaction", "discussion.comment.reaction.emoji"] {
        let about = |author| with_scope(scope, by(author, &comment_created()));
        assert_eq!(check(true, &about("id-of-bot")).await, own, "{scope}");
        assert_eq!(check(true, &about("other")).await, Decision::Run(None), "{scope}");
        assert!(matches!(check(false, &about("other")).await, Decision::Wait(_)), "{scope}");
        // Of another shape than today's comments.
        let mut unknown = about("id-of-bot");
        unknown.as_object_mut().unwrap().remove("comment");
        assert_eq!(check(true, &unknown).await, Decision::Run(None), "{scope}");
    }
    // An update of a discussion has no actor.
    let pinned = with_scope("discussion.pin", by("id-of-bot", &discussion_opened()));
    assert_eq!(check(true, &pinned).await, Decision::Run(None));
    let own = skip("own: this program has made the commit, as bot");
    let push = with_scope("repo.content.lfs", commits(&[Some("b1")]));
    assert_eq!(check(true, &push).await, own);
}

#[tokio::test]
async fn an_event_without_an_actor_is_never_own() {
    for sample in [discussion_closed(), discussion_deleted(), repo_created(), tag_deleted()] {
        for is_known in [true, false] {
            let decision = check(is_known, &by("id-of-bot", &sample)).await;
            assert_eq!(decision, Decision::Run(None));
        }
    }
}

#[tokio::test]
async fn a_push_is_own_if_the_program_has_made_every_commit() {
    let own = skip("own: this program has made the commit, as bot");
    assert_eq!(check(true, &commits(&[Some("b1")])).await, own);
    assert_eq!(check(true, &commits(&[Some("b1"), Some("b2")])).await, own);
    for others in [&[Some("b1"), Some("c1")][..], &[Some("c1")], &[Some("b1"), None], &[]] {
        assert_eq!(check(true, &commits(others)).await, Decision::Run(None), "{others:?}");
    }
    // The account is not needed.
    let own = skip("own: this program has made the commit");
    assert_eq!(check(false, &commits(&[Some("b1")])).await, own);
    assert_eq!(check(false, &commits(&[Some("c1")])).await, Decision::Run(None));
}

#[tokio::test]
async fn it_waits_while_the_account_is_unknown() {
    let Decision::Wait(wait) = check(false, &by("other", &comment_created())).await else {
        panic!("it does not wait")
    };
    assert_eq!(
        wait.reason,
        "own: it is unknown whether this program caused the event: the Hub is down"
    );
    assert_eq!(wait.retry_after, Duration::from_secs(5));
}

#[tokio::test]
async fn a_field_that_was_dropped_is_unknown_where_it_decides() {
    let unknown = |decision| match decision {
        Decision::Unknown(path) => path.to_string(),
        other => panic!("{other:?}"),
    };
    let mut comment = json!(comment_created());
    comment["comment"]["author"] = json!("bot");
    assert_eq!(unknown(check(true, &comment).await), "comment.author");
    comment["comment"]["author"] = Value::Null;
    comment["comment"].as_object_mut().unwrap().remove("author");
    assert_eq!(check(true, &comment).await, Decision::Run(None));
    let mut push = commits(&[Some("b1")]);
    push["updatedRefs"].as_array_mut().unwrap().push(json!({ "ref": "refs/heads/dev" }));
    assert_eq!(unknown(check(true, &push).await), "updatedRefs.1");
    push["updatedRefs"][0]["newSha"] = json!("c1");
    assert_eq!(check(true, &push).await, Decision::Run(None));
}

#[tokio::test]
async fn the_last_commit_says_nothing_of_those_that_a_payload_carries() {
    let delivery = parse_payload(commits(&[Some("b2")]).to_string().as_bytes()).unwrap();
    let check = OwnCheck(Arc::new(BotEvents { is_known: true }));
    assert!(matches!(check.check(&delivery, Stage::Attempt).await, Decision::Skip(_)));
    assert_eq!(check.check(&delivery, Stage::MergedAttempt).await, Decision::Run(None));
}
