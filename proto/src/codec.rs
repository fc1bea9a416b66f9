//! Bytes to frames and back. Total: any bytes give a frame or an error, within the memory that their limit allows.

use bytes::{Buf, Bytes, BytesMut};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::limits::MAX_DATAGRAM_BYTES;
use crate::{ClientFrame, Code, Datagram, PROTOCOL, ServerFrame};

/// Why bytes are not a frame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// Longer than allowed here.
    #[error("a frame of {bytes} bytes, where {limit} are allowed")]
    TooLarge {
        /// What the frame's header says, in bytes.
        bytes: u64,
        /// What is allowed, in bytes.
        limit: usize,
    },
    /// Not what the format says.
    #[error("not a frame: {0}")]
    Malformed(&'static str),
    /// A join in another version of the protocol.
    #[error("protocol version {0}, where only {PROTOCOL} is spoken")]
    UnsupportedProtocol(u32),
}

impl CodecError {
    /// The code to answer with.
    pub const fn code(&self) -> Code {
        match self {
            Self::TooLarge { .. } => Code::FrameTooLarge,
            Self::Malformed(_) => Code::Malformed,
            Self::UnsupportedProtocol(_) => Code::UnsupportedProtocol,
        }
    }
}

/// Encodes a frame with its length in front, ready for a stream.
///
/// # Panics
///
/// Never for the types of this crate: their serialisation cannot fail in memory.
pub fn encode_frame<F: Serialize>(frame: &F) -> Bytes {
    let body = encode(frame);
    let mut framed = BytesMut::with_capacity(body.len() + 5);
    let mut rest = body.len();
    while rest >= 0x80 {
        framed.extend_from_slice(&[(rest & 0x7f) as u8 | 0x80]);
        rest >>= 7;
    }
    framed.extend_from_slice(&[rest as u8]);
    framed.extend_from_slice(&body);
    framed.freeze()
}

/// Takes the next whole frame's body off the front of `buffer`; none while bytes are missing.
///
/// # Errors
///
/// [`CodecError::TooLarge`] as soon as the length is known, before the body is there; [`CodecError::Malformed`] for a length
/// of more than five bytes.
pub fn split_frame(buffer: &mut BytesMut, limit: usize) -> Result<Option<Bytes>, CodecError> {
    let Some((length, header)) = read_varint(buffer)? else {
        return Ok(None);
    };
    if length > limit as u64 {
        return Err(CodecError::TooLarge { bytes: length, limit });
    }
    let whole = header + length as usize;
    if buffer.len() < whole {
        return Ok(None);
    }
    let mut frame = buffer.split_to(whole);
    frame.advance(header);
    Ok(Some(frame.freeze()))
}

/// A varint of at most 35 bits at the front of `bytes`, and how many bytes it takes; none when it is cut off.
fn read_varint(bytes: &[u8]) -> Result<Option<(u64, usize)>, CodecError> {
    let mut value = 0u64;
    for (i, byte) in bytes.iter().take(5).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            return Ok(Some((value, i + 1)));
        }
    }
    if bytes.len() >= 5 { Err(CodecError::Malformed("its length does not end")) } else { Ok(None) }
}

/// Decodes a frame's body as a client sent it.
///
/// # Errors
///
/// [`CodecError::UnsupportedProtocol`] for a join of another version, whatever follows the version;
/// [`CodecError::Malformed`] for anything else that is not a frame.
pub fn decode_client(body: &[u8]) -> Result<ClientFrame, CodecError> {
    if let Some((0, rest)) = body.split_first() {
        let version = read_varint(rest)?.and_then(|(version, _)| u32::try_from(version).ok());
        match version {
            Some(PROTOCOL) => {}
            Some(other) => return Err(CodecError::UnsupportedProtocol(other)),
            None => return Err(CodecError::Malformed("a join without a version")),
        }
    }
    match decode(body)? {
        // The number in front may be padded, so that the look above missed the join.
        ClientFrame::Join(join) if join.protocol != PROTOCOL => Err(CodecError::UnsupportedProtocol(join.protocol)),
        frame => Ok(frame),
    }
}

/// Decodes a frame's body as a server sent it.
///
/// # Errors
///
/// [`CodecError::Malformed`].
pub fn decode_server(body: &[u8]) -> Result<ServerFrame, CodecError> {
    decode(body)
}

/// Encodes a datagram.
pub fn encode_datagram(datagram: &Datagram) -> Bytes {
    encode(datagram).into()
}

