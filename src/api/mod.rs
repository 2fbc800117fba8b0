//! The public contract, `tierline.v1` over gRPC.
//!
//! Owns the messages and their translation to and from the words of the house. Decides nothing.

pub mod proto;
