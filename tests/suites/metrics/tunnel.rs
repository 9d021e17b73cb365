//! The state of the tunnel.

use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;

use tests::programs::free_port;
use tokio::sync::Notify;
use webhooks_runtime::{OpenTunnel, Tunnel, TunnelEnd, TunnelError, WebhooksServer};

use super::scrape_until;

/// A tunnel that is lost once, and opens again when it may.
struct Fragile {
    cut: Arc<Notify>,
    repaired: Arc<Notify>,
    opened: usize,
}

impl Tunnel for Fragile {
    async fn open(&mut self, _: SocketAddr) -> Result<OpenTunnel, TunnelError> {
        self.opened += 1;
        let cut = Arc::clone(&self.cut);
        let is_first = self.opened == 1;
        if !is_first {
            self.repaired.notified().await;
        }
        Ok(OpenTunnel::new("https://hooks.example.com", async move {
            if !is_first {
                pending::<()>().await;
            }
            cut.notified().await;
            TunnelEnd::Lost("cut".into())
        }))
    }
}

#[test]
fn the_metrics_say_whether_the_tunnel_is_open() {
    let (cut, repaired) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let tunnel = Fragile { cut: Arc::clone(&cut), repaired: Arc::clone(&repaired), opened: 0 };
    let port = free_port();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = WebhooksServer::empty().add_webhook("hello", async || "hello").port(0);
    let server = server.share_with(tunnel).share(true).metrics_port(port);
    let server = runtime.block_on(server.start()).unwrap();
    let url = format!("http://127.0.0.1:{port}");
    let wait_for = |up| {
        let _ = scrape_until(&url, "the state of the tunnel", |scrape| {
            scrape.value("webhooks_tunnel_up", &[]) == Some(up)
        });
    };
    wait_for(1.0);
    cut.notify_one();
    wait_for(0.0);
    // The URL is known all the same.
    assert_eq!(server.public_url().as_deref(), Some("https://hooks.example.com"));
    repaired.notify_one();
    wait_for(1.0);
    runtime.block_on(server.stop());
}
