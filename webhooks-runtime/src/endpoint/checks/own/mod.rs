//! Skips the events that the program caused itself, so that a bot does not answer its own comments.

#[cfg(test)]
mod tests;

use std::future::ready;
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
            // The payload has only the last commit of each ref. Those before it may be of others, and would be lost.
            Stage::MergedAttempt => return Box::pin(ready(Decision::Run(None))),
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
    ///
    /// A narrower scope that the Hub adds later, such as `discussion.comment.reaction`, counts as an update of its
    /// parent, as in the filter. Otherwise a bot could react to what it does to its own comments without end.
    fn of(payload: &'a WebhookPayload) -> Option<Self> {
        let event = &payload.event;
        let comment = EventScope::DiscussionComment;
        if event.scope == comment || event.matches(EventAction::Update, comment) {
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
