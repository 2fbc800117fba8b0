//! The one thread that owns engine, journal and clock, and the handle to ask it.
//!
//! A command is decided, applied and routed on that thread, together with whatever else waits; the
//! events of the whole batch go to disk with one sync; only then is anyone answered. While one batch
//! syncs the next gathers.

mod audited;
mod bulk;
mod drain;
mod forecasts;
mod observer;
mod run;
mod tally;
mod view;
mod work;

pub use audited::{AuditFault, AuditReport};
pub use bulk::{BULK_BATCH_MAX, Bulk, Outcome};
pub use drain::{Drain, RETRY_MS_MAX, RETRY_MS_MIN, RETRY_MS_UNKNOWN};
pub use observer::Observer;
pub use run::{Stopped, start};
pub use view::{PoolView, QueueView, TierView, View};
pub use work::{OpenWork, PUSHES_MAX, Push, Revoked, WorkAsk};

use crate::clock::Clock;
use crate::engine::Engine;
use crate::engine::command::{
    AgentProfile, Answer, Command, Intervention, Lookup, PolicyChange, Rejection, ReleaseReason,
    Submit, WaitEnd, WorkEnd,
};
use crate::engine::life::{CallbackNumber, Destination};
use crate::engine::model::{
    Agent, AgentId, Content, LeaseToken, Policy, Presence, Report, Ticket, TicketId, TicketNumber,
    Time,
};
use crate::engine::pause::Pause;
use crate::engine::timing::Urgency;
use crate::engine::{CrewSurvey, Explanation};
use crate::forecast::Forecast;
use crate::journal::{Feed, FinishedRow, History, Seq};
use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

/// How long a message that the driver must get waits before it is tried again, while the driver's queue is
/// full.
const TELL_RETRY: Duration = Duration::from_millis(1);

/// Limits of the driver itself.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Requests that may wait for the driver.
    pub queue_max: usize,
    /// Requests that share one sync.
    pub batch_max: usize,
    /// Tickets that may be watched at once.
    pub watched_max: usize,
    /// The least time between two published views, in real milliseconds.
    pub view_every_ms: u64,
    /// How long the history of ended tickets is kept, in milliseconds.
    pub history_ms: i64,
    /// The real time between two steps of the audit beside the work, in milliseconds; each looks at 256
    /// tickets, agents or timers.
    pub audit_every_ms: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            queue_max: 16_384,
            batch_max: 1024,
            watched_max: 10_000,
            view_every_ms: 100,
            history_ms: 30 * 86_400_000,
            audit_every_ms: 100,
        }
    }
}

/// Why a request was not carried out. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The rules refuse it.
    #[error(transparent)]
    Rule(#[from] Rejection),
    /// As much is held as may be.
    #[error("{limit}")]
    Full {
        /// Which limit.
        limit: Rejection,
        /// How much there is of what it limits.
        present: u64,
        /// When it is worth trying again, in milliseconds from now: from how fast places become free.
        retry_ms: i64,
    },
    /// More requests wait for the driver than may.
    #[error("{max} requests are waiting already")]
    Busy {
        /// That many.
        max: usize,
    },
    /// There is no space for the journal; work goes on when there is.
    #[error("the journal has no space left")]
    NoSpace,
    /// As many tickets are watched as may be.
    #[error("{max} tickets are being watched already")]
    Watched {
        /// That many.
        max: usize,
    },
    /// The journal has failed: whether the request is on disk is not known. The server stops, and
    /// knows when it is back.
    #[error("the journal has failed; whether this was carried out will be known after a restart")]
    JournalFailed,
    /// The history of ended tickets cannot be read just now; the log says why.
    #[error("the history of ended tickets cannot be read")]
    Unreadable,
    /// The server is stopping; whether the request was carried out is not known.
    #[error("the server is stopping")]
    Stopping,
}

/// A live ticket as it was at one instant, with the policy that gives its tier and pools their names.
#[derive(Clone, Debug)]
pub struct Live {
    /// The ticket.
    pub ticket: Ticket,
    /// The policy in force at that instant.
    pub policy: Arc<Policy>,
    /// That instant.
    pub at: Time,
    /// How long it will wait; `None` unless it waits, and where nobody asked.
    pub forecast: Option<Forecast>,
}

