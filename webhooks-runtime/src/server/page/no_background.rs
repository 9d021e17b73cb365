//! Without the feature no delivery runs in the background.

use actix_sse::Event;
use actix_web::web::ServiceConfig;

use super::Desk;
use crate::page::Background as Shown;
use crate::server::background::Background;

impl Desk {
    pub(super) fn background(&self, _: &mut ServiceConfig) {}
}

pub(super) async fn look(_: &Background) -> Option<Shown> {
    None
}

pub(super) struct Watched;

impl Watched {
    pub(super) fn new(_: Option<&Background>) -> Self {
        Self
    }

    pub(super) async fn news(&mut self) -> Option<Event> {
        None
    }

    pub(super) fn is_due(&mut self) -> bool {
        false
    }

    pub(super) async fn wait(&mut self) {
        std::future::pending::<()>().await;
    }
}
