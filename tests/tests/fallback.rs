//! Where WebTransport does not come through, the client goes by WebSocket, and comes back to WebTransport later.

use std::time::{Duration, Instant};

use collab_client::driver::{Address, Because, Choice, Way};
use collab_client::trust::Trust;
use collab_client::{api::session_address, driver::Endpoint};
use collab_proto::{Code, Credential};
use collab_tests::PASSWORD;
use collab_tests::cli::Cli;
use collab_tests::person::Person;
use collab_tests::relay::Relay;
use collab_tests::server::{FAST, TestServer};
use tokio::net::UdpSocket;

/// How long it may take until somebody is in the room by the other way.
const SOON: Duration = Duration::from_secs(2);

const BLOCKED: Option<Way> = Some(Way::WebSocket(Because::Blocked));

fn either(webtransport: String, server: &TestServer) -> Address {
    Address::Either { webtransport, websocket: server.secure_websocket_url() }
}

#[tokio::test]
async fn a_server_without_udp_is_joined_by_websocket() {
    let server = TestServer::with(&["--webtransport", "off"]).await;
    server.room("demo").await;
    let info = server.api().server_info().await.expect("it answers");
    assert_eq!(info.webtransport_port, None);
    assert!(UdpSocket::bind(("127.0.0.1", server.port)).await.is_ok(), "its UDP port is free");
    for (base, name) in [(server.url(), "Ada"), (server.https_url(), "Bob")] {
        let address = session_address(&base, &info, Choice::Auto).expect("an address");
        let mut person = Person::join_by(address, server.endpoint(), "demo", name).await;
        assert_eq!(person.seen().way, Some(Way::WebSocket(Because::NotOffered)));
        person.type_text(name).await;
        person.wait_saved().await;
        person.wait("latency", |seen| seen.latency.is_some()).await;
        assert!(person.leave().await.is_ok());
    }
    let cli = Cli::new(&server);
    assert_eq!(cli.ok(&["cat", "demo"]).await, "AdaBob");
    let lines = cli.ok(&["ping", "demo", "--count", "2", "--interval", "0.02"]).await;
    assert!(lines.starts_with("over WebSocket (server without WebTransport)\n"), "{lines}");
}

#[tokio::test]
async fn udp_that_is_swallowed_costs_less_than_two_seconds_once() {
    let server = TestServer::start().await;
    server.room("demo").await;
    let hole = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
    let address = either(format!("https://127.0.0.1:{}/", hole.local_addr().expect("an address").port()), &server);
    let endpoint = server.endpoint();
    let begun = Instant::now();
    let direct = Address::WebSocket(server.secure_websocket_url(), Because::Chosen);
    Person::join_by(direct, endpoint.clone(), "demo", "Cyd").await;
    let usual = begun.elapsed();
    let mut times = Vec::new();
    for name in ["Ada", "Bob"] {
        let begun = Instant::now();
        let person = Person::join_by(address.clone(), endpoint.clone(), "demo", name).await;
        times.push(begun.elapsed());
        assert_eq!(person.seen().way, BLOCKED);
    }
    println!("in the room after {:?}, {:?} when it was known, {usual:?} by WebSocket alone", times[0], times[1]);
    assert!(times[0] < SOON + usual && times[1] < times[0], "{times:?}");
}

#[tokio::test]
async fn a_connection_goes_over_to_websocket_when_udp_dies_and_back_when_it_lives() {
    let server = TestServer::with(FAST).await;
    server.room("demo").await;
    let relay = Relay::to(server.port).await;
    let endpoint = server.endpoint().retry_webtransport_after(Duration::from_secs(1));
    let mut ada = Person::join_by(either(relay.webtransport_url(), &server), endpoint, "demo", "Ada").await;
    let mut bob = Person::join(&server, "demo", "Bob").await;
    // A busy machine may take the other way first.
    ada.wait("WebTransport", |seen| seen.way == Some(Way::WebTransport)).await;
    let member = ada.seen().member;
    ada.type_text("<one>").await;
    bob.wait_for("<one>").await;

    let begun = Instant::now();
    relay.silence(true);
    ada.type_text("<two>").await;
    bob.wait_for("<two>").await;
    println!("over to WebSocket {:?} after UDP died", begun.elapsed());
    assert_eq!(ada.seen().way, BLOCKED);
    bob.type_text("<three>").await;
    ada.wait_for("<three>").await;

    relay.silence(false);
    for i in 0..20 {
        ada.type_text(&format!("<a{i}>")).await;
    }
    ada.wait("WebTransport again", |seen| seen.way == Some(Way::WebTransport)).await;
    ada.wait_saved().await;
    assert_eq!(ada.seen().member, member, "the token carries over");
    bob.wait_text(&ada.text()).await;
    let words = ["<one>", "<two>", "<three>"].map(str::to_owned).into_iter().chain((0..20).map(|i| format!("<a{i}>")));
    for word in words {
        assert_eq!(ada.text().matches(&word).count(), 1, "{word} in {}", ada.text());
    }
}

#[tokio::test]
async fn a_websocket_is_trusted_by_the_same_sign_and_gives_the_same_reasons() {
    let server = TestServer::start().await;
    server.room("demo").await;
    let address = Address::WebSocket(server.secure_websocket_url(), Because::Chosen);
    let person = Person::join_by(address.clone(), server.endpoint(), "demo", "Ada").await;
    assert_eq!(person.seen().way, Some(Way::WebSocket(Because::Chosen)));
    let wrong = Endpoint::new(Trust::Hashes(vec![[7; 32]])).expect("TLS");
    let credential = || Credential::Password(PASSWORD.to_owned());
    for address in [address.clone(), either(server.webtransport_url(), &server)] {
        let mut mallory = Person::try_by(address, wrong.clone(), "demo", "Mallory", credential());
        let seen = mallory.wait("distrust", |seen| !seen.lost.is_empty()).await;
        assert!(seen.lost[0].contains("which is not the one given"), "{:?}", seen.lost);
    }
    let mut cyd =
        Person::try_by(address, server.endpoint(), "demo", "Cyd", Credential::Password("wrong one".to_owned()));
    assert_eq!(cyd.wait_refused().await.0, Code::WrongPassword);
}
