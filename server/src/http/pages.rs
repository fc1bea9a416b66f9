//! The built pages, which are part of the binary.

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
    match Pages::get(path) {
        Some(file) => found(path, file, &headers),
        None if Pages::iter().next().is_none() => (StatusCode::SERVICE_UNAVAILABLE, Html(NOT_BUILT)).into_response(),
        None => (StatusCode::NOT_FOUND, "There is no such page.").into_response(),
    }
}

fn found(path: &str, file: EmbeddedFile, headers: &HeaderMap) -> Response {
    let tag = format!("\"{}\"", hex::encode(&file.metadata.sha256_hash()[..16]));
    let caching = if path.starts_with(HASHED) { "public, max-age=31536000, immutable" } else { "no-cache" };
    let kept = headers.get(header::IF_NONE_MATCH).is_some_and(|kept| kept.as_bytes() == tag.as_bytes());
    let about = [(header::CACHE_CONTROL, caching.to_owned()), (header::ETAG, tag)];
    if kept {
        return (StatusCode::NOT_MODIFIED, about).into_response();
    }
    let body = match file.data {
        Cow::Borrowed(bytes) => bytes.into_response(),
        Cow::Owned(bytes) => bytes.into_response(),
    };
    (about, [(header::CONTENT_TYPE, content_type(path))], body).into_response()
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
