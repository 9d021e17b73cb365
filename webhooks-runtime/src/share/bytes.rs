//! Generates random bytes and formats bytes as text.

use std::io;

use ring::rand::{SecureRandom, SystemRandom};

/// Returns unpredictable bytes from the operating system.
pub(super) fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| io::Error::other("the operating system returned no random bytes"))?;
    Ok(bytes)
}

/// Formats bytes as lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
