//! Renders which endpoints are paused and since when, and the buttons that pause and resume them.

use std::time::{Duration, SystemTime};

use maud::{Markup, html};

use super::super::pieces::{action, name, time};
use crate::http::store_monitor::StoreMonitor;
use crate::jobs::Jobs;

/// The paused endpoints, and since when each is paused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::dashboard) struct PausedEndpoints(Vec<(String, SystemTime)>);

impl PausedEndpoints {
    /// Returns those of the last report; `None` when the store has never responded, or the program has no background
    /// endpoint.
    pub(in crate::dashboard) async fn read(
        monitor: &StoreMonitor,
        jobs: Option<&Jobs>,
    ) -> Option<Self> {
        monitor.report(jobs?).await.paused.map(Self)
    }

    /// Returns an endpoint that has just been paused.
    #[cfg(test)]
    pub(super) fn of(path: &str) -> Self {
        Self(vec![(path.to_owned(), SystemTime::now())])
    }

    /// Returns since when the endpoint at this path is paused; `None` if it is not.
    pub(super) fn since(&self, path: &str) -> Option<SystemTime> {
        self.0.iter().find(|(paused, _)| paused == path).map(|(_, since)| *since)
    }
}

/// Renders whether a background endpoint is paused, and a button for authorized viewers that changes it.
pub(in crate::dashboard) fn pause(
    paused: &PausedEndpoints,
    path: &str,
    authorized: bool,
) -> Markup {
    let since = paused.since(path);
    html! {
        @if authorized || since.is_some() {
            div.operation data-pause=(path) { (pause_state(paused, path, authorized)) }
        }
    }
}

/// Renders the content of [`pause`], which is sent again when it changes.
pub(super) fn pause_state(paused: &PausedEndpoints, path: &str, authorized: bool) -> Markup {
    html! {
        @match paused.since(path) {
            Some(since) => {
                span.badge.paused { "Paused " (elapsed(since)) }
                @if authorized { (resume_button(path)) }
            },
            None => @if authorized {
                (action(&url("pause", path), "pause", "Pause", &format!("Pause {path}")))
            },
        }
    }
}

/// Renders the paused endpoints above their deliveries.
pub(super) fn notices(paused: &PausedEndpoints) -> Markup {
    html! {
        div.pauses {
            @for (path, since) in &paused.0 {
                div.operation {
                    span.badge.paused { "Paused" }
                    span { strong { (name(path)) } " since " (time(*since)) " (" (elapsed(*since)) ")" }
                    (resume_button(path))
                }
            }
        }
    }
}

fn resume_button(path: &str) -> Markup {
    action(&url("resume", path), "pause", "Resume", &format!("Resume {path}"))
}

/// Returns the relative URL of an action on an endpoint.
fn url(action: &str, path: &str) -> String {
    let query = serde_urlencoded::to_string([("endpoint", path)]).unwrap_or_default();
    format!("endpoints/{action}?{query}")
}

/// Says for how long something has lasted, in whole minutes.
fn elapsed(since: SystemTime) -> String {
    let minutes = since.elapsed().unwrap_or_default().as_secs() / 60;
    if minutes == 0 {
        return "just now".to_owned();
    }
    format!("for {}", humantime::format_duration(Duration::from_secs(60 * minutes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paused_for(seconds: u64) -> PausedEndpoints {
        let since = SystemTime::now() - Duration::from_secs(seconds);
        PausedEndpoints(vec![("/webhooks/train".to_owned(), since)])
    }

    #[test]
    fn everyone_sees_that_an_endpoint_is_paused_and_authorized_viewers_get_buttons() {
        let paused = paused_for(3 * 60 * 60 + 61);
        for authorized in [false, true] {
            let train = pause(&paused, "/webhooks/train", authorized).into_string();
            assert!(train.contains("Paused for 3h 1m"), "{train}");
            let resume = "endpoints/resume?endpoint=%2Fwebhooks%2Ftrain";
            assert_eq!(train.contains(resume), authorized, "{train}");
            let other = pause(&paused, "/webhooks/other", authorized).into_string();
            assert_eq!(other.contains("endpoints/pause?endpoint=%2Fwebhooks%2Fother"), authorized);
            assert!(authorized || other.is_empty(), "{other}");
        }
        let notices = notices(&paused).into_string();
        assert!(
            notices.contains("<strong>train</strong> since ") && notices.contains(" (for 3h 1m)"),
            "{notices}"
        );
    }

    #[test]
    fn the_length_of_a_pause_is_in_minutes() {
        let text = |seconds| elapsed(SystemTime::now() - Duration::from_secs(seconds));
        assert_eq!(text(0), "just now");
        assert_eq!(text(61), "for 1m");
        assert_eq!(text(2 * 24 * 60 * 60 + 5 * 60), "for 2days 5m");
        assert_eq!(elapsed(SystemTime::now() + Duration::from_secs(90)), "just now");
    }
}
