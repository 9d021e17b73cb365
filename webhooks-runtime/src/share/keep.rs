//! Keeps a tunnel open: opens it, tells what becomes of it, and opens it again.

use std::net::SocketAddr;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use futures_util::future::{BoxFuture, FutureExt};
use tokio::time::{Instant, sleep, timeout};

use super::{OpenTunnel, Tunnel, TunnelEnd, TunnelError};
use crate::reach::PublicUrl;

/// After how long a first try is said to be slow.
const SLOW: Duration = Duration::from_secs(9);

/// How long to wait before another try, growing from the one to the other.
const WAITS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(20));

/// How long a tunnel must have been open for the waits to start anew.
const STEADY: Duration = Duration::from_secs(60);

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

/// Keeps a tunnel to `entrance` open for as long as it is polled.
pub(crate) async fn keep(
    mut tunnel: Box<dyn AnyTunnel>,
    entrance: SocketAddr,
    report: impl Fn(Event),
) {
    let mut waits = waits();
    let mut told = false;
    loop {
        let mut opening = tunnel.open(entrance);
        let opened = match timeout(SLOW, &mut opening).await {
            Ok(opened) => opened,
            Err(_) => {
                if !std::mem::replace(&mut told, true) {
                    report(Event::Failed("it takes long to make".into()));
                }
                opening.await
            }
        };
        match opened.and_then(|open| Ok((PublicUrl::parse(&open.url)?, open))) {
            Ok((url, open)) => {
                report(Event::Open { url, note: open.note });
                let since = Instant::now();
                report(match open.closed.await {
                    TunnelEnd::Expired => Event::Expired,
                    TunnelEnd::Lost(error) => Event::Lost(error),
                });
                told = true;
                if since.elapsed() >= STEADY {
                    waits = self::waits();
                }
            }
            Err(error) => {
                if !std::mem::replace(&mut told, true) {
                    report(Event::Failed(error));
                }
            }
        }
        sleep(waits.next().unwrap_or(WAITS.1)).await;
    }
}

fn waits() -> impl Iterator<Item = Duration> {
    ExponentialBuilder::default()
        .with_min_delay(WAITS.0)
        .with_max_delay(WAITS.1)
        .without_max_times()
        .with_jitter()
        .build()
}
