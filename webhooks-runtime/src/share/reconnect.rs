//! Keeps a tunnel open: opens it, reports its state, and opens it again with backoff when it is lost.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::tunnel::{OpenTunnel, Tunnel, TunnelEnd, TunnelError};
use crate::config::addresses::PublicUrl;
use crate::random;

/// After how long an attempt is reported as slow.
const SLOW: Duration = Duration::from_secs(9);

/// The shortest and the longest delay before another attempt. The jitter at most doubles them.
const DELAYS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(10));

/// A change of a tunnel's state.
#[derive(Debug)]
pub(crate) enum TunnelEvent {
    /// The tunnel is open. The note informs the user about the lifetime of the URL.
    Open { url: PublicUrl, note: Option<String> },
    /// The tunnel cannot be opened yet. Reported once, however many attempts fail.
    Failed(TunnelError),
    /// The open tunnel was lost, and will be opened again.
    Lost(TunnelError),
    /// The open tunnel has expired, and will be opened again.
    Expired,
}

/// The dyn-compatible form of [`Tunnel`].
pub(crate) trait DynTunnel: Send {
    /// Opens the tunnel; see [`Tunnel::open`].
    fn open(&mut self, entrance: SocketAddr) -> BoxFuture<'_, Result<OpenTunnel, TunnelError>>;
}

impl<T: Tunnel> DynTunnel for T {
    fn open(&mut self, entrance: SocketAddr) -> BoxFuture<'_, Result<OpenTunnel, TunnelError>> {
        Tunnel::open(self, entrance).boxed()
    }
}

/// Keeps a tunnel to `entrance` open until `stop` is cancelled, and then drains it.
pub(crate) async fn keep_open(
    mut tunnel: Box<dyn DynTunnel>,
    entrance: SocketAddr,
    stop: CancellationToken,
    report: impl Fn(TunnelEvent),
) {
    let mut delays = backoff();
    let mut reported = false;
    loop {
        let opening = async {
            let mut opening = tunnel.open(entrance);
            match timeout(SLOW, &mut opening).await {
                Ok(opened) => opened,
                Err(_) => {
                    if !std::mem::replace(&mut reported, true) {
                        report(TunnelEvent::Failed("opening it takes longer than usual".into()));
                    }
                    opening.await
                }
            }
        };
        let Some(opened) = stop.run_until_cancelled(opening).await else { return };
        match opened.and_then(|open| Ok((PublicUrl::parse(&open.url)?, open))) {
            Ok((url, mut open)) => {
                report(TunnelEvent::Open { url, note: open.note });
                delays = backoff();
                let Some(end) = stop.run_until_cancelled(&mut open.closed).await else {
                    if let Some(drain) = open.drain {
                        drain.cancel();
                        open.closed.await;
                    }
                    return;
                };
                report(match end {
                    TunnelEnd::Expired => TunnelEvent::Expired,
                    TunnelEnd::Lost(error) => TunnelEvent::Lost(error),
                });
                reported = true;
            }
            Err(error) => {
                if !std::mem::replace(&mut reported, true) {
                    report(TunnelEvent::Failed(error));
                }
            }
        }
        let delay = sleep(delays.next().unwrap_or(DELAYS.1));
        if stop.run_until_cancelled(delay).await.is_none() {
            return;
        }
    }
}

