//! Where a server is, from the address of its API.

use collab_proto::api::ServerInfo;
use reqwest::Url;

use super::ApiSetupError;
use crate::driver::{Address, Because, Choice};

/// Where a server takes sessions: WebTransport on the host of its API, at the port that it names; WebSocket beside its API.
///
/// # Errors
///
/// [`ApiSetupError::Url`] for what is no address, and for WebTransport where there is none.
pub fn session_address(base: &str, info: &ServerInfo, choice: Choice) -> Result<Address, ApiSetupError> {
    let url = parse_base(base)?;
    let websocket = beside(&url, "ws");
    let webtransport =
        info.webtransport_port.map(|port| format!("https://{}:{port}/", url.host_str().unwrap_or_default()));
    match (choice, webtransport) {
        (Choice::Auto, Some(webtransport)) => Ok(Address::Either { webtransport, websocket }),
        (Choice::Auto, None) => Ok(Address::WebSocket(websocket, Because::NotOffered)),
        (Choice::WebSocket, _) => Ok(Address::WebSocket(websocket, Because::Chosen)),
        (Choice::WebTransport, Some(webtransport)) => Ok(Address::WebTransport(webtransport)),
        (Choice::WebTransport, None) => {
            Err(ApiSetupError::Url { url: base.to_owned(), reason: "this server has no WebTransport".to_owned() })
        }
    }
}

/// A WebSocket's address under that of the API.
fn beside(base: &Url, path: &str) -> String {
    let scheme = if base.scheme() == "https" { "wss" } else { "ws" };
    format!("{scheme}://{}/{path}", authority_of(base))
}

pub(super) fn parse_base(text: &str) -> Result<Url, ApiSetupError> {
    let wrong = |reason: String| ApiSetupError::Url { url: text.to_owned(), reason };
    let url = Url::parse(text).map_err(|error| wrong(error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(wrong("it begins with neither https:// nor http://".to_owned()));
    }
    Ok(url)
}

pub(super) fn authority_of(url: &Url) -> String {
    format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or_default())
}
