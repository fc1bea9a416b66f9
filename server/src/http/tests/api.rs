//! Rooms, the server's word about itself, and refusals.

use collab_proto::Code;
use collab_proto::api::{RoomInfo, ServerInfo};

use super::*;
use crate::config::RoomCreation;

#[tokio::test]
async fn the_server_says_where_sessions_go_and_which_certificate_they_meet() {
    let site = Site::new().await;
    let info: ServerInfo = site.get("/api/server").await.json();
    let hash = hex::encode(site.app.certificates.current().certificate_hash());
    assert_eq!((info.webtransport_port, info.certificate_hashes), (Some(4433), vec![hash]));
    assert_eq!(info.public_key_hash, Some(hex::encode(site.app.certificates.current().fingerprint())));
    assert_eq!(info.protocol, collab_proto::PROTOCOL);
}

#[tokio::test]
async fn readiness_ends_when_the_server_drains_and_health_does_not() {
    let site = Site::new().await;
    assert_eq!(site.get("/readyz").await.status, StatusCode::OK);
    site.phase.send_replace(Phase::Draining);
    assert_eq!(site.get("/readyz").await.status, StatusCode::SERVICE_UNAVAILABLE);
    let health = site.get("/healthz").await;
    assert_eq!((health.status, health.body.as_slice()), (StatusCode::OK, &b"ok"[..]));
}

#[tokio::test]
async fn a_room_lives_by_the_admin_token() {
    let site = Site::new().await;
    site.create("demo").await;
    let all: Vec<RoomInfo> = site.admin("GET", "/api/rooms", None).await.json();
    assert_eq!(all.iter().map(|room| room.name.as_str()).collect::<Vec<_>>(), ["demo"]);
    let one: RoomInfo = site.admin("GET", "/api/rooms/demo", None).await.json();
    assert_eq!(one, all[0]);
    let changed = site.admin("PUT", "/api/rooms/demo/password", Some(json!({ "password": "another one" }))).await;
    assert_eq!(changed.status, StatusCode::NO_CONTENT);
    assert_eq!(site.admin("DELETE", "/api/rooms/demo", None).await.status, StatusCode::NO_CONTENT);
    let gone = site.admin("GET", "/api/rooms/demo", None).await;
    assert_eq!((gone.status, gone.refusal().code), (StatusCode::NOT_FOUND, Code::NoSuchRoom));
    assert_eq!(site.logged(LogKind::RoomDeleted).await, 1);
    assert_eq!(site.logged(LogKind::AdminQuery).await, 2, "the list and the look");
}

