use super::*;
use collab_document::Document;

const MANY: usize = 100_000;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// An outbox with one change queued for each letter.
fn outbox(text: &str) -> (Outbox, Document) {
    let mut document = Document::new(7);
    let mut outbox = Outbox::default();
    for letter in text.chars() {
        outbox.push(document.splice(document.len(), 0, &letter.to_string()).unwrap());
    }
    (outbox, document)
}

fn text_of(update: &[u8]) -> String {
    let mut document = Document::new(8);
    document.apply(update, |_| false).unwrap();
    document.text()
}

#[test]
fn waiting_changes_go_as_one_edit_and_are_forgotten_when_saved() {
    let (mut outbox, _) = outbox("abc");
    assert_eq!((outbox.save_state(), outbox.pending()), (SaveState::OnDevice, 1));
    let (id, update) = outbox.take(MANY).unwrap();
    assert_eq!(text_of(&update), "abc");
    assert_eq!((outbox.save_state(), outbox.pending()), (SaveState::Sent, 1));
    assert!(!outbox.saved(EditId(99)));
    assert!(outbox.saved(id) && !outbox.saved(id));
    assert_eq!((outbox.save_state(), outbox.pending()), (SaveState::Saved, 0));
    assert!(outbox.take(MANY).is_none());
}

#[test]
fn an_edit_stays_under_the_limit_and_the_rest_follows() {
    let mut document = Document::new(7);
    let mut outbox = Outbox::default();
    for _ in 0..10 {
        outbox.push(document.splice(document.len(), 0, &"x".repeat(300)).unwrap());
    }
    let mut sizes = vec![];
    while let Some((_, update)) = outbox.take(1000) {
        sizes.push(update.len());
    }
    assert!(sizes.len() >= 4 && sizes.iter().all(|size| *size <= 1000), "{sizes:?}");
}

#[test]
fn a_long_time_offline_stays_in_few_pieces() {
    let (mut outbox, document) = outbox(&"typed ".repeat(500));
    assert!(outbox.queued.len() <= Outbox::MAX_PIECES);
    assert_eq!(text_of(&outbox.take(MANY).unwrap().1), document.text());
}

#[test]
fn no_more_than_eight_are_on_the_road() {
    let now = Instant::now();
    let (mut outbox, mut document) = outbox("");
    for _ in 0..8 {
        outbox.push(document.splice(0, 0, "x").unwrap());
        assert!(outbox.ready_at(now).is_some());
        outbox.take(MANY).unwrap();
    }
    outbox.push(document.splice(0, 0, "x").unwrap());
    assert_eq!(outbox.ready_at(now), None);
    outbox.saved(EditId(3));
    assert_eq!(outbox.ready_at(now), Some(now));
}

#[test]
fn rejected_edits_wait_for_all_answers_and_go_again_in_order() {
    let now = Instant::now();
    let (mut outbox, mut document) = outbox("a");
    outbox.take(MANY).unwrap();
    outbox.push(document.splice(1, 0, "b").unwrap());
    outbox.take(MANY).unwrap();
    outbox.push(document.splice(2, 0, "c").unwrap());
    assert_eq!(outbox.rejected(now, EditId(2), Code::RateLimited, Some(ms(700))), Some(Some(ms(700))));
    assert_eq!(outbox.ready_at(now), None, "the first has no answer yet");
    assert_eq!(outbox.rejected(now, EditId(1), Code::Storage, None), Some(Some(Outbox::RETRY)));
    assert_eq!(outbox.ready_at(now), Some(now + Outbox::RETRY));
    let (id, update) = outbox.take(MANY).unwrap();
    assert_eq!((id, text_of(&update).as_str()), (EditId(3), "abc"));
    assert_eq!(outbox.rejected(now, EditId(1), Code::Storage, None), None, "answered already");
}

