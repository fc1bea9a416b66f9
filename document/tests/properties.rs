//! Random histories: honest ones always pass and converge, mutated ones never do harm.

#![allow(clippy::unwrap_used)] // Helpers outside test functions, where the lint has no exception.

use collab_document::*;
use proptest::prelude::*;

const ALPHABET: [&str; 8] = ["a", "bc", "é", "中", "😀", "x\n", "👍🏽", "word "];

/// One step of a history of three replicas.
#[derive(Debug, Clone)]
enum Step {
    /// A replica replaces characters, by position in thousandths.
    Edit { who: usize, at: u32, delete: u32, words: Vec<usize> },
    /// A replica makes its text equal to another one.
    Set { who: usize, words: Vec<usize> },
    /// One replica gets from another what it lacks.
    Sync { from: usize, to: usize },
    /// One replica gets the whole state of another.
    Load { from: usize, to: usize },
}

fn words() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(0..ALPHABET.len(), 0..4)
}

fn step() -> impl Strategy<Value = Step> {
    let edit = |who, at, delete, words| Step::Edit { who, at, delete, words };
    prop_oneof![
        6 => (0..3usize, 0..=1000u32, 0..4u32, words()).prop_map(move |(who, at, delete, words)| edit(who, at, delete, words)),
        1 => (0..3usize, words()).prop_map(|(who, words)| Step::Set { who, words }),
        3 => (0..3usize, 0..3usize).prop_map(|(from, to)| Step::Sync { from, to }),
        1 => (0..3usize, 0..3usize).prop_map(|(from, to)| Step::Load { from, to }),
    ]
}

fn history() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(step(), 1..40)
}

fn spell(words: &[usize]) -> String {
    words.iter().map(|word| ALPHABET[*word]).collect()
}

/// The nearest offset at or before `units` that cuts no character.
fn boundary(text: &str, units: u32) -> u32 {
    let mut at = 0;
    text.chars()
        .map(|char| char.len_utf16() as u32)
        .take_while(|len| {
            at += len;
            at <= units
        })
        .sum()
}

/// Three replicas, and every update that a local edit gave, by author.
struct Room {
    replicas: Vec<Document>,
    updates: Vec<Vec<Vec<u8>>>,
}

impl Room {
    fn play(steps: &[Step]) -> Self {
        let replicas = [30, 10, 20].map(Document::new).into();
        let mut room = Self { replicas, updates: vec![Vec::new(); 3] };
        steps.iter().for_each(|step| room.step(step));
        room
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Edit { who, at, delete, words } => {
                let replica = &mut self.replicas[*who];
                let text = replica.text();
                let start = boundary(&text, replica.len() * at / 1000);
                let end = boundary(&text, start + delete);
                self.updates[*who].push(replica.splice(start, end - start, &spell(words)).unwrap());
            }
            Step::Set { who, words } => {
                let text = format!("{}{}", self.replicas[(who + 1) % 3].text(), spell(words));
                self.updates[*who].push(self.replicas[*who].set_text(&text));
                assert_eq!(self.replicas[*who].text(), text);
            }
            Step::Sync { from, to } => {
                let diff = self.replicas[*from].diff(&self.replicas[*to].state_vector()).unwrap();
                self.take(*to, &diff);
            }
            Step::Load { from, to } => {
                let state = self.replicas[*from].state().unwrap();
                self.take(*to, &state);
            }
        }
    }

    fn take(&mut self, to: usize, update: &[u8]) {
        let replica = &mut self.replicas[to];
        let (before, text) = (replica.state_vector(), replica.text());
        let applied = replica.apply(update, |_| false).unwrap();
        assert_eq!(replica.state_vector_before(&applied), before);
        assert!(applied.changed || replica.text() == text);
    }

    fn sync_all(&mut self) {
        for (from, to) in [(0, 1), (1, 2), (2, 0), (0, 1)] {
            self.step(&Step::Sync { from, to });
        }
    }
}

