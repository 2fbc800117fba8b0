//! The loop: gather, decide, apply, route; append and sync once; then answer.

mod audit;
mod bulk;
mod requests;
mod work;

use super::drain::{Drains, Taken, Told};
use super::forecasts::Turn;
use super::tally::Tally;
use super::view::View;
use super::{Delivery, Handle, Live, Observer, Pulled, Refused, Request, Seen, Settings};
use crate::clock::{Clock, stopwatch};
use crate::engine::Engine;
use crate::engine::command::{Answer, Command, Event, Rejection};
use crate::engine::model::{AgentId, LeaseToken, Policy, State, TicketId, TicketNumber, Time};
use crate::forecast::Forecast;
use crate::journal::{self, AppendError, FinishedRow, Journal};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// A batch is closed once it holds this many bytes: larger ones gain nothing and answer later.
const BATCH_BYTES_MAX: usize = 1 << 20;
/// How long the driver waits before it tries again whether there is space.
const NO_SPACE_RETRY: Duration = Duration::from_secs(1);
/// Longest sleep of a driver that has nothing due, so that the history is tidied.
const IDLE_MAX: Duration = Duration::from_secs(60);

/// Why the driver ended, or did not start.
#[derive(Debug, thiserror::Error)]
pub enum Stopped {
    /// The policy at the start leaves live tickets without a tier.
    #[error(
        "policy \"{version}\" has no tier \"{tier}\", which {count} live tickets have; finish or \
         cancel them under the old policy, or keep the tier"
    )]
    PolicyStrands {
        /// The new policy.
        version: Arc<str>,
        /// The tier it lacks.
        tier: Arc<str>,
        /// How many live tickets have it.
        count: u64,
    },
    /// The policy at the start leaves live tickets without a skill that they require.
    #[error(
        "policy \"{version}\" has no skill \"{skill}\", which {count} live tickets require; finish or \
         cancel them under the old policy, or keep the skill"
    )]
    PolicyStrandsSkill {
        /// The new policy.
        version: Arc<str>,
        /// The skill it lacks.
        skill: Arc<str>,
        /// How many live tickets require it.
        count: u64,
    },
    /// There is no space for the first record.
    #[error(
        "there is no space for the journal: free some, or raise data.size_max or shorten data.history"
    )]
    NoSpace,
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// A write failed, and what is on disk is not known.
    #[error(transparent)]
    Append(#[from] AppendError),
}

/// A number for each pull that may wait, so that a late goodbye ends no newer pull.
pub(super) fn next_wait() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// The ticket of that id as the engine has it at `at`, live or just ended.
pub(super) fn see(engine: &Engine, id: &TicketId, at: Time) -> Option<Seen> {
    if let Some(ticket) = engine.ticket(id) {
        return Some(see_live(engine, ticket.number, at));
    }
    engine.finished(id).map(|finished| ended(engine, finished))
}

pub(super) fn see_live(engine: &Engine, number: TicketNumber, at: Time) -> Seen {
    Seen::Live(Box::new(live(engine, number, at)))
}

fn live(engine: &Engine, number: TicketNumber, at: Time) -> Live {
    let ticket = engine.ticket_numbered(number).expect("the engine just named it");
    let waits = ticket.state == State::Waiting;
    let forecast = waits.then(|| Forecast::of(engine, ticket, at));
    Live { ticket: ticket.clone(), policy: engine.policy().clone(), at, forecast }
}

fn ended(engine: &Engine, finished: &crate::engine::model::Finished) -> Seen {
    let row = FinishedRow::of(finished, engine.policy(), journal::Seq::default());
    Seen::Ended(Box::new(row))
}

/// Starts the driver on what the journal recovered, with `policy` in force. Returns the handle to ask
/// it, and the thread, which ends when [`Handle::stop`] is called or the journal fails. Answers are told in
/// the runtime in which this is called.
pub fn start(
    journal: Journal,
    engine: Engine,
    clock: Clock,
    policy: &Arc<Policy>,
    settings: Settings,
    observer: Arc<dyn Observer>,
) -> Result<(Handle, JoinHandle<Result<(), Stopped>>), Stopped> {
    let history = journal.history()?;
    let (requests, inbox) = sync_channel(settings.queue_max);
    let tally = Tally::new(policy);
    let (durable, durables) = watch::channel(journal.last());
    let (view, views) = watch::channel(Arc::new(View::of(&engine, &tally, clock.now())));
    let mut driver = Driver {
        runtime: tokio::runtime::Handle::current(),
        journal,
        engine,
        clock,
        settings,
        observer,
        tally,
        drains: Drains::default(),
        auditing: audit::Auditing::new(clock.now()),
        tidied_at: stopwatch(),
        durable,
        view,
        view_at: stopwatch(),
        view_stale: true,
        waiting: HashMap::new(),
        watched: BTreeMap::new(),
        streams: HashMap::new(),
        lost: Vec::new(),
        forecast_turn: Turn::default(),
        batch: Batch::default(),
        undelivered: Vec::new(),
        answered: HashMap::new(),
        no_space: false,
        probed_at: stopwatch(),
        phase: Phase::Open,
    };
    driver.begin(policy)?;
    let thread = std::thread::Builder::new()
        .name("driver".to_owned())
        .spawn(move || driver.run(&inbox))
        .expect("the system can start one more thread");
    let queue_max = settings.queue_max;
    let handle = Handle { requests, queue_max, view: views, durable: durables, history, clock };
    Ok((handle, thread))
}

