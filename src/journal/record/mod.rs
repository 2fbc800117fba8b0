//! Events and engine images as bytes, and back: the protobuf messages of `proto/tierline/journal/v1`.
//!
//! Owns the mapping only; frames, files and checksums are around it. Encoding is total and gives the same bytes for
//! the same value everywhere (no maps, fields in order). Decoding takes nothing on trust: a value this release does
//! not know is an error that names the field, never a default.

mod coding;
mod compared;
mod contacts;
mod event;
mod flow;
mod hours;
mod image;
mod life;
mod needs;
mod policy;
mod push;
mod rules;
mod supervise;
mod ticket;
mod wrap_up;

use crate::engine::command::Event;
use crate::engine::hours::PlanFault;
use crate::engine::model::{Image, Policy, TicketId, TierIx, Time};
use prost::Message as _;
use std::convert::Infallible;

pub(super) use image::{Assembly, Section, encode_image};

#[expect(
    unreachable_pub,
    clippy::pedantic,
    clippy::large_enum_variant,
    reason = "generated code; it stays inside this module"
)]
mod v1 {
    include!(concat!(env!("OUT_DIR"), "/tierline.journal.v1.rs"));
}

/// What is wrong with a record or a section.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not a protobuf message of the expected kind.
    #[error("not a message of this format: {0}")]
    Protobuf(#[from] prost::DecodeError),
    /// A field without which the record means nothing.
    #[error("{field} is missing")]
    Missing {
        /// Message and field.
        field: &'static str,
    },
    /// A value outside what this release knows.
    #[error("{field} = {value} is not a value this release knows")]
    Unknown {
        /// Message and field.
        field: &'static str,
        /// What was found.
        value: i64,
    },
    /// The batch holds another number of events than its frame says.
    #[error("{found} events, and the frame says {count}")]
    Count {
        /// What the frame says.
        count: u32,
        /// What the batch holds.
        found: usize,
    },
    /// Business hours that no policy can have.
    #[error("hours {name:?}: the plan {fault}")]
    Hours {
        /// Their name.
        name: String,
        /// What is wrong with them.
        fault: PlanFault,
    },
    /// The snapshot's end says that something is missing, or there is too much.
    #[error("{found} {what}, and the end says {expected}")]
    Total {
        /// Agents, tickets or finished tickets.
        what: &'static str,
        /// What the end says.
        expected: u64,
        /// What was there.
        found: u64,
    },
    /// A section where another was expected.
    #[error("a {found} section is out of place")]
    Order {
        /// What was found.
        found: &'static str,
    },
}

/// The ticket that an event is about, as it was before the event: written beside it, so that events can
/// be read without the tickets of their time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// The name callers know it by.
    pub id: TicketId,
    /// Its tier.
    pub tier: TierIx,
}

/// Appends one event to the payload of a frame.
pub fn push_event(
    payload: &mut Vec<u8>,
    at: Time,
    event: &Event,
    about: Option<(&TicketId, TierIx)>,
) {
    // A batch is its records one after the other, so it grows by appending a field.
    const RECORDS: u32 = 1;
    let mut record = event::encode(at, event);
    if let Some((id, tier)) = about {
        record.ticket_id = Some(id.as_str().into());
        record.ticket_tier = Some(tier.0.into());
    }
    prost::encoding::message::encode(RECORDS, &record, payload);
}

/// The events of a frame's payload; `count` is what the frame says.
pub fn events(payload: &[u8], count: u32) -> Result<Vec<(Time, Event)>, Error> {
    records(payload, count)?.into_iter().map(event::decode).collect()
}

/// The same with the ticket that each is about, where that was written.
pub fn entries(payload: &[u8], count: u32) -> Result<Vec<(Time, Event, Option<About>)>, Error> {
    let entry = |mut record: v1::Record| {
        let about = match (record.ticket_id.take(), record.ticket_tier.take()) {
            (Some(id), Some(tier)) => Some(About {
                id: TicketId::new(id),
                tier: TierIx(narrow(tier, "record.ticket_tier")?),
            }),
            (None, _) | (_, None) => None,
        };
        let (at, event) = event::decode(record)?;
        Ok((at, event, about))
    };
    records(payload, count)?.into_iter().map(entry).collect()
}

/// A policy as it is kept beside its text.
pub fn policy_bytes(policy: &Policy) -> Vec<u8> {
    policy::encode(policy).encode_to_vec()
}

/// The policy that [`policy_bytes`] kept.
pub fn policy_of(bytes: &[u8]) -> Result<Policy, Error> {
    policy::decode(v1::Policy::decode(bytes)?)
}

fn records(payload: &[u8], count: u32) -> Result<Vec<v1::Record>, Error> {
    let batch = v1::Batch::decode(payload)?;
    let found = batch.records.len();
    if usize::try_from(count) != Ok(found) {
        return Err(Error::Count { count, found });
    }
    Ok(batch.records)
}

/// A digest of the whole engine: equal images, and only those, have equal digests (but for one pair in
/// 2^64). FNV-1a (Fowler, Noll, Vo) over the sections of a snapshot, so it also notices a change of format.
pub fn state_hash(image: &Image) -> u64 {
    const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let mut hash = OFFSET_BASIS;
    let done: Result<(), Infallible> = encode_image(image, |section| {
        for byte in section {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(PRIME);
        }
        Ok(())
    });
    match done {
        Ok(()) => hash,
    }
}

fn required<T>(value: Option<T>, field: &'static str) -> Result<T, Error> {
    value.ok_or(Error::Missing { field })
}

/// Names are never empty, so an empty one is a missing one.
fn name(value: String, field: &'static str) -> Result<String, Error> {
    if value.is_empty() {
        return Err(Error::Missing { field });
    }
    Ok(value)
}

fn narrow<T: TryFrom<u32>>(value: u32, field: &'static str) -> Result<T, Error> {
    T::try_from(value).map_err(|_| Error::Unknown { field, value: value.into() })
}

fn boxed(value: Option<String>) -> Option<Box<str>> {
    value.map(Into::into)
}

fn text(value: Option<&str>) -> Option<String> {
    value.map(Into::into)
}

/// One enum of the engine and its twin on disk: two total functions of equal variant names.
macro_rules! twin {
    ($to:ident, $from:ident, $ours:ty, $theirs:ty, [$($variant:ident),+]) => {
        pub(super) fn $to(ours: $ours) -> i32 {
            match ours {
                $(<$ours>::$variant => <$theirs>::$variant.into(),)+
            }
        }

        pub(super) fn $from(value: i32, field: &'static str) -> Result<$ours, Error> {
            match <$theirs>::try_from(value) {
                $(Ok(<$theirs>::$variant) => Ok(<$ours>::$variant),)+
                Ok(<$theirs>::Unspecified) => Err(Error::Missing { field }),
                Err(_) => Err(Error::Unknown { field, value: value.into() }),
            }
        }
    };
}
use twin;
