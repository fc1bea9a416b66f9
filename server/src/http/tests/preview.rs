//! Markdown as HTML, for members alone.

use collab_proto::api::Preview;

use super::*;

impl Site {
    async fn preview(&self, token: Option<&str>, markdown: &str) -> Answered {
        self.send(request("POST", "/api/preview", token, Some(json!({ "markdown": markdown })))).await
    }
}

#[tokio::test]
async fn a_member_sees_the_text_without_anything_executable() {
    let site = Site::new().await;
    let token = site.create("demo").await;
    let answer = site.preview(Some(&token), "# A\n\n<script>alert(1)</script> [b](javascript:alert(1))").await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let html = answer.json::<Preview>().html;
    assert!(html.starts_with("<h1>A</h1>") && !html.contains("<script") && !html.contains("href"), "{html}");
    let long = site.preview(Some(&token), &"*a* ".repeat(20_000)).await.json::<Preview>().html;
    assert_eq!(long.matches("<em>a</em>").count(), 20_000);
}

#[tokio::test]
async fn without_a_good_token_nothing_is_rendered() {
    let site = Site::new().await;
    let token = site.create("demo").await;
    for bad in [None, Some("x"), Some(site.app.admin.as_str())] {
        assert_eq!(site.preview(bad, "a").await.status, StatusCode::UNAUTHORIZED);
    }
    site.admin("DELETE", "/api/rooms/demo", None).await;
    assert_eq!(site.preview(Some(&token), "a").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_text_has_the_size_of_a_document_at_most_and_a_user_a_few_previews() {
    let config = Config { hash_threads: 1, max_document_bytes: 10_000, ..Config::default() };
    let site = Site::with(config).await;
    let token = site.create("demo").await;
    let status = async |len: usize| site.preview(Some(&token), &"x".repeat(len)).await.status;
    assert_eq!(status(10_000).await, StatusCode::OK);
    assert_eq!(status(10_001).await, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(status(20_001).await, StatusCode::PAYLOAD_TOO_LARGE);
    let mut limited = None;
    for _ in 0..30 {
        let answer = site.preview(Some(&token), "a").await;
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            limited = answer.refusal().retry_after_ms;
        }
    }
    assert!(limited.is_some_and(|wait| (1..=500).contains(&wait)), "{limited:?}");
}
