//! Says in words what is done, and why something is left as it is.

use std::fmt;

use super::{EnableReason, LeaveReason, PlanWarning};

impl fmt::Display for EnableReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Suspended => "the Hub had suspended it after failures",
            Self::Paused => "it was disabled while the server was stopped",
        })
    }
}

impl fmt::Display for LeaveReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DisabledByPerson => {
                f.write_str("a person has disabled it: enable it with `webhooks enable`")
            }
            Self::SuspendedTooOften => f.write_str(
                "the Hub has suspended it again and again today: find out why its deliveries fail, then enable it \
                 with `webhooks enable`",
            ),
            Self::NotRemembered(changes) => write!(
                f,
                "it differs from the program ({}), and this server has not created it: update it with `webhooks sync`",
                joined(changes)
            ),
            Self::UnknownSecret => f.write_str(
                "it has a secret that the program does not know: set WEBHOOK_SECRET to it, or delete the webhook with \
                 `webhooks remove`",
            ),
            Self::StartsJob => f.write_str(
                "it starts a Job now, instead of calling a URL: to register the endpoint again, delete the webhook \
                 with `webhooks remove`",
            ),
            Self::PauseUnconfirmed => f.write_str(
                "it is disabled, and the Hub has not confirmed in time that the last stop of the server did that, so a \
                 person may have done it: enable it with `webhooks enable`",
            ),
            Self::InUse(url) => write!(
                f,
                "another server of this program runs at {url}: stop that server, or disable the webhook with \
                 `webhooks disable`"
            ),
            Self::NoWatch => f.write_str(
                "the program has no endpoint with `watch` at its path: delete it with `webhooks remove` if it is no \
                 longer needed",
            ),
        }
    }
}

impl fmt::Display for PlanWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlsoWatched { path, id, url, repos } => write!(
                f,
                "the webhook {id} ({url}) also watches {}, so {path} runs twice for each event: disable one of the two \
                 with `webhooks disable`",
                joined(repos)
            ),
            Self::OfOtherServer { path, id, public_url } => write!(
                f,
                "the webhook {id} of {path} stays at {public_url}, because a server runs there, so {path} has another \
                 webhook here: if {public_url} is a former URL of this server, delete that one with \
                 `webhooks remove {id}`"
            ),
            Self::Differs { path, id, changes } => write!(
                f,
                "the webhook {id} of {path} differs from the program ({}): update it with `webhooks sync`",
                joined(changes)
            ),
        }
    }
}

fn joined<T: fmt::Display>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