/// Returns growing delays, with jitter: many programs may have lost the same share server.
fn backoff() -> impl Iterator<Item = Duration> {
    std::iter::successors(Some(DELAYS.0), |delay| Some((*delay * 2).min(DELAYS.1)))
        .map(|delay| delay.mul_f64(1.0 + random::fraction()))
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::{Arc, Mutex};

    use tokio::time::{Instant, sleep_until};

    use super::*;

    /// The outcome of an attempt.
    enum PlannedAttempt {
        Fail,
        /// Opens for a duration, and then ends.
        Open(&'static str, Duration, TunnelEnd),
        /// Takes a duration, and then fails.
        FailSlowly(Duration),
    }

    /// A tunnel whose attempts go as planned, and then fail. Records when each began.
    #[derive(Clone)]
    struct PlannedTunnel(Arc<Mutex<(VecDeque<PlannedAttempt>, Vec<Instant>)>>);

    impl Tunnel for PlannedTunnel {
        async fn open(&mut self, _entrance: SocketAddr) -> Result<OpenTunnel, TunnelError> {
            let next = {
                let mut plan = self.0.lock().unwrap();
                plan.1.push(Instant::now());
                plan.0.pop_front()
            };
            match next {
                Some(PlannedAttempt::Open(url, duration, end)) => {
                    let until = Instant::now() + duration;
                    Ok(OpenTunnel::new(url, async move {
                        sleep_until(until).await;
                        end
                    }))
                }
                Some(PlannedAttempt::FailSlowly(duration)) => {
                    sleep(duration).await;
                    Err("too late".into())
                }
                Some(PlannedAttempt::Fail) | None => Err("no way".into()),
            }
        }
    }

    /// Returns what is reported within some minutes, and when each attempt began, in seconds.
    async fn run_for(
        minutes: u64,
        plan: impl Into<VecDeque<PlannedAttempt>>,
    ) -> (Vec<String>, Vec<f64>) {
        let planned = PlannedTunnel(Arc::new(Mutex::new((plan.into(), Vec::new()))));
        let reported = Arc::new(Mutex::new(Vec::new()));
        let listener = Arc::clone(&reported);
        let report = move |event| {
            listener.lock().unwrap().push(match event {
                TunnelEvent::Open { url, .. } => format!("open {url}"),
                TunnelEvent::Failed(error) => format!("failed: {error}"),
                TunnelEvent::Lost(error) => format!("lost: {error}"),
                TunnelEvent::Expired => "expired".to_owned(),
            });
        };
        let start = Instant::now();
        let entrance = SocketAddr::from(([127, 0, 0, 1], 1));
        let task = keep_open(Box::new(planned.clone()), entrance, CancellationToken::new(), report);
        assert!(timeout(Duration::from_secs(60 * minutes), task).await.is_err());
        let attempts =
            planned.0.lock().unwrap().1.iter().map(|at| (*at - start).as_secs_f64()).collect();
        let reported = reported.lock().unwrap().clone();
        (reported, attempts)
    }

    fn lost() -> TunnelEnd {
        TunnelEnd::Lost("cut".into())
    }

    #[tokio::test(start_paused = true)]
    async fn an_outage_is_reported_once_and_attempts_are_delayed_longer_and_longer() {
        let (reported, attempts) = run_for(10, []).await;
        assert_eq!(reported, ["failed: no way"]);
        let pauses: Vec<_> = attempts.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(pauses.iter().all(|pause| (1.0..=20.01).contains(pause)), "{pauses:?}");
        assert!(pauses[..3].iter().sum::<f64>() < 15.0, "{pauses:?}");
        assert!(pauses[6..].iter().all(|pause| *pause >= 10.0), "{pauses:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_lost_tunnel_is_opened_again_and_both_are_reported() {
        let hour = Duration::from_secs(3600);
        let plan = [
            PlannedAttempt::Open("https://x.example", hour, lost()),
            PlannedAttempt::Fail,
            PlannedAttempt::Fail,
            PlannedAttempt::Open("https://x.example", hour, TunnelEnd::Expired),
            PlannedAttempt::Open("https://y.example", hour, lost()),
        ];
        let (reported, attempts) = run_for(150, plan).await;
        assert_eq!(
            reported,
            [
                "open https://x.example",
                "lost: cut",
                "open https://x.example",
                "expired",
                "open https://y.example"
            ]
        );
        // After a long success, the next attempt follows soon.
        assert!(attempts[4] - attempts[3] < 3600.0 + 3.0, "{attempts:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn after_each_success_the_delays_are_short_again_and_never_zero() {
        let failing = || std::iter::repeat_with(|| PlannedAttempt::Fail).take(6);
        let opens = || PlannedAttempt::Open("https://x.example", Duration::from_secs(3), lost());
        let plan: Vec<_> = failing().chain([opens()]).chain(failing()).chain([opens()]).collect();
        let (_, attempts) = run_for(10, plan).await;
        let pauses: Vec<_> = attempts.windows(2).map(|pair| pair[1] - pair[0]).collect();
        for lost in [6, 13] {
            let pause = pauses[lost] - 3.0;
            assert!((1.0..=2.01).contains(&pause), "{pauses:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_attempt_is_reported_before_it_ends() {
        let (reported, attempts) =
            run_for(1, [PlannedAttempt::FailSlowly(Duration::from_secs(50))]).await;
        assert_eq!(reported, ["failed: opening it takes longer than usual"]);
        assert!(attempts[1] > 50.0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_url_with_control_characters_is_rejected() {
        let plan =
            [PlannedAttempt::Open("https://x.example\u{1b}[2J", Duration::from_secs(1), lost())];
        let (reported, _) = run_for(1, plan).await;
        assert_eq!(reported, ["failed: it gave no URL that begins with http:// or https://"]);
    }
}
