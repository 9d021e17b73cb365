//! A delivery that was answered: what came, and what became of it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// How much of a body or an answer is kept, in bytes.
pub(crate) const LONGEST_TEXT: usize = 64 * 1024;

/// A delivery as it is handed over to be kept.
#[derive(Debug)]
pub(crate) struct Seen<'a> {
    pub(crate) endpoint: &'a Arc<str>,
    pub(crate) webhook_id: Option<&'a str>,
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
    pub(crate) webhook_id: Option<Box<str>>,
    /// When the request's head had arrived.
    pub(crate) received: SystemTime,
    pub(crate) duration: Duration,
    pub(crate) status: u16,
    pub(crate) body: Option<Text>,
    pub(crate) answer: Option<Text>,
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
        let now = SystemTime::now();
        Self {
            number: 0,
            endpoint: Arc::clone(seen.endpoint),
            webhook_id: seen.webhook_id.map(Into::into),
            received: now.checked_sub(seen.duration).unwrap_or(now),
            duration: seen.duration,
            status: seen.status,
            body: seen.body.map(Text::new),
            answer: seen.answer.map(Text::new),
        }
    }

    pub(crate) fn outcome(&self) -> Outcome {
        Outcome::of(self.status)
    }

    /// How much memory its texts take, in bytes.
    pub(super) fn size(&self) -> usize {
        let texts = [&self.body, &self.answer].into_iter().flatten();
        texts.map(|text| text.bytes.len()).sum()
    }
}

/// The beginning of a body or an answer.
#[derive(Debug)]
pub(crate) struct Text {
    /// A copy: the body itself is a part of the connection's buffer, which goes on being used.
    bytes: Box<[u8]>,
    whole_len: usize,
}

impl Text {
    fn new(whole: &[u8]) -> Self {
        let bytes = &whole[..whole.len().min(LONGEST_TEXT)];
        Self { bytes: bytes.into(), whole_len: whole.len() }
    }

    /// What is kept of it.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How long it was, in bytes.
    pub(crate) fn whole_len(&self) -> usize {
        self.whole_len
    }

    /// Whether there was more.
    pub(crate) fn is_cut(&self) -> bool {
        self.bytes.len() < self.whole_len
    }
}
