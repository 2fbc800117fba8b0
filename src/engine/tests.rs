//! The rules, one sentence a test.

mod agents;
mod capacity;
mod dispatch;
mod leases;
mod offers;
mod policies;
mod retries;
mod script;
mod starvation;
mod tickets;
mod timers;
mod why;
