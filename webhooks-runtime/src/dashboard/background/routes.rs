//! The routes of background deliveries, for authorized viewers: to open one, and to run a dead one again.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::ACCEPT;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, guard};
use serde_json::json;
use tokio::time::timeout;
use uuid::Uuid;

use super::super::page::Page;
use super::super::routes::{Dashboard, HTML, foreign};
use super::view::{BackgroundDeliveries, Task, delivery, detail};
use crate::http::rejection::not_found;
use crate::jobs::{
    DeliveryDetail, DeliveryFilter, DeliverySummary, Jobs, RetryTarget, State, StoreError,
};

/// How many dead deliveries are shown at most, and how many of the newest.
const MAX_SHOWN: u32 = 20;

/// How many running deliveries are shown at most.
const MAX_RUNNING_SHOWN: u32 = 100;

/// How long a page waits for the store.
const STORE_TIMEOUT: Duration = Duration::from_secs(2);

/// Reads the background deliveries that the page shows; `None` where there are none.
pub(in crate::dashboard) async fn snapshot(jobs: Option<&Jobs>) -> Option<BackgroundDeliveries> {
    let tasks = match timeout(STORE_TIMEOUT, tasks(jobs?)).await {
        Ok(Ok(tasks)) => Some(tasks),
        Ok(Err(_)) | Err(_) => None,
    };
    Some(BackgroundDeliveries { tasks })
}

/// Lists the dead ones first, because they wait for a person, then the running ones, then the newest of the rest.
async fn tasks(jobs: &Jobs) -> Result<Vec<Task>, StoreError> {
    let list = |state, limit| jobs.list(DeliveryFilter { state, endpoint: None, limit });
    let (dead, running, newest) = tokio::try_join!(
        list(Some(State::Dead), MAX_SHOWN),
        list(Some(State::Running), MAX_RUNNING_SHOWN),
        list(None, MAX_SHOWN),
    )?;
    // One that has changed between the looks is shown once.
    let mut tasks: Vec<Task> = Vec::with_capacity(dead.len() + running.len() + newest.len());
    for listed in dead.into_iter().chain(running).chain(newest) {
        if !tasks.iter().any(|task| task.listed.id == listed.id) {
            tasks.push(task(jobs, listed));
        }
    }
    Ok(tasks)
}

fn task(jobs: &Jobs, listed: DeliverySummary) -> Task {
    let (attempts, timeout) = (jobs.attempts(&listed.endpoint), jobs.timeout(&listed.endpoint));
    Task { listed, attempts, timeout }
}

impl Dashboard {
    /// Adds the routes of background deliveries.
    pub(in crate::dashboard) fn background_routes(&self, app: &mut ServiceConfig) {
        let Some(jobs) = self.jobs.get() else {
            return;
        };
        for (path, whole) in [("/deliveries/{id}", true), ("/deliveries/{id}/detail", false)] {
            let (dashboard, jobs) = (self.clone(), jobs.clone());
            app.route(
                path,
                web::get().to(move |request: HttpRequest| {
                    let (dashboard, jobs) = (dashboard.clone(), jobs.clone());
                    async move { dashboard.open_background(&jobs, &request, whole).await }
                }),
            );
        }
        let (dashboard, jobs) = (self.clone(), jobs.clone());
        let retry = web::resource("/deliveries/{id}/retry").guard(guard::Post());
        app.service(retry.to(move |request: HttpRequest| {
            let (dashboard, jobs) = (dashboard.clone(), jobs.clone());
            async move { dashboard.run_again(&jobs, &request).await }
        }));
    }

    async fn open_background(
        &self,
        jobs: &Jobs,
        request: &HttpRequest,
        whole: bool,
    ) -> HttpResponse {
        let Some(id) = id(request).filter(|_| self.viewers.is_authorized(request)) else {
            return not_found();
        };
        let DeliveryDetail { summary: listed, failed, body } =
            match timeout(STORE_TIMEOUT, jobs.show(id)).await {
                Ok(Ok(Some(detail))) => detail,
                Ok(Ok(None)) => return not_found(),
                Ok(Err(_)) | Err(_) => return unavailable(),
            };
        let task = task(jobs, listed);
        let mut response = self.respond(StatusCode::OK);
        response.insert_header(HTML);
        if whole {
            let title = format!("Delivery {id}");
            response.body(Page::other(&title, &delivery(&task, &failed, &body)))
        } else {
            response.body(detail(&task, &failed, &body).into_string())
        }
    }

    /// Runs a dead delivery again.
    async fn run_again(&self, jobs: &Jobs, request: &HttpRequest) -> HttpResponse {
        let Some(id) = id(request).filter(|_| self.viewers.is_authorized(request)) else {
            return not_found();
        };
        if !self.viewers.is_same_origin(request) {
            return foreign();
        }
        match jobs.retry(RetryTarget::One(id)).await {
            Ok(0) => return self.not_dead(jobs, id).await,
            Ok(_) => {}
            Err(_) => return unavailable(),
        }
        if request.headers().get(ACCEPT).is_some_and(|kind| kind == "application/json") {
            let answer = json!({ "delivery": id.to_string(), "state": State::Queued.name() });
            return self.respond(StatusCode::OK).json(answer);
        }
        self.see_other(&format!("../{id}")).finish()
    }

    async fn not_dead(&self, jobs: &Jobs, id: Uuid) -> HttpResponse {
        match jobs.show(id).await {
            Ok(Some(DeliveryDetail { summary: listed, .. })) => {
                let state = listed.state;
                let error = format!("It is {state}, and only dead deliveries are run again.");
                HttpResponse::Conflict().json(json!({ "error": error }))
            }
            Ok(None) => not_found(),
            Err(_) => unavailable(),
        }
    }
}

/// The id in a request's path. What is none is answered like any path at which nothing is.
fn id(request: &HttpRequest) -> Option<Uuid> {
    request.match_info().get("id")?.parse().ok()
}

fn unavailable() -> HttpResponse {
    let error = "The store of background deliveries doesn't answer.";
    HttpResponse::ServiceUnavailable().json(json!({ "error": error }))
}
