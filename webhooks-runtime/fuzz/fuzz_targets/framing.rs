//! Any bytes are read as frames and then an error, and each frame is written as it was read.

#![no_main]

#[path = "../../src/share/framing.rs"]
mod framing;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let mut left = bytes;
        let mut written = Vec::new();
        while let Ok(frame) = framing::read(&mut left).await {
            assert!(frame.text.len() <= framing::MAX_LENGTH);
            framing::write(&mut written, &frame).await.unwrap();
        }
        assert!(bytes.starts_with(&written));
    });
});
