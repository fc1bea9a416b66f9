//! A room with honest and hostile members.

use std::time::{Duration, Instant};

use arbitrary::{Arbitrary, Result, Unstructured};
use bytes::Bytes;
use collab_document::Document;
use collab_proto::api::Pace;
use collab_proto::limits::{MAX_NAME_CHARS, MAX_SAFE_INTEGER};
use collab_proto::{ClientFrame, ClientId, Cursor, Durability, Position, decode_client};
use collab_server::room::admission::Limits;
use collab_server::room::core::{AppliedEdit, Core, EditError, Entrant};
use collab_server::room::fixtures::{entrant, record};

use crate::craft;
use crate::person::Person;

/// What passes between two edits: enough for the budget to be full again.
const MOMENT: Duration = Duration::from_millis(1);

/// No budget to speak of; the rest small, so that it is met often.
const LIMITS: Limits = Limits {
    pace: Pace { throttle_ms: 0, edits_per_minute: u32::MAX, burst: u32::MAX },
    max_update_bytes: 4000,
    max_document_bytes: 1 << 20,
    max_members: 5,
    outbox_bytes: 300,
};

/// Most steps that one input brings.
const MAX_STEPS: usize = 200;

/// Most bytes of a frame beyond the update that it carries: five names, a token, ids.
const FRAME_BYTES: usize = 1500;

/// Plays a sequence of joins, edits, requests, renames, cursors and departures, some with hostile bytes. An input that begins
/// with 0 is the body of one frame from a hostile member instead. Afterwards the honest ones must have one text.
pub fn room(bytes: &[u8]) {
    let Some((&how, rest)) = bytes.split_first() else { return };
    let mut scene = Scene::new();
    if how == 0 {
        scene.frame(rest);
    } else {
        // It ends when the input does.
        let _ = scene.play(&mut Unstructured::new(rest));
    }
    scene.finish();
}

struct Scene {
    core: Core,
    now: Instant,
    people: Vec<Person>,
    /// Applied edits that the disk has not yet.
    unsaved: Vec<AppliedEdit>,
    /// What the store would hold.
    journal: Vec<Bytes>,
    joins: u64,
    /// The longest that the document can have been, in bytes.
    longest: usize,
}

impl Scene {
    fn new() -> Self {
        let mut scene = Self {
            core: Core::new(&record(), Document::new(MAX_SAFE_INTEGER), LIMITS),
            now: Instant::now(),
            people: Vec::new(),
            unsaved: Vec::new(),
            journal: Vec::new(),
            joins: 0,
            longest: 0,
        };
        scene.welcome();
        scene.welcome();
        scene.intrude(1, &[0]);
        scene.write(0, 0, 0, "hello 😀 world");
        scene
    }

    fn play(&mut self, input: &mut Unstructured<'_>) -> Result<()> {
        for _ in 0..MAX_STEPS {
            if input.is_empty() {
                break;
            }
            self.step(input)?;
            self.check();
        }
        Ok(())
    }

    fn step(&mut self, input: &mut Unstructured<'_>) -> Result<()> {
        match input.int_in_range(0..=15)? {
            0 => self.welcome(),
            1 => self.intrude(input.int_in_range(0..=7)?, &hostile_bytes(input)?),
            2 => self.time_passes(input.int_in_range(0..=500)?),
            3 => self.save(),
            _ if self.people.is_empty() => {}
            kind => {
                let who = input.choose_index(self.people.len())?;
                match self.people[who].honest {
                    true => self.honest_step(input, who, kind)?,
                    false => self.hostile_step(input, who, kind)?,
                }
            }
        }
        Ok(())
    }

    fn honest_step(&mut self, input: &mut Unstructured<'_>, who: usize, kind: u8) -> Result<()> {
        let person = &mut self.people[who];
        match kind {
            4 => drop(self.core.leave(self.now, self.people.swap_remove(who).seat())),
            5..=8 => person.catch_up(&mut self.core, self.now),
            9 => self.core.sync(self.now, person.seat(), &person.document.state_vector()),
            _ => {
                let len = person.document.len();
                let at = input.int_in_range(0..=len)?;
                let delete = input.int_in_range(0..=4.min(len - at))?;
                self.write(who, at, delete, craft::word(input)?);
            }
        }
        Ok(())
    }

    fn hostile_step(&mut self, input: &mut Unstructured<'_>, who: usize, kind: u8) -> Result<()> {
        let (now, seat) = (self.now, self.people[who].seat());
        match kind {
            4 => drop(self.core.leave(now, self.people.swap_remove(who).seat())),
            5 => self.people[who].catch_up(&mut self.core, now),
            6 => self.core.sync(now, seat, &hostile_bytes(input)?),
            7 => self.core.sync(now, seat, &[0]),
            8 => self.core.rename(now, seat, clean(&String::arbitrary(input)?)),
            9 => self.core.cursor(now, seat, u64::arbitrary(input)?, cursor(input)?),
            10 => {
                let update = hostile_bytes(input)?;
                self.attack(who, update);
            }
            11 => {
                let honest = self.core.document().diff(&[0]).unwrap();
                let update = craft::damaged(input, honest)?;
                self.attack(who, update);
            }
            _ => {
                let update = craft::update(input, self.core.document())?;
                self.attack(who, update);
            }
        }
        Ok(())
    }

