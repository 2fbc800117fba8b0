//! What happened: facts that carry every decided value.

use super::super::coding::Known;
use super::super::compared::Compared;
use super::super::contacts::Contact;
use super::super::life::CallbackNumber;
use super::super::model::{
    AgentId, Caller, Channel, Content, LeaseToken, Policy, PoolIx, PoolSet, Presence, Report, Step,
    TicketId, TicketNumber, TierIx, TierSet, TierSource, Time,
};
use super::super::needs::Needs;
use super::super::push::{Declined, Stream};
use super::super::quarantine::Audited;
use super::super::several::AlsoOffered;
use super::super::timing::Urgency;
use super::super::wish::Wish;
use super::super::wrap_up::WrapUpEnd;
use super::{AgentProfile, Intervention, ReleaseReason};
use std::sync::Arc;

/// A supervisor did something to one ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intervened {
    /// Which.
    pub ticket: TicketNumber,
    /// What; giving it to an agent and ending it are the events that follow.
    pub action: Intervention,
    /// Who asked for it.
    pub by: Box<str>,
    /// Why.
    pub reason: Box<str>,
}

/// Somebody paused or resumed a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolSwitched {
    /// Which.
    pub pool: PoolIx,
    /// Who asked for it.
    pub by: Box<str>,
    /// Why.
    pub reason: Box<str>,
}

/// How a policy came into force while the server ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyChange {
    /// How.
    pub origin: PolicyOrigin,
    /// Who asked for it, as they call themselves. At most 64 characters; may be empty.
    pub by: Box<str>,
    /// Why. At most 200 characters; may be empty.
    pub reason: Box<str>,
}

/// How a policy came into force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PolicyOrigin {
    /// The policy file, read at a start.
    Start,
    /// The policy file, read again while the server ran.
    Reload,
    /// A call brought its text.
    Call,
    /// A call named an earlier version.
    Rollback,
}

impl PolicyOrigin {
    /// Every origin.
    pub const ALL: [Self; 4] = [Self::Start, Self::Reload, Self::Call, Self::Rollback];

    /// Whether the policy file brought it.
    pub fn is_file(self) -> bool {
        match self {
            Self::Start | Self::Reload => true,
            Self::Call | Self::Rollback => false,
        }
    }

    /// The origin's name in tables and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Reload => "reload",
            Self::Call => "call",
            Self::Rollback => "rollback",
        }
    }
}

