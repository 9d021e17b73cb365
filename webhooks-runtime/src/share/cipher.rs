//! Encrypts a stream with AES-128 in cipher feedback mode (full blocks).
//!
//! Each direction begins with 16 random bytes, the initialization vector. The key is derived from a token
//! that is empty on public share servers, so this encryption protects nothing; the protocol requires it.
//! TLS, one layer below, protects the bytes.

use std::io;
use std::num::NonZero;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use aes::Aes128;
use cfb_mode::cipher::KeyIvInit;
use cfb_mode::{BufDecryptor, BufEncryptor};
use ring::pbkdf2::{self, PBKDF2_HMAC_SHA1};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The size of a block, of the key and of the initialization vector, in bytes.
const BLOCK: usize = 16;

/// The size of the buffer of encrypted bytes.
const MAX_UNSENT: usize = 16 * 1024;

/// The token of public share servers.
pub(crate) const TOKEN: &[u8] = b"";

/// The key of an encrypted stream.
#[derive(Clone)]
pub(crate) struct CipherKey([u8; BLOCK]);

impl CipherKey {
    /// Derives the key from a token.
    pub(crate) fn from_token(token: &[u8]) -> Self {
        const ROUNDS: NonZero<u32> = NonZero::new(64).unwrap();
        let mut key = [0; BLOCK];
        pbkdf2::derive(PBKDF2_HMAC_SHA1, ROUNDS, b"frp", token, &mut key);
        Self(key)
    }
}

/// A stream whose bytes are encrypted in both directions.
pub(crate) struct CipherStream<S> {
    stream: S,
    key: CipherKey,
    read_state: ReadState,
    encrypt: BufEncryptor<Aes128>,
    /// Encrypted bytes that are not sent yet.
    unsent: Vec<u8>,
    /// How many bytes at the front of `unsent` are already sent.
    sent: usize,
}

/// The state of the reading direction.
enum ReadState {
    /// The initialization vector, and how many of its bytes have arrived.
    Vector([u8; BLOCK], usize),
    Data(Box<BufDecryptor<Aes128>>),
}

impl<S> CipherStream<S> {
    /// Encrypts a stream. `vector` must be random, and different for each stream.
    pub(crate) fn new(stream: S, key: &CipherKey, vector: [u8; BLOCK]) -> Self {
        Self {
            stream,
            key: key.clone(),
            read_state: ReadState::Vector([0; BLOCK], 0),
            encrypt: BufEncryptor::new(&key.0.into(), &vector.into()),
            unsent: vector.to_vec(),
            sent: 0,
        }
    }
}

