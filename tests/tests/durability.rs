//! Saved means saved: what the server confirmed survives `kill -9`, once, with its entries in the log.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use collab_document::Document;
use collab_proto::api::{LogKind, LogQuery};
use collab_proto::{ClientFrame, EditId, ServerFrame};
use collab_tests::cli::Cli;
use collab_tests::person::Person;
use collab_tests::seed;
use collab_tests::server::{FAST, TestServer, maintain};
use collab_tests::wire::{Stream, Wire, join, replica};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::watch;
use tokio::task::JoinSet;

#[tokio::test]
async fn what_the_command_line_wrote_is_there_after_a_power_cut() {
    let mut server = TestServer::start().await;
    server.room("demo").await;
    let cli = Cli::new(&server).as_admin(&server);
    let written = cli.run_with(b"bonjour\n", &["write", "demo"]).await;
    assert_eq!(written.code, Some(0), "{}", written.stderr);
    server.kill();
    server.restart().await;
    assert_eq!(cli.ok(&["cat", "demo"]).await, "bonjour\n");
    let log = cli.ok(&["logs", "--room", "demo", "--kind", "edited", "--json"]).await;
    assert_eq!(log.lines().count(), 1, "{log}");
}

#[tokio::test]
async fn what_a_person_saw_saved_is_there_after_a_power_cut() {
    let mut server = TestServer::start().await;
    server.room("demo").await;
    let mut ada = Person::join(&server, "demo", "Ada").await;
    ada.type_text("grüß dich 😀").await;
    ada.wait_saved().await;
    server.kill();
    drop(ada);
    server.restart().await;
    let bob = Person::join(&server, "demo", "Bob").await;
    assert_eq!(bob.text(), "grüß dich 😀");
    let query = LogQuery { kind: Some(LogKind::Edited), ..LogQuery::default() };
    assert_eq!(server.entries(query).await.len(), 1);
}

/// Somebody who writes numbered words as fast as they can be sent, and notes which of them are saved.
struct Writer {
    /// Dropped, it would end the stream.
    _wire: Wire,
    stream: Stream,
    document: Document,
    name: String,
    sent: u64,
    saved: BTreeSet<u64>,
}

impl Writer {
    async fn enter(server: &TestServer, name: String) -> Self {
        let (wire, asked) = (Wire::connect(server).await, join("demo", &name));
        let (stream, welcome) = wire.enter(asked.clone()).await;
        let document = replica(&asked, &welcome);
        Self { _wire: wire, stream, document, name, sent: 0, saved: BTreeSet::new() }
    }

    /// Writes until the cut.
    async fn write_until(&mut self, mut cut: watch::Receiver<bool>) {
        tokio::select! {
            () = async { loop { self.write().await } } => {}
            _ = cut.wait_for(|cut| *cut) => {}
        }
    }

    /// A dozen words more, then what the server says until some of them are saved.
    async fn write(&mut self) {
        for _ in 0..12 {
            let word = self.word(self.sent);
            let at = if self.sent.is_multiple_of(2) { 0 } else { self.document.len() };
            let update = self.document.splice(at, 0, &word).expect("an edit").into();
            let id = EditId(self.sent);
            self.sent += 1;
            self.stream.frame(&ClientFrame::Edit { id, update }).await;
        }
        let wanted = self.saved.len() + 6;
        while self.saved.len() < wanted {
            // An end is the cut, which somebody else tells us.
            let Some(frame) = self.stream.next().await else { return std::future::pending().await };
            self.look(&frame);
        }
    }

    /// Reads what the server said before it died. The one that runs in its place knows nothing of this connection and says
    /// so when it hears from it.
    async fn read_to_the_end(&mut self) {
        self.stream.send(&[0]).await;
        while let Some(frame) = self.stream.next().await {
            self.look(&frame);
        }
    }

    fn look(&mut self, frame: &ServerFrame) {
        match frame {
            ServerFrame::Saved { id, .. } => drop(self.saved.insert(id.0)),
            ServerFrame::Rejected { .. } | ServerFrame::Refused { .. } => panic!("{frame:?}"),
            _ => {}
        }
    }

    fn word(&self, number: u64) -> String {
        format!("<{} {number}>", self.name)
    }
}

/// What was found after all cuts so far.
#[derive(Debug, Default, PartialEq, Eq)]
struct Found {
    missing: usize,
    twice: usize,
}

/// How often the server is killed: `COLLAB_KILLS`, or 10.
fn kills() -> u32 {
    std::env::var("COLLAB_KILLS").map_or(10, |kills| kills.parse().expect("COLLAB_KILLS is a number"))
}

#[tokio::test]
async fn kills_at_any_moment_under_load_lose_and_double_nothing_that_was_saved() {
    let mut random = StdRng::seed_from_u64(seed());
    let mut server = TestServer::with(&[FAST, &["--compact-updates", "50"]].concat()).await;
    server.room("demo").await;
    let (mut saved, mut sent) = (BTreeSet::new(), 0);
    for kill in 0..kills() {
        let (cut, is_cut) = watch::channel(false);
        let mut entered = Vec::new();
        for writer in 0..3 {
            entered.push(Writer::enter(&server, format!("{kill}-{writer}")).await);
        }
        let mut writers = JoinSet::new();
        for mut writer in entered {
            let is_cut = is_cut.clone();
            writers.spawn(async move {
                writer.write_until(is_cut).await;
                writer
            });
        }
        // The moment is the point: amid edits that are on their way, in the mailbox, in the journal, just answered, or, once a
        // second, going from the journal into the database.
        tokio::time::sleep(Duration::from_micros(random.random_range(1_000..1_500_000))).await;
        server.kill();
        cut.send_replace(true);
        server.restart().await;
        for mut writer in writers.join_all().await {
            writer.read_to_the_end().await;
            saved.extend(writer.saved.iter().map(|number| writer.word(*number)));
            sent += writer.sent;
        }
        assert_eq!(check(&server, &saved, sent).await, Found::default(), "after kill {kill}");
    }
    println!("{} kills: {sent} edits sent, {} saved, 0 missing, 0 twice", kills(), saved.len());
    assert!(saved.len() as u64 >= u64::from(kills()), "there was load");
    server.ask_to_stop();
    assert_eq!(server.stopped().await.0, Some(0));
    let checked = maintain("check", &server.data(), &[]).await;
    assert_eq!(checked.code, Some(0), "{checked:?}");
}

/// Which saved words are not in the text, and which words are in it twice. The log must have one entry for each word, and no
/// gap.
async fn check(server: &TestServer, saved: &BTreeSet<String>, sent: u64) -> Found {
    let asked = join("demo", "reader");
    let (_stream, welcome) = Wire::connect(server).await.enter(asked.clone()).await;
    let text = replica(&asked, &welcome).text();
    let mut words = BTreeMap::<&str, usize>::new();
    for word in text.split_inclusive('>') {
        assert!(word.starts_with('<') && word.matches('<').count() == 1 && word.ends_with('>'), "{word:?} is torn");
        *words.entry(word).or_default() += 1;
    }
    assert!((saved.len()..=sent as usize).contains(&words.len()), "{} saved of {sent}", saved.len());
    let log = server.entries(LogQuery::default()).await;
    let edited = log.iter().filter(|entry| entry.kind == LogKind::Edited).count();
    assert_eq!(edited, words.len(), "an edit and its entry are one");
    assert!(log.iter().zip(1..).all(|(entry, seq)| entry.seq == seq), "the log has no gap");
    Found {
        missing: saved.iter().filter(|word| !words.contains_key(word.as_str())).count(),
        twice: words.values().filter(|count| **count > 1).count(),
    }
}
