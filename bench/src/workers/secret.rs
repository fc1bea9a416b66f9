//! What a worker and its coordinator both know, so that nobody else makes a worker drive load.

use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::{Context, ensure};
use ring::hmac;

/// The environment variable that holds it.
pub const VARIABLE: &str = "COLLAB_BENCH_SECRET";

/// The least length, in bytes: what `openssl rand -hex 16` prints has 32.
const LEAST_BYTES: usize = 16;

/// Random bytes of one connection.
pub type Nonce = [u8; 32];

/// A proof of knowing the secret.
pub type Proof = [u8; 32];

/// Who proves it; so that one side's proof is none of the other's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Who says what is to be done.
    Coordinator,
    /// Who does it.
    Worker,
}

/// The secret. It is never sent.
#[derive(Clone)]
pub struct Secret(hmac::Key);

impl Secret {
    /// From a file, or from [`VARIABLE`] when none is given.
    ///
    /// # Errors
    /// There is neither, or what is there is too short.
    pub fn read(file: Option<&Path>) -> anyhow::Result<Self> {
        let text = match file {
            Some(path) => fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?,
            None => std::env::var(VARIABLE).with_context(|| {
                format!("workers need a shared secret: give --secret-file, or {VARIABLE} in the environment")
            })?,
        };
        Self::new(text.trim())
    }

    /// A secret that has this text.
    ///
    /// # Errors
    /// It is too short.
    pub fn new(text: &str) -> anyhow::Result<Self> {
        ensure!(
            text.len() >= LEAST_BYTES,
            "the shared secret is too short: it has at least {LEAST_BYTES} bytes; make one by `openssl rand -hex 16`"
        );
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, text.as_bytes())))
    }

    /// Proves it on the connection that has these nonces, the worker's first.
    pub fn prove(&self, side: Side, nonces: &[Nonce; 2]) -> Proof {
        let tag = hmac::sign(&self.0, &said(side, nonces));
        let mut proof = Proof::default();
        proof.copy_from_slice(tag.as_ref());
        proof
    }

    /// Whether the other side proved it. Takes as long whatever is wrong.
    pub fn is_proved(&self, side: Side, nonces: &[Nonce; 2], proof: &Proof) -> bool {
        hmac::verify(&self.0, &said(side, nonces), proof).is_ok()
    }
}

fn said(side: Side, nonces: &[Nonce; 2]) -> Vec<u8> {
    let side: &[u8] = match side {
        Side::Coordinator => b"coordinator",
        Side::Worker => b"worker",
    };
    [side, &nonces[0], &nonces[1]].concat()
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_holds_for_its_side_its_connection_and_its_secret() {
        let secret = Secret::new("0123456789abcdef").unwrap();
        let nonces = [[1; 32], [2; 32]];
        let proof = secret.prove(Side::Worker, &nonces);
        assert!(secret.is_proved(Side::Worker, &nonces, &proof));
        assert!(!secret.is_proved(Side::Coordinator, &nonces, &proof));
        assert!(!secret.is_proved(Side::Worker, &[[1; 32], [3; 32]], &proof));
        assert!(!Secret::new("0123456789abcdeF").unwrap().is_proved(Side::Worker, &nonces, &proof));
    }

    #[test]
    fn a_short_secret_is_refused_and_none_is_shown() {
        assert!(Secret::new("0123456789abcde").is_err());
        assert_eq!(format!("{:?}", Secret::new("0123456789abcdef").unwrap()), "Secret");
        assert!(Secret::read(Some(Path::new("/nowhere/at/all"))).is_err());
    }
}