/// A ticket, live or ended.
#[derive(Clone, Debug)]
pub enum Seen {
    /// It waits or is assigned.
    Live(Box<Live>),
    /// It has ended.
    Ended(Box<FinishedRow>),
}

/// The answer to a submit.
#[derive(Clone, Debug)]
pub struct Receipt {
    /// The ticket as it is now.
    pub seen: Seen,
    /// How many of its own and higher tiers stand before it; 0 unless it waits.
    pub ahead_count: usize,
    /// The same submit had been carried out before.
    pub repeated: bool,
}

/// The answer to a pull.
#[derive(Clone, Debug)]
pub enum Pulled {
    /// The agent holds this ticket.
    Assignment {
        /// The ticket with its assignment.
        live: Box<Live>,
        /// The assignment had been answered before.
        repeated: bool,
    },
    /// No ticket.
    Empty(WaitEnd),
}

/// A pull as it is asked.
#[derive(Clone, Debug)]
pub struct PullAsk {
    /// Who.
    pub agent: AgentId,
    /// The caller's name for the pull.
    pub request: Option<Box<str>>,
    /// How long to wait for a ticket, in the clock's milliseconds.
    pub wait_ms: i64,
}

/// The pause or the resumption of a pool as it is asked.
#[derive(Clone, Debug)]
pub struct PoolAsk {
    /// Which, by its name.
    pub pool: Box<str>,
    /// Who asks.
    pub by: Box<str>,
    /// Why.
    pub reason: Box<str>,
}

/// A pool after it was paused or resumed.
#[derive(Clone, Debug)]
pub struct PoolSeen {
    /// Its name.
    pub name: Arc<str>,
    /// The pause in force, if it is paused.
    pub pause: Option<Arc<Pause>>,
    /// It was so already.
    pub repeated: bool,
}

/// A completion as it is asked.
#[derive(Clone, Debug)]
pub struct CompleteAsk {
    /// Which.
    pub ticket: TicketId,
    /// The assignment's token.
    pub token: LeaseToken,
    /// What the agent reports of it.
    pub report: Report,
}

/// A way to ask the driver; clones ask the same one.
#[derive(Clone)]
pub struct Handle {
    requests: SyncSender<Request>,
    queue_max: usize,
    view: watch::Receiver<Arc<View>>,
    durable: watch::Receiver<Seq>,
    history: History,
    clock: Clock,
}

type Delivery<T> = Box<dyn FnOnce(Result<T, Refused>) + Send>;
type Reading = Box<dyn FnOnce(&Engine, Time) -> Telling + Send>;
type Telling = Box<dyn FnOnce(Result<(), Refused>) + Send>;

enum Request {
    Submit { submit: Box<Submit>, own_id: bool, reply: Delivery<Receipt> },
    Command { command: Command, reply: Delivery<()> },
    Pool { command: Command, reply: Delivery<PoolSeen> },
    Bulk { bulk: Bulk, ids: Vec<TicketId>, reply: Delivery<Vec<Outcome>> },
    Ticket { id: TicketId, command: Command, reply: Delivery<Seen> },
    Pull { pull: PullAsk, wait: u64, reply: Delivery<Pulled> },
    Complete { complete: CompleteAsk, pull: Option<(PullAsk, u64)>, reply: CompleteReply },
    CallerGone { agent: AgentId, wait: u64 },
    OpenWork { ask: WorkAsk, number: u64, pushes: mpsc::Sender<Push>, reply: Delivery<()> },
    CloseWork { agent: AgentId, number: u64, why: WorkEnd },
    Read(Reading),
    Watch { ticket: TicketId, reply: Delivery<Option<watch::Receiver<Seen>>> },
    Audit { reply: Delivery<AuditReport> },
    Drain,
    Stop,
}

