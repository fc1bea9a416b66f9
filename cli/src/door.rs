//! How a room is entered: with which key, and for how long a server that is away is waited for.

use std::collections::BTreeSet;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use collab_client::driver::Driver;
use collab_client::{Client, Config, Event, State};
use collab_proto::limits::MAX_SAFE_INTEGER;
use collab_proto::{ClientId, Code, Credential, RoomName};
use tokio::time::{sleep, timeout};

use crate::args::Global;
use crate::connect::{Server, anonymous, random, unreachable};
use crate::failure::{Failure, refusal};
use crate::unsent::{self, Work};
use crate::{output, secrets, state};

/// How long a command waits to get into a room, unless told otherwise.
pub const PATIENCE: Duration = Duration::from_secs(15);

/// After this time an editor that has work from earlier opens without the server.
const OFFLINE_AFTER: Duration = Duration::from_secs(3);

/// How often a password is asked for.
const MAX_ASKS: u32 = 3;

/// How often a countdown is drawn.
const TICK: Duration = Duration::from_millis(250);

/// Enters a room.
///
/// # Errors
/// A [`Failure`]: refused, unreachable, or not within the time.
pub async fn enter(global: &Global, room: &RoomName, patience: Duration) -> anyhow::Result<Driver> {
    enter_with(global, room, &[], patience).await
}

/// As [`enter`], with work that could not be sent earlier. When the room is another one by now, the client is refused with
/// [`Code::GenerationChanged`], and that is no failure.
///
/// # Errors
/// As [`enter`]; and work that cannot be read.
pub async fn enter_with(
    global: &Global,
    room: &RoomName,
    works: &[Work],
    patience: Duration,
) -> anyhow::Result<Driver> {
    let server = anonymous(global)?;
    let address = server.find().await?;
    let mut door = Door::at(global, room, Absence::Told)?;
    let mut driver = door.approach(&server, works)?;
    let entered = timeout(patience, door.pass(&mut driver)).await;
    server.tell_new_servers();
    match entered {
        Ok(passed) => passed.map(|()| driver),
        Err(_) if door.trouble.is_empty() => {
            Err(unreachable(&format!("{address} does not let us in within {} s", patience.as_secs())))
        }
        Err(_) => {
            let what = format!("Could not enter {room} within {} s.", patience.as_secs());
            Err(Failure::new(what, "Try again later.").into())
        }
    }
}

/// Enters a room for an editor, with work that could not be sent earlier. With such work the editor may open while the server is
/// away; without, the server is waited for. When the room is another one by now, the client is refused with
/// [`Code::GenerationChanged`], and that is no failure.
///
/// # Errors
/// A [`Failure`]: refused; and work that cannot be read.
pub async fn enter_to_edit(global: &Global, room: &RoomName, works: &[Work]) -> anyhow::Result<Driver> {
    let server = anonymous(global)?;
    let absence = if works.is_empty() { Absence::Counted } else { Absence::Borne };
    let mut door = Door::at(global, room, absence)?;
    let mut driver = door.approach(&server, works)?;
    let passed = match absence {
        Absence::Borne => timeout(OFFLINE_AFTER, door.pass(&mut driver)).await.unwrap_or(Ok(())),
        Absence::Counted | Absence::Told => door.pass(&mut driver).await,
    };
    server.tell_new_servers();
    passed.map(|()| driver)
}

/// With what a room is entered.
///
/// # Errors
/// There is no password, and nobody to ask.
pub fn config(global: &Global, room: &RoomName) -> anyhow::Result<Config> {
    Door::at(global, room, Absence::Told)?.config()
}

/// What becomes of a server that is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Absence {
    /// It is told once, and waited for.
    Told,
    /// It is waited for, and the user sees until when.
    Counted,
    /// The room is entered without it.
    Borne,
}

/// What opens the room, and how often it was asked for.
struct Door<'a> {
    global: &'a Global,
    room: &'a RoomName,
    absence: Absence,
    owner_token: Option<String>,
    asks: u32,
    /// What was told of already.
    trouble: BTreeSet<String>,
    /// What keeps us now.
    reason: String,
}

impl<'a> Door<'a> {
    /// A given password comes before the owner's token: it was given for this time.
    fn at(global: &'a Global, room: &'a RoomName, absence: Absence) -> anyhow::Result<Self> {
        let owner_token = match secrets::given_password(global)? {
            Some(_) => None,
            None => state::State::of_user().owner_token(&global.url, room.as_str()),
        };
        Ok(Self { global, room, absence, owner_token, asks: 0, trouble: BTreeSet::new(), reason: String::new() })
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

    fn config(&mut self) -> anyhow::Result<Config> {
        Ok(Config {
            room: self.room.clone(),
            name: self.global.name.clone(),
            credential: self.credential()?,
            client_id: ClientId(1 + random()? % MAX_SAFE_INTEGER),
            seed: random()?,
        })
    }

    /// A driver that is on its way to the room.
    fn approach(&mut self, server: &Server, works: &[Work]) -> anyhow::Result<Driver> {
        let config = self.config()?;
        let client = match unsent::together(works, config.client_id)? {
            Some(unsent) => Client::with_unsent(config, unsent, Instant::now()),
            None => Client::new(config, Instant::now()),
        };
        let mut driver = Driver::new(server.guide.endpoint()?, server.guide.clone(), client);
        driver.connect();
        Ok(driver)
    }

    /// Waits until the room is entered. What may pass later, the client tries again by itself.
    async fn pass(&mut self, driver: &mut Driver) -> anyhow::Result<()> {
        loop {
            match self.next(driver).await {
                Event::StateChanged(State::Live) | Event::Refused { code: Code::GenerationChanged, .. } => {
                    return Ok(());
                }
                Event::Refused { code, message, .. } if code.is_permanent() => self.refused(code, &message, driver)?,
                Event::Unreachable { reason, permanent: true } => return Err(unreachable(&reason)),
                Event::Refused { .. } | Event::Unreachable { .. } if self.absence == Absence::Borne => return Ok(()),
                Event::Refused { message: reason, .. } | Event::Unreachable { reason, .. } => self.wait(reason),
                _ => {}
            }
        }
    }

    /// The next event; a countdown until then.
    async fn next(&mut self, driver: &mut Driver) -> Event {
        loop {
            let state = driver.client().state();
            let line = self.countdown(state);
            tokio::select! {
                event = driver.next() => {
                    clear(line);
                    return event;
                }
                () = sleep(TICK), if line => {}
            }
        }
    }

    /// Draws a line that tells when it is tried again; false when there is nothing to tell.
    fn countdown(&self, state: State) -> bool {
        let State::Backoff { until } = state else { return false };
        let shows = self.absence == Absence::Counted && io::stderr().is_terminal() && !self.reason.is_empty();
        if shows {
            let left = until.saturating_duration_since(Instant::now()).as_millis().div_ceil(1000);
            let reason = output::escape(self.reason.trim_end_matches('.'));
            // When nobody sees it, it is of no use anyway.
            let _ = write!(io::stderr(), "\r\x1b[K{reason}; trying again in {left} s, Ctrl-C ends");
        }
        shows
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

    /// Says once what keeps us, where no countdown does.
    fn wait(&mut self, reason: String) {
        let counted = self.absence == Absence::Counted && io::stderr().is_terminal();
        if !counted && self.trouble.insert(reason.clone()) {
            output::tell(&format!("{} Trying again.", output::escape(&reason)));
        }
        self.reason = reason;
    }
}

/// Takes a countdown away.
fn clear(line: bool) {
    if line {
        let _ = write!(io::stderr(), "\r\x1b[K");
    }
}
