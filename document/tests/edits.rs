//! Ordinary use: editing, syncing, merging, anchors, limits.

#![allow(clippy::unwrap_used)] // Helpers outside test functions, where the lint has no exception.

use collab_document::*;

fn nobody(_: u64) -> bool {
    false
}

fn with_text(client: u64, text: &str) -> Document {
    let mut document = Document::new(client);
    document.splice(0, 0, text).unwrap();
    document
}

#[test]
fn an_edit_travels() {
    let (mut a, mut b) = (Document::new(1), Document::new(2));
    let update = a.splice(0, 0, "hello 😀").unwrap();
    let applied = b.apply(&update, nobody).unwrap();
    assert_eq!(
        applied,
        Applied { sections: vec![Section { client: 1, start: 0, end: 8 }], deletes: false, changed: true }
    );
    assert_eq!(b.apply(&update, nobody).unwrap(), Applied::default());
    let reply = b.splice(0, 5, "bye").unwrap();
    assert!(a.apply(&reply, nobody).unwrap().deletes);
    assert_eq!((a.text(), a.len()), ("bye 😀".into(), 6));
    assert_eq!((b.text(), b.state_vector()), (a.text(), a.state_vector()));
    assert!(!a.apply(&reply, nobody).unwrap().changed);
}

#[test]
fn a_diff_brings_what_is_missing_and_deletions_always() {
    let mut a = with_text(1, "one");
    let before = a.state_vector();
    assert_eq!(a.diff(&before).unwrap(), EMPTY_UPDATE);
    let mut b = Document::new(2);
    b.load(&a.state().unwrap()).unwrap();
    a.splice(0, 1, "").unwrap();
    assert_eq!(a.state_vector(), before);
    b.load(&a.diff(&before).unwrap()).unwrap();
    assert_eq!(b.text(), "ne");
    assert!(matches!(a.diff(&[1, 2]), Err(StateVectorError::Malformed(_))));
    assert!(matches!(a.diff(&[0xff; 9]), Err(StateVectorError::Malformed(_))));
}

#[test]
fn the_state_vector_before_an_update_is_told() {
    let mut a = with_text(1, "one");
    let before = a.state_vector();
    let mut b = Document::new(2);
    b.load(&a.state().unwrap()).unwrap();
    let applied = a.apply(&b.splice(3, 0, " two").unwrap(), nobody).unwrap();
    assert_ne!(a.state_vector(), before);
    assert_eq!(a.state_vector_before(&applied), before);
}

#[test]
fn a_gap_is_refused_and_closed_by_a_diff() {
    let mut a = Document::new(1);
    a.splice(0, 0, "a").unwrap();
    let second = a.splice(1, 0, "b").unwrap();
    let mut b = Document::new(2);
    assert_eq!(b.apply(&second, nobody), Err(UpdateError::Gap));
    assert_eq!(b.text(), "");
    b.apply(&a.diff(&b.state_vector()).unwrap(), nobody).unwrap();
    assert_eq!(b.text(), "ab");
    let third = a.splice(0, 2, "").unwrap();
    assert_eq!(Document::new(3).apply(&third, nobody), Err(UpdateError::Gap));
}

#[test]
fn nobody_writes_as_somebody_else() {
    let update = with_text(7, "mine").state().unwrap();
    let mut room = Document::new(1);
    assert_eq!(room.apply(&update, |client| client == 7), Err(UpdateError::ForeignAuthor));
    room.load(&update).unwrap();
    // What is known already may come from anybody, and anybody may delete it.
    assert!(!room.apply(&update, |client| client == 7).unwrap().changed);
    let mut other = Document::new(8);
    other.load(&update).unwrap();
    let deletion = other.splice(0, 4, "").unwrap();
    assert!(room.apply(&deletion, |client| client == 7).unwrap().changed);
}

#[test]
fn a_splice_stays_in_bounds_and_cuts_no_character() {
    let mut a = with_text(1, "a😀b");
    assert_eq!(a.splice(5, 0, "x"), Err(SpliceError::OutOfBounds));
    assert_eq!(a.splice(1, u32::MAX, ""), Err(SpliceError::OutOfBounds));
    assert_eq!(a.splice(2, 0, "x"), Err(SpliceError::SplitCharacter));
    assert_eq!(a.splice(1, 1, ""), Err(SpliceError::SplitCharacter));
    assert_eq!(a.splice(4, 0, "").unwrap(), EMPTY_UPDATE);
    let mut reloaded = Document::new(2);
    reloaded.load(&a.state().unwrap()).unwrap();
    assert_eq!(reloaded.splice(2, 1, ""), Err(SpliceError::SplitCharacter));
    reloaded.splice(1, 2, "\0é").unwrap();
    assert_eq!(reloaded.text(), "a\0éb");
}