/// What a completion led to.
#[derive(Debug)]
pub struct Completed {
    /// The ticket that has ended.
    pub seen: Seen,
    /// Until when its agent may write it up, while that lasts.
    pub wrap_up_until: Option<Time>,
    /// What the pull of the next ticket brought, if it was asked for.
    pub pulled: Option<Result<Pulled, Refused>>,
}

type CompleteReply = Delivery<Completed>;

/// Whoever asked for a ticket, presumed to be gone unless said otherwise: dropped before
/// [`answered`](Self::answered), what was given goes back to its place, unseen.
pub struct Presumed<'a> {
    handle: &'a Handle,
    agent: AgentId,
    wait: u64,
    answered: bool,
}

impl Presumed<'_> {
    /// The answer is on its way.
    pub fn answered(mut self) {
        self.answered = true;
    }
}

impl fmt::Debug for Presumed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presumed").field("agent", &self.agent).finish_non_exhaustive()
    }
}

impl Drop for Presumed<'_> {
    fn drop(&mut self) {
        if !self.answered {
            let (agent, wait) = (self.agent.clone(), self.wait);
            self.handle.tell_later(move || Request::CallerGone { agent: agent.clone(), wait });
        }
    }
}

impl Handle {
    /// Queues a ticket. `own_id` says that the caller chose the id, so that the history is asked too.
    pub async fn submit(&self, submit: Submit, own_id: bool) -> Result<Receipt, Refused> {
        self.ask(|reply| Request::Submit { submit: Box::new(submit), own_id, reply }).await
    }

    /// Changes what a live ticket is about.
    pub async fn update(&self, ticket: TicketId, content: Content) -> Result<Seen, Refused> {
        self.about(ticket.clone(), Command::Update { ticket, content: Arc::new(content) }).await
    }

    /// Says how soon a live ticket matters.
    pub async fn set_urgency(&self, ticket: TicketId, urgency: Urgency) -> Result<Seen, Refused> {
        self.about(ticket.clone(), Command::SetUrgency { ticket, urgency }).await
    }

    /// Corrects a live ticket's tier.
    pub async fn retier(&self, ticket: TicketId, lookup: Lookup) -> Result<Seen, Refused> {
        self.about(ticket.clone(), Command::Retier { ticket, lookup }).await
    }

    /// Withdraws a ticket.
    pub async fn cancel(&self, ticket: TicketId, reason: Box<str>) -> Result<Seen, Refused> {
        self.about(ticket.clone(), Command::Cancel { ticket, reason, earlier: None }).await
    }

    /// Does something to one ticket past the rule.
    pub async fn intervene(
        &self,
        ticket: TicketId,
        action: Intervention,
        by: Box<str>,
        reason: Box<str>,
    ) -> Result<Seen, Refused> {
        let id = ticket.clone();
        self.about(id, Command::Intervene { ticket, action, by, reason, earlier: None }).await
    }

    /// Extends a lease by `by_ms`, or by the pool's lease.
    pub async fn extend(
        &self,
        ticket: TicketId,
        token: LeaseToken,
        by_ms: Option<i64>,
    ) -> Result<Seen, Refused> {
        self.about(ticket.clone(), Command::Extend { ticket, token, by_ms }).await
    }

    /// Gives a ticket back.
    pub async fn release(
        &self,
        ticket: TicketId,
        token: LeaseToken,
        reason: Box<str>,
    ) -> Result<Seen, Refused> {
        let reason = ReleaseReason::ByAgent(reason);
        self.about(ticket.clone(), Command::Release { ticket, token, reason }).await
    }

    /// Lets a ticket wait for its customer, for `for_ms` at most or for the tier's longest.
    pub async fn park(
        &self,
        ticket: TicketId,
        token: LeaseToken,
        for_ms: Option<i64>,
        keep_ms: Option<i64>,
        reason: Box<str>,
    ) -> Result<Seen, Refused> {
        self.about(ticket.clone(), Command::Park { ticket, token, for_ms, keep_ms, reason }).await
    }

