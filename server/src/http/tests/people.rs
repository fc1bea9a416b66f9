//! Passwords, roles, and who must go, as their owner asks over HTTP.

use collab_proto::api::MemberEntry;
use collab_proto::{
    ClientId, Code, Credential, Join, MemberId, Role, RoomName, ServerFrame, Slot, decode_server, split_frame,
};

use super::*;
use crate::refusal::Refusal;
use crate::room::outbox::Next;
use crate::room::registry::{Membership, Registry};

const VIEWERS: &str = "only to read";

/// The way into a site's rooms.
struct Entry<'s> {
    site: &'s Site,
    door: Door,
    registry: Arc<Registry>,
}

impl<'s> Entry<'s> {
    fn new(site: &'s Site) -> Self {
        Self { site, door: site.door(), registry: site.registry.clone() }
    }

    async fn join(&self, name: &str, credential: Credential) -> Result<Guest, Refusal> {
        let client_id = ClientId(crate::auth::random_id().unwrap());
        let (room, name) = ("demo".to_owned(), name.to_owned());
        let state_vector = vec![0].into();
        let join = Join { protocol: 1, room, credential, name, client_id, generation: None, state_vector };
        let address = [127, 0, 0, 1].into();
        let admitted = self.door.enter(&join, address).await?;
        let membership = self.registry.join(&admitted.room, || admitted.entrant(&join, address, Slot(0))).await?;
        Ok(Guest { member: admitted.identity.member, token: admitted.resume_token, membership })
    }

    async fn by_password(&self, name: &str, password: &str) -> Result<Guest, Refusal> {
        self.join(name, Credential::Password(password.to_owned())).await
    }

    async fn members(&self) -> Vec<MemberEntry> {
        self.site.admin("GET", "/api/rooms/demo/members", None).await.json()
    }
}

/// Somebody in the room.
struct Guest {
    member: MemberId,
    token: String,
    membership: Membership,
}

impl Guest {
    fn role(&self) -> Role {
        self.membership.joined().gate.standing.role()
    }

    fn come_back(&self) -> Credential {
        Credential::Resume(self.token.clone())
    }

    /// The first frame that is meant.
    async fn frame(&self, mut meant: impl FnMut(&ServerFrame) -> bool) -> ServerFrame {
        loop {
            let next = std::future::poll_fn(|cx| self.membership.joined().outbox.poll_next(cx)).await;
            let Next::Send { frames, .. } = next else { panic!("it ended without the frame") };
            let bodies = frames.iter().map(|bytes| split_frame(&mut (&bytes[..]).into(), usize::MAX).unwrap().unwrap());
            if let Some(found) = bodies.map(|body| decode_server(&body).unwrap()).find(&mut meant) {
                return found;
            }
        }
    }

    async fn refusal(&self) -> Code {
        match self.frame(|frame| matches!(frame, ServerFrame::Refused { .. })).await {
            ServerFrame::Refused { code, .. } => code,
            _ => unreachable!("another frame is not meant"),
        }
    }
}

impl Site {
    async fn viewers(&self, password: Value) -> StatusCode {
        self.admin("PUT", "/api/rooms/demo/viewer-password", Some(json!({ "password": password }))).await.status
    }

    async fn role(&self, member: MemberId, role: &str) -> StatusCode {
        let path = format!("/api/rooms/demo/members/{member}/role");
        self.admin("PUT", &path, Some(json!({ "role": role }))).await.status
    }

    async fn kick(&self, member: MemberId, query: &str) -> StatusCode {
        self.admin("DELETE", &format!("/api/rooms/demo/members/{member}{query}"), None).await.status
    }
}

#[tokio::test]
async fn each_password_opens_for_its_own_and_its_change_sends_away_its_own() {
    let site = Site::new().await;
    site.create("demo").await;
    let entry = Entry::new(&site);
    assert_eq!(entry.by_password("Vic", VIEWERS).await.err().map(|refusal| refusal.code), Some(Code::WrongPassword));
    assert_eq!(site.viewers(json!(PASSWORD)).await, StatusCode::BAD_REQUEST, "it would open for editors");
    assert_eq!(site.viewers(json!("short")).await, StatusCode::BAD_REQUEST);
    assert_eq!(site.viewers(json!(VIEWERS)).await, StatusCode::NO_CONTENT);
    let (ada, vic) =
        (entry.by_password("Ada", PASSWORD).await.unwrap(), entry.by_password("Vic", VIEWERS).await.unwrap());
    assert_eq!((ada.role(), vic.role()), (Role::Editor, Role::Viewer));

    assert_eq!(site.viewers(Value::Null).await, StatusCode::NO_CONTENT);
    assert_eq!(vic.refusal().await, Code::PasswordChanged);
    assert_eq!(entry.join("Vic", vic.come_back()).await.err().unwrap().code, Code::PasswordChanged);
    assert_eq!(entry.by_password("Vic", VIEWERS).await.err().unwrap().code, Code::WrongPassword);
    assert_eq!(entry.members().await.len(), 1, "editors stay");
    assert_eq!(site.viewers(json!(VIEWERS)).await, StatusCode::NO_CONTENT);

    let change = json!({ "password": "another horse" });
    site.admin("PUT", "/api/rooms/demo/password", Some(change.clone())).await;
    assert_eq!(ada.refusal().await, Code::PasswordChanged);
    assert_eq!(entry.join("Ada", ada.come_back()).await.err().unwrap().code, Code::PasswordChanged);
    assert!(entry.by_password("Vic", VIEWERS).await.is_ok(), "the viewers' password is another");
    let same = site.admin("PUT", "/api/rooms/demo/password", Some(json!({ "password": VIEWERS }))).await;
    assert_eq!((same.status, same.refusal().code), (StatusCode::BAD_REQUEST, Code::BadPassword));
    assert_eq!(site.logged(LogKind::ViewerPasswordChanged).await, 3);
}

