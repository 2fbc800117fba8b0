//! What stands between a question and the store: cache, one flight a key, breaker, budget.
//!
//! A flight is one question on its way to the store. It is a task of its own: whoever else asks the
//! same meanwhile waits for the same flight, and whoever stops waiting does not end it. Cache and
//! flights are behind one lock, so that a change can make both forget a customer at once and no
//! flight that began before the change can bring the old answer back into the cache.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};

use super::breaker::{Breaker, BreakerState};
use super::cache::{Answer, Cache};
use super::changes::{Announcer, Change, Changes};
use super::customer::{Customer, Identifier, IdentifierKind};
use super::tracking::Ear;
use super::{Answered, Health, Lookup, Observer, Settings};

/// Questions on their way to the store at one time. More are answered as if the store had failed:
/// they could not be answered within the budget anyway.
const FLIGHTS_MAX: usize = 4096;

/// How often a store that is up is asked whether it still is, so that the end of an idle connection
/// is noticed before a caller pays for it.
const PROBE_EVERY: Duration = Duration::from_secs(5);

/// A store that can be asked.
pub(super) trait Backend: Send + Sync + 'static {
    /// Whom the identifier names. The caller limits the time.
    fn read(
        &self,
        identifier: &Identifier,
    ) -> impl Future<Output = Result<Option<Customer>, ReadError>> + Send;

    /// So many questions in a row got no answer in time that something may be wrong with the way to the
    /// store, and not with the store: another one should be tried. Does not wait.
    fn renew(&self) {}

    /// Changes with every new way to the store that has been made, if there can be a new one.
    fn connections(&self) -> Option<watch::Receiver<u64>> {
        None
    }

    /// Asks something that costs what a read costs, in at most `budget`.
    fn probe(&self, budget: Duration) -> impl Future<Output = Result<(), ReadError>> + Send;
}

/// Why a store gave no answer. The texts end in logs and hold no customer's data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ReadError {
    /// It could not answer. Counts against the store.
    Failed(String),
    /// It took too long. Counts against the store.
    TimedOut,
    /// It answered with something that is not a customer. Counts against whoever wrote that.
    Malformed(&'static str),
}

type Landed = Result<Answer, ReadError>;

pub(super) struct Front<B> {
    backend: B,
    budget: Duration,
    fresh_for: Duration,
    unknown_for: Duration,
    stale_for: Duration,
    cool_down: Duration,
    breaker: Breaker,
    health: watch::Sender<Health>,
    desk: Mutex<Desk>,
    malformed_count: AtomicU64,
    changes: Announcer,
    /// Whether the store itself tells of every change.
    listens: AtomicBool,
    observer: Arc<dyn Observer>,
}

struct Desk {
    cache: Cache,
    /// What was answered before this is not fresh, whatever its age.
    fresh_since: Instant,
    flights: HashMap<Identifier, Flight>,
    flights_begun: u64,
    changed: Changed,
}

struct Flight {
    number: u64,
    landed: watch::Receiver<Option<Landed>>,
    /// Changes of customers before it began. Until it lands nobody knows whose answer it is.
    changed_count: u64,
}

/// The customers that changed last, so that a flight that lands can tell whether its own is one of them.
#[derive(Default)]
struct Changed {
    count: u64,
    ids: VecDeque<String>,
}

/// Changed customers remembered: more than change while one flight is under way, but for an import.
const CHANGED_MAX: usize = 1024;

impl Changed {
    fn note(&mut self, id: String) {
        self.count += 1;
        if self.ids.len() == CHANGED_MAX {
            self.ids.pop_front();
        }
        self.ids.push_back(id);
    }

    /// Whether the customer changed after the first `count` changes, or may have.
    fn since(&self, count: u64, id: &str) -> bool {
        let later = usize::try_from(self.count - count).unwrap_or(usize::MAX);
        later > self.ids.len() || self.ids.iter().rev().take(later).any(|changed| changed == id)
    }
}