    /// Ends the wrap-up of a ticket that the agent has completed.
    pub async fn finish_wrap_up(
        &self,
        agent: AgentId,
        ticket: TicketId,
        token: LeaseToken,
    ) -> Result<(), Refused> {
        self.command(Command::FinishWrapUp { agent, ticket, token, earlier: None }).await
    }

    /// Gives a ticket on to a pool, an agent or a tier.
    pub async fn transfer(
        &self,
        ticket: TicketId,
        token: LeaseToken,
        to: Destination,
        restart_clocks: bool,
        reason: Box<str>,
    ) -> Result<Seen, Refused> {
        let command =
            Command::Transfer { ticket: ticket.clone(), token, to, restart_clocks, reason };
        self.about(ticket, command).await
    }

    /// Turns a waiting call or chat into a promise to call back.
    pub async fn request_callback(
        &self,
        ticket: TicketId,
        number: CallbackNumber,
        not_before: Option<Time>,
        due_at: Option<Time>,
    ) -> Result<Seen, Refused> {
        let command =
            Command::RequestCallback { ticket: ticket.clone(), number, not_before, due_at };
        self.about(ticket, command).await
    }

    /// Puts a parked ticket back into its queue; any other stays as it is.
    pub async fn resume(&self, ticket: TicketId) -> Result<Seen, Refused> {
        self.about(ticket.clone(), Command::Resume { ticket }).await
    }

    /// Puts a quarantined ticket into its old place again.
    pub async fn release_quarantined(&self, ticket: TicketId) -> Result<Seen, Refused> {
        self.about(ticket.clone(), Command::ReleaseQuarantined { ticket }).await
    }

    /// Audits all that the engine holds, between the batches; faults are made harmless and told.
    pub async fn audit(&self) -> Result<AuditReport, Refused> {
        self.ask(|reply| Request::Audit { reply }).await
    }

    /// Registers or changes an agent.
    pub async fn put_agent(&self, profile: AgentProfile) -> Result<(), Refused> {
        self.command(Command::PutAgent(profile)).await
    }

    /// Forgets an agent.
    pub async fn delete_agent(&self, agent: AgentId) -> Result<(), Refused> {
        self.command(Command::DeleteAgent { agent }).await
    }

    /// Makes an agent available or away.
    pub async fn set_presence(&self, agent: AgentId, presence: Presence) -> Result<(), Refused> {
        self.command(Command::SetPresence { agent, presence }).await
    }

    /// Pauses a pool, or resumes it.
    pub async fn switch_pool(&self, ask: PoolAsk, pause: bool) -> Result<PoolSeen, Refused> {
        let PoolAsk { pool, by, reason } = ask;
        let command = if pause {
            Command::PausePool { pool, by, reason }
        } else {
            Command::ResumePool { pool, by, reason }
        };
        self.ask(|reply| Request::Pool { command, reply }).await
    }

    /// Does the same to each of these tickets, at most [`BULK_BATCH_MAX`], as far as they are still meant.
    pub async fn act_on(&self, bulk: Bulk, ids: Vec<TicketId>) -> Result<Vec<Outcome>, Refused> {
        self.ask(|reply| Request::Bulk { bulk, ids, reply }).await
    }

    /// Puts another policy in force, if `expected` is in force now or nothing is expected.
    pub async fn change_policy(
        &self,
        policy: Arc<Policy>,
        expected: Option<Box<str>>,
        change: PolicyChange,
    ) -> Result<(), Refused> {
        let change = Arc::new(change);
        self.command(Command::ChangePolicy { policy, expected, change }).await
    }

    /// Asks for the next ticket, waiting for one as long as asked. Dropping the future ends the wait.
    pub async fn pull(&self, pull: PullAsk) -> Result<Pulled, Refused> {
        let (pulled, presumed) = self.pull_presumed(pull).await?;
        presumed.answered();
        Ok(pulled)
    }

    /// The same for a caller who may still be found to be gone while the answer is made.
    pub async fn pull_presumed(&self, pull: PullAsk) -> Result<(Pulled, Presumed<'_>), Refused> {
        let wait = run::next_wait();
        let presumed = Presumed { handle: self, agent: pull.agent.clone(), wait, answered: false };
        match self.ask(|reply| Request::Pull { pull, wait, reply }).await {
            Ok(pulled) => Ok((pulled, presumed)),
            Err(refused) => {
                presumed.answered();
                Err(refused)
            }
        }
    }

