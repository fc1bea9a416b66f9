//! A coordinator and workers that are played.

use std::time::Instant;

use clap::Parser;
use tokio::net::TcpListener;
use tokio::task::{LocalSet, spawn_local};

use super::channel::Channel;
use super::coordinator::Crew;
use super::secret::Secret;
use super::*;
use crate::options::CommandLine;
use crate::progress::Progress;
use crate::run::Seen;
use crate::series::recorder::Recorder;
use crate::stats::{Kind, Precision};

const SECRET: &str = "0123456789abcdef";

fn part() -> Part {
    let latencies = Latencies::new(Precision::Finest).unwrap();
    let (totals, errors, cpu) = (Totals::default(), BTreeMap::new(), Duration::from_secs(1));
    Part { joined: 1, asides: Asides::default(), totals, errors, latencies, pings_lost: 0, converged: true, cpu }
}

/// A second in which one edit took so long.
fn news(ms: u64) -> News {
    let start = Instant::now();
    let mut recorder = Recorder::to_be_fetched(start).unwrap();
    recorder.sent(start);
    recorder.time(Kind::Edit, Duration::from_millis(ms), start);
    recorder.end();
    News { seconds: recorder.fetch(), ..News::default() }
}

/// A worker that is played by `act`, and its address.
async fn worker<F: Future<Output = ()>>(secret: &str, act: impl FnOnce(Channel<Order>) -> F + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, secret) = (listener.local_addr().unwrap().to_string(), Secret::new(secret).unwrap());
    spawn_local(async move {
        let stream = listener.accept().await.unwrap().0;
        if let Ok(channel) = Channel::to_coordinator(stream, &secret).await {
            act(channel).await;
        }
    });
    address
}

/// What comes of a run in which these workers play.
async fn run(addresses: Vec<String>) -> anyhow::Result<Seen> {
    let folder = tempfile::tempdir()?;
    let secret = folder.path().join("secret");
    std::fs::write(&secret, format!("{SECRET}\n"))?;
    let crew = Crew::call(&Workers::Elsewhere(addresses), Some(&secret)).await?;
    let line = CommandLine::parse_from(["collab-bench", "--clients", "2", "--quiet"]);
    let assignment =
        Assignment::new(line.options().place("http://localhost:1"), line.options().load.clone(), Rooms::none());
    crew.play(assignment, None, &Progress::new(true, String::new())).await
}

async fn expect_go(channel: &mut Channel<Order>, wanted: Step) {
    match channel.receive().await.unwrap() {
        Some(Order::Go(step)) => assert_eq!(step, wanted),
        other => panic!("{other:?} instead of {wanted:?}"),
    }
}

/// Plays everything.
async fn good(mut channel: Channel<Order>, edit_ms: u64) {
    let Some(Order::Play(assignment)) = channel.receive().await.unwrap() else { panic!("no assignment") };
    assert_eq!((assignment.load.clients(), assignment.deal.of), (2, 2));
    let say = channel.sender();
    for step in [Step::Joining, Step::Editing, Step::Draining, Step::Checking] {
        say.send(&Word::At(step)).await.unwrap();
        expect_go(&mut channel, step).await;
    }
    say.send(&Word::News(Box::new(news(edit_ms)))).await.unwrap();
    say.send(&Word::Done(Box::new(part()))).await.unwrap();
    assert!(channel.receive().await.unwrap().is_none());
}

#[tokio::test]
async fn what_all_tell_is_added() {
    LocalSet::new()
        .run_until(async {
            let workers = vec![worker(SECRET, |it| good(it, 30)).await, worker(SECRET, |it| good(it, 10)).await];
            let seen = run(workers).await.unwrap();
            assert_eq!((seen.part.joined, seen.part.cpu), (2, Duration::from_secs(2)));
            let first = &seen.series.seconds[0];
            let edit = first.edit_us.unwrap();
            assert_eq!((first.sent, first.delivered), (2, 2));
            assert!((9_900..=10_100).contains(&edit.p50) && (29_700..=30_300).contains(&edit.max), "{edit:?}");
            let stages: Vec<_> = seen.series.stages.iter().map(|stage| stage.name.as_str()).collect();
            assert_eq!(stages, ["joining", "editing", "draining", "checking"]);
        })
        .await;
}

