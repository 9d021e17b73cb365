//! A delivery that was answered: what came, and what became of it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::Share;
use crate::payload::Summary;

/// How much of a body or an answer is kept, in bytes.
pub(crate) const LONGEST_TEXT: usize = 64 * 1024;

/// How much of an id is kept, in bytes. The Hub's have 36.
const LONGEST_ID: usize = 512;

/// How much of a query is kept, in bytes.
const LONGEST_QUERY: usize = 2 * 1024;

/// A delivery as it is handed over to be kept.
#[derive(Debug)]
pub(crate) struct Seen<'a> {
    pub(crate) endpoint: &'a Arc<str>,
    pub(crate) webhook_id: Option<&'a str>,
    /// The query of its address, without a secret.
    pub(crate) query: Option<String>,
    /// From the head of the request to the answer.
    pub(crate) duration: Duration,
    pub(crate) status: u16,
    /// `None` when it was refused unread.
    pub(crate) body: Option<&'a [u8]>,
    /// `None` when it is a stream.
    pub(crate) answer: Option<&'a [u8]>,
}

/// A delivery that is kept.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Counted from 1, in the order of their answers.
    pub(crate) number: u64,
    /// The endpoint's path.
    pub(crate) endpoint: Arc<str>,
    /// When the request's head had arrived.
    pub(crate) received: SystemTime,
    pub(crate) duration: Duration,
    pub(crate) status: u16,
    /// Its texts, one after the other: the id, the query, the body, the answer. Copies, as the body
    /// itself is a part of the connection's buffer, which goes on being used.
    texts: Vec<u8>,
    id: Option<Kept>,
    query: Option<Kept>,
    body: Option<Kept>,
    answer: Option<Kept>,
    /// What a body says that is too long to be read again from what is kept.
    names: Option<Names>,
}

/// What a delivery is about.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    /// The action and the scope.
    pub(crate) event: String,
    /// The repo's name.
    pub(crate) repo: String,
}

impl Names {
    fn read(body: &[u8]) -> Option<Self> {
        let summary = Summary::read(body)?;
        Some(Self { event: summary.event(), repo: summary.repo().to_owned() })
    }
}

/// How long a text is here, and how long it was.
#[derive(Clone, Copy, Debug)]
struct Kept {
    len: usize,
    whole_len: usize,
}

/// The beginning of a body or an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text<'a> {
    /// What is kept of it.
    pub(crate) bytes: &'a [u8],
    /// How long it was, in bytes.
    pub(crate) whole_len: usize,
}

impl Text<'_> {
    /// Whether there was more.
    pub(crate) fn is_cut(&self) -> bool {
        self.bytes.len() < self.whole_len
    }
}

/// How a delivery ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The function answered.
    Answered,
    /// It was at fault, and was told so: a 4xx.
    Refused,
    /// The function failed, or the server did: a 5xx.
    Failed,
}

impl Outcome {
    pub(crate) const ALL: [Self; 3] = [Self::Answered, Self::Refused, Self::Failed];

    pub(crate) fn of(status: u16) -> Self {
        match status {
            500.. => Self::Failed,
            400..500 => Self::Refused,
            _ => Self::Answered,
        }
    }

    /// Its name on the page.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

impl Entry {
    pub(super) fn new(seen: &Seen<'_>) -> Self {
        let mut entry = Self {
            number: 0,
            endpoint: Arc::clone(seen.endpoint),
            received: SystemTime::UNIX_EPOCH,
            duration: Duration::ZERO,
            status: 0,
            texts: Vec::new(),
            id: None,
            query: None,
            body: None,
            answer: None,
            names: None,
        };
        entry.fill(seen);
        entry
    }

    /// Becomes another delivery, in the memory of the one before.
    pub(super) fn fill(&mut self, seen: &Seen<'_>) {
        let now = SystemTime::now();
        self.endpoint.clone_from(seen.endpoint);
        self.received = now.checked_sub(seen.duration).unwrap_or(now);
        self.duration = seen.duration;
        self.status = seen.status;
        self.texts.clear();
        let id = seen.webhook_id.map(str::as_bytes);
        let query = seen.query.as_deref().map(str::as_bytes);
        let texts = [
            (id, LONGEST_ID),
            (query, LONGEST_QUERY),
            (seen.body, LONGEST_TEXT),
            (seen.answer, LONGEST_TEXT),
        ];
        let size = texts.iter().filter_map(|(text, most)| Some(cut((*text)?, *most).len())).sum();
        // The memory of a large one isn't for a small one.
        if self.texts.capacity() > 2 * size {
            self.texts.shrink_to(size);
        }
        self.texts.reserve_exact(size);
        self.id = self.keep(id, LONGEST_ID);
        self.query = self.keep(query, LONGEST_QUERY);
        self.body = self.keep(seen.body, LONGEST_TEXT);
        let long = seen.body.filter(|body| body.len() > LONGEST_TEXT);
        self.names = long.and_then(Names::read);
        self.answer = self.keep(seen.answer, LONGEST_TEXT);
    }

    fn keep(&mut self, text: Option<&[u8]>, most: usize) -> Option<Kept> {
        let whole = text?;
        let kept = cut(whole, most);
        self.texts.extend_from_slice(kept);
        Some(Kept { len: kept.len(), whole_len: whole.len() })
    }

    pub(crate) fn outcome(&self) -> Outcome {
        Outcome::of(self.status)
    }

    /// The `Webhook-Id` header, or its beginning. It is ASCII, so that it can be cut anywhere.
    pub(crate) fn webhook_id(&self) -> Option<&str> {
        std::str::from_utf8(self.text(self.id, [])?.bytes).ok()
    }

    /// Whether all of the delivery is kept that its function takes.
    pub(crate) fn is_whole(&self) -> bool {
        let whole = |kept: Option<Kept>| kept.is_none_or(|kept| kept.len == kept.whole_len);
        self.body.is_some() && [self.id, self.query, self.body].into_iter().all(whole)
    }

    /// The query of its address, without a secret.
    pub(crate) fn query(&self) -> Option<&str> {
        std::str::from_utf8(self.text(self.query, [self.id])?.bytes).ok()
    }

    /// `None` when it was refused unread.
    pub(crate) fn body(&self) -> Option<Text<'_>> {
        self.text(self.body, [self.id, self.query])
    }

    /// What it is about, if its body says so.
    pub(crate) fn names(&self) -> Option<Names> {
        self.names.clone().or_else(|| Names::read(self.body()?.bytes))
    }

    pub(super) fn share(&self) -> Share {
        Share::of(self.status, self.body.is_some())
    }

    /// `None` when it is a stream.
    pub(crate) fn answer(&self) -> Option<Text<'_>> {
        self.text(self.answer, [self.id, self.query, self.body])
    }

    /// A text that stands behind these others.
    fn text<const N: usize>(
        &self,
        kept: Option<Kept>,
        before: [Option<Kept>; N],
    ) -> Option<Text<'_>> {
        let kept = kept?;
        let start: usize = before.into_iter().flatten().map(|text| text.len).sum();
        let bytes = self.texts.get(start..start + kept.len)?;
        Some(Text { bytes, whole_len: kept.whole_len })
    }

    /// How much memory its texts take, in bytes.
    pub(super) fn size(&self) -> usize {
        self.texts.capacity()
    }
}

fn cut(text: &[u8], most: usize) -> &[u8] {
    &text[..text.len().min(most)]
}
