//! One delivery: the request, the response, and how long it took.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::payload::Summary;

/// The largest part of a body or a response that is recorded, in bytes.
pub(crate) const MAX_TEXT: usize = 64 * 1024;

/// The largest part of a `Webhook-Id` that is recorded, in bytes. The Hub's have 36.
const MAX_ID: usize = 512;

/// The largest part of a query that is recorded, in bytes.
const MAX_QUERY: usize = 2 * 1024;

/// A delivery to record.
#[derive(Debug)]
pub(crate) struct NewEntry<'a> {
    /// The number of the request among the deliveries of this process.
    pub(crate) request: u64,
    pub(crate) endpoint: &'a Arc<str>,
    pub(crate) webhook_id: Option<&'a str>,
    /// The URL's query, without a secret.
    pub(crate) query: Option<String>,
    /// The time from the request's head to the response.
    pub(crate) duration: Duration,
    pub(crate) status: u16,
    /// Whether it did not match the endpoint's filter.
    pub(crate) skipped: bool,
    /// `None` when the request was rejected unread.
    pub(crate) body: Option<&'a [u8]>,
    /// `None` when the response is a stream.
    pub(crate) response: Option<&'a [u8]>,
}

/// A recorded delivery.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Counted from 1, in the order of the responses.
    pub(crate) number: u64,
    /// The number of the request among the deliveries of this process.
    pub(super) request: u64,
    /// The endpoint's path.
    pub(crate) endpoint: Arc<str>,
    /// When the request's head had arrived.
    pub(crate) received: SystemTime,
    pub(crate) duration: Duration,
    pub(crate) status: u16,
    skipped: bool,
    /// The id, the query, the body and the response, in this order. They are copies, because the connection reuses
    /// the buffer of the body.
    texts: Vec<u8>,
    id: Option<Span>,
    query: Option<Span>,
    body: Option<Span>,
    response: Option<Span>,
    /// The subject of a body that is recorded only in part, and so is not JSON any more.
    subject: Option<Subject>,
}

/// The event and the repository that a delivery is about.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    /// The action and the scope.
    pub(crate) event: String,
    /// The repository's name.
    pub(crate) repo: String,
}

impl Subject {
    fn read(body: &[u8]) -> Option<Self> {
        let summary = Summary::read(body)?;
        Some(Self { event: summary.event(), repo: summary.repo().to_owned() })
    }
}

/// A text within the texts of an entry.
#[derive(Clone, Copy, Debug)]
struct Span {
    start: usize,
    len: usize,
    /// The length of the text before it was truncated.
    total: usize,
}

/// The beginning of a body or a response.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Excerpt<'a> {
    pub(crate) bytes: &'a [u8],
    /// The length of the whole text.
    pub(crate) total_bytes: usize,
}

impl Excerpt<'_> {
    /// Returns whether the whole text is longer.
    pub(crate) fn is_truncated(&self) -> bool {
        self.bytes.len() < self.total_bytes
    }
}

/// The class of a response: that of its status, or a skipped delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ResponseClass {
    Success,
    /// The delivery did not match the endpoint's filter.
    Skipped,
    /// A 4xx: the request is at fault.
    Rejected,
    /// A 5xx: the function or the server is at fault.
    Failed,
}

impl ResponseClass {
    pub(crate) const ALL: [Self; 4] = [Self::Success, Self::Skipped, Self::Rejected, Self::Failed];

    pub(crate) fn of(status: u16) -> Self {
        match status {
            500.. => Self::Failed,
            400..500 => Self::Rejected,
            _ => Self::Success,
        }
    }

    /// Returns its name on the page.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Success => "succeeded",
            Self::Skipped => "skipped",
            Self::Rejected => "rejected",
            Self::Failed => "failed",
        }
    }
}

impl NewEntry<'_> {
    pub(super) fn response_class(&self) -> ResponseClass {
        if self.skipped { ResponseClass::Skipped } else { ResponseClass::of(self.status) }
    }
}

