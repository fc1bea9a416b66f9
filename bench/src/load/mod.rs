//! When who does what: drawn from the seed before the run, so that a slow server cannot slow the load down.

pub mod profile;

pub mod schedule;

pub mod pacer;
