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
use super::view::{BackgroundDeliveries, BackgroundDelivery, DeliveryContent, delivery, detail};
use crate::http::rejection::not_found;
use crate::jobs::{
    DeliveryDetail, DeliveryFilter, DeliverySummary, Jobs, RetryTarget, State, StoreError,
};

/// The largest number of dead deliveries to show, and of the newest.
const MAX_SHOWN: u32 = 20;

/// The largest number of running deliveries to show.
const MAX_RUNNING_SHOWN: u32 = 100;

/// How long to wait for the store.
const STORE_TIMEOUT: Duration = Duration::from_secs(2);

/// Reads the background deliveries that the page shows; `None` if the program has no background endpoint.
pub(in crate::dashboard) async fn snapshot(jobs: Option<&Jobs>) -> Option<BackgroundDeliveries> {
    let deliveries = match timeout(STORE_TIMEOUT, list(jobs?)).await {
        Ok(Ok(deliveries)) => Some(deliveries),
        Ok(Err(_)) | Err(_) => None,
    };
    Some(BackgroundDeliveries { deliveries })
}

/// Lists the dead deliveries first, because they wait for a person, then the running ones, then the newest of the
/// rest.
async fn list(jobs: &Jobs) -> Result<Vec<BackgroundDelivery>, StoreError> {
    let query = |state, limit| jobs.list(DeliveryFilter { state, endpoint: None, limit });
    let (dead, running, newest) = tokio::try_join!(
        query(Some(State::Dead), MAX_SHOWN),
        query(Some(State::Running), MAX_RUNNING_SHOWN),
        query(None, MAX_SHOWN),
    )?;
    // A delivery can be in several results, for example when its state changes between the queries.
    let mut deliveries: Vec<BackgroundDelivery> = Vec::new();
    for summary in dead.into_iter().chain(running).chain(newest) {
        if !deliveries.iter().any(|delivery| delivery.summary.id == summary.id) {
            deliveries.push(with_policy(jobs, summary));
        }
    }
    Ok(deliveries)
}

fn with_policy(jobs: &Jobs, summary: DeliverySummary) -> BackgroundDelivery {
    let (max_attempts, timeout) =
        (jobs.attempts(&summary.endpoint), jobs.timeout(&summary.endpoint));
    BackgroundDelivery { summary, max_attempts, timeout }
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
        let DeliveryDetail { summary, failed, body } =
            match timeout(STORE_TIMEOUT, jobs.show(id)).await {
                Ok(Ok(Some(detail))) => detail,
                Ok(Ok(None)) => return not_found(),
                Ok(Err(_)) | Err(_) => return unavailable(),
            };
        let note = summary.note.clone();
        let opened = with_policy(jobs, summary);
        let content = DeliveryContent { failed: &failed, note: note.as_deref(), body: &body };
        let mut response = self.respond(StatusCode::OK);
        response.insert_header(HTML);
        if whole {
            let title = format!("Delivery {id}");
            response.body(Page::other(&title, &delivery(&opened, content)))
        } else {
            response.body(detail(&opened, content).into_string())
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
            let body = json!({ "delivery": id.to_string(), "state": State::Queued.name() });
            return self.respond(StatusCode::OK).json(body);
        }
        self.see_other(&format!("../{id}")).finish()
    }

    async fn not_dead(&self, jobs: &Jobs, id: Uuid) -> HttpResponse {
        match jobs.show(id).await {
            Ok(Some(DeliveryDetail { summary, .. })) => {
                let state = summary.state;
                let error =
                    format!("This delivery is {state}, and only dead deliveries can be run again.");
                HttpResponse::Conflict().json(json!({ "error": error }))
            }
            Ok(None) => not_found(),
            Err(_) => unavailable(),
        }
    }
}

/// Returns the id in a request's path. A path without one gets the same 404 as any unknown path.
fn id(request: &HttpRequest) -> Option<Uuid> {
    request.match_info().get("id")?.parse().ok()
}

fn unavailable() -> HttpResponse {
    let error = "The store of background deliveries does not respond.";
    HttpResponse::ServiceUnavailable().json(json!({ "error": error }))
}
