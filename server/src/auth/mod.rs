//! Who may enter: passwords, tokens, and what slows down those who guess.

pub mod passwords;

pub mod attempts;

pub mod tokens;

pub mod names;

pub mod door;

/// A number drawn at random that JavaScript can hold: below 2^53.
///
/// # Errors
///
/// When the operating system gives no randomness.
pub fn random_id() -> Result<u64, getrandom::Error> {
    Ok(getrandom::u64()? & collab_proto::limits::MAX_SAFE_INTEGER)
}
