//! Keeps a tunnel open: opens it, tells what becomes of it, and opens it again.

use std::net::SocketAddr;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use futures_util::future::{BoxFuture, FutureExt};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{OpenTunnel, Tunnel, TunnelEnd, TunnelError};
use crate::addresses::PublicUrl;

/// After how long a first try is said to be slow.
const SLOW: Duration = Duration::from_secs(9);

/// The shortest and the longest wait before another try. The jitter adds up to as much again.
const WAITS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(10));

/// What became of the tunnel.
#[derive(Debug)]
pub(crate) enum Event {
    /// It is open. The note is something to know about this URL.
    Open { url: PublicUrl, note: Option<String> },
    /// It could not be opened, and is tried again. Told once, however many tries fail.
    Failed(TunnelError),
    /// It was open, and is opened again.
    Lost(TunnelError),
    /// It was open for as long as it may be, and is opened again.
    Expired,
}

/// Any tunnel.
pub(crate) trait AnyTunnel: Send {
    fn open(&mut self, entrance: SocketAddr) -> BoxFuture<'_, Result<OpenTunnel, TunnelError>>;
}

impl<T: Tunnel> AnyTunnel for T {
    fn open(&mut self, entrance: SocketAddr) -> BoxFuture<'_, Result<OpenTunnel, TunnelError>> {
        Tunnel::open(self, entrance).boxed()
    }
}

/// Keeps a tunnel to `entrance` open until `stop` is cancelled, and then until what is on its way has
/// gone out.
pub(crate) async fn keep(
    mut tunnel: Box<dyn AnyTunnel>,
    entrance: SocketAddr,
    stop: CancellationToken,
    report: impl Fn(Event),
) {
    let mut waits = waits();
    let mut told = false;
    loop {
        let opening = async {
            let mut opening = tunnel.open(entrance);
            match timeout(SLOW, &mut opening).await {
                Ok(opened) => opened,
                Err(_) => {
                    if !std::mem::replace(&mut told, true) {
                        report(Event::Failed("opening it takes longer than usual".into()));
                    }
                    opening.await
                }
            }
        };
        let Some(opened) = stop.run_until_cancelled(opening).await else { return };
        match opened.and_then(|open| Ok((PublicUrl::parse(&open.url)?, open))) {
            Ok((url, mut open)) => {
                report(Event::Open { url, note: open.note });
                waits = self::waits();
                let Some(end) = stop.run_until_cancelled(&mut open.closed).await else {
                    if let Some(finish) = open.finish {
                        finish.cancel();
                        open.closed.await;
                    }
                    return;
                };
                report(match end {
                    TunnelEnd::Expired => Event::Expired,
                    TunnelEnd::Lost(error) => Event::Lost(error),
                });
                told = true;
            }
            Err(error) => {
                if !std::mem::replace(&mut told, true) {
                    report(Event::Failed(error));
                }
            }
        }
        let wait = sleep(waits.next().unwrap_or(WAITS.1));
        if stop.run_until_cancelled(wait).await.is_none() {
            return;
        }
    }
}

