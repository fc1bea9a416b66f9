//! The HTTP API of a server.

use std::time::Duration;

use collab_proto::api::{
    ApiError, ChangePassword, ChangePolicy, ChangeRole, ChangeViewerPassword, CreateRoom, KickQuery, LogPage, LogQuery,
    MakeOwnerToken, MemberEntry, OwnerToken, RoomCreated, RoomInfo, RoomPolicy, ServerInfo,
};
use collab_proto::{MemberId, Role, RoomName};
use reqwest::{Method, RequestBuilder, Response, Url};
use serde::de::DeserializeOwned;

use crate::driver::{Address, Because, Choice, DriverError};
use crate::seal::Seal;
use crate::trust::{Trust, Verifier};

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

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupFailure {
    /// The request had no success.
    #[error(transparent)]
    Api(#[from] ApiFailure),
    /// It could not be kept.
    #[error(transparent)]
    Sink(#[from] std::io::Error),
    /// It ended too early, or is not what the server sent.
    #[error("the backup is not whole")]
    Cut,
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

/// Longest time for a backup.
const BACKUP_LIMIT: Duration = Duration::from_secs(3600);

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

    /// Makes a room. Needs no token.
    ///
    /// # Errors
    ///
    /// [`ApiFailure`].
    pub async fn create_room(&self, name: &str, password: &str) -> Result<RoomCreated, ApiFailure> {
        let (name, password) = (name.to_owned(), password.to_owned());
        self.create_room_as(&CreateRoom { name, password, policy: RoomPolicy::default() }).await
    }

    /// Makes a room that differs from the server. Needs no token.
    ///
    /// # Errors
    ///
    /// [`ApiFailure`].
    pub async fn create_room_as(&self, wanted: &CreateRoom) -> Result<RoomCreated, ApiFailure> {
        self.ask(self.request(Method::POST, &["rooms"]).json(wanted)).await
    }

    /// All rooms. Needs the admin token.
    ///
    /// # Errors
    ///
    /// [`ApiFailure`].
    pub async fn rooms(&self) -> Result<Vec<RoomInfo>, ApiFailure> {
        self.ask(self.request(Method::GET, &["rooms"])).await
    }

    /// One room. Needs the admin token or the room's owner token.
    ///
    /// # Errors
    ///
    /// [`ApiFailure`].
    pub async fn room(&self, name: &RoomName) -> Result<RoomInfo, ApiFailure> {
        self.ask(self.request(Method::GET, &["rooms", name.as_str()])).await
    }

    /// Deletes a room with its text. Needs the admin token or the room's owner token.
    ///
    /// # Errors
    ///
    /// [`ApiFailure`].
    pub async fn delete_room(&self, name: &RoomName) -> Result<(), ApiFailure> {
        self.tell(self.request(Method::DELETE, &["rooms", name.as_str()])).await
    }

    /// Changes a room's password. Needs the admin token or the room's owner token.
    ///
    /// # Errors
    ///
    /// [`ApiFailure`].
    pub async fn change_password(&self, name: &RoomName, password: &str) -> Result<(), ApiFailure> {
        let body = ChangePassword { password: password.to_owned() };
        self.tell(self.request(Method::PUT, &["rooms", name.as_str(), "password"]).json(&body)).await
    }

    /// Changes a room's password for viewers; none takes it away. Needs the admin token or the room's owner token.
    ///
    /// # Errors
    ///
    /// [`ApiFailure`].
    pub async fn change_viewer_password(&self, name: &RoomName, password: Option<&str>) -> Result<(), ApiFailure> {
        let body = ChangeViewerPassword { password: password.map(str::to_owned) };
        self.tell(self.request(Method::PUT, &["rooms", name.as_str(), "viewer-password"]).json(&body)).await
    }

    /// Changes how often people may change the text of a room. Needs the admin token or the room's owner token.
    ///
    /// # Errors
    ///
    /// [`ApiFailure`].
    pub async fn change_policy(&self, name: &RoomName, change: ChangePolicy) -> Result<RoomInfo, ApiFailure> {
        self.ask(self.request(Method::PATCH, &["rooms", name.as_str(), "policy"]).json(&change)).await
    }

    /// A token for a new owner of a room; with `revoke` those there were are void from now on. Needs the admin token.
    ///
    /// # Errors
    ///
    /// [`ApiFailure`].
    pub async fn make_owner_token(&self, name: &RoomName, revoke: bool) -> Result<String, ApiFailure> {
        let request = self.request(Method::POST, &["rooms", name.as_str(), "owner-token"]);
        let made: OwnerToken = self.ask(request.json(&MakeOwnerToken { revoke })).await?;
        Ok(made.owner_token)
    }

    /// Who is in a room now. Needs the admin token or the room's owner token.
    ///
    /// # Errors
    ///
    /// [`ApiFailure`].
    pub async fn members(&self, name: &RoomName) -> Result<Vec<MemberEntry>, ApiFailure> {
        self.ask(self.request(Method::GET, &["rooms", name.as_str(), "members"])).await
    }

    /// Gives a member another role, at once. Needs the admin token or the room's owner token.
    ///
    /// # Errors
    ///
    /// [`ApiFailure`].
    pub async fn change_role(&self, name: &RoomName, member: MemberId, role: Role) -> Result<(), ApiFailure> {
        let path = ["rooms", name.as_str(), "members", &member.to_string(), "role"];
        self.tell(self.request(Method::PUT, &path).json(&ChangeRole { role })).await
    }

    /// Sends a member away; with `ban` they may not come back for that long. Needs the admin token or the room's owner token.
    ///
    /// # Errors
    ///
    /// [`ApiFailure`].
    pub async fn kick(&self, name: &RoomName, member: MemberId, ban: Option<Duration>) -> Result<(), ApiFailure> {
        let path = ["rooms", name.as_str(), "members", &member.to_string()];
        let ban_ms = ban.map(|ban| u64::try_from(ban.as_millis()).unwrap_or(u64::MAX));
        self.tell(self.request(Method::DELETE, &path).query(&KickQuery { ban_ms })).await
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

    /// Takes a backup and hands it to `sink` as it comes. It is whole when this succeeds: what came is checked against the
    /// digest at its end. Needs the admin token. Ends when nothing comes for 30 seconds.
    ///
    /// # Errors
    ///
    /// [`BackupFailure`].
    pub async fn backup(&self, mut sink: impl FnMut(&[u8]) -> std::io::Result<()>) -> Result<u64, BackupFailure> {
        let request = self.request(Method::GET, &["backup"]).timeout(BACKUP_LIMIT);
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        if !response.status().is_success() {
            return Err(self.refusal(response).await.into());
        }
        let (mut response, mut seal) = (response, Seal::default());
        loop {
            let chunk = tokio::time::timeout(ANSWER_LIMIT, response.chunk()).await;
            let Ok(Ok(chunk)) = chunk else { return Err(BackupFailure::Cut) };
            let Some(chunk) = chunk else { break };
            seal.look(&chunk);
            sink(&chunk)?;
        }
        if seal.holds() { Ok(seal.bytes) } else { Err(BackupFailure::Cut) }
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

fn parse_base(text: &str) -> Result<Url, ApiSetupError> {
    let wrong = |reason: String| ApiSetupError::Url { url: text.to_owned(), reason };
    let url = Url::parse(text).map_err(|error| wrong(error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(wrong("it begins with neither https:// nor http://".to_owned()));
    }
    Ok(url)
}

fn authority_of(url: &Url) -> String {
    format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or_default())
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
