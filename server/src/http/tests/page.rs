//! The pages, built or not.

use super::super::pages::Pages;
use super::*;

/// The files that have an address.
fn addresses() -> impl Iterator<Item = String> {
    Pages::iter().map(|path| path.into_owned()).filter(|path| !path.ends_with(".br") && !path.ends_with(".gz"))
}

#[tokio::test]
async fn the_address_shows_the_page_or_how_to_build_it() {
    let site = Site::new().await;
    for (path, file) in [("/", "index.html"), ("/logs", "logs.html"), ("/status", "status.html")] {
        let page = site.get(path).await;
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
        match Pages::get(file) {
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
    for path in addresses() {
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
async fn each_browser_gets_the_smallest_form_that_it_takes_ready_made() {
    let site = Site::new().await;
    for path in addresses() {
        let plain = Pages::get(&path).unwrap().data;
        for (asked, coding, ending) in [
            ("gzip, deflate, br", "br", ".br"),
            ("gzip", "gzip", ".gz"),
            ("br;q=0, gzip;q=0.1", "gzip", ".gz"),
            ("", "", ""),
        ] {
            let mut request = request("GET", &format!("/{path}"), None, None);
            request.headers_mut().insert(header::ACCEPT_ENCODING, asked.parse().unwrap());
            let answer = site.send(request).await;
            let form = Pages::get(&format!("{path}{ending}")).expect("the build makes it").data;
            let smaller = form.len() < plain.len();
            assert_eq!(answer.header("content-encoding"), if smaller { coding } else { "" }, "{path} {asked}");
            assert!(answer.body == **if smaller { &form } else { &plain }, "{path} {asked}");
            assert_eq!((answer.header("vary"), answer.headers.contains_key(header::ETAG)), ("accept-encoding", true));
            if asked.is_empty() {
                continue;
            }
            let mut again = super::request("GET", &format!("/{path}"), None, None);
            again.headers_mut().insert(header::IF_NONE_MATCH, answer.headers[header::ETAG].clone());
            assert_eq!(site.send(again).await.status == StatusCode::OK, smaller, "another form has another tag");
        }
        assert_eq!(site.get(&format!("/{path}.br")).await.status, StatusCode::NOT_FOUND);
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
