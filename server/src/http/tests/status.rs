//! How the server does, told after members came, wrote and went.

use bytes::{Bytes, BytesMut};
use collab_document::Document;
use collab_proto::api::{Percentiles, StatusCounts, StatusReport};
use collab_proto::{
    ClientFrame, ClientId, Code, Credential, EditId, Join, ServerFrame, decode_server, encode_frame, split_frame,
};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::*;
use crate::session::wire::{Datagrams, Lost, Sink, Source};
use crate::session::{Hall, Session, membership};

struct Said(mpsc::UnboundedReceiver<Bytes>);

impl Source for Said {
    async fn read(&mut self, buffer: &mut BytesMut) -> Result<bool, Lost> {
        let piece = self.0.recv().await;
        buffer.extend_from_slice(piece.as_deref().unwrap_or_default());
        Ok(piece.is_some())
    }
}

struct Heard(mpsc::UnboundedSender<ServerFrame>);

impl Sink for Heard {
    async fn write(&mut self, frames: &mut [Bytes]) -> Result<(), Lost> {
        for frame in frames {
            let body = split_frame(&mut std::mem::take(frame).into(), usize::MAX).unwrap().unwrap();
            self.0.send(decode_server(&body).unwrap()).map_err(|_| Lost)?;
        }
        Ok(())
    }

    async fn finish(&mut self) -> Result<(), Lost> {
        Ok(())
    }

    fn cut(&mut self, why: Code) {
        panic!("nobody stalls: {why}");
    }
}

struct NoDatagrams;

impl Datagrams for NoDatagrams {
    fn send(&self, _: Bytes) {}
}

/// Somebody with a session of their own.
struct Guest {
    say: mpsc::UnboundedSender<Bytes>,
    hear: mpsc::UnboundedReceiver<ServerFrame>,
    end: JoinHandle<()>,
}

impl Guest {
    fn enter(hall: &Arc<Hall>, client_id: u64, credential: Credential) -> Self {
        let ((say, said), (heard, hear)) = (mpsc::unbounded_channel(), mpsc::unbounded_channel());
        let session = Session::new(hall.clone(), [127, 0, 0, 1].into(), NoDatagrams);
        let end = tokio::spawn(async move { membership::run(&session, Said(said), Heard(heard)).await });
        let guest = Self { say, hear, end };
        let (client_id, state_vector) = (ClientId(client_id), vec![0].into());
        let (room, name) = ("demo".to_owned(), "Ada".to_owned());
        let join = Join { protocol: 1, room, credential, name, client_id, generation: None, state_vector };
        guest.say(&ClientFrame::Join(join));
        guest
    }

    fn say(&self, frame: &ClientFrame) {
        self.say.send(encode_frame(frame)).unwrap();
    }

    /// The first frame that is meant.
    async fn hear(&mut self, meant: impl Fn(&ServerFrame) -> bool) -> ServerFrame {
        loop {
            let frame = self.hear.recv().await.unwrap();
            if meant(&frame) {
                return frame;
            }
        }
    }

    async fn welcome(&mut self) -> Credential {
        match self.hear(|frame| matches!(frame, ServerFrame::Welcome(_))).await {
            ServerFrame::Welcome(welcome) => Credential::Resume(welcome.resume_token),
            _ => unreachable!("another frame is not meant"),
        }
    }

    async fn leave(self) {
        drop(self.say);
        self.end.await.unwrap();
    }
}

impl Site {
    fn hall(&self) -> Arc<Hall> {
        Arc::new(Hall {
            door: self.door(),
            registry: self.registry.clone(),
            auditor: self.app.auditor.clone(),
            metrics: self.app.metrics.clone(),
            turns: Default::default(),
            stalled: Duration::from_secs(10),
        })
    }

