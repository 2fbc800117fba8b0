//! The contract's enumerations as words: what people type, and what they read.

use crate::api::proto::v1;
use clap::ValueEnum;

/// The way a ticket comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ChannelWord {
    /// A telephone call that waits in the line.
    Voice,
    /// A live chat.
    Chat,
    /// A message answered by mail.
    Email,
    /// A form or a portal.
    Web,
    /// A call we owe the customer.
    Callback,
    /// A contact that we begin ourselves.
    Outbound,
}

impl From<ChannelWord> for v1::Channel {
    fn from(word: ChannelWord) -> Self {
        match word {
            ChannelWord::Voice => Self::Voice,
            ChannelWord::Chat => Self::Chat,
            ChannelWord::Email => Self::Email,
            ChannelWord::Web => Self::Web,
            ChannelWord::Callback => Self::Callback,
            ChannelWord::Outbound => Self::Outbound,
        }
    }
}

/// Where a ticket is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TicketStateWord {
    /// In a queue.
    Waiting,
    /// Offered to an agent, who has yet to accept.
    Offered,
    /// In an agent's hands.
    Assigned,
    /// Finished by an agent.
    Completed,
    /// Ended without completion.
    Cancelled,
    /// Not yet in a queue.
    Scheduled,
    /// Waiting for its customer.
    Parked,
    /// Ended by itself before anyone picked it up.
    Expired,
    /// At fault, as the audit found: in no queue and in nobody's hands.
    Quarantined,
}

impl From<TicketStateWord> for v1::TicketState {
    fn from(word: TicketStateWord) -> Self {
        match word {
            TicketStateWord::Waiting => Self::Waiting,
            TicketStateWord::Offered => Self::Offered,
            TicketStateWord::Assigned => Self::Assigned,
            TicketStateWord::Completed => Self::Completed,
            TicketStateWord::Cancelled => Self::Cancelled,
            TicketStateWord::Scheduled => Self::Scheduled,
            TicketStateWord::Parked => Self::Parked,
            TicketStateWord::Expired => Self::Expired,
            TicketStateWord::Quarantined => Self::Quarantined,
        }
    }
}

/// What an agent does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum AgentStateWord {
    /// Asks for work and has none: idle.
    Waiting,
    /// Has been offered a ticket and has yet to answer.
    Offered,
    /// Holds a ticket.
    Busy,
    /// Writes up a ticket that it has completed, and holds none.
    WrappingUp,
    /// Available, but does not ask.
    Ready,
    /// Away.
    Away,
    /// Finishes what is held and is given nothing new.
    Draining,
}

impl From<AgentStateWord> for v1::AgentState {
    fn from(word: AgentStateWord) -> Self {
        match word {
            AgentStateWord::Waiting => Self::Waiting,
            AgentStateWord::Offered => Self::Offered,
            AgentStateWord::Busy => Self::Busy,
            AgentStateWord::WrappingUp => Self::WrappingUp,
            AgentStateWord::Ready => Self::Ready,
            AgentStateWord::Away => Self::Away,
            AgentStateWord::Draining => Self::Draining,
        }
    }
}

/// Gives an enumeration of the contract its words: the value's name without the type's, in lower case,
/// with dashes. A value that a later release has added is shown as its number.
macro_rules! word {
    ($(#[$doc:meta])* $name:ident, $kind:ty, $prefix:literal) => {
        $(#[$doc])*
        pub(crate) fn $name(value: i32) -> String {
            <$kind>::try_from(value)
                .map_or_else(|_| value.to_string(), |known| lower(known.as_str_name(), $prefix))
        }
    };
}

word!(
    /// `voice`, `chat`, ...
    channel, v1::Channel, "CHANNEL_"
);
word!(
    /// `waiting`, `offered`, `assigned`, `completed`, `cancelled`.
    ticket_state, v1::TicketState, "TICKET_STATE_"
);
word!(
    /// `queue`, `agent`, `parked`, ...
    leg_kind, v1::LegKind, "LEG_KIND_"
);
word!(
    /// `released`, `lease-ended`, `transferred`.
    return_reason, v1::ReturnReason, "RETURN_REASON_"
);
word!(
    /// `new`, `regular`, `at-risk`, `farewell`.
    standing, v1::Standing, "STANDING_"
);
word!(
    /// `directory`, `history`, `open-tickets`, `attributes`, `benefits`.
    card_part, v1::CardPart, "CARD_PART_"
);
word!(
    /// `low`, `normal`, `high`, `critical`.
    urgency, v1::Urgency, "URGENCY_"
);
word!(
    /// `running`, `paused`, `met`, `breached`, `stopped`.
    clock_state, v1::ClockState, "CLOCK_STATE_"
);
word!(
    /// `found`, `unknown-customer`, `stale`, ...
    tier_source, v1::TierSource, "TIER_SOURCE_"
);
word!(
    /// `id`, `phone`, `card`, `email`, `account`.
    identifier_kind, v1::IdentifierKind, "IDENTIFIER_KIND_"
);
word!(
    /// `available`, `away`, `draining`.
    presence, v1::Presence, "PRESENCE_"
);
word!(
    /// `waiting`, `offered`, `busy`, `wrapping-up`, `ready`, `away`, `draining`.
    agent_state, v1::AgentState, "AGENT_STATE_"
);
word!(
    /// `guarded-edf`, `fifo`, ...
    dispatch_rule, v1::DispatchRule, "DISPATCH_RULE_"
);
word!(
    /// `measured`, `last-entered`, `assumed`.
    forecast_basis, v1::ForecastBasis, "FORECAST_BASIS_"
);
word!(
    /// `on-time`, `at-risk`, `late-already`.
    feasibility, v1::Feasibility, "FEASIBILITY_"
);
word!(
    /// `floor`, `at-risk`, `earliest-deadline`, ...
    decision_step, v1::DecisionStep, "DECISION_STEP_"
);
word!(
    /// `done`, `unchanged`, `elsewhere`, `refused`.
    bulk_outcome, v1::BulkOutcome, "BULK_OUTCOME_"
);
word!(
    /// `ticket-not-found`, `limit-reached`, ...
    error_reason, v1::ErrorReason, "ERROR_REASON_"
);
word!(
    /// `away`, `full`, `pools-apart`, ...
    condition_kind, v1::ConditionKind, "CONDITION_KIND_"
);

fn lower(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix).unwrap_or(name).to_ascii_lowercase().replace('_', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_the_contracts_names_without_their_type() {
        assert_eq!(tier_source(v1::TierSource::UnknownCustomer as i32), "unknown-customer");
        assert_eq!(channel(v1::Channel::Voice as i32), "voice");
        assert_eq!(decision_step(77), "77");
    }

    #[test]
    fn every_word_that_can_be_typed_is_read_back_the_same() {
        for word in ChannelWord::value_variants() {
            let typed = word.to_possible_value().expect("none is skipped");
            assert_eq!(channel(v1::Channel::from(*word) as i32), typed.get_name());
        }
        for word in TicketStateWord::value_variants() {
            let typed = word.to_possible_value().expect("none is skipped");
            assert_eq!(ticket_state(v1::TicketState::from(*word) as i32), typed.get_name());
        }
        for word in AgentStateWord::value_variants() {
            let typed = word.to_possible_value().expect("none is skipped");
            assert_eq!(agent_state(v1::AgentState::from(*word) as i32), typed.get_name());
        }
    }
}
