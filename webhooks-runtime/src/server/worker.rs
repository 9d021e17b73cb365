//! Serves connections on a worker thread, which has its own actix app.

use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_http::{HttpService, KeepAlive, Protocol};
use actix_service::{IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt, map_config};
use actix_web::App;
use actix_web::dev::AppConfig;
use actix_web::rt::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::accept::DISCONNECT_TIMEOUT;
use super::balancer::{AcceptedConnection, WorkerQueue};
use crate::http::app::{Configure, track_request};
use crate::http::connection::{Connection, ConnectionTimeouts};

/// How long a connection may be idle between two requests. Proxies and share servers close an idle connection
/// after 60 s. This is longer, so that the server never closes a connection on which they are sending a delivery.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// The phase of a server's life, which its workers follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    Serving,
    /// The running requests finish, and no new ones start.
    Draining,
    /// The remaining requests are dropped.
    Aborting,
}

/// The app and the limits of a worker.
#[derive(Clone)]
pub(super) struct WorkerSetup {
    /// What each worker's app is made of.
    pub(super) app: Configure,
    pub(super) request_timeout: Duration,
}

/// Serves the connections in `queue` until the server has drained or aborts.
pub(super) async fn run_worker(
    queue: Arc<WorkerQueue>,
    setup: WorkerSetup,
    mut phase: watch::Receiver<Phase>,
) -> io::Result<()> {
    let timeouts = ConnectionTimeouts { idle: KEEP_ALIVE, progress: setup.request_timeout };
    let service = Rc::new(service(&setup.app, &phase).await?);
    queue.mark_ready();
    let serve = |accepted: AcceptedConnection| {
        let service = Rc::clone(&service);
        async move {
            let AcceptedConnection { stream, peer, origin, permit } = accepted;
            // An error closes the connection.
            let Ok(stream) = TcpStream::from_std(stream) else { return };
            let connection = Connection::new(stream, timeouts, origin, permit);
            if std::future::poll_fn(|context| service.poll_ready(context)).await.is_ok() {
                // actix-web logs its errors itself.
                let _ = service.call((connection, Protocol::Http1, Some(peer))).await;
            }
        }
    };
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = queue.take() => accepted.for_each(|accepted| {
                connections.spawn_local(serve(accepted));
            }),
            Some(_) = connections.join_next() => {}
            () = is_past(&mut phase, Phase::Serving) => break,
        }
    }
    // Connections that were accepted before draining began.
    queue.take_all().for_each(|accepted| {
        connections.spawn_local(serve(accepted));
    });
    tokio::select! {
        () = async { while connections.join_next().await.is_some() {} } => {}
        () = is_past(&mut phase, Phase::Draining) => {}
    }
    Ok(())
}

/// Waits until the server is in a later phase, or dropped.
async fn is_past(phase: &mut watch::Receiver<Phase>, last: Phase) {
    // An error says that the server was dropped.
    let _ = phase.wait_for(|now| *now > last).await;
}

/// Builds this worker's app and the HTTP service around it.
async fn service(
    configure: &Configure,
    phase: &watch::Receiver<Phase>,
) -> io::Result<impl Service<(Connection, Protocol, Option<std::net::SocketAddr>)> + use<>> {
    let app = App::new().wrap_fn(track_request).configure(|app| configure(app));
    let app = app.into_factory().map_err(|error| error.error_response());
    let phase = phase.clone();
    let http = HttpService::build()
        .graceful_shutdown_signal(move || {
            let mut phase = phase.clone();
            async move { is_past(&mut phase, Phase::Serving).await }
        })
        // `Connection` has its own timeouts. actix-web's would expire while a function blocks the thread, and
        // close connections whose requests have arrived.
        .keep_alive(KeepAlive::Os)
        .client_request_timeout(Duration::ZERO)
        .client_disconnect_timeout(DISCONNECT_TIMEOUT)
        .on_connect_ext(|connection: &Connection, data| {
            data.insert(connection.origin());
            data.insert(Rc::clone(connection.state()));
        })
        .finish(map_config(app, |()| AppConfig::default()));
    http.new_service(()).await.map_err(|()| io::Error::other("the app cannot be set up"))
}
