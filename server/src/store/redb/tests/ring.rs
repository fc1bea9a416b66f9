//! The journal by itself, against a list of what it must hold.

use std::collections::VecDeque;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::super::journal::{COPY_MAX, Found, Journal, Mark, RING, SECTOR, file};
use super::*;

/// A journal and what it must hold.
struct Model {
    path: PathBuf,
    journal: Journal,
    /// What the database holds.
    database: Mark,
    /// The records that it lacks, each with the mark behind it.
    held: VecDeque<(Mark, Vec<u8>)>,
}

fn opened(path: &Path, database: Mark) -> (Journal, Vec<Found>) {
    Journal::open(file(path, false).expect("a journal"), 7, database).expect("it opens")
}

/// At most, with what its copies are headed by and filled up with.
fn taken(len: usize) -> usize {
    2 * (len + 44 + SECTOR)
}

impl Model {
    fn new(path: PathBuf) -> Self {
        let database = Mark::default();
        Self { journal: opened(&path, database).0, path, database, held: VecDeque::new() }
    }

    /// At most.
    fn held_bytes(&self) -> usize {
        self.held.iter().map(|(_, body)| taken(body.len())).sum()
    }

    fn write(&mut self, body: Vec<u8>) {
        let Some(place) = self.journal.place(body.len()) else {
            // At most one record's length is left at the end of a round.
            return assert!(self.held_bytes() + 2 * taken(body.len()) + 2 * COPY_MAX > RING, "refused for nothing");
        };
        self.journal.write(place, &body).expect("written");
        self.held.push_back((self.journal.end(), body));
    }

    fn settle(&mut self, count: usize) {
        if let Some((mark, _)) = self.held.drain(..count).next_back() {
            self.database = mark;
            self.journal.settled(mark);
        }
    }

    /// Something goes into the database without a record, behind all records.
    fn skip(&mut self) {
        self.settle(self.held.len());
        self.database = self.journal.end().skip();
        self.journal.settled(self.database);
    }

    fn crash(self) -> Self {
        let Self { path, journal, database, held } = self;
        drop(journal);
        let (journal, found) = opened(&path, database);
        let expected = held.iter().map(|(mark, body)| (mark.number, body.clone()));
        assert!(found == expected.collect::<Vec<_>>(), "{} records of {}", found.len(), held.len());
        Self { path, journal, database, held }
    }
}

#[test]
fn it_holds_what_the_database_lacks_through_any_number_of_rounds() {
    for seed in 0..20 {
        let (_directory, path) = place();
        let mut random = StdRng::seed_from_u64(seed);
        let mut model = Model::new(path);
        for _ in 0..150 {
            let longest = [1_000, COPY_MAX / 4, COPY_MAX - 44][random.random_range(0..3)];
            match random.random_range(0..10) {
                0..6 => model.write(vec![random.random(); random.random_range(0..longest)]),
                6..8 => model.settle(random.random_range(0..=model.held.len())),
                8 => model.skip(),
                _ => model = model.crash(),
            }
        }
        model.crash();
    }
}

#[test]
fn the_longest_record_fits_until_the_ring_is_full() {
    let (_directory, path) = place();
    let mut model = Model::new(path);
    let longest = COPY_MAX - 44;
    assert!(model.journal.place(longest + 1).is_none());
    let count = RING / (2 * COPY_MAX);
    for i in 0..count {
        assert_eq!(model.journal.is_half_full(), i >= count / 2, "{i} of {count}");
        model.write(vec![i as u8; longest]);
    }
    assert!(model.held.len() == count && model.journal.place(0).is_none(), "full to the last byte");
    let mut model = model.crash();
    assert!(model.journal.is_half_full() && model.journal.place(0).is_none());
    model.settle(1);
    model.write(vec![7; longest]);
    assert!(model.held.len() == count && model.journal.place(0).is_none(), "the next one stands at the beginning");
    let mut model = model.crash();
    model.settle(count);
    assert!(!model.journal.is_half_full() && model.journal.place(longest).is_some());
}

#[test]
fn nobody_else_may_have_it_open() {
    let (_directory, path) = place();
    let first = file(&path, false).expect("a journal");
    assert_eq!(file(&path, false).err(), Some(StoreError::InUse));
    drop(first);
    file(&path, true).expect("the same journal");
}
