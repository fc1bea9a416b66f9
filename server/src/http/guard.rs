//! What every request must pass, and what every answer carries: against pages of other sites that talk to this machine.

use std::time::Duration;

use axum::extract::{Extension, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Peer;
use super::answer::Answer;

/// Longest time for one request; the longest wait for a log entry is 30 seconds.
const MAX_REQUEST_TIME: Duration = Duration::from_secs(40);

/// What a page of ours may do, besides where it connects. The editor makes its styles as it runs.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; font-src 'self'; manifest-src 'self'; \
    base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const SECURITY_HEADERS: [(HeaderName, &str); 6] = [
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Refuses what a page of another site may have sent, and ends what takes too long.
pub(super) async fn guard(Extension(peer): Extension<Peer>, request: Request, next: Next) -> Response {
    if let Err(answer) = check(peer, request.method(), request.uri(), request.headers()) {
        return answer.into_response();
    }
    match tokio::time::timeout(MAX_REQUEST_TIME, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Answer::new(StatusCode::REQUEST_TIMEOUT, "The request took too long.").into_response(),
    }
}

/// Adds the headers that make browsers careful.
pub(super) async fn secure(request: Request, next: Next) -> Response {
    let policy = policy(host(request.uri(), request.headers()).map(name_of));
    let mut response = next.run(request).await;
    if let Ok(policy) = HeaderValue::try_from(policy) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    for (name, value) in SECURITY_HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Sessions go to any port of the host that the page came from, WebTransport by the `https` scheme, and nowhere else. Policies
/// have no words for IPv6 addresses: there, to any host.
fn policy(name: Option<&str>) -> String {
    let plain = |name: &&str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte))
    };
    let connect = match name.filter(plain) {
        Some(name) if is_loopback(name) => format!("https://{name}:* wss://{name}:* ws://{name}:*"),
        Some(name) => format!("https://{name}:* wss://{name}:*"),
        None => "https: wss: ws:".to_owned(),
    };
    format!("{CONTENT_SECURITY_POLICY}; connect-src 'self' {connect}")
}

fn check(peer: Peer, method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<(), Answer> {
    let host = host(uri, headers);
    // A site may point its own name at 127.0.0.1; then its pages count as ours unless we look at the name.
    if !peer.secure && !host.is_some_and(is_loopback) {
        return Err(Answer::new(
            StatusCode::MISDIRECTED_REQUEST,
            "This port answers only to localhost, 127.0.0.1 and [::1]; elsewhere use HTTPS.",
        ));
    }
    match headers.get(header::ORIGIN) {
        Some(origin) if !method.is_safe() && !is_same(peer, origin, host) => {
            Err(Answer::new(StatusCode::FORBIDDEN, "This request comes from the page of another site."))
        }
        _ => Ok(()),
    }
}

/// Where the request was sent: in HTTP/2 part of the address, in HTTP/1.1 a header.
fn host<'r>(uri: &'r Uri, headers: &'r HeaderMap) -> Option<&'r str> {
    let header = || headers.get(header::HOST).and_then(|host| host.to_str().ok());
    uri.authority().map(|authority| authority.as_str()).or_else(header)
}

/// A host without its port.
fn name_of(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

fn is_loopback(host: &str) -> bool {
    matches!(name_of(host).to_ascii_lowercase().as_str(), "localhost" | "127.0.0.1" | "[::1]")
}

fn is_same(peer: Peer, origin: &HeaderValue, host: Option<&str>) -> bool {
    let scheme = if peer.secure { "https" } else { "http" };
    let own = host.map(|host| format!("{scheme}://{host}"));
    own.is_some_and(|own| own.as_bytes().eq_ignore_ascii_case(origin.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_connects_to_its_own_host_alone() {
        let connect = |host| policy(Some(name_of(host))).rsplit_once("connect-src ").unwrap().1.to_owned();
        assert_eq!(connect("write.example:4433"), "'self' https://write.example:* wss://write.example:*");
        assert_eq!(connect("localhost:3001"), "'self' https://localhost:* wss://localhost:* ws://localhost:*");
        for strange in ["[::1]:3001", "a;script-src *", "a b", "", "*"] {
            assert_eq!(connect(strange), "'self' https: wss: ws:", "{strange}");
        }
    }

    #[test]
    fn only_loopback_names_are_loopback() {
        for host in ["localhost", "LOCALHOST:3001", "127.0.0.1", "127.0.0.1:80", "[::1]", "[::1]:3001"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["", "localhost.evil.example", "evil.example:3001", "127.0.0.1.nip.io", "[::2]", "::1", "a:b"] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