/// Something that happened. With its instant, one record of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The process started; no pull waits.
    Started,
    /// A policy came into force.
    PolicyApplied {
        /// The policy.
        policy: Arc<Policy>,
        /// How, by whom and why; `None` for the policy file at a start.
        change: Option<Arc<PolicyChange>>,
    },
    /// An agent was registered or changed.
    AgentPut(AgentProfile),
    /// An agent was forgotten.
    AgentDeleted {
        /// Who.
        agent: AgentId,
    },
    /// An agent became available or away, or began to drain.
    PresenceSet {
        /// Who.
        agent: AgentId,
        /// The presence now.
        presence: Presence,
    },
    /// A pool was paused: nothing more is dispatched on its behalf.
    PoolPaused(Box<PoolSwitched>),
    /// A paused pool was resumed.
    PoolResumed(Box<PoolSwitched>),
    /// A ticket entered its queue.
    Submitted(Box<Submitted>),
    /// What a ticket is about changed.
    Updated {
        /// Which.
        ticket: TicketNumber,
        /// The new content.
        content: Arc<Content>,
    },
    /// A ticket's urgency was changed; its clocks count on from the submit.
    UrgencySet {
        /// Which.
        ticket: TicketNumber,
        /// How soon it matters now.
        urgency: Urgency,
        /// The response deadline now.
        respond_by: Time,
        /// The solution deadline now.
        solve_by: Option<Time>,
    },
    /// A ticket's tier was corrected; its wait counts on from the submit.
    Retiered {
        /// Which.
        ticket: TicketNumber,
        /// The tier now.
        tier: TierIx,
        /// Where it came from.
        source: TierSource,
        /// The tier before; journals of earlier releases do not say.
        was: Option<TierIx>,
        /// The customer's id, if the directory told it now.
        customer_id: Option<Box<str>>,
        /// What else the directory told now.
        known: Option<Box<Known>>,
        /// The response deadline now.
        respond_by: Time,
        /// The solution deadline now.
        solve_by: Option<Time>,
        /// Overflow steps taken.
        overflow_step: u8,
        /// The pools that may serve it now.
        pools: PoolSet,
        /// When it ends by itself now, if nobody picks it up.
        expires_at: Option<Time>,
        /// Whom it needs now beyond these.
        needs: Option<Arc<Needs>>,
        /// What it asks of its agent now, where the customer's standing names another agent, or no more.
        wish: Option<Box<Wish>>,
    },
    /// A supervisor did something to a ticket.
    Intervened(Box<Intervened>),
    /// A ticket was withdrawn.
    Cancelled {
        /// Which.
        ticket: TicketNumber,
        /// Why.
        reason: Box<str>,
    },
    /// A ticket's wait opened it to more pools, or lowered what it requires.
    Overflowed {
        /// Which.
        ticket: TicketNumber,
        /// Overflow steps taken.
        overflow_step: u8,
        /// The pools that may serve it now.
        pools: PoolSet,
        /// Whom it needs now beyond these.
        needs: Option<Arc<Needs>>,
        /// The wait up to which its skills have been dropped at their own times, in milliseconds.
        relaxed_ms: i64,
    },
    /// A ticket that waited for one agent by name is open to others.
    Opened {
        /// Which.
        ticket: TicketNumber,
        /// Whom it needs now.
        needs: Option<Arc<Needs>>,
        /// Why.
        why: OpenReason,
    },
    /// Nobody had picked a ticket up, and a step of its tier's ladder was taken.
    Escalated {
        /// Which.
        ticket: TicketNumber,
        /// Steps taken.
        escalation_step: u8,
        /// The pools that may serve it now.
        pools: PoolSet,
        /// The guard from now on, in thousandths of the target; `None`: the tier's.
        guard_permille: Option<u16>,
        /// Who is to be told.
        notify: Option<Arc<str>>,
    },
    /// A deadline passed.
    Breached {
        /// Which ticket.
        ticket: TicketNumber,
        /// Which deadline.
        deadline: Deadline,
    },
    /// An agent's pull began to wait.
    WaitStarted {
        /// Who.
        agent: AgentId,
        /// Until when.
        until: Time,
        /// The caller's name for the pull.
        request: Option<Box<str>>,
    },
    /// An agent's pull stopped waiting without a ticket.
    WaitEnded {
        /// Who.
        agent: AgentId,
        /// Why.
        why: WaitEnd,
    },
    /// An agent received a ticket.
    Assigned {
        /// Which.
        ticket: TicketNumber,
        /// Who.
        agent: AgentId,
        /// On behalf of which pool.
        pool: PoolIx,
        /// The fencing token.
        token: LeaseToken,
        /// When the lease ends.
        lease_until: Time,
        /// The caller's name for the pull.
        request: Option<Box<str>>,
        /// The step of the rule that decided.
        step: Step,
        /// Milliseconds left to the response deadline.
        slack_ms: i64,
        /// The heads that competed, if there was a choice.
        compared: Option<Compared>,
        /// The starving tiers that the agent might have served instead.
        passed: TierSet,
    },
    /// A lease was extended.
    Extended {
        /// Which ticket.
        ticket: TicketNumber,
        /// The assignment's token.
        token: LeaseToken,
        /// When the lease ends now.
        lease_until: Time,
    },
    /// A lease ended by itself; the ticket is back in its place.
    LeaseExpired {
        /// Which ticket.
        ticket: TicketNumber,
        /// The token that is void now.
        token: LeaseToken,
        /// The only pool that serves it from now on, because it came back too often.
        dead_letter: Option<PoolIx>,
    },
    /// A ticket was given back; it is in its place.
    Released {
        /// Which.
        ticket: TicketNumber,
        /// The token that is void now.
        token: LeaseToken,
        /// Why.
        reason: ReleaseReason,
        /// The only pool that serves it from now on, because it came back too often.
        dead_letter: Option<PoolIx>,
    },
    /// An agent or a supervisor gave a ticket on: it is in its new queue, or returns to that.
    Transferred(Box<Transferred>),
    /// A waiting ticket became a promise to call back.
    CallbackRequested {
        /// Which.
        ticket: TicketNumber,
        /// The number to call.
        number: CallbackNumber,
        /// When it is in its queue again, if not at once.
        opens_at: Option<Time>,
        /// Since when its wait counts now: a ticket that was scheduled for later may be wanted sooner.
        counts_from: Time,
        /// The response deadline now.
        respond_by: Time,
        /// The solution deadline now.
        solve_by: Option<Time>,
        /// When it ends by itself now, if nobody picks it up.
        expires_at: Option<Time>,
    },
    /// A scheduled ticket entered its queue.
    Queued {
        /// Which.
        ticket: TicketNumber,
    },
    /// A ticket began to wait for its customer: its clocks stand still.
    Parked {
        /// Which.
        ticket: TicketNumber,
        /// The token that is void now.
        token: LeaseToken,
        /// When it returns by itself.
        until: Time,
        /// How long it is kept for who parked it once it is back, in milliseconds.
        keep_ms: Option<i64>,
        /// Why.
        reason: Box<str>,
    },
    /// A parked ticket is back in its queue: its clocks go on from where they stood.
    Resumed {
        /// Which.
        ticket: TicketNumber,
        /// At whose word.
        by: ResumedBy,
        /// Since when its wait counts now.
        counts_from: Time,
        /// The response deadline now.
        respond_by: Time,
        /// The solution deadline now.
        solve_by: Option<Time>,
        /// Until when it waits for the agent who parked it, if it is kept for that agent.
        kept_until: Option<Time>,
    },
    /// A ticket that nobody had picked up ended by itself.
    Expired {
        /// Which.
        ticket: TicketNumber,
    },
    /// The audit found a fault and made it harmless, or a supervisor released what it had found.
    Audited(Audited),
    /// A ticket was finished by its agent.
    Completed {
        /// Which.
        ticket: TicketNumber,
        /// The token that finished it.
        token: LeaseToken,
        /// What the agent reports of it.
        report: Report,
        /// Until when its agent may write it up, if there is time for that.
        wrap_up_until: Option<Time>,
    },
    /// An agent is free of a ticket that it had completed and written up.
    WrapUpEnded {
        /// Who.
        agent: AgentId,
        /// Which ticket; it is no longer live.
        ticket: TicketNumber,
        /// The name callers knew it by.
        id: TicketId,
        /// What ended it.
        by: WrapUpEnd,
        /// How long it took, in milliseconds.
        spent_ms: i64,
    },
    /// An agent opened a stream for offers.
    WorkOpened {
        /// Who.
        agent: AgentId,
        /// The stream.
        stream: Stream,
        /// The agent's presence now.
        presence: Presence,
    },
    /// An agent's stream closed; the agent is away.
    WorkClosed {
        /// Who.
        agent: AgentId,
        /// Why.
        why: WorkEnd,
    },
    /// A ticket was offered to an agent on a stream, or to several.
    Offered {
        /// Which.
        ticket: TicketNumber,
        /// Who.
        agent: AgentId,
        /// On behalf of which pool.
        pool: PoolIx,
        /// The fencing token of the offer, and of the lease if it is accepted.
        token: LeaseToken,
        /// When the offer ends by itself.
        until: Time,
        /// The step of the rule that decided.
        step: Step,
        /// Milliseconds left to the response deadline.
        slack_ms: i64,
        /// The heads that competed, if there was a choice.
        compared: Option<Compared>,
        /// The starving tiers that it passed by.
        passed: TierSet,
        /// Others to whom it is offered at the same time, with the tokens that follow.
        also: Vec<AlsoOffered>,
    },
    /// An offer was accepted: the agent has picked the ticket up. Other offers of the ticket were taken
    /// back just before.
    Accepted {
        /// Which ticket.
        ticket: TicketNumber,
        /// The offer's token, the lease's from now on.
        token: LeaseToken,
        /// When the lease ends.
        lease_until: Time,
    },
    /// An offer was declined; the ticket is back in its place, unless others have it to answer still.
    Declined {
        /// Which ticket.
        ticket: TicketNumber,
        /// The token that is void now.
        token: LeaseToken,
        /// The agent's reason.
        reason: Box<str>,
        /// What the agent remembers of it.
        declined: Declined,
    },
    /// An offer's time was up; the ticket is back in its place, unless others have it to answer still.
    OfferMissed {
        /// Which ticket.
        ticket: TicketNumber,
        /// The token that is void now.
        token: LeaseToken,
        /// What the agent remembers of it.
        declined: Declined,
        /// How many offers in a row the agent has missed by now.
        missed_count: u16,
        /// Whether that made the agent away.
        set_away: bool,
    },
    /// An offer was taken back, and nothing is held against the agent; the ticket is in its place, unless
    /// others have it to answer still.
    OfferRevoked {
        /// Which ticket.
        ticket: TicketNumber,
        /// The token that is void now.
        token: LeaseToken,
        /// Why.
        why: Revocation,
    },
    /// A ticket may be offered again to an agent who had declined or missed it.
    BackOffEnded {
        /// Who.
        agent: AgentId,
        /// Which ticket.
        ticket: TicketNumber,
    },
}

