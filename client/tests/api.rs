//! The HTTP API client against a socket that answers as it is told.

#![expect(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

use std::net::Ipv4Addr;

use collab_client::api::{Api, ApiFailure, session_address};
use collab_client::driver::{Address, Because, Choice};
use collab_client::trust::Trust;
use collab_proto::api::{LogKind, LogPage, LogQuery, ServerInfo};
use collab_proto::{Code, RoomName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Answers one request with a status and a body, and gives back the request.
async fn server(status: &str, body: &str) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
    let request = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !complete(&request) {
            stream.read_buf(&mut request).await.unwrap();
        }
        stream.write_all(answer.as_bytes()).await.unwrap();
        String::from_utf8(request).unwrap()
    });
    (base, request)
}

fn complete(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
    body.len() >= length.unwrap_or(0)
}

fn api(base: &str, token: Option<&str>) -> Api {
    Api::new(base, Trust::WebPki, token.map(str::to_owned)).unwrap()
}

#[tokio::test]
async fn a_room_is_created_and_its_token_returned() {
    let (base, request) = server("201 Created", r#"{"name":"demo","generation":5,"owner_token":"abc"}"#).await;
    let created = api(&base, None).create_room("demo", "secret").await.unwrap();
    assert_eq!(created.owner_token, "abc");
    let request = request.await.unwrap();
    assert!(request.starts_with("POST /api/rooms HTTP/1.1\r\n"), "{request}");
    let policy = r#"{"edits_per_minute":null,"burst":null,"throttle_ms":null}"#;
    let body = format!(r#"{{"name":"demo","password":"secret","policy":{policy}}}"#);
    assert!(request.ends_with(&body), "{request}");
}

#[tokio::test]
async fn the_token_and_the_query_go_along() {
    let page = serde_json::to_string(&LogPage { last_seq: 7, ..LogPage::default() }).unwrap();
    let (base, request) = server("200 OK", &page).await;
    let query = LogQuery { kind: Some(LogKind::Joined), after: Some(3), ..LogQuery::default() };
    assert_eq!(api(&base, Some("admin")).logs(&query).await.unwrap().last_seq, 7);
    let request = request.await.unwrap();
    assert!(request.starts_with("GET /api/logs?kind=joined&after=3 HTTP/1.1\r\n"), "{request}");
    assert!(request.to_lowercase().contains("authorization: bearer admin\r\n"), "{request}");
}

#[tokio::test]
async fn an_answer_without_a_body_is_enough_for_a_deletion() {
    let (base, request) = server("204 No Content", "").await;
    api(&base, Some("owner")).delete_room(&RoomName::parse("demo").unwrap()).await.unwrap();
    assert!(request.await.unwrap().starts_with("DELETE /api/rooms/demo HTTP/1.1\r\n"));
}

#[tokio::test]
async fn a_refusal_keeps_its_code_and_other_answers_are_told_apart() {
    let (base, _) = server("404 Not Found", r#"{"code":4404,"message":"no such room"}"#).await;
    match api(&base, None).rooms().await {
        Err(ApiFailure::Refused(error)) => assert_eq!(error.code, Code::NoSuchRoom),
        other => panic!("{other:?}"),
    }
    for (status, body) in [("502 Bad Gateway", "<html>"), ("200 OK", "<html>"), ("302 Found", "")] {
        let (base, _) = server(status, body).await;
        let failure = api(&base, None).rooms().await.unwrap_err();
        assert!(matches!(failure, ApiFailure::NotUnderstood { .. }), "{failure:?}");
    }
}

#[tokio::test]
async fn nobody_there_is_said_with_address_and_cause() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let failure = api(&base, None).server_info().await.unwrap_err().to_string();
    assert!(failure.contains(&base) && failure.contains("refused"), "{failure}");
}

#[test]
fn webtransport_is_on_the_same_host() {
    let json = r#"{"version":"1","protocol":1,"webtransport_port":4433,"certificate_hashes":[],"durability":"disk"}"#;
    let info: ServerInfo = serde_json::from_str(json).unwrap();
    let either = |webtransport: &str, websocket: &str| Address::Either {
        webtransport: webtransport.to_owned(),
        websocket: websocket.to_owned(),
    };
    let address = |base, choice| session_address(base, &info, choice).unwrap();
    let local = either("https://localhost:4433/", "ws://localhost:3001/ws");
    assert_eq!(address("http://localhost:3001", Choice::Auto), local);
    assert_eq!(address("https://[::1]:9", Choice::Auto), either("https://[::1]:4433/", "wss://[::1]:9/ws"));
    assert_eq!(address("https://a", Choice::WebTransport), Address::WebTransport("https://a:4433/".to_owned()));
    let websocket = |because| Address::WebSocket("wss://a:443/ws".to_owned(), because);
    assert_eq!(address("https://a", Choice::WebSocket), websocket(Because::Chosen));
    let without = ServerInfo { webtransport_port: None, ..info.clone() };
    assert_eq!(session_address("https://a", &without, Choice::Auto).unwrap(), websocket(Because::NotOffered));
    assert!(session_address("https://a", &without, Choice::WebTransport).is_err());
    for wrong in ["ftp://x", "localhost:3001"] {
        assert!(session_address(wrong, &info, Choice::Auto).is_err());
    }
}
