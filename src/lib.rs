//! Tierline routes support tickets and calls to the agents who should take them next.

pub mod api;
pub mod config;
pub mod engine;
pub mod policy;
pub mod queueing;
pub mod rehearse;
pub mod settings;
