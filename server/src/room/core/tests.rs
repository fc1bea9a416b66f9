use std::task::{Context, Poll, Waker};

use collab_proto::api::{Pace, RoomPolicy};
use collab_proto::{decode_server, split_frame};

use super::*;
use crate::room::admission::tests::limits;
use crate::room::fixtures::{entrant, record};
use crate::room::outbox::Next;

/// A member with a replica of its own, fed only by what its outbox gives.
struct Person {
    document: Document,
    joined: Joined,
    edits: u64,
    /// From where the outbox wants to be healed.
    heal: Option<Vec<u8>>,
}

fn room() -> Core {
    Core::new(&record(), Document::new(0), limits())
}

fn join(core: &mut Core, now: Instant, id: u64) -> Person {
    let joined = core.join(now, entrant(id)).unwrap();
    let mut person = Person { document: Document::new(id), joined, edits: 0, heal: None };
    let frames = person.read();
    assert!(matches!(frames.first(), Some(ServerFrame::Welcome(_))), "{frames:?}");
    person
}

impl Person {
    /// Takes everything from the outbox, and applies what changes the text.
    fn read(&mut self) -> Vec<ServerFrame> {
        let mut all = Vec::new();
        loop {
            let frames = match self.joined.outbox.poll_next(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(Next::Send { frames, .. }) => frames,
                Poll::Ready(Next::Heal(since)) => {
                    self.heal = Some(since);
                    continue;
                }
                Poll::Ready(Next::End) | Poll::Pending => return all,
            };
            for bytes in frames {
                let body = split_frame(&mut (&bytes[..]).into(), usize::MAX).unwrap().unwrap();
                let frame = decode_server(&body).unwrap();
                self.apply(&frame);
                all.push(frame);
            }
        }
    }

    fn apply(&mut self, frame: &ServerFrame) {
        let update = match frame {
            ServerFrame::Welcome(welcome) => &welcome.missing,
            ServerFrame::Edited { update, .. } | ServerFrame::Resync { update, .. } => update,
            _ => return,
        };
        self.document.load(update).unwrap();
    }

    fn write(&mut self, core: &mut Core, now: Instant, text: &str) -> Result<AppliedEdit, EditError> {
        let update = self.document.splice(self.document.len(), 0, text).unwrap();
        self.send(core, now, update)
    }

    fn send(&mut self, core: &mut Core, now: Instant, update: Vec<u8>) -> Result<AppliedEdit, EditError> {
        self.edits += 1;
        let edit = self.joined.gate.admit(now, EditId(self.edits), update.into()).unwrap();
        core.edit(now, self.joined.seat, edit)
    }
}

fn refusal(frames: &[ServerFrame]) -> Option<Code> {
    match frames.last()? {
        ServerFrame::Refused { code, .. } => Some(*code),
        _ => None,
    }
}

#[test]
fn an_edit_reaches_the_others_at_once_and_its_author_when_it_is_durable() {
    let (mut core, now) = (room(), Instant::now());
    let (mut ada, mut bob) = (join(&mut core, now, 1), join(&mut core, now, 2));
    let applied = ada.write(&mut core, now, "hello").unwrap();
    assert!(applied.update.is_some());
    bob.read();
    assert_eq!(bob.document.text(), "hello");
    assert_eq!(ada.read(), []);
    core.saved(now, applied.ticket, Durability::Disk);
    assert_eq!(ada.read(), [ServerFrame::Saved { id: EditId(1), durability: Durability::Disk }]);
}

#[test]
fn who_joins_later_gets_the_text_in_the_welcome() {
    let (mut core, now) = (room(), Instant::now());
    join(&mut core, now, 1).write(&mut core, now, "hello").unwrap();
    assert_eq!(join(&mut core, now, 2).document.text(), "hello");
}

#[test]
fn an_edit_sent_twice_changes_nothing_and_is_still_acknowledged() {
    let (mut core, now) = (room(), Instant::now());
    let (mut ada, mut bob) = (join(&mut core, now, 1), join(&mut core, now, 2));
    let update = ada.document.splice(0, 0, "once").unwrap();
    assert!(ada.send(&mut core, now, update.clone()).unwrap().update.is_some());
    assert!(ada.send(&mut core, now, update).unwrap().update.is_none());
    assert_eq!(bob.read().len(), 1);
    assert_eq!(core.document().text(), "once");
}

