//! A provider's changes on their way to the room: one at a time, not faster than the room takes them, what waits merged into one.
//!
//! A provider hears of no acknowledgement and takes nothing back. So a change that comes too early is not rejected but waits
//! here; it stays in the provider's document all the same, and comes again whole when the provider connects anew.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use collab_document::{EMPTY_UPDATE, UpdateError, merge, split};
use collab_proto::{ClientFrame, EditId, Policy};

/// What may wait, in bytes: twice the largest message.
pub const MAX_WAITING_BYTES: usize = 2 * 1024 * 1024;

/// Changes that may wait, whatever their size.
pub const MAX_WAITING: usize = 4096;

/// Changes that go, or wait to go.
#[derive(Debug, Default)]
pub struct Edits {
    /// Not merged yet.
    waiting: Vec<Bytes>,
    /// Bytes of `waiting`.
    bytes: usize,
    /// What was merged, in parts of the size that the room takes.
    parts: VecDeque<Bytes>,
    in_flight: Option<(EditId, Bytes)>,
    last_id: u64,
    not_before: Option<Instant>,
}

/// More waits than may.
#[derive(Debug, PartialEq, Eq)]
pub struct Overflow;

impl Edits {
    /// Takes a change.
    ///
    /// # Errors
    ///
    /// [`Overflow`]; the change is not taken.
    pub fn add(&mut self, update: &[u8]) -> Result<(), Overflow> {
        if update == EMPTY_UPDATE {
            return Ok(());
        }
        let fits = self.bytes + update.len() <= MAX_WAITING_BYTES && self.waiting.len() < MAX_WAITING;
        if !fits {
            return Err(Overflow);
        }
        self.bytes += update.len();
        self.waiting.push(Bytes::copy_from_slice(update));
        Ok(())
    }

    /// The next edit, when its time has come.
    ///
    /// # Errors
    ///
    /// What waits is not a change of a text.
    pub fn poll(&mut self, now: Instant, policy: &Policy) -> Result<Option<ClientFrame>, UpdateError> {
        if self.due().is_none_or(|due| due > now) {
            return Ok(None);
        }
        if self.parts.is_empty() {
            self.parts = self.merged(policy.max_update_bytes as usize)?;
        }
        let Some(update) = self.parts.pop_front() else { return Ok(None) };
        self.last_id += 1;
        let id = EditId(self.last_id);
        self.in_flight = Some((id, update.clone()));
        self.not_before = Some(now + Duration::from_millis(policy.throttle_ms.into()));
        Ok(Some(ClientFrame::Edit { id, update }))
    }

    /// When [`Edits::poll`] has something; none while nothing waits or an answer is due.
    pub fn due(&self) -> Option<Instant> {
        let has_some = !self.parts.is_empty() || !self.waiting.is_empty();
        (has_some && self.in_flight.is_none()).then_some(self.not_before?)
    }

    /// Begins: nothing is due before.
    pub fn start(&mut self, now: Instant) {
        self.not_before = Some(now);
    }

    /// The room has the edit.
    pub fn saved(&mut self, id: EditId) {
        self.in_flight.take_if(|(flying, _)| *flying == id);
    }

    /// The edit came too early: it goes again, with what has come meanwhile.
    pub fn too_early(&mut self, now: Instant, id: EditId, wait: Duration) {
        if let Some((_, update)) = self.in_flight.take_if(|(flying, _)| *flying == id) {
            self.not_before = Some(now + wait);
            if self.parts.is_empty() {
                self.bytes += update.len();
                self.waiting.insert(0, update);
            } else {
                self.parts.push_front(update);
            }
        }
    }

    fn merged(&mut self, max_bytes: usize) -> Result<VecDeque<Bytes>, UpdateError> {
        let waiting = std::mem::take(&mut self.waiting);
        self.bytes = 0;
        let merged = match merge(&waiting) {
            Ok(one) => vec![Bytes::from(one)],
            // Something between them came another way; the room knows whether they fit.
            Err(UpdateError::Gap) => waiting,
            Err(error) => return Err(error),
        };
        let mut parts = VecDeque::new();
        for update in merged {
            parts.extend(split(&update, max_bytes)?.into_iter().map(Bytes::from));
        }
        Ok(parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use collab_document::Document;

    const POLICY: Policy = Policy {
        throttle_ms: 500,
        edits_per_minute: 30,
        burst: 30,
        tokens: 30,
        max_update_bytes: 1000,
        max_document_bytes: 10_000,
    };

    fn sent(edits: &mut Edits, now: Instant) -> Option<(EditId, Bytes)> {
        match edits.poll(now, &POLICY).unwrap()? {
            ClientFrame::Edit { id, update } => Some((id, update)),
            other => panic!("{other:?}"),
        }
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn one_goes_at_once_and_the_rest_as_one_when_the_room_takes_it() {
        let (now, mut writer, mut edits) = (Instant::now(), Document::new(1), Edits::default());
        let mut reader = Document::new(2);
        edits.start(now);
        for at in 0..5 {
            edits.add(&writer.splice(at, 0, "x").unwrap()).unwrap();
            if at == 0 {
                let (id, update) = sent(&mut edits, now).unwrap();
                reader.load(&update).unwrap();
                assert_eq!(edits.due(), None, "one is on its way");
                edits.saved(id);
            }
        }
        assert_eq!(edits.due(), Some(now + ms(500)));
        assert_eq!(sent(&mut edits, now + ms(499)), None);
        let (id, early) = sent(&mut edits, now + ms(500)).unwrap();
        edits.too_early(now + ms(500), id, ms(1800));
        edits.add(&writer.splice(0, 0, "y").unwrap()).unwrap();
        let (_, update) = sent(&mut edits, now + ms(2300)).unwrap();
        assert_ne!(early, update, "what came meanwhile is in it");
        reader.load(&update).unwrap();
        assert_eq!(reader.text(), "yxxxxx");
    }

    #[test]
    fn a_large_one_goes_in_parts() {
        let (now, mut writer, mut edits) = (Instant::now(), Document::new(1), Edits::default());
        let mut reader = Document::new(2);
        edits.start(now);
        edits.add(&writer.splice(0, 0, &"long ".repeat(1000)).unwrap()).unwrap();
        let mut at = now;
        while let Some((id, update)) = sent(&mut edits, at) {
            assert!(update.len() <= 1000);
            reader.load(&update).unwrap();
            edits.saved(id);
            at += ms(500);
        }
        assert_eq!(reader.text(), writer.text());
    }

    #[test]
    fn what_waits_is_bounded_in_bytes_and_in_number() {
        let mut edits = Edits::default();
        assert_eq!(edits.add(&vec![1; MAX_WAITING_BYTES]), Ok(()));
        assert_eq!(edits.add(&[1]), Err(Overflow));
        let mut edits = Edits::default();
        (0..MAX_WAITING).for_each(|_| edits.add(&[1]).unwrap());
        assert_eq!(edits.add(&[1]), Err(Overflow));
        assert_eq!(edits.add(&EMPTY_UPDATE), Ok(()), "nothing is nothing");
    }

    #[test]
    fn what_is_no_change_is_an_error() {
        let (now, mut edits) = (Instant::now(), Edits::default());
        edits.start(now);
        edits.add(&[9, 9, 9]).unwrap();
        assert!(edits.poll(now, &POLICY).is_err());
    }
}
