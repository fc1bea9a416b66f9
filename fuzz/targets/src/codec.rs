//! Bytes from the network to frames.

use std::fmt::Debug;

use bytes::{Bytes, BytesMut};
use collab_proto::{
    CodecError, decode_client, decode_datagram, decode_server, encode_datagram, encode_frame, split_frame,
};

/// Longest frame taken here, in bytes: small, so that the limit is met often.
const LIMIT: usize = 300;

/// Splits a stream, decodes every body as everything, and encodes again what is a frame.
pub fn codec(bytes: &[u8]) {
    let whole = split(bytes, bytes.len().max(1));
    assert_eq!(whole, split(bytes, 1), "a stream means the same in any pieces");
    for body in whole.iter().map(Bytes::as_ref).chain([bytes]) {
        again(body, decode_client, encode_frame);
        again(body, decode_server, encode_frame);
        if let Ok(datagram) = decode_datagram(body) {
            let encoded = encode_datagram(&datagram);
            assert!(encoded.len() <= body.len(), "the shortest form is the one that is written");
            assert_eq!(decode_datagram(&encoded).unwrap(), datagram);
        }
    }
}

/// The bodies of a stream that arrives in pieces of so many bytes, up to the first error.
fn split(bytes: &[u8], piece: usize) -> Vec<Bytes> {
    let mut buffer = BytesMut::new();
    let mut bodies = Vec::new();
    for piece in bytes.chunks(piece) {
        buffer.extend_from_slice(piece);
        loop {
            let before = buffer.len();
            match split_frame(&mut buffer, LIMIT) {
                Ok(Some(body)) => {
                    assert!(body.len() <= LIMIT && buffer.len() < before);
                    bodies.push(body);
                }
                Ok(None) => break,
                Err(_) => return bodies,
            }
        }
    }
    bodies
}

/// What decodes encodes to a frame that decodes to the same.
fn again<F: Debug + PartialEq>(
    body: &[u8],
    decode: impl Fn(&[u8]) -> Result<F, CodecError>,
    encode: impl Fn(&F) -> Bytes,
) {
    let Ok(frame) = decode(body) else { return };
    let mut framed = BytesMut::from(&encode(&frame)[..]);
    let encoded = split_frame(&mut framed, usize::MAX).unwrap().unwrap();
    assert!(framed.is_empty() && encoded.len() <= body.len(), "the shortest form is the one that is written");
    assert_eq!(decode(&encoded).unwrap(), frame);
}
