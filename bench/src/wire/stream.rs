//! Frames out of the pieces of a stream. What comes whole, as nearly all do, is not copied.

use collab_proto::CodecError;
use collab_proto::limits::MAX_SERVER_FRAME_BYTES;

use super::Heard;
use super::glance::glance;

/// The beginning of a frame whose end has not come yet.
#[derive(Debug, Default)]
pub struct Frames {
    rest: Vec<u8>,
}

impl Frames {
    /// Takes the next piece of the stream and gives what is whole to `hear`.
    pub fn feed(&mut self, piece: &[u8], mut hear: impl FnMut(Heard<'_>)) -> Result<(), CodecError> {
        if self.rest.is_empty() {
            let taken = take_frames(piece, &mut hear)?;
            self.rest.extend_from_slice(&piece[taken..]);
            return Ok(());
        }
        self.rest.extend_from_slice(piece);
        let taken = take_frames(&self.rest, &mut hear)?;
        self.rest.drain(..taken);
        if self.rest.is_empty() {
            // Quiet users hold no buffer.
            self.rest = Vec::new();
        }
        Ok(())
    }
}

/// How many bytes the whole frames at the front took.
fn take_frames(bytes: &[u8], hear: &mut impl FnMut(Heard<'_>)) -> Result<usize, CodecError> {
    let mut taken = 0;
    while let Some((header, len)) = length(&bytes[taken..])? {
        let Some(body) = bytes.get(taken + header..taken + header + len) else { break };
        glance(body, hear)?;
        taken += header + len;
    }
    Ok(taken)
}

/// The length at the front and how many bytes it takes; none while it is cut off.
fn length(bytes: &[u8]) -> Result<Option<(usize, usize)>, CodecError> {
    let mut value = 0u64;
    for (i, byte) in bytes.iter().take(5).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            let limit = MAX_SERVER_FRAME_BYTES;
            let len = usize::try_from(value).ok().filter(|len| *len <= limit);
            return len.map(|len| Some((i + 1, len))).ok_or(CodecError::TooLarge { bytes: value, limit });
        }
    }
    if bytes.len() >= 5 { Err(CodecError::Malformed("its length does not end")) } else { Ok(None) }
}

#[cfg(test)]
mod tests {
    use collab_proto::{MemberId, ServerFrame, encode_frame};

    use super::*;

    fn edited(len: usize) -> Vec<u8> {
        encode_frame(&ServerFrame::Edited { member: MemberId(9), update: vec![5; len].into() }).to_vec()
    }

    fn lengths(pieces: &[&[u8]]) -> Vec<usize> {
        let (mut frames, mut lengths) = (Frames::default(), Vec::new());
        for piece in pieces {
            let hear = |heard: Heard<'_>| match heard {
                Heard::Edited(update) => lengths.push(update.len()),
                other => panic!("{other:?}"),
            };
            frames.feed(piece, hear).unwrap();
        }
        assert!(frames.rest.is_empty());
        lengths
    }

    #[test]
    fn frames_are_found_wherever_the_pieces_are_cut() {
        let all = [edited(3), edited(300), edited(0), edited(20_000)].concat();
        let wanted = [3, 300, 0, 20_000];
        assert_eq!(lengths(&[&all]), wanted);
        assert_eq!(lengths(&all.chunks(1).collect::<Vec<_>>()), wanted);
        for cut in [1, 5, 100, 308, 315, 1000] {
            assert_eq!(lengths(&[&all[..cut], &all[cut..]]), wanted, "cut at {cut}");
        }
    }

    #[test]
    fn a_length_beyond_the_limit_is_refused_before_its_body_comes() {
        let header = |mut len: usize| {
            let mut bytes = Vec::new();
            while len >= 0x80 {
                bytes.push((len & 0x7f) as u8 | 0x80);
                len >>= 7;
            }
            bytes.push(len as u8);
            bytes
        };
        assert!(Frames::default().feed(&header(MAX_SERVER_FRAME_BYTES), |_| {}).is_ok());
        let over = Frames::default().feed(&header(MAX_SERVER_FRAME_BYTES + 1), |_| {});
        assert!(matches!(over, Err(CodecError::TooLarge { .. })));
        assert!(matches!(Frames::default().feed(&[0xff; 5], |_| {}), Err(CodecError::Malformed(_))));
    }
}
