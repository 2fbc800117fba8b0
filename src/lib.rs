//! Tierline routes support tickets and calls to the agents who should take them next.

pub mod api;
pub mod clock;
pub mod driver;
pub mod engine;
pub mod journal;
pub mod metrics;
pub mod queueing;