#[test]
fn a_slow_reader_is_healed_by_one_diff_and_never_holds_more_than_its_bound() {
    let (mut core, now) = (room(), Instant::now());
    let (mut ada, mut bob) = (join(&mut core, now, 1), join(&mut core, now, 2));
    for i in 0..20 {
        ada.write(&mut core, now + std::time::Duration::from_secs(2 * i), &"x".repeat(300)).unwrap();
        assert!(bob.joined.outbox.bytes() <= limits().outbox_bytes);
    }
    bob.read();
    assert_ne!(bob.document.text(), ada.document.text());
    let since = bob.heal.take().unwrap();
    ada.write(&mut core, now + std::time::Duration::from_secs(60), "meanwhile").unwrap();
    core.sync(now, bob.joined.seat, &since);
    let frames = bob.read();
    assert!(matches!(frames[..], [ServerFrame::Resync { .. }]), "{frames:?}");
    assert_eq!(bob.document.text(), ada.document.text());
    ada.write(&mut core, now + std::time::Duration::from_secs(62), "!").unwrap();
    bob.read();
    assert_eq!(bob.document.text(), ada.document.text());
}

#[test]
fn nobody_writes_under_the_replica_id_of_somebody_who_is_here() {
    let (mut core, now) = (room(), Instant::now());
    let (_ada, mut eve) = (join(&mut core, now, 1), join(&mut core, now, 2));
    let forged = Document::new(1).splice(0, 0, "I am Ada").unwrap();
    let error = eve.send(&mut core, now, forged.clone()).unwrap_err();
    assert!(matches!(error, EditError::Rejected(_, Code::ForeignAuthor)), "{error:?}");
    assert!(matches!(eve.read()[..], [ServerFrame::Rejected { code: Code::ForeignAuthor, .. }]));
    core.leave(now, _ada.joined.seat);
    assert!(eve.send(&mut core, now, forged).is_ok(), "what somebody left unsaved may be brought by others");
}

#[test]
fn an_edit_with_a_gap_asks_for_a_resync_and_garbage_is_refused() {
    let (mut core, now) = (room(), Instant::now());
    let mut ada = join(&mut core, now, 1);
    ada.document.splice(0, 0, "lost").unwrap();
    let gap = ada.document.splice(4, 0, "!").unwrap();
    assert!(matches!(ada.send(&mut core, now, gap), Err(EditError::Rejected(_, Code::ResyncNeeded))));
    assert!(matches!(ada.send(&mut core, now, vec![9; 9]), Err(EditError::Rejected(_, Code::InvalidUpdate))));
    assert_eq!(core.document().text(), "");
}

#[test]
fn the_same_member_from_elsewhere_takes_the_place_of_the_first() {
    let (mut core, now) = (room(), Instant::now());
    let mut first = join(&mut core, now, 1);
    let _second = core.join(now, Entrant { client_id: ClientId(11), ..entrant(1) }).unwrap();
    assert_eq!(refusal(&first.read()), Some(Code::Replaced));
    assert_eq!(core.count(), 1);
    assert!(core.leave(now, first.joined.seat).is_none(), "the seat is free already");
}

#[test]
fn a_join_is_refused_for_each_reason_with_its_own_code() {
    let (mut core, now) = (room(), Instant::now());
    let code = |core: &mut Core, entrant: Entrant| core.join(now, entrant).unwrap_err().code;
    let generation = Some(Generation(8));
    assert_eq!(code(&mut core, Entrant { generation, ..entrant(1) }), Code::GenerationChanged);
    let state_vector = vec![0xff; 9].into();
    assert_eq!(code(&mut core, Entrant { state_vector, ..entrant(1) }), Code::InvalidStateVector);
    let client_id = ClientId(MAX_SAFE_INTEGER + 1);
    assert_eq!(code(&mut core, Entrant { client_id, ..entrant(1) }), Code::Malformed);
    join(&mut core, now, 1);
    assert_eq!(code(&mut core, Entrant { client_id: ClientId(1), ..entrant(2) }), Code::Busy);
    join(&mut core, now, 2);
    join(&mut core, now, 3);
    assert_eq!(code(&mut core, entrant(4)), Code::RoomFull);
    assert_eq!(core.count(), 3);
}

