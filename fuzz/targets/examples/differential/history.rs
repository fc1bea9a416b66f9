//! One room's history: drawn at random, played here and in Yjs.

use std::collections::VecDeque;
use std::fmt;
use std::iter::Sum;
use std::ops::AddAssign;

use arbitrary::Unstructured;
use collab_document::{Document, UpdateError};
use collab_fuzz_targets::craft;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, RngExt};

use crate::yjs::{Answers, Doc, Yjs};

/// The client ids of honest replicas; a stranger writes under smaller ones.
const HONEST: u64 = 1000;
const SERVER: u64 = HONEST;
const RELOADED: u64 = HONEST + 9;

/// Steps of a round.
const STEPS: usize = 16;

const WORDS: [&str; 10] = ["a", "bc", "é", "中", "😀", "x\n", "👍🏽", "word ", "", "a longer stretch of text "];

/// How much was compared.
#[derive(Debug, Default, Clone, Copy)]
pub struct Count {
    pub operations: u64,
    hostile: u64,
    accepted: u64,
    gaps: u64,
    histories: u64,
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.operations += other.operations;
        self.hostile += other.hostile;
        self.accepted += other.accepted;
        self.gaps += other.gaps;
        self.histories += other.histories;
    }
}

impl Sum for Count {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), |mut sum, count| {
            sum += count;
            sum
        })
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operations, hostile, accepted, gaps, histories } = self;
        write!(f, "{operations} operations in {histories} histories, {gaps} gaps closed, ")?;
        write!(f, "{accepted} of {hostile} hostile updates taken")
    }
}

pub struct History {
    name: String,
    server: Document,
    /// Honest replicas on this side.
    here: [Document; 2],
    mirror: Doc,
    /// Honest replicas in Yjs.
    there: [Doc; 2],
    /// The server's text when the mirror's was asked for.
    expected: String,
    /// How many replicas in Yjs were asked for what the server lacks.
    asked: usize,
    /// Those updates, not yet given to the server.
    arrived: VecDeque<Vec<u8>>,
    count: Count,
}

impl History {
    pub fn new(seed: u64, room: u64, yjs: &mut Yjs) -> Self {
        let first = room * 3;
        (first..).zip(HONEST + 3..HONEST + 6).for_each(|(doc, client)| yjs.create(doc, client));
        Self {
            name: format!("seed {seed}, room {room}"),
            server: Document::new(SERVER),
            here: [HONEST + 1, HONEST + 2].map(Document::new),
            mirror: first,
            there: [first + 1, first + 2],
            expected: String::new(),
            asked: 0,
            arrived: VecDeque::new(),
            count: Count { histories: 1, ..Count::default() },
        }
    }

    /// Some steps of anybody, after which the mirror is asked for its text.
    pub fn round(&mut self, random: &mut StdRng, yjs: &mut Yjs) {
        self.take_arrived(yjs);
        for _ in 0..STEPS {
            self.count.operations += 1;
            self.step(random, yjs);
        }
        self.ask(yjs);
    }

    fn step(&mut self, random: &mut StdRng, yjs: &mut Yjs) {
        let (one, other) = if random.random() { (0, 1) } else { (1, 0) };
        match random.random_range(0..16) {
            0..=3 => self.write(random, one, yjs),
            4 => {
                let diff = self.server.diff(&self.here[one].state_vector()).unwrap();
                self.here[one].load(&diff).unwrap();
            }
            5 => {
                let diff = self.here[one].diff(&self.here[other].state_vector()).unwrap();
                self.here[other].load(&diff).unwrap();
            }
            6..=9 => {
                let (at, delete) = (random.random_range(0..1000), random.random_range(0..5));
                yjs.splice(self.there[one], at, delete, WORDS.choose(random).unwrap());
            }
            10 => yjs.sync(self.mirror, self.there[one]),
            11 => yjs.sync(self.there[one], self.there[other]),
            12 => {
                yjs.diff(self.there[one], self.mirror);
                self.asked += 1;
            }
            _ => self.attack(random, yjs),
        }
    }

