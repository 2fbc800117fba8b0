//! The driver's part in pushing: which streams are open, and what is told on them once it is on disk.

use super::super::work::{Push, Revoked, WorkAsk};
use super::super::{Delivery, Refused};
use super::{Driver, live};
use crate::engine::command::{Command, Event, WorkEnd};
use crate::engine::model::{AgentId, LeaseToken, TicketId, Time};
use tokio::sync::mpsc::Sender;

/// An open stream.
pub(super) struct Streaming {
    number: u64,
    pushes: Sender<Push>,
}

/// Something to be told on a stream once the batch is on disk.
pub(super) struct Telling {
    agent: AgentId,
    number: u64,
    pushes: Sender<Push>,
    push: Push,
}

impl Telling {
    /// Tells it; answers with whose stream does not take it.
    pub(super) fn tell(self) -> Option<(AgentId, u64)> {
        let Self { agent, number, pushes, push } = self;
        // A reader who has left needs no goodbye, and one who is closed for being slow has no room for it.
        let is_last = matches!(push, Push::Closing(_));
        (pushes.try_send(push).is_err() && !is_last).then_some((agent, number))
    }
}

/// An offer that an event is about to end.
pub(super) struct Ending {
    agent: AgentId,
    ticket: TicketId,
    token: LeaseToken,
}

impl Driver {
    pub(super) fn open_work(
        &mut self,
        now: Time,
        ask: WorkAsk,
        number: u64,
        pushes: Sender<Push>,
        reply: Delivery<()>,
    ) {
        let WorkAsk { agent, stream, presence } = ask;
        let opened = if self.is_draining() {
            Err(Refused::Stopping)
        } else {
            let command = Command::OpenWork { agent: agent.clone(), stream, presence };
            self.command(now, command).map(drop)
        };
        if opened.is_ok() {
            self.streams.insert(agent, Streaming { number, pushes });
        }
        self.answer(reply, opened);
    }

    /// Closes that stream, unless a newer one has taken its place.
    pub(super) fn close_work(&mut self, now: Time, agent: AgentId, number: u64, why: WorkEnd) {
        if self.streams.get(&agent).is_some_and(|open| open.number == number) {
            // Without space it is closed when there is some again.
            let _ = self.command(now, Command::CloseWork { agent, why });
        }
    }

    /// Closes the streams whose readers did not take what was told.
    pub(super) fn close_lost(&mut self, now: Time) {
        for (agent, number) in std::mem::take(&mut self.lost) {
            self.close_work(now, agent, number, WorkEnd::Slow);
        }
    }

    /// Closes every stream because the server stops.
    pub(super) fn close_all_work(&mut self, now: Time) {
        let mut agents: Vec<_> = self.streams.keys().cloned().collect();
        agents.sort_unstable();
        for agent in agents {
            let command = Command::CloseWork { agent, why: WorkEnd::ByServer };
            let _ = self.command(now, command);
        }
        // Those that could not be closed in order, for want of space, are cut.
        self.cut_all_work();
    }

    /// Ends every stream without recording it: the engine they were opened in is gone.
    pub(super) fn cut_all_work(&mut self) {
        self.lost.clear();
        for (_, open) in self.streams.drain() {
            let _ = open.pushes.try_send(Push::Closing(WorkEnd::ByServer));
        }
    }

    /// Closes in the engine what was cut.
    pub(super) fn forget_cut_work(&mut self, now: Time) {
        let open = self.engine.roster().iter().filter(|agent| agent.stream.is_some());
        let agents: Vec<_> = open.map(|agent| agent.id.clone()).collect();
        for agent in agents {
            if !self.streams.contains_key(&agent) {
                self.carry_out(now, Command::CloseWork { agent, why: WorkEnd::ByServer })
                    .expect("a stream can always be closed");
            }
        }
    }

