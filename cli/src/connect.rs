//! The way to the server: where it is, and whether it is believed.

use std::time::Duration;

use anyhow::Context;
use collab_client::State;
use collab_client::api::{Api, ApiFailure};
use collab_client::driver::{Address, Driver, Guide, GuideError};
use collab_client::trust::{KnownServers, Trust};
use collab_proto::{Code, RoomName};

use crate::args::Global;
use crate::failure::{Failure, refusal};
use crate::{output, secrets, state};

/// How long leaving may take once everything is saved.
const FAREWELL: Duration = Duration::from_secs(2);

/// A server's API, and how the server is believed.
pub struct Server {
    /// The API.
    pub api: Api,
    /// Where it takes sessions.
    pub guide: Guide,
    trust: Trust,
}

/// The server, for what everybody may do.
///
/// # Errors
/// An address that is not one.
pub fn anonymous(global: &Global) -> anyhow::Result<Server> {
    Server::new(global, None)
}

/// The server, for what needs the admin token.
///
/// # Errors
/// There is no admin token.
pub fn as_admin(global: &Global) -> anyhow::Result<Server> {
    let token = secrets::admin_token(global)?.ok_or_else(|| refusal(Code::Unauthorized, "", ""))?;
    Server::new(global, Some(token))
}

/// The server, for what the owner of a room may do, or an admin.
///
/// # Errors
/// There is neither token.
pub fn as_owner(global: &Global, room: &RoomName) -> anyhow::Result<Server> {
    let token = match secrets::given_admin_token(global)? {
        Some(token) => Some(token),
        None => state::State::of_user().owner_token(&global.url, room.as_str()).or(secrets::admin_token(global)?),
    };
    Server::new(global, Some(token.ok_or_else(|| refusal(Code::Unauthorized, "", ""))?))
}

/// The server, for what a token allows.
///
/// # Errors
/// An address that is not one.
pub fn with_token(global: &Global, token: &str) -> anyhow::Result<Server> {
    Server::new(global, Some(token.to_owned()))
}

impl Server {
    fn new(global: &Global, token: Option<String>) -> anyhow::Result<Self> {
        let url = global.url.trim_end_matches('/');
        let trust = match global.cert_hash.as_slice() {
            [] => {
                Trust::KnownServers(KnownServers::of_user().context("HOME is not set: nowhere to keep known servers")?)
            }
            hashes => Trust::Hashes(hashes.iter().map(|hash| hash.0).collect()),
        };
        let wrong = || {
            Failure::new(
                "That is not the address of a server.",
                "Write --url http://localhost:3001 or --url https://HOST:4433.",
            )
        };
        Ok(Self {
            api: Api::new(url, trust.clone(), token).with_context(wrong)?,
            guide: Guide::new(url, trust.clone(), global.transport).with_context(wrong)?,
            trust,
        })
    }

    /// What the API answered, or why not and what to do about it.
    ///
    /// # Errors
    /// A [`Failure`].
    pub fn answer<T>(&self, result: Result<T, ApiFailure>, room: &str) -> anyhow::Result<T> {
        self.tell_new_servers();
        result.map_err(|failure| match failure {
            ApiFailure::Refused(error) => refusal(error.code, &error.message, room).into(),
            ApiFailure::Unreachable { .. } | ApiFailure::NotTrusted { .. } => unreachable(&failure.to_string()),
            ApiFailure::NotUnderstood { .. } => {
                let next = "Is --url (or COLLAB_URL) the address of a collab server of this version?";
                Failure::new(format!("{failure}."), next).into()
            }
        })
    }

    /// Where it takes sessions now.
    ///
    /// # Errors
    /// The server cannot be asked, speaks another version, or lacks the transport that the user wants.
    pub async fn find(&self) -> anyhow::Result<Address> {
        let failure = match self.guide.ask().await {
            Ok(address) => return Ok(address),
            Err(GuideError::Api(failure)) => return self.answer(Err(failure), ""),
            Err(GuideError::Protocol) => refusal(Code::UnsupportedProtocol, "", ""),
            Err(error @ GuideError::Address(_)) => {
                Failure::new(format!("{error}."), "Leave out --transport to use what there is.")
            }
        };
        Err(failure.into())
    }

    /// Tells which servers were met for the first time.
    pub fn tell_new_servers(&self) {
        let Trust::KnownServers(servers) = &self.trust else { return };
        for new in servers.take_news() {
            let path = servers.path().display();
            output::tell(&format!(
                "{} is trusted from now on, by its key {} (kept in {path}). Compare it with what the server printed at its start.",
                new.authority, new.fingerprint
            ));
        }
    }
}

/// Leaves a room in order. What matters is saved by then.
pub async fn leave(mut driver: Driver) {
    // An edit that is not saved was reported before.
    let _ = driver.finish(FAREWELL).await;
}

/// A server that cannot be reached, or must not be.
pub fn unreachable(reason: &str) -> anyhow::Error {
    let next = "Is the server running, and --url (or COLLAB_URL) its address? On the server's own machine that is \
                http://localhost:3001, from another https://HOST:4433.";
    let known = reason.contains("known_servers");
    Failure::new(format!("{}.", reason.trim_end_matches('.')), if known { "" } else { next }).into()
}

/// Where a connection stands, in words.
pub fn state_in_words(state: State) -> &'static str {
    match state {
        State::Offline => "not connected",
        State::Connecting | State::Backoff { .. } => "the server cannot be reached",
        State::Joining => "waiting to be let in",
        State::Live | State::Draining => "connected",
        State::Refused(_) => "refused",
    }
}

/// A number that nobody can guess.
///
/// # Errors
/// The system gives none.
pub fn random() -> anyhow::Result<u64> {
    getrandom::u64().context("the system gives no random numbers")
}
