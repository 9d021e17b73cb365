//! Any bytes after the mark of a compressed stream are text or an error.

#![no_main]

#[path = "../../src/share/compression.rs"]
mod compression;
#[path = "../../src/share/outbox.rs"]
mod outbox;

use compression::CompressedStream;
use libfuzzer_sys::fuzz_target;
use tokio::io::AsyncReadExt;

fuzz_target!(|bytes: &[u8]| {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let marked = [&b"\xff\x06\0\0sNaPpY"[..], bytes].concat();
        let mut stream = CompressedStream::new(std::io::Cursor::new(marked));
        let mut text = Vec::new();
        let _ = stream.read_to_end(&mut text).await;
        // A chunk of four bytes and a checksum stands for 64 KiB at the most.
        assert!(text.len() <= (bytes.len() / 8 + 1) << 16);
    });
});