/// Growing, and never quite the same: many programs may have lost one share server.
fn waits() -> impl Iterator<Item = Duration> {
    ExponentialBuilder::default()
        .with_min_delay(WAITS.0)
        .with_max_delay(WAITS.1)
        .without_max_times()
        .with_jitter()
        .build()
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::{Arc, Mutex};

    use tokio::time::{Instant, sleep_until};

    use super::*;

    /// What becomes of a try.
    enum Try {
        Fails,
        /// Is open for so long, and then is lost or expires.
        Opens(&'static str, Duration, TunnelEnd),
        /// Takes so long, and then fails.
        Dawdles(Duration),
    }

    /// A tunnel whose tries go as planned, and then fail. Notes when each began.
    #[derive(Clone)]
    struct Planned(Arc<Mutex<(VecDeque<Try>, Vec<Instant>)>>);

    impl Tunnel for Planned {
        async fn open(&mut self, _entrance: SocketAddr) -> Result<OpenTunnel, TunnelError> {
            let next = {
                let mut plan = self.0.lock().unwrap();
                plan.1.push(Instant::now());
                plan.0.pop_front()
            };
            match next {
                Some(Try::Opens(url, duration, end)) => {
                    let until = Instant::now() + duration;
                    Ok(OpenTunnel::new(url, async move {
                        sleep_until(until).await;
                        end
                    }))
                }
                Some(Try::Dawdles(duration)) => {
                    sleep(duration).await;
                    Err("too late".into())
                }
                Some(Try::Fails) | None => Err("no way".into()),
            }
        }
    }

    /// What is told, and when each try began, in seconds, within so many minutes.
    async fn keep_for(minutes: u64, plan: impl Into<VecDeque<Try>>) -> (Vec<String>, Vec<f64>) {
        let planned = Planned(Arc::new(Mutex::new((plan.into(), Vec::new()))));
        let told = Arc::new(Mutex::new(Vec::new()));
        let listener = Arc::clone(&told);
        let report = move |event| {
            listener.lock().unwrap().push(match event {
                Event::Open { url, .. } => format!("open {url}"),
                Event::Failed(error) => format!("failed: {error}"),
                Event::Lost(error) => format!("lost: {error}"),
                Event::Expired => "expired".to_owned(),
            });
        };
        let start = Instant::now();
        let entrance = SocketAddr::from(([127, 0, 0, 1], 1));
        let kept = keep(Box::new(planned.clone()), entrance, CancellationToken::new(), report);
        assert!(timeout(Duration::from_secs(60 * minutes), kept).await.is_err());
        let tries =
            planned.0.lock().unwrap().1.iter().map(|at| (*at - start).as_secs_f64()).collect();
        let told = told.lock().unwrap().clone();
        (told, tries)
    }

    fn lost() -> TunnelEnd {
        TunnelEnd::Lost("cut".into())
    }

    #[tokio::test(start_paused = true)]
    async fn an_outage_is_told_once_and_tried_again_with_growing_pauses() {
        let (told, tries) = keep_for(10, []).await;
        assert_eq!(told, ["failed: no way"]);
        let pauses: Vec<_> = tries.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(pauses.iter().all(|pause| (1.0..=20.01).contains(pause)), "{pauses:?}");
        assert!(pauses[..3].iter().sum::<f64>() < 15.0, "{pauses:?}");
        assert!(pauses[6..].iter().all(|pause| *pause >= 10.0), "{pauses:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_lost_is_opened_again_and_both_are_told() {
        let hour = Duration::from_secs(3600);
        let plan = [
            Try::Opens("https://x.example", hour, lost()),
            Try::Fails,
            Try::Fails,
            Try::Opens("https://x.example", hour, TunnelEnd::Expired),
            Try::Opens("https://y.example", hour, lost()),
        ];
        let (told, tries) = keep_for(150, plan).await;
        assert_eq!(
            told,
            [
                "open https://x.example",
                "lost: cut",
                "open https://x.example",
                "expired",
                "open https://y.example"
            ]
        );
        // Having stood for long, it is tried again soon.
        assert!(tries[4] - tries[3] < 3600.0 + 3.0, "{tries:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn after_each_success_the_waits_are_short_again_and_never_none() {
        let failing = || std::iter::repeat_with(|| Try::Fails).take(6);
        let opens = || Try::Opens("https://x.example", Duration::from_secs(3), lost());
        let plan: Vec<_> = failing().chain([opens()]).chain(failing()).chain([opens()]).collect();
        let (_, tries) = keep_for(10, plan).await;
        let pauses: Vec<_> = tries.windows(2).map(|pair| pair[1] - pair[0]).collect();
        for lost in [6, 13] {
            let pause = pauses[lost] - 3.0;
            assert!((1.0..=2.01).contains(&pause), "{pauses:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_try_that_takes_long_is_told_of_before_it_ends() {
        let (told, tries) = keep_for(1, [Try::Dawdles(Duration::from_secs(50))]).await;
        assert_eq!(told, ["failed: opening it takes longer than usual"]);
        assert!(tries[1] > 50.0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_url_that_cannot_be_printed_is_none() {
        let plan = [Try::Opens("https://x.example\u{1b}[2J", Duration::from_secs(1), lost())];
        let (told, _) = keep_for(1, plan).await;
        assert_eq!(told, ["failed: it gave no URL that begins with http:// or https://"]);
    }
}
