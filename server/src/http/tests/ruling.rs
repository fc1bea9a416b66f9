//! How often people may write in a room, and who owns it, as the admin and owners ask over HTTP.

use collab_proto::api::{Pace, RoomInfo, RoomPolicy};
use collab_proto::limits::MAX_ROOM_EDITS_PER_MINUTE;

use super::*;

impl Site {
    async fn policy(&self, token: &str, body: Value) -> Answered {
        self.send(request("PATCH", "/api/rooms/demo/policy", Some(token), Some(body))).await
    }

    async fn details(&self, kind: LogKind) -> Vec<String> {
        let query = LogQuery { kind: Some(kind), after: Some(0), ..LogQuery::default() };
        let entries = self.app.store.logs(&query).await.unwrap().entries;
        entries.into_iter().map(|entry| entry.detail.unwrap_or_default()).collect()
    }

    async fn make_owner(&self, body: Value) -> String {
        let made = self.admin("POST", "/api/rooms/demo/owner-token", Some(body)).await;
        assert_eq!(made.status, StatusCode::CREATED);
        made.json::<Value>()["owner_token"].as_str().unwrap().to_owned()
    }

    async fn rules(&self, token: &str) -> bool {
        self.send(request("GET", "/api/rooms/demo", Some(token), None)).await.status == StatusCode::OK
    }
}

#[tokio::test]
async fn a_room_is_created_with_a_policy_and_gets_another() {
    let site = Site::new().await;
    let policy = json!({ "edits_per_minute": 6, "throttle_ms": 1000 });
    let body = json!({ "name": "demo", "password": PASSWORD, "policy": policy });
    let created = site.send(request("POST", "/api/rooms", None, Some(body))).await.json::<RoomCreated>();
    let info = site.admin("GET", "/api/rooms/demo", None).await.json::<RoomInfo>();
    assert_eq!(info.pace, Pace { edits_per_minute: 6, burst: 6, throttle_ms: 1000 });
    assert_eq!(info.policy, RoomPolicy { edits_per_minute: Some(6), burst: None, throttle_ms: Some(1000) });

    let changed = site.policy(&created.owner_token, json!({ "edits_per_minute": null, "burst": 5 })).await;
    assert_eq!(changed.json::<RoomInfo>().pace, Pace { edits_per_minute: 30, burst: 5, throttle_ms: 1000 });
    let changed = site.policy(site.app.admin.as_str(), json!({ "burst": null, "throttle_ms": null })).await;
    assert_eq!(changed.json::<RoomInfo>().policy, RoomPolicy::default());
    assert_eq!(site.details(LogKind::RoomCreated).await, ["6 edits a minute, 6 at once, 1000 ms between two"]);
    let by_owner = "30 edits a minute, 5 at once, 1000 ms between two by the owner";
    let by_admin = "30 edits a minute, 30 at once, 500 ms between two by the admin";
    assert_eq!(site.details(LogKind::PolicyChanged).await, [by_owner, by_admin]);
}

#[tokio::test]
async fn a_policy_out_of_bounds_is_refused_and_changes_nothing() {
    let site = Site::new().await;
    let body = |policy| json!({ "name": "other", "password": PASSWORD, "policy": policy });
    let too_much = json!({ "edits_per_minute": MAX_ROOM_EDITS_PER_MINUTE + 1 });
    let refused = site.send(request("POST", "/api/rooms", None, Some(body(too_much.clone())))).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert_eq!(refused.refusal().message, "A room's edits_per_minute is between 1 and 600.");
    let owner = site.create("demo").await;
    assert_eq!(site.policy(&owner, too_much).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(site.policy(&owner, json!({ "burst": 0 })).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(site.policy(&owner, json!({ "tokens": 1 })).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(site.policy("nobody's", json!({ "burst": 1 })).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(site.admin("PATCH", "/api/rooms/none/policy", Some(json!({}))).await.status, StatusCode::NOT_FOUND);
    assert_eq!(site.details(LogKind::PolicyChanged).await, [] as [String; 0]);
    let info = site.admin("GET", "/api/rooms/demo", None).await.json::<RoomInfo>();
    assert_eq!((info.policy, info.pace), (RoomPolicy::default(), site.app.config.pace()));
}

#[tokio::test]
async fn the_admin_makes_owners_and_may_revoke_those_there_are() {
    let site = Site::new().await;
    let first = site.create("demo").await;
    let second = site.make_owner(json!({})).await;
    assert!(site.rules(&first).await && site.rules(&second).await && first != second);
    let third = site.make_owner(json!({ "revoke": true })).await;
    assert!(!site.rules(&first).await && !site.rules(&second).await && site.rules(&third).await);
    assert_eq!(site.details(LogKind::OwnerTokenMade).await, ["by the admin", "earlier ones are void by the admin"]);

    let by_owner = request("POST", "/api/rooms/demo/owner-token", Some(&third), Some(json!({})));
    assert_eq!(site.send(by_owner).await.status, StatusCode::UNAUTHORIZED);
    let missing = site.admin("POST", "/api/rooms/none/owner-token", Some(json!({}))).await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
}
