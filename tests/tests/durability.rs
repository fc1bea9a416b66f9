//! Saved means saved: what the server confirmed survives `kill -9`, once, with its entries in the log.

use std::collections::BTreeSet;

use collab_document::Document;
use collab_proto::api::{LogKind, LogQuery};
use collab_proto::{ClientFrame, EditId, ServerFrame};
use collab_tests::cli::Cli;
use collab_tests::person::Person;
use collab_tests::seed;
use collab_tests::server::{FAST, TestServer};
use collab_tests::wire::{Stream, Wire, join, replica};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

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

    /// A dozen words more, then what the server says until some of them are saved. False when the connection has ended.
    async fn write(&mut self) -> bool {
        for _ in 0..12 {
            let word = self.word(self.sent);
            let at = if self.sent.is_multiple_of(2) { 0 } else { self.document.len() };
            let update = self.document.splice(at, 0, &word).expect("an edit").into();
            self.stream.frame(&ClientFrame::Edit { id: EditId(self.sent), update }).await;
            self.sent += 1;
        }
        let wanted = self.saved.len() + 6;
        while self.saved.len() < wanted {
            match self.stream.next().await {
                Some(frame) => self.look(&frame),
                None => return false,
            }
        }
        true
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

#[tokio::test]
async fn ten_power_cuts_under_load_lose_and_double_nothing_that_was_saved() {
    let mut random = StdRng::seed_from_u64(seed());
    let mut server = TestServer::with(&[FAST, &["--compact-updates", "50"]].concat()).await;
    server.room("demo").await;
    let mut saved = BTreeSet::new();
    let mut sent = 0;
    for cut in 0..10 {
        let mut writers = Vec::new();
        for writer in 0..3 {
            writers.push(Writer::enter(&server, format!("{cut}-{writer}")).await);
        }
        // The moment of the cut: after so many rounds of writing, amid edits that are on their way.
        for _ in 0..random.random_range(1..12) {
            for writer in &mut writers {
                assert!(writer.write().await, "the server lives");
            }
        }
        server.kill();
        server.restart().await;
        for writer in &mut writers {
            writer.read_to_the_end().await;
            saved.extend(writer.saved.iter().map(|number| writer.word(*number)));
            sent += writer.sent;
        }
        check(&server, &saved, sent).await;
    }
    println!("{} of {sent} edits were saved before ten cuts", saved.len());
}

/// Every saved word is in the text exactly once, none at all is there twice, and the log has an entry for each.
async fn check(server: &TestServer, saved: &BTreeSet<String>, sent: u64) {
    let asked = join("demo", "reader");
    let (_stream, welcome) = Wire::connect(server).await.enter(asked.clone()).await;
    let text = replica(&asked, &welcome).text();
    let kept = text.split_inclusive('>').filter(|word| word.starts_with('<')).count();
    assert_eq!(kept, text.matches('<').count(), "no word is torn");
    for word in saved {
        assert_eq!(text.matches(word.as_str()).count(), 1, "{word}");
    }
    assert!((saved.len()..=sent as usize).contains(&kept), "{} saved, {kept} kept, {sent} sent", saved.len());
    let query = LogQuery { kind: Some(LogKind::Edited), ..LogQuery::default() };
    assert_eq!(server.entries(query).await.len(), kept, "an edit and its entry are one");
}
