//! The loop: gather, decide, apply, route; append and sync once; then answer.

use super::tally::Tally;
use super::view::View;
use super::{
    CompleteAsk, CompleteReply, Delivery, Handle, Live, PullAsk, Pulled, Receipt, Refused, Request,
    Seen, Settings, subject,
};
use crate::clock::{Clock, stopwatch};
use crate::engine::Engine;
use crate::engine::command::{Answer, Command, Earlier, Event, Rejection, Submit};
use crate::engine::model::{AgentId, LeaseToken, Policy, TicketId, TicketNumber, Time};
use crate::journal::{self, AppendError, FinishedRow, Journal};
use crate::metrics::Metrics;
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

/// The ticket of that id as the engine has it, live or just ended.
pub(super) fn see(engine: &Engine, id: &TicketId) -> Option<Seen> {
    if let Some(ticket) = engine.ticket(id) {
        return Some(see_live(engine, ticket.number));
    }
    engine.finished(id).map(|finished| ended(engine, finished))
}

fn see_live(engine: &Engine, number: TicketNumber) -> Seen {
    Seen::Live(Box::new(live(engine, number)))
}

fn live(engine: &Engine, number: TicketNumber) -> Live {
    let ticket = engine.ticket_numbered(number).expect("the engine just named it");
    Live { ticket: ticket.clone(), policy: engine.policy().clone() }
}

fn ended(engine: &Engine, finished: &crate::engine::model::Finished) -> Seen {
    let row = FinishedRow::of(finished, engine.policy(), journal::Seq::default());
    Seen::Ended(Box::new(row))
}

/// Starts the driver on what the journal recovered, with `policy` in force. Returns the handle to ask
/// it, and the thread, which ends when [`Handle::stop`] is called or the journal fails.
pub fn start(
    journal: Journal,
    engine: Engine,
    clock: Clock,
    policy: &Arc<Policy>,
    settings: Settings,
    metrics: Arc<Metrics>,
) -> Result<(Handle, JoinHandle<Result<(), Stopped>>), Stopped> {
    let history = journal.history()?;
    let (requests, inbox) = sync_channel(settings.queue_max);
    let tally = Tally::new(policy);
    let (view, views) = watch::channel(Arc::new(View::of(&engine, &tally, clock.now())));
    let mut driver = Driver {
        journal,
        engine,
        clock,
        settings,
        metrics,
        tally,
        view,
        view_at: stopwatch(),
        view_stale: true,
        waiting: HashMap::new(),
        watched: BTreeMap::new(),
        batch: Batch::default(),
        undelivered: Vec::new(),
        no_space: false,
        draining: false,
        stopping: false,
    };
    driver.begin(policy)?;
    let thread = std::thread::Builder::new()
        .name("driver".to_owned())
        .spawn(move || driver.run(&inbox))
        .expect("the system can start one more thread");
    let queue_max = settings.queue_max;
    Ok((Handle { requests, queue_max, view: views, history, clock }, thread))
}

/// A pull that waits.
struct Waiting {
    wait: u64,
    reply: Delivery<Pulled>,
}

/// An assignment that its caller may not have received.
type Assigned = (TicketNumber, LeaseToken);
/// Sends one answer, once the fate of the batch is known; names the assignment it could not deliver.
type Answering = Box<dyn FnOnce(Result<(), Refused>) -> Option<Assigned> + Send>;

/// What has happened since the last sync, and who is to be told after the next one.
#[derive(Default)]
struct Batch {
    event_count: usize,
    finished: Vec<FinishedRow>,
    touched: Vec<TicketNumber>,
    answers: Vec<Answering>,
}

struct Driver {
    journal: Journal,
    engine: Engine,
    clock: Clock,
    settings: Settings,
    metrics: Arc<Metrics>,
    tally: Tally,
    view: watch::Sender<Arc<View>>,
    view_at: Instant,
    view_stale: bool,
    waiting: HashMap<AgentId, Waiting>,
    watched: BTreeMap<TicketNumber, watch::Sender<Seen>>,
    batch: Batch,
    undelivered: Vec<Assigned>,
    no_space: bool,
    draining: bool,
    stopping: bool,
}

impl Driver {
    /// Records the start and the policy, before anyone can ask.
    fn begin(&mut self, policy: &Arc<Policy>) -> Result<(), Stopped> {
        let now = self.clock.now();
        let mut commands = vec![Command::Start];
        if self.engine.policy() != policy {
            commands.push(Command::ApplyPolicy { policy: policy.clone() });
        }
        for command in commands {
            if let Err(Rejection::PolicyStrandsTickets { tier, count }) =
                self.carry_out(now, command)
            {
                let tier = self.engine.policy().tier(tier).name.clone();
                return Err(Stopped::PolicyStrands {
                    version: policy.version.clone(),
                    tier,
                    count,
                });
            }
        }
        self.settle(now);
        self.commit()?;
        // Nobody is to see the engine as it was before this policy.
        self.view.send_replace(Arc::new(View::of(&self.engine, &self.tally, now)));
        Ok(())
    }