/// A pull that waits.
struct Waiting {
    wait: u64,
    reply: Delivery<Pulled>,
}

/// An assignment that its caller may not have received.
type Assigned = (TicketNumber, LeaseToken);
/// Sends one answer, once the fate of the batch is known.
type Answering = Box<dyn FnOnce(Result<(), Refused>) + Send>;

/// What has happened since the last sync, and who is to be told after the next one.
#[derive(Default)]
struct Batch {
    event_count: usize,
    finished: Vec<FinishedRow>,
    touched: Vec<TicketNumber>,
    answers: Vec<Answering>,
    pushes: Vec<work::Telling>,
}

struct Driver {
    /// Where the answers are told.
    runtime: tokio::runtime::Handle,
    journal: Journal,
    engine: Engine,
    clock: Clock,
    settings: Settings,
    observer: Arc<dyn Observer>,
    tally: Tally,
    drains: Drains,
    auditing: audit::Auditing,
    /// When the history was last tidied for want of anything else to do.
    tidied_at: Instant,
    /// The last event that is on disk.
    durable: watch::Sender<journal::Seq>,
    view: watch::Sender<Arc<View>>,
    view_at: Instant,
    view_stale: bool,
    waiting: HashMap<AgentId, Waiting>,
    watched: BTreeMap<TicketNumber, watch::Sender<Seen>>,
    streams: HashMap<AgentId, work::Streaming>,
    /// Streams that did not take what was told on them.
    lost: Vec<(AgentId, u64)>,
    forecast_turn: Turn,
    batch: Batch,
    undelivered: Vec<Assigned>,
    /// The pull that each agent's last assignment answered: its caller may still turn out to be gone.
    answered: HashMap<AgentId, (u64, Assigned)>,
    no_space: bool,
    /// When it was last tried whether there is space.
    probed_at: Instant,
    phase: Phase,
}

/// How far the driver's life has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    /// Everything is taken.
    Open,
    /// Nothing that would wait for long.
    Draining,
    /// What has come in is answered, and then it is over.
    Stopping,
}

impl Driver {
    /// Records the start and the policy, before anyone can ask.
    fn begin(&mut self, policy: &Arc<Policy>) -> Result<(), Stopped> {
        let now = self.clock.now();
        let mut commands = vec![Command::Start];
        if self.file_counts(policy)? {
            commands.push(Command::ApplyPolicy { policy: policy.clone() });
        } else if self.engine.policy().source != policy.source {
            tracing::warn!(
                in_force = %self.engine.policy().version,
                file = %policy.version,
                "the policy file has not changed since it was read last, and another policy was put in \
                 force since: that one stays; change the file, or send SIGHUP, to serve by the file"
            );
        }
        for command in commands {
            let refused = self.carry_out(now, command).err();
            let (version, present) = (policy.version.clone(), self.engine.policy());
            if let Some(Rejection::PolicyStrandsTickets { tier, count }) = refused {
                let tier = present.tier(tier).name.clone();
                return Err(Stopped::PolicyStrands { version, tier, count });
            }
            if let Some(Rejection::PolicyStrandsSkill { skill, count }) = refused {
                let skill = present.skill(skill).clone();
                return Err(Stopped::PolicyStrandsSkill { version, skill, count });
            }
        }
        while !self.settle(now) {
            self.commit()?;
        }
        self.commit()?;
        if self.no_space {
            return Err(Stopped::NoSpace);
        }
        // Nobody is to see the engine as it was before this policy.
        self.view.send_replace(Arc::new(View::of(&self.engine, &self.tally, now)));
        Ok(())
    }

