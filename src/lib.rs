//! Tierline routes support tickets and calls to the agents who should take them next.
//!
//! ARCHITECTURE.md is the map: what each module owns, and which may name which.

pub mod api;
pub mod classify;
pub mod cli;
pub mod clock;
pub mod coding;
pub mod config;
pub mod contact_plan;
pub mod corrector;
pub mod costs;
pub mod directory;
pub mod driver;
pub mod engine;
pub mod forecast;
pub mod journal;
pub mod metrics;
pub mod policy;
pub mod queueing;
pub mod rehearse;
pub mod server;
pub mod settings;
pub mod web;
