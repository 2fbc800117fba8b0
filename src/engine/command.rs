//! What can be asked (`Command`), what happened (`Event`), and what the rules refuse (`Rejection`).
//!
//! Commands are imperatives and may be refused. Events are facts: they carry every value that was
//! decided (deadlines, tokens, leases), so that replaying them asks no rule and an old journal keeps
//! its meaning under new ones.

use super::capacity::Maxima;
use super::compared::Compared;
use super::life::{CallbackNumber, Destination};
use super::model::{
    AgentId, Caller, Channel, Content, LeaseToken, Policy, PoolIx, PoolSet, Presence, Step,
    TicketId, TicketNumber, TierIx, TierSet, TierSource, Time,
};
use super::needs::{Needs, SkillIx, Skills};
use super::push::{Declined, Stream};
use super::quarantine::Audited;
use super::timing::Urgency;
use super::wish::{Preferred, SkillMode, Wish};
use std::sync::Arc;

/// Something asked of the engine.
#[derive(Clone, Debug)]
pub enum Command {
    /// The process has started: pulls of the process before are gone.
    Start,
    /// Put this policy in force and re-key everything that waits.
    ApplyPolicy {
        /// The new policy.
        policy: Arc<Policy>,
    },
    /// Register an agent, or change one; presence and work stay as they are.
    PutAgent(AgentProfile),
    /// Forget an agent who holds nothing.
    DeleteAgent {
        /// Who.
        agent: AgentId,
    },
    /// Make an agent available or away; away ends a waiting pull.
    SetPresence {
        /// Who.
        agent: AgentId,
        /// Available or away.
        presence: Presence,
    },
    /// Serve by another policy from now on, unless it would leave live tickets behind.
    ChangePolicy {
        /// The policy.
        policy: Arc<Policy>,
        /// The version that must be in force; `None` takes any.
        expected: Option<Box<str>>,
        /// How, by whom and why.
        change: Arc<PolicyChange>,
    },
    /// Put a ticket into its queue.
    Submit(Box<Submit>),
    /// Change what a live ticket is about.
    Update {
        /// Which.
        ticket: TicketId,
        /// The new content, whole.
        content: Arc<Content>,
    },
    /// Say how soon a live ticket matters; its clocks go on from where they began.
    SetUrgency {
        /// Which.
        ticket: TicketId,
        /// How soon.
        urgency: Urgency,
    },
    /// Correct a live ticket's tier after the directory has spoken again; a lookup that is `Stale` or
    /// `Unavailable` corrects nothing.
    Retier {
        /// Which.
        ticket: TicketId,
        /// What the directory says now.
        lookup: Lookup,
    },
    /// Do something to one ticket past the rule, as supervisors may.
    Intervene {
        /// Which.
        ticket: TicketId,
        /// What.
        action: Intervention,
        /// Who asks, as they call themselves. At most 64 characters; may be empty.
        by: Box<str>,
        /// Why. At most 200 characters.
        reason: Box<str>,
        /// The ticket of that id that had ended and left memory, looked up beforehand.
        earlier: Option<Earlier>,
    },
    /// Withdraw a live ticket.
    Cancel {
        /// Which.
        ticket: TicketId,
        /// Why. At most 200 characters.
        reason: Box<str>,
        /// The ticket of that id that had ended and left memory, looked up beforehand.
        earlier: Option<Earlier>,
    },
    /// Ask for the next ticket, and wait for one until `wait_until` if there is none.
    Pull {
        /// Who.
        agent: AgentId,
        /// The caller's name for this pull: repeated, it gets the same assignment.
        request: Option<Box<str>>,
        /// Until when to wait; not after `now` means not at all.
        wait_until: Time,
    },
    /// End a waiting pull: its caller is gone.
    StopWaiting {
        /// Who.
        agent: AgentId,
    },
    /// Open a stream on which the agent gets offers; one that is open already is replaced.
    OpenWork {
        /// Who.
        agent: AgentId,
        /// The stream.
        stream: Stream,
        /// The agent's presence from now on.
        presence: Presence,
    },
    /// Close an agent's stream: the agent is away, and unaccepted offers go back.
    CloseWork {
        /// Who.
        agent: AgentId,
        /// Why.
        why: WorkEnd,
    },
    /// Accept an offer.
    Accept {
        /// Which ticket.
        ticket: TicketId,
        /// The offer's token.
        token: LeaseToken,
    },
    /// Decline an offer.
    Decline {
        /// Which ticket.
        ticket: TicketId,
        /// The offer's token.
        token: LeaseToken,
        /// Why. At most 200 characters.
        reason: Box<str>,
    },
    /// Hold a ticket longer.
    Extend {
        /// Which.
        ticket: TicketId,
        /// The assignment's token.
        token: LeaseToken,
        /// For how long from now, in milliseconds; `None` takes the pool's lease.
        by_ms: Option<i64>,
    },
    /// Finish a ticket.
    Complete {
        /// Which.
        ticket: TicketId,
        /// The assignment's token.
        token: LeaseToken,
        /// One word on how it went. At most 64 characters.
        outcome: Box<str>,
        /// A line for people. At most 1000 characters.
        note: Box<str>,
        /// The ticket of that id that had ended and left memory, looked up beforehand.
        earlier: Option<Earlier>,
    },
    /// Put a quarantined ticket into its old place again. One that is not quarantined stays where it is.
    ReleaseQuarantined {
        /// Which.
        ticket: TicketId,
    },
    /// Give a ticket back to its place in the queue.
    Release {
        /// Which.
        ticket: TicketId,
        /// The assignment's token.
        token: LeaseToken,
        /// Why.
        reason: ReleaseReason,
    },
    /// Let a ticket wait for its customer, in nobody's hands.
    Park {
        /// Which.
        ticket: TicketId,
        /// The assignment's token.
        token: LeaseToken,
        /// For how long at most, in milliseconds; `None` takes the tier's longest.
        for_ms: Option<i64>,
        /// Why. At most 200 characters.
        reason: Box<str>,
    },
    /// Give a ticket on: to a pool, an agent or a tier.
    Transfer {
        /// Which.
        ticket: TicketId,
        /// The assignment's token.
        token: LeaseToken,
        /// To whom.
        to: Destination,
        /// Its clocks begin anew; otherwise arrival and deadlines stay.
        restart_clocks: bool,
        /// Why. At most 200 characters.
        reason: Box<str>,
    },
    /// Turn a waiting call or chat into a promise to call back; its place stays.
    RequestCallback {
        /// Which.
        ticket: TicketId,
        /// The number to call.
        number: CallbackNumber,
        /// Not to be called before, if that was asked.
        not_before: Option<Time>,
        /// To be called by, if that was asked: the response deadline from now on.
        due_at: Option<Time>,
    },
    /// Put a parked ticket back into its queue: its customer has answered.
    Resume {
        /// Which.
        ticket: TicketId,
    },
}

