//! The order of everything ever written, deleted or not, beside yrs, which cannot tell it cheaply.
//!
//! An item is put between two neighbours that stood side by side where its author wrote. So its left one stands left of its
//! right one, and whatever has come between them is what the author did not know: nothing of its own, nothing that its
//! neighbours' authors had written before those neighbours, nothing that those in turn were put beside, and so on. An item
//! that breaks this does not crash yrs, but lands in different places depending on what comes first: a reload would show
//! another text.
//!
//! Items are placed as Yjs places them (the YATA rules). How many steps that takes is counted and capped, since crafted items
//! could make each step over all the others.

use std::collections::{BTreeMap, HashMap};

use super::Id;
use crate::UpdateError;

/// Most items that the placing of one member's update may look at.
pub(crate) const MAX_STEPS: usize = 5_000_000;

/// How far apart labels are put where there is space: wide enough for more between, small enough for many behind.
const STRIDE: u64 = 1 << 24;

const MISPLACED: UpdateError = UpdateError::Invalid("an item between neighbours that never stood side by side");
const MISSING: UpdateError = UpdateError::Gap;

/// Characters that stand together and were written as if at once: each behind the one before.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    pub(crate) client: u64,
    pub(crate) start: u32,
    pub(crate) end: u32,
    pub(crate) origin: Option<Id>,
    pub(crate) right_origin: Option<Id>,
}

#[derive(Debug)]
struct Node {
    run: Run,
    left: Option<usize>,
    right: Option<usize>,
    /// Rises from left to right.
    label: u64,
}

/// All runs from left to right, findable by id.
#[derive(Debug, Default)]
pub(crate) struct Order {
    nodes: Vec<Node>,
    free: Vec<usize>,
    first: Option<usize>,
    /// Per client, its runs by their first clock.
    clients: HashMap<u64, BTreeMap<u32, usize>>,
    /// Where runs were cut since the last [`Order::settle`].
    cuts: Vec<Id>,
    steps: usize,
    max_steps: usize,
    /// What the authors of the update at hand must have known, as next clocks by client; found out only where it matters.
    knowledge: HashMap<u64, HashMap<u64, u32>>,
}

impl Order {
    /// Begins an update that may look at so many items.
    pub(crate) fn begin(&mut self, max_steps: usize) {
        (self.steps, self.max_steps) = (0, max_steps);
    }

    /// Puts a run in its place. After an error, [`Order::forget`] what the same update brought, then [`Order::settle`].
    pub(crate) fn insert(&mut self, run: Run) -> Result<(), UpdateError> {
        let right = run.right_origin.map(|id| self.starting_at(id)).transpose()?;
        let left = run.origin.map(|id| self.ending_at(id)).transpose()?;
        if let (Some(left), Some(right)) = (left, right)
            && self.nodes[left].label >= self.nodes[right].label
            && self.is_strict()
        {
            return Err(MISPLACED);
        }
        let left = self.place(&run, left, right)?;
        if !self.extend(&run, left) {
            self.link(run, left);
        }
        Ok(())
    }

    /// Takes out a client's runs from a clock on.
    pub(crate) fn forget(&mut self, client: u64, from: u32) {
        let _ = self.starting_at(Id { client, clock: from });
        let Some(runs) = self.clients.get_mut(&client) else { return };
        let gone = runs.split_off(&from);
        if runs.is_empty() {
            self.clients.remove(&client);
        }
        gone.into_values().for_each(|node| self.unlink(node));
    }

    /// Ends an update: what was cut for its sake, and is not needed, becomes one again.
    pub(crate) fn settle(&mut self) {
        self.knowledge.clear();
        for at in std::mem::take(&mut self.cuts) {
            self.rejoin(at);
        }
    }

    /// The YATA rules: behind which run a new one comes, between `left` and `right`.
    fn place(&mut self, run: &Run, left: Option<usize>, right: Option<usize>) -> Result<Option<usize>, UpdateError> {
        if self.is_strict() && self.right_of(left) != right {
            self.check_between(run, left, right)?;
        }
        let mut place = left;
        let mut next = self.right_of(left);
        while let Some(at) = next.filter(|at| Some(*at) != right) {
            let other = self.nodes[at].run;
            self.step()?;
            if other.origin == run.origin {
                if other.client < run.client {
                    place = Some(at);
                } else if other.right_origin == run.right_origin {
                    break;
                }
            } else {
                match other.origin.map(|id| self.find(id)).transpose()? {
                    Some(origin) if self.is_behind(origin, left) => {
                        if !self.is_behind(origin, place) {
                            place = Some(at);
                        }
                    }
                    _ => break,
                }
            }
            next = self.nodes[at].right;
        }
        Ok(place)
    }

    /// Whether everything between the neighbours can have come there without the author's knowledge.
    fn check_between(&mut self, run: &Run, left: Option<usize>, right: Option<usize>) -> Result<(), UpdateError> {
        self.learn(run)?;
        let mut next = self.right_of(left);
        while let Some(at) = next.filter(|at| Some(*at) != right) {
            self.step()?;
            if self.must_know(run, &self.nodes[at].run) {
                return Err(MISPLACED);
            }
            next = self.nodes[at].right;
        }
        Ok(())
    }

    /// What a trusted source sends is placed, not judged: what was once accepted must always load again.
    fn is_strict(&self) -> bool {
        self.max_steps < usize::MAX
    }

    fn is_behind(&self, node: usize, left: Option<usize>) -> bool {
        left.is_none_or(|left| self.nodes[node].label > self.nodes[left].label)
    }

    fn right_of(&self, left: Option<usize>) -> Option<usize> {
        left.map_or(self.first, |left| self.nodes[left].right)
    }

