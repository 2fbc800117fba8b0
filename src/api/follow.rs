//! The stream of events: read from the journal at the reader's pace, so that nothing is kept in memory for
//! anyone, and the switch from what happened to what happens is no switch at all.

use super::Api;
use super::events;
use super::names::no_tier;
use super::proto::v1 as pb;
use super::status::Fault;
use super::validate::Checks;
use crate::engine::command::Event;
use crate::engine::model::Policy;
use crate::journal::{self, Entry, Feed, Seq, Stretch};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::sync::mpsc::error::SendTimeoutError;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot, watch};
use tokio_stream::Stream;
use tonic::Status;

/// Types and tiers in a filter.
pub(super) const FILTER_MAX: usize = 64;
/// Events in one answer: even the longest fit the largest message that is sent.
pub(super) const EVENTS_PER_ANSWER: usize = 256;
/// Answers that wait for a reader.
const ANSWERS_AHEAD: usize = 4;
/// What happens within this time is read at once.
const GATHER: Duration = Duration::from_millis(20);
/// The reader is told after this time how far the filters have come.
const PROGRESS: Duration = Duration::from_secs(1);

/// Events as they are read, and at the end why there are no more.
pub struct Events {
    answers: mpsc::Receiver<pb::WatchEventsResponse>,
    end: Option<oneshot::Receiver<Status>>,
}

impl Stream for Events {
    type Item = Result<pb::WatchEventsResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = ready!(self.answers.poll_recv(cx));
        if let Some(answer) = next {
            return Poll::Ready(Some(Ok(answer)));
        }
        let Some(end) = &mut self.end else { return Poll::Ready(None) };
        let status = ready!(Pin::new(end).poll(cx));
        self.end = None;
        Poll::Ready(status.ok().map(Err))
    }
}

/// What passes the filters of a request.
#[derive(Debug, Default)]
struct Filter {
    types: Vec<pb::EventType>,
    tiers: Vec<String>,
}

impl Filter {
    fn checked(request: &pb::WatchEventsRequest) -> Result<Self, Fault> {
        let mut checks = Checks::default();
        for (field, count) in [("types", request.types.len()), ("tiers", request.tiers.len())] {
            if count > FILTER_MAX {
                let text = format!("has {count} entries, at most {FILTER_MAX} are allowed");
                checks.fault(field, text);
            }
        }
        let mut types = Vec::new();
        for (at, kind) in request.types.iter().enumerate().take(FILTER_MAX) {
            match pb::EventType::try_from(*kind) {
                Ok(known) if known != pb::EventType::Unspecified => types.push(known),
                Ok(_) | Err(_) => {
                    let text = format!("{kind} is not a value of EventType");
                    checks.fault(&format!("types[{at}]"), text);
                }
            }
        }
        for (at, tier) in request.tiers.iter().enumerate().take(FILTER_MAX) {
            checks.name(&format!("tiers[{at}]"), tier);
        }
        checks.done()?;
        Ok(Self { types, tiers: request.tiers.clone() })
    }

    fn takes_kind(&self, event: &Event) -> bool {
        self.types.is_empty() || self.types.contains(&events::kind(event))
    }

    fn takes(&self, event: &pb::Event) -> bool {
        self.tiers.is_empty() || self.tiers.contains(&event.tier)
    }
}

impl Api {
    /// The stream that `request` asks for.
    pub(super) async fn events(&self, request: &pb::WatchEventsRequest) -> Result<Events, Fault> {
        let filter = Filter::checked(request)?;
        self.tiers_known(&request.tiers)?;
        let permit = self.watcher()?;
        let feed = self.handle.feed();
        let durable = self.handle.durable();
        let last = *durable.borrow();
        let after = match request.from_seq {
            None => last,
            Some(wanted) => {
                if wanted > last.0 + 1 {
                    return Err(Fault::event_ahead(wanted, last.0 + 1));
                }
                let asked = feed.clone();
                let first = blocking(move || asked.first()).await?.unwrap_or(Seq(1));
                if (1..first.0).contains(&wanted) {
                    return Err(Fault::event_not_kept(wanted, first.0));
                }
                Seq(wanted.max(first.0) - 1)
            }
        };
        let asked = feed.clone();
        let policy = blocking(move || asked.policies(Seq(after.0 + 1), 1)).await?;
        let (answers, answered) = mpsc::channel(ANSWERS_AHEAD);
        let (end, ended) = oneshot::channel();
        let reader = Reader {
            feed,
            filter,
            after,
            told: after,
            policy: policy.into_iter().next().map(|version| version.policy),
            answers,
            patience: self.settings.reader_patience,
        };
        let (follow, mut views) = (request.follow, self.handle.views());
        tokio::spawn(async move {
            let fault = tokio::select! {
                fault = reader.run(follow.then_some(durable), permit) => fault,
                // Either way there will be no more.
                _ = views.wait_for(|view| view.is_draining) => Some(Fault::stopping()),
            };
            if let Some(fault) = fault {
                // A caller who is gone hears nothing.
                let _ = end.send(fault.into());
            }
        });
        Ok(Events { answers: answered, end: Some(ended) })
    }

