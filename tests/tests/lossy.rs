//! The load generator on a wire that loses packets: what it shows, and that nothing is left of its networks, however it ends.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use collab_tests::PATIENCE;
use collab_tests::process::{Output, Process, program};
use tokio::time::{sleep, timeout};

fn lossy(duration: &str) -> Process {
    let mut command = Command::new(program("collab-bench"));
    command.args(["lossy", "--loss", "5%", "--clients", "4", "--duration", duration]);
    Process::start(command, &[])
}

/// The networks that any process is in.
fn networks() -> BTreeSet<PathBuf> {
    let processes = std::fs::read_dir("/proc").expect("/proc").flatten();
    processes.filter_map(|process| std::fs::read_link(process.path().join("ns/net")).ok()).collect()
}

/// Nobody tells when the last process of a network has ended.
async fn gone(before: &BTreeSet<PathBuf>) {
    let looking = async {
        while !networks().is_subset(before) {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, looking).await.expect("nothing is left in another network");
}

/// One test, because networks of another one would be taken for leftovers.
#[tokio::test]
async fn both_transports_are_compared_and_nothing_is_left_of_the_networks() {
    let before = networks();
    let ended = lossy("1s").ended().await;
    if !rustix::process::geteuid().is_root() {
        assert_eq!(ended.code, Some(1));
        assert!(ended.stderr.contains("needs root"), "{}", ended.stderr);
        return;
    }
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    let told =
        ["ping p99: datagram | stream", "Two rooms over one", "WebSocket: 4 clients", "0 larger than a wire takes"];
    for words in told {
        assert!(ended.stdout.contains(words), "{}", ended.stdout);
    }
    gone(&before).await;

    let mut killed = lossy("60s");
    killed.until("begin", |output| output.stderr().contains("5 % of the packets")).await;
    killed.kill();
    killed.until("leave nobody behind", Output::is_over).await;
    gone(&before).await;
}
