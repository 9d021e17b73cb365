//! Outages, rate limits and lost connections, as a test orders them.

use std::time::Duration;

use super::TestHub;

/// The failure of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The response has this status, and nothing was done.
    Status(u16),
    /// 429: the limit is reached, and reset after so many seconds. Nothing was done.
    RateLimit {
        /// `t` in the header `RateLimit`.
        seconds: u64,
    },
    /// The request was processed at once, and the response is sent so many milliseconds later.
    Late {
        /// How much later.
        milliseconds: u64,
    },
    /// The connection closes without a response. Nothing was done.
    Lost,
    /// The request was processed, then the connection closes without a response.
    LostResponse,
}

/// Which requests have trouble, and how many of them.
#[derive(Debug)]
pub(super) struct TroubleRule {
    trouble: Trouble,
    /// `POST /api/…`, or the start of it.
    first_line: String,
    left: Option<usize>,
}

/// The rules of a test, in the order in which it made them.
#[derive(Debug, Default)]
pub(super) struct Troubles(Vec<TroubleRule>);

impl Troubles {
    /// Returns the failure of a request, if it has one, and counts it.
    pub(super) fn next(&mut self, first_line: &str) -> Option<Trouble> {
        let matches = |rule: &TroubleRule| {
            rule.left != Some(0) && first_line.starts_with(rule.first_line.as_str())
        };
        let rule = self.0.iter_mut().find(|rule| matches(rule))?;
        if let Some(left) = &mut rule.left {
            *left -= 1;
        }
        Some(rule.trouble)
    }
}

impl TestHub {
    /// Sets how far the clock of its responses is ahead.
    pub fn set_clock_ahead(&self, ahead: Duration) {
        self.shared.with(|state| state.clock_ahead = ahead);
    }

    /// Gives every request this trouble, until [`clear_troubles`](Self::clear_troubles).
    pub fn set_outage(&self, trouble: Trouble) {
        self.add_trouble(trouble, "", None);
    }

    /// Gives the next `count` requests this trouble.
    pub fn trouble_next(&self, count: usize, trouble: Trouble) {
        self.add_trouble(trouble, "", Some(count));
    }

    /// Gives the next `count` requests whose method and path start so this trouble: `"POST /api/datasets/me/data"`.
    pub fn trouble_at(&self, first_line: &str, count: usize, trouble: Trouble) {
        self.add_trouble(trouble, first_line, Some(count));
    }

    /// Answers the next `count` requests with 429, which says that the limit is reset after so many seconds.
    pub fn limit_rate(&self, count: usize, seconds: u64) {
        self.trouble_next(count, Trouble::RateLimit { seconds });
    }

    /// Ends all troubles.
    pub fn clear_troubles(&self) {
        self.shared.with(|state| state.troubles.0.clear());
    }

    fn add_trouble(&self, trouble: Trouble, first_line: &str, left: Option<usize>) {
        let rule = TroubleRule { trouble, first_line: first_line.to_owned(), left };
        self.shared.with(|state| state.troubles.0.push(rule));
    }
}
