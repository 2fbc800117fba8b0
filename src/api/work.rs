//! The Work stream: a hello, then offers down and answers up, until one side has enough.
//!
//! One task a stream stands between the caller and the driver. It keeps the time that the caller may be
//! silent, which is real time and no business of the engine.

use super::convert::{self, Payload};
use super::places::Place;
use super::proto::v1::{self as pb, work_request::Request as Up, work_response::Event as Down};
use super::status::Fault;
use super::validate::Checks;
use super::{Api, offers};
use crate::driver::{Live, OpenWork, Push, Revoked, WorkAsk};
use crate::engine::command::{Revocation, WorkEnd};
use crate::engine::model::{AgentId, LeaseToken, Presence};
use crate::engine::push::Stream as AgentStream;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_stream::Stream;
use tonic::{Status, Streaming};

/// Answers that may wait for a stream's reader before the stream is closed.
pub(super) const WORK_BUFFER_MAX: usize = 64;
/// How long the hello may take to come.
pub(super) const HELLO_MS_MAX: u64 = 10_000;
/// A stream is closed after so many heartbeat intervals in silence: one is missed, and none was merely slow.
pub(super) const SILENT_INTERVALS: u32 = 2;

/// The answers of a Work stream, and the status at their end.
pub struct WorkEvents {
    answers: mpsc::Receiver<pb::WorkResponse>,
    /// `None` once the stream has ended.
    end: Option<oneshot::Receiver<Option<Fault>>>,
    _permit: Place,
}

impl Stream for WorkEvents {
    type Item = Result<pb::WorkResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(answer) = ready!(self.answers.poll_recv(cx)) {
            return Poll::Ready(Some(Ok(answer)));
        }
        let Some(end) = &mut self.end else { return Poll::Ready(None) };
        let end = ready!(Pin::new(end).poll(cx));
        self.end = None;
        // A task that has gone without a word was stopped with the server.
        let fault = end.unwrap_or_else(|_| Some(Fault::stopping()));
        Poll::Ready(fault.map(|fault| Err(fault.into())))
    }
}

impl Api {
    /// Reads the hello, opens the stream and leaves it to a task of its own.
    pub(super) async fn begin_work(
        &self,
        mut requests: Streaming<pb::WorkRequest>,
    ) -> Result<WorkEvents, Fault> {
        let permit = self.work_streams.take("agents have Work streams already")?;
        let first = timeout(Duration::from_millis(HELLO_MS_MAX), requests.message()).await;
        let hello = match first.map(Result::ok).ok().flatten().flatten().and_then(|m| m.request) {
            Some(Up::Hello(hello)) => hello,
            Some(Up::Presence(_) | Up::Heartbeat(_) | Up::Accept(_) | Up::Decline(_)) | None => {
                return Err(Fault::field("hello", "is required as the first message"));
            }
        };
        let ask = checked_hello(&hello)?;
        let agent = ask.agent.clone();
        let opened = self.handle.open_work(ask).await;
        let opened = opened.map_err(|refused| Fault::refused(refused, agent.as_str()))?;
        let seen = self.agent(&agent).await?;
        let (answers, answered) = mpsc::channel(WORK_BUFFER_MAX);
        let (end, ended) = oneshot::channel();
        let interval = self.settings.work_heartbeat;
        let welcome = pb::WorkWelcome {
            heartbeat_interval: prost_types::Duration::try_from(interval).ok(),
            agent: Some(seen),
        };
        let session = Session { api: self.clone(), agent, answers };
        session.say(Down::Welcome(welcome)).expect("there is room for the first answer");
        tokio::spawn(async move {
            let fault = session.serve(requests, opened, interval * SILENT_INTERVALS).await;
            // A caller who has left reads no status.
            let _ = end.send(fault);
        });
        Ok(WorkEvents { answers: answered, end: Some(ended), _permit: permit })
    }
}

/// One stream at work.
struct Session {
    api: Api,
    agent: AgentId,
    answers: mpsc::Sender<pb::WorkResponse>,
}