#[test]
fn a_permanent_no_waits_for_the_next_local_change() {
    let now = Instant::now();
    let (mut outbox, mut document) = outbox("a");
    outbox.take(MANY).unwrap();
    assert_eq!(outbox.rejected(now, EditId(1), Code::DocumentFull, None), Some(None));
    assert_eq!((outbox.ready_at(now), outbox.save_state()), (None, SaveState::OnDevice));
    assert!(outbox.is_settled());
    outbox.lost();
    assert_eq!(outbox.ready_at(now), None, "a new connection does not change its mind");
    outbox.push(document.splice(0, 1, "").unwrap());
    assert_eq!(outbox.ready_at(now), Some(now));
    assert_eq!(text_of(&outbox.take(MANY).unwrap().1), "");
}

#[test]
fn a_gap_is_asked_about_once_and_not_for_ever() {
    let now = Instant::now();
    let (mut outbox, document) = outbox("a");
    for round in 1..=Outbox::MAX_RESYNCS {
        let (id, _) = outbox.take(MANY).unwrap();
        let delay = outbox.rejected(now, id, Code::ResyncNeeded, None).unwrap().unwrap();
        assert_eq!(delay, Outbox::RETRY * (round - 1));
        assert_eq!((outbox.ready_at(now), outbox.sync_at()), (None, Some(now + delay)));
        outbox.sync_asked();
        assert_eq!(outbox.sync_at(), None);
        assert!(outbox.wants_difference());
        outbox.complete(document.diff(&[0]).unwrap());
    }
    let (id, _) = outbox.take(MANY).unwrap();
    assert_eq!(outbox.rejected(now, id, Code::ResyncNeeded, None), Some(None));
    assert!(outbox.is_settled());
}

#[test]
fn a_lost_connection_brings_everything_back_in_order() {
    let (mut outbox, mut document) = outbox("a");
    for (at, letter) in ["b", "c", "d"].into_iter().enumerate() {
        outbox.take(MANY).unwrap();
        outbox.push(document.splice(at as u32 + 1, 0, letter).unwrap());
    }
    outbox.saved(EditId(1));
    outbox.lost();
    let (id, update) = outbox.take(MANY).unwrap();
    let mut server = Document::new(9);
    assert!(server.apply(&update, |_| false).is_err(), "it builds on the saved edit");
    assert_eq!(id, EditId(4));
    assert!(outbox.take(MANY).is_none());
}

#[test]
fn many_that_fail_for_one_reason_are_one_failure() {
    let (mut outbox, _) = outbox("abcdefgh");
    let now = Instant::now();
    let ids: Vec<EditId> = (0..8).map(|_| outbox.take(1).unwrap().0).collect();
    for id in ids {
        outbox.rejected(now, id, Code::ResyncNeeded, None);
    }
    assert_eq!(outbox.sync_at(), Some(now), "the server is asked, the queue is not given up");
}

#[test]
fn what_stands_by_itself_goes_ahead_of_a_difference_with_foreign_changes() {
    let (mut ada, mut bob) = (Document::new(7), Document::new(8));
    let first = ada.splice(0, 0, "a").unwrap();
    bob.load(&first).unwrap();
    let second = bob.splice(1, 0, "b").unwrap();
    ada.load(&second).unwrap();
    let third = ada.splice(2, 0, "c").unwrap();
    let mut outbox = Outbox::default();
    [first, third].into_iter().for_each(|update| outbox.push(update));
    let (id, _) = outbox.take(MANY).unwrap();
    outbox.rejected(Instant::now(), id, Code::ForeignAuthor, None);
    outbox.complete(ada.state().unwrap());
    let (ahead, part) = outbox.take(MANY).unwrap();
    assert_eq!((text_of(&part).as_str(), outbox.is_in_flight(ahead)), ("a", false));
    assert!(!outbox.saved(ahead));
    let (whole, update) = outbox.take(MANY).unwrap();
    assert_eq!((text_of(&update).as_str(), outbox.is_in_flight(whole)), ("abc", true));
}