    /// Whether the policy file at a start counts: when its text is not the one that was read last. A
    /// policy that was put in force since is not undone by a restart.
    fn file_counts(&mut self, file: &Policy) -> Result<bool, Stopped> {
        let in_force = self.engine.policy();
        let last = self.journal.last_policy_of_file()?;
        let has_changed = last.as_deref().is_some_and(|last| *last != *file.source);
        if in_force.source == file.source {
            // A later release may read more out of the same text.
            return Ok(has_changed || **in_force != *file);
        }
        Ok(has_changed || last.is_none())
    }

    fn run(mut self, inbox: &Receiver<Request>) -> Result<(), Stopped> {
        // How many requests the last batch took.
        let mut taken_count = 0;
        loop {
            let sleep = self.sleep_for();
            let first = match inbox.recv_timeout(sleep) {
                Ok(request) => Some(request),
                Err(RecvTimeoutError::Timeout) => {
                    if self.tidied_at.elapsed() >= IDLE_MAX {
                        self.tidied_at = stopwatch();
                        self.journal.tidy_soon();
                    }
                    None
                }
                Err(RecvTimeoutError::Disconnected) => {
                    self.phase = Phase::Stopping;
                    None
                }
            };
            if taken_count > 1 {
                // Where there are many, whoever sent this one has more at hand; each batch costs a sync.
                std::thread::yield_now();
            }
            let now = self.now();
            if self.no_space {
                self.look_for_space(now)?;
            }
            // A million things may be due at once: they go to disk in batches like everything else.
            while !self.settle(now) {
                self.commit()?;
            }
            taken_count = 0;
            let more = std::iter::from_fn(|| inbox.try_recv().ok());
            for request in first.into_iter().chain(more).take(self.settings.batch_max) {
                self.take(now, request);
                taken_count += 1;
                if !self.settle(now) || self.journal.pending_bytes() > BATCH_BYTES_MAX {
                    break;
                }
            }
            self.audit_some(now);
            self.commit()?;
            self.publish();
            self.tell_forecasts();
            if self.phase == Phase::Stopping
                && inbox.try_recv().map(|request| self.take(now, request)).is_err()
            {
                self.commit()?;
                self.waiting.drain().for_each(|(_, waiting)| {
                    (waiting.reply)(Err(Refused::Stopping));
                });
                return Ok(());
            }
        }
    }

    /// How long nothing is due.
    fn sleep_for(&self) -> Duration {
        if self.no_space {
            return NO_SPACE_RETRY;
        }
        if !self.undelivered.is_empty()
            || !self.lost.is_empty()
            || self.phase == Phase::Stopping
            || self.auditing.is_asked_for()
        {
            return Duration::ZERO;
        }
        let due = self.engine.next_deadline().map_or(IDLE_MAX, |at| self.clock.until(at));
        let view = if self.view_stale { self.view_due_in() } else { IDLE_MAX };
        let forecasts = self.forecast_turn.due_in().unwrap_or(IDLE_MAX);
        due.min(view).min(forecasts).min(self.audit_due_in()).min(IDLE_MAX)
    }

    fn view_due_in(&self) -> Duration {
        Duration::from_millis(self.settings.view_every_ms).saturating_sub(self.view_at.elapsed())
    }

    /// Everything that is due, and every match that can be made.
    /// Stops when the batch is full; says whether all is done.
    fn settle(&mut self, now: Time) -> bool {
        if self.no_space {
            return true;
        }
        for (ticket, token) in std::mem::take(&mut self.undelivered) {
            if let Some(event) = self.engine.undelivered(ticket, token) {
                self.happen(now, &event);
            }
        }
        self.close_lost(now);
        while self.journal.pending_bytes() <= BATCH_BYTES_MAX {
            let Some(event) = self.engine.route(now).or_else(|| self.engine.expire(now)) else {
                return true;
            };
            self.happen(now, &event);
        }
        false
    }

    /// Carries a command out, unless there is no space to record it.
    fn command(&mut self, now: Time, command: Command) -> Result<Answer, Refused> {
        if self.no_space {
            return Err(Refused::NoSpace);
        }
        self.carry_out(now, command).map_err(|rejection| {
            self.observer.refused(&rejection, &self.engine);
            match self.drains.told(now, rejection, &self.engine) {
                Some(Told { present, retry_ms }) => {
                    Refused::Full { limit: rejection, present, retry_ms }
                }
                None => Refused::Rule(rejection),
            }
        })
    }

    fn carry_out(&mut self, now: Time, command: Command) -> Result<Answer, Rejection> {
        let decision = self.engine.decide(now, command)?;
        for event in &decision.events {
            self.happen(now, event);
        }
        Ok(decision.answer)
    }

