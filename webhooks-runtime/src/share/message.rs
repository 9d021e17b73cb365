//! Defines the messages between client and share server: JSON in frames.

use std::io;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncWrite};

use super::framing::{self, Frame, FrameError};
use crate::network;

/// The version of the public client whose protocol this client speaks.
const VERSION: &str = "0.44.0";

/// A message from the client.
pub(super) trait ClientMessage: Serialize {
    /// The frame's type byte.
    const KIND: u8;
}

/// The first message, which identifies the client.
#[derive(Debug, Serialize)]
pub(super) struct LoginRequest<'a> {
    version: &'static str,
    os: &'static str,
    arch: &'static str,
    /// The digest of the token and the timestamp.
    privilege_key: String,
    /// Seconds since 1970.
    timestamp: i64,
    /// The id of the previous session, which the server then ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    run_id: Option<&'a str>,
    pool_count: u32,
}

impl<'a> LoginRequest<'a> {
    /// Creates the message for this system.
    pub(super) fn new(privilege_key: String, timestamp: i64, run_id: Option<&'a str>) -> Self {
        let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
        Self { version: VERSION, os, arch, privilege_key, timestamp, run_id, pool_count: 1 }
    }
}

impl ClientMessage for LoginRequest<'_> {
    const KIND: u8 = b'o';
}

/// A request for a public URL.
#[derive(Serialize)]
pub(super) struct NewProxyRequest<'a> {
    /// The secret name that the URL is derived from.
    pub(super) proxy_name: &'a str,
    pub(super) proxy_type: &'static str,
    pub(super) subdomain: &'static str,
}

impl ClientMessage for NewProxyRequest<'_> {
    const KIND: u8 = b'p';
}

/// An offer of a stream for a connection from the internet.
#[derive(Debug, Serialize)]
pub(super) struct NewWorkConn<'a> {
    pub(super) run_id: &'a str,
}

impl ClientMessage for NewWorkConn<'_> {
    const KIND: u8 = b'w';
}

/// A heartbeat.
#[derive(Debug, Serialize)]
pub(super) struct Ping {}

impl ClientMessage for Ping {
    const KIND: u8 = b'h';
}

/// The response to [`LoginRequest`].
#[derive(Debug, Deserialize)]
pub(super) struct LoginResp {
    #[serde(default)]
    pub(super) run_id: String,
    #[serde(default)]
    pub(super) error: String,
}

/// The response to [`NewProxyRequest`].
#[derive(Debug, Deserialize)]
pub(super) struct NewProxyResp {
    #[serde(default)]
    pub(super) remote_addr: String,
    #[serde(default)]
    pub(super) error: String,
}

/// A response that contains at most an error.
#[derive(Debug, Deserialize)]
pub(super) struct StatusResp {
    #[serde(default)]
    pub(super) error: String,
}

/// A message from the share server.
#[derive(Debug)]
pub(super) enum ServerMessage {
    LoginResp(LoginResp),
    NewProxyResp(NewProxyResp),
    /// Requests one more stream.
    ReqWorkConn,
    /// The start of a connection on an offered stream.
    StartWorkConn(StatusResp),
    Pong(StatusResp),
    /// The end of an expired link.
    Kill,
}

/// The error of a message that cannot be sent or received.
#[derive(Debug, thiserror::Error)]
pub(super) enum MessageError {
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
            // So that `network::reason` explains it.
            FrameError::Io(error) => Self::Io(error),
            error @ FrameError::Length(_) => Self::Frame(error),
        }
    }
}

/// Reads one message.
pub(super) async fn receive<R>(reader: &mut R) -> Result<ServerMessage, MessageError>
where
    R: AsyncRead + Unpin,
{
    parse(&framing::read(reader).await?)
}

/// Writes one message.
pub(super) async fn send<W, M>(writer: &mut W, message: &M) -> Result<(), MessageError>
where
    W: AsyncWrite + Unpin,
    M: ClientMessage,
{
    let text = serde_json::to_vec(message)
        .map_err(|source| MessageError::Text { kind: char::from(M::KIND), source })?;
    Ok(framing::write(writer, &Frame { kind: M::KIND, text }).await?)
}

fn parse(frame: &Frame) -> Result<ServerMessage, MessageError> {
    fn text<'a, T: Deserialize<'a>>(frame: &'a Frame) -> Result<T, MessageError> {
        serde_json::from_slice(&frame.text)
            .map_err(|source| MessageError::Text { kind: char::from(frame.kind), source })
    }
    Ok(match frame.kind {
        b'1' => ServerMessage::LoginResp(text(frame)?),
        b'2' => ServerMessage::NewProxyResp(text(frame)?),
        b'r' => ServerMessage::ReqWorkConn,
        b's' => ServerMessage::StartWorkConn(text(frame)?),
        b'4' => ServerMessage::Pong(text(frame)?),
        b'k' => ServerMessage::Kill,
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
    fn unknown_fields_are_ignored() {
        let text =
            r#"{"proxy_name": "x", "src_addr": "10.0.0.1", "src_port": 443, "error": "full"}"#;
        let ServerMessage::StartWorkConn(status) = parse(&frame(b's', text)).unwrap() else {
            panic!("a different message");
        };
        assert_eq!(status.error, "full");
    }

    #[test]
    fn an_unknown_type_and_invalid_json_are_errors() {
        let error = parse(&frame(0, "{}")).unwrap_err();
        assert_eq!(error.to_string(), "it sent a message of the unknown type 0x00");
        for text in ["", "[", "7", r#"{"error": 7}"#] {
            assert!(matches!(parse(&frame(b'4', text)), Err(MessageError::Text { kind: '4', .. })));
        }
    }

    #[test]
    fn the_first_login_has_no_run_id() {
        let login = serde_json::to_value(LoginRequest::new("key".into(), 7, None)).unwrap();
        assert!(login.get("run_id").is_none());
        assert_eq!(login["version"], "0.44.0");
        assert_eq!(login["timestamp"], 7);
        let login =
            serde_json::to_value(LoginRequest::new("key".into(), 7, Some("before"))).unwrap();
        assert_eq!(login["run_id"], "before");
    }
}
