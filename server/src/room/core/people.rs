//! What the owner of a room does with the people in it.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use collab_proto::api::RoomPolicy;
use collab_proto::{Code, MemberId, MemberInfo, Role, ServerFrame};

use super::{Core, Seat};
use crate::store::Entrance;

/// Somebody who is in the room, as its owner sees them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Present {
    /// Who.
    pub info: MemberInfo,
    /// The user, to whom roles and bans belong.
    pub user: String,
    /// By which password they came.
    pub entrance: Entrance,
    /// From where.
    pub address: IpAddr,
    /// For how long this connection has been here.
    pub connected: Duration,
}

impl Core {
    /// Everybody who is here, in the order in which they came.
    pub fn present(&self, now: Instant) -> Vec<Present> {
        let present = self.members.values().map(|member| Present {
            info: member.info(),
            user: member.user.clone(),
            entrance: member.entrance,
            address: member.address,
            connected: now.saturating_duration_since(member.since),
        });
        present.collect()
    }

    /// A password was changed: ends the memberships of those who came by the old one. Owners stay, their token outlives it.
    pub fn password_changed(&mut self, now: Instant, entrance: Entrance, revision: u32) {
        self.judge_by(revision);
        let leaving = self.members.iter().filter(|(_, m)| m.entrance == entrance && m.standing.role() != Role::Owner);
        let leaving: Vec<Seat> = leaving.map(|(seat, _)| *seat).collect();
        for seat in leaving {
            self.remove(now, seat, Some(Code::PasswordChanged.into()));
        }
    }

    /// Gives a user another role: every connection of theirs is told, and so is everybody else.
    pub fn give_role(&mut self, now: Instant, user: &str, role: Role, revision: u32) {
        self.judge_by(revision);
        let mut changed = Vec::new();
        for (seat, member) in self.members.iter().filter(|(_, member)| member.user == user) {
            member.standing.set(role);
            self.roster.joined(now, member.info());
            changed.push(*seat);
        }
        for seat in changed {
            self.send(now, seat, &ServerFrame::RoleChanged { role });
        }
    }

    /// Another policy of the room: it acts on the next edit, and every member is told. An older one than the present is left alone.
    pub fn set_policy(&mut self, now: Instant, policy: RoomPolicy, revision: u32) {
        if revision < self.policy_revision {
            return;
        }
        self.policy_revision = revision;
        self.limits = self.server_limits.with(policy);
        self.budgets.values().for_each(|budget| budget.adopt(self.limits.pace, now));
        let users: Vec<_> = self.members.iter().map(|(seat, member)| (*seat, member.user.clone())).collect();
        for (seat, user) in users {
            let left = self.budget(now, &user).left(now);
            self.send(now, seat, &ServerFrame::PolicyChanged { policy: self.limits.policy(left) });
        }
    }

    /// The owner tokens became void: ends the memberships of those who came by them.
    pub fn owners_revoked(&mut self, now: Instant, revision: u32) {
        self.judge_by(revision);
        let owners: Vec<Seat> =
            self.members.iter().filter(|(_, m)| m.standing.role() == Role::Owner).map(|(seat, _)| *seat).collect();
        for seat in owners {
            self.remove(now, seat, Some(Code::BadToken.into()));
        }
    }

    /// Ends a membership.
    pub fn kick(&mut self, now: Instant, member: MemberId) {
        let seat = self.members.iter().find(|(_, present)| present.id == member).map(|(seat, _)| *seat);
        if let Some(seat) = seat {
            self.remove(now, seat, Some(Code::Removed.into()));
        }
    }

    /// Ends every membership of a user who was banned.
    pub fn banned(&mut self, now: Instant, user: &str, revision: u32) {
        self.judge_by(revision);
        let seats: Vec<Seat> = self.members.iter().filter(|(_, m)| m.user == user).map(|(seat, _)| *seat).collect();
        for seat in seats {
            self.remove(now, seat, Some(Code::Banned.into()));
        }
    }

    /// Whoever was judged by an older revision and has no seat yet is judged again.
    fn judge_by(&mut self, revision: u32) {
        self.revision = self.revision.max(revision);
    }
}