#[test]
fn coming_back_does_not_refill_the_budget() {
    let (mut core, now) = (room(), Instant::now());
    let mut ada = join(&mut core, now, 1);
    ada.write(&mut core, now, "a").unwrap();
    core.leave(now, ada.joined.seat);
    let again = core.join(now, entrant(1)).unwrap();
    assert_eq!(again.gate.budget.left(now), 29);
    core.leave(now, again.seat);
    let later = now + std::time::Duration::from_secs(2);
    let stranger = core.join(later, entrant(9)).unwrap();
    core.leave(later, stranger.seat);
    assert!(core.budgets.is_empty(), "a full budget need not be kept");
}

#[test]
fn a_new_password_sends_away_who_came_by_the_old_one_but_no_owner() {
    let (mut core, now) = (room(), Instant::now());
    let mut ada = join(&mut core, now, 1);
    let mut owner = entrant(2);
    owner.identity.role = Role::Owner;
    core.join(now, owner).unwrap();
    let mut viewer = entrant(3);
    viewer.identity.entrance = Entrance::Viewers;
    core.join(now, viewer).unwrap();
    core.password_changed(now, Entrance::Editors, 2);
    assert_eq!(refusal(&ada.read()), Some(Code::PasswordChanged));
    assert_eq!(core.count(), 2);
    let judged_before = core.join(now, entrant(1)).unwrap_err();
    assert_eq!((judged_before.code, judged_before.retry_after_ms), (Code::Busy, Some(100)));
    assert!(core.join(now, Entrant { revision: 2, ..entrant(1) }).is_ok());
    core.password_changed(now, Entrance::Viewers, 3);
    assert_eq!(core.count(), 2);
}

#[test]
fn another_role_acts_on_the_next_edit_and_on_those_that_wait() {
    let (mut core, now) = (room(), Instant::now());
    let (mut ada, mut bob) = (join(&mut core, now, 1), join(&mut core, now, 2));
    let update = ada.document.splice(0, 0, "late").unwrap();
    let waiting = ada.joined.gate.admit(now, EditId(9), update.clone().into()).unwrap();
    core.give_role(now, "user-1", Role::Viewer, 1);
    assert_eq!(ada.read(), [ServerFrame::RoleChanged { role: Role::Viewer }]);
    assert!(matches!(core.edit(now, ada.joined.seat, waiting), Err(EditError::Rejected(_, Code::ReadOnly))));
    assert!(matches!(ada.read()[..], [ServerFrame::Rejected { id: EditId(9), code: Code::ReadOnly, .. }]));
    assert!(ada.joined.gate.admit(now, EditId(10), update.clone().into()).is_err());
    core.handle_timeout(now);
    let told = bob.read();
    let changed =
        |frame: &ServerFrame| matches!(frame, ServerFrame::Members { joined, .. } if joined[0].role == Role::Viewer);
    assert!(told.iter().any(changed), "{told:?}");
    core.give_role(now, "user-1", Role::Editor, 2);
    assert!(ada.send(&mut core, now, update).is_ok());
}

#[test]
fn who_is_kicked_or_banned_is_told_and_gone() {
    let (mut core, now) = (room(), Instant::now());
    let (mut ada, mut bob) = (join(&mut core, now, 1), join(&mut core, now, 2));
    core.kick(now, MemberId(1));
    assert_eq!(refusal(&ada.read()), Some(Code::Removed));
    core.banned(now, "user-2", 1);
    assert_eq!(refusal(&bob.read()), Some(Code::Banned));
    assert_eq!(core.present(now), []);
    assert_eq!(core.join(now, entrant(2)).unwrap_err().code, Code::Busy, "judged before the ban");
}

