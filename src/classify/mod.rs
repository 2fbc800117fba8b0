//! ABC classification: a book of customers, coded into classes by what each brings.
//!
//! A customer's margin is its revenue less what it costs to serve. Either each class takes a share of the
//! customers, the best first, or a class begins at a margin. Numbers in, classes and a report out: nothing
//! here reads a file, and no order is left to a hash. Customers with the same margin are ordered by id.
//!
//! With hysteresis a customer leaves its class only when its margin is beyond the boundary by a band, a
//! share of the boundary's margin: who hovers at a boundary does not flip at every run.

mod book;
mod curve;
mod outcome;
mod plot;
mod scheme;
mod svg;

pub use book::{Book, Entry, Problem};
pub use curve::{Curve, Point};
pub use outcome::{Boundary, Move, Outcome, Total};
pub use plot::plot;
pub use scheme::{Invalid, Scheme};
pub use svg::svg;

#[cfg(test)]
mod tests;
