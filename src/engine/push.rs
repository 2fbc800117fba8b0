//! Work that is pushed: the stream an agent listens on, offers, and the memory of those declined.
//!
//! What an offer needs beside the ticket: plain data. Who is offered what is `dispatch` and `route`.

use super::capacity::Maxima;
use super::model::{Agent, Presence, TicketNumber, Time};

/// How a pool offers tickets to agents on a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OfferRule {
    /// How long an agent may take to accept, in milliseconds.
    pub offer_ms: i64,
    /// How long a ticket is not offered again to the agent who has declined or missed it once, in
    /// milliseconds. Each time doubles it.
    pub back_off_first_ms: i64,
    /// The longest it may become, in milliseconds.
    pub back_off_max_ms: i64,
    /// Offers missed in a row after which an agent is set away. At least 1.
    pub misses_max: u16,
    /// To how many agents a ticket is offered at once, 1 to [`OFFER_TO_MAX`](super::several::OFFER_TO_MAX).
    pub offer_to: u8,
}

impl Default for OfferRule {
    fn default() -> Self {
        Self {
            offer_ms: 20_000,
            back_off_first_ms: 10_000,
            back_off_max_ms: 300_000,
            misses_max: 3,
            offer_to: 1,
        }
    }
}

impl OfferRule {
    /// How long a ticket is kept from an agent who has declined or missed it `count` times, at least
    /// once, in milliseconds.
    pub fn back_off_ms(&self, count: u16) -> i64 {
        let doublings = u32::from(count.saturating_sub(1)).min(32);
        self.back_off_first_ms.saturating_mul(1 << doublings).min(self.back_off_max_ms)
    }
}

/// The stream on which an agent gets offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// The caller's name for it.
    pub session: Option<Box<str>>,
    /// The most pieces of work at once by channel, as long as the stream is open.
    pub maxima: Maxima,
}

/// What an agent remembers of a ticket that it has declined or missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Declined {
    /// How often.
    pub count: u16,
    /// Until when it is not offered to this agent; `None` once that time is over.
    pub until: Option<Time>,
}

/// Tickets in back-off at once after which an agent is given nothing until one of them is over.
pub const BACK_OFFS_MAX: usize = 100;
/// Tickets that an agent remembers having declined or missed; more than [`BACK_OFFS_MAX`].
pub const DECLINED_MAX: usize = 200;

impl Agent {
    /// Whether the agent has been draining and has nothing left to finish.
    pub fn is_drained(&self) -> bool {
        self.presence == Presence::Draining && self.held.is_empty() && self.wrapping.is_empty()
    }

    /// How many tickets are kept from this agent for having been declined or missed.
    pub fn back_off_count(&self) -> usize {
        self.declined.values().filter(|declined| declined.until.is_some()).count()
    }

    /// Whether that ticket is kept from this agent for having been declined or missed.
    pub fn backs_off(&self, ticket: TicketNumber) -> bool {
        self.declined.get(&ticket).is_some_and(|declined| declined.until.is_some())
    }
}