/// What a supervisor does to one ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Intervention {
    /// Gives it to this agent, whoever waits and whatever the rule says.
    Assign {
        /// Who.
        agent: AgentId,
    },
    /// Lets it go before everything that the same agents may serve.
    MoveToFront,
    /// Ends it.
    Withdraw,
    /// Takes it from its agent, whose token is void, and puts it back into its place.
    Requeue,
}

impl Intervention {
    /// Its name in events.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Assign { .. } => "assign",
            Self::MoveToFront => "move_to_front",
            Self::Withdraw => "withdraw",
            Self::Requeue => "requeue",
        }
    }
}

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

/// A ticket to be queued, with the directory's answer.
#[derive(Clone, Debug)]
pub struct Submit {
    /// The caller's id, or one made at the edge.
    pub id: TicketId,
    /// A digest of what was asked; equal digests of one id are one submit.
    pub fingerprint: u64,
    /// How the customer reached us.
    pub channel: Channel,
    /// How soon it matters.
    pub urgency: Urgency,
    /// Who asks.
    pub caller: Option<Arc<Caller>>,
    /// What it is about.
    pub content: Arc<Content>,
    /// What the directory said, or the caller.
    pub lookup: Lookup,
    /// When it is to enter its queue, if not at once; at most [`SCHEDULE_MS_MAX`] ahead.
    ///
    /// [`SCHEDULE_MS_MAX`]: super::life::SCHEDULE_MS_MAX
    pub not_before: Option<Time>,
    /// The ticket of that id that had ended and left memory, looked up beforehand.
    pub earlier: Option<Earlier>,
    /// What it asks of its agent.
    pub asked: Option<Box<Asked>>,
}

