//! What carries sessions. Only here are quinn and wtransport named.

pub mod socket;

pub mod webtransport;
