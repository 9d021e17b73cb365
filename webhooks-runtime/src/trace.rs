//! Defines the spans of a delivery's trace: of its request, of storing it, and of each attempt.
//!
//! The module `otel` records and sends them. Without it, nobody implements [`Tracer`], and deliveries have no spans.

use std::any::Any;
use std::cell::RefCell;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use uuid::Uuid;

/// Starts the spans of deliveries.
pub(crate) trait Tracer: Send + Sync {
    /// Starts the span of a request.
    fn start_request(&self, request: &RequestStart<'_>) -> ActiveSpan;

    /// Starts the span of storing a delivery for the endpoint with this path, in the current span if there is one.
    fn start_storing(&self, endpoint: &str) -> ActiveSpan;

    /// Starts the span of an attempt.
    fn start_attempt(&self, attempt: &AttemptStart<'_>) -> ActiveSpan;

    /// Sends the spans that have ended, and waits for that at most this long.
    fn flush(&self, limit: Duration) -> BoxFuture<'_, ()>;
}

/// A span that has started. One that is dropped has ended.
pub(crate) type ActiveSpan = Arc<dyn DeliverySpan>;

/// A span of a delivery.
pub(crate) trait DeliverySpan: Send + Sync {
    /// Makes it the parent of the spans that this thread starts, until the value is dropped.
    fn enter(&self) -> Box<dyn Any>;

    /// Returns the span's context, to store with the delivery: a `traceparent` of W3C's Trace Context. A span that is not
    /// recorded has one as well, which says so.
    fn context(&self) -> Option<String>;

    /// Ends the span.
    fn end(&self, end: SpanEnd);
}

/// A request whose span starts.
pub(crate) struct RequestStart<'a> {
    /// The endpoint's path.
    pub(crate) endpoint: &'a str,
    /// When its head arrived.
    pub(crate) received: Instant,
    /// The headers `traceparent` and `tracestate`.
    pub(crate) traceparent: Option<&'a str>,
    pub(crate) tracestate: Option<&'a str>,
    /// Whether the sender may call the endpoint. The trace of another one is not continued.
    pub(crate) authorized: bool,
}

/// An attempt whose span starts.
pub(crate) struct AttemptStart<'a> {
    /// The endpoint's path.
    pub(crate) endpoint: &'a str,
    pub(crate) delivery: Uuid,
    /// The number of this attempt, counted from 1.
    pub(crate) attempt: u32,
    /// The context that is stored with the delivery.
    pub(crate) context: Option<&'a str>,
    /// Those of the older deliveries that it carries.
    pub(crate) merged: &'a [String],
}

/// How a span ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SpanEnd {
    /// A request got a response with this status.
    Response(u16),
    /// A delivery is stored: this one, or the one that it is a duplicate of.
    Stored(Uuid),
    /// A delivery was not stored.
    NotStored,
    /// An attempt ended after this time.
    Attempt { result: &'static str, failed: bool, duration: Duration },
}

thread_local! {
    /// The current span of this thread.
    static CURRENT: RefCell<Option<ActiveSpan>> = const { RefCell::new(None) };
}

/// Returns the current span, for another thread.
pub(crate) fn current() -> Option<ActiveSpan> {
    CURRENT.with_borrow(Clone::clone)
}

/// Keeps a span the current one of this thread until it is dropped.
pub(crate) struct EnteredSpan {
    outer: Option<ActiveSpan>,
    _entered: Box<dyn Any>,
}

/// Makes a span the current one of this thread.
pub(crate) fn enter(span: &ActiveSpan) -> EnteredSpan {
    EnteredSpan { outer: CURRENT.replace(Some(Arc::clone(span))), _entered: span.enter() }
}

impl Drop for EnteredSpan {
    fn drop(&mut self) {
        CURRENT.set(self.outer.take());
    }
}

/// Calls a function in a span, if there is one.
pub(crate) fn in_scope<T>(span: Option<&ActiveSpan>, run: impl FnOnce() -> T) -> T {
    let _entered = span.map(enter);
    run()
}

/// Awaits a future in a span. It is boxed, so that a future without a span is not larger because of this.
pub(crate) fn in_span<F: Future>(span: ActiveSpan, future: F) -> impl Future<Output = F::Output> {
    let mut future = Box::pin(future);
    poll_fn(move |context| {
        let _entered = enter(&span);
        future.as_mut().poll(context)
    })
}
