//! Hashing passwords with argon2id, away from the network thread and a few at a time.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use collab_proto::Code;
use collab_proto::limits::{MAX_PASSWORD_BYTES, MIN_PASSWORD_CHARS};
use tokio::sync::{mpsc, oneshot};

use crate::metrics::Metrics;
use crate::priority::{HASHING, give_way};
use crate::refusal::Refusal;
use crate::store::{Entrance, RoomRecord};

/// Memory of one hash in KiB, and passes over it: OWASP's first recommendation for argon2id (19 MiB, t=2, p=1).
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;

/// How many may wait for a hash. At some 30 ms a hash, whoever is further back would wait for half a minute.
const MAX_WAITING: usize = 1024;

/// Hashes and checks passwords on threads of its own, which end when the last clone is dropped.
///
/// Not on tokio's blocking pool, and not in memory from the allocator: that kept a new 19 MiB for nearly every hash, a gigabyte
/// after fifty joins. Each thread has its 19 MiB and uses them again.
#[derive(Debug, Clone)]
pub struct Passwords {
    jobs: mpsc::Sender<Job>,
    /// Checked in the place of a missing room's hash, so that the answer takes as long.
    decoy: Arc<str>,
    metrics: Arc<Metrics>,
}

struct Job(Box<dyn FnOnce(&mut Hasher) + Send>);

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Job")
    }
}

impl Passwords {
    /// At most `threads` hashes at once; each takes 19 MiB.
    ///
    /// # Errors
    ///
    /// When the operating system gives no thread, or no randomness for a salt.
    pub fn new(threads: usize, metrics: Arc<Metrics>) -> Result<Self, Refusal> {
        let (jobs, queue) = mpsc::channel::<Job>(MAX_WAITING);
        let queue = Arc::new(Mutex::new(queue));
        for number in 0..threads {
            let queue = queue.clone();
            let thread = std::thread::Builder::new().name(format!("passwords-{number}"));
            thread.spawn(move || work(&queue)).map_err(internal)?;
        }
        Ok(Self { jobs, decoy: Hasher::default().hash("no room has this password")?.into(), metrics })
    }

    /// Hashes a new password to an argon2id PHC string.
    ///
    /// # Errors
    ///
    /// [`Code::BadPassword`] for one that is too short or too long, [`Code::Busy`] when too many wait.
    pub async fn hash(&self, password: &str) -> Result<String, Refusal> {
        check_length(password)?;
        let password = password.to_owned();
        self.run(move |hasher| hasher.hash(&password)).await?
    }

    /// Hashes another password of a room, with the salt and the parameters of the one that it has: so one hash answers for
    /// all passwords of a room.
    ///
    /// # Errors
    ///
    /// As [`Passwords::hash`], and [`Code::Internal`] for a hash that is none.
    pub async fn hash_like(&self, password: &str, other: &str) -> Result<String, Refusal> {
        check_length(password)?;
        let (password, other) = (password.to_owned(), other.to_owned());
        self.run(move |hasher| hasher.hash_like(&password, &other)).await?
    }

    /// Which of a room's passwords this is, if one. It takes one hash whatever comes of it, and without a room too; the
    /// comparisons take constant time.
    ///
    /// # Errors
    ///
    /// [`Code::Busy`] when too many wait, [`Code::Internal`] for a hash that is none.
    pub async fn entrance(&self, password: &str, room: Option<&RoomRecord>) -> Result<Option<Entrance>, Refusal> {
        if password.len() > MAX_PASSWORD_BYTES {
            return Ok(None);
        }
        let exists = room.is_some();
        let editors = room.map_or(&*self.decoy, |room| &room.password_hash).to_owned();
        let viewers = room.and_then(|room| room.viewer_hash.clone());
        let password = password.to_owned();
        let entrance = self.run(move |hasher| hasher.entrance(&password, &editors, viewers.as_deref())).await??;
        Ok(entrance.filter(|_| exists))
    }

