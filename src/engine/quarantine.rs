//! What becomes of a fault that the audit finds: the ticket leaves every index and waits for a person, and
//! all that can be told from tickets and agents is built anew.
//!
//! Nothing here should ever happen. Where it does, a ticket is neither lost nor served by mistake: it is
//! listed as quarantined until a supervisor releases it into its old place or withdraws it.

use super::Engine;
use super::life::Worked;
use super::model::{AgentId, State, Ticket, TicketNumber, Time};
use std::collections::BTreeSet;

/// What does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Flaw {
    /// It waits and is not in its queue, or is in it and does not wait.
    Queue,
    /// Its timer is not what falls due on it next.
    Timer,
    /// It is assigned to an agent who does not list it.
    Holder,
    /// It is held by a token that has not been given yet.
    Token,
    /// Its id does not lead to it.
    Id,
    /// It is wrongly listed, or not listed, as one whose tier is yet to be confirmed.
    Confirmation,
    /// An agent lists a ticket of somebody else, or is not where agents who wait are looked for.
    Agent,
    /// An index names a ticket that is not there, or at an instant at which nothing falls due.
    Stray,
    /// Counts do not add up: of all tickets, of a queue, of a tier and channel, of idle agents.
    Counts,
}

impl Flaw {
    /// Every flaw.
    pub const ALL: [Self; 9] = [
        Self::Queue,
        Self::Timer,
        Self::Holder,
        Self::Token,
        Self::Id,
        Self::Confirmation,
        Self::Agent,
        Self::Stray,
        Self::Counts,
    ];

    /// The flaw's name in metrics, logs and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Timer => "timer",
            Self::Holder => "holder",
            Self::Token => "token",
            Self::Id => "id",
            Self::Confirmation => "confirmation",
            Self::Agent => "agent",
            Self::Stray => "stray",
            Self::Counts => "counts",
        }
    }
}

/// Why and since when a ticket is in no queue and in nobody's hands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quarantine {
    /// What did not hold.
    pub flaw: Flaw,
    /// Since when.
    pub since: Time,
}

/// What the audit, or a supervisor after it, made happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audited {
    /// A ticket was taken out of every index.
    Quarantined {
        /// Which.
        ticket: TicketNumber,
        /// What did not hold.
        flaw: Flaw,
    },
    /// Indexes and counts were built anew.
    Repaired {
        /// What did not hold.
        flaw: Flaw,
    },
    /// A ticket waits in its old place again.
    Released {
        /// Which.
        ticket: TicketNumber,
    },
}

impl Audited {
    /// The ticket it happened to, if it happened to one.
    pub fn ticket(self) -> Option<TicketNumber> {
        match self {
            Self::Quarantined { ticket, .. } | Self::Released { ticket } => Some(ticket),
            Self::Repaired { .. } => None,
        }
    }
}

/// Who has the ticket in hand: one agent, or all to whom it is offered.
pub(super) fn holders(ticket: &Ticket) -> impl Iterator<Item = &AgentId> {
    ticket.assignment().into_iter().chain(ticket.offers()).map(|held| &held.agent)
}

/// Whether that agent has the ticket in hand.
pub(super) fn is_holder(ticket: Option<&Ticket>, agent: &AgentId) -> bool {
    ticket.is_some_and(|ticket| holders(ticket).any(|holder| holder == agent))
}

impl Engine {
    /// The quarantined tickets, in order of arrival.
    pub fn quarantined(&self) -> impl Iterator<Item = &Ticket> {
        self.quarantined.iter().filter_map(|number| self.ticket_numbered(*number))
    }

    /// How many tickets are quarantined.
    pub fn quarantined_count(&self) -> usize {
        self.quarantined.len()
    }

    pub(super) fn audited(&mut self, at: Time, audited: Audited) {
        match audited {
            Audited::Quarantined { ticket, flaw } => {
                let ticket = self.tickets.get_mut(ticket).expect("an event names a live ticket");
                let (before, so_far) = (ticket.leg(), ticket.ledger(at));
                let held = ticket.assignment().map(|held| (held.pool, held.assigned_at));
                ticket.state = State::Quarantined(Box::new(Quarantine { flaw, since: at }));
                if let Some((pool, since)) = held {
                    ticket.add_work(Worked { pool, ms: at.since_ms(since) });
                }
                if ticket.leg() != before {
                    ticket.enter_leg(before, so_far, at);
                }
                self.rebuild();
            }
            Audited::Repaired { flaw: _ } => self.rebuild(),
            Audited::Released { ticket } => {
                self.quarantined.remove(&ticket);
                self.re_key(ticket, |ticket| ticket.state = State::Waiting);
            }
        }
    }

    /// Makes every index anew from tickets and agents. Takes as long as reading a snapshot of them; what
    /// is whole stays as it is.
    fn rebuild(&mut self) {
        let mut image = self.image();
        for agent in &mut image.agents {
            let mut listed = BTreeSet::new();
            agent.held.retain(|number| {
                let ticket = self.ticket_numbered(*number);
                is_holder(ticket, &agent.id) && listed.insert(*number)
            });
        }
        *self = Self::from_image(image, self.limits);
    }
}
