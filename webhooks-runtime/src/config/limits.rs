//! The limits of a server: sizes and times.

use std::time::Duration;

use super::error::SettingError;

/// The limits of a server, all with defaults.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// The largest body that is read, in bytes.
    pub(crate) body: usize,
    /// How long a client may take to send the head of a request, and then its body.
    pub(crate) request_timeout: Duration,
    /// How long running functions may take to finish during a shutdown.
    pub(crate) shutdown_timeout: Duration,
}

impl Limits {
    /// actix-web adds the time to the clock, which must not overflow.
    const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

    pub(super) fn check(&self, errors: &mut Vec<SettingError>) {
        if self.shutdown_timeout > Self::LONGEST {
            errors.push(SettingError { name: "The shutdown timeout", wants: "at most one day" });
        }
        if self.request_timeout.is_zero() || self.request_timeout > Self::LONGEST {
            let wants = "more than zero and at most one day";
            errors.push(SettingError { name: "The request timeout", wants });
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // The largest delivery that the Hub documents, 10,000 files of a bucket, has 2.6 MB.
            body: 10 * 1024 * 1024,
            request_timeout: Duration::from_secs(10),
            // The Hub gives up on a delivery after 30 s.
            shutdown_timeout: Duration::from_secs(30),
        }
    }
}
