//! Which edits may go to the room: the member's role, budget and throttle, and the edit's size.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use collab_proto::api::{Pace, RoomPolicy};
use collab_proto::{Code, EditId, Policy, Role};

use crate::bucket::Bucket;
use crate::refusal::Refusal;

/// Edits that come in faster than the throttle by no fault of the client: the network bunches packets.
const THROTTLE_BURST: f64 = 3.0;

/// Requests other than edits (for everything, for another name) that may come at once; one a second is given back.
const CHORES: f64 = 10.0;

/// Cursor moves that may come at once, and that are given back in a second; an honest client sends half of that.
const CURSORS: f64 = 20.0;

/// A member who goes on sending over the budget this often within a minute is closed.
pub const MAX_STRIKES: u32 = 50;

/// See [`MAX_STRIKES`].
const STRIKES_PERIOD: Duration = Duration::from_secs(60);

/// The limits of a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How often a user may change the text.
    pub pace: Pace,
    /// Largest update in bytes.
    pub max_update_bytes: usize,
    /// Largest document in bytes of its encoded state.
    pub max_document_bytes: usize,
    /// How many members a room may have.
    pub max_members: usize,
    /// Above this many bytes a member's queue drops edits.
    pub outbox_bytes: usize,
}

/// What a user may still send. It belongs to the user of a room, not to a connection: reconnecting does not refill it.
#[derive(Debug)]
pub struct Budget(Mutex<Inner>);

#[derive(Debug)]
struct Inner {
    minute: Bucket,
    /// None where edits may come as fast as they like.
    throttle: Option<Bucket>,
    chores: Bucket,
    cursors: Bucket,
    strikes: u32,
    strikes_since: Instant,
}

impl Inner {
    /// How long until an edit may pass; none when it may now.
    fn wait(&mut self, now: Instant) -> Option<Duration> {
        let buckets = [Some(&mut self.minute), self.throttle.as_mut()].into_iter().flatten();
        let waits = buckets.map(|bucket| {
            bucket.refill(now);
            bucket.wait()
        });
        waits.max().filter(|wait| !wait.is_zero())
    }
}

/// Why an edit comes too early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooFast {
    /// When the next edit may come, from now.
    pub wait: Duration,
    /// How often this happened within a minute, this time included.
    pub strikes: u32,
}

/// A full bucket for the time between two edits; none where there need be none.
fn throttle(pace: Pace, now: Instant) -> Option<Bucket> {
    let per_second = 1000.0 / f64::from(pace.throttle_ms);
    (pace.throttle_ms > 0).then(|| Bucket::full(THROTTLE_BURST, per_second, now))
}

fn per_second(pace: Pace) -> f64 {
    f64::from(pace.edits_per_minute) / 60.0
}

impl Budget {
    /// A full budget.
    pub fn new(pace: Pace, now: Instant) -> Self {
        Self(Mutex::new(Inner {
            minute: Bucket::full(f64::from(pace.burst), per_second(pace), now),
            throttle: throttle(pace, now),
            chores: Bucket::full(CHORES, 1.0, now),
            cursors: Bucket::full(CURSORS, CURSORS, now),
            strikes: 0,
            strikes_since: now,
        }))
    }

    /// Goes on at another pace. What was used stays used.
    pub fn adopt(&self, pace: Pace, now: Instant) {
        let mut inner = self.lock();
        inner.minute.resize(f64::from(pace.burst), per_second(pace), now);
        inner.throttle = throttle(pace, now);
    }

    /// Takes one edit from the budget.
    ///
    /// # Errors
    ///
    /// [`TooFast`] when it is used up, or the last edits came faster than the throttle allows.
    pub fn take(&self, now: Instant) -> Result<(), TooFast> {
        let mut inner = self.lock();
        let Some(wait) = inner.wait(now) else {
            inner.minute.tokens -= 1.0;
            inner.throttle.iter_mut().for_each(|throttle| throttle.tokens -= 1.0);
            return Ok(());
        };
        if now.saturating_duration_since(inner.strikes_since) >= STRIKES_PERIOD {
            inner.strikes = 0;
            inner.strikes_since = now;
        }
        inner.strikes += 1;
        Err(TooFast { wait, strikes: inner.strikes })
    }