#[test]
fn a_text_is_set_by_a_small_edit() {
    let old = "fn main() {\n    println!(\"hello\");\n}\n// 😀 end\n";
    let new = "fn main() {\n    // greet\n    println!(\"hallo 😃\");\n}\n// 😀 end\n";
    let (mut a, mut b) = (with_text(1, old), Document::new(2));
    b.load(&a.state().unwrap()).unwrap();
    let update = a.set_text(new);
    assert!(update.len() < 80, "{} bytes", update.len());
    assert_eq!(a.text(), new);
    assert_eq!(a.set_text(new), EMPTY_UPDATE);
    // What somebody else wrote meanwhile, outside what changed, survives.
    b.splice(11, 0, " // entry").unwrap();
    b.load(&update).unwrap();
    assert_eq!(b.text(), new.replace("main() {", "main() { // entry"));
    a.set_text("");
    assert!(a.is_empty());
}

#[test]
fn setting_a_long_unlike_text_ends_soon() {
    let numbers = |step: u32| (0..20_000).map(|i| format!("{}\n", i * step)).collect::<String>();
    let mut a = with_text(1, &numbers(3));
    a.set_text(&numbers(7));
    assert_eq!(a.text(), numbers(7));
}

#[test]
fn merged_updates_do_what_the_single_ones_do() {
    let mut a = Document::new(1);
    let mut updates: Vec<Vec<u8>> = "some words, typed one at a time 😀"
        .chars()
        .map(|c| a.splice(a.len(), 0, c.encode_utf8(&mut [0; 4])).unwrap())
        .collect();
    updates.push(a.splice(5, 5, "letters").unwrap());
    let merged = merge(&updates).unwrap();
    assert!(merged.len() < 90, "{} bytes", merged.len());
    assert_eq!(sections(&merged).unwrap(), [Section { client: 1, start: 0, end: 41 }]);
    let mut b = Document::new(2);
    b.apply(&updates[0], nobody).unwrap();
    b.apply(&merged, nobody).unwrap();
    assert_eq!((b.text(), b.state()), (a.text(), a.state()));
    assert_eq!(merge(&[&updates[0], &updates[2]]), Err(UpdateError::Gap));
    assert_eq!(merge(&[] as &[&[u8]]).unwrap(), EMPTY_UPDATE);
}

#[test]
fn anchors_stay_with_their_neighbours() {
    let mut a = with_text(1, "hello");
    let left = a.anchor(2, Side::Left);
    let right = a.anchor(2, Side::Right);
    assert_eq!(left, Anchor::After { client: 1, clock: 1 });
    assert_eq!(right, Anchor::Before { client: 1, clock: 2 });
    assert_eq!((a.anchor(0, Side::Left), a.anchor(9, Side::Right)), (Anchor::Start, Anchor::End));
    a.splice(2, 0, "--").unwrap();
    assert_eq!((a.offset(left), a.offset(right)), (Some(2), Some(4)));
    a.splice(0, 7, "").unwrap();
    assert_eq!((a.offset(left), a.offset(right)), (Some(0), Some(0)));
    for clock in [7, 8, u32::MAX] {
        assert_eq!(a.offset(Anchor::Before { client: 1, clock }), None);
    }
    assert_eq!(a.offset(Anchor::After { client: u64::MAX, clock: 0 }), None);
    assert_eq!(
        (Document::new(1).anchor(0, Side::Left), Document::new(1).anchor(0, Side::Right)),
        (Anchor::Start, Anchor::End)
    );
}

#[test]
fn the_longest_update_is_taken_and_one_byte_more_is_not() {
    let update = with_text(1, "twelve bytes").state().unwrap();
    let limits = |max_update_bytes| Limits { max_update_bytes, ..Limits::default() };
    let mut exact = Document::new(2).with_limits(limits(update.len()));
    exact.apply(&update, nobody).unwrap();
    let mut short = Document::new(2).with_limits(limits(update.len() - 1));
    assert_eq!(short.apply(&update, nobody), Err(UpdateError::TooLarge));
    short.load(&update).unwrap();
}

