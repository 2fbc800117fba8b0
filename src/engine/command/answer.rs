//! What a command is answered, and what the rules refuse.

use super::super::model::{Channel, PoolIx, TicketNumber, TierIx};
use super::super::needs::SkillIx;
use super::WaitEnd;

/// What the answer to an accepted command is about; the details are read from the engine afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is done.
    Done,
    /// This live ticket was created, or found as it was when `repeated`.
    Ticket {
        /// Which.
        number: TicketNumber,
        /// The same command had been carried out before.
        repeated: bool,
    },
    /// This ticket had ended already, and the command is a repetition of an earlier one.
    Ended {
        /// Which.
        number: TicketNumber,
    },
    /// The agent holds this ticket.
    Holds {
        /// Which.
        number: TicketNumber,
        /// The assignment had been answered before.
        repeated: bool,
    },
    /// This pool is as was asked.
    Pool {
        /// Which.
        pool: PoolIx,
        /// It was so already.
        repeated: bool,
    },
    /// The pull waits; a later `Assigned` or `WaitEnded` of this agent is its answer.
    Waits,
    /// Nothing for this agent, and the pull did not want to wait.
    Empty(WaitEnd),
}

/// What the rules refuse. Nothing has changed when one of these is the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// No ticket of that id is live or remembered.
    #[error("no such ticket")]
    TicketNotFound,
    /// A ticket of that id exists with other content.
    #[error("a ticket with this id and other content exists")]
    TicketExists,
    /// The ticket has been completed.
    #[error("the ticket has been completed")]
    TicketCompleted,
    /// The ticket has been cancelled.
    #[error("the ticket has been cancelled")]
    TicketCancelled,
    /// The ticket's time to live was over before anyone picked it up.
    #[error("the ticket has expired")]
    TicketExpired,
    /// A fault was found in the ticket, and a person has to look at it.
    #[error("the ticket is quarantined: a fault was found in it")]
    TicketQuarantined,
    /// The token's lease has ended and the ticket waits for another agent.
    #[error("the lease has ended and the ticket waits again")]
    LeaseEnded,
    /// The token's lease has ended and another assignment holds the ticket.
    #[error("the lease has ended and another assignment holds the ticket")]
    LeaseSuperseded,
    /// The token was never given for this ticket.
    #[error("the token was not given for this ticket")]
    TokenUnknown,
    /// Only a waiting ticket has a place: to be moved from, or to keep for a callback.
    #[error("the ticket does not wait")]
    TicketNotWaiting,
    /// The agent holds as many tickets as the capacity allows.
    #[error("the agent has no room for another ticket")]
    AgentFull,
    /// The ticket is still in its agent's hands: there is nothing to write up yet.
    #[error("the ticket has not been completed")]
    TicketNotCompleted,
    /// The offer of that token has ended: it was declined, missed or taken back.
    #[error("the offer has ended")]
    OfferEnded,
    /// The offer of that token has been accepted; the ticket can be released.
    #[error("the offer has been accepted already")]
    OfferAccepted,
    /// The token is that of an offer that nobody has accepted yet.
    #[error("the offer has not been accepted")]
    OfferNotAccepted,
    /// The agent gets offers on an open stream and cannot pull.
    #[error("the agent gets offers on an open stream")]
    AgentStreams,
    /// No agent of that id is registered.
    #[error("no such agent")]
    AgentNotFound,
    /// The agent is away and cannot pull.
    #[error("the agent is away")]
    AgentAway,
    /// The agent is draining: what is held is finished, and nothing new is given.
    #[error("the agent is draining")]
    AgentDraining,
    /// The agent holds tickets and cannot be forgotten.
    #[error("the agent holds tickets")]
    AgentBusy,
    /// A named pool is not the policy's.
    #[error("the policy has no such pool")]
    PoolNotFound,
    /// A named skill is not the policy's.
    #[error("the policy has no such skill")]
    SkillNotFound {
        /// Its place among those asked for, from 0.
        at: usize,
    },
    /// The one agent whom a ticket is for is not registered.
    #[error("no such agent is registered")]
    OnlyAgentNotFound,
    /// The ticket needs a queue of its own, and there are as many queues as there may be.
    #[error("the most queues are reached")]
    QueueLimit {
        /// That many.
        max: usize,
    },
    /// A named tier is not the policy's.
    #[error("the policy has no such tier")]
    TierNotFound,
    /// The extension is outside 1 ms to [`super::super::EXTEND_MS_MAX`].
    #[error("the extension is out of range")]
    ExtensionOutOfRange,
    /// The ticket is neither a call nor a chat.
    #[error("only calls and chats become callbacks")]
    NotCallable,
    /// The callback is to be made before it may be.
    #[error("it is before the callback may be made")]
    DueTooEarly,
    /// The ticket is to wait outside its queue for longer than a year.
    #[error("it is more than 366 days ahead")]
    ScheduleOutOfRange,
    /// The ticket is to be parked for less than 1 ms or longer than its tier allows.
    #[error("it is not between 1 ms and the tier's longest, {max_ms} ms")]
    ParkOutOfRange {
        /// The tier's longest, in milliseconds.
        max_ms: i64,
    },
    /// There are as many live tickets as the server may hold.
    #[error("the most live tickets are reached")]
    TicketLimit {
        /// That many.
        max: u64,
    },
    /// As many tickets of this tier and channel wait as the policy allows.
    #[error("the queue of this tier and channel is full")]
    QueueFull {
        /// The tier.
        tier: TierIx,
        /// The channel.
        channel: Channel,
        /// That many.
        max: u64,
    },
    /// The tier does not offer the channel; `Policy::offered` tells what it offers.
    #[error("this tier does not offer this channel")]
    ChannelNotOffered {
        /// The tier.
        tier: TierIx,
        /// The channel.
        channel: Channel,
    },
    /// There are as many agents as the server may hold.
    #[error("the most agents are reached")]
    AgentLimit {
        /// That many.
        max: u64,
    },
    /// Another policy is in force than the caller expected.
    #[error("another version of the policy is in force")]
    PolicyNotExpected,
    /// The version in force has another text; a version is one text.
    #[error(
        "the policy in force has this version and another text; give the new one another version"
    )]
    PolicyVersionTaken,
    /// The new policy would leave live tickets without a tier or without anybody; `Engine::impact` lists them.
    #[error("{count} live tickets would be left without a tier or without anybody to serve them")]
    PolicyStrands {
        /// How many.
        count: u64,
    },
    /// The new policy lacks a skill that live tickets require.
    #[error("live tickets require a skill that the new policy lacks")]
    PolicyStrandsSkill {
        /// The skill under the present policy.
        skill: SkillIx,
        /// How many live tickets require it.
        count: u64,
    },
    /// The new policy lacks a tier that live tickets have.
    #[error("live tickets have a tier that the new policy lacks")]
    PolicyStrandsTickets {
        /// The tier under the present policy.
        tier: TierIx,
        /// How many live tickets have it.
        count: u64,
    },
}