/// Why a stream for offers closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WorkEnd {
    /// The agent's side closed it, or broke off.
    ByAgent,
    /// Nothing was heard on it for too long.
    Silent,
    /// A newer stream of the agent took its place.
    Replaced,
    /// The agent's side did not read what was sent.
    Slow,
    /// The server closed it.
    ByServer,
    /// The agent is to be forgotten.
    AgentDeleted,
}

/// Why an offer was taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Revocation {
    /// The agent went away, or began to drain.
    Away,
    /// The agent's stream had closed.
    StreamClosed,
    /// The agent is to be forgotten.
    AgentDeleted,
    /// A supervisor took the ticket back, or gave it to someone else.
    Supervisor,
    /// Another agent to whom it was offered at the same time has accepted it.
    TakenByAnother,
}

impl Event {
    /// The ticket it happened to, if it happened to one.
    pub fn ticket(&self) -> Option<TicketNumber> {
        match self {
            Self::Submitted(submitted) => Some(submitted.number),
            Self::Transferred(transferred) => Some(transferred.ticket),
            Self::Audited(audited) => audited.ticket(),
            Self::Intervened(intervened) => Some(intervened.ticket),
            Self::Updated { ticket, .. }
            | Self::UrgencySet { ticket, .. }
            | Self::Retiered { ticket, .. }
            | Self::Cancelled { ticket, .. }
            | Self::Overflowed { ticket, .. }
            | Self::Escalated { ticket, .. }
            | Self::Opened { ticket, .. }
            | Self::Breached { ticket, .. }
            | Self::Assigned { ticket, .. }
            | Self::Extended { ticket, .. }
            | Self::LeaseExpired { ticket, .. }
            | Self::Released { ticket, .. }
            | Self::CallbackRequested { ticket, .. }
            | Self::Queued { ticket }
            | Self::Parked { ticket, .. }
            | Self::Resumed { ticket, .. }
            | Self::Expired { ticket }
            | Self::Completed { ticket, .. }
            | Self::WrapUpEnded { ticket, .. }
            | Self::Offered { ticket, .. }
            | Self::Accepted { ticket, .. }
            | Self::Declined { ticket, .. }
            | Self::OfferMissed { ticket, .. }
            | Self::OfferRevoked { ticket, .. } => Some(*ticket),
            Self::Started
            | Self::PolicyApplied { .. }
            | Self::AgentPut(_)
            | Self::AgentDeleted { .. }
            | Self::PresenceSet { .. }
            | Self::PoolPaused(_)
            | Self::PoolResumed(_)
            | Self::WaitStarted { .. }
            | Self::WaitEnded { .. }
            | Self::WorkOpened { .. }
            | Self::WorkClosed { .. }
            | Self::BackOffEnded { .. } => None,
        }
    }
}

