//! THE RULES. Pure and synchronous: no clock, no I/O, no async, no randomness, no order from a hash.

pub mod command;
pub mod model;

/// Longest extension of a lease, in milliseconds: a day.
pub const EXTEND_MS_MAX: i64 = 86_400_000;