    /// A refused guest; then one who writes, errs, asks for everything, goes, comes back and stays.
    async fn visit(&self) -> Guest {
        self.create("demo").await;
        let hall = self.hall();
        let mut stranger = Guest::enter(&hall, 1, Credential::Password("a wrong one".to_owned()));
        stranger.hear(|frame| matches!(frame, ServerFrame::Refused { .. })).await;
        stranger.leave().await;

        let mut ada = Guest::enter(&hall, 2, Credential::Password(PASSWORD.to_owned()));
        let come_back = ada.welcome().await;
        let update = Document::new(2).splice(0, 0, "hello").unwrap().into();
        ada.say(&ClientFrame::Edit { id: EditId(1), update });
        ada.hear(|frame| matches!(frame, ServerFrame::Saved { .. })).await;
        ada.say(&ClientFrame::Edit { id: EditId(2), update: vec![9, 9, 9].into() });
        ada.hear(|frame| matches!(frame, ServerFrame::Rejected { .. })).await;
        ada.say(&ClientFrame::SyncRequest { state_vector: vec![0].into() });
        ada.hear(|frame| matches!(frame, ServerFrame::Resync { .. })).await;
        ada.leave().await;
        let mut ada = Guest::enter(&hall, 3, come_back);
        ada.welcome().await;
        ada
    }
}

fn is_ordered(latency: &Percentiles) -> bool {
    let Percentiles { p50_us, p90_us, p99_us, max_us, .. } = *latency;
    [p50_us, p90_us, p99_us, max_us].is_sorted()
}

#[tokio::test]
async fn what_happened_is_counted_and_timed() {
    let site = Site::new().await;
    let ada = site.visit().await;
    let report: StatusReport = site.admin("GET", "/api/status", None).await.json();
    assert_eq!((report.rooms, report.members, report.connections), (1, 1, 1));
    let StatusCounts { bytes_in, bytes_out, .. } = report.counts;
    assert!(bytes_in > 0 && bytes_out > 0 && report.edits_per_s > 0.0, "{report:?}");
    let once = StatusCounts {
        edits_taken: 1,
        edits_rejected: 1,
        joins: 1,
        resumes: 1,
        refused: 1,
        resyncs: 1,
        bytes_in,
        bytes_out,
    };
    assert_eq!(report.counts, once);
    let latency = report.latency;
    let all = [latency.edit_apply, latency.saved, latency.join, latency.password_hash];
    // A password was hashed for the room, and for each who came by one.
    assert_eq!(all.map(|step| step.count), [1, 1, 2, 3]);
    assert!(all.iter().all(is_ordered), "{all:?}");
    assert!(latency.password_hash.p50_us > 1_000, "such a hash takes its time: {latency:?}");
    assert!(latency.join.max_us > 1_000, "the hash is part of a join: {latency:?}");
    ada.leave().await;
    let report: StatusReport = site.admin("GET", "/api/status", None).await.json();
    assert_eq!((report.members, report.connections), (0, 0));
    assert_eq!(site.logged(LogKind::AdminQuery).await, 0, "it is asked every two seconds");
}

#[tokio::test]
async fn the_page_finds_every_field_before_anything_happened() {
    let site = Site::new().await;
    let report: Value = site.admin("GET", "/api/status", None).await.json();
    assert_eq!(report["version"], env!("CARGO_PKG_VERSION"));
    for field in ["uptime_s", "rooms", "members", "connections", "edits_per_s"] {
        assert!(report[field].is_number(), "{field}: {report}");
    }
    for step in ["edit_apply", "saved", "join", "password_hash"] {
        for field in ["p50_us", "p90_us", "p99_us", "max_us"] {
            assert_eq!(report["latency"][step][field], 0, "{step} {field}");
        }
    }
}

#[tokio::test]
async fn prometheus_reads_the_same() {
    let site = Site::new().await;
    let ada = site.visit().await;
    let answer = site.admin("GET", "/metrics", None).await;
    assert_eq!(answer.header("content-type"), "application/openmetrics-text; version=1.0.0; charset=utf-8");
    let text = String::from_utf8(answer.body).unwrap();
    let told = [
        "collab_edits_taken_total 1",
        "collab_refused_joins_total 1",
        "collab_rooms 1",
        "collab_members 1",
        "collab_connections 1",
        "collab_saved_seconds_count 1",
        "collab_password_hash_seconds_bucket{le=\"+Inf\"} 3",
        "# EOF",
    ];
    for line in told {
        assert!(text.lines().any(|told| told == line), "{line}: {text}");
    }
    assert!(!text.contains("demo") && !text.contains("Ada"), "it names nobody");
    ada.leave().await;
}