/// A ticket as it entered its queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submitted {
    /// The name callers know it by.
    pub id: TicketId,
    /// Its place in the order of arrival.
    pub number: TicketNumber,
    /// A digest of what was asked.
    pub fingerprint: u64,
    /// How the customer reached us.
    pub channel: Channel,
    /// How soon it matters.
    pub urgency: Urgency,
    /// Who asks.
    pub caller: Option<Arc<Caller>>,
    /// What it is about.
    pub content: Arc<Content>,
    /// The tier that serves it.
    pub tier: TierIx,
    /// Where the tier came from.
    pub tier_source: TierSource,
    /// How old the directory's answer was, in milliseconds.
    pub tier_age_ms: i64,
    /// When someone must have picked it up.
    pub respond_by: Time,
    /// When it must be completed, if that is promised.
    pub solve_by: Option<Time>,
    /// The pools that may serve it.
    pub pools: PoolSet,
    /// What it asks of its agent.
    pub wish: Option<Box<Wish>>,
    /// Whom it needs beyond its pools to begin with.
    pub needs: Option<Arc<Needs>>,
    /// When it enters its queue, if not at once; its clocks begin then.
    pub not_before: Option<Time>,
    /// When it ends by itself if nobody has picked it up.
    pub expires_at: Option<Time>,
    /// Its pools do not follow from its tier: it is for the pool of repeat contacts.
    pub has_fixed_route: bool,
    /// Its topic, and its place among the contacts of its customer about that.
    pub contact: Option<Box<Contact>>,
}

