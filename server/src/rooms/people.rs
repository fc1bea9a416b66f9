//! Who may do what in a room: its passwords, roles, and who must go. Each change is written down first and then acts on those
//! who are connected.

use std::time::Duration;

use collab_proto::api::LogKind;
use collab_proto::{Code, MemberId, Role, RoomName};

use super::Rooms;
use crate::audit::{NewEntry, Origin};
use crate::auth::network;
use crate::clock::wall_ms;
use crate::refusal::Refusal;
use crate::room::core::Present;
use crate::room::task::Command;
use crate::store::record::{Ban, GivenRole, MAX_BAN_MS, MAX_BANS, MAX_GIVEN_ROLES};
use crate::store::{Entrance, RoomRecord, StoreError};

/// How often a change is tried again when another one came first.
const CHANGE_TRIES: usize = 16;

impl Rooms {
    /// Changes a room's password; those who came by it must join again with the new one, except owners.
    ///
    /// # Errors
    ///
    /// A refusal for a bad password or the viewers' one, or when there is no such room.
    pub async fn change_password(&self, name: &RoomName, password: &str, who: &Origin) -> Result<(), Refusal> {
        self.set_password(name, Entrance::Editors, Some(password), who).await
    }

    /// Changes the viewers' password, or takes it away; those who came by it must join again.
    ///
    /// # Errors
    ///
    /// A refusal for a bad password or the editors' one, or when there is no such room.
    pub async fn change_viewer_password(
        &self,
        name: &RoomName,
        password: Option<&str>,
        who: &Origin,
    ) -> Result<(), Refusal> {
        self.set_password(name, Entrance::Viewers, password, who).await
    }

    async fn set_password(
        &self,
        name: &RoomName,
        entrance: Entrance,
        password: Option<&str>,
        who: &Origin,
    ) -> Result<(), Refusal> {
        // The salt stays for the life of the room: one hash must answer for both passwords.
        let salted = self.record(name).await?.password_hash;
        let hash = match password {
            Some(password) => Some(self.passwords.hash_like(password, &salted).await?),
            None => None,
        };
        let kind = match entrance {
            Entrance::Editors => LogKind::PasswordChanged,
            Entrance::Viewers => LogKind::ViewerPasswordChanged,
        };
        let mut entry = who.entry(wall_ms(), kind, Some(name.clone()));
        if password.is_none() {
            entry.detail = Some(format!("taken away {}", entry.detail.unwrap_or_default()).trim_end().to_owned());
        }
        let change = |record: &mut RoomRecord| {
            record.set_password(entrance, hash.clone());
            if record.viewer_hash.as_ref() == Some(&record.password_hash) {
                return Err(Refusal::new(Code::BadPassword, "Viewers and editors need different passwords."));
            }
            Ok(entry.clone())
        };
        let revision = self.change(name, change).await?.revision;
        self.registry.tell(name, Command::PasswordChanged(entrance, revision)).await;
        Ok(())
    }

    /// Who is in a room now.
    ///
    /// # Errors
    ///
    /// A refusal when there is no such room.
    pub async fn present(&self, name: &RoomName) -> Result<Vec<Present>, Refusal> {
        self.record(name).await?;
        Ok(self.registry.present(name).await)
    }

    /// Gives somebody who is in the room another role, at once and for as long as the password holds that they came by.
    ///
    /// # Errors
    ///
    /// A refusal for owners and for the role of an owner, and when [`MAX_GIVEN_ROLES`] users have one.
    pub async fn give_role(&self, name: &RoomName, to: &Present, role: Role, who: &Origin) -> Result<(), Refusal> {
        if role == Role::Owner || to.info.role == Role::Owner {
            return Err(Refusal::new(
                Code::BadRequest,
                "An owner rules by a token; that role is neither given nor taken.",
            ));
        }
        let given = GivenRole { role, entrance: to.entrance };
        let entry = about(to, who, LogKind::RoleChanged, name, &format!("{} now", word(role)));
        let change = |record: &mut RoomRecord| {
            record.roles.insert(to.user.clone(), given);
            if record.roles.len() <= MAX_GIVEN_ROLES {
                return Ok(entry.clone());
            }
            let full = "This room has as many given roles as it may have; a new password begins anew.";
            Err(Refusal::new(Code::BadRequest, full))
        };
        let revision = self.change(name, change).await?.revision;
        self.registry.tell(name, Command::RoleGiven(to.user.clone(), role, revision)).await;
        Ok(())
    }

