//! What client and share server say to each other: JSON in frames.

use std::io;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncWrite};

use super::framing::{self, Frame, FrameError};
use crate::network;

/// The version of the protocol's public client that this one is like.
const VERSION: &str = "0.44.0";

/// What the client sends.
pub(crate) trait Outgoing: Serialize {
    const KIND: u8;
}

/// The first message: who connects.
#[derive(Debug, Serialize)]
pub(crate) struct Login<'a> {
    version: &'static str,
    os: &'static str,
    arch: &'static str,
    /// Made of the token and the timestamp.
    privilege_key: String,
    /// Seconds since 1970.
    timestamp: i64,
    /// Of the session before, so that the server ends it.
    #[serde(skip_serializing_if = "Option::is_none")]
    run_id: Option<&'a str>,
    pool_count: u32,
}

impl<'a> Login<'a> {
    pub(crate) fn new(privilege_key: String, timestamp: i64, run_id: Option<&'a str>) -> Self {
        let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
        Self { version: VERSION, os, arch, privilege_key, timestamp, run_id, pool_count: 1 }
    }
}

impl Outgoing for Login<'_> {
    const KIND: u8 = b'o';
}

/// Asks for a public URL.
#[derive(Serialize)]
pub(crate) struct NewProxy<'a> {
    /// The secret that the URL is made of.
    pub(crate) proxy_name: &'a str,
    pub(crate) proxy_type: &'static str,
    pub(crate) subdomain: &'static str,
}

impl Outgoing for NewProxy<'_> {
    const KIND: u8 = b'p';
}

/// Offers a stream for a connection from outside.
#[derive(Debug, Serialize)]
pub(crate) struct NewWorkConn<'a> {
    pub(crate) run_id: &'a str,
}

impl Outgoing for NewWorkConn<'_> {
    const KIND: u8 = b'w';
}

/// Asks whether the server is still there.
#[derive(Debug, Serialize)]
pub(crate) struct Ping {}

impl Outgoing for Ping {
    const KIND: u8 = b'h';
}

/// The answer to [`Login`].
#[derive(Debug, Deserialize)]
pub(crate) struct LoginResp {
    #[serde(default)]
    pub(crate) run_id: String,
    #[serde(default)]
    pub(crate) error: String,
}

/// The answer to [`NewProxy`].
#[derive(Debug, Deserialize)]
pub(crate) struct NewProxyResp {
    #[serde(default)]
    pub(crate) remote_addr: String,
    #[serde(default)]
    pub(crate) error: String,
}

/// The answer to messages that carry nothing back but an error.
#[derive(Debug, Deserialize)]
pub(crate) struct Outcome {
    #[serde(default)]
    pub(crate) error: String,
}

/// What the server sends.
#[derive(Debug)]
pub(crate) enum Incoming {
    LoginResp(LoginResp),
    NewProxyResp(NewProxyResp),
    /// One more stream is wanted.
    ReqWorkConn,
    /// A stream that was offered carries a connection from here on.
    StartWorkConn(Outcome),
    Pong(Outcome),
    /// The link has expired.
    Kill,
}

/// Why a message cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MessageError {
    #[error(transparent)]
    Frame(FrameError),
    #[error("{}", network::reason(.0))]
    Io(#[from] io::Error),
    #[error("it sent a message of the unknown type 0x{0:02x}")]
    Kind(u8),
    #[error("it sent a message of type {kind:?} that is not valid")]
    Text { kind: char, source: serde_json::Error },
}

impl From<FrameError> for MessageError {
    fn from(error: FrameError) -> Self {
        match error {
            // Explained like every other failure of a connection.
            FrameError::Io(error) => Self::Io(error),
            error @ FrameError::Length(_) => Self::Frame(error),
        }
    }
}

/// Reads one message.
pub(crate) async fn receive<R>(reader: &mut R) -> Result<Incoming, MessageError>
where
    R: AsyncRead + Unpin,
{
    parse(&framing::read(reader).await?)
}

/// Writes one message.
pub(crate) async fn send<W, M>(writer: &mut W, message: &M) -> Result<(), MessageError>
where
    W: AsyncWrite + Unpin,
    M: Outgoing,
{
    let text = serde_json::to_vec(message)
        .map_err(|source| MessageError::Text { kind: char::from(M::KIND), source })?;
    Ok(framing::write(writer, &Frame { kind: M::KIND, text }).await?)
}

fn parse(frame: &Frame) -> Result<Incoming, MessageError> {
    fn text<'a, T: Deserialize<'a>>(frame: &'a Frame) -> Result<T, MessageError> {
        serde_json::from_slice(&frame.text)
            .map_err(|source| MessageError::Text { kind: char::from(frame.kind), source })
    }
    Ok(match frame.kind {
        b'1' => Incoming::LoginResp(text(frame)?),
        b'2' => Incoming::NewProxyResp(text(frame)?),
        b'r' => Incoming::ReqWorkConn,
        b's' => Incoming::StartWorkConn(text(frame)?),
        b'4' => Incoming::Pong(text(frame)?),
        b'k' => Incoming::Kill,
        kind => return Err(MessageError::Kind(kind)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, text: &str) -> Frame {
        Frame { kind, text: text.as_bytes().to_vec() }
    }

    #[test]
    fn fields_that_are_not_known_are_left_alone() {
        let text =
            r#"{"proxy_name": "x", "src_addr": "10.0.0.1", "src_port": 443, "error": "full"}"#;
        let Incoming::StartWorkConn(outcome) = parse(&frame(b's', text)).unwrap() else {
            panic!("another message");
        };
        assert_eq!(outcome.error, "full");
    }

    #[test]
    fn an_unknown_type_and_a_text_that_is_no_json_are_errors() {
        let error = parse(&frame(0, "{}")).unwrap_err();
        assert_eq!(error.to_string(), "it sent a message of the unknown type 0x00");
        for text in ["", "[", "7", r#"{"error": 7}"#] {
            assert!(matches!(parse(&frame(b'4', text)), Err(MessageError::Text { kind: '4', .. })));
        }
    }

    #[test]
    fn a_login_without_a_session_before_has_no_run_id() {
        let login = serde_json::to_value(Login::new("key".into(), 7, None)).unwrap();
        assert!(login.get("run_id").is_none());
        assert_eq!(login["version"], "0.44.0");
        assert_eq!(login["timestamp"], 7);
        let login = serde_json::to_value(Login::new("key".into(), 7, Some("before"))).unwrap();
        assert_eq!(login["run_id"], "before");
    }
}