/// Why a ticket that waited for one agent is open to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OpenReason {
    /// It has waited for its preferred agent as long as it asked to.
    Waited,
    /// Its preferred agent is not available.
    Unavailable,
    /// The agent is no longer registered.
    Deleted,
    /// The agent gave it back by hand.
    GivenBack,
}

/// A ticket as it was given on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transferred {
    /// Which.
    pub ticket: TicketNumber,
    /// The token that is void now; `None` when a supervisor gave it on, who has taken it from its agent before.
    pub token: Option<LeaseToken>,
    /// Why.
    pub reason: Box<str>,
    /// The tier now.
    pub tier: TierIx,
    /// Where the tier came from.
    pub tier_source: TierSource,
    /// Overflow steps taken.
    pub overflow_step: u8,
    /// The pools that may serve it now.
    pub pools: PoolSet,
    /// The pools no longer follow from the tier.
    pub has_fixed_route: bool,
    /// Whom it needs now beyond these.
    pub needs: Option<Arc<Needs>>,
    /// It came back too often: the pools are the dead-letter pool.
    pub is_dead_letter: bool,
    /// How many times it has come back now.
    pub requeue_count: u32,
    /// Since when its wait counts now.
    pub counts_from: Time,
    /// The response deadline now.
    pub respond_by: Time,
    /// The solution deadline now.
    pub solve_by: Option<Time>,
    /// Its clocks began anew: a solution deadline that had passed counts no longer.
    pub has_restarted: bool,
}

/// At whose word a parked ticket returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ResumedBy {
    /// The customer answered, or the calling system says so.
    Caller,
    /// It had been parked for as long as it may be.
    Limit,
}

/// Which promise a breach is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Deadline {
    /// That someone picks it up.
    Response,
    /// That it is finished.
    Solution,
}

/// Why a pull stopped waiting without a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WaitEnd {
    /// Its time was up, and nothing waited for this agent.
    Nothing,
    /// Its time was up; what waits is kept from this agent by a reserve for higher tiers.
    HeldForTier,
    /// The agent went away, or began to drain.
    Away,
    /// The caller was gone.
    CallerGone,
    /// A newer pull of the same agent took its place.
    Replaced,
}
