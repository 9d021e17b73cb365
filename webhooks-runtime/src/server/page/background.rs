//! The deliveries that run in the background, for those who may see them: to follow, to open, and to run
//! again when they are dead.

use std::time::Duration;

use actix_sse::{Data, Event};
use actix_web::http::StatusCode;
use actix_web::http::header::ACCEPT;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, guard};
use serde_json::json;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use super::follow::PAUSE;
use super::{Desk, HTML, foreign};
use crate::jobs::{Detail, Filter, Jobs, Listed, State, StoreError, Which};
use crate::page::{
    Background as Shown, Page, Task, background_delivery, background_detail, background_rows,
};
use crate::server::answer::not_found;
use crate::server::background::Background;

/// How many are shown of each kind: the dead, those that run, and the newest.
const MOST: u32 = 20;

/// The same for those that run, of which all are wanted.
const MOST_RUNNING: u32 = 100;

/// How long a page waits for the store.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often the store is looked at though nothing has changed here: another process may have its
/// deliveries too, a replica or a person's command line.
const LOOK: Duration = Duration::from_secs(2);

/// What there is to see of a server's background deliveries; `None` where there are none.
pub(super) async fn look(background: &Background) -> Option<Shown> {
    let jobs = background.jobs()?;
    let tasks = match timeout(PATIENCE, tasks(jobs)).await {
        Ok(Ok(tasks)) => Some(tasks),
        Ok(Err(_)) | Err(_) => None,
    };
    Some(Shown { tasks })
}

/// The dead first, which wait for a person, then those that run, then the newest of the others.
async fn tasks(jobs: &Jobs) -> Result<Vec<Task>, StoreError> {
    let list = |state, limit| jobs.list(Filter { state, endpoint: None, limit });
    let (dead, running, newest) = tokio::try_join!(
        list(Some(State::Dead), MOST),
        list(Some(State::Running), MOST_RUNNING),
        list(None, MOST),
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

fn task(jobs: &Jobs, listed: Listed) -> Task {
    let (attempts, timeout) = (jobs.attempts(&listed.endpoint), jobs.timeout(&listed.endpoint));
    Task { listed, attempts, timeout }
}

impl Desk {
    /// What can be done with them.
    pub(super) fn background(&self, app: &mut ServiceConfig) {
        let Some(jobs) = self.background.jobs() else {
            return;
        };
        for (path, whole) in [("/deliveries/{id}", true), ("/deliveries/{id}/detail", false)] {
            let (desk, jobs) = (self.clone(), jobs.clone());
            app.route(
                path,
                web::get().to(move |request: HttpRequest| {
                    let (desk, jobs) = (desk.clone(), jobs.clone());
                    async move { desk.open_background(&jobs, &request, whole).await }
                }),
            );
        }
        let (desk, jobs) = (self.clone(), jobs.clone());
        let retry = web::resource("/deliveries/{id}/retry").guard(guard::Post());
        app.service(retry.to(move |request: HttpRequest| {
            let (desk, jobs) = (desk.clone(), jobs.clone());
            async move { desk.run_again(&jobs, &request).await }
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
        let Detail { listed, failed, body } = match timeout(PATIENCE, jobs.show(id)).await {
            Ok(Ok(Some(detail))) => detail,
            Ok(Ok(None)) => return not_found(),
            Ok(Err(_)) | Err(_) => return unavailable(),
        };
        let task = task(jobs, listed);
        let mut response = self.respond(StatusCode::OK);
        response.insert_header(HTML);
        if whole {
            let title = format!("Delivery {id}");
            response.body(Page::other(&title, &background_delivery(&task, &failed, &body)))
        } else {
            response.body(background_detail(&task, &failed, &body).into_string())
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
        match jobs.retry(Which::One(id)).await {
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
            Ok(Some(Detail { listed, .. })) => {
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

/// Background deliveries that somebody follows.
pub(super) struct Watched {
    background: Background,
    changes: Option<watch::Receiver<u64>>,
    /// What was told last.
    told: Option<String>,
    /// When they are looked at next, if nothing has changed by then.
    next: Instant,
    /// Nothing is told before, so that it is little when there is much.
    not_before: Instant,
}

impl Watched {
    /// `None` for a page without deliveries.
    pub(super) fn new(background: Option<&Background>) -> Self {
        let background = background.cloned().unwrap_or_default();
        let changes = background.jobs().map(Jobs::changes);
        let now = Instant::now();
        Self { background, changes, told: None, next: now, not_before: now }
    }

    /// Whether it is time to look at them.
    pub(super) fn is_due(&mut self) -> bool {
        let Some(changes) = &mut self.changes else {
            return false;
        };
        let now = Instant::now();
        now >= self.next || (now >= self.not_before && changes.has_changed().unwrap_or_default())
    }

    /// Waits until it is.
    pub(super) async fn wait(&mut self) {
        let Some(changes) = &mut self.changes else {
            return std::future::pending().await;
        };
        let changed = async {
            tokio::time::sleep_until(self.not_before).await;
            match changes.changed().await {
                Ok(()) => changes.mark_changed(),
                Err(_) => std::future::pending().await,
            }
        };
        tokio::select! {
            () = changed => {}
            () = tokio::time::sleep_until(self.next) => {}
        }
    }

    /// Looks at them, and tells of them unless they are as before.
    pub(super) async fn news(&mut self) -> Option<Event> {
        self.changes.as_mut()?.borrow_and_update();
        let shown = look(&self.background).await?;
        let now = Instant::now();
        (self.next, self.not_before) = (now + LOOK, now + PAUSE);
        let rows = background_rows(&shown).into_string();
        if self.told.as_ref() == Some(&rows) {
            return None;
        }
        // As JSON: that way no text from outside can end the line of an event.
        let news = json!({ "rows": rows });
        self.told = Some(rows);
        Some(Data::new(news.to_string()).event("background").into())
    }
}