#[tokio::test]
async fn an_owner_rules_the_own_room_alone() {
    let site = Site::new().await;
    let owner = site.create("mine").await;
    site.create("other").await;
    let ask = |method: &'static str, path: &'static str| site.send(request(method, path, Some(&owner), None));
    assert_eq!(ask("GET", "/api/rooms/mine").await.status, StatusCode::OK);
    assert_eq!(site.logged(LogKind::AdminQuery).await, 0);
    for path in ["/api/rooms/other", "/api/rooms/none"] {
        let refused = ask("DELETE", path).await;
        assert_eq!((refused.status, refused.refusal().code), (StatusCode::UNAUTHORIZED, Code::Unauthorized));
    }
    for path in ["/api/rooms", "/api/logs"] {
        assert_eq!(ask("GET", path).await.status, StatusCode::UNAUTHORIZED);
    }
    let body = json!({ "password": "another one" });
    let changed = site.send(request("PUT", "/api/rooms/mine/password", Some(&owner), Some(body))).await;
    assert_eq!(changed.status, StatusCode::NO_CONTENT);
    assert_eq!(ask("DELETE", "/api/rooms/mine").await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn without_a_token_nothing_is_ruled_and_rooms_cannot_be_guessed() {
    let site = Site::new().await;
    site.create("demo").await;
    let paths = [
        ("GET", "/api/rooms"),
        ("GET", "/api/rooms/demo"),
        ("GET", "/api/rooms/none"),
        ("DELETE", "/api/rooms/demo"),
        ("PUT", "/api/rooms/demo/password"),
        ("GET", "/api/logs"),
        ("GET", "/api/status"),
        ("GET", "/metrics"),
    ];
    for (method, path) in paths {
        for token in [None, Some("wrong"), Some("")] {
            let body = (method == "PUT").then(|| json!({ "password": "another one" }));
            let refused = site.send(request(method, path, token, body)).await;
            assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{method} {path}");
            assert_eq!(refused.refusal().code, Code::Unauthorized);
            assert_eq!(refused.header("www-authenticate"), "Bearer");
        }
    }
    assert_eq!(site.logged(LogKind::AdminQuery).await, 0);
}

#[tokio::test]
async fn creating_is_for_the_admin_alone_when_configured_so() {
    let config = Config { room_creation: RoomCreation::Admin, hash_threads: 1, ..Config::default() };
    let site = Site::with(config).await;
    let body = json!({ "name": "demo", "password": PASSWORD });
    let refused = site.send(request("POST", "/api/rooms", None, Some(body.clone()))).await;
    assert_eq!((refused.status, refused.refusal().code), (StatusCode::UNAUTHORIZED, Code::Unauthorized));
    assert_eq!(site.admin("POST", "/api/rooms", Some(body)).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn what_cannot_be_created_is_refused_with_its_code() {
    let site = Site::with(Config { max_rooms: 1, hash_threads: 1, ..Config::default() }).await;
    let create = async |name: &str, password: &str| {
        let body = json!({ "name": name, "password": password });
        let refused = site.send(request("POST", "/api/rooms", None, Some(body))).await;
        (refused.status, refused.refusal().code)
    };
    assert_eq!(create("Not Allowed", PASSWORD).await, (StatusCode::BAD_REQUEST, Code::BadName));
    assert_eq!(create("demo", "short").await, (StatusCode::BAD_REQUEST, Code::BadPassword));
    assert_eq!(create("demo", &"x".repeat(257)).await, (StatusCode::BAD_REQUEST, Code::BadPassword));
    site.create("demo").await;
    assert_eq!(create("demo", PASSWORD).await, (StatusCode::CONFLICT, Code::RoomExists));
    assert_eq!(create("other", PASSWORD).await, (StatusCode::SERVICE_UNAVAILABLE, Code::TooMany));
}

#[tokio::test]
async fn bad_requests_get_json_too() {
    let site = Site::new().await;
    let raw = |kind: &str, body: String| {
        let builder = Request::post("/api/rooms").header("host", "localhost").header("content-type", kind);
        site.send(builder.body(Body::from(body)).unwrap())
    };
    let long = json!({ "name": "demo", "password": "x".repeat(20_000) }).to_string();
    let answers = [
        (raw("application/json", "{".into()).await, StatusCode::BAD_REQUEST),
        (raw("application/json", "{}".into()).await, StatusCode::UNPROCESSABLE_ENTITY),
        (
            raw("application/json", r#"{"name":"a","password":"b","x":1}"#.into()).await,
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        (raw("text/plain", "{}".into()).await, StatusCode::UNSUPPORTED_MEDIA_TYPE),
        (raw("application/json", long).await, StatusCode::PAYLOAD_TOO_LARGE),
        (site.get("/api/nothing").await, StatusCode::NOT_FOUND),
        (site.get("/api").await, StatusCode::NOT_FOUND),
        (site.get("/api/").await, StatusCode::NOT_FOUND),
        (site.admin("PATCH", "/api/rooms", None).await, StatusCode::METHOD_NOT_ALLOWED),
        (site.admin("GET", "/api/logs?nonsense=1", None).await, StatusCode::BAD_REQUEST),
        (site.admin("GET", "/api/logs?kind=nonsense", None).await, StatusCode::BAD_REQUEST),
        (site.admin("GET", "/api/logs?limit=1001", None).await, StatusCode::BAD_REQUEST),
        (site.admin("GET", "/api/rooms/%FF", None).await, StatusCode::BAD_REQUEST),
    ];
    for (answer, status) in answers {
        assert_eq!(answer.status, status, "{answer:?}");
        let refusal = answer.refusal();
        assert_eq!(refusal.code, Code::BadRequest);
        assert!(!refusal.message.is_empty());
    }
    assert_eq!(site.admin("PATCH", "/api/rooms", None).await.header("allow"), "GET,HEAD,POST");
}

#[tokio::test]
async fn a_failing_store_is_said_so_and_is_worth_another_try() {
    let site = Site::new().await;
    site.faults.fail_everything(true);
    let body = json!({ "name": "demo", "password": PASSWORD });
    let refused = site.send(request("POST", "/api/rooms", None, Some(body))).await;
    assert_eq!((refused.status, refused.refusal().code), (StatusCode::SERVICE_UNAVAILABLE, Code::Storage));
    site.faults.fail_everything(false);
    site.create("demo").await;
}
