//! Where a server takes sessions, asked before every connection: a server that comes back may have another key, other ports, or
//! be one that was restored from a backup.

use std::fmt;
use std::time::Duration;

use collab_proto::api::ServerInfo;
use collab_proto::{Code, PROTOCOL};
use tokio::time::timeout;

use super::link::Lost;
use super::way::{Address, Choice};
use super::{DriverError, Endpoint};
use crate::api::{Api, ApiFailure, ApiSetupError, session_address};
use crate::trust::{Fingerprint, Told, Trust};

/// Longest time to an answer: the next attempt comes by itself.
const ASK_LIMIT: Duration = Duration::from_secs(10);

/// Why it is not known where sessions are taken.
#[derive(Debug, thiserror::Error)]
pub enum GuideError {
    /// The server gave no answer, or is not believed.
    #[error(transparent)]
    Api(#[from] ApiFailure),
    /// It has not what is wanted.
    #[error(transparent)]
    Address(#[from] ApiSetupError),
    /// It speaks another version.
    #[error("{}", Code::UnsupportedProtocol.sentence())]
    Protocol,
}

impl GuideError {
    /// Whether trying again is pointless.
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Api(failure) => matches!(failure, ApiFailure::NotTrusted { .. }),
            Self::Address(_) | Self::Protocol => true,
        }
    }
}

/// Asks a server's API. Cheap to clone.
#[derive(Clone)]
pub struct Guide {
    api: Api,
    base: String,
    choice: Choice,
    sessions: Trust,
    told: Option<Told>,
}

impl fmt::Debug for Guide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guide").field("base", &self.base).finish_non_exhaustive()
    }
}

impl Guide {
    /// Asks the API at `base`. On this machine, in clear, that tells the server's key, and the newest word counts; elsewhere `trust`
    /// decides about sessions as about the API.
    ///
    /// # Errors
    ///
    /// [`ApiSetupError`].
    pub fn new(base: &str, trust: Trust, choice: Choice) -> Result<Self, ApiSetupError> {
        let api = Api::new(base, trust.clone(), None)?;
        let told = match &trust {
            Trust::KnownServers(known) if api.is_on_this_machine() => Some(Told::before(known.clone())),
            _ => None,
        };
        let sessions = told.clone().map_or(trust, Trust::Told);
        Ok(Self { api, base: base.to_owned(), choice, sessions, told })
    }

    /// Sockets that believe what the server says of itself, where that counts.
    ///
    /// # Errors
    ///
    /// [`DriverError::Tls`].
    pub fn endpoint(&self) -> Result<Endpoint, DriverError> {
        Endpoint::new(self.sessions.clone())
    }

    /// Where it takes sessions now. Takes 10 s at most.
    ///
    /// # Errors
    ///
    /// [`GuideError`].
    pub async fn ask(&self) -> Result<Address, GuideError> {
        let answer = timeout(ASK_LIMIT, self.api.server_info()).await;
        let info: ServerInfo = answer.unwrap_or_else(|_| Err(self.api.silent()))?;
        if info.protocol != PROTOCOL {
            return Err(GuideError::Protocol);
        }
        if let Some(told) = &self.told {
            told.tell(info.public_key_hash.as_deref().and_then(|hash| hash.parse::<Fingerprint>().ok()));
        }
        Ok(session_address(&self.base, &info, self.choice)?)
    }
}

/// How a driver finds its server.
#[derive(Debug, Clone)]
pub enum Whereabouts {
    /// It is always there.
    Fixed(Address),
    /// It is asked before every connection.
    Asked(Guide),
}

impl Whereabouts {
    pub(super) async fn find(&self) -> Result<Address, Lost> {
        match self {
            Self::Fixed(address) => Ok(address.clone()),
            Self::Asked(guide) => {
                guide.ask().await.map_err(|error| Lost { reason: error.to_string(), permanent: error.is_permanent() })
            }
        }
    }
}

impl From<Address> for Whereabouts {
    fn from(address: Address) -> Self {
        Self::Fixed(address)
    }
}

impl From<&str> for Whereabouts {
    /// The address of WebTransport.
    fn from(webtransport: &str) -> Self {
        Self::Fixed(webtransport.into())
    }
}

impl From<Guide> for Whereabouts {
    fn from(guide: Guide) -> Self {
        Self::Asked(guide)
    }
}
