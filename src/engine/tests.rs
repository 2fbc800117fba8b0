//! The rules, one sentence a test.

mod agents;
mod audit;
mod dispatch;
mod leases;
mod limits;
mod policies;
mod retries;
mod script;
mod starvation;
mod tickets;
mod timers;
mod why;
