//! How far a user without a text has read each author: its state vector.

use collab_document::Section;

use super::hand::encode_state_vector;

/// How far each author was read: by client, ascending, the next clock.
#[derive(Debug, Default)]
pub struct Known(Vec<(u64, u32)>);

impl Known {
    /// A section that leaves something out tells nothing: what is between is still to come.
    pub fn heard(&mut self, section: Section) {
        let Section { client, start, end } = section;
        match self.0.binary_search_by_key(&client, |(client, _)| *client) {
            Ok(at) if start <= self.0[at].1 => self.0[at].1 = self.0[at].1.max(end),
            Err(at) if start == 0 => self.0.insert(at, (client, end)),
            _ => {}
        }
    }

    /// As a Yjs state vector.
    pub fn encode(&self) -> Vec<u8> {
        encode_state_vector(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_of_an_author_ends_where_something_is_missing() {
        let mut known = Known::default();
        for (client, start, end) in [(7, 0, 3), (3, 0, 2), (7, 3, 5), (7, 6, 9), (7, 1, 4), (9, 2, 4)] {
            known.heard(Section { client, start, end });
        }
        assert_eq!(known.0, [(3, 2), (7, 5)]);
        known.heard(Section { client: 7, start: 5, end: 9 });
        assert_eq!(known.0, [(3, 2), (7, 9)]);
    }
}