    /// Finishes a ticket, and asks for the next one if `pull` says so. A pull that fails leaves the
    /// completion standing.
    pub async fn complete(
        &self,
        complete: CompleteAsk,
        pull: Option<PullAsk>,
    ) -> Result<Completed, Refused> {
        let (completed, presumed) = self.complete_presumed(complete, pull).await?;
        presumed.into_iter().for_each(Presumed::answered);
        Ok(completed)
    }

    /// The same for a caller who may still be found to be gone while the answer is made.
    pub async fn complete_presumed(
        &self,
        complete: CompleteAsk,
        pull: Option<PullAsk>,
    ) -> Result<(Completed, Option<Presumed<'_>>), Refused> {
        let wait = run::next_wait();
        let presumed = pull.as_ref().map(|pull| Presumed {
            handle: self,
            agent: pull.agent.clone(),
            wait,
            answered: false,
        });
        let pull = pull.map(|pull| (pull, wait));
        match self.ask(|reply| Request::Complete { complete, pull, reply }).await {
            Ok(completed) => Ok((completed, presumed)),
            Err(refused) => {
                presumed.into_iter().for_each(Presumed::answered);
                Err(refused)
            }
        }
    }

    /// The ticket of that id, live or from the history.
    pub async fn ticket(&self, id: TicketId) -> Result<Option<Seen>, Refused> {
        let wanted = id.clone();
        let live = self.read(move |engine, now| run::see(engine, &wanted, now)).await?;
        if live.is_some() {
            return Ok(live);
        }
        let history = self.history.clone();
        let row = tokio::task::spawn_blocking(move || history.by_id(id.as_str())).await;
        match row.map_err(|_| Refused::Stopping)? {
            Ok(row) => Ok(row.map(|row| Seen::Ended(Box::new(row)))),
            Err(error) => {
                tracing::error!(%error, "the history cannot be read");
                Err(Refused::Unreadable)
            }
        }
    }

    /// The agent of that id.
    pub async fn agent(&self, id: AgentId) -> Result<Option<Agent>, Refused> {
        self.read(move |engine, _| engine.roster().get(&id).cloned()).await
    }

    /// Why a live ticket is where it is.
    pub async fn explain(&self, id: TicketId) -> Result<Option<(Explanation, Beside)>, Refused> {
        self.read(move |engine, now| {
            let explanation = engine.explain(&id, now)?;
            let beside = Beside::of(engine, &explanation, now);
            Some((explanation, beside))
        })
        .await
    }

    /// Follows a live ticket: each change replaces the one before, the last is its end. `None` if no
    /// such ticket is live.
    pub async fn watch(&self, ticket: TicketId) -> Result<Option<watch::Receiver<Seen>>, Refused> {
        self.ask(|reply| Request::Watch { ticket, reply }).await
    }

