//! Runs the control stream, the first stream of a session: logs in, requests the URL, then counts the share
//! server's requests for work connections and exchanges heartbeats.

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::io::{ReadHalf, WriteHalf, split};
use tokio::sync::Notify;
use tokio::time::timeout;

use super::bytes::{hex, random};
use super::cipher::{CipherKey, CipherStream, TOKEN};
use super::message::{
    LoginRequest, MessageError, NewProxyRequest, Ping, ServerMessage, receive, send,
};
use super::relay::WorkRequests;
use super::session::YamuxStream;

/// The time between two heartbeats.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(30);

/// The timeout of a heartbeat's response.
const HEARTBEAT_TIMEOUT: Duration = Duration::from_secs(15);

/// The reason why the control stream failed or ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum ControlError {
    #[error(transparent)]
    Message(#[from] MessageError),
    #[error("it rejected the {0}")]
    Rejected(&'static str),
    #[error(
        "it still holds the public URL for an earlier session of this program, and frees it within about \
         two minutes"
    )]
    UrlInUse,
    #[error("it sent an unexpected message instead of the response to the {0}")]
    Unexpected(&'static str),
    #[error("it requested more than 10,000 connections at once")]
    TooManyRequests,
    #[error("it does not respond to heartbeats")]
    Silent,
    #[error("the link has expired")]
    Expired,
}

/// The maximum length of the share server's error text in the log, in characters.
const MAX_REASON_LENGTH: usize = 200;

/// Words in the share server's error texts that mean that another session uses the name or its URL.
const IN_USE: [&str; 4] = ["conflict", "already in use", "already exist", "repeated"];

/// Returns an error if a response contains one. Its text may contain the secret name, so it is written only to
/// the debug log, without the name.
fn check(what: &'static str, error: &str, name: &str) -> Result<(), ControlError> {
    if error.is_empty() {
        return Ok(());
    }
    let text = if name.is_empty() { error.to_owned() } else { error.replace(name, "…") };
    let reason: String = text.chars().take(MAX_REASON_LENGTH).collect();
    tracing::debug!(?reason, "the share server rejected the {what}");
    Err(ControlError::Rejected(what))
}

/// Returns whether the share server rejected a name because another session uses it.
fn is_in_use(error: &str) -> bool {
    let error = error.to_ascii_lowercase();
    IN_USE.iter().any(|words| error.contains(words))
}

/// The control stream after the login.
pub(super) struct ControlStream {
    reader: ReadHalf<CipherStream<YamuxStream>>,
    writer: WriteHalf<CipherStream<YamuxStream>>,
    /// The session's id at the share server.
    pub(super) run_id: String,
}

impl ControlStream {
    /// Logs in. The new session replaces the one with the id `previous`.
    pub(super) async fn log_in(
        mut stream: YamuxStream,
        previous: Option<&str>,
    ) -> Result<Self, ControlError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = i64::try_from(now.as_secs()).unwrap_or_default();
        let key = md5::compute([TOKEN, now.to_string().as_bytes()].concat());
        send(&mut stream, &LoginRequest::new(hex(&key.0), now, previous)).await?;
        let ServerMessage::LoginResp(response) = receive(&mut stream).await? else {
            return Err(ControlError::Unexpected("login"));
        };
        check("login", &response.error, "")?;
        let vector = random().map_err(MessageError::Io)?;
        let (reader, writer) =
            split(CipherStream::new(stream, &CipherKey::from_token(TOKEN), vector));
        Ok(Self { reader, writer, run_id: response.run_id })
    }

    /// Requests the public URL of a secret name. Returns it as the share server writes it.
    pub(super) async fn request_url(
        &mut self,
        name: &str,
        requests: &WorkRequests,
    ) -> Result<String, ControlError> {
        let proxy = NewProxyRequest { proxy_name: name, proxy_type: "http", subdomain: "random" };
        send(&mut self.writer, &proxy).await?;
        loop {
            match receive(&mut self.reader).await? {
                ServerMessage::ReqWorkConn if requests.add() => {}
                ServerMessage::ReqWorkConn => return Err(ControlError::TooManyRequests),
                ServerMessage::NewProxyResp(response) => {
                    let checked = check("request for a URL", &response.error, name);
                    checked.map_err(|error| {
                        if is_in_use(&response.error) { ControlError::UrlInUse } else { error }
                    })?;
                    return Ok(response.remote_addr);
                }
                ServerMessage::Kill => return Err(ControlError::Expired),
                _ => return Err(ControlError::Unexpected("request for a URL")),
            }
        }
    }

    /// Counts requests for work connections and sends heartbeats until the link ends. Returns the reason.
    pub(super) async fn run(self, requests: &WorkRequests) -> ControlError {
        let Self { mut reader, mut writer, .. } = self;
        let (pending, pong) = (AtomicBool::new(false), Notify::new());
        let read = async {
            loop {
                match receive(&mut reader).await? {
                    ServerMessage::ReqWorkConn if requests.add() => {}
                    ServerMessage::ReqWorkConn => return Err(ControlError::TooManyRequests),
                    ServerMessage::Pong(response) => {
                        check("heartbeat", &response.error, "")?;
                        if !pending.swap(false, Ordering::Relaxed) {
                            return Err(ControlError::Unexpected("heartbeat"));
                        }
                        pong.notify_one();
                    }
                    ServerMessage::Kill => return Err(ControlError::Expired),
                    _ => return Err(ControlError::Unexpected("heartbeat")),
                }
            }
        };
        let heartbeats = async {
            loop {
                tokio::time::sleep(HEARTBEAT_INTERVAL).await;
                let exchange = async {
                    pending.store(true, Ordering::Relaxed);
                    send(&mut writer, &Ping {}).await?;
                    pong.notified().await;
                    Ok(())
                };
                timeout(HEARTBEAT_TIMEOUT, exchange).await.unwrap_or(Err(ControlError::Silent))?;
            }
        };
        let Err(ended): Result<Infallible, ControlError> = tokio::select! {
            // After the machine was suspended, both the response and its timeout may be ready.
            biased;
            ended = read => ended,
            ended = heartbeats => ended,
        };
        ended
    }
}
