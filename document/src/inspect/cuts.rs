//! Cutting long runs in halves.
//!
//! yrs holds characters that were written one after the other as one string, and copies both parts when it cuts one. An update
//! that cuts a run of n characters in k places, one after the other, so costs n × k steps: seconds for a scattered edit of a
//! large text. Cut in halves, and those in halves, it costs n × log k.

use super::{Deletion, Id, Known, Verdict, Writer, write_deletions};

/// Fewer cuts than this are left to the update itself.
const MANY: usize = 8;

impl Verdict<'_> {
    /// An update that deletes nothing, and for that cuts the document wherever this one will; none where that gains nothing.
    pub(crate) fn cuts(&self, known: &Known) -> Option<Vec<u8>> {
        let mut points = self.points(known);
        if points.len() < MANY {
            return None;
        }
        points.sort_unstable();
        points.dedup();
        let mut cuts = Vec::with_capacity(points.len());
        points.chunk_by(|a, b| a.client == b.client).for_each(|run| halve(run, &mut cuts));
        let mut writer = Writer::default();
        writer.count(0);
        write_deletions(&mut writer, &cuts);
        Some(writer.into_bytes())
    }

    /// The beginnings of what will be parted from what stands before it.
    fn points(&self, known: &Known) -> Vec<Id> {
        let behind = |id: Id| Id { clock: id.clock + 1, ..id };
        let sections = self.update.sections.iter();
        let items = sections.flat_map(|section| self.update.items_of(section));
        let beside = items.flat_map(|item| item.origin.map(behind).into_iter().chain(item.right_origin));
        let around = self
            .update
            .deletions
            .iter()
            .flat_map(|&Deletion { client, start, end }| [Id { client, clock: start }, Id { client, clock: end }]);
        beside.chain(around).filter(|at| at.clock < known.next(at.client) && !known.cuts_pair(*at)).collect()
    }
}

/// The middle one, then the middle ones of what is left and right of it, and so on.
fn halve(points: &[Id], cuts: &mut Vec<Deletion>) {
    let (left, right) = points.split_at(points.len() / 2);
    let Some((&Id { client, clock }, right)) = right.split_first() else { return };
    cuts.push(Deletion { client, start: clock, end: clock });
    halve(left, cuts);
    halve(right, cuts);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cut_halves_what_is_left() {
        let points: Vec<_> = (1..8).map(|clock| Id { client: 1, clock }).collect();
        let mut cuts = Vec::new();
        halve(&points, &mut cuts);
        assert_eq!(cuts.iter().map(|cut| cut.start).collect::<Vec<_>>(), [4, 2, 1, 3, 6, 5, 7]);
        assert!(cuts.iter().all(|cut| cut.start == cut.end));
    }
}
