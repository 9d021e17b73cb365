//! Marks a request that is being served, from its head to the last byte of its response.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::web::Bytes;
use tokio::time::Instant;

use super::state::ConnectionState;

/// What fits into the socket's buffer, in bytes.
const SMALL: u64 = 16 * 1024;

/// A request that is being served, until it is dropped.
#[derive(Debug)]
pub(crate) struct Serving {
    state: Rc<ConnectionState>,
    is_responding: bool,
    /// Whether a part of the request may follow the response.
    leaves_unread: bool,
}

impl Serving {
    pub(crate) fn new(state: &Rc<ConnectionState>) -> Self {
        state.running.set(state.running.get() + 1);
        state.receiving_since.set(None);
        Self { state: Rc::clone(state), is_responding: false, leaves_unread: false }
    }

    /// The request is rejected before its body has ended.
    pub(crate) fn leaves_unread(&mut self) {
        self.leaves_unread = true;
    }

    /// Lives on until the response's body has been sent or given up. A small one needs no more time than
    /// its head.
    pub(crate) fn until_sent(mut self, body: BoxBody) -> BoxBody {
        match body.size() {
            BodySize::None | BodySize::Sized(0..=SMALL) => body,
            _ => {
                self.state.running.set(self.state.running.get().saturating_sub(1));
                self.state.responding.set(self.state.responding.get() + 1);
                self.state.responded_at.set(None);
                self.is_responding = true;
                BoxBody::new(MarkedBody { body, _serving: self })
            }
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let state = &self.state;
        let count = if self.is_responding { &state.responding } else { &state.running };
        count.set(count.get().saturating_sub(1));
        let now = state.responded_at.take().unwrap_or_else(Instant::now);
        state.idle_since.set(now);
        if self.leaves_unread {
            state.receiving_since.set(Some(now));
        }
    }
}

/// A response's body, with the mark that its request is being served.
struct MarkedBody {
    body: BoxBody,
    _serving: Serving,
}

impl MessageBody for MarkedBody {
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