    /// An honest edit here: sent at once, or kept back so that the next one has a gap.
    fn write(&mut self, random: &mut StdRng, who: usize, yjs: &mut Yjs) {
        let author = &mut self.here[who];
        let at = random.random_range(0..=author.len());
        let delete = random.random_range(0..=4.min(author.len() - at));
        let Ok(update) = author.splice(at, delete, WORDS.choose(random).unwrap()) else { return };
        if random.random_ratio(1, 4) {
            return;
        }
        match self.give(&update, yjs) {
            Ok(()) => {}
            Err(UpdateError::Gap) => {
                self.count.gaps += 1;
                let whole = self.here[who].diff(&self.server.state_vector()).unwrap();
                self.give(&whole, yjs).unwrap();
            }
            Err(error) => panic!("{}: an honest edit is refused: {error}", self.name),
        }
    }

    /// An update that was made to measure, or is an honest one spoilt, from somebody who may not write as the honest ones.
    fn attack(&mut self, random: &mut StdRng, yjs: &mut Yjs) {
        let mut noise = [0; 200];
        random.fill_bytes(&mut noise);
        let mut input = Unstructured::new(&noise);
        let update = if random.random_ratio(3, 4) {
            craft::update(&mut input, &self.server)
        } else {
            let honest = self.here[0].diff(&self.server.state_vector()).unwrap();
            craft::damaged(&mut input, honest)
        };
        let Ok(update) = update else { return };
        self.count.hostile += 1;
        if self.server.apply(&update, |client| client >= HONEST).is_ok() {
            self.count.accepted += 1;
            yjs.apply(self.mirror, &update);
        }
        assert!(!self.server.is_poisoned(), "{}", self.name);
    }

    fn give(&mut self, update: &[u8], yjs: &mut Yjs) -> Result<(), UpdateError> {
        self.server.apply(update, |_| false)?;
        yjs.apply(self.mirror, update);
        Ok(())
    }

    fn take_arrived(&mut self, yjs: &mut Yjs) {
        while let Some(update) = self.arrived.pop_front() {
            let given = self.give(&update, yjs);
            assert_eq!(given, Ok(()), "{}: an honest update of Yjs is refused", self.name);
        }
    }

    fn ask(&mut self, yjs: &mut Yjs) {
        self.expected = self.server.text();
        yjs.show(self.mirror);
    }

    /// Reads what [`History::round`] asked for.
    pub fn compare(&mut self, answers: &mut Answers) {
        for _ in 0..std::mem::take(&mut self.asked) {
            self.arrived.push_back(answers.update());
        }
        self.same(answers);
        let mut reloaded = Document::new(RELOADED);
        reloaded.load(&self.server.state().unwrap()).unwrap();
        assert_eq!(reloaded.text(), self.expected, "{}: reloaded here", self.name);
    }

    fn same(&self, answers: &mut Answers) {
        let shown = answers.text();
        assert_eq!(shown.live, self.expected, "{}: in Yjs", self.name);
        assert_eq!(shown.reloaded, self.expected, "{}: reloaded in Yjs", self.name);
        assert!(!shown.pending, "{}: Yjs misses something", self.name);
    }

    /// Asks the replicas in Yjs for what they still keep.
    pub fn collect(&mut self, yjs: &mut Yjs) {
        self.take_arrived(yjs);
        self.there.iter().for_each(|doc| yjs.diff(*doc, self.mirror));
        self.asked = self.there.len();
        self.ask(yjs);
    }

    /// Brings everybody everything.
    pub fn settle(&mut self, yjs: &mut Yjs) {
        self.take_arrived(yjs);
        for who in 0..self.here.len() {
            let rest = self.here[who].diff(&self.server.state_vector()).unwrap();
            self.give(&rest, yjs).unwrap();
        }
        self.ask(yjs);
        for doc in self.there {
            yjs.sync(self.mirror, doc);
            yjs.show(doc);
        }
    }

    /// Compares everybody at the end.
    pub fn finish(mut self, answers: &mut Answers) -> Count {
        (0..=self.there.len()).for_each(|_| self.same(answers));
        for replica in &mut self.here {
            replica.load(&self.server.diff(&replica.state_vector()).unwrap()).unwrap();
            assert_eq!(replica.text(), self.expected, "{}: a replica here", self.name);
        }
        self.count
    }
}