    /// The only way anything happens: into the batch for the journal, into the engine, to whoever
    /// waits for it.
    fn happen(&mut self, now: Time, event: &Event) {
        let ticket = event.ticket().and_then(|number| self.engine.ticket_numbered(number));
        let taken = ticket.map(Taken::by);
        let wrap = event.ticket().and_then(|number| self.engine.wrap_up(number));
        let about = ticket.map(|ticket| (&ticket.id, ticket.tier));
        let about = about.or(wrap.and_then(|(_, wrap)| Some((&wrap.id, wrap.tier?))));
        self.journal.push_about(now, event, about);
        self.batch.event_count += 1;
        let ending = self.ending_offers(event);
        self.engine.apply(now, event);
        self.tell_streams(event, ending);
        self.tally.observe(now, event, &self.engine);
        self.drains.observe(now, event, taken.as_ref(), &self.engine);
        self.observer.happened(now, event, &self.engine);
        self.view_stale = true;
        self.forecast_turn.stir();
        if let Some(number) = event.ticket()
            && self.watched.contains_key(&number)
        {
            self.batch.touched.push(number);
        }
        match event {
            Event::Completed { .. } | Event::Cancelled { .. } | Event::Expired { .. } => {
                let finished = self.engine.last_finished().expect("a ticket has just ended");
                let seq = self.journal.pushed();
                let row = FinishedRow::of(finished, self.engine.policy(), seq);
                self.batch.finished.push(row);
            }
            Event::Assigned { ticket, agent, .. } => {
                if let Some(Waiting { wait, reply }) = self.waiting.remove(agent) {
                    self.hand_over(*ticket, false, wait, reply);
                }
            }
            Event::WaitEnded { agent, why } => {
                if let Some(waiting) = self.waiting.remove(agent) {
                    self.answer(waiting.reply, Ok(Pulled::Empty(*why)));
                }
            }
            Event::PolicyApplied { policy, change: _ } => {
                self.tally.re_key(policy);
                // Every ticket may have another tier's name or other pools now.
                self.batch.touched.extend(self.watched.keys());
            }
            Event::AgentDeleted { agent } => drop(self.answered.remove(agent)),
            Event::Started
            | Event::WorkOpened { .. }
            | Event::WorkClosed { .. }
            | Event::Offered { .. }
            | Event::Accepted { .. }
            | Event::Declined { .. }
            | Event::OfferMissed { .. }
            | Event::OfferRevoked { .. }
            | Event::BackOffEnded { .. }
            | Event::WrapUpEnded { .. }
            | Event::AgentPut(_)
            | Event::PresenceSet { .. }
            | Event::PoolPaused(_)
            | Event::PoolResumed(_)
            | Event::Submitted(_)
            | Event::Updated { .. }
            | Event::UrgencySet { .. }
            | Event::Escalated { .. }
            | Event::Retiered { .. }
            | Event::Intervened(_)
            | Event::Overflowed { .. }
            | Event::Opened { .. }
            | Event::Breached { .. }
            | Event::WaitStarted { .. }
            | Event::Extended { .. }
            | Event::LeaseExpired { .. }
            | Event::Released { .. }
            | Event::Audited(_)
            | Event::Transferred(_)
            | Event::CallbackRequested { .. }
            | Event::Queued { .. }
            | Event::Parked { .. }
            | Event::Resumed { .. } => {}
        }
    }

