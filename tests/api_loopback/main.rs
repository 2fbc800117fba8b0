//! The contract over real gRPC on loopback: every call, against a real journal and an embedded directory.

mod admin;
mod agent;
mod bulk;
mod card;
mod clocks;
mod coding;
mod costs;
mod events;
mod farewell;
mod forecast;
mod intake;
mod life;
mod limits;
mod offered;
mod offers_several;
mod ops;
mod past;
mod policies;
mod pools;
mod repeats;
#[path = "../support/server.rs"]
mod server;
mod stories;
mod supervise;
mod why;
mod wishes;
mod work;
mod wrap_up;
