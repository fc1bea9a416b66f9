//! A look at a server's frame that copies nothing of the two kinds that come thousands of times a second.

use std::time::Duration;

use collab_proto::{CodecError, EditId, ServerFrame, decode_server};

use super::{Entered, Heard, Refusal};

/// The numbers of the frequent frames on the wire; a test holds them against the codec.
const EDITED: u64 = 2;
const SAVED: u64 = 3;

/// What a frame's body says.
pub fn glance(body: &[u8], hear: &mut impl FnMut(Heard<'_>)) -> Result<(), CodecError> {
    match frequent(body) {
        Some(heard) => hear(heard),
        None => rare(decode_server(body)?, hear),
    }
    Ok(())
}

/// An edit or an acknowledgement, whole and with nothing behind it.
fn frequent(body: &[u8]) -> Option<Heard<'_>> {
    let (kind, rest) = varint(body)?;
    let (number, rest) = varint(rest)?;
    match kind {
        EDITED => {
            let (len, update) = varint(rest)?;
            (len == update.len() as u64).then_some(Heard::Edited(update))
        }
        SAVED => varint(rest).filter(|(_, rest)| rest.is_empty()).map(|_| Heard::Saved(EditId(number))),
        _ => None,
    }
}

fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0;
    for (i, byte) in bytes.iter().take(9).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[i + 1..]));
        }
    }
    None
}

fn rare(frame: ServerFrame, hear: &mut impl FnMut(Heard<'_>)) {
    match frame {
        ServerFrame::Welcome(welcome) => hear(Heard::Entered(Box::new(Entered {
            missing: welcome.missing,
            member: welcome.member,
            resume_token: welcome.resume_token,
            generation: welcome.generation,
            slot: welcome.slot,
            policy: welcome.policy,
        }))),
        ServerFrame::Edited { update, .. } => hear(Heard::Edited(&update)),
        ServerFrame::Saved { id, .. } => hear(Heard::Saved(id)),
        ServerFrame::Resync { update, .. } => hear(Heard::CaughtUp(&update)),
        ServerFrame::Rejected { id, code, retry_after_ms, .. } => {
            hear(Heard::Rejected(id, Refusal { code, after: millis(retry_after_ms.unwrap_or(0)) }));
        }
        ServerFrame::Refused { code, retry_after_ms, .. } => {
            hear(Heard::Ended(Refusal { code, after: millis(retry_after_ms.unwrap_or(0)) }));
        }
        ServerFrame::GoAway { reason, reconnect_after_ms } => {
            hear(Heard::Ended(Refusal { code: reason, after: millis(reconnect_after_ms) }));
        }
        ServerFrame::Members { .. } | ServerFrame::RoleChanged { .. } | ServerFrame::PolicyChanged { .. } => {
            hear(Heard::Other);
        }
    }
}

fn millis(ms: u32) -> Duration {
    Duration::from_millis(ms.into())
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;
    use collab_proto::{Code, Durability, MemberId, encode_frame, split_frame};

    use super::*;

    fn body(frame: &ServerFrame) -> Vec<u8> {
        let mut bytes = BytesMut::from(&encode_frame(frame)[..]);
        split_frame(&mut bytes, 1 << 20).unwrap().unwrap().to_vec()
    }

    fn heard(body: &[u8]) -> Vec<String> {
        let mut all = Vec::new();
        glance(body, &mut |heard| all.push(format!("{heard:?}"))).unwrap();
        all
    }

    #[test]
    fn the_frequent_frames_are_read_as_the_codec_writes_them() {
        for size in [0, 1, 127, 128, 70_000] {
            let update = vec![7; size];
            let edited = body(&ServerFrame::Edited { member: MemberId((1 << 53) - 1), update: update.clone().into() });
            assert!(matches!(frequent(&edited), Some(Heard::Edited(found)) if found == update));
            assert!(frequent(&edited[..edited.len() - 1]).is_none());
        }
        for id in [0, 127, 128, u64::from(u32::MAX)] {
            let saved = body(&ServerFrame::Saved { id: EditId(id), durability: Durability::Quorum });
            assert!(matches!(frequent(&saved), Some(Heard::Saved(EditId(found))) if found == id));
        }
    }

    #[test]
    fn every_other_frame_goes_through_the_codec() {
        let after = Some(1500);
        let refused = ServerFrame::Refused { code: Code::Busy, message: "later".to_owned(), retry_after_ms: after };
        assert_eq!(heard(&body(&refused)), ["Ended(Refusal { code: Busy, after: 1.5s })"]);
        let away = ServerFrame::GoAway { reconnect_after_ms: 10, reason: Code::Draining };
        assert_eq!(heard(&body(&away)), ["Ended(Refusal { code: Draining, after: 10ms })"]);
        let members = ServerFrame::Members { count: 1, joined: Vec::new(), left: Vec::new() };
        assert_eq!(heard(&body(&members)), ["Other"]);
        let resync = ServerFrame::Resync { update: vec![0, 0].into(), state_vector: vec![0].into() };
        assert_eq!(heard(&body(&resync)), ["CaughtUp([0, 0])"]);
        assert!(glance(&[2, 0x80], &mut |_| {}).is_err());
        assert!(glance(&[], &mut |_| {}).is_err());
    }
}