    /// Answers after the batch is on disk.
    fn answer<T: Send + 'static>(&mut self, reply: Delivery<T>, result: Result<T, Refused>) {
        self.batch.answers.push(Box::new(move |fate| reply(fate.and(result))));
    }

    /// This instant, not before the last event.
    fn now(&self) -> Time {
        self.clock.now().max(self.engine.at())
    }

    /// Answers a pull with the ticket its agent now holds. A caller who is gone by then says so:
    /// [`Request::CallerGone`].
    fn hand_over(
        &mut self,
        number: TicketNumber,
        repeated: bool,
        wait: u64,
        reply: Delivery<Pulled>,
    ) {
        let live = Box::new(live(&self.engine, number, self.now()));
        let assignment = live.ticket.assignment().expect("it was just handed over");
        let token = assignment.token;
        if repeated {
            // Some caller has it: the one before may go.
            self.answered.remove(&assignment.agent);
        } else {
            self.answered.insert(assignment.agent.clone(), (wait, (number, token)));
        }
        self.answer(reply, Ok(Pulled::Assignment { live, repeated }));
    }

    /// Brings the batch to disk and answers everyone whom it concerns.
    fn commit(&mut self) -> Result<(), Stopped> {
        let batch = std::mem::take(&mut self.batch);
        let fate = if batch.event_count == 0 {
            Ok(())
        } else {
            let begun = stopwatch();
            let result = self.journal.commit(&batch.finished);
            self.observer.committed(begun.elapsed(), batch.event_count);
            result.map(|last| {
                self.durable.send_replace(last);
            })
        };
        match fate {
            Ok(()) => {
                self.tell_all(batch.answers);
                let lost = batch.pushes.into_iter().filter_map(work::Telling::tell);
                self.lost.extend(lost);
                for number in batch.touched {
                    self.tell_watchers(number);
                }
                self.tidy()
            }
            Err(AppendError::Full { place, reason }) => {
                tracing::error!(%place, %reason, "no space for the journal: nothing is accepted");
                self.no_space = true;
                self.probed_at = stopwatch();
                self.view_stale = true;
                // What the batch changed is undone by what is on disk.
                self.engine = self.journal.recover(self.engine.limits())?;
                for answer in batch.answers {
                    answer(Err(Refused::NoSpace));
                }
                self.waiting.drain().for_each(|(_, waiting)| {
                    (waiting.reply)(Err(Refused::NoSpace));
                });
                self.cut_all_work();
                // Whoever watches is shown what is on disk.
                self.watched.retain(|_, watched| !watched.is_closed());
                let watched: Vec<_> = self.watched.keys().copied().collect();
                for number in watched {
                    self.tell_watchers(number);
                }
                Ok(())
            }
            Err(error) => {
                for answer in batch.answers {
                    answer(Err(Refused::JournalFailed));
                }
                Err(error.into())
            }
        }
    }

    /// Sends the answers of a batch that is on disk, from the runtime's side: it is woken once for all of
    /// them. From here each would be a call of the system, and often the callers' turn before the next.
    fn tell_all(&self, answers: Vec<Answering>) {
        if !answers.is_empty() {
            self.runtime.spawn(async move {
                for tell in answers {
                    tell(Ok(()));
                }
            });
        }
    }

    /// Removes what is needed no longer. Without space it is done another time.
    fn tidy(&mut self) -> Result<(), Stopped> {
        let cutoff = self.clock.now().plus_ms(-self.settings.history_ms);
        match self.journal.tidy(cutoff) {
            Ok(()) | Err(AppendError::Full { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Goes on once something can be written again.
    fn look_for_space(&mut self, now: Time) -> Result<(), Stopped> {
        if self.probed_at.elapsed() < NO_SPACE_RETRY {
            return Ok(());
        }
        self.probed_at = stopwatch();
        let cutoff = now.plus_ms(-self.settings.history_ms);
        match self.journal.make_room(cutoff).and_then(|()| self.journal.probe()) {
            Ok(()) => {
                tracing::info!("there is space for the journal again: work goes on");
                self.no_space = false;
                self.view_stale = true;
                let idle: Vec<_> =
                    self.engine.roster().iter().filter(|agent| agent.wait.is_some()).collect();
                let idle: Vec<_> = idle.into_iter().map(|agent| agent.id.clone()).collect();
                for agent in idle {
                    // Their callers were told that there was no space.
                    self.carry_out(now, Command::StopWaiting { agent })
                        .expect("a wait can always be ended");
                }
                self.forget_cut_work(now);
                Ok(())
            }
            Err(AppendError::Full { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn tell_watchers(&mut self, number: TicketNumber) {
        let now = self.now();
        let Some(watched) = self.watched.get(&number) else { return };
        if self.engine.ticket_numbered(number).is_some() {
            watched.send_replace(see_live(&self.engine, number, now));
            return;
        }
        let watched = self.watched.remove(&number).expect("it was just found");
        let last_id = match &*watched.borrow() {
            Seen::Live(live) => live.ticket.id.clone(),
            Seen::Ended(row) => row.id.clone(),
        };
        if let Some(finished) = self.engine.finished(&last_id) {
            watched.send_replace(ended(&self.engine, finished));
        }
    }

    fn tell_forecasts(&mut self) {
        let now = self.clock.now().max(self.engine.at());
        self.forecast_turn.look(&self.watched, &self.engine, now);
    }

    fn publish(&mut self) {
        // That nothing is accepted, or that it is again, is told at once: space may come back soon.
        let space_changed = self.no_space != self.view.borrow().is_full;
        if space_changed || (self.view_stale && self.view_due_in().is_zero()) {
            self.view_stale = false;
            self.view_at = stopwatch();
            let view = View {
                is_full: self.no_space,
                trouble: self.journal.trouble(),
                is_draining: self.is_draining(),
                ..View::of(&self.engine, &self.tally, self.clock.now())
            };
            self.view.send_replace(Arc::new(view));
        }
    }
}
