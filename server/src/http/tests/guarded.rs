//! What pages of other sites, and their names, may not do.

use super::*;

const AFAR: Peer =
    Peer { address: SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)), 5000), secure: true };

fn create_with(headers: &[(&str, &str)], uri: &str) -> Request<Body> {
    let body = json!({ "name": "demo", "password": PASSWORD }).to_string();
    let builder = Request::post(uri).header("content-type", "application/json");
    headers.iter().fold(builder, |builder, (name, value)| builder.header(*name, *value)).body(Body::from(body)).unwrap()
}

#[tokio::test]
async fn the_clear_port_answers_only_to_loopback_names() {
    let site = Site::new().await;
    let ask = |host: &str| site.send(Request::get("/healthz").header("host", host).body(Body::empty()).unwrap());
    for host in ["localhost:3001", "127.0.0.1:3001", "[::1]:3001"] {
        assert_eq!(ask(host).await.status, StatusCode::OK, "{host}");
    }
    for host in ["evil.example", "localhost.evil.example:3001"] {
        assert_eq!(ask(host).await.status, StatusCode::MISDIRECTED_REQUEST, "{host}");
    }
    let nameless = site.send(Request::get("/healthz").body(Body::empty()).unwrap()).await;
    assert_eq!(nameless.status, StatusCode::MISDIRECTED_REQUEST);
    let elsewhere = Request::get("/healthz").header("host", "write.example.org").body(Body::empty()).unwrap();
    assert_eq!(site.send_from(AFAR, elsewhere).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_page_of_another_site_changes_nothing() {
    let site = Site::new().await;
    for origin in ["https://evil.example", "http://localhost:3002", "https://localhost:3001", "null"] {
        let refused = site.send(create_with(&[("host", "localhost:3001"), ("origin", origin)], "/api/rooms")).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{origin}");
        refused.refusal();
    }
    assert_eq!(site.logged(LogKind::RoomCreated).await, 0);
    let own = create_with(&[("host", "localhost:3001"), ("origin", "http://localhost:3001")], "/api/rooms");
    assert_eq!(site.send(own).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn over_http2_the_name_is_in_the_address() {
    let site = Site::new().await;
    let uri = "https://write.example.org:4433/api/rooms";
    let refused = site.send_from(AFAR, create_with(&[("origin", "https://evil.example")], uri)).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let own = site.send_from(AFAR, create_with(&[("origin", "https://write.example.org:4433")], uri)).await;
    assert_eq!(own.status, StatusCode::CREATED);
}

#[tokio::test]
async fn every_answer_makes_browsers_careful() {
    let site = Site::new().await;
    for path in ["/", "/api/server", "/api/nothing", "/none.js"] {
        let answer = site.get(path).await;
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{path}");
        assert!(policy.contains("script-src 'self';"), "no inline script");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        assert_eq!(answer.header("cross-origin-opener-policy"), "same-origin");
        assert!(answer.header("permissions-policy").contains("camera=()"));
        assert!(
            policy.ends_with("connect-src 'self' https://localhost:* wss://localhost:* ws://localhost:*"),
            "{policy}"
        );
    }
    assert_eq!(site.get("/api/server").await.header("cache-control"), "no-store");
    let foreign = site.send(Request::get("/").header("host", "evil.example").body(Body::empty()).unwrap()).await;
    assert_eq!(foreign.header("x-frame-options"), "DENY");
}

#[tokio::test]
async fn the_log_keeps_the_address_without_its_ipv6_clothes() {
    let site = Site::new().await;
    let mapped = Peer { address: "[::ffff:192.0.2.7]:5000".parse().unwrap(), secure: true };
    site.send_from(mapped, create_with(&[("host", "write.example.org")], "/api/rooms")).await;
    let query = LogQuery { kind: Some(LogKind::RoomCreated), ..LogQuery::default() };
    let page = site.app.store.logs(&query).await.unwrap();
    assert_eq!(page.entries[0].address.as_deref(), Some("192.0.2.7"));
}
