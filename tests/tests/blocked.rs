//! A network that lets no UDP through, as the kernel does it: everybody is in the room by WebSocket soon, is told why, and comes
//! back to WebTransport when UDP passes again.

use std::time::{Duration, Instant};

use collab_client::driver::{Address, Because, Way};
use collab_tests::cli::Cli;
use collab_tests::network::Network;
use collab_tests::person::Person;
use collab_tests::server::{FAST, TestServer};

/// How long it may take until somebody is in the room by the other way.
const SOON: Duration = Duration::from_secs(2);

const BLOCKED: Option<Way> = Some(Way::WebSocket(Because::Blocked));

fn either(server: &TestServer) -> Address {
    Address::Either { webtransport: server.webtransport_url(), websocket: server.secure_websocket_url() }
}

#[tokio::test]
async fn a_client_goes_by_websocket_while_udp_is_blocked_and_by_webtransport_when_it_is_not() {
    let Some(network) = Network::make() else { return };
    let server = TestServer::within(&network, FAST).await;
    server.room("demo").await;
    let endpoint = || server.endpoint().retry_webtransport_after(Duration::from_secs(1));
    let begun = Instant::now();
    let direct = Address::WebSocket(server.secure_websocket_url(), Because::Chosen);
    let mut bob = Person::join_by(direct, endpoint(), "demo", "Bob").await;
    let usual = begun.elapsed();

    network.block_udp();
    let begun = Instant::now();
    let mut ada = Person::join_by(either(&server), endpoint(), "demo", "Ada").await;
    let took = begun.elapsed();
    println!("in the room after {took:?}, {usual:?} by WebSocket alone");
    assert_eq!(ada.seen().way, BLOCKED);
    assert!(network.dropped() > 0, "the kernel dropped what came by UDP");
    assert!(took < SOON + usual, "{took:?}");
    ada.type_text("<blocked>").await;
    bob.wait_for("<blocked>").await;

    network.let_udp_through();
    ada.wait("WebTransport", |seen| seen.way == Some(Way::WebTransport)).await;
    ada.type_text("<free>").await;
    bob.wait_for("<free>").await;

    network.block_udp();
    ada.type_text("<blocked again>").await;
    bob.wait_for("<blocked again>").await;
    ada.wait_saved().await;
    assert_eq!(ada.seen().way, BLOCKED);
    bob.wait_text("<blocked><free><blocked again>").await;
}

#[tokio::test]
async fn commands_do_their_work_where_udp_is_blocked_and_say_why() {
    let Some(network) = Network::make() else { return };
    let server = TestServer::within(&network, &[]).await;
    server.room("demo").await;
    let cli = Cli::at(&server.https_url());
    let ping = ["ping", "demo", "--count", "2", "--interval", "0.02"];
    let free = cli.ok(&ping).await;
    assert!(free.starts_with("over WebTransport\n"), "{free}");

    network.block_udp();
    let begun = Instant::now();
    let blocked = cli.ok(&ping).await;
    println!("two pings over WebSocket after {:?}", begun.elapsed());
    assert!(blocked.starts_with("over WebSocket (UDP is blocked)\n"), "{blocked}");
    let written = cli.run_with(b"by TCP\n", &["write", "demo"]).await;
    assert_eq!(written.code, Some(0), "{}", written.stderr);
    assert_eq!(cli.ok(&["cat", "demo"]).await, "by TCP\n");

    network.let_udp_through();
    assert!(cli.ok(&ping).await.starts_with("over WebTransport\n"), "each command asks anew");
}