impl Desk {
    /// Makes whoever asks next ask the store, where the change may matter.
    fn forget(&mut self, change: &Change) {
        match change {
            Change::Customer(id) => {
                self.cache.remove_customer(id);
                if let Ok(by_id) = Identifier::new(IdentifierKind::Id, id) {
                    self.forget_identifier(&by_id);
                }
                self.changed.note(id.clone());
            }
            Change::Identifier(identifier) => self.forget_identifier(identifier),
            Change::Everything => {
                // The answers are still the last known, should the store be silent.
                self.fresh_since = Instant::now();
                self.flights.clear();
            }
        }
    }

    fn forget_identifier(&mut self, identifier: &Identifier) {
        self.cache.remove(identifier);
        self.flights.remove(identifier);
    }
}

impl<B: Backend> Front<B> {
    pub(super) fn new(
        backend: B,
        settings: &Settings,
        health: Health,
        observer: Arc<dyn Observer>,
    ) -> Arc<Self> {
        Arc::new(Self {
            backend,
            budget: settings.budget,
            fresh_for: settings.fresh_for,
            unknown_for: settings.unknown_for,
            stale_for: settings.stale_for,
            cool_down: settings.cool_down,
            breaker: Breaker::new(settings.failures_max, settings.cool_down, Instant::now()),
            health: watch::Sender::new(health),
            desk: Mutex::new(Desk {
                cache: Cache::new(settings.cache_entries_max),
                fresh_since: Instant::now(),
                flights: HashMap::new(),
                flights_begun: 0,
                changed: Changed::default(),
            }),
            malformed_count: AtomicU64::new(0),
            changes: Announcer::new(),
            listens: AtomicBool::new(false),
            observer,
        })
    }

    pub(super) fn backend(&self) -> &B {
        &self.backend
    }

    pub(super) fn budget(&self) -> Duration {
        self.budget
    }

    pub(super) fn health(&self) -> watch::Receiver<Health> {
        self.health.subscribe()
    }

    pub(super) fn breaker(&self) -> BreakerState {
        self.breaker.state()
    }

    pub(super) fn cached_count(&self) -> usize {
        self.desk().cache.len()
    }

    pub(super) async fn lookup(self: &Arc<Self>, identifier: &Identifier) -> Lookup {
        let begun = Instant::now();
        let fresh = self.fresh(identifier, begun);
        self.observer.cached(fresh.is_some());
        let lookup = match fresh {
            Some(lookup) => lookup,
            None => match self.ask(identifier, begun).await {
                Ok(answer) => said(answer),
                Err(_) => self.last_known(identifier),
            },
        };
        self.observer.looked_up(lookup.outcome(), begun.elapsed());
        lookup
    }

    pub(super) async fn lookup_fresh(self: &Arc<Self>, identifier: &Identifier) -> Lookup {
        self.ask(identifier, Instant::now()).await.map_or(Lookup::Unavailable, said)
    }

    /// Makes the next lookup of what changed ask the store, however lately it was asked.
    pub(super) fn forget(&self, changes: &[Change]) {
        let mut desk = self.desk();
        for change in changes {
            desk.forget(change);
        }
    }

    /// Forgets, and then tells everybody who wants to know.
    pub(super) fn announce(&self, change: Change) {
        self.desk().forget(&change);
        self.observer.heard(change.kind());
        self.changes.announce(change);
    }

    pub(super) fn changes(&self) -> Changes {
        self.changes.listener()
    }

    pub(super) fn listens(&self) -> bool {
        self.listens.load(Ordering::Acquire)
    }

    /// Starts the task that asks the store now and then. It ends with the last handle.
    pub(super) fn watch_over(self: &Arc<Self>) {
        let connections = self.backend.connections();
        let health = self.health.subscribe();
        tokio::spawn(Self::probe_for_ever(Arc::downgrade(self), health, connections));
    }