    /// Waits for a thread. Work whose caller has gone meanwhile is not begun.
    async fn run<T: Send + 'static>(&self, work: impl FnOnce(&mut Hasher) -> T + Send + 'static) -> Result<T, Refusal> {
        let asked = Instant::now();
        let (reply, answer) = oneshot::channel();
        let job = Job(Box::new(move |hasher| {
            if !reply.is_closed() {
                // The caller may go while this works.
                let _ = reply.send(work(hasher));
            }
        }));
        self.jobs.try_send(job).map_err(|_| Refusal::from(Code::Busy))?;
        let answer = answer.await.map_err(|_| Refusal::from(Code::Internal))?;
        self.metrics.password_hash.record_since(asked);
        Ok(answer)
    }
}

/// Takes one job after another. One thread waits at the queue, the others behind it.
fn work(queue: &Mutex<mpsc::Receiver<Job>>) {
    give_way(HASHING);
    let mut hasher = Hasher::default();
    loop {
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
        let Some(Job(job)) = job else { return };
        if catch_unwind(AssertUnwindSafe(|| job(&mut hasher))).is_err() {
            // The caller was answered by the drop of its reply; the thread goes on for the others.
            tracing::error!("hashing a password panicked");
        }
    }
}

fn check_length(password: &str) -> Result<(), Refusal> {
    let long_enough = password.chars().nth(MIN_PASSWORD_CHARS - 1).is_some();
    if long_enough && password.len() <= MAX_PASSWORD_BYTES { Ok(()) } else { Err(Code::BadPassword.into()) }
}

/// Hashes in memory of its own.
#[derive(Default)]
struct Hasher {
    memory: Vec<Block>,
}

impl Hasher {
    fn hash(&mut self, password: &str) -> Result<String, Refusal> {
        let params = Params::new(MEMORY_KIB, PASSES, 1, None).map_err(internal)?;
        let mut salt = [0; Salt::RECOMMENDED_LENGTH];
        getrandom::fill(&mut salt).map_err(internal)?;
        self.hash_with(password, &salt, params)
    }

    fn hash_like(&mut self, password: &str, other: &str) -> Result<String, Refusal> {
        let stored = Stored::parse(other)?;
        self.hash_with(password, &stored.salt, stored.params)
    }

    fn hash_with(&mut self, password: &str, salt: &[u8], params: Params) -> Result<String, Refusal> {
        let hash = PasswordHash {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(Version::V0x13.into()),
            params: ParamsString::try_from(&params).map_err(internal)?,
            salt: Some(Salt::new(salt).map_err(internal)?),
            hash: Some(self.output(password, salt, params)?),
        };
        Ok(hash.to_string())
    }

    /// Hashes once, with the salt and the parameters of the editors' password, and compares with both in constant time.
    fn entrance(&mut self, password: &str, editors: &str, viewers: Option<&str>) -> Result<Option<Entrance>, Refusal> {
        let editors = Stored::parse(editors)?;
        let viewers = viewers.map(Stored::parse).transpose()?;
        if viewers.as_ref().is_some_and(|viewers| viewers.salt != editors.salt) {
            return Err(internal("the two passwords of a room have different salts"));
        }
        let output = self.output(password, &editors.salt, editors.params)?;
        let (edits, views) = (output == editors.output, viewers.is_some_and(|viewers| output == viewers.output));
        Ok(if edits { Some(Entrance::Editors) } else { views.then_some(Entrance::Viewers) })
    }

    fn output(&mut self, password: &str, salt: &[u8], params: Params) -> Result<Output, Refusal> {
        self.memory.resize(params.block_count(), Block::new());
        let length = params.output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN);
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let mut output = [0; Output::MAX_LENGTH];
        let output = output.get_mut(..length).ok_or_else(|| internal("a stored hash is too long"))?;
        argon2.hash_password_into_with_memory(password.as_bytes(), salt, output, &mut self.memory).map_err(internal)?;
        Output::new(output).map_err(internal)
    }
}

/// What is in a PHC string.
struct Stored {
    salt: Salt,
    params: Params,
    output: Output,
}

impl Stored {
    fn parse(hash: &str) -> Result<Self, Refusal> {
        let hash = PasswordHash::new(hash).map_err(internal)?;
        let params = Params::try_from(&hash).map_err(internal)?;
        match (hash.salt, hash.hash) {
            (Some(salt), Some(output)) => Ok(Self { salt, params, output }),
            _ => Err(internal("a stored hash has no salt or no output")),
        }
    }
}

