//! The routes that show a background delivery to authorized viewers.

use actix_web::http::StatusCode;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::timeout;
use uuid::Uuid;

use super::super::page::Page;
use super::super::routes::{Dashboard, HTML};
use super::detail::{DeliveryContent, delivery, detail, page_version};
use super::list::{BackgroundDelivery, STORE_TIMEOUT};
use super::log::{LogCursor, MAX_LINES, log_lines};
use super::pause::PausedEndpoints;
use crate::http::rejection::not_found;
use crate::jobs::{DeliveryDetail, Jobs, StoreError};

/// How far the page shows a log.
#[derive(Deserialize)]
struct LogQuery {
    after: String,
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
        let (dashboard, jobs_of_log) = (self.clone(), jobs.clone());
        app.route(
            "/deliveries/{id}/log",
            web::get().to(move |request: HttpRequest| {
                let (dashboard, jobs) = (dashboard.clone(), jobs_of_log.clone());
                async move { dashboard.log_after(&jobs, &request).await }
            }),
        );
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
        // After the state: a delivery that has ended by then gets no more lines.
        let (log, paused) = tokio::join!(
            timeout(STORE_TIMEOUT, jobs.logs(id, None, MAX_LINES)),
            PausedEndpoints::read(&self.monitor, Some(jobs)),
        );
        let is_paused = paused.unwrap_or_default().since(&summary.endpoint).is_some();
        let log = log.ok().and_then(Result::ok);
        let log = log.as_deref();
        let content = DeliveryContent { failed: &failed, body: &body, log, is_paused };
        let opened = BackgroundDelivery::new(jobs, summary);
        let mut response = self.respond(StatusCode::OK);
        response.insert_header(HTML);
        if whole {
            let title = format!("Delivery {id}");
            response.body(Page::other(&title, &delivery(&opened, content)))
        } else {
            response.body(detail(&opened, content).into_string())
        }
    }

    /// Responds with the lines that follow those on the page.
    async fn log_after(&self, jobs: &Jobs, request: &HttpRequest) -> HttpResponse {
        let query = web::Query::<LogQuery>::from_query(request.query_string()).ok();
        let cursor = query.and_then(|query| query.after.parse().ok());
        let asked = id(request).zip(cursor).filter(|_| self.viewers.is_authorized(request));
        let Some((id, cursor)) = asked else {
            return not_found();
        };
        match timeout(STORE_TIMEOUT, self.read_on(jobs, id, cursor)).await {
            Ok(Ok(Some(lines))) => self.respond(StatusCode::OK).json(lines),
            Ok(Ok(None)) => not_found(),
            Ok(Err(_)) | Err(_) => unavailable(),
        }
    }

    /// Reads the lines of a log after a cursor. The delivery is read before them: one that has ended by then gets no more
    /// lines.
    async fn read_on(
        &self,
        jobs: &Jobs,
        id: Uuid,
        cursor: LogCursor,
    ) -> Result<Option<Value>, StoreError> {
        let (summary, paused) =
            tokio::join!(jobs.summary_of(id), PausedEndpoints::read(&self.monitor, Some(jobs)));
        let Some(summary) = summary? else { return Ok(None) };
        let lines = jobs.logs(id, Some(cursor.0), MAX_LINES).await?;
        let has_more = lines.len() >= MAX_LINES as usize;
        let is_paused = paused.unwrap_or_default().since(&summary.endpoint).is_some();
        let ended = summary.state.is_final() && !has_more;
        let delivery = BackgroundDelivery::new(jobs, summary);
        Ok(Some(json!({
            "lines": log_lines(&lines, cursor).into_string(),
            "after": cursor.after(&lines).to_string(),
            "version": page_version(&delivery, is_paused),
            "ended": ended,
        })))
    }
}

/// Returns the id in a request's path. A path without one gets the same 404 as any unknown path.
pub(super) fn id(request: &HttpRequest) -> Option<Uuid> {
    request.match_info().get("id")?.parse().ok()
}

fn unavailable() -> HttpResponse {
    HttpResponse::ServiceUnavailable().json(json!({ "error": UNAVAILABLE }))
}

pub(super) const UNAVAILABLE: &str = "The store of background deliveries does not respond.";