    /// Looks at the engine on the driver's thread; `look` must be brief. The answer comes when all
    /// that it saw is on disk.
    pub async fn read<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Engine, Time) -> T + Send + 'static,
    ) -> Result<T, Refused> {
        let (reply, answer) = oneshot::channel();
        self.send(Request::Read(Box::new(move |engine, now| {
            let seen = look(engine, now);
            Box::new(move |fate| drop(reply.send(fate.map(|()| seen))))
        })))?;
        answer.await.map_err(|_| Refused::Stopping)?
    }

    /// The view published last; at most [`Settings::view_every_ms`] old while things happen.
    pub fn view(&self) -> Arc<View> {
        self.view.borrow().clone()
    }

    /// Every view as it is published.
    pub fn views(&self) -> watch::Receiver<Arc<View>> {
        self.view.clone()
    }

    /// The last event that is on disk, as it changes.
    pub fn durable(&self) -> watch::Receiver<Seq> {
        self.durable.clone()
    }

    /// The events on disk.
    pub fn feed(&self) -> Feed {
        self.history.feed()
    }

    /// The tickets that have ended.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// The clock that the driver works by.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Ends every waiting pull and every watch with [`Refused::Stopping`], and lets none begin; all
    /// else goes on. What a server does before it stops.
    pub async fn drain(&self) {
        self.tell(|| Request::Drain).await;
    }

    /// Answers what has been asked, then ends the driver.
    pub async fn stop(&self) {
        self.tell(|| Request::Stop).await;
    }

    async fn tell(&self, request: impl Fn() -> Request) {
        // A full channel empties by itself: the driver reads on.
        while let Err(TrySendError::Full(_)) = self.requests.try_send(request()) {
            tokio::time::sleep(TELL_RETRY).await;
        }
    }

    /// Tells the driver what it must know in any case, from where nobody can wait for it.
    fn tell_later(&self, request: impl Fn() -> Request + Send + 'static) {
        let sent = self.requests.try_send(request());
        if matches!(sent, Err(TrySendError::Full(_)))
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            let handle = self.clone();
            runtime.spawn(async move { handle.tell(request).await });
        }
    }

    async fn command(&self, command: Command) -> Result<(), Refused> {
        self.ask(|reply| Request::Command { command, reply }).await
    }

    async fn about(&self, id: TicketId, command: Command) -> Result<Seen, Refused> {
        self.ask(|reply| Request::Ticket { id, command, reply }).await
    }

    async fn ask<T: Send + 'static>(
        &self,
        request: impl FnOnce(Delivery<T>) -> Request,
    ) -> Result<T, Refused> {
        let (reply, answer) = oneshot::channel();
        self.send(request(Box::new(move |result| drop(reply.send(result)))))?;
        answer.await.map_err(|_| Refused::Stopping)?
    }

    fn send(&self, request: Request) -> Result<(), Refused> {
        self.requests.try_send(request).map_err(|error| match error {
            TrySendError::Full(_) => Refused::Busy { max: self.queue_max },
            TrySendError::Disconnected(_) => Refused::Stopping,
        })
    }
}

/// What an explanation needs beside itself, read at the same instant.
#[derive(Clone, Debug)]
pub struct Beside {
    /// That instant.
    pub at: Time,
    /// How many agents each crew of the explanation has, and how many of them wait for work.
    pub crew_counts: Vec<(u32, u32)>,
    /// The ids of the competing heads, by number.
    pub ids: std::collections::BTreeMap<TicketNumber, TicketId>,
    /// Idle agents by pool, in the policy's order.
    pub idle_counts: Vec<u32>,
}

impl Beside {
    fn of(engine: &Engine, explanation: &Explanation, at: Time) -> Self {
        let counts = |crew: &CrewSurvey| engine.roster().crew_counts(&crew.crew);
        let crew_counts = explanation.crews.iter().map(counts).collect();
        let heads = explanation.crews.iter().flat_map(|crew| &crew.survey.heads);
        let held = explanation.ticket.assignment().or(explanation.ticket.offer());
        let compared = held.and_then(|held| held.compared.as_ref());
        let compared = compared.into_iter().flat_map(|compared| compared.heads.iter());
        let numbers = heads.map(|head| head.ticket).chain(compared.map(|head| head.ticket));
        let ids = engine.ids_of(numbers);
        let pools = 0..engine.policy().pools.len();
        let idle = |at| u8::try_from(at).map(crate::engine::model::PoolIx);
        let idle_counts =
            pools.filter_map(|at| idle(at).ok()).map(|p| engine.roster().idle_count(p)).collect();
        Self { at, crew_counts, ids, idle_counts }
    }
}

/// What an answer of the engine is about, if it is about a ticket.
fn subject(answer: &Answer) -> Option<TicketNumber> {
    match answer {
        Answer::Ticket { number, .. } | Answer::Ended { number } | Answer::Holds { number, .. } => {
            Some(*number)
        }
        Answer::Done | Answer::Pool { .. } | Answer::Waits | Answer::Empty(_) => None,
    }
}
