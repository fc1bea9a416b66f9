//! The HTTP API of a server.

mod rooms;

mod backup;

mod address;

use std::time::Duration;

use collab_proto::api::{ApiError, LogPage, LogQuery, ServerInfo};
use reqwest::{Method, RequestBuilder, Response, Url};
use serde::de::DeserializeOwned;

pub use address::session_address;
pub use backup::BackupFailure;

use crate::driver::DriverError;
use crate::trust::{Trust, Verifier};
use address::{authority_of, parse_base};

/// Why a request had no success.
#[derive(Debug, thiserror::Error)]
pub enum ApiFailure {
    /// No answer came.
    #[error("cannot reach {url}: {reason}")]
    Unreachable {
        /// What was asked for.
        url: String,
        /// Why.
        reason: String,
    },
    /// It has not the key that it should have.
    #[error("cannot reach {url}: {reason}")]
    NotTrusted {
        /// What was asked for.
        url: String,
        /// Why.
        reason: String,
    },
    /// The server said no.
    #[error("{}", .0.message)]
    Refused(ApiError),
    /// Something answered that is no server of this kind.
    #[error("{url} does not answer as a collab server: {reason}")]
    NotUnderstood {
        /// What was asked for.
        url: String,
        /// What came instead.
        reason: String,
    },
}

/// Why an [`Api`] could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ApiSetupError {
    /// The address is not one.
    #[error("{url} is not the address of a server: {reason}")]
    Url {
        /// What was given.
        url: String,
        /// Why.
        reason: String,
    },
    /// TLS could not be set up.
    #[error(transparent)]
    Tls(#[from] DriverError),
    /// The HTTP client could not be set up.
    #[error("cannot set up HTTP: {0}")]
    Http(#[from] reqwest::Error),
}

/// The HTTP API of one server. Cheap to clone.
#[derive(Clone)]
pub struct Api {
    http: reqwest::Client,
    base: Url,
    token: Option<String>,
    verifier: std::sync::Arc<Verifier>,
}

/// Longest answer, in bytes: a page of a thousand log entries with room to spare.
const MAX_ANSWER_BYTES: usize = 16 * 1024 * 1024;

/// Longest time to a connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// How long a connection is kept for the next request: one that a machine took along to another network is dead.
const IDLE_LIMIT: Duration = Duration::from_secs(5);

/// Longest time to an answer, besides what a query asks the server to wait.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

impl Api {
    /// The API at `base`, such as `https://host:4433` or `http://localhost:3001`, with an admin or owner token if there is one.
    ///
    /// # Errors
    ///
    /// [`ApiSetupError`].
    pub fn new(base: &str, trust: Trust, token: Option<String>) -> Result<Self, ApiSetupError> {
        let base = parse_base(base)?;
        let (tls, verifier) = trust.tls(&authority_of(&base), &[b"http/1.1"]).map_err(DriverError::from)?;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_LIMIT)
            .pool_idle_timeout(IDLE_LIMIT)
            .no_proxy()
            .build()?;
        Ok(Self { http, base, token, verifier })
    }

    /// What a client must know before it opens a session. Needs no token.
    ///
    /// # Errors
    ///
    /// [`ApiFailure`], as from every request here.
    pub async fn server_info(&self) -> Result<ServerInfo, ApiFailure> {
        self.ask(self.request(Method::GET, &["server"])).await
    }

    /// A page of the audit log. Needs the admin token. With `after` and `wait_ms` the answer may take that long.
    ///
    /// # Errors
    ///
    /// [`ApiFailure`].
    pub async fn logs(&self, query: &LogQuery) -> Result<LogPage, ApiFailure> {
        let limit = ANSWER_LIMIT + Duration::from_millis(query.wait_ms.unwrap_or(0).into());
        self.ask(self.request(Method::GET, &["logs"]).query(query).timeout(limit)).await
    }

    fn request(&self, method: Method, path: &[&str]) -> RequestBuilder {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("api").extend(path);
        }
        let request = self.http.request(method, url).timeout(ANSWER_LIMIT);
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    async fn ask<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, ApiFailure> {
        let (url, body) = self.send(request).await?;
        read_json(&body).map_err(|reason| ApiFailure::NotUnderstood { url, reason })
    }

    async fn tell(&self, request: RequestBuilder) -> Result<(), ApiFailure> {
        self.send(request).await.map(drop)
    }

    async fn send(&self, request: RequestBuilder) -> Result<(String, Vec<u8>), ApiFailure> {
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        let (url, status) = (response.url().to_string(), response.status());
        if !status.is_success() {
            return Err(self.refusal(response).await);
        }
        Ok((url, self.read(response).await?))
    }

    async fn refusal(&self, response: Response) -> ApiFailure {
        let (url, status) = (response.url().to_string(), response.status());
        match self.read(response).await.map(|body| read_json::<ApiError>(&body)) {
            Ok(Ok(error)) => ApiFailure::Refused(error),
            Ok(Err(_)) => ApiFailure::NotUnderstood { url, reason: format!("it answers {status}") },
            Err(failure) => failure,
        }
    }

    async fn read(&self, mut response: Response) -> Result<Vec<u8>, ApiFailure> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.unreachable(&error))? {
            if body.len() + chunk.len() > MAX_ANSWER_BYTES {
                let reason = format!("its answer is longer than {MAX_ANSWER_BYTES} bytes");
                return Err(ApiFailure::NotUnderstood { url: response.url().to_string(), reason });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn unreachable(&self, error: &reqwest::Error) -> ApiFailure {
        let url = self.base.to_string();
        match self.verifier.refusal().filter(|_| error.is_connect()) {
            Some((reason, _)) => ApiFailure::NotTrusted { url, reason },
            None if error.is_timeout() => self.silent(),
            None => ApiFailure::Unreachable { url, reason: innermost(error) },
        }
    }

    pub(crate) fn silent(&self) -> ApiFailure {
        ApiFailure::Unreachable { url: self.base.to_string(), reason: "no answer".to_owned() }
    }

    /// Whether it is asked in clear on this machine, so that nobody can be in between.
    pub(crate) fn is_on_this_machine(&self) -> bool {
        let local = ["localhost", "127.0.0.1", "[::1]"];
        self.base.scheme() == "http" && self.base.host_str().is_some_and(|host| local.contains(&host))
    }
}

fn read_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| error.to_string())
}

/// The cause at the bottom says what happened; those above say that something did.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
