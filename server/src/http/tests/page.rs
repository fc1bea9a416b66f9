//! The pages, built or not.

use super::super::pages::Pages;
use super::*;

#[tokio::test]
async fn the_address_shows_the_page_or_how_to_build_it() {
    let site = Site::new().await;
    for (path, file) in [("/", "index.html"), ("/logs", "logs.html"), ("/status", "status.html")] {
        let page = site.get(path).await;
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
        match <Pages as rust_embed::RustEmbed>::get(file) {
            Some(file) => {
                assert_eq!((page.status, page.body.as_slice()), (StatusCode::OK, &*file.data));
                assert_eq!(page.header("cache-control"), "no-cache");
            }
            None => {
                assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE);
                assert!(String::from_utf8(page.body).unwrap().contains("make run"));
            }
        }
    }
}

#[tokio::test]
async fn a_browser_that_has_the_page_gets_no_second_copy() {
    let site = Site::new().await;
    for path in <Pages as rust_embed::RustEmbed>::iter() {
        let page = site.get(&format!("/{path}")).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        assert_ne!(page.header("content-type"), "application/octet-stream", "{path}");
        assert_eq!(page.header("cache-control").contains("immutable"), path.starts_with("assets/"));
        let mut again = request("GET", &format!("/{path}"), None, None);
        again.headers_mut().insert(header::IF_NONE_MATCH, page.headers[header::ETAG].clone());
        let again = site.send(again).await;
        assert_eq!((again.status, again.body.len()), (StatusCode::NOT_MODIFIED, 0));
    }
}

#[tokio::test]
async fn pages_are_only_read_and_never_from_outside_the_folder() {
    let site = Site::new().await;
    assert_eq!(site.send(request("POST", "/", None, Some(json!({})))).await.status, StatusCode::METHOD_NOT_ALLOWED);
    for path in ["/../Cargo.toml", "/%2e%2e/Cargo.toml", "//etc/passwd", "/none.html"] {
        assert_ne!(site.get(path).await.status, StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn large_answers_are_compressed_when_asked_for() {
    let site = Site::new().await;
    for number in 0..20 {
        let body = json!({ "name": format!("room-{number}"), "password": "short" });
        site.send(request("POST", "/api/rooms", None, Some(body))).await;
    }
    let mut asked = request("GET", "/api/server", None, None);
    asked.headers_mut().insert(header::ACCEPT_ENCODING, "gzip".parse().unwrap());
    let answer = site.send(asked).await;
    assert_eq!(answer.header("content-encoding"), "gzip");
    assert_eq!(answer.body[..2], [0x1f, 0x8b]);
}
