//! `tierline work --push`: offers come by themselves on a Work stream and are accepted or declined.
//!
//! Says that the agent is there as often as the server asks for it. When the stream breaks, offers are void
//! and tickets in hand stay: their leases are extended, and the stream is opened again as soon as there is a
//! server.

use super::super::console;
use super::super::desk::{Held, RETRY_MIN, Remarks, next_retry, ticket_id};
use super::super::fault::Fault;
use super::super::humane;
use super::super::ticket;
use super::super::view;
use super::{Shift, Step, typed, typed_command};
use crate::api::proto::v1;
use crate::api::proto::v1::work_request::Request as Up;
use crate::api::proto::v1::work_response::Event as Down;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep_until};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

/// What may wait to be sent: far more than a person says at once.
const SAID_MAX: usize = 16;
/// How often the time left to accept is shown anew.
const COUNTDOWN: Duration = Duration::from_secs(1);

/// An agent on a stream: what is offered, and what is in hand.
pub(super) struct Pushed<'a> {
    shift: &'a mut Shift,
    /// The first is the one that Enter accepts.
    offers: VecDeque<Offer>,
    /// The first is the one that Enter completes.
    hands: VecDeque<InHand>,
    /// The accept or decline whose answer is awaited.
    answering: Option<Up>,
    is_away: bool,
    /// A ticket that is complete and may still be written up: Enter ends that.
    wrapping: Option<v1::Assignment>,
    /// When to give up because nothing was offered.
    gives_up_at: Option<Instant>,
}

/// What is offered.
struct Offer {
    offer: v1::WorkOffer,
    /// When it ends, in real time.
    ends_at: Instant,
}

/// A ticket in hand.
struct InHand {
    assignment: v1::Assignment,
    extends_at: Instant,
    extend_every: Duration,
    /// When it is complete by itself, with `--auto`.
    ready_at: Option<Instant>,
}

/// An open stream.
struct Line {
    up: mpsc::Sender<v1::WorkRequest>,
    down: Streaming<v1::WorkResponse>,
    heartbeat: Interval,
}

/// Why a stream is left.
enum End {
    /// The command is over.
    Done,
    /// It broke, and can be opened again.
    Lost(Fault),
}

impl Line {
    fn say(&self, request: Up) {
        // A stream that takes nothing more is about to end, and that is told by its other side.
        let _ = self.up.try_send(v1::WorkRequest { request: Some(request) });
    }
}

impl<'a> Pushed<'a> {
    pub(super) fn new(shift: &'a mut Shift) -> Self {
        let (offers, hands) = (VecDeque::new(), VecDeque::new());
        Self {
            shift,
            offers,
            hands,
            answering: None,
            is_away: false,
            wrapping: None,
            gives_up_at: None,
        }
    }

    /// Works until the agent has enough. What is in hand then goes back.
    pub(super) async fn serve(mut self) -> Result<(), Fault> {
        let done = self.keep_open().await;
        console::status("");
        while let Some(work) = self.hands.pop_front() {
            self.shift.give_back(&work.assignment).await;
        }
        done
    }

    async fn keep_open(&mut self) -> Result<(), Fault> {
        let mut retry = RETRY_MIN;
        self.await_offers();
        let mut opened = Some(self.open().await?);
        loop {
            let fault = if let Some(line) = &mut opened {
                retry = RETRY_MIN;
                match self.work(line).await? {
                    End::Done => return Ok(()),
                    End::Lost(fault) => fault,
                }
            } else {
                tokio::select! {
                    () = tokio::time::sleep(next_retry(&mut retry)) => {}
                    () = self.shift.desk.ending() => return Ok(()),
                }
                match self.open().await {
                    Ok(line) => {
                        console::note("the stream is open again");
                        // An accept that was carried out and not answered is answered now.
                        if let Some(Up::Accept(accept)) = self.answering.take() {
                            self.answer(&line, Up::Accept(accept));
                        }
                        opened = Some(line);
                        continue;
                    }
                    Err(fault) if fault.is_passing() => continue,
                    Err(fault) => return Err(fault),
                }
            };
            opened = None;
            self.offers.clear();
            console::status("");
            console::note(format_args!(
                "{fault}\nthe stream is opened again when there is a server"
            ));
        }
    }

