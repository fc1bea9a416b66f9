//! Reading and following the audit log.

use collab_proto::api::{LogEntry, LogPage};

use super::*;
use crate::audit::NewEntry;

impl Site {
    async fn page(&self, query: &str) -> LogPage {
        self.admin("GET", &format!("/api/logs?{query}"), None).await.json()
    }

    async fn write(&self, kind: LogKind) {
        self.app.store.log(vec![NewEntry::new(1, kind)]).await.unwrap();
    }
}

#[tokio::test]
async fn every_query_is_itself_logged_after_it_was_answered() {
    let site = Site::new().await;
    site.create("demo").await;
    let page = site.page("room=demo&kind=room-created").await;
    assert_eq!(page.entries.len(), 1);
    let queries = site.page("kind=admin-query").await;
    assert_eq!(queries.entries.len(), 1, "not yet itself");
    assert_eq!(queries.entries[0].detail.as_deref(), Some("read the log: room=demo&kind=room-created"));
    assert_eq!(queries.entries[0].address.as_deref(), Some("127.0.0.1"));
}

#[tokio::test]
async fn following_waits_for_an_entry_that_matches() {
    let site = Site::new().await;
    let follow = site.page("after=0&kind=joined&wait_ms=30000");
    let write = async {
        // The follower has been told of the first, which does not match, and waits on.
        site.write(LogKind::Left).await;
        tokio::task::yield_now().await;
        site.write(LogKind::Joined).await;
    };
    let (page, ()) = tokio::join!(follow, write);
    assert_eq!(page.entries.iter().map(|entry| entry.kind).collect::<Vec<_>>(), [LogKind::Joined]);
    assert_eq!(page.last_seq, 2);
}

#[tokio::test]
async fn following_ends_with_an_empty_page_and_goes_on_from_there() {
    let site = Site::new().await;
    site.write(LogKind::Left).await;
    let page = site.page("after=0&kind=joined&wait_ms=1").await;
    assert_eq!((page.entries.len(), page.last_seq), (0, 1));
}

#[tokio::test]
async fn following_wakes_nobody_by_itself() {
    let site = Site::new().await;
    site.write(LogKind::Joined).await;
    let first = site.page("after=0&wait_ms=1").await;
    assert_eq!(first.entries.len(), 1);
    let start = site.page(&format!("after={}&wait_ms=1", first.last_seq)).await;
    assert_eq!(start.entries.iter().map(|entry| entry.kind).collect::<Vec<_>>(), [LogKind::AdminQuery]);
    let quiet = site.page(&format!("after={}&wait_ms=1", start.last_seq)).await;
    assert_eq!(quiet.entries.len(), 0);
    assert_eq!(site.logged(LogKind::AdminQuery).await, 1, "the start of following alone");
}

#[tokio::test]
async fn following_ends_when_the_server_drains() {
    let site = Site::new().await;
    let follow = site.page("after=0&kind=joined&wait_ms=30000");
    let drain = async { site.phase.send_replace(Phase::Draining) };
    let (page, _) = tokio::time::timeout(Duration::from_secs(10), async { tokio::join!(follow, drain) }).await.unwrap();
    assert!(page.entries.is_empty());
}

impl Site {
    async fn lines(&self, query: &str) -> Vec<u64> {
        let answer = self.admin("GET", &format!("/api/logs?format=jsonl&{query}"), None).await;
        assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, "application/jsonl"), "{answer:?}");
        let text = String::from_utf8(answer.body).unwrap();
        assert!(text.is_empty() || text.ends_with('\n'));
        text.lines().map(|line| serde_json::from_str::<LogEntry>(line).unwrap().seq).collect()
    }

    /// All lines, oldest first, of which none is read yet.
    async fn begin_lines(&self) -> axum::response::Response {
        let mut asked = request("GET", "/api/logs?format=jsonl&after=0", Some(self.app.admin.as_str()), None);
        asked.extensions_mut().insert(Peer { address: SocketAddr::from(([127, 0, 0, 1], 5000)), secure: false });
        self.router.clone().oneshot(asked).await.unwrap()
    }

    /// Writes this many entries at once, every second one about somebody who left.
    async fn write_many(&self, count: u64) {
        let kind = |number| if number % 2 == 0 { LogKind::Left } else { LogKind::Joined };
        self.app.store.log((1..=count).map(|number| NewEntry::new(number, kind(number))).collect()).await.unwrap();
    }
}

#[tokio::test]
async fn lines_hold_every_entry_once_over_many_pages_in_either_order() {
    let site = Site::new().await;
    site.write_many(3500).await;
    assert!(site.lines("after=0").await.into_iter().eq(1..=3500), "the question itself is not among them");
    assert!(site.lines("").await.into_iter().eq((1..=3501).rev()), "but the one before is");
    assert_eq!(site.lines("after=0&kind=left").await.len(), 1750);
    assert!(site.lines("after=0&limit=2001").await.into_iter().eq(1..=2001));
    assert_eq!(site.lines("before=3&limit=5").await, [2, 1]);
    assert_eq!(site.lines("kind=restored").await, [] as [u64; 0]);
    assert_eq!(site.lines("limit=0").await, [] as [u64; 0]);
}

#[tokio::test]
async fn lines_end_with_what_was_there_and_need_the_admin_token() {
    let site = Site::new().await;
    site.write_many(10).await;
    let response = site.begin_lines().await;
    site.write_many(5).await;
    let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&body).lines().count(), 10);

    assert_eq!(site.get("/api/logs?format=jsonl").await.status, StatusCode::UNAUTHORIZED);
    let follow = site.admin("GET", "/api/logs?format=jsonl&after=0&wait_ms=1", None).await;
    assert_eq!(follow.status, StatusCode::BAD_REQUEST);
    assert_eq!(site.admin("GET", "/api/logs?format=xml", None).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn lines_that_cannot_be_read_to_the_end_are_cut_and_not_taken_for_whole() {
    let site = Site::new().await;
    site.write_many(2500).await;
    let response = site.begin_lines().await;
    site.faults.fail_everything(true);
    let whole = axum::body::to_bytes(response.into_body(), usize::MAX).await;
    assert!(whole.unwrap_err().to_string().contains("told to"));
}