impl Entry {
    pub(super) fn new(number: u64, new: &NewEntry<'_>) -> Self {
        let mut entry = Self {
            number,
            request: new.request,
            endpoint: Arc::clone(new.endpoint),
            received: SystemTime::UNIX_EPOCH,
            duration: new.duration,
            status: new.status,
            skipped: new.skipped,
            texts: Vec::new(),
            id: None,
            query: None,
            body: None,
            response: None,
            subject: None,
        };
        entry.replace(number, new);
        entry
    }

    /// Replaces the delivery and reuses its memory: on a busy server, allocating and freeing an entry for each
    /// delivery costs several percent of the requests per second.
    pub(super) fn replace(&mut self, number: u64, new: &NewEntry<'_>) {
        let now = SystemTime::now();
        self.number = number;
        self.request = new.request;
        self.endpoint.clone_from(new.endpoint);
        self.received = now.checked_sub(new.duration).unwrap_or(now);
        self.duration = new.duration;
        self.status = new.status;
        self.skipped = new.skipped;
        let texts = [
            (new.webhook_id.map(str::as_bytes), MAX_ID),
            (new.query.as_deref().map(str::as_bytes), MAX_QUERY),
            (new.body, MAX_TEXT),
            (new.response, MAX_TEXT),
        ];
        let size =
            texts.iter().filter_map(|(text, max)| Some(truncated((*text)?, *max).len())).sum();
        self.texts.clear();
        // A small delivery does not keep the memory of a large one.
        if self.texts.capacity() > 2 * size {
            self.texts.shrink_to(size);
        }
        self.texts.reserve_exact(size);
        [self.id, self.query, self.body, self.response] =
            texts.map(|(text, max)| self.append(text?, max));
        let long = new.body.filter(|body| body.len() > MAX_TEXT);
        self.subject = long.and_then(Subject::read);
    }

    fn append(&mut self, text: &[u8], max: usize) -> Option<Span> {
        let recorded = truncated(text, max);
        let span = Span { start: self.texts.len(), len: recorded.len(), total: text.len() };
        self.texts.extend_from_slice(recorded);
        Some(span)
    }

    pub(crate) fn response_class(&self) -> ResponseClass {
        if self.skipped { ResponseClass::Skipped } else { ResponseClass::of(self.status) }
    }

    /// Returns the `Webhook-Id` header, or its beginning. It is ASCII, so it can be truncated anywhere.
    pub(crate) fn webhook_id(&self) -> Option<&str> {
        std::str::from_utf8(self.text(self.id)?.bytes).ok()
    }

    /// Returns whether everything is recorded that is needed to send the delivery again.
    pub(crate) fn is_complete(&self) -> bool {
        let is_complete = |span: Option<Span>| span.is_none_or(|span| span.len == span.total);
        self.body.is_some() && [self.id, self.query, self.body].into_iter().all(is_complete)
    }

    /// Returns the URL's query, without a secret.
    pub(crate) fn query(&self) -> Option<&str> {
        std::str::from_utf8(self.text(self.query)?.bytes).ok()
    }

    /// Returns the request's body; `None` when the request was rejected unread.
    pub(crate) fn body(&self) -> Option<Excerpt<'_>> {
        self.text(self.body)
    }

    /// Returns the event and the repository that the body names, if it is a payload.
    pub(crate) fn subject(&self) -> Option<Subject> {
        self.subject.clone().or_else(|| Subject::read(self.body()?.bytes))
    }

    /// Returns the response's body; `None` when it is a stream.
    pub(crate) fn response(&self) -> Option<Excerpt<'_>> {
        self.text(self.response)
    }

    fn text(&self, span: Option<Span>) -> Option<Excerpt<'_>> {
        let Span { start, len, total } = span?;
        let bytes = self.texts.get(start..start + len)?;
        Some(Excerpt { bytes, total_bytes: total })
    }

    /// Returns how much memory the texts take, in bytes.
    pub(super) fn size(&self) -> usize {
        self.texts.capacity()
    }
}

fn truncated(text: &[u8], max: usize) -> &[u8] {
    &text[..text.len().min(max)]
}