    async fn open(&mut self) -> Result<Line, Fault> {
        let (up, requests) = mpsc::channel(SAID_MAX);
        let hello = v1::WorkHello {
            agent_id: self.shift.work.agent.clone(),
            session_id: uuid::Uuid::now_v7().to_string(),
            presence: v1::Presence::Available.into(),
            ..v1::WorkHello::default()
        };
        let said = v1::WorkRequest { request: Some(Up::Hello(hello)) };
        up.try_send(said).expect("nothing was said before");
        let (down, welcome) = self.shift.desk.stream(ReceiverStream::new(requests)).await?;
        let every = welcome.heartbeat_interval.and_then(|every| Duration::try_from(every).ok());
        // Twice as often as asked, so that one that is late is none that is missed.
        let every = every.unwrap_or(Duration::from_secs(10)) / 2;
        let mut heartbeat = interval(every.max(Duration::from_millis(10)));
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        self.is_away = false;
        Ok(Line { up, down, heartbeat })
    }

    /// Serves one stream to its end.
    async fn work(&mut self, line: &mut Line) -> Result<End, Fault> {
        let mut countdown = interval(COUNTDOWN);
        loop {
            let can_type = self.answering.is_none()
                && (!self.offers.is_empty() || !self.hands.is_empty() || self.is_terminal());
            let extends_at = self.hands.iter().map(|work| work.extends_at).min();
            let ready_at = self.hands.iter().filter_map(|work| work.ready_at).min();
            let idle = self.offers.is_empty() && self.hands.is_empty();
            tokio::select! {
                // In this order: who wants to end does.
                biased;
                () = self.shift.desk.ending() => return Ok(End::Done),
                heard = line.down.message() => match heard {
                    Ok(Some(v1::WorkResponse { event: Some(event) })) => {
                        self.heard(line, event)?;
                    }
                    // Something that a later server says.
                    Ok(Some(v1::WorkResponse { event: None })) => {}
                    Ok(None) => return Ok(End::Lost(Fault::Denied("the stream has ended".to_owned()))),
                    Err(status) => return self.shift.desk.lost(status).map(End::Lost),
                },
                _ = line.heartbeat.tick() => line.say(Up::Heartbeat(v1::WorkHeartbeat {})),
                () = at(ready_at) => {
                    if self.complete(Remarks::default()).await? {
                        return Ok(End::Done);
                    }
                }
                () = at(extends_at) => self.extend().await?,
                () = at(self.gives_up_at.filter(|_| idle)) => {
                    console::note("no ticket came");
                    return Err(Fault::Told(75));
                }
                _ = countdown.tick(), if !self.offers.is_empty() => self.count_down(),
                typed = typed(&mut self.shift.keyboard), if can_type => {
                    if self.typed(line, typed).await? {
                        return Ok(End::Done);
                    }
                }
            }
        }
    }

    /// What the server says.
    fn heard(&mut self, line: &Line, event: Down) -> Result<(), Fault> {
        match event {
            Down::Offer(offer) => {
                self.tell_offer(&offer)?;
                let accepts_itself = self.shift.work.auto.is_some();
                self.offers.push_back(Offer { ends_at: self.ends_at(&offer), offer });
                if accepts_itself {
                    self.accept(line);
                }
            }
            Down::Accepted(assignment) => {
                self.answering = None;
                self.drop_offer(ticket_id(&assignment));
                self.gives_up_at = None;
                self.shift.show(&assignment)?;
                let extend_every = self.shift.desk.extend_every(&assignment);
                let now = Instant::now();
                self.hands.push_back(InHand {
                    extends_at: now + extend_every,
                    extend_every,
                    ready_at: self.shift.work.auto.map(|auto| now + auto),
                    assignment,
                });
            }
            Down::Declined(declined) => {
                self.answering = None;
                self.drop_offer(&declined.ticket_id);
                let until = view::instant(declined.until);
                self.tell_gone(
                    "is declined",
                    Step::Declined { ticket_id: declined.ticket_id, until },
                )?;
            }
            Down::Missed(missed) => {
                self.drop_offer(&missed.ticket_id);
                let v1::WorkMissed { ticket_id, missed_count, until, .. } = missed;
                let until = view::instant(until);
                self.tell_gone(
                    "was offered in vain",
                    Step::Missed { ticket_id, missed_count, until },
                )?;
            }
            Down::Revoked(revoked) => {
                self.drop_offer(&revoked.ticket_id);
                let reason = revoke_reason(revoked.reason()).to_owned();
                let ticket_id = revoked.ticket_id;
                self.tell_gone("was taken back", Step::Revoked { ticket_id, reason })?;
            }
            Down::Presence(presence) => self.heard_presence(presence.presence())?,
            Down::Refused(refused) => {
                self.answering = None;
                self.drop_offer(&refused.ticket_id);
                let why = refused.error.map(|error| error.message).unwrap_or_default();
                console::note(format_args!("the server refuses: {why}"));
            }
            // What follows is the end of the stream, which says the same.
            Down::Welcome(_) | Down::Closing(_) => {}
        }
        Ok(())
    }

