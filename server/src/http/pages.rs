//! The built pages, which are part of the binary, each file also compressed: sending one costs no more than its bytes.

use std::borrow::Cow;

use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

#[derive(RustEmbed)]
#[folder = "../web/app/dist"]
#[allow_missing = true]
pub(super) struct Pages;

const NOT_BUILT: &str = "<!doctype html><html lang=en><meta charset=utf-8><title>collab</title>\
    <h1>The page is not built</h1><p>This server was built without its page. Build both with <code>make run</code>; \
    it needs Node.js 20 or newer and npm. Terminals can join all the same: <code>collab-cli join ROOM</code>.</p></html>";

/// How a file may be coded: the name in HTTP, and how the name of its file ends. The smallest first.
const CODINGS: [(&str, &str); 2] = [("br", ".br"), ("gzip", ".gz")];

/// Names with a hash of what is inside: another content has another name.
const HASHED: &str = "assets/";

pub(super) async fn page(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    if !method.is_safe() {
        return (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET, HEAD")], "Pages are only read.")
            .into_response();
    }
    let path = match uri.path() {
        "/" => "index.html",
        "/logs" => "logs.html",
        "/status" => "status.html",
        path => path.trim_start_matches('/'),
    };
    match file(path) {
        Some(plain) => found(path, plain, &headers),
        None if Pages::iter().next().is_none() => (StatusCode::SERVICE_UNAVAILABLE, Html(NOT_BUILT)).into_response(),
        None => (StatusCode::NOT_FOUND, "There is no such page.").into_response(),
    }
}

/// A file of the pages; its compressed forms have no address of their own.
fn file(path: &str) -> Option<EmbeddedFile> {
    let is_form = CODINGS.iter().any(|(_, ending)| path.ends_with(ending));
    Pages::get(path).filter(|_| !is_form)
}

/// The smallest form of a file that the browser takes, and its coding.
fn form(path: &str, plain: EmbeddedFile, headers: &HeaderMap) -> (EmbeddedFile, Option<&'static str>) {
    let wanted = CODINGS.into_iter().filter(|(coding, _)| takes(headers, coding));
    let coded = wanted.filter_map(|(coding, ending)| Some((Pages::get(&format!("{path}{ending}"))?, Some(coding))));
    let smaller = coded.min_by_key(|(file, _)| file.data.len()).filter(|(file, _)| file.data.len() < plain.data.len());
    smaller.unwrap_or((plain, None))
}

/// Whether the answer may come in this coding (RFC 9110, section 12.5.3).
fn takes(headers: &HeaderMap, coding: &str) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).into_iter().filter_map(|value| value.to_str().ok());
    let offers: Vec<_> = values.flat_map(|value| value.split(',')).map(offer).collect();
    let weight =
        |wanted: &str| offers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, weight)| *weight);
    weight(coding).or_else(|| weight("*")).is_some_and(|weight| weight > 0.0)
}

/// A coding and its weight, which is 0 where it cannot be read.
fn offer(text: &str) -> (&str, f32) {
    let (name, weight) = text.split_once(';').unwrap_or((text, "q=1"));
    let weight = weight.trim().strip_prefix("q=").and_then(|weight| weight.parse().ok());
    (name.trim(), weight.unwrap_or(0.0))
}

fn found(path: &str, plain: EmbeddedFile, headers: &HeaderMap) -> Response {
    let (file, coding) = form(path, plain, headers);
    let tag = format!("\"{}\"", hex::encode(&file.metadata.sha256_hash()[..16]));
    let caching = if path.starts_with(HASHED) { "public, max-age=31536000, immutable" } else { "no-cache" };
    let kept = headers.get(header::IF_NONE_MATCH).is_some_and(|kept| kept.as_bytes() == tag.as_bytes());
    let varies = header::ACCEPT_ENCODING.as_str().to_owned();
    let about = [(header::CACHE_CONTROL, caching.to_owned()), (header::ETAG, tag), (header::VARY, varies)];
    if kept {
        return (StatusCode::NOT_MODIFIED, about).into_response();
    }
    let coding = coding.map(|coding| [(header::CONTENT_ENCODING, coding)]);
    let body = match file.data {
        Cow::Borrowed(bytes) => bytes.into_response(),
        Cow::Owned(bytes) => bytes.into_response(),
    };
    (about, coding, [(header::CONTENT_TYPE, content_type(path))], body).into_response()
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json" | "map") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_coding_is_taken_when_it_is_named_or_anything_is_and_never_at_weight_zero() {
        let asked = |value: &'static str| {
            let headers = HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(value))]);
            (takes(&headers, "br"), takes(&headers, "gzip"))
        };
        assert_eq!(asked("gzip, deflate, br, zstd"), (true, true));
        assert_eq!(asked("GZIP;q=0.5"), (false, true));
        assert_eq!(asked("br;q=0, *"), (false, true));
        assert_eq!(asked("br;q=1.0,gzip; q=0.000"), (true, false));
        assert_eq!(asked("identity"), (false, false));
        assert_eq!(asked("br;q=much, brotli, *;q=0"), (false, false));
        assert!(!takes(&HeaderMap::new(), "gzip"));
    }
}