    /// The offers that `event` is about to end without their agents' doing, as long as the engine still
    /// knows them.
    pub(super) fn ending_offers(&self, event: &Event) -> Vec<Ending> {
        let ended = match event {
            Event::OfferMissed { token, .. } | Event::OfferRevoked { token, .. } => Some(*token),
            Event::Cancelled { .. } => None,
            // Nothing else ends an offer, but for what its agent asks.
            _ => return Vec::new(),
        };
        let number = event.ticket().filter(|_| !self.streams.is_empty());
        let ticket = number.and_then(|number| self.engine.ticket_numbered(number));
        let Some(ticket) = ticket else { return Vec::new() };
        let ending = ticket.offers().filter(|offer| ended.is_none_or(|token| token == offer.token));
        let ending = ending.map(|offer| Ending {
            agent: offer.agent.clone(),
            ticket: ticket.id.clone(),
            token: offer.token,
        });
        ending.collect()
    }

    /// Tells what has just happened to the streams that it concerns.
    pub(super) fn tell_streams(&mut self, event: &Event, ending: Vec<Ending>) {
        match event {
            Event::Offered { ticket, agent, token, also, .. } => {
                let offered = live(&self.engine, *ticket, self.now());
                for other in also {
                    let (live, token) = (Box::new(offered.clone()), other.token);
                    self.tell_stream(&other.agent, Push::Offer { live, token });
                }
                self.tell_stream(agent, Push::Offer { live: Box::new(offered), token: *token });
            }
            Event::OfferMissed { declined, missed_count, set_away, .. } => {
                for Ending { agent, ticket, token } in ending {
                    let (missed_count, until) = (*missed_count, declined.until);
                    self.tell_stream(&agent, Push::Missed { ticket, token, missed_count, until });
                    if *set_away {
                        let presence = crate::engine::model::Presence::Away;
                        self.tell_stream(&agent, Push::Presence(presence));
                    }
                }
            }
            Event::OfferRevoked { why, .. } => self.tell_revoked(ending, Revoked::Rule(*why)),
            Event::Cancelled { .. } => self.tell_revoked(ending, Revoked::TicketEnded),
            Event::PresenceSet { agent, presence } => {
                self.tell_stream(agent, Push::Presence(*presence));
            }
            Event::WorkClosed { agent, why } => {
                self.tell_stream(agent, Push::Closing(*why));
                self.streams.remove(agent);
            }
            // Nothing else concerns a stream: what its own requests lead to is their answer.
            Event::Started
            | Event::WorkOpened { .. }
            | Event::Accepted { .. }
            | Event::Declined { .. }
            | Event::BackOffEnded { .. }
            | Event::PolicyApplied { .. }
            | Event::PoolPaused(_)
            | Event::PoolResumed(_)
            | Event::WrapUpEnded { .. }
            | Event::AgentPut(_)
            | Event::AgentDeleted { .. }
            | Event::Submitted(_)
            | Event::Updated { .. }
            | Event::UrgencySet { .. }
            | Event::Breached { .. }
            | Event::Escalated { .. }
            | Event::Retiered { .. }
            | Event::Intervened(_)
            | Event::Overflowed { .. }
            | Event::Opened { .. }
            | Event::WaitStarted { .. }
            | Event::WaitEnded { .. }
            | Event::Assigned { .. }
            | Event::Extended { .. }
            | Event::Released { .. }
            | Event::LeaseExpired { .. }
            | Event::Completed { .. }
            | Event::Expired { .. }
            | Event::Audited(_)
            | Event::Transferred(_)
            | Event::CallbackRequested { .. }
            | Event::Queued { .. }
            | Event::Parked { .. }
            | Event::Resumed { .. } => {}
        }
    }

    fn tell_revoked(&mut self, ending: Vec<Ending>, why: Revoked) {
        for Ending { agent, ticket, token } in ending {
            self.tell_stream(&agent, Push::Revoked { ticket, token, why });
        }
    }

    fn tell_stream(&mut self, agent: &AgentId, push: Push) {
        let Some(open) = self.streams.get(agent) else { return };
        let (number, pushes) = (open.number, open.pushes.clone());
        self.batch.pushes.push(Telling { agent: agent.clone(), number, pushes, push });
    }
}