/// Decodes a datagram.
///
/// # Errors
///
/// [`CodecError::TooLarge`] above [`MAX_DATAGRAM_BYTES`], [`CodecError::Malformed`].
pub fn decode_datagram(bytes: &[u8]) -> Result<Datagram, CodecError> {
    if bytes.len() > MAX_DATAGRAM_BYTES {
        return Err(CodecError::TooLarge { bytes: bytes.len() as u64, limit: MAX_DATAGRAM_BYTES });
    }
    decode(bytes)
}

#[expect(clippy::expect_used, reason = "writing plain data to memory cannot fail")]
fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    postcard::to_stdvec(value).expect("plain data")
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Ok(value),
        Ok(_) => Err(CodecError::Malformed("bytes after its end")),
        Err(postcard::Error::DeserializeUnexpectedEnd) => Err(CodecError::Malformed("it ends too early")),
        Err(postcard::Error::DeserializeBadUtf8) => Err(CodecError::Malformed("a text is not UTF-8")),
        Err(_) => Err(CodecError::Malformed("a value is out of range")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EditId, limits};
    use proptest::prelude::*;

    fn edit(len: usize) -> ClientFrame {
        ClientFrame::Edit { id: EditId(7), update: vec![1; len].into() }
    }

    #[test]
    fn a_frame_arrives_in_any_pieces() {
        let bytes = encode_frame(&edit(300));
        let mut buffer = BytesMut::new();
        for byte in &bytes[..bytes.len() - 1] {
            buffer.extend_from_slice(&[*byte]);
            assert_eq!(split_frame(&mut buffer, 1000), Ok(None));
        }
        buffer.extend_from_slice(&bytes[bytes.len() - 1..]);
        buffer.extend_from_slice(&bytes);
        for _ in 0..2 {
            let body = split_frame(&mut buffer, 1000).unwrap().unwrap();
            assert_eq!(decode_client(&body), Ok(edit(300)));
        }
        assert!(buffer.is_empty());
    }

    #[test]
    fn the_limit_holds_at_its_edge_before_the_body_arrives() {
        let body = encode(&edit(500)).len();
        let bytes = encode_frame(&edit(500));
        assert!(split_frame(&mut BytesMut::from(&bytes[..]), body).unwrap().is_some());
        let header_only = &bytes[..2];
        assert_eq!(
            split_frame(&mut BytesMut::from(header_only), body - 1),
            Err(CodecError::TooLarge { bytes: body as u64, limit: body - 1 })
        );
        let endless = [0xff; 5];
        assert!(matches!(split_frame(&mut BytesMut::from(&endless[..]), usize::MAX), Err(CodecError::Malformed(_))));
    }

    #[test]
    fn another_version_is_told_apart_from_garbage() {
        assert_eq!(decode_client(&[0, 2, 0xff, 0xff]), Err(CodecError::UnsupportedProtocol(2)));
        let padded = [0x80, 0, 0, 0, 0, 0, 1, 0x2c, 8, 0, 0];
        assert_eq!(decode_client(&padded), Err(CodecError::UnsupportedProtocol(0)));
        assert!(matches!(decode_client(&[0, 1, 0xff]), Err(CodecError::Malformed(_))));
        assert!(matches!(decode_client(&[0]), Err(CodecError::Malformed(_))));
        assert!(matches!(decode_client(&[]), Err(CodecError::Malformed(_))));
        assert!(matches!(decode_client(&[9]), Err(CodecError::Malformed(_))));
    }

    #[test]
    fn a_datagram_is_limited_at_its_edge() {
        let over = vec![0; limits::MAX_DATAGRAM_BYTES + 1];
        assert!(matches!(decode_datagram(&over), Err(CodecError::TooLarge { .. })));
        assert!(matches!(decode_datagram(&over[1..]), Err(CodecError::Malformed(_))));
    }

    proptest! {
        #[test]
        fn any_bytes_decode_or_fail(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode_client(&bytes);
            let _ = decode_server(&bytes);
            let _ = decode_datagram(&bytes);
            let _ = split_frame(&mut BytesMut::from(&bytes[..]), 100);
        }

        #[test]
        fn what_decodes_encodes_to_an_equal_frame(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(frame) = decode_client(&bytes) {
                prop_assert_eq!(decode_client(&encode(&frame)), Ok(frame));
            }
        }
    }
}
