//! What can be asked (`Command`), what happened (`Event`), and what the rules refuse (`Rejection`).
//!
//! Commands are imperatives and may be refused. Events are facts: they carry every value that was
//! decided (deadlines, tokens, leases), so that replaying them asks no rule and an old journal keeps
//! its meaning under new ones.

mod answer;
mod event;

use super::capacity::Maxima;
use super::coding::Found;
use super::life::{CallbackNumber, Destination};
use super::model::{
    AgentId, Caller, Channel, Content, LeaseToken, Policy, PoolSet, Presence, Report, TicketId,
    TicketNumber, Time,
};
use super::needs::Skills;
use super::push::Stream;
use super::timing::Urgency;
use super::wish::{Preferred, SkillMode};
use std::sync::Arc;

pub use answer::{Answer, Rejection};
pub use event::{
    Deadline, Event, Intervened, OpenReason, PolicyChange, PolicyOrigin, PoolSwitched, ResumedBy,
    Revocation, Submitted, Transferred, WaitEnd, WorkEnd,
};

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
    /// Make an agent available, away or draining; all but available end a waiting pull and take offers
    /// back.
    SetPresence {
        /// Who.
        agent: AgentId,
        /// The presence.
        presence: Presence,
    },
    /// Dispatch nothing more on behalf of a pool; one that is paused already stays as it is.
    PausePool {
        /// Which, by its name.
        pool: Box<str>,
        /// Who asks, as they call themselves. At most 64 characters; may be empty.
        by: Box<str>,
        /// Why. At most 200 characters.
        reason: Box<str>,
    },
    /// Dispatch on behalf of a paused pool again; one that is not paused stays as it is.
    ResumePool {
        /// Which, by its name.
        pool: Box<str>,
        /// Who asks, as they call themselves. At most 64 characters; may be empty.
        by: Box<str>,
        /// Why. At most 200 characters; may be empty.
        reason: Box<str>,
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
        /// What the agent reports of it.
        report: Report,
        /// The ticket of that id that had ended and left memory, looked up beforehand.
        earlier: Option<Earlier>,
    },
    /// Say that a completed ticket is written up: the agent is free of it.
    FinishWrapUp {
        /// Who.
        agent: AgentId,
        /// Which ticket.
        ticket: TicketId,
        /// The token that completed it.
        token: LeaseToken,
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
        /// How long it is kept for who parks it once it is back, in milliseconds; `None`: it waits for
        /// whom it waited before.
        keep_ms: Option<i64>,
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
    /// Gives it on, out of whosever hands it is in.
    Move {
        /// To whom.
        to: Destination,
        /// Its clocks begin anew; otherwise arrival and deadlines stay.
        restart_clocks: bool,
    },
}

impl Intervention {
    /// Its name in events.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Assign { .. } => "assign",
            Self::MoveToFront => "move_to_front",
            Self::Withdraw => "withdraw",
            Self::Requeue => "requeue",
            Self::Move { .. } => "move",
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
    /// Its topic, under which contacts of the same customer are linked. 1 to
    /// [`TOPIC_CHARS_MAX`](super::contacts::TOPIC_CHARS_MAX) characters.
    pub topic: Option<Arc<str>>,
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
    /// The directory knows the customer.
    Found(Box<Found>),
    /// The directory does not know the customer, or nobody was named.
    UnknownCustomer,
    /// The directory is silent; what it said `age_ms` ago.
    Stale {
        /// Whom it named then.
        found: Box<Found>,
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
