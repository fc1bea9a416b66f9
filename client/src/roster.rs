//! Who is in the room.

use std::collections::BTreeMap;

use collab_proto::limits::MAX_LISTED_MEMBERS;
use collab_proto::{MemberId, MemberInfo};

/// Who is in the room, this member included.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Roster {
    /// How many.
    pub count: u32,
    /// Who; empty above [`MAX_LISTED_MEMBERS`].
    pub members: BTreeMap<MemberId, MemberInfo>,
}

impl Roster {
    pub(crate) fn new(count: u32, members: Vec<MemberInfo>) -> Self {
        let mut roster = Self::default();
        roster.change(count, members, &[]);
        roster
    }

    /// Safe to apply twice. A list of as many as there are replaces what was known. A list that grows past the limit is given
    /// up: in such a room the server tells only the count.
    pub(crate) fn change(&mut self, count: u32, joined: Vec<MemberInfo>, left: &[MemberId]) {
        self.count = count;
        if joined.len() == count as usize {
            self.members.clear();
        }
        self.members.extend(joined.into_iter().map(|info| (info.id, info)));
        left.iter().for_each(|id| drop(self.members.remove(id)));
        if count as usize > MAX_LISTED_MEMBERS || self.members.len() > MAX_LISTED_MEMBERS {
            self.members.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use collab_proto::Role;

    fn info(id: u64, name: &str) -> MemberInfo {
        MemberInfo { id: MemberId(id), name: name.into(), role: Role::Editor }
    }

    #[test]
    fn changes_apply_twice_without_harm() {
        let mut roster = Roster::new(2, vec![info(1, "a"), info(2, "b")]);
        for _ in 0..2 {
            roster.change(2, vec![info(1, "z"), info(3, "c")], &[MemberId(2)]);
        }
        let names: Vec<_> = roster.members.values().map(|info| info.name.as_str()).collect();
        assert_eq!((roster.count, names), (2, vec!["z", "c"]));
    }

    #[test]
    fn a_large_room_is_only_counted() {
        let mut roster = Roster::new(64, (0..64).map(|id| info(id, "x")).collect());
        assert_eq!(roster.members.len(), 64);
        roster.change(65, vec![], &[]);
        assert_eq!((roster.count, roster.members.len()), (65, 0));
        roster.change(3, (0..100).map(|id| info(id, "x")).collect(), &[]);
        assert_eq!(roster.members.len(), 0, "a list longer than agreed is not kept");
    }
}
