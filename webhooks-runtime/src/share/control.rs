//! The first stream of a session: log in, ask for a URL, and hear what the share server wants.

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use md5::{Digest, Md5};
use tokio::io::{ReadHalf, WriteHalf, split};
use tokio::sync::Notify;
use tokio::time::timeout;

use super::cipher::{CipherStream, Key, TOKEN};
use super::hex;
use super::identity::random;
use super::message::{Incoming, Login, MessageError, NewProxy, Ping, receive, send};
use super::relay::Wanted;
use super::session::Stream;

/// How often the share server is asked whether it is still there.
const HEARTBEAT: Duration = Duration::from_secs(30);

/// How long it may take to answer that.
const PONG_LIMIT: Duration = Duration::from_secs(15);

/// Why the control stream is of no use.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ControlError {
    #[error(transparent)]
    Message(#[from] MessageError),
    #[error("it rejected the {0}")]
    Rejected(&'static str),
    #[error(
        "it still holds the public URL for an earlier session of this program, and frees it within about \
         two minutes"
    )]
    Held,
    #[error("it sent an unexpected message instead of the response to the {0}")]
    Unexpected(&'static str),
    #[error("it requested more than 10,000 connections at once")]
    Greedy,
    #[error("it does not respond to heartbeats")]
    Silent,
    #[error("the link has expired")]
    Expired,
}

/// How much of the share server's own words is logged, in characters.
const LONGEST_REASON: usize = 200;

/// How share servers say that another session has the name, or the URL that is made of it.
const HELD: [&str; 4] = ["conflict", "already in use", "already exist", "repeated"];

/// Checks that the share server names no error. Its words can hold the secret name, so they are for
/// the debug log only, and without the name.
fn accepted(what: &'static str, error: &str, name: &str) -> Result<(), ControlError> {
    if error.is_empty() {
        return Ok(());
    }
    let words = if name.is_empty() { error.to_owned() } else { error.replace(name, "…") };
    let reason: String = words.chars().take(LONGEST_REASON).collect();
    tracing::debug!(?reason, "the share server rejected the {what}");
    Err(ControlError::Rejected(what))
}

/// Whether the share server rejects a name because another session has it.
fn is_held(error: &str) -> bool {
    let error = error.to_ascii_lowercase();
    HELD.iter().any(|held| error.contains(held))
}

/// The control stream of a client that is logged in.
pub(crate) struct Control {
    reader: ReadHalf<CipherStream<Stream>>,
    writer: WriteHalf<CipherStream<Stream>>,
    /// What the session is called from now on.
    pub(crate) run_id: String,
}

impl Control {
    /// Logs in; `before` is the name of a session that the new one takes the place of.
    pub(crate) async fn log_in(
        mut stream: Stream,
        before: Option<&str>,
    ) -> Result<Self, ControlError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = i64::try_from(now.as_secs()).unwrap_or_default();
        let proof = Md5::new().chain_update(TOKEN).chain_update(now.to_string()).finalize();
        send(&mut stream, &Login::new(hex(&proof), now, before)).await?;
        let Incoming::LoginResp(answer) = receive(&mut stream).await? else {
            return Err(ControlError::Unexpected("login"));
        };
        accepted("login", &answer.error, "")?;
        let vector = random().map_err(MessageError::Io)?;
        let (reader, writer) = split(CipherStream::new(stream, &Key::of_token(TOKEN), vector));
        Ok(Self { reader, writer, run_id: answer.run_id })
    }

    /// Asks for the public URL of a secret name, as the share server writes it.
    pub(crate) async fn publish(
        &mut self,
        name: &str,
        wanted: &Wanted,
    ) -> Result<String, ControlError> {
        let proxy = NewProxy { proxy_name: name, proxy_type: "http", subdomain: "random" };
        send(&mut self.writer, &proxy).await?;
        loop {
            match receive(&mut self.reader).await? {
                Incoming::ReqWorkConn if wanted.add() => {}
                Incoming::ReqWorkConn => return Err(ControlError::Greedy),
                Incoming::NewProxyResp(answer) => {
                    let accepted = accepted("request for a URL", &answer.error, name);
                    accepted.map_err(|error| {
                        if is_held(&answer.error) { ControlError::Held } else { error }
                    })?;
                    return Ok(answer.remote_addr);
                }
                Incoming::Kill => return Err(ControlError::Expired),
                _ => return Err(ControlError::Unexpected("request for a URL")),
            }
        }
    }

    /// Hears what the share server wants until the link ends.
    pub(crate) async fn hear(self, wanted: &Wanted) -> ControlError {
        let Self { mut reader, mut writer, .. } = self;
        let (asked, pong) = (AtomicBool::new(false), Notify::new());
        let hear = async {
            loop {
                match receive(&mut reader).await? {
                    Incoming::ReqWorkConn if wanted.add() => {}
                    Incoming::ReqWorkConn => return Err(ControlError::Greedy),
                    Incoming::Pong(answer) => {
                        accepted("heartbeat", &answer.error, "")?;
                        if !asked.swap(false, Ordering::Relaxed) {
                            return Err(ControlError::Unexpected("heartbeat"));
                        }
                        pong.notify_one();
                    }
                    Incoming::Kill => return Err(ControlError::Expired),
                    _ => return Err(ControlError::Unexpected("heartbeat")),
                }
            }
        };
        let ask = async {
            loop {
                tokio::time::sleep(HEARTBEAT).await;
                let answered = async {
                    asked.store(true, Ordering::Relaxed);
                    send(&mut writer, &Ping {}).await?;
                    pong.notified().await;
                    Ok(())
                };
                timeout(PONG_LIMIT, answered).await.unwrap_or(Err(ControlError::Silent))?;
            }
        };
        let Err(ended): Result<Infallible, ControlError> = tokio::select! {
            // After a sleep the answer may be there, and its time over.
            biased;
            ended = hear => ended,
            ended = ask => ended,
        };
        ended
    }
}