#[test]
fn a_full_document_takes_deletions_only() {
    let max_document_bytes = 10_000;
    let mut room = Document::new(1).with_limits(Limits { max_document_bytes, ..Limits::default() });
    let mut author = Document::new(2);
    let refused = loop {
        let update = author.splice(author.len() / 2, 0, "0123456789").unwrap();
        if let Err(error) = room.apply(&update, nobody) {
            break error;
        }
        assert!(room.state().unwrap().len() <= room.encoded_len_estimate());
    };
    assert_eq!(refused, UpdateError::DocumentFull);
    let len = room.state().unwrap().len();
    assert!(len <= max_document_bytes && len > max_document_bytes - 100, "{len}");
    let mut editor = Document::new(3);
    editor.load(&room.state().unwrap()).unwrap();
    assert_eq!(room.apply(&editor.splice(0, 0, &"x".repeat(200)).unwrap(), nobody), Err(UpdateError::DocumentFull));
    editor.load(&room.state().unwrap()).unwrap();
    let mut editor = Document::new(4);
    editor.load(&room.state().unwrap()).unwrap();
    room.apply(&editor.splice(0, editor.len() / 2, "").unwrap(), nobody).unwrap();
    room.apply(&editor.splice(0, 0, &"x".repeat(200)).unwrap(), nobody).unwrap();
}

#[test]
fn an_edit_all_over_the_text_reads_the_same_at_once_and_step_by_step() {
    let mut ada = with_text(1, &"grüß 😀 dich, ".repeat(300));
    let (mut at_once, mut in_steps) = (Document::new(2), Document::new(3));
    for document in [&mut at_once, &mut in_steps] {
        document.load(&ada.state().unwrap()).unwrap();
    }
    let mut updates = Vec::new();
    // The smiley and what follows it goes, and another word comes in its place: cuts behind and before pairs.
    for at in (0..300).map(|word| 14 * word + 5) {
        updates.push(ada.splice(at, 2, "").unwrap());
        updates.push(ada.splice(at, 0, "ab").unwrap());
    }
    updates.iter().for_each(|update| drop(in_steps.apply(update, nobody).unwrap()));
    assert!(at_once.apply(&merge(&updates).unwrap(), nobody).unwrap().deletes);
    assert_eq!(at_once.text(), ada.text());
    assert_eq!((at_once.text(), at_once.state().unwrap()), (in_steps.text(), in_steps.state().unwrap()));
    let mut reloaded = Document::new(4);
    reloaded.load(&at_once.state().unwrap()).unwrap();
    assert_eq!(reloaded.text(), at_once.text());
    // Afterwards it is edited as any other.
    let more = ada.splice(3, 40, "x").unwrap();
    at_once.apply(&more, nobody).unwrap();
    assert_eq!(at_once.text(), ada.text());
}

#[test]
fn changes_far_apart_in_a_long_text_are_small_and_leave_what_others_wrote_between_them() {
    let lines: Vec<String> = (0..20_000).map(|n| format!("line {n}, and {}\n", n % 7)).collect();
    let (mut a, mut b) = (with_text(1, &lines.concat()), Document::new(2));
    b.load(&a.state().unwrap()).unwrap();
    let mut edited = lines.clone();
    edited[2] = "another\n".to_owned();
    edited.remove(9_000);
    edited.insert(9_500, "\n".to_owned());
    edited[19_990].insert_str(5, "number ");
    let between = b.splice(b.text().find("line 12000,").unwrap() as u32, 0, "hers: ").unwrap();
    let update = a.set_text(&edited.concat());
    assert_eq!(a.text(), edited.concat());
    assert!(update.len() < 300, "{}", update.len());
    a.load(&between).unwrap();
    assert_eq!(a.text().matches("hers: line 12000,").count(), 1);
}

#[test]
fn a_text_in_which_hardly_a_line_comes_once_is_made_equal_all_the_same() {
    // Each line stands twice, so that only what was cut off before makes the next one the only one of its kind.
    let chain = |from: usize| (from..4_000).map(|n| format!("{}\n{}\n", n + 1, n)).collect::<String>();
    for (old, new) in
        [(chain(0), format!("x{}y", chain(1))), ("\n".repeat(5_000), "a\n\n".repeat(2_400)), (chain(0), String::new())]
    {
        let mut document = with_text(1, &old);
        document.set_text(&new);
        assert_eq!(document.text(), new);
    }
}

#[test]
fn lines_that_two_put_beside_one_stay_whole() {
    for (first, second) in [(1, 2), (2, 1)] {
        let mut a = with_text(first, "begin\n<a1>\nend\n");
        let mut b = Document::new(second);
        b.load(&a.state().unwrap()).unwrap();
        // Compared by characters alone, both of these have put something behind `<a1`.
        let from_a = a.set_text("begin\n<a16>\n<a1>\nend\n");
        let from_b = b.set_text("begin\n<b20>\n<a1>\n<b22>\nend\n");
        a.load(&from_b).unwrap();
        b.load(&from_a).unwrap();
        assert_eq!(a.text(), b.text());
        let mut lines: Vec<_> = a.text().lines().map(str::to_owned).collect();
        lines.sort();
        assert_eq!(lines, ["<a16>", "<a1>", "<b20>", "<b22>", "begin", "end"]);
    }
}
