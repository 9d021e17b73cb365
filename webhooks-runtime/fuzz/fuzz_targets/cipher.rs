//! Bytes that are written to a cipher stream, in pieces of any sizes, are read from its other end. Reading bytes that were
//! never encrypted does not panic.

#![no_main]

#[path = "../../src/share/cipher.rs"]
#[allow(dead_code, reason = "the share link uses the rest")]
mod cipher;

use cipher::{CipherKey, CipherStream};
use libfuzzer_sys::fuzz_target;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

fuzz_target!(|input: (u8, u8, Vec<Vec<u8>>, Vec<u8>)| {
    let (pipe, buffer, pieces, foreign) = input;
    let key = CipherKey::from_token(b"a token");
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let (near, far) = duplex(usize::from(pipe) + 1);
        let mut near = CipherStream::new(near, &key, [1; 16]);
        let mut far = CipherStream::new(far, &key, [2; 16]);
        let write = async {
            for piece in &pieces {
                near.write_all(piece).await.unwrap();
            }
            near.shutdown().await.unwrap();
        };
        let read = async {
            let mut whole = Vec::new();
            let mut piece = vec![0; usize::from(buffer) + 1];
            loop {
                match far.read(&mut piece).await.unwrap() {
                    0 => return whole,
                    read => whole.extend_from_slice(&piece[..read]),
                }
            }
        };
        assert_eq!(tokio::join!(write, read).1, pieces.concat());

        let mut stream = CipherStream::new(std::io::Cursor::new(foreign.clone()), &key, [3; 16]);
        let mut read = Vec::new();
        match stream.read_to_end(&mut read).await {
            Ok(_) => assert_eq!(read.len(), foreign.len().saturating_sub(16)),
            Err(_) => assert!(foreign.len() < 16),
        }
    });
});
