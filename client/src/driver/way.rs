//! Which transport carries a session.

use std::fmt;
use std::str::FromStr;

/// Where a server takes sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// By WebTransport, and by WebSocket where that does not come through.
    Either {
        /// Such as `https://host:4433/`.
        webtransport: String,
        /// Such as `wss://host:4433/ws`.
        websocket: String,
    },
    /// By WebTransport alone.
    WebTransport(String),
    /// By WebSocket alone.
    WebSocket(String, Because),
}

impl From<&str> for Address {
    /// The address of WebTransport.
    fn from(webtransport: &str) -> Self {
        Self::WebTransport(webtransport.to_owned())
    }
}

impl fmt::Display for Address {
    /// The URL that is tried first.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Either { webtransport: url, .. } | Self::WebTransport(url) | Self::WebSocket(url, _) => {
                f.write_str(url)
            }
        }
    }
}

/// What carries a session now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// WebTransport over QUIC.
    WebTransport,
    /// WebSocket over TCP.
    WebSocket(Because),
}

/// Why a session goes by WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Because {
    /// The user wants it.
    Chosen,
    /// The server has no WebTransport.
    NotOffered,
    /// WebTransport does not come through: something on the way lets no UDP pass.
    Blocked,
}

impl Way {
    /// The transport's name, for machines.
    pub fn name(self) -> &'static str {
        match self {
            Self::WebTransport => "webtransport",
            Self::WebSocket(_) => "websocket",
        }
    }
}

impl fmt::Display for Way {
    /// For people, with the reason where they may wonder.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WebTransport => "WebTransport",
            Self::WebSocket(Because::Chosen) => "WebSocket",
            Self::WebSocket(Because::NotOffered) => "WebSocket (server without WebTransport)",
            Self::WebSocket(Because::Blocked) => "WebSocket (UDP is blocked)",
        })
    }
}

/// What the user wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Choice {
    /// WebTransport, or WebSocket where that does not come through.
    #[default]
    Auto,
    /// WebTransport or nothing.
    WebTransport,
    /// WebSocket, whatever else there is.
    WebSocket,
}

impl FromStr for Choice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "webtransport" => Ok(Self::WebTransport),
            "websocket" => Ok(Self::WebSocket),
            _ => Err("there are auto, webtransport and websocket".to_owned()),
        }
    }
}
