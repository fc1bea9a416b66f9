//! What the inspector remembers of a document, so that it need not ask yrs.

use std::collections::HashMap;

use super::order::Order;
use super::{Deletion, Id};

/// How far each client's operations are known, where not to cut, and in which order everything stands.
#[derive(Debug, Default)]
pub(crate) struct Known {
    clients: HashMap<u64, Client>,
    pub(crate) order: Order,
}

#[derive(Debug, Default)]
struct Client {
    next: u32,
    /// Clocks of the second halves of surrogate pairs that are not deleted, ascending. Four bytes each, and rare.
    second_halves: Vec<u32>,
}

impl Known {
    /// The clock that the client's next operation will have.
    pub(crate) fn next(&self, client: u64) -> u32 {
        self.clients.get(&client).map_or(0, |client| client.next)
    }

    /// Whether a cut just before this clock separates a surrogate pair.
    pub(crate) fn cuts_pair(&self, at: Id) -> bool {
        self.clients.get(&at.client).is_some_and(|client| client.second_halves.binary_search(&at.clock).is_ok())
    }

    /// Takes in new operations: the client's clocks go up to `end`, with these second halves among the new, ascending.
    pub(crate) fn learn(&mut self, client: u64, end: u32, second_halves: impl Iterator<Item = u32>) {
        let client = self.clients.entry(client).or_default();
        client.next = end;
        client.second_halves.extend(second_halves);
    }

    /// Takes note that clocks are deleted: there is nothing left to cut, and who never saw their text does not know the pairs.
    pub(crate) fn forget_pairs(&mut self, deletion: &Deletion) {
        let Some(client) = self.clients.get_mut(&deletion.client) else { return };
        let halves = &mut client.second_halves;
        let from = halves.partition_point(|half| *half <= deletion.start);
        let to = halves.partition_point(|half| *half < deletion.end);
        halves.drain(from..to.max(from));
    }

    /// Every client with its next clock, in no order.
    pub(crate) fn clocks(&self) -> impl Iterator<Item = (u64, u32)> + '_ {
        self.clients.iter().map(|(id, client)| (*id, client.next))
    }

    /// How many clients ever wrote.
    pub(crate) fn len(&self) -> usize {
        self.clients.len()
    }
}