#[test]
fn people_are_told_who_comes_who_goes_and_who_has_another_name() {
    let (mut core, mut now) = (room(), Instant::now());
    let mut ada = join(&mut core, now, 1);
    core.handle_timeout(now);
    ada.read();
    let bob = join(&mut core, now, 2);
    core.rename(now, bob.joined.seat, "Robert".into());
    now = core.poll_timeout().unwrap();
    core.handle_timeout(now);
    let robert = MemberInfo { id: MemberId(2), name: "Robert".into(), role: Role::Editor };
    assert_eq!(ada.read(), [ServerFrame::Members { count: 2, joined: vec![robert], left: vec![] }]);
    core.leave(now, bob.joined.seat);
    now = core.poll_timeout().unwrap();
    core.handle_timeout(now);
    assert_eq!(ada.read(), [ServerFrame::Members { count: 1, joined: vec![], left: vec![MemberId(2)] }]);
}

#[test]
fn who_cannot_be_told_of_a_rejection_is_sent_away_so_that_no_edit_stays_without_an_answer() {
    let now = Instant::now();
    let mut core = room();
    let mut ada = join(&mut core, now, 1);
    let mut gap = Document::new(9);
    gap.splice(0, 0, "missing").unwrap();
    let update = gap.splice(7, 0, "x").unwrap();
    let pace = Pace { throttle_ms: 1, edits_per_minute: 60_000, burst: 1000 };
    ada.joined.gate.budget = Budget::new(pace, now).into();
    let mut later = now;
    while core.count() > 0 {
        later += Duration::from_millis(1);
        assert!(matches!(ada.send(&mut core, later, update.clone()), Err(EditError::Rejected(_, Code::ResyncNeeded))));
    }
    let frames = ada.read();
    let told = frames.iter().filter(|frame| matches!(frame, ServerFrame::Rejected { .. })).count() as u64;
    assert_eq!(told + 1, ada.edits, "only the last one was not told");
    assert!(matches!(frames.last(), Some(ServerFrame::Refused { code: Code::Stalled, .. })));
}

#[test]
fn another_policy_is_told_and_holds_at_once_also_for_those_who_come_later() {
    let (mut core, now) = (room(), Instant::now());
    let (mut ada, mut bob) = (join(&mut core, now, 1), join(&mut core, now, 2));
    ada.write(&mut core, now, "x").unwrap();
    bob.read();
    let policy = RoomPolicy { edits_per_minute: Some(6), burst: Some(2), throttle_ms: Some(0) };
    core.set_policy(now, policy, 5);
    core.set_policy(now, RoomPolicy::default(), 4);
    for (person, left) in [(&mut ada, 1), (&mut bob, 2)] {
        let told = person.read();
        let [ServerFrame::PolicyChanged { policy }] = told.as_slice() else { panic!("{told:?}") };
        let pace = (policy.edits_per_minute, policy.burst, policy.throttle_ms, policy.tokens);
        assert_eq!(pace, (6, 2, 0, left), "an older change that comes late is left alone");
    }
    let admitted =
        |person: &Person| (0..9).filter(|id| person.joined.gate.admit(now, EditId(*id), Bytes::new()).is_ok()).count();
    assert_eq!((admitted(&ada), admitted(&bob)), (1, 2));
    assert_eq!(admitted(&join(&mut core, now, 3)), 2);
    core.set_policy(now, RoomPolicy::default(), 6);
    assert_eq!(core.join(now, entrant(1)).unwrap().gate.budget.left(now), 28);
}

#[test]
fn owners_whose_tokens_are_void_must_go() {
    let (mut core, now) = (room(), Instant::now());
    let mut ada = join(&mut core, now, 1);
    let owner = |revision| {
        let entrant = entrant(2);
        Entrant { identity: Identity { role: Role::Owner, ..entrant.identity }, revision, ..entrant }
    };
    core.join(now, owner(0)).unwrap();
    core.owners_revoked(now, 1);
    assert_eq!(core.count(), 1);
    assert_eq!(core.join(now, owner(0)).unwrap_err().code, Code::Busy, "judged by the old tokens");
    core.join(now, owner(1)).unwrap();
    assert_eq!(refusal(&ada.read()), None);
}