    /// One frame as the network brought it, from the hostile member.
    fn frame(&mut self, body: &[u8]) {
        let seat = self.people[2].seat();
        match decode_client(body) {
            Ok(ClientFrame::Join(join)) => self.intrude(join.client_id.0, &join.state_vector),
            Ok(ClientFrame::Edit { update, .. }) => self.attack(2, update.into()),
            Ok(ClientFrame::SyncRequest { state_vector }) => self.core.sync(self.now, seat, &state_vector),
            Ok(ClientFrame::SetName { name }) => self.core.rename(self.now, seat, clean(&name)),
            Err(_) => {}
        }
        self.check();
    }

    /// An honest person comes, without a copy. Replica ids are drawn at random: nobody knows one beforehand.
    fn welcome(&mut self) {
        let client = (self.joins + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) & MAX_SAFE_INTEGER;
        self.join(client, &[0], true);
    }

    fn intrude(&mut self, client: u64, state_vector: &[u8]) {
        self.join(client, state_vector, false);
    }

    fn join(&mut self, client: u64, state_vector: &[u8], honest: bool) {
        self.joins += 1;
        if let Ok(joined) = self.core.join(
            self.now,
            Entrant { client_id: ClientId(client), state_vector: state_vector.to_vec().into(), ..entrant(self.joins) },
        ) {
            self.people.push(Person::new(client, joined, honest));
        }
    }

    fn write(&mut self, who: usize, at: u32, delete: u32, text: &str) {
        self.now += MOMENT;
        let person = &mut self.people[who];
        let Ok(update) = person.document.splice(at, delete, text) else { return };
        match person.send(&mut self.core, self.now, update) {
            Ok(applied) => self.keep(applied),
            Err(error) => assert_eq!(error, EditError::Gone, "an honest edit is taken"),
        }
    }

    fn attack(&mut self, who: usize, update: Vec<u8>) {
        if update.len() > LIMITS.max_update_bytes {
            return;
        }
        self.now += MOMENT;
        match self.people[who].send(&mut self.core, self.now, update) {
            Ok(applied) => self.keep(applied),
            Err(error) => assert!(!matches!(error, EditError::Broken(_)), "nothing breaks the document"),
        }
    }

    fn keep(&mut self, applied: AppliedEdit) {
        self.journal.extend(applied.update.clone());
        self.unsaved.push(applied);
        self.longest = self.longest.max(self.core.document().encoded_len_estimate());
    }

    fn save(&mut self) {
        for applied in self.unsaved.drain(..) {
            self.core.saved(self.now, applied.ticket, Durability::Disk);
        }
    }

    fn time_passes(&mut self, ms: u64) {
        self.now += Duration::from_millis(ms);
        self.core.handle_timeout(self.now);
        assert!(self.core.poll_timeout().is_none_or(|due| due > self.now), "a timeout that was handled is over");
    }

    /// What holds after every step: everything that one member can make grow is bounded.
    fn check(&self) {
        assert!(self.core.count() as usize <= LIMITS.max_members);
        let largest_frame = LIMITS.max_update_bytes + FRAME_BYTES;
        let bound = largest_frame.max(2 * LIMITS.outbox_bytes) + self.longest + FRAME_BYTES;
        for person in &self.people {
            let waiting = person.joined.outbox.bytes();
            assert!(waiting <= bound, "{waiting} bytes wait where {bound} are allowed");
        }
    }

    /// What holds at last: all who are still here read the same, and so does whoever reads the journal.
    fn finish(mut self) {
        self.save();
        self.time_passes(1000);
        self.check();
        let text = self.core.document().text();
        for person in &mut self.people {
            person.catch_up(&mut self.core, self.now);
            if person.honest && !person.gone {
                assert_eq!(person.document.text(), text, "honest members have one text");
            }
        }
        assert_eq!(self.people.iter().filter(|person| !person.gone).count(), self.core.count() as usize);
        let mut replayed = Document::new(0);
        self.journal.iter().for_each(|update| drop(replayed.load(update).unwrap()));
        assert_eq!(replayed.text(), text, "the journal gives the same text");
        let mut reloaded = Document::new(0);
        reloaded.load(&self.core.document().state().unwrap()).unwrap();
        assert_eq!(reloaded.text(), text, "a reload shows the same text");
    }
}

fn hostile_bytes(input: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let len = input.int_in_range(0..=60)?;
    Ok(input.bytes(usize::min(len, input.len()))?.to_vec())
}

fn clean(name: &str) -> String {
    name.chars().take(MAX_NAME_CHARS).collect()
}

fn cursor(input: &mut Unstructured<'_>) -> Result<Option<Cursor>> {
    let position = |input: &mut Unstructured<'_>| -> Result<Position> {
        let (client, clock) = (ClientId(u64::arbitrary(input)?), u32::arbitrary(input)?);
        Ok(match input.int_in_range(0..=3)? {
            0 => Position::Start,
            1 => Position::End,
            2 => Position::Before { client, clock },
            _ => Position::After { client, clock },
        })
    };
    if input.ratio(1, 8)? {
        return Ok(None);
    }
    Ok(Some(Cursor { anchor: position(input)?, head: position(input)? }))
}
