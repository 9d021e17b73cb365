//! Discussions and pull requests.

use serde::Deserialize;
use serde_json::json;

use crate::hub::event::Event;
use crate::hub::repo::RepoKey;
use crate::hub::repo::diff::diff;
use crate::hub::repo::discussion::{EventData, RepoDiscussion, RepoDiscussionEvent};
use crate::hub::server::{ApiCall, CallOutcome, CallRejection, CallResponse};

/// How many discussions are on a page of the list. The real Hub's pages are longer.
pub(in crate::hub) const PAGE: usize = 10;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DiscussionBody {
    title: String,
    description: String,
    pull_request: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CommentBody {
    comment: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewContent {
    content: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewTitle {
    title: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewStatus {
    status: OpenOrClosed,
    comment: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum OpenOrClosed {
    Open,
    Closed,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct MergeComment {
    comment: Option<String>,
}

pub(in crate::hub) fn list(call: &mut ApiCall<'_>) -> Result<CallOutcome, CallRejection> {
    let page = call.query("p", &[])?.unwrap_or("0");
    let page: usize =
        page.parse().map_err(|_| CallRejection::fault(400, "the query's p is no number"))?;
    let kind = call.query("type", &["all", "discussion", "pull_request"])?.map(str::to_owned);
    let status = call.query("status", &["all", "open", "closed"])?.map(str::to_owned);
    let author = call.query("author", &[])?.map(str::to_owned);
    let repo = call.repo()?;
    let is_listed = |discussion: &&RepoDiscussion| {
        let is_open = ["open", "draft"].contains(&discussion.status);
        let of_kind = match kind.as_deref() {
            Some("discussion") => discussion.pull_request.is_none(),
            Some("pull_request") => discussion.pull_request.is_some(),
            _ => true,
        };
        let of_status = match status.as_deref() {
            Some("open") => is_open,
            Some("closed") => !is_open,
            _ => true,
        };
        of_kind && of_status && author.as_ref().is_none_or(|author| *author == discussion.author)
    };
    let found: Vec<_> = repo.discussions.values().rev().filter(is_listed).collect();
    let start = page * PAGE;
    let on_page = found.iter().skip(start).take(PAGE);
    let discussions: Vec<_> = on_page.map(|it| it.summary(&repo.key)).collect();
    let list = json!({ "count": found.len(), "start": start, "discussions": discussions });
    Ok(CallResponse::json(&list).into())
}

pub(in crate::hub) fn get(call: &mut ApiCall<'_>) -> Result<CallOutcome, CallRejection> {
    let with_diff = call.query("diff", &["1"])?.is_some();
    let num = call.number(2)?;
    let repo = call.repo()?;
    let discussion = repo.discussions.get(&num).ok_or_else(no_discussion)?;
    let text = discussion.pull_request.as_ref().filter(|_| with_diff).and_then(|pull_request| {
        Some(diff(repo.resolve(&pull_request.base)?, repo.resolve(&discussion.ref_name())?))
    });
    let details = discussion.details(&repo.key, text);
    Ok(CallResponse::json(&details).into())
}

pub(in crate::hub) fn create(call: &mut ApiCall<'_>) -> Result<CallOutcome, CallRejection> {
    let body: DiscussionBody = call.json()?;
    if body.title.trim().is_empty() {
        return Err(CallRejection::new(400, "The title is empty"));
    }
    let repo = call.repo()?;
    let (key, head) = (repo.key.clone(), repo.head().unwrap_or_default().to_owned());
    let author = call.account()?.name.clone();
    // A pull request without commits is a draft.
    let pull_request = body.pull_request.then_some(("draft", head));
    let texts = (body.title.as_str(), body.description.as_str());
    let num = call.state.open_discussion(&key, &author, texts, pull_request);
    let summary = call.repo()?.discussions.get(&num).map(|it| it.summary(&key));
    Ok(CallResponse::json(&json!(summary)).into())
}

pub(in crate::hub) fn comment(call: &mut ApiCall<'_>) -> Result<CallOutcome, CallRejection> {
    let body: CommentBody = call.json()?;
    let (key, num, author) = place(call)?;
    if body.comment.trim().is_empty() {
        return Err(CallRejection::new(400, "The comment is empty"));
    }
    if discussion(call, num)?.locked {
        return Err(CallRejection::new(403, "This discussion is locked"));
    }
    let event = call.state.comment(&key, num, &author, &body.comment).ok_or_else(no_discussion)?;
    Ok(CallResponse::json(&json!({ "newMessage": event.json() })).into())
}

pub(in crate::hub) fn edit(call: &mut ApiCall<'_>) -> Result<CallOutcome, CallRejection> {
    let body: NewContent = call.json()?;
    change_comment(call, |text, edited, _| {
        *text = body.content;
        *edited = true;
    })
}

pub(in crate::hub) fn hide(call: &mut ApiCall<'_>) -> Result<CallOutcome, CallRejection> {
    change_comment(call, |_, _, hidden| *hidden = true)
}

pub(in crate::hub) fn set_status(call: &mut ApiCall<'_>) -> Result<CallOutcome, CallRejection> {
    let body: NewStatus = call.json()?;
    let (key, num, author) = place(call)?;
    let status = match body.status {
        OpenOrClosed::Open => "open",
        OpenOrClosed::Closed => "closed",
    };
    let discussion = discussion(call, num)?;
    if discussion.status == "merged" {
        return Err(CallRejection::new(400, "The pull request is merged"));
    }
    discussion.status = status;
    let event = call.state.add_event(&key, num, &author, EventData::Status(status));
    call.state.emit(&key, &Event::Discussion { action: "update", num });
    if let Some(text) = body.comment {
        call.state.comment(&key, num, &author, &text);
    }
    Ok(CallResponse::json(&json!({ "newStatus": event.map(|it| it.json()) })).into())
}

pub(in crate::hub) fn rename(call: &mut ApiCall<'_>) -> Result<CallOutcome, CallRejection> {
    let body: NewTitle = call.json()?;
    let (key, num, author) = place(call)?;
    let discussion = discussion(call, num)?;
    let from = std::mem::replace(&mut discussion.title, body.title.clone());
    let event = call.state.add_event(&key, num, &author, EventData::Title { from, to: body.title });
    call.state.emit(&key, &Event::Discussion { action: "update", num });
    Ok(CallResponse::json(&json!({ "newTitle": event.map(|it| it.json()) })).into())
}

pub(in crate::hub) fn merge(call: &mut ApiCall<'_>) -> Result<CallOutcome, CallRejection> {
    let body: MergeComment =
        if call.request.body.is_empty() { MergeComment::default() } else { call.json()? };
    let (key, num, author) = place(call)?;
    call.own_repo()?;
    if !["open", "draft"].contains(&discussion(call, num)?.status) {
        return Err(CallRejection::new(400, "The pull request is not open"));
    }
    let no_pull_request = || CallRejection::new(400, "This is a discussion, not a pull request");
    call.state.merge(&key, num, &author).ok_or_else(no_pull_request)?;
    if let Some(text) = body.comment {
        call.state.comment(&key, num, &author, &text);
    }
    Ok(CallResponse::json(&json!({})).into())
}

/// Changes the text, whether it was edited and whether it is hidden: of the account's own comment, or in its own repo.
fn change_comment(
    call: &mut ApiCall<'_>,
    change: impl FnOnce(&mut String, &mut bool, &mut bool),
) -> Result<CallOutcome, CallRejection> {
    let (key, num, author) = place(call)?;
    let id = call.part(3).to_owned();
    let owns_repo = call.account()?.may_change(key.owner());
    let discussion = discussion(call, num)?;
    let event = discussion.events.iter_mut().find(|event| event.id == id);
    let no_comment = || CallRejection::new(404, "No such comment");
    let event = event.ok_or_else(no_comment)?;
    if event.author != author && !owns_repo {
        return Err(CallRejection::new(403, "This is somebody else's comment"));
    }
    let EventData::Comment { text, edited, hidden } = &mut event.what else {
        return Err(no_comment());
    };
    change(text, edited, hidden);
    let event: RepoDiscussionEvent = event.clone();
    call.state.emit(&key, &Event::Comment { action: "update", num, id });
    Ok(CallResponse::json(&json!({ "updatedComment": event.json() })).into())
}

/// Returns the repo, the number and the account's name.
fn place(call: &mut ApiCall<'_>) -> Result<(RepoKey, u64, String), CallRejection> {
    let num = call.number(2)?;
    discussion(call, num)?;
    Ok((call.repo()?.key.clone(), num, call.account()?.name.clone()))
}

fn discussion<'a>(
    call: &'a mut ApiCall<'_>,
    num: u64,
) -> Result<&'a mut RepoDiscussion, CallRejection> {
    call.repo()?.discussions.get_mut(&num).ok_or_else(no_discussion)
}

fn no_discussion() -> CallRejection {
    CallRejection::new(404, "No such discussion")
}
