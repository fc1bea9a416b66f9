//! Who came and who went, told to everybody a few times a second at most.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use collab_proto::limits::MAX_LISTED_MEMBERS;
use collab_proto::{MemberId, MemberInfo, ServerFrame};

/// Shortest time between two tellings. A thousand people who come at once are told of in a few frames, not in a million.
pub const ROSTER_INTERVAL: Duration = Duration::from_millis(100);

/// Changes that are not told yet.
#[derive(Debug, Default)]
pub struct Roster {
    joined: BTreeMap<MemberId, MemberInfo>,
    left: BTreeSet<MemberId>,
    due: Option<Instant>,
    told: Option<Instant>,
    /// Whether names were left out at the last telling, so that the next one with names must hold all.
    count_only: bool,
}

impl Roster {
    /// Notes who came, or changed name or role.
    pub fn joined(&mut self, now: Instant, member: MemberInfo) {
        self.left.remove(&member.id);
        self.joined.insert(member.id, member);
        self.schedule(now);
    }

    /// Notes who went.
    pub fn left(&mut self, now: Instant, member: MemberId) {
        self.joined.remove(&member);
        self.left.insert(member);
        self.schedule(now);
    }

    fn schedule(&mut self, now: Instant) {
        let earliest = self.told.map_or(now, |told| told + ROSTER_INTERVAL);
        self.due.get_or_insert(earliest.max(now));
    }

    /// When the next telling is due.
    pub fn due(&self) -> Option<Instant> {
        self.due
    }

    /// The frame for everybody, if one is due. `everybody` is asked for when names were left out before.
    pub fn poll(&mut self, now: Instant, everybody: impl ExactSizeIterator<Item = MemberInfo>) -> Option<ServerFrame> {
        if self.due? > now {
            return None;
        }
        self.due = None;
        self.told = Some(now);
        let (mut joined, mut left) = (std::mem::take(&mut self.joined), std::mem::take(&mut self.left));
        let count = everybody.len();
        let was_count_only = std::mem::replace(&mut self.count_only, count > MAX_LISTED_MEMBERS);
        if self.count_only {
            joined.clear();
            left.clear();
        } else if was_count_only {
            joined = everybody.map(|member| (member.id, member)).collect();
            left.clear();
        }
        Some(ServerFrame::Members {
            count: u32::try_from(count).unwrap_or(u32::MAX),
            joined: joined.into_values().collect(),
            left: left.into_iter().collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use collab_proto::Role;

    fn member(id: u64) -> MemberInfo {
        MemberInfo { id: MemberId(id), name: format!("m{id}"), role: Role::Editor }
    }

    fn everybody(count: u64) -> std::vec::IntoIter<MemberInfo> {
        (0..count).map(member).collect::<Vec<_>>().into_iter()
    }

    fn told(frame: Option<ServerFrame>) -> (u32, usize, usize) {
        let Some(ServerFrame::Members { count, joined, left }) = frame else { panic!("nothing told") };
        (count, joined.len(), left.len())
    }

    #[test]
    fn the_first_is_told_at_once_and_the_next_together() {
        let (mut roster, now) = (Roster::default(), Instant::now());
        roster.joined(now, member(1));
        assert_eq!(told(roster.poll(now, everybody(1))), (1, 1, 0));
        roster.joined(now, member(2));
        roster.joined(now, member(3));
        roster.left(now, MemberId(2));
        assert_eq!(roster.due(), Some(now + ROSTER_INTERVAL));
        assert_eq!(roster.poll(now, everybody(2)), None);
        assert_eq!(told(roster.poll(now + ROSTER_INTERVAL, everybody(2))), (2, 1, 1));
        assert_eq!(roster.due(), None);
    }

    #[test]
    fn names_end_above_the_limit_and_all_come_back_below() {
        let (mut roster, mut now) = (Roster::default(), Instant::now());
        let limit = MAX_LISTED_MEMBERS as u64;
        let mut step = |roster: &mut Roster, count| {
            now += ROSTER_INTERVAL;
            roster.joined(now, member(0));
            told(roster.poll(now, everybody(count)))
        };
        assert_eq!(step(&mut roster, limit), (64, 1, 0));
        assert_eq!(step(&mut roster, limit + 1), (65, 0, 0));
        assert_eq!(step(&mut roster, limit), (64, 64, 0));
        assert_eq!(step(&mut roster, limit), (64, 1, 0));
    }
}
