//! A worker: serves the connections that it is given, on its own thread with its own app.

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

use super::accept::DISCONNECT;
use super::turns::{AcceptedConnection, Inbox};
use crate::http::app::{Blueprint, guard};
use crate::http::connection::{Connection, ConnectionLimits};

/// How long a connection may pause between two requests. Proxies and share servers keep an unused
/// connection for 60 s. They lose a delivery that they send just when it is closed here, so this is
/// longer, and it is theirs to close.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// What a server does at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// It serves.
    Serving,
    /// It lets what it serves end.
    Draining,
    /// It drops what it still serves.
    Ending,
}

/// What a worker serves with.
#[derive(Clone)]
pub(super) struct WorkerSetup {
    pub(super) blueprint: Blueprint,
    pub(super) request_timeout: Duration,
}

/// Serves what arrives in `inbox` until the server has drained, or ends.
pub(super) async fn work(
    inbox: Arc<Inbox>,
    setup: WorkerSetup,
    mut phase: watch::Receiver<Phase>,
) -> io::Result<()> {
    let limits = ConnectionLimits { pause: KEEP_ALIVE, progress: setup.request_timeout };
    let service = Rc::new(service(&setup.blueprint, &phase).await?);
    inbox.open();
    let serve = |accepted: AcceptedConnection| {
        let service = Rc::clone(&service);
        async move {
            let AcceptedConnection { stream, peer, origin, slot } = accepted;
            // An error closes the connection.
            let Ok(stream) = TcpStream::from_std(stream) else { return };
            let connection = Connection::new(stream, limits, origin, slot);
            if std::future::poll_fn(|context| service.poll_ready(context)).await.is_ok() {
                // actix-web logs its errors itself.
                let _ = service.call((connection, Protocol::Http1, Some(peer))).await;
            }
        }
    };
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = inbox.take() => accepted.for_each(|accepted| {
                connections.spawn_local(serve(accepted));
            }),
            Some(_) = connections.join_next() => {}
            () = is_past(&mut phase, Phase::Serving) => break,
        }
    }
    // Nothing is accepted any more, but this was before.
    inbox.take_all().for_each(|accepted| {
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

/// An app of its own, as actix-web serves it.
async fn service(
    blueprint: &Blueprint,
    phase: &watch::Receiver<Phase>,
) -> io::Result<impl Service<(Connection, Protocol, Option<std::net::SocketAddr>)> + use<>> {
    let app = App::new().wrap_fn(guard).configure(|app| blueprint.apply(app));
    let app = app.into_factory().map_err(|error| error.error_response());
    let phase = phase.clone();
    let http = HttpService::build()
        .graceful_shutdown_signal(move || {
            let mut phase = phase.clone();
            async move { is_past(&mut phase, Phase::Serving).await }
        })
        // The connection has its own limits. actix-web's would expire while a function blocks the
        // thread, and end connections whose requests have arrived.
        .keep_alive(KeepAlive::Os)
        .client_request_timeout(Duration::ZERO)
        .client_disconnect_timeout(DISCONNECT)
        .on_connect_ext(|connection: &Connection, data| {
            data.insert(connection.origin());
            data.insert(Rc::clone(connection.state()));
        })
        .finish(map_config(app, |()| AppConfig::default()));
    http.new_service(()).await.map_err(|()| io::Error::other("the app cannot be set up"))
}
