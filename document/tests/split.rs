//! Large updates in parts, and differences without what the other side knows.

#![allow(clippy::unwrap_used)] // Helpers outside test functions, where the lint has no exception.

use collab_document::*;

fn nobody(_: u64) -> bool {
    false
}

/// A server's replica with the text `base`, and what it sends.
fn server(base: &str) -> Document {
    let mut document = Document::new(1);
    document.splice(0, 0, base).unwrap();
    document
}

fn copy(client: u64, of: &Document) -> Document {
    let mut document = Document::new(client);
    document.load(&of.state().unwrap()).unwrap();
    document
}

/// Applies the parts as edits of a member, each under the limits that a server has.
fn take(server: &mut Document, parts: &[Vec<u8>]) {
    for part in parts {
        server.apply(part, nobody).unwrap();
    }
}

#[test]
fn what_fits_stays_as_it_is() {
    let mut document = Document::new(7);
    let update = document.splice(0, 0, "small").unwrap();
    assert_eq!(split(&update, 1000).unwrap(), vec![update.clone()]);
    assert!(split(&[9, 9], 1000).is_err());
}

#[test]
fn a_megabyte_written_away_arrives_in_parts_whatever_their_size() {
    let text = "Zwölf Boxkämpfer 😀 jagen € Viktor.\n".repeat(28_000);
    let mut server = server("before after");
    let mut away = copy(7, &server);
    away.splice(7, 0, &text).unwrap();
    away.splice(9, 5, "").unwrap();
    let difference = away.diff(&server.state_vector()).unwrap();
    assert!(difference.len() > 1_000_000);
    for max_bytes in [100_000, 256 * 1024] {
        let mut server = copy(2, &server).with_limits(Limits { max_update_bytes: max_bytes, ..Limits::default() });
        let parts = split(&difference, max_bytes).unwrap();
        assert!(parts.len() <= difference.len() / max_bytes + 2, "{} parts", parts.len());
        take(&mut server, &parts);
        assert_eq!(server.text(), away.text());
    }
    let parts = split(&difference, 256 * 1024).unwrap();
    take(&mut server, &parts);
    assert_eq!((server.text(), server.state_vector()), (away.text(), away.state_vector()));
}

#[test]
fn authors_that_build_on_each_other_keep_their_order() {
    let mut server = server("");
    let mut people: Vec<_> = (10..16).map(|id| copy(id, &server)).collect();
    for round in 0..120 {
        let who = round % people.len();
        let len = people[who].len();
        let word = format!("<{round} 😀>");
        let at = people[who].text().find('>').map_or(0, |at| at as u32 % (len + 1));
        let update = people[who].splice(at.min(len), 0, &word).or_else(|_| people[who].splice(0, 0, &word)).unwrap();
        people.iter_mut().for_each(|person| drop(person.load(&update).unwrap()));
    }
    let difference = people[0].diff(&server.state_vector()).unwrap();
    let parts = split(&difference, 256).unwrap();
    assert!(parts.len() > 3 && parts.iter().all(|part| part.len() <= 256));
    take(&mut server, &parts);
    assert_eq!(server.text(), people[0].text());
}

/// A text in which every second character was deleted, by itself.
fn riddled(holes: u32) -> Document {
    let mut document = server(&"ab".repeat(holes as usize));
    let len = document.len();
    for hole in 0..holes {
        document.splice(len - 1 - 2 * hole, 1, "").unwrap();
    }
    document
}

#[test]
fn a_long_history_of_deletions_is_no_obstacle() {
    let mut server = riddled(20_000);
    let mut away = copy(7, &server);
    away.splice(0, 3, "new ").unwrap();
    let difference = away.diff(&server.state_vector()).unwrap();
    assert!(server.apply(&difference, nobody).is_err(), "as it is, it names more deletions than one edit may");
    let theirs = server.diff(&away.state_vector()).unwrap();
    let short = without_deletions_of(&difference, &theirs).unwrap();
    assert!(short.len() < 60, "{} bytes", short.len());
    take(&mut server, &[short]);
    assert_eq!(server.text(), away.text());
}

#[test]
fn more_deletions_than_one_edit_may_name_go_in_several() {
    let mut server = server(&"ab".repeat(20_000));
    let away = {
        let mut away = copy(7, &server);
        let len = away.len();
        (0..20_000).for_each(|hole| drop(away.splice(len - 1 - 2 * hole, 1, "").unwrap()));
        away
    };
    let difference = away.diff(&server.state_vector()).unwrap();
    let parts = split(&difference, 256 * 1024).unwrap();
    assert!(parts.len() >= 2);
    take(&mut server, &parts);
    assert_eq!(server.text(), away.text());
}

#[test]
fn deletions_are_subtracted_where_they_overlap() {
    let mut mine = server("0123456789");
    let mut theirs = copy(2, &mine);
    mine.splice(1, 8, "").unwrap();
    theirs.splice(2, 2, "").unwrap();
    theirs.splice(4, 2, "").unwrap();
    let known = theirs.diff(&mine.state_vector()).unwrap();
    let left = without_deletions_of(&mine.diff(&theirs.state_vector()).unwrap(), &known).unwrap();
    assert_eq!(left.last_chunk(), Some(&[1, 1, 3, 1, 1, 4, 2, 8, 1]), "1, 4 to 5, and 8");
    take(&mut theirs, &[left]);
    assert_eq!(theirs.text(), mine.text());
    let again = theirs.diff(&mine.state_vector()).unwrap();
    assert_eq!(without_deletions_of(&again, &again).unwrap(), EMPTY_UPDATE);
}

#[test]
fn what_stands_by_itself_is_each_authors_part_up_to_what_builds_on_another() {
    let (mut ada, mut bob) = (Document::new(7), Document::new(8));
    let first = ada.splice(0, 0, "a").unwrap();
    bob.load(&first).unwrap();
    ada.load(&bob.splice(1, 0, "b").unwrap()).unwrap();
    ada.splice(2, 0, "c").unwrap();
    let whole = ada.state().unwrap();
    let mut server = Document::new(0);
    let rounds = std::iter::from_fn(|| {
        let lacking = ada.diff(&server.state_vector()).unwrap();
        let parts = independent_parts(&lacking).unwrap();
        parts.iter().for_each(|part| assert!(server.apply(part, nobody).unwrap().changed));
        (!parts.is_empty()).then(|| server.text())
    });
    assert_eq!(rounds.collect::<Vec<_>>(), ["a", "ab"]);
    assert!(server.apply(&whole, nobody).unwrap().changed);
    assert_eq!(server.text(), "abc");
    assert_eq!(independent_parts(&first).unwrap(), Vec::<Vec<u8>>::new(), "one author needs no parts");
}