fn reloaded(document: &Document) -> Document {
    let mut copy = Document::new(99);
    copy.load(&document.state().unwrap()).unwrap();
    copy
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn honest_histories_pass_and_converge(steps in history()) {
        let mut room = Room::play(&steps);
        room.sync_all();
        let text = room.replicas[0].text();
        for replica in &room.replicas {
            prop_assert_eq!(replica.text(), text.clone());
            prop_assert_eq!(replica.state_vector(), room.replicas[0].state_vector());
            prop_assert_eq!(reloaded(replica).text(), text.clone());
            prop_assert_eq!(replica.len() as usize, text.encode_utf16().count());
            prop_assert!(replica.encoded_len_estimate() >= replica.state().unwrap().len());
        }
    }

    #[test]
    fn one_authors_updates_merge_to_the_same(steps in history(), cut in 0..40usize) {
        let mut room = Room::play(&steps);
        room.sync_all();
        for updates in &room.updates {
            let cut = cut.min(updates.len());
            let merged = merge(&[merge(&updates[..cut]).unwrap(), merge(&updates[cut..]).unwrap()]).unwrap();
            prop_assert_eq!(&merged, &merge(updates).unwrap());
            let ends = |update: &[u8]| sections(update).unwrap().last().map(|section| section.end);
            prop_assert_eq!(ends(&merged), updates.iter().filter_map(|update| ends(update)).max());
        }
        let merged: Vec<_> = room.updates.iter().map(|updates| merge(updates).unwrap()).collect();
        let all = merge(&merged).unwrap();
        let mut fresh = Document::new(99);
        fresh.apply(&all, |_| false).unwrap();
        prop_assert_eq!(fresh.text(), room.replicas[0].text());
        prop_assert_eq!(fresh.state_vector(), room.replicas[0].state_vector());
    }

    #[test]
    fn anchors_mean_the_same_everywhere(steps in history(), at in 0..=1000u32) {
        let mut room = Room::play(&steps);
        let first = &room.replicas[0];
        let at = boundary(&first.text(), first.len() * at / 1000);
        let anchors = [first.anchor(at, Side::Left), first.anchor(at, Side::Right)];
        for anchor in anchors {
            prop_assert_eq!(first.offset(anchor), Some(at));
        }
        room.sync_all();
        for anchor in anchors {
            let offsets: Vec<_> = room.replicas.iter().map(|replica| replica.offset(anchor)).collect();
            prop_assert!(offsets[0].is_some() && offsets.iter().all(|offset| *offset == offsets[0]));
        }
    }

    #[test]
    fn mutated_updates_do_no_harm(steps in history(), damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4u8), 1..6)) {
        let room = Room::play(&steps);
        let state = room.replicas[0].state().unwrap();
        let mut mutant = room.replicas[1].diff(&room.replicas[0].state_vector()).unwrap();
        for (index, byte, how) in damage {
            let at = index.index(mutant.len());
            match how {
                0 => mutant[at] = byte,
                1 => mutant[at] = mutant[at].wrapping_add(byte % 5).wrapping_sub(2),
                2 => mutant.insert(at, byte),
                _ if mutant.len() > 1 => drop(mutant.remove(at)),
                _ => {}
            }
        }
        for base in [state.as_slice(), &EMPTY_UPDATE] {
            let mut victim = Document::new(77);
            victim.load(base).unwrap();
            let before = (victim.text(), victim.state_vector());
            if victim.apply(&mutant, |_| false).is_err() {
                prop_assert_eq!((victim.text(), victim.state_vector()), before);
            }
            let _ = victim.diff(&mutant);
            let _ = merge(&[&mutant, &state]);
            let mut visited = Vec::new();
            let whole = visit_sections(&mutant, |section| visited.push(section));
            if let Ok(sections) = sections(&mutant) {
                prop_assert_eq!((whole, visited), (Ok(()), sections));
            }
            prop_assert!(!victim.is_poisoned());
            victim.splice(0, 0, "still 😀").unwrap();
            let mut other = reloaded(&victim);
            other.splice(0, 0, "here").unwrap();
            victim.apply(&other.diff(&victim.state_vector()).unwrap(), |_| false).unwrap();
            prop_assert!(!victim.is_poisoned());
            prop_assert_eq!(reloaded(&victim).text(), victim.text());
        }
    }
}

/// A well-formed update with one item: an author of six, neighbours anywhere among what exists.
#[derive(Debug, Clone)]
struct Crafted {
    author: usize,
    origin: Option<prop::sample::Index>,
    right_origin: Option<prop::sample::Index>,
    word: usize,
}

fn crafted() -> impl Strategy<Value = Crafted> {
    let neighbour = || prop::option::weighted(0.7, any::<prop::sample::Index>());
    (0..6usize, neighbour(), neighbour(), 0..ALPHABET.len()).prop_map(|(author, origin, right_origin, word)| Crafted {
        author,
        origin,
        right_origin,
        word,
    })
}

impl Crafted {
    /// Clocks stay below 128 and texts short, so that every number is one byte.
    fn bytes(&self, next: &[u8; 6]) -> Vec<u8> {
        let ids: Vec<[u8; 2]> =
            (0..6).flat_map(|author| (0..next[author]).map(move |clock| [author as u8, clock])).collect();
        let pick = |index: Option<prop::sample::Index>| index.filter(|_| !ids.is_empty()).map(|index| *index.get(&ids));
        let (origin, right_origin) = (pick(self.origin), pick(self.right_origin));
        let flags = u8::from(origin.is_some()) << 7 | u8::from(right_origin.is_some()) << 6;
        let mut bytes = vec![1, 1, self.author as u8, next[self.author], 4 | flags];
        bytes.extend(origin.into_iter().chain(right_origin).flatten());
        if flags == 0 {
            bytes.extend([1, 4]);
            bytes.extend(ROOT.bytes());
        }
        let word = ALPHABET[self.word];
        bytes.push(word.len() as u8);
        bytes.extend(word.bytes());
        bytes.push(0);
        bytes
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_accepted_reads_the_same_after_a_reload(items in prop::collection::vec(crafted(), 1..25)) {
        let mut live = Document::new(50);
        let mut next = [0; 6];
        for item in &items {
            if live.apply(&item.bytes(&next), |_| false).is_ok() {
                next[item.author] += ALPHABET[item.word].encode_utf16().count() as u8;
            }
            prop_assert!(!live.is_poisoned());
        }
        prop_assert_eq!(live.len(), next.iter().map(|clock| u32::from(*clock)).sum::<u32>());
        prop_assert_eq!(reloaded(&live).text(), live.text());
    }
}
