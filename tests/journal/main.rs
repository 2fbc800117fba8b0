//! The journal: what is acknowledged is there after any cut, and what is damaged is named.

mod cuts;
mod disk;
mod golden;
mod records;
mod script;
mod served;
mod several;
mod snapshots;
mod verify;
