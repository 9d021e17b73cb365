//! The routes that change background deliveries, for authorized viewers: cancel one, run one again, pause an endpoint.
//!
//! The page's script gets the result as JSON, a browser without scripts gets a page.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::ACCEPT;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, guard};
use maud::html;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::timeout;
use uuid::Uuid;

use super::super::page::Page;
use super::super::routes::{Dashboard, HTML, foreign};
use super::detail::CANNOT_BE_STOPPED;
use super::routes::{UNAVAILABLE, id};
use crate::http::rejection::not_found;
use crate::jobs::{CancelReport, CancelTarget, Jobs, RetryTarget, State, StoreError};

/// How long to wait for the store.
const ACTION_TIMEOUT: Duration = Duration::from_secs(10);

/// What a viewer does to a delivery or to an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ViewerAction {
    Cancel,
    Rerun,
    /// Runs a dead delivery again. If two viewers press the button of one, it runs once.
    Retry,
    Pause,
    Resume,
}

/// The paths of the actions on deliveries.
const ON_DELIVERIES: [(&str, ViewerAction); 3] = [
    ("/deliveries/{id}/cancel", ViewerAction::Cancel),
    ("/deliveries/{id}/rerun", ViewerAction::Rerun),
    ("/deliveries/{id}/retry", ViewerAction::Retry),
];

/// The paths of the actions on endpoints.
const ON_ENDPOINTS: [(&str, ViewerAction); 2] =
    [("/endpoints/pause", ViewerAction::Pause), ("/endpoints/resume", ViewerAction::Resume)];

/// The endpoint to pause or to resume.
#[derive(Deserialize)]
struct EndpointQuery {
    endpoint: String,
}

/// The result of an action.
enum ActionResult {
    /// The result for the script, and where a browser without scripts goes.
    Done(Value, String),
    Refused(String),
    /// There is no such delivery or endpoint.
    Unknown,
}

impl Dashboard {
    /// Adds the routes of the actions on endpoints, and on deliveries if the page shows them.
    pub(in crate::dashboard) fn action_routes(&self, app: &mut ServiceConfig) {
        let Some(jobs) = self.jobs.get() else {
            return;
        };
        let on_deliveries = ON_DELIVERIES.into_iter().filter(|_| self.activity.is_some());
        for (path, action) in on_deliveries.chain(ON_ENDPOINTS) {
            let (dashboard, jobs) = (self.clone(), jobs.clone());
            let route = web::resource(path).guard(guard::Post());
            app.service(route.to(move |request: HttpRequest| {
                let (dashboard, jobs) = (dashboard.clone(), jobs.clone());
                async move { dashboard.act(&jobs, &request, action).await }
            }));
        }
    }

    async fn act(&self, jobs: &Jobs, request: &HttpRequest, action: ViewerAction) -> HttpResponse {
        if !self.viewers.is_authorized(request) {
            return not_found();
        }
        if !self.viewers.is_same_origin(request) {
            return foreign();
        }
        let result = match action {
            ViewerAction::Cancel | ViewerAction::Rerun | ViewerAction::Retry => {
                let Some(id) = id(request) else { return not_found() };
                timeout(ACTION_TIMEOUT, change(jobs, id, action)).await
            }
            ViewerAction::Pause | ViewerAction::Resume => {
                let query = web::Query::<EndpointQuery>::from_query(request.query_string());
                let Ok(query) = query else { return not_found() };
                let pause = action == ViewerAction::Pause;
                // Before and after the change, of which open pages are notified at once. Also after an error: the store may
                // have changed in spite of it.
                self.monitor.expire();
                let result =
                    timeout(ACTION_TIMEOUT, set_paused(jobs, &query.endpoint, pause)).await;
                self.monitor.expire();
                result
            }
        };
        let by_script =
            request.headers().get(ACCEPT).is_some_and(|kind| kind == "application/json");
        match result {
            Ok(Ok(ActionResult::Done(result, _))) if by_script => {
                self.respond(StatusCode::OK).json(result)
            }
            Ok(Ok(ActionResult::Done(_, location))) => self.see_other(&location).finish(),
            Ok(Ok(ActionResult::Refused(error))) => {
                self.refuse(by_script, action, StatusCode::CONFLICT, &error)
            }
            Ok(Ok(ActionResult::Unknown)) => not_found(),
            Ok(Err(_)) | Err(_) => {
                self.refuse(by_script, action, StatusCode::SERVICE_UNAVAILABLE, UNAVAILABLE)
            }
        }
    }

    fn refuse(
        &self,
        by_script: bool,
        action: ViewerAction,
        status: StatusCode,
        error: &str,
    ) -> HttpResponse {
        let mut response = self.respond(status);
        if by_script {
            return response.json(json!({ "error": error }));
        }
        let title = match action {
            ViewerAction::Cancel => "Not cancelled",
            ViewerAction::Rerun | ViewerAction::Retry => "Not run again",
            ViewerAction::Pause => "Not paused",
            ViewerAction::Resume => "Not resumed",
        };
        let body = html! { h1 { (title) } p { (error) } };
        let root = if action.is_on_delivery() { "../../" } else { "../" };
        response.insert_header(HTML).body(Page::below(root, title, &body))
    }
}

impl ViewerAction {
    fn is_on_delivery(self) -> bool {
        matches!(self, Self::Cancel | Self::Rerun | Self::Retry)
    }
}

/// Cancels a delivery or runs it again.
async fn change(jobs: &Jobs, id: Uuid, action: ViewerAction) -> Result<ActionResult, StoreError> {
    let done = |state: State, message: &str| {
        let result = json!({ "delivery": id, "state": state.name(), "message": message });
        ActionResult::Done(result, format!("../{id}"))
    };
    let queued = match action {
        ViewerAction::Rerun => jobs.rerun(id).await?,
        ViewerAction::Retry => jobs.retry(RetryTarget::One(id)).await? > 0,
        _ => false,
    };
    if queued {
        return Ok(done(State::Queued, "It is queued again."));
    }
    if action == ViewerAction::Cancel {
        let CancelReport { cancelled, stopping, refused } =
            jobs.cancel(CancelTarget::One(id)).await?;
        if cancelled > 0 {
            return Ok(done(State::Cancelled, "It is cancelled."));
        }
        if !stopping.is_empty() {
            return Ok(done(
                State::Running,
                "It is being stopped, at the next await of its function.",
            ));
        }
        if !refused.is_empty() {
            return Ok(ActionResult::Refused(CANNOT_BE_STOPPED.to_owned()));
        }
    }
    let Some(found) = jobs.summary_of(id).await? else { return Ok(ActionResult::Unknown) };
    let state = found.state;
    let which = match action {
        ViewerAction::Rerun => "a delivery that has ended can be run again",
        ViewerAction::Retry => "a dead delivery can be retried",
        _ => "a queued or running delivery can be cancelled",
    };
    Ok(ActionResult::Refused(format!("This delivery is {state}, and only {which}.")))
}

/// Pauses an endpoint of this program or resumes it.
async fn set_paused(jobs: &Jobs, path: &str, pause: bool) -> Result<ActionResult, StoreError> {
    if jobs.is_stoppable(path).is_none() || !jobs.pause(path, pause).await? {
        return Ok(ActionResult::Unknown);
    }
    let message = if pause {
        format!("{path} is paused. It accepts deliveries and runs none.")
    } else {
        format!("{path} runs its deliveries again.")
    };
    let result = json!({ "endpoint": path, "paused": pause, "message": message });
    Ok(ActionResult::Done(result, "../#endpoints".to_owned()))
}
