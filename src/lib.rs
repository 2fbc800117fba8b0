//! Tierline routes support tickets and calls to the agents who should take them next.

pub mod api;
pub mod engine;
pub mod queueing;
pub mod rehearse;