    fn fresh(&self, identifier: &Identifier, now: Instant) -> Option<Lookup> {
        let mut desk = self.desk();
        let (answer, age) = desk.cache.get(identifier, now)?;
        let limit = if answer.is_some() { self.fresh_for } else { self.unknown_for };
        let is_known_old = age > now.saturating_duration_since(desk.fresh_since);
        (age < limit && !is_known_old).then(|| said(answer))
    }

    fn last_known(&self, identifier: &Identifier) -> Lookup {
        match self.desk().cache.get(identifier, Instant::now()) {
            Some((Some(customer), age)) if age <= self.stale_for => Lookup::Stale { customer, age },
            // "Nobody" is not worth keeping: the customer may have come since.
            _ => Lookup::Unavailable,
        }
    }

    /// Asks the store, or joins whoever is asking it the same already. The flight limits the time:
    /// it lands when the budget of whoever began it is used up, which is never after ours.
    async fn ask(self: &Arc<Self>, identifier: &Identifier, begun: Instant) -> Landed {
        let mut landed = self.board(identifier, begun)?;
        match landed.wait_for(Option::is_some).await {
            Ok(landed) => landed.clone().expect("it was waited for"),
            Err(_) => Err(ReadError::Failed("the question was given up".to_owned())),
        }
    }

    fn board(
        self: &Arc<Self>,
        identifier: &Identifier,
        now: Instant,
    ) -> Result<watch::Receiver<Option<Landed>>, ReadError> {
        let mut desk = self.desk();
        // A flight whose task died without landing is as good as none; and so is one that began before
        // a customer changed, for that may be the customer it finds.
        if let Some(flight) = desk.flights.get(identifier)
            && flight.landed.has_changed().is_ok()
            && flight.changed_count == desk.changed.count
        {
            return Ok(flight.landed.clone());
        }
        if desk.flights.len() >= FLIGHTS_MAX {
            return Err(ReadError::Failed("too many questions at once".to_owned()));
        }
        if !self.breaker.admit(now) {
            return Err(ReadError::Failed("the breaker is open".to_owned()));
        }
        desk.flights_begun += 1;
        let number = desk.flights_begun;
        let (sender, landed) = watch::channel(None);
        let changed_count = desk.changed.count;
        let flight = Flight { number, landed: landed.clone(), changed_count };
        desk.flights.insert(identifier.clone(), flight);
        drop(desk);
        tokio::spawn(Arc::clone(self).fly(identifier.clone(), number, now, sender));
        Ok(landed)
    }

    async fn fly(
        self: Arc<Self>,
        identifier: Identifier,
        number: u64,
        begun: Instant,
        landed: watch::Sender<Option<Landed>>,
    ) {
        let answer = timeout_at(begun + self.budget, self.backend.read(&identifier))
            .await
            .unwrap_or(Err(ReadError::TimedOut))
            .map(|customer| customer.map(Arc::new));
        self.account(answer.as_ref().err(), begun);
        {
            let mut desk = self.desk();
            // If the flight is no longer listed, or its customer changed meanwhile, the answer is good
            // for those who asked before, and not for the cache.
            let listed = desk.flights.get(&identifier).filter(|flight| flight.number == number);
            if let Some(changed_count) = listed.map(|flight| flight.changed_count) {
                desk.flights.remove(&identifier);
                let is_old = |found: &Customer| desk.changed.since(changed_count, &found.id);
                if let Ok(answer) = &answer
                    && !answer.as_deref().is_some_and(is_old)
                {
                    desk.cache.put(&identifier, answer.clone(), Instant::now());
                }
            }
        }
        landed.send_replace(Some(answer));
    }