impl<S: AsyncWrite + Unpin> CipherStream<S> {
    /// Sends the buffered bytes.
    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest @ [_, ..]) = self.unsent.get(self.sent..) {
            match ready!(Pin::new(&mut self.stream).poll_write(context, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                more => self.sent += more,
            }
        }
        self.unsent.clear();
        self.sent = 0;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for CipherStream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            match &mut this.read_state {
                ReadState::Vector(vector, have) => {
                    let mut missing = ReadBuf::new(&mut vector[*have..]);
                    ready!(Pin::new(&mut this.stream).poll_read(context, &mut missing))?;
                    match missing.filled().len() {
                        0 if *have == 0 => return Poll::Ready(Ok(())),
                        0 => return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
                        read => *have += read,
                    }
                    if *have == BLOCK {
                        let decrypt = BufDecryptor::new(&this.key.0.into(), &(*vector).into());
                        this.read_state = ReadState::Data(Box::new(decrypt));
                    }
                }
                ReadState::Data(decrypt) => {
                    let before = buffer.filled().len();
                    ready!(Pin::new(&mut this.stream).poll_read(context, buffer))?;
                    decrypt.decrypt(&mut buffer.filled_mut()[before..]);
                    return Poll::Ready(Ok(()));
                }
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for CipherStream<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.unsent.len() >= MAX_UNSENT {
            ready!(this.poll_send(context))?;
        }
        let taken = bytes.len().min(MAX_UNSENT);
        let start = this.unsent.len();
        this.unsent.extend_from_slice(&bytes[..taken]);
        this.encrypt.encrypt(&mut this.unsent[start..]);
        // The rest is sent with the next write or flush.
        let _ = this.poll_send(context)?;
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_send(context))?;
        Pin::new(&mut this.stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_send(context))?;
        Pin::new(&mut this.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    fn now<T>(future: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(future)
    }

    /// AES-128 in CFB of 128 bits: NIST SP 800-38A, F.3.13.
    #[test]
    fn the_cipher_matches_the_test_vector_of_the_standard() {
        let key = CipherKey(*b"\x2b\x7e\x15\x16\x28\xae\xd2\xa6\xab\xf7\x15\x88\x09\xcf\x4f\x3c");
        let vector = *b"\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f";
        let plain = b"\x6b\xc1\xbe\xe2\x2e\x40\x9f\x96\xe9\x3d\x7e\x11\x73\x93\x17\x2a\
                      \xae\x2d\x8a\x57\x1e\x03\xac\x9c\x9e\xb7\x6f\xac\x45\xaf\x8e\x51";
        let cipher = b"\x3b\x3f\xd9\x2e\xb7\x2d\xad\x20\x33\x34\x49\xf8\xe8\x3c\xfb\x4a\
                       \xc8\xa6\x45\x37\xa0\xb3\xa9\x3f\xcd\xe3\xcd\xad\x9f\x1c\xe5\x8b";
        let (mut far, near) = duplex(64);
        let mut near = CipherStream::new(near, &key, vector);
        let mut sent = [0; 48];
        now(async {
            near.write_all(plain).await?;
            far.read_exact(&mut sent).await
        })
        .unwrap();
        assert_eq!(sent[..16], vector);
        assert_eq!(&sent[16..], cipher);
    }

    /// As `hashlib.pbkdf2_hmac("sha1", b"", b"frp", 64, 16)` of Python computes it.
    #[test]
    fn the_key_of_the_empty_token_is_that_of_other_implementations() {
        let known = *b"\xcd\xc9\xdc\x4c\x47\x2c\x37\x33\x12\x81\xdf\x4c\x23\x2a\x84\x07";
        assert_eq!(CipherKey::from_token(b"").0, known);
    }

    proptest! {
        #[test]
        fn what_is_written_in_any_pieces_is_read_in_any_pieces(
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..3000), 0..20),
            pipe in 1_usize..5000,
            buffer in 1_usize..5000,
            vectors: [[u8; 16]; 2],
        ) {
            let key = CipherKey::from_token(b"a token");
            let (near, far) = duplex(pipe);
            let mut near = CipherStream::new(near, &key, vectors[0]);
            let mut far = CipherStream::new(far, &key, vectors[1]);
            let whole = pieces.concat();
            let read = now(async {
                let write = async {
                    for piece in &pieces {
                        near.write_all(piece).await?;
                    }
                    near.shutdown().await
                };
                let read = async {
                    let mut bytes = Vec::new();
                    let mut piece = vec![0; buffer];
                    loop {
                        match far.read(&mut piece).await? {
                            0 => return Ok::<_, io::Error>(bytes),
                            read => bytes.extend_from_slice(&piece[..read]),
                        }
                    }
                };
                Ok::<_, io::Error>(tokio::try_join!(write, read)?.1)
            });
            prop_assert_eq!(read.unwrap(), whole);
        }

        #[test]
        fn a_vector_that_is_cut_is_an_error(length in 1_usize..16) {
            let (mut near, far) = duplex(64);
            let mut far = CipherStream::new(far, &CipherKey::from_token(b""), [0; 16]);
            let error = now(async move {
                near.write_all(&[0; 16][..length]).await?;
                drop(near);
                far.read_u8().await
            });
            prop_assert_eq!(error.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        }
    }
}
