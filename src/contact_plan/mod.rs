//! The contact plan: whom we call next without being asked, and when.
//!
//! A policy's `[[contact]]` sections say who is to be contacted: every so many days, on a birthday, some
//! time after the first order. The calendar (pure) says what falls on a day for a customer; the planner, a
//! task of the server, goes through the directory once a day and submits an outbound ticket for each. Its
//! id says rule, customer and day, so the same contact submitted again is the same ticket: a planner that
//! was interrupted begins its day anew and creates nothing twice. When such tickets are served is the
//! pools' business (`outbound_above`).

mod calendar;
mod planner;

pub use calendar::{Contact, due};
pub use planner::{Created, Days, Done, Plan, Refusal, create, day_of, plan, run};
