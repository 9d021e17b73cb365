//! Reads and writes frames: one byte of type, eight bytes of length, then that many bytes of JSON.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The maximum length of a frame's text, in bytes. The share server has the same limit.
pub(crate) const MAX_LENGTH: usize = 10_240;

/// A message before it is parsed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) text: Vec<u8>,
}

/// The error of a frame that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FrameError {
    #[error("it announced a message of {0} bytes, which is more than the {MAX_LENGTH} allowed")]
    Length(i64),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Reads one frame and no byte more, because other data may follow. Rejects a frame that is too long before
/// it allocates memory for it.
pub(crate) async fn read<R>(reader: &mut R) -> Result<Frame, FrameError>
where
    R: AsyncRead + Unpin,
{
    let kind = reader.read_u8().await?;
    let announced = reader.read_i64().await?;
    let length = usize::try_from(announced).ok().filter(|&length| length <= MAX_LENGTH);
    let mut text = vec![0; length.ok_or(FrameError::Length(announced))?];
    reader.read_exact(&mut text).await?;
    Ok(Frame { kind, text })
}

/// Writes one frame with a single write.
pub(crate) async fn write<W>(writer: &mut W, frame: &Frame) -> Result<(), FrameError>
where
    W: AsyncWrite + Unpin,
{
    let length = i64::try_from(frame.text.len()).unwrap_or(i64::MAX);
    if frame.text.len() > MAX_LENGTH {
        return Err(FrameError::Length(length));
    }
    let mut bytes = Vec::with_capacity(9 + frame.text.len());
    bytes.push(frame.kind);
    bytes.extend(length.to_be_bytes());
    bytes.extend(&frame.text);
    writer.write_all(&bytes).await?;
    Ok(writer.flush().await?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn now<T>(future: impl Future<Output = T>) -> T {
        futures_util::FutureExt::now_or_never(future).expect("nothing to wait for")
    }

    fn written(frame: &Frame) -> Vec<u8> {
        let mut bytes = Vec::new();
        now(write(&mut bytes, frame)).unwrap();
        bytes
    }

    #[test]
    fn a_frame_is_its_type_its_length_and_its_text() {
        let frame = Frame { kind: b'h', text: b"{}".to_vec() };
        assert_eq!(written(&frame), b"h\0\0\0\0\0\0\0\x02{}");
    }

    #[test]
    fn a_frame_that_is_too_long_is_rejected_in_both_directions() {
        for announced in [i64::MIN, -1, MAX_LENGTH as i64 + 1, i64::MAX] {
            let bytes = [&b"h"[..], &announced.to_be_bytes(), b"{}"].concat();
            let error = now(read(&mut bytes.as_slice())).unwrap_err();
            assert!(matches!(error, FrameError::Length(length) if length == announced));
        }
        let frame = Frame { kind: b'h', text: vec![b' '; MAX_LENGTH + 1] };
        let mut bytes = Vec::new();
        assert!(matches!(now(write(&mut bytes, &frame)), Err(FrameError::Length(_))));
        assert!(bytes.is_empty());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_and_what_follows_is_left(
            kind: u8,
            text in prop::collection::vec(any::<u8>(), 0..=MAX_LENGTH),
            rest in prop::collection::vec(any::<u8>(), 0..64),
        ) {
            let frame = Frame { kind, text };
            let bytes = [written(&frame), rest.clone()].concat();
            let mut left = bytes.as_slice();
            prop_assert_eq!(now(read(&mut left)).unwrap(), frame);
            prop_assert_eq!(left, rest);
        }

        #[test]
        fn a_frame_that_is_cut_is_an_error(
            text in prop::collection::vec(any::<u8>(), 0..64),
            cut: prop::sample::Index,
        ) {
            let bytes = written(&Frame { kind: b'h', text });
            let error = now(read(&mut &bytes[..cut.index(bytes.len())])).unwrap_err();
            let FrameError::Io(error) = error else { return Err(TestCaseError::fail("length")) };
            prop_assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        }

        #[test]
        fn any_bytes_end_in_a_frame_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
            if let Ok(frame) = now(read(&mut bytes.as_slice())) {
                prop_assert!(bytes.starts_with(&written(&frame)));
            }
        }
    }
}
