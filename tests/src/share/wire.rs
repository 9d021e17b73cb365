//! What is said, and how it is wrapped.

use std::io;

use aes::Aes128;
use cfb_mode::cipher::KeyIvInit;
use cfb_mode::{BufDecryptor, BufEncryptor};
use serde::Deserialize;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The longest message that the public server reads, in bytes.
const LONGEST: u64 = 10_240;

/// The key of the empty token: PBKDF2 with HMAC-SHA1, salt `frp`, 64 rounds.
const KEY: [u8; 16] = *b"\xcd\xc9\xdc\x4c\x47\x2c\x37\x33\x12\x81\xdf\x4c\x23\x2a\x84\x07";

/// The vector of this side. Any does for tests.
const VECTOR: [u8; 16] = *b"0123456789abcdef";

/// A client's first message.
#[derive(Clone, Debug, Deserialize)]
pub struct Login {
    /// The version of the client that it is like.
    pub version: String,
    /// Made of the token and the timestamp.
    pub privilege_key: String,
    /// Seconds since 1970.
    pub timestamp: i64,
    /// The name of the session before.
    #[serde(default)]
    pub run_id: String,
    /// How many work connections to ask for at once.
    pub pool_count: usize,
}

/// A client's request for a URL.
#[derive(Clone, Debug, Deserialize)]
pub struct NewProxy {
    /// The secret name.
    pub proxy_name: String,
    /// `http`.
    pub proxy_type: String,
    /// `random`.
    pub subdomain: String,
}

impl Login {
    /// Whether it knows the token, which is empty.
    pub(super) fn is_proven(&self) -> bool {
        self.privilege_key == format!("{:x}", md5::compute(self.timestamp.to_string()))
    }
}

pub(super) async fn read(reader: &mut (impl AsyncRead + Unpin)) -> io::Result<(u8, Value)> {
    let kind = reader.read_u8().await?;
    let length = reader.read_u64().await?;
    if length > LONGEST {
        return Err(io::Error::other("a message is too long"));
    }
    let mut text = Vec::new();
    reader.take(length).read_to_end(&mut text).await?;
    Ok((kind, serde_json::from_slice(&text)?))
}

pub(super) fn message(kind: u8, text: &Value) -> Vec<u8> {
    let text = text.to_string();
    [&[kind][..], &(text.len() as u64).to_be_bytes(), text.as_bytes()].concat()
}

/// Reads what the client encrypts.
pub(super) struct Decrypting<R> {
    reader: R,
    cipher: Option<BufDecryptor<Aes128>>,
}

impl<R: AsyncRead + Unpin> Decrypting<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, cipher: None }
    }

    /// Reads some bytes; none at the end.
    async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.cipher.is_none() {
            let mut vector = [0; 16];
            self.reader.read_exact(&mut vector).await?;
            self.cipher = Some(BufDecryptor::new(&KEY.into(), &vector.into()));
        }
        let read = self.reader.read(buffer).await?;
        if let Some(cipher) = &mut self.cipher {
            cipher.decrypt(&mut buffer[..read]);
        }
        Ok(read)
    }

    /// Reads a whole message.
    pub(super) async fn message(&mut self) -> io::Result<(u8, Value)> {
        let mut bytes = Vec::new();
        loop {
            let mut byte = [0];
            if self.read(&mut byte).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            bytes.push(byte[0]);
            let Some((head, text)) = bytes.split_at_checked(9) else { continue };
            let length = head[1..].iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
            if text.len() == length {
                return Ok((head[0], serde_json::from_slice(text)?));
            }
        }
    }
}

/// Writes what the client decrypts.
pub(super) struct Encrypting<W> {
    writer: W,
    cipher: BufEncryptor<Aes128>,
    begun: bool,
}

impl<W: AsyncWrite + Unpin> Encrypting<W> {
    pub(super) fn new(writer: W) -> Self {
        let cipher = BufEncryptor::new(&KEY.into(), &VECTOR.into());
        Self { writer, cipher, begun: false }
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if !self.begun {
            self.begun = true;
            self.writer.write_all(&VECTOR).await?;
        }
        let mut bytes = bytes.to_vec();
        self.cipher.encrypt(&mut bytes);
        self.writer.write_all(&bytes).await?;
        self.writer.flush().await
    }
}