impl Session {
    /// Serves until the stream ends; answers with the fault that it ends with, if with one.
    async fn serve(
        self,
        mut requests: Streaming<pb::WorkRequest>,
        mut opened: OpenWork,
        silent_max: Duration,
    ) -> Option<Fault> {
        let silence = sleep_until(Instant::now() + silent_max);
        tokio::pin!(silence);
        loop {
            let said = tokio::select! {
                biased;
                push = opened.pushes.recv() => match push {
                    Some(Push::Closing(why)) => return self.closing(why),
                    Some(Push::Offer { live, token }) => {
                        let card = self.api.card(&live).await;
                        self.say(Down::Offer(pb::WorkOffer { card, ..offer(&live, token) }))
                    }
                    Some(push) => self.say(told(push)),
                    None => return Some(Fault::stopping()),
                },
                request = requests.message() => match request {
                    Ok(Some(request)) => {
                        silence.as_mut().reset(Instant::now() + silent_max);
                        match self.answer(request).await {
                            Some(answer) => self.say(answer),
                            None => Ok(()),
                        }
                    }
                    // The caller has closed the stream, or broken off.
                    Ok(None) | Err(_) => return None,
                },
                () = &mut silence => {
                    opened.close(WorkEnd::Silent);
                    return self.closing(WorkEnd::Silent);
                }
            };
            if said.is_err() {
                opened.close(WorkEnd::Slow);
                return Some(Fault::stream_lost("what was sent on this stream was not read"));
            }
        }
    }

    /// Carries one request out; `None` when there is nothing to say to it.
    async fn answer(&self, request: pb::WorkRequest) -> Option<Down> {
        let (ticket_id, answer) = match request.request {
            Some(Up::Heartbeat(pb::WorkHeartbeat {})) => return None,
            Some(Up::Presence(presence)) => (String::new(), self.presence(&presence).await),
            Some(Up::Accept(accept)) => {
                let accepted = self.api.accept_offer_of(&accept).await;
                (accept.ticket_id, accepted.map(|assignment| Some(Down::Accepted(assignment))))
            }
            Some(Up::Decline(decline)) => {
                let declined = self.decline(&decline).await;
                (decline.ticket_id, declined.map(|declined| Some(Down::Declined(declined))))
            }
            Some(Up::Hello(_)) => {
                let fault = Fault::field("hello", "comes once, as the first message");
                (String::new(), Err(fault))
            }
            None => (String::new(), Err(Fault::field("request", "is required"))),
        };
        match answer {
            Ok(answer) => answer,
            Err(fault) => {
                let error = Some(fault.into());
                Some(Down::Refused(pb::WorkRefused { ticket_id, error }))
            }
        }
    }

    /// The new presence is told by the event it leads to.
    async fn presence(&self, presence: &pb::WorkPresence) -> Result<Option<Down>, Fault> {
        let mut checks = Checks::default();
        let presence = checks.inside("presence.", |checks| checks.presence(presence.presence));
        checks.done()?;
        let set = self.api.handle.set_presence(self.agent.clone(), presence).await;
        set.map_err(|refused| Fault::refused(refused, self.agent.as_str()))?;
        Ok(None)
    }

    async fn decline(&self, decline: &pb::DeclineOfferRequest) -> Result<pb::WorkDeclined, Fault> {
        let number = self.api.decline_offer_of(decline).await?.number;
        let agent = self.agent.clone();
        let declined = self.api.handle.read(move |engine, _| {
            let number = crate::engine::model::TicketNumber(number);
            engine.roster().get(&agent)?.declined.get(&number)?.until
        });
        let until =
            declined.await.map_err(|refused| Fault::refused(refused, self.agent.as_str()))?;
        Ok(pb::WorkDeclined {
            ticket_id: decline.ticket_id.clone(),
            lease_token: decline.lease_token,
            until: until.map(convert::timestamp),
        })
    }

