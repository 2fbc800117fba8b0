//! Finds a live ticket by its id: a sorted list of digests, so that no id is held twice.

use super::model::{Ticket, TicketId, TicketNumber};
use super::shelf::Shelf;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// The live tickets.
pub(super) type Tickets = Shelf<TicketNumber, Box<Ticket>>;

/// Live tickets by a digest of their ids. Equal digests of different ids stand side by side; the tickets
/// themselves tell them apart. The digest is nowhere seen and never stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ids {
    by_digest: Shelf<(u64, TicketNumber)>,
}

impl Ids {
    /// Of all these tickets, at once.
    pub(super) fn of(tickets: &Tickets) -> Self {
        let mut digests: Vec<_> =
            tickets.values().map(|ticket| (digest(&ticket.id), ticket.number)).collect();
        digests.sort_unstable();
        Self { by_digest: digests.into_iter().map(|key| (key, ())).collect() }
    }

    /// How many ids there are.
    pub(super) fn len(&self) -> usize {
        self.by_digest.len()
    }

    /// The live ticket of that id.
    pub(super) fn find<'a>(&self, id: &TicketId, tickets: &'a Tickets) -> Option<&'a Ticket> {
        let digest = digest(id);
        let same = self.by_digest.after((digest, TicketNumber(0)));
        same.take_while(|((known, _), ())| *known == digest)
            .filter_map(|((_, number), ())| tickets.get(number))
            .map(|ticket| &**ticket)
            .find(|ticket| ticket.id == *id)
    }

    /// Takes a ticket in that is not yet among `tickets`, and whose id none of them may have.
    pub(super) fn insert(&mut self, ticket: &Ticket, tickets: &Tickets) {
        assert!(self.find(&ticket.id, tickets).is_none(), "an id names one live ticket");
        self.by_digest.insert((digest(&ticket.id), ticket.number), ());
    }

    /// Takes a ticket out.
    pub(super) fn remove(&mut self, ticket: &Ticket) {
        let known = self.by_digest.remove((digest(&ticket.id), ticket.number));
        assert!(known.is_some(), "a live ticket's id is known");
    }
}

/// A digest of the whole id; that of a UUID of version 7 begins with its time, so that tickets of one time
/// are found in one place of the memory.
fn digest(id: &TicketId) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    let hash = hasher.finish();
    let digest = uuid_time_ms(id.as_str()).map_or(hash, |ms| ms << 16 | hash >> 48);
    digest & DIGEST_BITS
}

/// The first 48 bits of a UUID of version 7 in its usual spelling.
fn uuid_time_ms(id: &str) -> Option<u64> {
    let (high, low) = (id.get(..8)?, id.get(8..15)?.strip_prefix('-')?.strip_suffix("-7")?);
    Some(u64::from_str_radix(high, 16).ok()? << 16 | u64::from_str_radix(low, 16).ok()?)
}

/// In tests of this crate digests are short, so that different ids often have equal ones.
const DIGEST_BITS: u64 = if cfg!(test) { 3 } else { u64::MAX };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_uuid_of_version_7_is_its_first_48_bits() {
        let time = uuid_time_ms("01893f2a-7c4e-7d2b-9a51-0242ac120002");
        assert_eq!(time, Some(0x0189_3f2a_7c4e));
        for other in ["01893f2a-7c4e-4d2b-9a51-0242ac120002", "order-7", "", "0189zzzz-7c4e-7d2b"] {
            assert_eq!(uuid_time_ms(other), None, "{other}");
        }
    }
}
