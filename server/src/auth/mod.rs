//! Who may enter: passwords, tokens, and what slows down those who guess.

pub mod passwords;

pub mod attempts;

pub mod tokens;

pub mod names;

pub mod door;

use std::net::{IpAddr, Ipv6Addr};

/// What one customer usually holds: an IPv4 address, or an IPv6 /64.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        v4 => v4,
    }
}

/// A number drawn at random that JavaScript can hold: below 2^53.
///
/// # Errors
///
/// When the operating system gives no randomness.
pub fn random_id() -> Result<u64, getrandom::Error> {
    Ok(getrandom::u64()? & collab_proto::limits::MAX_SAFE_INTEGER)
}