    /// The last words, and the status that says the same.
    fn closing(&self, why: WorkEnd) -> Option<Fault> {
        let (reason, fault) = match why {
            WorkEnd::ByAgent => return None,
            WorkEnd::Silent => {
                (pb::WorkCloseReason::Silent, Fault::stream_lost("nothing was heard for too long"))
            }
            WorkEnd::Replaced => (pb::WorkCloseReason::Replaced, Fault::stream_replaced()),
            WorkEnd::Slow => {
                return Some(Fault::stream_lost("what was sent on this stream was not read"));
            }
            WorkEnd::ByServer => (pb::WorkCloseReason::Server, Fault::stopping()),
            WorkEnd::AgentDeleted => {
                let fault = Fault::agent_not_found(self.agent.as_str());
                (pb::WorkCloseReason::AgentDeleted, fault)
            }
        };
        // Whoever has no room for it reads the status.
        let _ = self.say(Down::Closing(pb::WorkClosing { reason: reason.into() }));
        Some(fault)
    }

    /// Says it, unless the reader is behind by too much.
    fn say(&self, event: Down) -> Result<(), Behind> {
        self.answers.try_send(pb::WorkResponse { event: Some(event) }).map_err(|_| Behind)
    }
}

/// The reader of a stream has left, or is behind by too much.
#[derive(Debug)]
struct Behind;

fn checked_hello(hello: &pb::WorkHello) -> Result<WorkAsk, Fault> {
    let mut checks = Checks::default();
    let ask = checks.inside("hello.", |checks| WorkAsk {
        agent: checks.agent_id(&hello.agent_id),
        stream: AgentStream {
            session: checks.optional_id("session_id", &hello.session_id),
            maxima: checks.maxima(&hello.maxima),
        },
        presence: match pb::Presence::try_from(hello.presence) {
            Ok(pb::Presence::Unspecified) => Presence::Available,
            Ok(pb::Presence::Available | pb::Presence::Away | pb::Presence::Draining) | Err(_) => {
                checks.presence(hello.presence)
            }
        },
    });
    checks.done()?;
    Ok(ask)
}

fn told(push: Push) -> Down {
    match push {
        Push::Offer { .. } => unreachable!("an offer is told with its card"),
        Push::Revoked { ticket, token, why } => Down::Revoked(pb::WorkRevoked {
            ticket_id: ticket.to_string(),
            lease_token: token.0,
            reason: match why {
                Revoked::Rule(Revocation::Away) => pb::RevokeReason::Away,
                Revoked::Rule(Revocation::StreamClosed) => pb::RevokeReason::StreamClosed,
                Revoked::Rule(Revocation::AgentDeleted) => pb::RevokeReason::AgentDeleted,
                Revoked::Rule(Revocation::Supervisor) => pb::RevokeReason::Supervisor,
                Revoked::Rule(Revocation::TakenByAnother) => pb::RevokeReason::TakenByAnother,
                Revoked::TicketEnded => pb::RevokeReason::TicketEnded,
            }
            .into(),
        }),
        Push::Missed { ticket, token, missed_count, until } => Down::Missed(pb::WorkMissed {
            ticket_id: ticket.to_string(),
            lease_token: token.0,
            missed_count: missed_count.into(),
            until: until.map(convert::timestamp),
        }),
        Push::Presence(presence) => {
            let presence = pb::Presence::from(presence).into();
            Down::Presence(pb::WorkPresence { presence })
        }
        Push::Closing(_) => unreachable!("a session ends with it"),
    }
}

fn offer(live: &Live, token: LeaseToken) -> pb::WorkOffer {
    let own = live.ticket.offers().find(|offer| offer.token == token);
    let offer = own.expect("it was read in the moment of the offer");
    let told = offers::offer(offer, &live.policy);
    pb::WorkOffer {
        ticket: Some(convert::live_ticket(live, Payload::Shown)),
        lease_token: offer.token.0,
        pool: told.pool,
        offered_at: told.offered_at,
        expires_at: told.expires_at,
        decision: told.decision,
        card: None,
    }
}
