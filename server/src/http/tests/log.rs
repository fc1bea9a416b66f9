//! Reading and following the audit log.

use collab_proto::api::LogPage;

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
