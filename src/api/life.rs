//! A ticket's life in messages: where it is beside queue and agent, and where its time went. And what
//! is checked of the requests about it.

use super::convert::{duration, timestamp};
use super::proto::v1 as pb;
use super::validate::Checks;
use super::wishes::WISH_MS;
use crate::engine::life::{
    CallbackNumber, Destination, Ledger, Leg, Life, Parked, ReturnReason, SCHEDULE_MS_MAX,
};
use crate::engine::model::{State, Time};
use crate::journal::FinishedState;

/// Longest number to call back on, in characters.
const CALLBACK_NUMBER_CHARS_MAX: usize = 64;

impl From<Leg> for pb::LegKind {
    fn from(leg: Leg) -> Self {
        match leg {
            Leg::Scheduled => Self::Scheduled,
            Leg::Queue => Self::Queue,
            Leg::Offer => Self::Offer,
            Leg::Agent => Self::Agent,
            Leg::Parked => Self::Parked,
            Leg::WrapUp => Self::WrapUp,
        }
    }
}

/// Where a live ticket is.
pub(super) fn state(state: &State) -> pb::TicketState {
    match state {
        State::Scheduled { .. } => pb::TicketState::Scheduled,
        State::Waiting => pb::TicketState::Waiting,
        State::Offered(_) => pb::TicketState::Offered,
        State::Assigned(_) => pb::TicketState::Assigned,
        State::Parked(_) => pb::TicketState::Parked,
        State::Quarantined(_) => pb::TicketState::Quarantined,
    }
}

/// How a ticket of the history ended.
pub(super) fn finished_state(state: FinishedState) -> pb::TicketState {
    match state {
        FinishedState::Completed => pb::TicketState::Completed,
        FinishedState::Cancelled => pb::TicketState::Cancelled,
        FinishedState::Expired => pb::TicketState::Expired,
    }
}

/// Where a ticket's time went.
pub(super) fn legs(ledger: &Ledger) -> Vec<pb::TicketLeg> {
    let leg = |(leg, stay): (Leg, crate::engine::life::Stay)| pb::TicketLeg {
        kind: pb::LegKind::from(leg).into(),
        spent_ms: stay.ms,
        entry_count: stay.count,
    };
    ledger.iter().map(leg).collect()
}

/// When a ticket enters its queue, while it is scheduled.
pub(super) fn not_before(state: &State) -> Option<prost_types::Timestamp> {
    match state {
        State::Scheduled { opens_at } => Some(timestamp(*opens_at)),
        State::Waiting
        | State::Offered(_)
        | State::Assigned(_)
        | State::Parked(_)
        | State::Quarantined(_) => None,
    }
}

/// Since when and until when it waits for its customer, while it is parked.
pub(super) fn parking(state: &State) -> Option<pb::Parking> {
    match state {
        State::Parked(parked) => {
            let Parked { agent, token: _, since, until, keep_ms, reason } = &**parked;
            Some(pb::Parking {
                agent_id: agent.to_string(),
                since: Some(timestamp(*since)),
                until: Some(timestamp(*until)),
                reason: reason.to_string(),
                keep_for: keep_ms.map(duration),
            })
        }
        State::Scheduled { .. }
        | State::Waiting
        | State::Offered(_)
        | State::Assigned(_)
        | State::Quarantined(_) => None,
    }
}

/// How a ticket last came back from an agent.
pub(super) fn last_return(life: &Life) -> Option<pb::TicketReturn> {
    let from = life.last_return.as_deref()?;
    let (kind, reason) = match &from.why {
        ReturnReason::Released(why) => (pb::ReturnReason::Released, why.to_string()),
        ReturnReason::LeaseEnded => (pb::ReturnReason::LeaseEnded, String::new()),
        ReturnReason::Transferred(why) => (pb::ReturnReason::Transferred, why.to_string()),
    };
    Some(pb::TicketReturn {
        agent_id: from.agent.to_string(),
        at: Some(timestamp(from.at)),
        kind: kind.into(),
        reason,
    })
}

impl Checks {
    /// To whom a ticket is given on.
    pub(super) fn destination(
        &mut self,
        to: Option<&pb::transfer_ticket_request::To>,
    ) -> Destination {
        use pb::transfer_ticket_request::To;
        match to {
            Some(To::Pool(name)) => {
                self.name("pool", name);
                Destination::Pool(name.as_str().into())
            }
            Some(To::AgentId(id)) => Destination::Agent(self.agent_id(id)),
            Some(To::Tier(name)) => {
                self.name("tier", name);
                Destination::Tier(name.as_str().into())
            }
            None => {
                self.fault("to", "is required: one of pool, agent_id, tier");
                Destination::Pool("".into())
            }
        }
    }

    /// The number to call back on. It is the customer's, so it is not repeated.
    pub(super) fn callback_number(&mut self, number: &str) -> CallbackNumber {
        if number.trim().is_empty() {
            self.fault("number", "is required");
        }
        CallbackNumber(self.line("number", number, CALLBACK_NUMBER_CHARS_MAX))
    }

    /// An instant that may be left out, at most a year after `now`; parts of a millisecond do not count.
    pub(super) fn instant_ahead(
        &mut self,
        field: &str,
        at: Option<&prost_types::Timestamp>,
        now: Time,
    ) -> Option<Time> {
        let at = at?;
        let makes_sense = (0..1_000_000_000).contains(&at.nanos);
        let ms = at
            .seconds
            .checked_mul(1000)
            .and_then(|ms| ms.checked_add(i64::from(at.nanos / 1_000_000)));
        match ms {
            Some(ms) if makes_sense && Time(ms).since_ms(now) <= SCHEDULE_MS_MAX => Some(Time(ms)),
            Some(_) | None => {
                let (seconds, nanos) = (at.seconds, at.nanos);
                self.fault(
                    field,
                    format!(
                        "{seconds} s and {nanos} ns since 1970 is not an instant up to 366 days ahead"
                    ),
                );
                None
            }
        }
    }

    /// For how long to park; none is for the policy to say.
    pub(super) fn park_ms(&mut self, by: Option<&prost_types::Duration>) -> Option<i64> {
        by.map(|by| self.duration_ms("for_at_most", by, &(1..=SCHEDULE_MS_MAX)))
    }

    /// For how long it waits for who parked it: no longer than a preferred agent may be waited for.
    pub(super) fn keep_ms(&mut self, by: Option<&prost_types::Duration>) -> Option<i64> {
        by.map(|by| self.duration_ms("keep_for", by, &WISH_MS))
    }
}