fn internal(error: impl std::fmt::Display) -> Refusal {
    tracing::error!(%error, "hashing a password failed");
    Code::Internal.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one_thread() -> Passwords {
        Passwords::new(1, Arc::new(Metrics::new(Instant::now()).unwrap())).unwrap()
    }

    fn room(password_hash: &str) -> RoomRecord {
        let name = collab_proto::RoomName::parse("demo").unwrap();
        RoomRecord::new(name, collab_proto::Generation(1), 0, password_hash.to_owned())
    }

    #[tokio::test]
    async fn a_hash_is_argon2id_with_the_parameters_we_promise() {
        let passwords = one_thread();
        let hash = passwords.hash("correct horse").await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        let room = room(&hash);
        assert_eq!(passwords.entrance("correct horse", Some(&room)).await, Ok(Some(Entrance::Editors)));
        assert_eq!(passwords.entrance("wrong horse", Some(&room)).await, Ok(None));
    }

    #[tokio::test]
    async fn one_hash_tells_which_of_two_passwords_it_is() {
        let passwords = one_thread();
        let hash = passwords.hash("correct horse").await.unwrap();
        let viewers = passwords.hash_like("curious horse", &hash).await.unwrap();
        let room = RoomRecord { viewer_hash: Some(viewers), ..room(&hash) };
        let whose = async |password| passwords.entrance(password, Some(&room)).await.unwrap();
        assert_eq!(whose("correct horse").await, Some(Entrance::Editors));
        assert_eq!(whose("curious horse").await, Some(Entrance::Viewers));
        assert_eq!(whose("wrong horse").await, None);
        assert_eq!(passwords.hash_like("correct horse", &hash).await.unwrap(), hash, "equal passwords are noticed");
        let stranger = passwords.hash("curious horse").await.unwrap();
        let broken = RoomRecord { viewer_hash: Some(stranger), ..room.clone() };
        assert_eq!(passwords.entrance("curious horse", Some(&broken)).await.unwrap_err().code, Code::Internal);
    }

    #[tokio::test]
    async fn hashes_are_read_as_the_library_writes_them() {
        use argon2::password_hash::PasswordHasher;
        let theirs = Argon2::default().hash_password(b"correct horse").unwrap().to_string();
        let passwords = one_thread();
        let theirs = room(&theirs);
        assert_eq!(passwords.entrance("correct horse", Some(&theirs)).await, Ok(Some(Entrance::Editors)));
        assert_eq!(passwords.entrance("wrong horse", Some(&theirs)).await, Ok(None));
        assert_eq!(passwords.entrance("x", Some(&room("not a hash"))).await.unwrap_err().code, Code::Internal);
    }

    #[tokio::test]
    async fn a_missing_room_never_fits_even_with_the_decoys_password() {
        let passwords = one_thread();
        assert_eq!(passwords.entrance("no room has this password", None).await, Ok(None));
    }

    #[tokio::test]
    async fn a_password_is_limited_at_both_edges() {
        let passwords = one_thread();
        assert_eq!(passwords.hash("12345").await.unwrap_err().code, Code::BadPassword);
        assert!(passwords.hash("été123").await.is_ok());
        assert!(passwords.hash(&"x".repeat(MAX_PASSWORD_BYTES)).await.is_ok());
        assert_eq!(passwords.hash(&"x".repeat(MAX_PASSWORD_BYTES + 1)).await.unwrap_err().code, Code::BadPassword);
    }

    #[tokio::test]
    async fn who_would_wait_too_long_is_sent_away() {
        let passwords = one_thread();
        let (gate, held) = std::sync::mpsc::channel::<()>();
        let hold = Job(Box::new(move |_| held.recv().unwrap_or_default()));
        passwords.jobs.try_send(hold).unwrap();
        while passwords.jobs.try_send(Job(Box::new(|_| {}))).is_ok() {}
        assert_eq!(passwords.hash("correct horse").await.unwrap_err().code, Code::Busy);
        drop(gate);
        let place = passwords.jobs.reserve().await.unwrap();
        drop(place);
        assert!(passwords.hash("correct horse").await.is_ok());
    }
}
