//! How often people may change the text of a room. A change is written down first and then acts on those who are connected.

use collab_proto::api::{ChangePolicy, LogKind, Pace, RoomInfo};
use collab_proto::{Code, RoomName};

use super::{Rooms, sentence};
use crate::audit::{NewEntry, Origin};
use crate::clock::wall_ms;
use crate::refusal::Refusal;
use crate::room::task::Command;
use crate::store::RoomRecord;

impl Rooms {
    /// Changes what a room decides for itself, and says what holds now.
    ///
    /// # Errors
    ///
    /// A refusal for a number out of its bounds, or when there is no such room.
    pub async fn change_policy(
        &self,
        name: &RoomName,
        change: ChangePolicy,
        who: &Origin,
    ) -> Result<RoomInfo, Refusal> {
        let server = self.registry.limits().pace;
        let change = |record: &mut RoomRecord| {
            record.policy = change.of(record.policy);
            record.policy.check().map_err(|error| Refusal::new(Code::BadRequest, sentence(&error)))?;
            let entry = who.entry(wall_ms(), LogKind::PolicyChanged, Some(name.clone()));
            Ok(with_pace(entry, record.policy.over(server)))
        };
        let record = self.change(name, change).await?;
        self.registry.tell(name, Command::PolicyChanged(record.policy, record.revision)).await;
        Ok(self.info(record))
    }
}

/// An entry that says what holds in a room.
pub(super) fn with_pace(entry: NewEntry, pace: Pace) -> NewEntry {
    let by = entry.detail.map(|by| format!(" {by}")).unwrap_or_default();
    NewEntry { detail: Some(format!("{pace}{by}")), ..entry }
}
