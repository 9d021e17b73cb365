//! Marks a request as active, from its head to the last byte of its response.
//!
//! A connection with an active request is not idle, so its idle timeout does not run.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::web::Bytes;
use tokio::time::Instant;

use super::state::ConnectionState;

/// The size of a body that certainly fits into the socket's send buffer, in bytes.
const SMALL_BODY: u64 = 16 * 1024;

/// An active request. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct ActiveRequest {
    state: Rc<ConnectionState>,
    is_responding: bool,
    /// Whether a part of the request's body may still arrive after the response.
    has_unread_body: bool,
}

impl ActiveRequest {
    pub(crate) fn new(state: &Rc<ConnectionState>) -> Self {
        state.running.set(state.running.get() + 1);
        state.receiving_since.set(None);
        Self { state: Rc::clone(state), is_responding: false, has_unread_body: false }
    }

    /// Marks the request as rejected before the end of its body.
    pub(crate) fn set_unread_body(&mut self) {
        self.has_unread_body = true;
    }

    /// Keeps the request active until the response's body is sent or dropped. A small body is sent together with
    /// its head, so its request ends here.
    pub(crate) fn attach_to(mut self, body: BoxBody) -> BoxBody {
        match body.size() {
            BodySize::None | BodySize::Sized(0..=SMALL_BODY) => body,
            _ => {
                self.state.running.set(self.state.running.get().saturating_sub(1));
                self.state.responding.set(self.state.responding.get() + 1);
                self.state.responded_at.set(None);
                self.is_responding = true;
                BoxBody::new(ActiveBody { body, _request: self })
            }
        }
    }
}

impl Drop for ActiveRequest {
    fn drop(&mut self) {
        let state = &self.state;
        let count = if self.is_responding { &state.responding } else { &state.running };
        count.set(count.get().saturating_sub(1));
        let now = state.responded_at.take().unwrap_or_else(Instant::now);
        state.idle_since.set(now);
        if self.has_unread_body {
            state.receiving_since.set(Some(now));
        }
    }
}

/// A response's body that keeps its request active.
struct ActiveBody {
    body: BoxBody,
    _request: ActiveRequest,
}

impl MessageBody for ActiveBody {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(context)
    }
}