/// What a ticket asks of its agent, with skills by name: the policy in force knows them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// Skills, each once. At most [`SKILLS_ASKED_MAX`](super::wish::SKILLS_ASKED_MAX).
    pub skills: Box<[AskedSkill]>,
    /// Whom to wait for first; neither `only` nor among `barred`.
    pub preferred: Option<Preferred>,
    /// The one agent it is for, who must be registered; not among `barred`.
    pub only: Option<AgentId>,
    /// Who must not serve it, by id and each once.
    /// At most [`EXCLUDED_AGENTS_MAX`](super::wish::EXCLUDED_AGENTS_MAX).
    pub barred: Box<[AgentId]>,
}

/// A skill by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedSkill {
    /// Its name in the policy.
    pub name: Box<str>,
    /// The least level, 1 to [`LEVEL_MAX`](super::needs::LEVEL_MAX).
    pub level: u8,
    /// How it is asked for.
    pub mode: SkillMode,
    /// After this wait since the submit it is asked for no more, in milliseconds.
    pub drop_after_ms: Option<i64>,
}

/// A ticket that has ended and left memory, as the history remembers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Earlier {
    /// Its place in the order of arrival.
    pub number: TicketNumber,
    /// A digest of the submit as it was asked.
    pub fingerprint: u64,
    /// The token that completed it; `None` when it was cancelled or expired.
    pub completed_with: Option<LeaseToken>,
    /// Whether it expired.
    pub has_expired: bool,
}

/// What is known of the customer's tier, and from where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// The directory knows the customer; the tier by name, and the customer's id.
    Found {
        /// The tier's name.
        tier: Box<str>,
        /// The customer's id.
        customer_id: Box<str>,
    },
    /// The directory does not know the customer, or nobody was named.
    UnknownCustomer,
    /// The directory is silent; what it said `age_ms` ago.
    Stale {
        /// The tier's name.
        tier: Box<str>,
        /// The customer's id.
        customer_id: Box<str>,
        /// How old the answer is, in milliseconds.
        age_ms: i64,
    },
    /// The directory is silent and nothing is known.
    Unavailable,
    /// The caller named the tier; it must be one of the policy's.
    Given {
        /// The tier's name.
        tier: Box<str>,
    },
}

/// What is registered of an agent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentProfile {
    /// The agent's name in the API.
    pub id: AgentId,
    /// For people. At most 128 characters.
    pub name: Box<str>,
    /// The pools to serve in; all must be the policy's.
    pub pools: PoolSet,
    /// What the agent can; all must be the policy's.
    pub skills: Skills,
    /// The units of work at once, 1 to [`super::capacity::UNITS_MAX`].
    pub capacity: u16,
    /// The most pieces of work at once by channel.
    pub maxima: Maxima,
}

/// Why a ticket was given back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReleaseReason {
    /// The agent gave it back. At most 200 characters.
    ByAgent(Box<str>),
    /// The answer to the pull never reached its caller: nobody saw the ticket.
    Undelivered,
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
    /// An agent became available or away.
    PresenceSet {
        /// Who.
        agent: AgentId,
        /// Available or away.
        presence: Presence,
    },
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
        /// The customer's id, if the directory told it now.
        customer_id: Option<Box<str>>,
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
    /// An agent gave a ticket on; it is in its new queue.
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
        /// One word on how it went.
        outcome: Box<str>,
        /// A line for people.
        note: Box<str>,
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
    /// A ticket was offered to an agent on a stream.
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
    },
    /// An offer was accepted: the agent has picked the ticket up.
    Accepted {
        /// Which ticket.
        ticket: TicketNumber,
        /// The offer's token, the lease's from now on.
        token: LeaseToken,
        /// When the lease ends.
        lease_until: Time,
    },
    /// An offer was declined; the ticket is back in its place.
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
    /// An offer's time was up; the ticket is back in its place.
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
    /// An offer was taken back; the ticket is in its place, and nothing is held against the agent.
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
    /// The agent went away.
    Away,
    /// The agent's stream had closed.
    StreamClosed,
    /// The agent is to be forgotten.
    AgentDeleted,
    /// A supervisor took the ticket back, or gave it to someone else.
    Supervisor,
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
    /// The token that is void now.
    pub token: LeaseToken,
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
    /// The agent went away.
    Away,
    /// The caller was gone.
    CallerGone,
    /// A newer pull of the same agent took its place.
    Replaced,
}

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
    /// The extension is outside 1 ms to [`super::EXTEND_MS_MAX`].
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