    fn run(mut self, inbox: &Receiver<Request>) -> Result<(), Stopped> {
        loop {
            let first = match inbox.recv_timeout(self.sleep_for()) {
                Ok(request) => Some(request),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => {
                    self.stopping = true;
                    None
                }
            };
            let now = self.clock.now().max(self.engine.at());
            if self.no_space {
                self.look_for_space(now)?;
            }
            self.settle(now);
            let more = std::iter::from_fn(|| inbox.try_recv().ok());
            for request in first.into_iter().chain(more).take(self.settings.batch_max) {
                self.take(now, request);
                self.settle(now);
                if self.journal.pending_bytes() > BATCH_BYTES_MAX {
                    break;
                }
            }
            self.commit()?;
            self.publish();
            if self.stopping && inbox.try_recv().map(|request| self.take(now, request)).is_err() {
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
        if !self.undelivered.is_empty() || self.stopping {
            return Duration::ZERO;
        }
        let due = self.engine.next_deadline().map_or(IDLE_MAX, |at| self.clock.until(at));
        let view = if self.view_stale { self.view_due_in() } else { IDLE_MAX };
        due.min(view).min(IDLE_MAX)
    }

    fn view_due_in(&self) -> Duration {
        Duration::from_millis(self.settings.view_every_ms).saturating_sub(self.view_at.elapsed())
    }

    /// Everything that is due, and every match that can be made.
    fn settle(&mut self, now: Time) {
        if self.no_space {
            return;
        }
        for (ticket, token) in std::mem::take(&mut self.undelivered) {
            if let Some(event) = self.engine.undelivered(ticket, token) {
                self.happen(now, &event);
            }
        }
        while let Some(event) = self.engine.route(now).or_else(|| self.engine.expire(now)) {
            self.happen(now, &event);
        }
    }

    fn take(&mut self, now: Time, request: Request) {
        match request {
            Request::Submit { submit, own_id, reply } => {
                let result = self.submit(now, *submit, own_id);
                self.answer(reply, result);
            }
            Request::Command { command, reply } => {
                let result = self.command(now, command).map(drop);
                self.answer(reply, result);
            }
            Request::Ticket { id, command, reply } => {
                let command = self.with_earlier(command);
                let answer = self.command(now, command);
                let result = answer.and_then(|answer| self.seen(&answer, &id));
                self.answer(reply, result);
            }
            Request::Pull { pull, wait, reply } => self.pull(now, pull, wait, reply),
            Request::Complete { complete, pull, reply } => {
                self.complete(now, complete, pull, reply);
            }
            Request::CallerGone { agent, wait } => {
                if self.waiting.get(&agent).is_some_and(|waiting| waiting.wait == wait) {
                    self.waiting.remove(&agent);
                    // Nobody is left to hear an answer, and without space the wait ends later.
                    let _ = self.command(now, Command::StopWaiting { agent });
                }
            }
            Request::Read(look) => {
                let tell = look(&self.engine, now);
                self.batch.answers.push(Box::new(move |fate| {
                    if fate.is_ok() {
                        tell();
                    }
                    None
                }));
            }
            Request::Watch { ticket, reply } => {
                let result = self.watch(&ticket);
                self.answer(reply, result);
            }
            Request::Drain => self.drain(now),
            Request::Stop => self.stopping = true,
        }
    }

    /// Ends whatever would otherwise go on until its caller has enough.
    fn drain(&mut self, now: Time) {
        self.draining = true;
        self.view_stale = true;
        self.watched.clear();
        for (agent, waiting) in std::mem::take(&mut self.waiting) {
            self.answer(waiting.reply, Err(Refused::Stopping));
            // Without space the wait is ended by the next start.
            let _ = self.command(now, Command::StopWaiting { agent });
        }
    }

    fn submit(&mut self, now: Time, mut submit: Submit, own_id: bool) -> Result<Receipt, Refused> {
        if own_id && self.engine.ticket(&submit.id).is_none() {
            submit.earlier = self.earlier(&submit.id);
        }
        let id = submit.id.clone();
        let answer = self.command(now, Command::Submit(Box::new(submit)))?;
        let repeated = !matches!(answer, Answer::Ticket { repeated: false, .. });
        let seen = self.seen(&answer, &id)?;
        let ahead_count = match &seen {
            Seen::Live(live) if live.ticket.assignment().is_none() => {
                self.engine.ahead_of(&live.ticket)
            }
            Seen::Live(_) | Seen::Ended(_) => 0,
        };
        Ok(Receipt { seen, ahead_count, repeated })
    }

    fn pull(&mut self, now: Time, pull: PullAsk, wait: u64, reply: Delivery<Pulled>) {
        let agent = pull.agent.clone();
        let wait_until = if self.draining { now } else { now.plus_ms(pull.wait_ms) };
        let command = Command::Pull { agent: pull.agent, request: pull.request, wait_until };
        match self.command(now, command) {
            Ok(Answer::Holds { number, repeated }) => self.hand_over(number, repeated, reply),
            Ok(Answer::Waits) => {
                self.waiting.insert(agent, Waiting { wait, reply });
            }
            Ok(Answer::Empty(_)) if self.draining => self.answer(reply, Err(Refused::Stopping)),
            Ok(Answer::Empty(why)) => self.answer(reply, Ok(Pulled::Empty(why))),
            Ok(Answer::Done | Answer::Ticket { .. } | Answer::Ended { .. }) => {
                unreachable!("a pull is answered with what the agent holds, or nothing")
            }
            Err(refused) => self.answer(reply, Err(refused)),
        }
    }

    fn complete(
        &mut self,
        now: Time,
        complete: CompleteAsk,
        pull: Option<(PullAsk, u64)>,
        reply: CompleteReply,
    ) {
        let CompleteAsk { ticket, token, outcome, note } = complete;
        let id = ticket.clone();
        let command = Command::Complete { ticket, token, outcome, note, earlier: None };
        let command = self.with_earlier(command);
        let answer = self.command(now, command);
        let completed = answer.and_then(|answer| self.seen(&answer, &id));
        match (completed, pull) {
            (Ok(seen), None) => self.answer(reply, Ok((seen, None))),
            (Err(refused), _) => self.answer(reply, Err(refused)),
            (Ok(seen), Some((pull, wait))) => {
                // Without space the completion may not stand, and repeating it is safe either way; any
                // other refusal concerns the pull alone.
                let both: Delivery<Pulled> = Box::new(move |pulled| match pulled {
                    Err(Refused::NoSpace) => reply(Err(Refused::NoSpace)),
                    pulled => reply(Ok((seen, Some(pulled)))),
                });
                self.settle(now);
                self.pull(now, pull, wait, both);
            }
        }
    }

    fn watch(&mut self, id: &TicketId) -> Result<Option<watch::Receiver<Seen>>, Refused> {
        if self.draining {
            return Err(Refused::Stopping);
        }
        let Some(number) = self.engine.ticket(id).map(|ticket| ticket.number) else {
            return Ok(None);
        };
        if let Some(watched) = self.watched.get(&number) {
            return Ok(Some(watched.subscribe()));
        }
        self.watched.retain(|_, watched| !watched.is_closed());
        let max = self.settings.watched_max;
        if self.watched.len() >= max {
            return Err(Refused::Watched { max });
        }
        let (watched, watching) = watch::channel(see_live(&self.engine, number));
        self.watched.insert(number, watched);
        Ok(Some(watching))
    }

    /// Carries a command out, unless there is no space to record it.
    fn command(&mut self, now: Time, command: Command) -> Result<Answer, Refused> {
        if self.no_space {
            return Err(Refused::NoSpace);
        }
        Ok(self.carry_out(now, command)?)
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
        self.journal.push(now, event);
        self.batch.event_count += 1;
        self.engine.apply(now, event);
        self.tally.observe(now, event, &self.engine);
        self.metrics.observe(now, event, &self.engine);
        self.view_stale = true;
        if let Some(number) = event.ticket()
            && self.watched.contains_key(&number)
        {
            self.batch.touched.push(number);
        }
        match event {
            Event::Completed { .. } | Event::Cancelled { .. } => {
                let finished = self.engine.last_finished().expect("a ticket has just ended");
                let seq = self.journal.pushed();
                let row = FinishedRow::of(finished, self.engine.policy(), seq);
                self.batch.finished.push(row);
            }
            Event::Assigned { ticket, agent, .. } => {
                if let Some(waiting) = self.waiting.remove(agent) {
                    self.hand_over(*ticket, false, waiting.reply);
                }
            }
            Event::WaitEnded { agent, why } => {
                if let Some(waiting) = self.waiting.remove(agent) {
                    self.answer(waiting.reply, Ok(Pulled::Empty(*why)));
                }
            }
            Event::PolicyApplied { policy } => self.tally.re_key(policy),
            Event::Started
            | Event::AgentPut(_)
            | Event::AgentDeleted { .. }
            | Event::PresenceSet { .. }
            | Event::Submitted(_)
            | Event::Updated { .. }
            | Event::Retiered { .. }
            | Event::Overflowed { .. }
            | Event::Breached { .. }
            | Event::WaitStarted { .. }
            | Event::Extended { .. }
            | Event::LeaseExpired { .. }
            | Event::Released { .. } => {}
        }
    }

    /// Answers after the batch is on disk.
    fn answer<T: Send + 'static>(&mut self, reply: Delivery<T>, result: Result<T, Refused>) {
        self.batch.answers.push(Box::new(move |fate| {
            reply(fate.and(result));
            None
        }));
    }

    /// Answers a pull with the ticket its agent now holds, and notices if nobody is there to take it.
    fn hand_over(&mut self, number: TicketNumber, repeated: bool, reply: Delivery<Pulled>) {
        let live = Box::new(live(&self.engine, number));
        let held = live.ticket.assignment().map(|assignment| (number, assignment.token));
        self.batch.answers.push(Box::new(move |fate| {
            let delivered = reply(fate.map(|()| Pulled::Assignment { live, repeated }));
            held.filter(|_| !delivered && !repeated)
        }));
    }

    /// Brings the batch to disk and answers everyone whom it concerns.
    fn commit(&mut self) -> Result<(), Stopped> {
        let batch = std::mem::take(&mut self.batch);
        let fate = if batch.event_count == 0 {
            Ok(())
        } else {
            let begun = stopwatch();
            let result = self.journal.commit(&batch.finished);
            self.metrics.committed(begun.elapsed(), batch.event_count);
            result.map(drop)
        };
        match fate {
            Ok(()) => {
                for answer in batch.answers {
                    self.undelivered.extend(answer(Ok(())));
                }
                for number in batch.touched {
                    self.tell_watchers(number);
                }
                self.tidy()
            }
            Err(AppendError::Full { place, reason }) => {
                tracing::error!(%place, %reason, "no space for the journal: nothing is accepted");
                self.no_space = true;
                self.view_stale = true;
                // What the batch changed is undone by what is on disk.
                self.engine = self.journal.recover(self.engine.limits())?;
                for answer in batch.answers {
                    answer(Err(Refused::NoSpace));
                }
                self.waiting.drain().for_each(|(_, waiting)| {
                    (waiting.reply)(Err(Refused::NoSpace));
                });
                Ok(())
            }
            Err(error) => {
                for answer in batch.answers {
                    answer(Err(Refused::Stopping));
                }
                Err(error.into())
            }
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
        match self.journal.probe() {
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
                Ok(())
            }
            Err(AppendError::Full { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn tell_watchers(&mut self, number: TicketNumber) {
        let Some(watched) = self.watched.get(&number) else { return };
        if self.engine.ticket_numbered(number).is_some() {
            watched.send_replace(see_live(&self.engine, number));
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

    fn publish(&mut self) {
        if self.view_stale && self.view_due_in().is_zero() {
            self.view_stale = false;
            self.view_at = stopwatch();
            let view = View {
                is_full: self.no_space,
                is_draining: self.draining,
                ..View::of(&self.engine, &self.tally, self.clock.now())
            };
            self.view.send_replace(Arc::new(view));
        }
    }

    /// The ticket that an answer is about: as the engine has it, or else the history.
    fn seen(&mut self, answer: &Answer, id: &TicketId) -> Result<Seen, Refused> {
        let number = subject(answer).expect("the answer to such a command is about a ticket");
        if self.engine.ticket_numbered(number).is_some() {
            return Ok(see_live(&self.engine, number));
        }
        if let Some(seen) = see(&self.engine, id) {
            return Ok(seen);
        }
        match self.journal.ended(id.as_str()) {
            Ok(Some(row)) => Ok(Seen::Ended(Box::new(row))),
            Ok(None) => Err(Refused::Unreadable),
            Err(error) => {
                tracing::error!(%error, "the history cannot be read");
                Err(Refused::Unreadable)
            }
        }
    }

    /// Adds what the history knows to a command about a ticket that is no longer in memory.
    fn with_earlier(&mut self, mut command: Command) -> Command {
        match &mut command {
            Command::Cancel { ticket, earlier, .. } | Command::Complete { ticket, earlier, .. } => {
                if self.engine.ticket(ticket).is_none() {
                    *earlier = self.earlier(ticket);
                }
            }
            Command::Start
            | Command::ApplyPolicy { .. }
            | Command::PutAgent(_)
            | Command::DeleteAgent { .. }
            | Command::SetPresence { .. }
            | Command::Submit(_)
            | Command::Update { .. }
            | Command::Retier { .. }
            | Command::Pull { .. }
            | Command::StopWaiting { .. }
            | Command::Extend { .. }
            | Command::Release { .. } => {}
        }
        command
    }
}

impl Driver {
    /// What the history says of an id. A history that cannot be read is said so, and is no reason to
    /// refuse a ticket.
    fn earlier(&mut self, id: &TicketId) -> Option<Earlier> {
        self.journal.earlier(id.as_str()).unwrap_or_else(|error| {
            tracing::error!(%error, "the history cannot be read");
            None
        })
    }
}
