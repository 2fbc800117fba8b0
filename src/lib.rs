//! Tierline routes support tickets and calls to the agents who should take them next.

pub mod api;
pub mod clock;
pub mod config;
pub mod directory;
pub mod driver;
pub mod engine;
pub mod journal;
pub mod metrics;
pub mod policy;
pub mod queueing;
pub mod settings;
