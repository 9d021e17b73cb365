//! A tunnel of the user's instead of the share link.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tests::client::PATIENCE;
use webhooks_runtime::{OpenTunnel, Tunnel, TunnelEnd, TunnelError, WebhooksServer};

/// A tunnel within this machine, which works from the second try on.
struct Loopback {
    tries: Arc<AtomicUsize>,
}

impl Tunnel for Loopback {
    async fn open(&mut self, entrance: SocketAddr) -> Result<OpenTunnel, TunnelError> {
        assert!(entrance.ip().is_loopback());
        if self.tries.fetch_add(1, Ordering::Relaxed) == 0 {
            return Err("not yet".into());
        }
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        Ok(OpenTunnel::new(url, async move {
            loop {
                let copied = async {
                    let mut outside = listener.accept().await?.0;
                    let mut inside = tokio::net::TcpStream::connect(entrance).await?;
                    tokio::io::copy_bidirectional(&mut outside, &mut inside).await
                };
                if let Err(error) = copied.await {
                    return TunnelEnd::Lost(error.into());
                }
            }
        }))
    }
}

#[tokio::test]
async fn another_tunnel_can_be_put_in_and_is_tried_until_it_opens() {
    let tries = Arc::new(AtomicUsize::new(0));
    let server = || {
        let tunnel = Loopback { tries: Arc::clone(&tries) };
        WebhooksServer::empty().add_webhook("hello", async || "hello").port(0).share_with(tunnel)
    };
    // A program that doesn't ask for a tunnel gets none.
    let unshared = server().start().await.unwrap();
    assert_eq!(unshared.public_url(), None);
    unshared.stop().await;
    assert_eq!(tries.load(Ordering::Relaxed), 0);

    let shared = server().share(true).start().await.unwrap();
    let deadline = Instant::now() + PATIENCE;
    let url = loop {
        if let Some(url) = shared.public_url() {
            break url;
        }
        assert!(Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_ne!(url, shared.local_url());
    assert_eq!(tries.load(Ordering::Relaxed), 2);
    let answer =
        tokio::task::spawn_blocking(move || tests::client::post(&url, "/webhooks/hello", ""));
    assert_eq!(answer.await.unwrap().unwrap().body, "hello");
    shared.stop().await;
}
