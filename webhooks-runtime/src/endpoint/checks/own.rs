//! Skips the events that the program caused itself, so that a bot does not answer its own comments.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::time::timeout;

use super::{Decision, DeliveryCheck, Stage, Undetermined};
use crate::payload::{EventAction, EventScope, TolerantPayload, WebhookPayload};

/// How long the check of a delivery that has just arrived may take. The Hub gives up after 30 s.
const ARRIVAL_LIMIT: Duration = Duration::from_secs(10);

/// How long the check before an attempt may take.
const ATTEMPT_LIMIT: Duration = Duration::from_secs(60);

/// An account of the Hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProgramAccount {
    pub(crate) id: String,
    pub(crate) name: String,
}

/// The account that the program acts with, and the commits that it made.
pub(crate) trait OwnEvents: Send + Sync {
    /// Returns the account of the program's token.
    fn account(&self) -> BoxFuture<'_, Result<ProgramAccount, Undetermined>>;

    /// Returns whether the program made each of these commits lately.
    fn made<'a>(&'a self, commits: &'a [&'a str]) -> BoxFuture<'a, Result<bool, Undetermined>>;
}

/// The check of an endpoint whose function takes a `Hub`.
pub(crate) struct OwnCheck(pub(crate) Arc<dyn OwnEvents>);

impl DeliveryCheck for OwnCheck {
    fn check<'a>(&'a self, delivery: &'a TolerantPayload, stage: Stage) -> BoxFuture<'a, Decision> {
        let limit = match stage {
            Stage::Arrival => ARRIVAL_LIMIT,
            Stage::Attempt => ATTEMPT_LIMIT,
        };
        Box::pin(async move {
            let late = |_| {
                Decision::Wait(Undetermined {
                    reason: format!("the Hub did not respond within {limit:?}"),
                    retry_after: limit,
                })
            };
            let decision = timeout(limit, self.decide(delivery)).await.unwrap_or_else(late);
            match decision {
                Decision::Wait(Undetermined { reason, retry_after }) => {
                    let reason = format!(
                        "own: it is unknown whether this program caused the event: {reason}"
                    );
                    Decision::Wait(Undetermined { reason, retry_after })
                }
                decision => decision,
            }
        })
    }
}

impl OwnCheck {
    async fn decide(&self, delivery: &TolerantPayload) -> Decision {
        let Some(cause) = Cause::of(&delivery.payload) else {
            return Decision::Run(None);
        };
        // An author or a commit that cannot be read may be the program's own.
        let unknown = delivery.deviations.dropped_at(cause.field());
        let decided = match &cause {
            Cause::Comment { author: "" } | Cause::Discussion { author: "" } => Ok(None),
            Cause::Comment { author } => self.written("comment", author).await,
            Cause::Discussion { author } => self.written("discussion", author).await,
            Cause::Push { commits } => self.made(commits).await,
        };
        match (decided, unknown) {
            (Err(undetermined), _) => Decision::Wait(undetermined),
            (Ok(Some(_)), Some(path)) => Decision::Unknown(path.clone()),
            (Ok(None), Some(path)) if cause.is_unknown() => Decision::Unknown(path.clone()),
            (Ok(Some(reason)), None) => Decision::Skip(reason.into()),
            (Ok(None), _) => Decision::Run(None),
        }
    }

    /// Returns the reason to skip a text if the program's account has written it.
    async fn written(&self, what: &str, author: &str) -> Result<Option<String>, Undetermined> {
        let account = self.0.account().await?;
        let name = &account.name;
        Ok((account.id == author)
            .then(|| format!("own: the {what} was written by {name}, the account of this program")))
    }

    /// Returns the reason to skip a push if the program has made each of its commits.
    async fn made(&self, commits: &[&str]) -> Result<Option<String>, Undetermined> {
        let is_own = !commits.is_empty() && self.0.made(commits).await?;
        // The name is known by now: the Hub has accepted a commit with the token.
        let account = if is_own { self.0.account().await.ok() } else { None };
        let as_account = account.map(|account| format!(", as {}", account.name));
        let as_account = as_account.unwrap_or_default();
        Ok(is_own.then(|| format!("own: this program has made the commit{as_account}")))
    }
}

/// The part of an event that shows who caused it.
#[derive(Debug, PartialEq, Eq)]
enum Cause<'a> {
    /// The author is empty if it is unknown.
    Comment {
        author: &'a str,
    },
    Discussion {
        author: &'a str,
    },
    Push {
        commits: Vec<&'a str>,
    },
}

impl<'a> Cause<'a> {
    /// Returns the cause; `None` if the event has none. Updates and deletions of a discussion have no actor, and the
    /// deletion of a ref has no commit.
    fn of(payload: &'a WebhookPayload) -> Option<Self> {
        let event = &payload.event;
        if event.scope == EventScope::DiscussionComment {
            let author = payload.comment.as_ref().map(|comment| comment.author.id.as_str());
            return Some(Self::Comment { author: author.unwrap_or_default() });
        }
        if event.matches(EventAction::Create, EventScope::Discussion) {
            let author = payload.discussion.as_ref().map(|discussion| &*discussion.author.id);
            return Some(Self::Discussion { author: author.unwrap_or_default() });
        }
        if event.matches(EventAction::Update, EventScope::RepoContent) {
            let refs = payload.updated_refs.iter().flatten();
            let commits: Option<Vec<_>> = refs.map(|updated| updated.new_sha.as_deref()).collect();
            return commits.map(|commits| Self::Push { commits });
        }
        None
    }

    /// Returns the path of its field.
    fn field(&self) -> &'static str {
        match self {
            Self::Comment { .. } => "comment.author.id",
            Self::Discussion { .. } => "discussion.author.id",
            Self::Push { .. } => "updatedRefs",
        }
    }

    /// Returns whether the payload has nothing in its field.
    fn is_unknown(&self) -> bool {
        match self {
            Self::Comment { author } | Self::Discussion { author } => author.is_empty(),
            Self::Push { commits } => commits.is_empty(),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::ready;
    use serde_json::{Value, json};

    use super::*;
    use crate::endpoint::extract::body::parse_payload;
    use crate::samples::{
        Sample, comment_created, comment_edited, dataset_commit, discussion_closed,
        discussion_deleted, discussion_opened, pull_request_opened, repo_created, tag_deleted,
    };

    /// The account `bot`, which has made the commits that begin with `b`.
    struct Bot {
        is_known: bool,
    }

    impl OwnEvents for Bot {
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
        OwnCheck(Arc::new(Bot { is_known })).check(&delivery, Stage::Arrival).await
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
        let discussion =
            skip("own: the discussion was written by bot, the account of this program");
        assert_eq!(check(true, &by("id-of-bot", &discussion_opened())).await, discussion);
        assert_eq!(check(true, &by("id-of-bot", &pull_request_opened())).await, discussion);
        // Somebody else's comment in a discussion of the bot.
        let mut answer = by("id-of-bot", &comment_created());
        answer["comment"]["author"]["id"] = json!("other");
        assert_eq!(check(true, &answer).await, Decision::Run(None));
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
}