    /// A tier that the present policy lacks is a slip of the pen, not a filter.
    fn tiers_known(&self, tiers: &[String]) -> Result<(), Fault> {
        let view = self.handle.view();
        let mut checks = Checks::default();
        for (at, tier) in tiers.iter().enumerate() {
            if view.policy.tier_named(tier).is_none() {
                checks.fault(&format!("tiers[{at}]"), no_tier(tier, &view.policy));
            }
        }
        checks.done()
    }
}

/// Reads for one caller.
struct Reader {
    feed: Feed,
    filter: Filter,
    /// The event read last.
    after: Seq,
    /// The number that the caller was told last.
    told: Seq,
    /// The policy in force after that event.
    policy: Option<Arc<Policy>>,
    answers: mpsc::Sender<pb::WatchEventsResponse>,
    patience: Duration,
}

impl Reader {
    /// Reads until all is read, or with `durable` until nobody listens. Gives the fault that ended it.
    async fn run(
        mut self,
        mut durable: Option<watch::Receiver<Seq>>,
        _permit: OwnedSemaphorePermit,
    ) -> Option<Fault> {
        loop {
            match self.read().await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(Some(fault)) => return Some(fault),
                Err(None) => return None,
            }
            let Some(durable) = &mut durable else {
                return self.tell(Vec::new(), self.after).await.err().flatten();
            };
            let answers = self.answers.clone();
            let news = async {
                let changed = durable.wait_for(|last| *last > self.after).await.is_ok();
                tokio::time::sleep(GATHER).await;
                changed
            };
            tokio::select! {
                has_more = news => if !has_more { return Some(Fault::stopping()) },
                () = answers.closed() => return None,
                () = tokio::time::sleep(PROGRESS), if self.told < self.after => {
                    if let Err(end) = self.tell(Vec::new(), self.after).await {
                        return end;
                    }
                }
            }
        }
    }

    /// Reads and sends the next stretch; whether there was one. An error without a fault: the caller is
    /// gone.
    async fn read(&mut self) -> Result<bool, Option<Fault>> {
        let (feed, after) = (self.feed.clone(), self.after);
        match blocking(move || feed.after(after)).await.map_err(Some)? {
            Stretch::Gone(first) => Err(Some(Fault::event_not_kept(after.0 + 1, first.0))),
            Stretch::Events(entries) if entries.is_empty() => Ok(false),
            Stretch::Events(entries) => {
                let mut passed = Vec::new();
                for entry in entries {
                    self.after = entry.seq;
                    passed.extend(self.passed(&entry));
                    if passed.len() == EVENTS_PER_ANSWER {
                        self.tell(std::mem::take(&mut passed), entry.seq).await?;
                    }
                }
                if !passed.is_empty() || self.after.0 - self.told.0 > PROGRESS_EVENTS {
                    self.tell(passed, self.after).await?;
                }
                Ok(true)
            }
        }
    }

    /// The event as the caller reads it, if it passes the filters.
    fn passed(&mut self, entry: &Entry) -> Option<pb::Event> {
        let told = self
            .filter
            .takes_kind(&entry.event)
            .then(|| events::event(entry, self.policy.as_deref()))
            .filter(|event| self.filter.takes(event));
        if let Event::PolicyApplied { policy, .. } = &entry.event {
            self.policy = Some(policy.clone());
        }
        told
    }

    async fn tell(&mut self, events: Vec<pb::Event>, through: Seq) -> Result<(), Option<Fault>> {
        let answer = pb::WatchEventsResponse { events, through_seq: through.0 };
        match self.answers.send_timeout(answer, self.patience).await {
            Ok(()) => {
                self.told = through;
                Ok(())
            }
            Err(SendTimeoutError::Timeout(_)) => {
                Err(Some(Fault::reader_too_slow(self.patience, self.told.0 + 1)))
            }
            Err(SendTimeoutError::Closed(_)) => Err(None),
        }
    }
}

/// Events after which the caller is told how far the filters have come, however few passed.
const PROGRESS_EVENTS: u64 = 10_000;

pub(super) async fn blocking<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, journal::Error> + Send + 'static,
) -> Result<T, Fault> {
    let read = tokio::task::spawn_blocking(read).await.map_err(|_| Fault::stopping())?;
    read.map_err(|error| {
        tracing::error!(%error, "the journal cannot be read");
        Fault::history_unreadable()
    })
}