#[tokio::test]
async fn a_run_in_which_a_worker_fails_has_failed_and_says_why() {
    LocalSet::new()
        .run_until(async {
            let fails = worker(SECRET, |channel| async move {
                channel.sender().send(&Word::Failed("the cat did it".to_owned())).await.unwrap();
            })
            .await;
            let error = run(vec![fails]).await.err().unwrap();
            assert_eq!(format!("{error:#}"), "worker 1: the cat did it");

            let ends = worker(SECRET, |mut channel| async move { drop(channel.receive().await) }).await;
            let error = run(vec![ends]).await.err().unwrap();
            assert_eq!(format!("{error:#}"), "worker 1: it is gone");
        })
        .await;
}

#[tokio::test]
async fn a_worker_with_another_secret_is_not_told_what_to_play() {
    LocalSet::new()
        .run_until(async {
            let other = worker("another secret of 16", |_| async { panic!("it has another secret") }).await;
            let error = format!("{:#}", run(vec![other]).await.err().unwrap());
            assert!(error.contains("the worker at 127.0.0.1:") && error.contains("another secret"), "{error}");
        })
        .await;
}

#[test]
fn workers_are_a_number_or_addresses() {
    assert_eq!("3".parse(), Ok(Workers::Local(3)));
    let two = vec!["a:7000".to_owned(), "[::1]:7001".to_owned()];
    assert_eq!("a:7000, [::1]:7001".parse(), Ok(Workers::Elsewhere(two)));
    for bad in ["0", "65", "", "a", "a:", ":1", "a:70000", "a:1,,b:2", "-1", "1.5"] {
        assert!(bad.parse::<Workers>().is_err(), "{bad:?}");
    }
    assert!(vec!["a:1"; 65].join(",").parse::<Workers>().is_err());
}

#[test]
fn every_room_is_dealt_to_one() {
    for of in 1..5 {
        let deals: Vec<_> = (0..of).map(|number| Deal { number, of }).collect();
        for room in 0..20 {
            assert_eq!(deals.iter().filter(|deal| deal.has_room(room)).count(), 1);
        }
        assert!(deals[0].share(20) * of >= 20);
    }
    assert!((0..20).all(|room| Deal::ALL.has_room(room) && !Deal::NOTHING.has_room(room)));
}

#[test]
fn the_sum_of_parts_is_what_one_would_have_seen() {
    let part = |joined, us, converged| {
        let mut latencies = Latencies::new(Precision::Finest).unwrap();
        latencies.record(Kind::Edit, Duration::from_micros(us));
        let totals = Totals { sent: 1, due: 2, delivered: 1, ..Totals::default() };
        let errors = BTreeMap::from([("disconnected".to_owned(), 1)]);
        let cpu = Duration::from_secs(1);
        Part {
            joined,
            asides: Asides { healed: 1, ..Asides::default() },
            totals,
            errors,
            latencies,
            pings_lost: 1,
            converged,
            cpu,
        }
    };
    let all = sum([part(2, 10, true), part(3, 1000, true)]).unwrap();
    assert_eq!((all.joined, all.totals.lost(), all.errors["disconnected"], all.pings_lost), (5, 2, 2, 2));
    assert_eq!(all.asides.healed, 2);
    assert_eq!((all.cpu, all.converged), (Duration::from_secs(2), true));
    let edit = all.latencies.of(Kind::Edit).summary();
    assert_eq!((edit.count, edit.p50_us, edit.max_us), (2, 10, 1000));
    assert!(!sum([part(2, 10, true), part(3, 1000, false)]).unwrap().converged);
    assert!(sum([]).is_err());
}

#[test]
fn what_is_said_is_read_again() {
    let mut latencies = Latencies::new(Precision::Finest).unwrap();
    latencies.record(Kind::Ping, Duration::from_millis(3));
    let bytes = postcard::to_stdvec(&latencies).unwrap();
    assert_eq!(postcard::from_bytes::<Latencies>(&bytes).unwrap().of(Kind::Ping).summary().count, 1);
    let few = postcard::to_stdvec(&vec![latencies.of(Kind::Ping).to_bytes()]).unwrap();
    assert!(postcard::from_bytes::<Latencies>(&few).is_err());
}