    /// Sends somebody away; with `ban` they may not come back for that long, nor may anybody new by password from their network.
    ///
    /// # Errors
    ///
    /// A refusal for owners, for a ban beyond [`MAX_BAN_MS`], and when [`MAX_BANS`] hold already.
    pub async fn kick(
        &self,
        name: &RoomName,
        member: &Present,
        ban: Option<Duration>,
        who: &Origin,
    ) -> Result<(), Refusal> {
        if member.info.role == Role::Owner {
            return Err(Refusal::new(Code::BadRequest, "An owner rules by a token and cannot be sent away."));
        }
        let Some(ban) = ban else {
            let entry = about(member, who, LogKind::Kicked, name, "sent away");
            self.store.log(vec![entry]).await?;
            self.registry.tell(name, Command::Kick(member.info.id)).await;
            return Ok(());
        };
        let ban_ms = u64::try_from(ban.as_millis()).unwrap_or(u64::MAX);
        if !(1..=MAX_BAN_MS).contains(&ban_ms) {
            return Err(Refusal::new(Code::BadRequest, format!("A ban lasts 1 to {MAX_BAN_MS} milliseconds.")));
        }
        let entry = about(member, who, LogKind::Kicked, name, &format!("banned for {} s", ban_ms.div_ceil(1000)));
        let change = |record: &mut RoomRecord| add_ban(record, member, ban_ms).map(|()| entry.clone());
        let revision = self.change(name, change).await?.revision;
        self.registry.tell(name, Command::Banned(member.user.clone(), revision)).await;
        Ok(())
    }

    /// Makes a token for a new owner; with `revoke` those there were are void from now on.
    ///
    /// # Errors
    ///
    /// A refusal when there is no such room.
    pub async fn make_owner(&self, name: &RoomName, revoke: bool, who: &Origin) -> Result<String, Refusal> {
        let change = |record: &mut RoomRecord| {
            record.owner_version += u32::from(revoke);
            let entry = who.entry(wall_ms(), LogKind::OwnerTokenMade, Some(name.clone()));
            let by = entry.detail.clone().unwrap_or_default();
            let detail = if revoke { format!("earlier ones are void {by}") } else { by };
            Ok(NewEntry { detail: Some(detail), ..entry })
        };
        let record = self.change(name, change).await?;
        if revoke {
            self.registry.tell(name, Command::OwnersRevoked(record.revision)).await;
        }
        self.sign_owner(&record)
    }

    /// Changes a room's record to its next revision, which is given back, and logs what `change` says of it. When somebody else
    /// changed the record at the same time, the change is made to theirs.
    pub(super) async fn change(
        &self,
        name: &RoomName,
        change: impl Fn(&mut RoomRecord) -> Result<NewEntry, Refusal>,
    ) -> Result<RoomRecord, Refusal> {
        for _ in 0..CHANGE_TRIES {
            let mut record = self.record(name).await?;
            let entry = change(&mut record)?;
            record.revision += 1;
            match self.store.update_room(record.clone(), entry).await {
                Err(StoreError::Conflict) => continue,
                done => return Ok(done.map(|()| record)?),
            }
        }
        Err(Code::Busy.into())
    }
}

fn add_ban(record: &mut RoomRecord, member: &Present, ban_ms: u64) -> Result<(), Refusal> {
    let now = wall_ms();
    record.bans.retain(|ban| ban.until_ms > now && ban.user != member.user);
    if record.bans.len() >= MAX_BANS {
        return Err(Refusal::new(Code::BadRequest, "This room has as many bans as it may have; wait until one ends."));
    }
    let network = network(member.address);
    record.bans.push(Ban { user: member.user.clone(), network, until_ms: now + ban_ms });
    Ok(())
}

/// An entry about what was done to somebody.
fn about(member: &Present, who: &Origin, kind: LogKind, room: &RoomName, what: &str) -> NewEntry {
    let entry = who.entry(wall_ms(), kind, Some(room.clone()));
    let by = entry.detail.map(|by| format!(" {by}")).unwrap_or_default();
    let (id, name): (MemberId, _) = (member.info.id, member.info.name.clone());
    NewEntry { member: Some(id), name: Some(name), detail: Some(format!("{what}{by}")), ..entry }
}

fn word(role: Role) -> &'static str {
    match role {
        Role::Viewer => "viewer",
        Role::Editor => "editor",
        Role::Owner => "owner",
    }
}
