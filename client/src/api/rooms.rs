//! Rooms, and who may do what in them.

use std::time::Duration;

use collab_proto::api::{
    ChangePassword, ChangePolicy, ChangeRole, ChangeViewerPassword, CreateRoom, KickQuery, MakeOwnerToken, MemberEntry,
    OwnerToken, RoomCreated, RoomInfo, RoomPolicy,
};
use collab_proto::{MemberId, Role, RoomName};
use reqwest::Method;

use super::{Api, ApiFailure};

impl Api {
    /// Makes a room. Needs no token.
    ///
    /// # Errors
    ///
    /// [`ApiFailure`].
    pub async fn create_room(&self, name: &str, password: &str) -> Result<RoomCreated, ApiFailure> {
        let (name, password) = (name.to_owned(), password.to_owned());
        self.create_room_as(&CreateRoom { name, password, policy: RoomPolicy::default() }).await
    }

    /// Makes a room that differs from the server. Needs no token.
    ///
    /// # Errors
    ///
    /// [`ApiFailure`].
    pub async fn create_room_as(&self, wanted: &CreateRoom) -> Result<RoomCreated, ApiFailure> {
        self.ask(self.request(Method::POST, &["rooms"]).json(wanted)).await
    }

    /// All rooms. Needs the admin token.
    ///
    /// # Errors
    ///
    /// [`ApiFailure`].
    pub async fn rooms(&self) -> Result<Vec<RoomInfo>, ApiFailure> {
        self.ask(self.request(Method::GET, &["rooms"])).await
    }

    /// One room. Needs the admin token or the room's owner token.
    ///
    /// # Errors
    ///
    /// [`ApiFailure`].
    pub async fn room(&self, name: &RoomName) -> Result<RoomInfo, ApiFailure> {
        self.ask(self.request(Method::GET, &["rooms", name.as_str()])).await
    }

    /// Deletes a room with its text. Needs the admin token or the room's owner token.
    ///
    /// # Errors
    ///
    /// [`ApiFailure`].
    pub async fn delete_room(&self, name: &RoomName) -> Result<(), ApiFailure> {
        self.tell(self.request(Method::DELETE, &["rooms", name.as_str()])).await
    }

    /// Changes a room's password. Needs the admin token or the room's owner token.
    ///
    /// # Errors
    ///
    /// [`ApiFailure`].
    pub async fn change_password(&self, name: &RoomName, password: &str) -> Result<(), ApiFailure> {
        let body = ChangePassword { password: password.to_owned() };
        self.tell(self.request(Method::PUT, &["rooms", name.as_str(), "password"]).json(&body)).await
    }

    /// Changes a room's password for viewers; none takes it away. Needs the admin token or the room's owner token.
    ///
    /// # Errors
    ///
    /// [`ApiFailure`].
    pub async fn change_viewer_password(&self, name: &RoomName, password: Option<&str>) -> Result<(), ApiFailure> {
        let body = ChangeViewerPassword { password: password.map(str::to_owned) };
        self.tell(self.request(Method::PUT, &["rooms", name.as_str(), "viewer-password"]).json(&body)).await
    }

    /// Changes how often people may change the text of a room. Needs the admin token or the room's owner token.
    ///
    /// # Errors
    ///
    /// [`ApiFailure`].
    pub async fn change_policy(&self, name: &RoomName, change: ChangePolicy) -> Result<RoomInfo, ApiFailure> {
        self.ask(self.request(Method::PATCH, &["rooms", name.as_str(), "policy"]).json(&change)).await
    }

    /// A token for a new owner of a room; with `revoke` those there were are void from now on. Needs the admin token.
    ///
    /// # Errors
    ///
    /// [`ApiFailure`].
    pub async fn make_owner_token(&self, name: &RoomName, revoke: bool) -> Result<String, ApiFailure> {
        let request = self.request(Method::POST, &["rooms", name.as_str(), "owner-token"]);
        let made: OwnerToken = self.ask(request.json(&MakeOwnerToken { revoke })).await?;
        Ok(made.owner_token)
    }

    /// Who is in a room now. Needs the admin token or the room's owner token.
    ///
    /// # Errors
    ///
    /// [`ApiFailure`].
    pub async fn members(&self, name: &RoomName) -> Result<Vec<MemberEntry>, ApiFailure> {
        self.ask(self.request(Method::GET, &["rooms", name.as_str(), "members"])).await
    }

    /// Gives a member another role, at once. Needs the admin token or the room's owner token.
    ///
    /// # Errors
    ///
    /// [`ApiFailure`].
    pub async fn change_role(&self, name: &RoomName, member: MemberId, role: Role) -> Result<(), ApiFailure> {
        let path = ["rooms", name.as_str(), "members", &member.to_string(), "role"];
        self.tell(self.request(Method::PUT, &path).json(&ChangeRole { role })).await
    }

    /// Sends a member away; with `ban` they may not come back for that long. Needs the admin token or the room's owner token.
    ///
    /// # Errors
    ///
    /// [`ApiFailure`].
    pub async fn kick(&self, name: &RoomName, member: MemberId, ban: Option<Duration>) -> Result<(), ApiFailure> {
        let path = ["rooms", name.as_str(), "members", &member.to_string()];
        let ban_ms = ban.map(|ban| u64::try_from(ban.as_millis()).unwrap_or(u64::MAX));
        self.tell(self.request(Method::DELETE, &path).query(&KickQuery { ban_ms })).await
    }
}