#[tokio::test]
async fn a_role_acts_at_once_and_stays_until_the_password_changes() {
    let site = Site::new().await;
    site.create("demo").await;
    let entry = Entry::new(&site);
    let ada = entry.by_password("Ada", PASSWORD).await.unwrap();
    let members = entry.members().await;
    assert_eq!((members[0].member, members[0].name.as_str(), members[0].role), (ada.member, "Ada", Role::Editor));
    assert_eq!(members[0].address.as_deref(), Some("127.0.0.1"));

    assert_eq!(site.role(ada.member, "viewer").await, StatusCode::NO_CONTENT);
    ada.frame(|frame| *frame == ServerFrame::RoleChanged { role: Role::Viewer }).await;
    assert_eq!(ada.role(), Role::Viewer);
    let again = entry.join("Ada", ada.come_back()).await.unwrap();
    assert_eq!((again.member, again.role()), (ada.member, Role::Viewer));
    assert_eq!(site.role(ada.member, "editor").await, StatusCode::NO_CONTENT);
    let ada = entry.join("Ada", again.come_back()).await.unwrap();
    assert_eq!(ada.role(), Role::Editor);

    assert_eq!(site.role(ada.member, "owner").await, StatusCode::BAD_REQUEST);
    assert_eq!(site.role(MemberId(1), "viewer").await, StatusCode::NOT_FOUND);
    assert_eq!(site.logged(LogKind::RoleChanged).await, 2);
    let room = RoomName::parse("demo").unwrap();
    assert_eq!(site.app.rooms.record(&room).await.unwrap().roles.len(), 1);
    site.app
        .rooms
        .change_password(
            &room,
            "another horse",
            &crate::audit::Origin { address: [127, 0, 0, 1].into(), actor: crate::audit::Actor::Admin },
        )
        .await
        .unwrap();
    assert_eq!(site.app.rooms.record(&room).await.unwrap().roles.len(), 0);
}

#[tokio::test]
async fn who_is_sent_away_may_come_back_and_who_is_banned_not_for_a_while() {
    let site = Site::new().await;
    site.create("demo").await;
    let entry = Entry::new(&site);
    let eve = entry.by_password("Eve", PASSWORD).await.unwrap();
    assert_eq!(site.kick(eve.member, "").await, StatusCode::NO_CONTENT);
    assert_eq!(eve.refusal().await, Code::Removed);
    assert_eq!(site.kick(eve.member, "").await, StatusCode::NOT_FOUND);
    let eve = entry.join("Eve", eve.come_back()).await.unwrap();

    for bad in ["?ban_ms=0", "?ban_ms=2592000001", "?ban_ms=x", "?for=1"] {
        assert_eq!(site.kick(eve.member, bad).await, StatusCode::BAD_REQUEST, "{bad}");
    }
    let bob = entry.by_password("Bob", PASSWORD).await.unwrap();
    assert_eq!(site.kick(eve.member, "?ban_ms=2592000000").await, StatusCode::NO_CONTENT);
    assert_eq!(eve.refusal().await, Code::Banned);
    assert_eq!(entry.join("Eve", eve.come_back()).await.err().unwrap().code, Code::Banned);
    let newcomer = entry.by_password("Eva", PASSWORD).await.err().unwrap();
    assert_eq!(newcomer.code, Code::Banned);
    assert!(newcomer.retry_after_ms.is_some());
    assert!(entry.join("Bob", bob.come_back()).await.is_ok(), "a known neighbour may come back");
    assert_eq!(site.logged(LogKind::Kicked).await, 2);
}

#[tokio::test]
async fn an_owner_is_neither_sent_away_nor_made_less_and_sees_no_addresses() {
    let site = Site::new().await;
    let token = site.create("demo").await;
    let entry = Entry::new(&site);
    let olga = entry.join("Olga", Credential::Token(token.clone())).await.unwrap();
    assert_eq!(site.kick(olga.member, "").await, StatusCode::BAD_REQUEST);
    assert_eq!(site.role(olga.member, "viewer").await, StatusCode::BAD_REQUEST);
    let members = site.send(request("GET", "/api/rooms/demo/members", Some(&token), None)).await;
    assert_eq!(members.json::<Vec<MemberEntry>>()[0].address, None);
    let ada = entry.by_password("Ada", PASSWORD).await.unwrap();
    for (method, path) in [("GET", String::new()), ("DELETE", format!("/{}", ada.member))] {
        let path = format!("/api/rooms/demo/members{path}");
        for token in [None, Some(ada.token.as_str())] {
            let refused = site.send(request(method, &path, token, None)).await;
            assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{method} {token:?}");
        }
    }
    let owner =
        site.send(request("DELETE", &format!("/api/rooms/demo/members/{}", ada.member), Some(&token), None)).await;
    assert_eq!(owner.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn two_changes_at_once_are_both_made() {
    let site = Site::new().await;
    site.create("demo").await;
    let entry = Entry::new(&site);
    let mut guests = Vec::new();
    for number in 0..8 {
        guests.push(entry.by_password(&format!("Guest {number}"), PASSWORD).await.unwrap());
    }
    let changes = guests.iter().map(|guest| site.role(guest.member, "viewer"));
    assert!(futures_util::future::join_all(changes).await.iter().all(|status| *status == StatusCode::NO_CONTENT));
    let record = site.app.rooms.record(&RoomName::parse("demo").unwrap()).await.unwrap();
    assert_eq!((record.roles.len(), record.revision), (8, 8));
}
