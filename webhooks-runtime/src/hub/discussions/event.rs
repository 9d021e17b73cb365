//! What happened in a discussion: comments, commits, and changes of its status and title.

use serde::Deserialize;

use crate::hub::lenient::{author_name, or_default};
use crate::payload::DiscussionStatus;

/// An event in a discussion or pull request: see [`DiscussionDetails`](super::DiscussionDetails).
///
/// ```
/// use webhooks_runtime::hub::{DiscussionDetails, DiscussionEventKind};
///
/// /// Returns the commits of a pull request.
/// fn commits(details: &DiscussionDetails) -> Vec<&str> {
///     let commits = details.events.iter().filter_map(|event| match &event.kind {
///         DiscussionEventKind::Commit { oid, .. } => Some(oid.as_str()),
///         _ => None,
///     });
///     commits.collect()
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "EventJson")]
#[non_exhaustive]
pub struct DiscussionEvent {
    /// The id.
    pub id: String,
    /// The name of the user who caused it; `None` for a deleted account.
    pub author: Option<String>,
    /// The time, in RFC 3339.
    pub created_at: String,
    /// What happened.
    pub kind: DiscussionEventKind,
}

/// What happened in a discussion or pull request.
///
/// ```
/// use webhooks_runtime::hub::{DiscussionEvent, DiscussionEventKind};
///
/// /// Returns the text of a comment.
/// fn text(event: &DiscussionEvent) -> Option<&str> {
///     match &event.kind {
///         DiscussionEventKind::Comment { content, hidden: false, .. } => Some(content),
///         _ => None,
///     }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DiscussionEventKind {
    /// A comment was written.
    Comment {
        /// The text in Markdown; empty for a hidden comment.
        content: String,
        /// Whether it was edited.
        edited: bool,
        /// Whether it is hidden.
        hidden: bool,
    },
    /// The status changed.
    StatusChange {
        /// The new status.
        status: DiscussionStatus,
    },
    /// A commit was added to the pull request.
    Commit {
        /// The first line of its message.
        subject: String,
        /// Its id.
        oid: String,
    },
    /// The title changed.
    TitleChange {
        /// The old title.
        from: String,
        /// The new title.
        to: String,
    },
    /// An event of a type that this version of the crate doesn't know.
    Other(String),
}

/// An event as the Hub sends it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EventJson {
    id: String,
    #[serde(rename = "type", default, deserialize_with = "or_default")]
    event_type: String,
    #[serde(default, deserialize_with = "or_default")]
    created_at: String,
    #[serde(default, deserialize_with = "author_name")]
    author: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    data: DataJson,
}

/// The fields of all types of events.
#[derive(Default, Deserialize)]
#[serde(default)]
struct DataJson {
    latest: Option<LatestJson>,
    edited: Option<bool>,
    hidden: Option<bool>,
    status: Option<DiscussionStatus>,
    subject: Option<String>,
    oid: Option<String>,
    from: Option<String>,
    to: Option<String>,
}

#[derive(Deserialize)]
struct LatestJson {
    raw: Option<String>,
}

impl DataJson {
    fn comment(self) -> DiscussionEventKind {
        DiscussionEventKind::Comment {
            content: self.latest.and_then(|latest| latest.raw).unwrap_or_default(),
            edited: self.edited.unwrap_or_default(),
            hidden: self.hidden.unwrap_or_default(),
        }
    }

    fn kind(self, event_type: String) -> DiscussionEventKind {
        match (event_type.as_str(), self) {
            ("comment", data) => data.comment(),
            ("status-change", Self { status: Some(status), .. }) => {
                DiscussionEventKind::StatusChange { status }
            }
            ("commit", Self { subject, oid: Some(oid), .. }) => {
                DiscussionEventKind::Commit { subject: subject.unwrap_or_default(), oid }
            }
            ("title-change", Self { from: Some(from), to: Some(to), .. }) => {
                DiscussionEventKind::TitleChange { from, to }
            }
            _ => DiscussionEventKind::Other(event_type),
        }
    }
}

impl From<EventJson> for DiscussionEvent {
    fn from(json: EventJson) -> Self {
        let EventJson { id, event_type, created_at, author, data } = json;
        Self { id, author, created_at, kind: data.kind(event_type) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn kind(event_type: &str, data: &Value) -> DiscussionEventKind {
        let json = json!({
            "id": "e1", "type": event_type, "createdAt": "2026-12-01T00:00:00.000Z", "data": data,
        });
        serde_json::from_value::<DiscussionEvent>(json).unwrap().kind
    }

    #[test]
    fn each_type_of_event_has_its_fields() {
        let comment =
            json!({ "edited": true, "hidden": false, "latest": { "raw": "Hi", "html": "" } });
        assert_eq!(
            kind("comment", &comment),
            DiscussionEventKind::Comment { content: "Hi".into(), edited: true, hidden: false }
        );
        assert_eq!(
            kind("status-change", &json!({ "status": "closed" })),
            DiscussionEventKind::StatusChange { status: DiscussionStatus::Closed }
        );
        assert_eq!(
            kind("commit", &json!({ "subject": "Fix", "oid": "abc" })),
            DiscussionEventKind::Commit { subject: "Fix".into(), oid: "abc".into() }
        );
        assert_eq!(
            kind("title-change", &json!({ "from": "a", "to": "b" })),
            DiscussionEventKind::TitleChange { from: "a".into(), to: "b".into() }
        );
    }

    #[test]
    fn an_unknown_or_changed_event_costs_no_discussion() {
        for (event_type, data) in [
            ("pinning", json!({ "pinned": true })),
            ("commit", json!({})),
            ("locking", json!(null)),
        ] {
            assert_eq!(kind(event_type, &data), DiscussionEventKind::Other(event_type.into()));
        }
        let json = json!({ "id": "e1", "author": null });
        assert_eq!(serde_json::from_value::<DiscussionEvent>(json).unwrap().author, None);
    }
}