    fn heard_presence(&mut self, presence: v1::Presence) -> Result<(), Fault> {
        let is_away = presence == v1::Presence::Away;
        if is_away && !self.is_away {
            console::status("");
            if !self.is_terminal() {
                return Err(Fault::Denied("the agent was set away".to_owned()));
            }
            console::note("you are away: nothing more is offered; /back makes you available");
        }
        self.is_away = is_away;
        Ok(())
    }

    /// What a person or a script says; whether the command is over.
    async fn typed(&mut self, line: &Line, typed: Option<String>) -> Result<bool, Fault> {
        let Some(text) = typed else { return Ok(true) };
        let text = text.trim();
        match typed_command(text) {
            Some((word @ ("back" | "away"), _)) => {
                let presence =
                    if word == "back" { v1::Presence::Available } else { v1::Presence::Away };
                // Who asks for it need not be told.
                self.is_away = presence == v1::Presence::Away;
                line.say(Up::Presence(v1::WorkPresence { presence: presence.into() }));
                return Ok(false);
            }
            Some(("release", reason)) => {
                self.release(reason.to_owned()).await?;
                return Ok(self.shift.work.once && self.hands.is_empty());
            }
            Some(("burden", said)) if !said.is_empty() && !self.hands.is_empty() => {
                return self.complete(Remarks::burden(said)).await;
            }
            Some(("decline", reason)) => {
                self.decline(line, reason);
                return Ok(false);
            }
            Some((word, _)) => {
                console::note(format!(
                    "/{word} is nothing here; there are /decline, /burden WORD, /release, /away and /back"
                ));
                return Ok(false);
            }
            None => {}
        }
        if self.offers.is_empty() {
            if !self.hands.is_empty() {
                return self.complete(Remarks::note(text)).await;
            }
            if let Some(written) = self.wrapping.take() {
                self.shift.desk.finish_wrap_up(&written).await?;
            }
            return Ok(false);
        }
        if text.is_empty() {
            self.accept(line);
        } else {
            console::note("Enter alone accepts; /decline REASON declines");
        }
        Ok(false)
    }

    fn decline(&mut self, line: &Line, reason: &str) {
        let Some(first) = self.offers.front() else {
            return console::note("nothing is offered that could be declined");
        };
        let offer = &first.offer;
        let decline = v1::DeclineOfferRequest {
            ticket_id: offered_id(offer).to_owned(),
            lease_token: offer.lease_token,
            reason: reason.to_owned(),
        };
        self.answer(line, Up::Decline(decline));
    }

    fn accept(&mut self, line: &Line) {
        let Some(first) = self.offers.front() else { return };
        let offer = &first.offer;
        let accept = v1::AcceptOfferRequest {
            ticket_id: offered_id(offer).to_owned(),
            lease_token: offer.lease_token,
        };
        self.answer(line, Up::Accept(accept));
    }

    fn answer(&mut self, line: &Line, answer: Up) {
        line.say(answer.clone());
        self.answering = Some(answer);
    }

    /// Completes the ticket that is first in hand; whether the command is over.
    async fn complete(&mut self, remarks: Remarks) -> Result<bool, Fault> {
        let Some(work) = self.hands.pop_front() else { return Ok(false) };
        let outcome = self.shift.work.outcome.clone();
        let desk = &self.shift.desk;
        match desk.complete(&work.assignment, outcome, remarks, false, true).await {
            Ok(Held::Done((answer, _))) => {
                self.shift.tell_completed(&answer)?;
                if !self.is_terminal() {
                    self.shift.wrap_up(&work.assignment, &answer).await?;
                } else if answer.wrap_up_until.is_some() {
                    console::note("wrap-up: Enter to finish");
                    self.wrapping = Some(work.assignment);
                }
            }
            Ok(Held::Lost(reason)) => self.shift.tell_lost(&work.assignment, reason)?,
            Err(fault) => {
                // It is given back before the command ends.
                self.hands.push_front(work);
                return Err(fault);
            }
        }
        self.await_offers();
        Ok(self.shift.work.once)
    }

    async fn release(&mut self, reason: String) -> Result<(), Fault> {
        let Some(work) = self.hands.pop_front() else {
            console::note("there is nothing in your hands");
            return Ok(());
        };
        let released = self.shift.desk.release(&work.assignment, reason.clone()).await?;
        self.await_offers();
        self.shift.tell_released(&work.assignment, reason, released)
    }