    /// Draws the conclusions from one question to the store.
    fn account(&self, error: Option<&ReadError>, begun: Instant) {
        let now = Instant::now();
        let answered = match error {
            None => Answered::Properly,
            Some(ReadError::Malformed(_)) => Answered::Malformed,
            Some(ReadError::Failed(_)) => Answered::Failed,
            Some(ReadError::TimedOut) => Answered::TimedOut,
        };
        self.observer.asked(answered, now.saturating_duration_since(begun));
        match error {
            None => self.note_up(),
            Some(ReadError::Malformed(reason)) => {
                // Ever more rarely: one bad import must not fill the log, and the metrics count.
                let count = 1 + self.malformed_count.fetch_add(1, Ordering::Relaxed);
                if count.is_power_of_two() {
                    tracing::warn!(reason, count, "the directory holds what is not a customer");
                }
                self.note_up();
            }
            Some(ReadError::Failed(reason)) => {
                self.note_down(reason, now);
            }
            Some(ReadError::TimedOut) => {
                if self.note_down("no answer within the budget", now) {
                    self.backend.renew();
                }
            }
        }
    }

    fn note_up(&self) {
        self.breaker.succeeded();
        if self.health.send_if_modified(|h| std::mem::replace(h, Health::Up) != Health::Up) {
            tracing::info!("the directory answers");
        }
    }

    /// Says whether the breaker opened.
    fn note_down(&self, reason: &str, now: Instant) -> bool {
        let opened = self.breaker.failed(now);
        if opened {
            self.observer.breaker_opened();
        }
        if self.health.send_if_modified(|h| std::mem::replace(h, Health::Down) != Health::Down) {
            tracing::warn!(reason, "the directory does not answer");
        }
        opened
    }

    async fn probe_for_ever(
        front: Weak<Self>,
        mut health: watch::Receiver<Health>,
        mut connections: Option<watch::Receiver<u64>>,
    ) {
        let mut was_early = false;
        while let Some(this) = front.upgrade() {
            let begun = Instant::now();
            if let Some(connections) = &mut connections {
                connections.mark_unchanged();
            }
            if this.breaker.admit(begun) {
                let result = this.backend.probe(this.budget).await;
                this.account(result.as_ref().err(), begun);
            }
            let cool_down = this.cool_down;
            drop(this);
            if *health.borrow() == Health::Up {
                was_early = false;
            }
            // While up, a failed lookup cuts the pause short: then it is time to cool down.
            let fell = health.wait_for(|h| *h == Health::Down);
            match timeout(PROBE_EVERY, fell).await.map(|seen| seen.map(|_| ())) {
                // A store that can be connected to again is likely to answer. Early only every other time:
                // one that takes connections and gives no answers has its peace too.
                Ok(Ok(())) => {
                    let connections = connections.as_mut().filter(|_| !was_early);
                    was_early = is_made(connections, cool_down).await;
                    if was_early && let Some(this) = front.upgrade() {
                        this.breaker.hasten(Instant::now());
                    }
                }
                Ok(Err(_)) => return,
                Err(_) => {}
            }
        }
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().expect("nobody panics with the desk in hand")
    }
}

impl<B: Backend> Ear for Front<B> {
    fn hear(&self, change: Change) {
        self.announce(change);
    }

    fn listen(&self, all: bool) {
        if self.listens.swap(all, Ordering::AcqRel) == all {
            return;
        }
        self.observer.listens(all);
        if all {
            tracing::info!("the directory tells of changes");
        } else {
            tracing::warn!("changes in the directory are not heard at the moment");
        }
    }
}

/// Whether a new way to the store is made within the cool-down. If not, that is over when it ends.
async fn is_made(connections: Option<&mut watch::Receiver<u64>>, cool_down: Duration) -> bool {
    let made = async {
        if let Some(connections) = connections
            && connections.changed().await.is_ok()
        {
            return;
        }
        std::future::pending::<()>().await;
    };
    timeout(cool_down, made).await.is_ok()
}

fn said(answer: Answer) -> Lookup {
    answer.map_or(Lookup::Unknown, |customer| Lookup::Found { customer })
}

#[cfg(test)]
mod tests;
