//! The way to the server: where it is, whether it is believed, and how a room is entered.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::Context;
use collab_client::api::{Api, ApiFailure, session_address};
use collab_client::driver::{Address, Choice, Driver, Endpoint};
use collab_client::trust::{Fingerprint, KnownServers, Trust};
use collab_client::{Client, Config, Event, State};
use collab_proto::api::ServerInfo;
use collab_proto::limits::MAX_SAFE_INTEGER;
use collab_proto::{ClientId, Code, Credential, PROTOCOL, RoomName};

use crate::args::Global;
use crate::failure::{Failure, refusal};
use crate::unsent::{self, Work};
use crate::{output, secrets, state};

/// How long a command waits to get into a room, unless told otherwise.
pub const PATIENCE: Duration = Duration::from_secs(15);

/// How long leaving may take once everything is saved.
const FAREWELL: Duration = Duration::from_secs(2);

/// How often a password is asked for.
const MAX_ASKS: u32 = 3;

/// A server's API, and how the server is believed.
pub struct Server {
    /// The API.
    pub api: Api,
    url: String,
    trust: Trust,
    transport: Choice,
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

impl Server {
    fn new(global: &Global, token: Option<String>) -> anyhow::Result<Self> {
        let url = global.url.trim_end_matches('/').to_owned();
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
            api: Api::new(&url, trust.clone(), token).with_context(wrong)?,
            url,
            trust,
            transport: global.transport,
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
            ApiFailure::Unreachable { .. } => unreachable(&failure.to_string()),
            ApiFailure::NotUnderstood { .. } => {
                let next = "Is --url (or COLLAB_URL) the address of a collab server of this version?";
                Failure::new(format!("{failure}."), next).into()
            }
        })
    }

    /// Where it takes sessions.
    ///
    /// # Errors
    /// The server cannot be asked, speaks another version, or lacks the transport that the user wants.
    pub async fn endpoint(&self) -> anyhow::Result<(Endpoint, Address)> {
        let info = self.answer(self.api.server_info().await, "")?;
        if info.protocol != PROTOCOL {
            return Err(refusal(Code::UnsupportedProtocol, "", "").into());
        }
        let address = session_address(&self.url, &info, self.transport)
            .map_err(|error| Failure::new(format!("{error}."), "Leave out --transport to use what there is."))?;
        Ok((Endpoint::new(self.trust_for_sessions(&info))?, address))
    }

    /// On this machine the API itself tells the hash of the public key; from elsewhere, in clear, it could be anybody's.
    fn trust_for_sessions(&self, info: &ServerInfo) -> Trust {
        let local = ["http://localhost", "http://127.0.0.1", "http://[::1]"];
        let is_local = local.iter().any(|host| {
            self.url.strip_prefix(host).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']))
        });
        let told = info.public_key_hash.as_deref().and_then(|hash| hash.parse::<Fingerprint>().ok());
        match (&self.trust, told) {
            (Trust::KnownServers(_), Some(Fingerprint(hash))) if is_local => Trust::Hashes(vec![hash]),
            (trust, _) => trust.clone(),
        }
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

/// Enters a room.
///
/// # Errors
/// A [`Failure`]: refused, unreachable, or not within the time.
pub async fn enter(global: &Global, room: &RoomName, patience: Duration) -> anyhow::Result<Driver> {
    enter_with(global, room, patience, &[]).await
}

/// Enters a room with work that could not be sent earlier. When the room is another one by now, the client is refused with
/// [`Code::GenerationChanged`], and that is no failure.
///
/// # Errors
/// A [`Failure`]: refused, unreachable, or not within the time; and work that cannot be read.
pub async fn enter_with(
    global: &Global,
    room: &RoomName,
    patience: Duration,
    works: &[Work],
) -> anyhow::Result<Driver> {
    let server = anonymous(global)?;
    let (endpoint, address) = server.endpoint().await?;
    let mut door = Door::at(global, room)?;
    let config = config_with(global, room, door.credential()?)?;
    let client = match unsent::together(works, config.client_id)? {
        Some(unsent) => Client::with_unsent(config, unsent, Instant::now()),
        None => Client::new(config, Instant::now()),
    };
    let mut driver = Driver::new(endpoint, address.clone(), client);
    driver.connect();
    let entered = tokio::time::timeout(patience, door.pass(&mut driver)).await;
    server.tell_new_servers();
    match entered {
        Ok(passed) => passed.map(|()| driver),
        Err(_) => Err(door.closed(&address, patience)),
    }
}

/// With what a room is entered.
///
/// # Errors
/// There is no password, and nobody to ask.
pub fn config(global: &Global, room: &RoomName) -> anyhow::Result<Config> {
    config_with(global, room, Door::at(global, room)?.credential()?)
}

fn config_with(global: &Global, room: &RoomName, credential: Credential) -> anyhow::Result<Config> {
    let client_id = ClientId(1 + random()? % MAX_SAFE_INTEGER);
    Ok(Config { room: room.clone(), name: global.name.clone(), credential, client_id, seed: random()? })
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

fn random() -> anyhow::Result<u64> {
    getrandom::u64().context("the system gives no random numbers")
}

/// What opens the room, and how often it was asked for.
struct Door<'a> {
    global: &'a Global,
    room: &'a RoomName,
    owner_token: Option<String>,
    asks: u32,
    trouble: BTreeSet<String>,
}

impl<'a> Door<'a> {
    /// A given password comes before the owner's token: it was given for this time.
    fn at(global: &'a Global, room: &'a RoomName) -> anyhow::Result<Self> {
        let owner_token = match secrets::given_password(global)? {
            Some(_) => None,
            None => state::State::of_user().owner_token(&global.url, room.as_str()),
        };
        Ok(Self { global, room, owner_token, asks: 0, trouble: BTreeSet::new() })
    }

    fn credential(&mut self) -> anyhow::Result<Credential> {
        if let Some(token) = self.owner_token.take() {
            return Ok(Credential::Token(token));
        }
        if secrets::given_password(self.global)?.is_none() {
            self.asks += 1;
        }
        Ok(Credential::Password(secrets::password(self.global, self.room.as_str())?))
    }

    /// Waits until the room is entered. What may pass later, the client tries again by itself.
    async fn pass(&mut self, driver: &mut Driver) -> anyhow::Result<()> {
        loop {
            match driver.next().await {
                Event::StateChanged(State::Live) | Event::Refused { code: Code::GenerationChanged, .. } => {
                    return Ok(());
                }
                Event::Refused { code, message, .. } if code.is_permanent() => self.refused(code, &message, driver)?,
                Event::Refused { message, .. } => self.wait(message),
                Event::Unreachable { reason, permanent: true } => return Err(unreachable(&reason)),
                Event::Unreachable { reason, .. } => self.wait(reason),
                _ => {}
            }
        }
    }

    /// Tries the next key, if there is one.
    fn refused(&mut self, code: Code, message: &str, driver: &mut Driver) -> anyhow::Result<()> {
        let token_failed =
            matches!(driver.client().config().credential, Credential::Token(_)) && code == Code::BadToken;
        let typing_failed = code == Code::WrongPassword && (1..MAX_ASKS).contains(&self.asks);
        if token_failed {
            state::State::of_user().forget_owner_token(&self.global.url, self.room.as_str());
        } else if typing_failed {
            output::tell(&format!("{message} Once more:"));
        } else {
            return Err(refusal(code, message, self.room.as_str()).into());
        }
        driver.set_credential(self.credential()?);
        driver.connect();
        Ok(())
    }

    /// Says once what keeps us.
    fn wait(&mut self, reason: String) {
        if self.trouble.insert(reason.clone()) {
            output::tell(&format!("{} Trying again.", output::escape(&reason)));
        }
    }

    fn closed(&self, address: &Address, patience: Duration) -> anyhow::Error {
        if self.trouble.is_empty() {
            return unreachable(&format!("{address} does not let us in within {} s", patience.as_secs()));
        }
        let next = "Try again later.";
        Failure::new(format!("Could not enter {} within {} s.", self.room, patience.as_secs()), next).into()
    }
}