    /// Whether a request other than an edit may pass, which it takes from a small budget of its own.
    pub fn take_chore(&self, now: Instant) -> bool {
        self.lock().chores.take(now)
    }

    /// Whether a cursor move may pass.
    pub fn take_cursor(&self, now: Instant) -> bool {
        self.lock().cursors.take(now)
    }

    /// How many edits are left.
    pub fn left(&self, now: Instant) -> u32 {
        let mut inner = self.lock();
        inner.minute.refill(now);
        inner.minute.tokens as u32
    }

    /// Whether it holds as much as a new one, so that it need not be remembered.
    pub fn is_full(&self, now: Instant) -> bool {
        let mut inner = self.lock();
        inner.minute.refill(now);
        inner.minute.tokens >= inner.minute.capacity
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An edit that may go to the room. [`Gate::admit`] is its only constructor.
#[derive(Debug)]
pub struct AdmittedEdit {
    id: EditId,
    update: Bytes,
    read: Instant,
}

impl AdmittedEdit {
    /// The author's number for it.
    pub fn id(&self) -> EditId {
        self.id
    }

    /// When it was read.
    pub fn read(&self) -> Instant {
        self.read
    }

    /// The Yjs update; not inspected yet.
    pub fn update(&self) -> &Bytes {
        &self.update
    }
}

/// Why an edit may not go to the room.
#[derive(Debug)]
pub enum Denied {
    /// It stays with its author for this reason.
    Refused(Refusal),
    /// It came too early.
    TooFast(TooFast),
}

/// A member's role as their stream and the room share it: a change acts on the next edit.
#[derive(Debug)]
pub struct Standing(Mutex<Role>);

impl Standing {
    /// The role from the start.
    pub fn new(role: Role) -> Self {
        Self(Mutex::new(role))
    }

    /// The role now.
    pub fn role(&self) -> Role {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives another role.
    pub fn set(&self, role: Role) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = role;
    }
}

/// What stands between a member's stream and the room.
#[derive(Debug, Clone)]
pub struct Gate {
    /// What the member may do.
    pub standing: Arc<Standing>,
    /// The user's budget.
    pub budget: Arc<Budget>,
    /// The room's limits.
    pub limits: Limits,
}

impl Gate {
    /// Step 7 of an edit's road, right after it was read: role, size, budget.
    ///
    /// # Errors
    ///
    /// [`Denied`]; nothing was taken from the budget.
    pub fn admit(&self, now: Instant, id: EditId, update: Bytes) -> Result<AdmittedEdit, Denied> {
        if self.standing.role() == Role::Viewer {
            return Err(Denied::Refused(Code::ReadOnly.into()));
        }
        if update.len() > self.limits.max_update_bytes {
            return Err(Denied::Refused(Code::UpdateTooLarge.into()));
        }
        self.budget.take(now).map_err(Denied::TooFast)?;
        Ok(AdmittedEdit { id, update, read: now })
    }
}

impl Limits {
    /// The limits of a room that decides some for itself.
    #[must_use]
    pub fn with(self, policy: RoomPolicy) -> Self {
        Self { pace: policy.over(self.pace), ..self }
    }

    /// The limits as a member is told of them.
    pub fn policy(&self, tokens: u32) -> Policy {
        let bytes = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let Pace { edits_per_minute, burst, throttle_ms } = self.pace;
        Policy {
            throttle_ms,
            edits_per_minute,
            burst,
            tokens,
            max_update_bytes: bytes(self.max_update_bytes),
            max_document_bytes: bytes(self.max_document_bytes),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    const PACE: Pace = Pace { edits_per_minute: 30, burst: 30, throttle_ms: 500 };

    pub(crate) fn limits() -> Limits {
        Limits { pace: PACE, max_update_bytes: 1000, max_document_bytes: 10_000, max_members: 3, outbox_bytes: 2000 }
    }

    #[test]
    fn thirty_edits_pass_and_then_one_every_two_seconds() {
        let start = Instant::now();
        let budget = Budget::new(PACE, start);
        let at = |edit: u32| start + edit * Duration::from_millis(500);
        // One every half second: 30 at the start, and 9 more that come back in the 19 seconds that they take.
        assert_eq!((0..60).take_while(|edit| budget.take(at(*edit)).is_ok()).count(), 39);
        let TooFast { wait, .. } = budget.take(at(39)).unwrap_err();
        let next = at(39) + wait;
        budget.take(next).unwrap();
        assert_eq!(budget.take(next).unwrap_err().wait, Duration::from_secs(2));
    }

    #[test]
    fn the_throttle_forgives_bunching_but_not_a_stream() {
        let now = Instant::now();
        let budget = Budget::new(PACE, now);
        for _ in 0..3 {
            budget.take(now).unwrap();
        }
        assert_eq!(budget.take(now).unwrap_err().wait, Duration::from_millis(500));
        budget.take(now + Duration::from_millis(500)).unwrap();
    }

    #[test]
    fn without_a_throttle_only_the_budget_counts() {
        let now = Instant::now();
        let budget = Budget::new(Pace { throttle_ms: 0, ..PACE }, now);
        assert_eq!((0..100).take_while(|_| budget.take(now).is_ok()).count(), 30);
    }

    #[test]
    fn another_pace_acts_on_the_next_edit_and_gives_nothing_back() {
        let now = Instant::now();
        let budget = Budget::new(Pace { throttle_ms: 0, ..PACE }, now);
        (0..10).for_each(|_| budget.take(now).unwrap());
        budget.adopt(Pace { edits_per_minute: 6, burst: 6, throttle_ms: 0 }, now);
        assert_eq!(budget.take(now).unwrap_err().wait, Duration::from_secs(10));
        budget.adopt(Pace { edits_per_minute: 60, burst: 10, throttle_ms: 0 }, now);
        assert_eq!((0..100).take_while(|_| budget.take(now).is_ok()).count(), 4);
    }

    #[test]
    fn strikes_are_counted_by_the_minute() {
        let now = Instant::now();
        let budget = Budget::new(PACE, now);
        while budget.take(now).is_ok() {}
        for strikes in 2..=MAX_STRIKES {
            assert_eq!(budget.take(now).unwrap_err().strikes, strikes);
        }
        let later = now + STRIKES_PERIOD;
        while budget.take(later).is_ok() {}
        assert_eq!(budget.take(later).unwrap_err().strikes, 2);
    }

    #[test]
    fn role_and_size_are_checked_before_the_budget_is_touched() {
        let now = Instant::now();
        let limits = limits();
        let gate =
            Gate { standing: Standing::new(Role::Viewer).into(), budget: Budget::new(limits.pace, now).into(), limits };
        let code = |gate: &Gate, len: usize| match gate.admit(now, EditId(1), vec![0; len].into()) {
            Err(Denied::Refused(refusal)) => Some(refusal.code),
            _ => None,
        };
        assert_eq!(code(&gate, 1), Some(Code::ReadOnly));
        gate.standing.set(Role::Editor);
        assert_eq!(code(&gate, 1001), Some(Code::UpdateTooLarge));
        assert!(gate.budget.is_full(now));
        assert_eq!(code(&gate, 1000), None);
        assert_eq!(gate.budget.left(now), 29);
    }

    #[test]
    fn chores_are_few() {
        let now = Instant::now();
        let budget = Budget::new(PACE, now);
        assert_eq!((0..20).filter(|_| budget.take_chore(now)).count(), CHORES as usize);
        assert!(budget.take_chore(now + Duration::from_secs(1)));
        assert!(budget.is_full(now));
    }
}