    /// Lengthens the run on the left, where the new one is but more of it.
    fn extend(&mut self, run: &Run, left: Option<usize>) -> bool {
        let Some(left) = left else { return false };
        let before = &mut self.nodes[left].run;
        let more = before.client == run.client
            && before.end == run.start
            && run.origin == Some(Id { client: run.client, clock: run.start - 1 })
            && before.right_origin == run.right_origin;
        if more {
            before.end = run.end;
        }
        more
    }

    fn link(&mut self, run: Run, left: Option<usize>) -> usize {
        let right = self.right_of(left);
        let node = Node { run, left, right, label: self.label_between(left, right) };
        let at = match self.free.pop() {
            Some(at) => {
                self.nodes[at] = node;
                at
            }
            None => {
                self.nodes.push(node);
                self.nodes.len() - 1
            }
        };
        self.join(left, Some(at));
        self.join(Some(at), right);
        self.clients.entry(run.client).or_default().insert(run.start, at);
        at
    }

    fn unlink(&mut self, at: usize) {
        let Node { left, right, .. } = self.nodes[at];
        self.join(left, right);
        self.free.push(at);
    }

    fn join(&mut self, left: Option<usize>, right: Option<usize>) {
        match left {
            Some(left) => self.nodes[left].right = right,
            None => self.first = right,
        }
        if let Some(right) = right {
            self.nodes[right].left = left;
        }
    }

    fn label_between(&mut self, left: Option<usize>, right: Option<usize>) -> u64 {
        let bounds = |order: &Self| {
            let label = |at: usize| order.nodes[at].label;
            (left.map_or(0, label), right.map_or(u64::MAX, label))
        };
        let (mut low, mut high) = bounds(self);
        if high - low < 2 {
            self.relabel();
            (low, high) = bounds(self);
        }
        let half = (high - low) / 2;
        if left.is_none() && right.is_some() { high - half.min(STRIDE) } else { low + half.min(STRIDE) }
    }

    /// Spreads the labels evenly. Rare: it takes some two dozen insertions, each beside the last, to use up a space.
    fn relabel(&mut self) {
        let stride = (u64::MAX / 2) / (self.nodes.len() as u64 + 1);
        let mut label = u64::MAX / 4;
        let mut next = self.first;
        while let Some(at) = next {
            self.nodes[at].label = label;
            label += stride;
            next = self.nodes[at].right;
        }
    }

    fn find(&self, id: Id) -> Result<usize, UpdateError> {
        let runs = self.clients.get(&id.client).ok_or(MISSING)?;
        let (_, at) = runs.range(..=id.clock).next_back().ok_or(MISSING)?;
        if id.clock < self.nodes[*at].run.end { Ok(*at) } else { Err(MISSING) }
    }

    /// The run whose first clock this is, cut out where it is not.
    fn starting_at(&mut self, id: Id) -> Result<usize, UpdateError> {
        let at = self.find(id)?;
        if self.nodes[at].run.start == id.clock { Ok(at) } else { Ok(self.cut(at, id)) }
    }

    /// The run whose last clock this is, cut out where it is not.
    fn ending_at(&mut self, id: Id) -> Result<usize, UpdateError> {
        let at = self.find(id)?;
        if self.nodes[at].run.end > id.clock + 1 {
            self.cut(at, Id { clock: id.clock + 1, ..id });
        }
        Ok(at)
    }

    fn cut(&mut self, at: usize, id: Id) -> usize {
        let origin = Some(Id { clock: id.clock - 1, ..id });
        let rest = Run { start: id.clock, origin, ..self.nodes[at].run };
        self.nodes[at].run.end = id.clock;
        self.cuts.push(id);
        self.link(rest, Some(at))
    }

    fn rejoin(&mut self, id: Id) {
        let Ok(at) = self.find(id) else { return };
        let (run, left) = (self.nodes[at].run, self.nodes[at].left);
        if run.start == id.clock && self.extend(&run, left) {
            if let Some(runs) = self.clients.get_mut(&id.client) {
                runs.remove(&id.clock);
            }
            self.unlink(at);
        }
    }

    /// Gathers what the author of a run must have known when writing it: the past of its neighbours and of its own last.
    fn learn(&mut self, run: &Run) -> Result<(), UpdateError> {
        let mut knowledge = self.knowledge.remove(&run.client).unwrap_or_default();
        let own = run.start.checked_sub(1).map(|clock| Id { client: run.client, clock });
        let mut past: Vec<Id> = own.into_iter().chain(run.origin).chain(run.right_origin).collect();
        while let Some(id) = past.pop() {
            let next = knowledge.entry(id.client).or_default();
            let Some(runs) = self.clients.get(&id.client).filter(|_| id.clock >= *next) else { continue };
            let new = runs.range(*next..=id.clock).map(|(_, at)| self.nodes[*at].run);
            *next = id.clock + 1;
            let before = past.len();
            past.extend(new.flat_map(|run| run.origin.into_iter().chain(run.right_origin)));
            self.steps += past.len() - before;
        }
        self.knowledge.insert(run.client, knowledge);
        self.step()
    }

    fn step(&mut self) -> Result<(), UpdateError> {
        self.steps += 1;
        if self.steps > self.max_steps { Err(UpdateError::Invalid("too much at one place")) } else { Ok(()) }
    }

    /// Whether the author of `run` knew `other` when writing it.
    fn must_know(&self, run: &Run, other: &Run) -> bool {
        let knowledge = self.knowledge.get(&run.client);
        let next = knowledge.and_then(|knowledge| knowledge.get(&other.client));
        other.client == run.client || next.is_some_and(|next| other.start < *next)
    }
}