    /// Extends the leases that are due, and lets go what is no longer held.
    async fn extend(&mut self) -> Result<(), Fault> {
        let now = Instant::now();
        let mut at = 0;
        while at < self.hands.len() {
            let work = &mut self.hands[at];
            if work.extends_at > now {
                at += 1;
                continue;
            }
            work.extends_at = now + work.extend_every;
            match self.shift.desk.extend(&work.assignment).await {
                Held::Done(()) => at += 1,
                Held::Lost(reason) => {
                    let lost = self.hands.remove(at).expect("it is there");
                    self.shift.tell_lost(&lost.assignment, reason)?;
                    self.await_offers();
                }
            }
        }
        Ok(())
    }

    /// From now on nothing to do counts.
    fn await_offers(&mut self) {
        self.gives_up_at = self.shift.work.wait.map(|wait| Instant::now() + wait);
    }

    fn is_terminal(&self) -> bool {
        self.shift.keyboard.as_ref().is_some_and(super::Keyboard::is_terminal)
    }

    fn drop_offer(&mut self, id: &str) {
        self.offers.retain(|known| offered_id(&known.offer) != id);
        if self.offers.is_empty() {
            console::status("");
        }
    }

    /// When an offer that has just come ends, in real time.
    fn ends_at(&self, offer: &v1::WorkOffer) -> Instant {
        let lasts = view::instant(offer.offered_at)
            .zip(view::instant(offer.expires_at))
            .map_or(0, |(from, until)| humane::between_ms(from, until));
        let lasts = Duration::from_millis(u64::try_from(lasts).unwrap_or(0));
        Instant::now() + lasts.div_f64(self.shift.desk.speed())
    }

    fn count_down(&self) {
        let Some(first) = self.offers.front() else { return };
        let left = first.ends_at.saturating_duration_since(Instant::now());
        console::status(format_args!(
            "{} s to accept {}",
            left.as_secs(),
            offered_id(&first.offer)
        ));
    }

    fn tell_offer(&self, offer: &v1::WorkOffer) -> Result<(), Fault> {
        let ticket = offer.ticket.as_ref().ok_or(Fault::Answer("ticket"))?;
        if self.shift.is_json {
            return console::json_line(&Step::Offered {
                lease_token: offer.lease_token,
                pool: offer.pool.clone(),
                expires_at: view::instant(offer.expires_at),
                decision: offer.decision.clone().map(Into::into),
                ticket: Box::new(ticket.clone().into()),
                card: offer.card.clone().map(|card| Box::new(card.into())),
            });
        }
        let now = view::instant(offer.offered_at).ok_or(Fault::Answer("time"))?;
        let mut card = ticket::card(ticket, now);
        if let Some(customer) = &offer.card {
            super::super::card::add(&mut card, customer, now);
        }
        console::say(format_args!("\noffered:\n{card}"))?;
        if self.is_terminal() {
            console::note("Enter accepts; /decline REASON declines");
        }
        Ok(())
    }

    /// Tells what became of an offer.
    fn tell_gone(&self, what: &str, step: Step) -> Result<(), Fault> {
        if self.shift.is_json {
            return console::json_line(&step);
        }
        let (ticket_id, more) = match step {
            Step::Declined { ticket_id, .. } => (ticket_id, String::new()),
            Step::Missed { ticket_id, missed_count, .. } => {
                (ticket_id, format!(" ({missed_count} in a row)"))
            }
            Step::Revoked { ticket_id, reason } => (ticket_id, format!(" ({reason})")),
            Step::Offered { .. }
            | Step::Assigned { .. }
            | Step::Completed { .. }
            | Step::WrappedUp { .. }
            | Step::Released { .. }
            | Step::Lost { .. } => unreachable!("no offer ends with it"),
        };
        console::say(format_args!("{ticket_id} {what}{more}\n"))
    }
}

/// Waits for that instant; for ever without one.
async fn at(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

fn offered_id(offer: &v1::WorkOffer) -> &str {
    offer.ticket.as_ref().map_or("", |ticket| ticket.ticket_id.as_str())
}

fn revoke_reason(reason: v1::RevokeReason) -> &'static str {
    match reason {
        v1::RevokeReason::Unspecified => "no reason",
        v1::RevokeReason::Away => "away",
        v1::RevokeReason::TicketEnded => "ticket-ended",
        v1::RevokeReason::StreamClosed => "stream-closed",
        v1::RevokeReason::AgentDeleted => "agent-deleted",
        v1::RevokeReason::Supervisor => "supervisor",
        v1::RevokeReason::TakenByAnother => "taken-by-another",
    }
}
