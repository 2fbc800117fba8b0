//! `tierline work`: an agent's desk in the terminal. Pull, show, complete, and again.
//!
//! A ticket is never left behind: while it is in hand its lease is extended, and whoever ends the command
//! gives it back first. If even that fails, the lease runs out and the server takes the ticket back.

use super::agents::set_presence;
use super::connect::Connection;
use super::console;
use super::fault::Fault;
use super::humane;
use super::keyboard::Keyboard;
use super::ticket;
use super::view;
use super::{Context, contract_duration};
use crate::api::proto::v1;
use crate::clock;
use clap::Args;
use jiff::Timestamp;
use serde::Serialize;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// How long one pull waits at the server.
const PULL_WAIT: Duration = Duration::from_secs(30);
/// The shortest time between two extensions of a lease.
const EXTEND_MIN: Duration = Duration::from_millis(200);
/// The first and the longest pause before a server that did not answer is asked again.
const RETRY_MIN: Duration = Duration::from_millis(500);
const RETRY_MAX: Duration = Duration::from_secs(8);

/// Takes tickets as an agent: pull, show, complete, in a loop.
///
/// Sets the agent available, waits for a ticket and shows it. Enter completes it, with whatever you type before as a
/// note; `/release REASON` gives it back. Its lease is extended while you have it. Ctrl-C gives the ticket back, sets
/// the agent away and ends.
#[derive(Args, Debug)]
#[command(after_help = "\
JSON: a line for each step, with the field event: \"assigned\" {agent_id, pool, lease_token, lease_until, decision, \
ticket}, \"completed\" {ticket_id, handle_ms, response_in_deadline, solution_in_deadline}, \"released\" and \"lost\" \
{ticket_id, reason}.

Exit codes: 0 ended by you or after --once, 75 nothing came within --wait.

Examples:
  tierline work ada
  tierline work ada --auto 5                 complete each ticket after five seconds
  tierline work ada --once --auto 0 --wait 0s  take what is next, if there is anything")]
pub struct Work {
    /// The agent; make one with `tierline agents put`
    #[arg(value_name = "AGENT")]
    agent: String,
    /// Complete each ticket by itself after so many seconds
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    auto: Option<Duration>,
    /// End after one ticket
    #[arg(long)]
    once: bool,
    /// Give up when no ticket has come for so long; 0s looks once
    #[arg(long, value_name = "DURATION", value_parser = super::duration)]
    wait: Option<Duration>,
    /// The result to report at completion, at most 64 characters
    #[arg(long, value_name = "TEXT", default_value = "solved")]
    outcome: String,
}

/// Reads seconds, or a duration with its unit, for clap.
fn seconds(text: &str) -> Result<Duration, String> {
    text.parse().map(Duration::from_secs).or_else(|_| super::duration(text))
}

/// One step, for programs.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Step {
    Assigned {
        agent_id: String,
        pool: String,
        lease_token: u64,
        lease_until: Option<Timestamp>,
        decision: Option<view::Decision>,
        ticket: Box<view::Ticket>,
    },
    Completed {
        ticket_id: String,
        handle_ms: i64,
        response_in_deadline: bool,
        solution_in_deadline: Option<bool>,
    },
    Released {
        ticket_id: String,
        reason: String,
    },
    Lost {
        ticket_id: String,
        reason: String,
    },
}

/// What a pull brought.
enum Pulled {
    Ticket(Box<v1::Assignment>),
    /// Nothing within the time to wait.
    Nothing,
    /// The command is to end.
    Stop,
}

/// What is to become of the ticket in hand.
enum Verdict {
    Complete { note: String },
    Release { reason: String },
    /// The lease is gone: the ticket is no longer ours.
    Lost { reason: String },
    Stop,
}

impl Work {
    /// Runs it.
    pub(crate) async fn run(self, context: &Context) -> Result<(), Fault> {
        let connection = context.connect().await?;
        let info = connection
            .call(connection.admin().get_server_info(v1::GetServerInfoRequest {}))
            .await?;
        let stop = CancellationToken::new();
        let force = CancellationToken::new();
        tokio::spawn(listen(stop.clone(), force.clone()));
        let mut desk = Desk {
            keyboard: self.auto.is_none().then(Keyboard::open),
            is_json: context.is_json(),
            speed: speed(&info),
            pull_wait: pull_wait(&info),
            connection,
            work: self,
            stop,
        };
        set_presence(&desk.connection, &desk.work.agent, v1::Presence::Available).await?;
        console::note(format_args!("{} takes tickets; Ctrl-C ends", desk.work.agent));
        let done = desk.take_tickets().await;
        // Someone who is in a hurry presses Ctrl-C again: the leases then end by themselves.
        tokio::select! {
            () = desk.go_away() => done,
            () = force.cancelled() => Err(Fault::Told(130)),
        }
    }
}

/// The longest pull that this server allows in real time, up to ours. Its limit counts on its own clock.
fn pull_wait(info: &v1::GetServerInfoResponse) -> Duration {
    let limit = info.limits.iter().find(|limit| limit.name == "pull_wait_ms_max");
    limit.map_or(PULL_WAIT, |limit| {
        PULL_WAIT.min(Duration::from_millis(limit.value).div_f64(speed(info)))
    })
}

/// How fast the server's clock goes.
fn speed(info: &v1::GetServerInfoResponse) -> f64 {
    if info.clock_speed > 0.0 { info.clock_speed } else { 1.0 }
}

/// Waits for Ctrl-C or SIGTERM: the first asks to end, the second insists.
async fn listen(stop: CancellationToken, force: CancellationToken) {
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return;
    };
    for token in [stop, force] {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        token.cancel();
    }
}

/// Where the agent works.
struct Desk {
    connection: Connection,
    work: Work,
    keyboard: Option<Keyboard>,
    is_json: bool,
    /// How fast the server's clock goes; 1 but in rehearsals.
    speed: f64,
    pull_wait: Duration,
    stop: CancellationToken,
}

impl Desk {
    async fn take_tickets(&mut self) -> Result<(), Fault> {
        let mut next = None;
        loop {
            let assignment = match next.take() {
                Some(assignment) => assignment,
                None => match self.pull().await? {
                    Pulled::Ticket(assignment) => assignment,
                    Pulled::Nothing => {
                        console::note("no ticket came");
                        return Err(Fault::Told(75));
                    }
                    Pulled::Stop => return Ok(()),
                },
            };
            self.show(&assignment).await?;
            match self.hold(&assignment).await {
                Verdict::Complete { note } => next = self.complete(&assignment, note).await?,
                Verdict::Release { reason } => self.release(&assignment, reason).await?,
                Verdict::Lost { reason } => self.tell_lost(&assignment, reason)?,
                Verdict::Stop => {
                    self.give_back(&assignment).await;
                    return Ok(());
                }
            }
            if self.work.once {
                return Ok(());
            }
        }
    }

    /// Asks until a ticket comes, `--wait` has passed, or the command is to end.
    async fn pull(&mut self) -> Result<Pulled, Fault> {
        // The same id over all repetitions: an answer that is lost on its way loses no ticket.
        let request_id = uuid::Uuid::now_v7().to_string();
        let started = clock::stopwatch();
        let mut retry = RETRY_MIN;
        let mut is_told = false;
        loop {
            if self.stop.is_cancelled() {
                return Ok(Pulled::Stop);
            }
            let left = self.work.wait.map(|wait| wait.saturating_sub(started.elapsed()));
            let wait = left.map_or(self.pull_wait, |left| left.min(self.pull_wait));
            let request = v1::PullTicketRequest {
                agent_id: self.work.agent.clone(),
                request_id: request_id.clone(),
                wait: Some(contract_duration(wait.mul_f64(self.speed))),
            };
            let pause = match self.pull_once(request, wait).await {
                Ok(Pulled::Nothing) if left.is_some_and(|left| left <= wait) => {
                    return Ok(Pulled::Nothing);
                }
                Ok(Pulled::Nothing) => {
                    retry = RETRY_MIN;
                    if wait < RETRY_MIN { RETRY_MIN } else { Duration::ZERO }
                }
                Ok(pulled) => return Ok(pulled),
                Err(fault) if fault.is_passing() && left.is_none() => {
                    if !is_told {
                        console::note(format_args!("{fault}\ntrying again"));
                        is_told = true;
                    }
                    let pause = retry;
                    retry = (retry * 2).min(RETRY_MAX);
                    pause
                }
                Err(fault) => return Err(fault),
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.stop.cancelled() => {}
            }
        }
    }

    /// One pull. When the command is to end meanwhile, its answer is still awaited: it may be a ticket.
    async fn pull_once(
        &mut self,
        request: v1::PullTicketRequest,
        wait: Duration,
    ) -> Result<Pulled, Fault> {
        let connection = self.connection.clone();
        let limit = wait + connection.timeout;
        let mut client = connection.agent();
        let pull = connection.call_within(limit, client.pull_ticket(request));
        tokio::pin!(pull);
        loop {
            tokio::select! {
                answer = &mut pull => return pulled(answer?),
                () = self.stop.cancelled() => break,
                // Enter without a ticket in hand means nothing, and must not complete the next one.
                () = idle_keys(&mut self.keyboard) => {}
            }
        }
        // Away ends the pull: with AGENT_AWAY, or with a ticket that was on its way.
        set_presence(&self.connection, &self.work.agent, v1::Presence::Away).await?;
        let answer = tokio::time::timeout(self.connection.timeout, pull).await;
        if let Ok(Ok(answer)) = answer
            && let Ok(Pulled::Ticket(assignment)) = pulled(answer)
        {
            self.give_back(&assignment).await;
        }
        Ok(Pulled::Stop)
    }

    async fn show(&self, assignment: &v1::Assignment) -> Result<(), Fault> {
        let ticket = assignment.ticket.as_ref().ok_or(Fault::Answer("ticket"))?;
        if self.is_json {
            return console::json_line(&Step::Assigned {
                agent_id: assignment.agent_id.clone(),
                pool: assignment.pool.clone(),
                lease_token: assignment.lease_token,
                lease_until: view::instant(assignment.lease_until),
                decision: assignment.decision.clone().map(Into::into),
                ticket: Box::new(ticket.clone().into()),
            });
        }
        let now = view::instant(assignment.assigned_at).ok_or(Fault::Answer("time"))?;
        let mut card = ticket::card(ticket, now);
        if self.keyboard.is_some() {
            self.add_customer(&mut card, &ticket.customer_id).await;
        }
        console::say(format_args!("\n{card}"))?;
        if self.keyboard.as_ref().is_some_and(Keyboard::is_terminal) {
            console::note(
                "Enter completes; a note before it goes along; /release REASON gives it back",
            );
        }
        Ok(())
    }

    /// What the directory knows of the customer, for someone about to talk to them.
    async fn add_customer(&self, card: &mut super::table::Facts, customer_id: &str) {
        if customer_id.is_empty() {
            return;
        }
        let identifier = v1::CustomerIdentifier {
            kind: v1::IdentifierKind::Id as i32,
            value: customer_id.to_owned(),
        };
        let request = v1::GetCustomerRequest { identifier: Some(identifier) };
        let answer = self.connection.call(self.connection.admin().get_customer(request)).await;
        // A help, and no reason to keep the ticket from the agent.
        let Some(customer) = answer.ok().and_then(|answer| answer.customer) else {
            return;
        };
        card.add("name", &customer.name);
        for (key, value) in &customer.attributes {
            card.add("known", format!("{key} = {value}"));
        }
    }

    /// Keeps the ticket until something decides about it, extending its lease.
    async fn hold(&mut self, assignment: &v1::Assignment) -> Verdict {
        let extend_every = self.extend_every(assignment);
        let ready = tokio::time::sleep(self.work.auto.unwrap_or(Duration::MAX / 4));
        tokio::pin!(ready);
        loop {
            tokio::select! {
                // In this order: who wants to end does, even if the ticket is ready.
                biased;
                () = self.stop.cancelled() => return Verdict::Stop,
                () = &mut ready, if self.work.auto.is_some() => {
                    return Verdict::Complete { note: String::new() };
                }
                line = typed(&mut self.keyboard) => return verdict(line),
                () = tokio::time::sleep(extend_every) => {
                    if let Some(reason) = self.extend(assignment).await {
                        return Verdict::Lost { reason };
                    }
                }
            }
        }
    }

    /// A third of the lease, so that one extension may fail.
    fn extend_every(&self, assignment: &v1::Assignment) -> Duration {
        let from = view::instant(assignment.assigned_at);
        let lease_ms = from
            .zip(view::instant(assignment.lease_until))
            .map_or(0, |(from, until)| humane::between_ms(from, until));
        let lease = Duration::from_millis(u64::try_from(lease_ms).unwrap_or(0));
        lease.div_f64(3.0 * self.speed).max(EXTEND_MIN)
    }

    /// Extends the lease; why it could not be, if the ticket is lost for good.
    async fn extend(&self, assignment: &v1::Assignment) -> Option<String> {
        let request = v1::ExtendLeaseRequest {
            ticket_id: ticket_id(assignment),
            lease_token: assignment.lease_token,
            by: None,
        };
        match self.connection.call(self.connection.agent().extend_lease(request)).await {
            Ok(_) => None,
            Err(fault) if fault.reason().is_some() && !fault.is_passing() => {
                Some(fault.to_string())
            }
            Err(fault) => {
                console::note(format_args!("the lease could not be extended yet: {fault}"));
                None
            }
        }
    }

    /// Completes the ticket, and takes the next one along if there is one.
    async fn complete(
        &self,
        assignment: &v1::Assignment,
        note: String,
    ) -> Result<Option<Box<v1::Assignment>>, Fault> {
        // Without a wait: the agent is to see at once that the completion stands.
        let pull_next = (!self.work.once).then(|| v1::PullNext {
            agent_id: self.work.agent.clone(),
            request_id: uuid::Uuid::now_v7().to_string(),
            wait: None,
        });
        let request = v1::CompleteTicketRequest {
            ticket_id: ticket_id(assignment),
            lease_token: assignment.lease_token,
            outcome: self.work.outcome.clone(),
            note,
            pull_next,
        };
        let answer = match self.complete_surely(request).await {
            Ok(answer) => answer,
            Err(fault) if is_lease_gone(&fault) => {
                self.tell_lost(assignment, fault.to_string())?;
                return Ok(None);
            }
            Err(fault) => return Err(fault),
        };
        self.tell_completed(&answer)?;
        Ok(match answer.next {
            Some(v1::complete_ticket_response::Next::Pulled(answer)) => match pulled(answer)? {
                Pulled::Ticket(next) => Some(next),
                Pulled::Nothing | Pulled::Stop => None,
            },
            // The pull that follows meets the same refusal and tells it.
            Some(v1::complete_ticket_response::Next::PullError(_)) | None => None,
        })
    }

    /// Asks again while the server is away: the same completion twice is one.
    async fn complete_surely(
        &self,
        request: v1::CompleteTicketRequest,
    ) -> Result<v1::CompleteTicketResponse, Fault> {
        let mut retry = RETRY_MIN;
        loop {
            let call = self.connection.agent().complete_ticket(request.clone()).await;
            let fault = match call {
                Ok(answer) => return Ok(answer.into_inner()),
                Err(status) => self.connection.fault(status),
            };
            if !fault.is_passing() || self.stop.is_cancelled() || self.work.once {
                return Err(fault);
            }
            console::note(format_args!("not completed yet: {fault}\ntrying again"));
            tokio::select! {
                () = tokio::time::sleep(retry) => {}
                () = self.stop.cancelled() => {}
            }
            retry = (retry * 2).min(RETRY_MAX);
        }
    }

    fn tell_completed(&self, answer: &v1::CompleteTicketResponse) -> Result<(), Fault> {
        if self.is_json {
            return console::json_line(&Step::Completed {
                ticket_id: answer.ticket_id.clone(),
                handle_ms: answer.handle_ms,
                response_in_deadline: answer.response_in_deadline,
                solution_in_deadline: answer.solution_in_deadline,
            });
        }
        let kept = |is_kept| if is_kept { "in time" } else { "late" };
        let solution = answer
            .solution_in_deadline
            .map_or_else(String::new, |is_kept| format!(", solution {}", kept(is_kept)));
        console::say(format_args!(
            "completed {} in {}: response {}{solution}\n",
            answer.ticket_id,
            humane::duration(answer.handle_ms),
            kept(answer.response_in_deadline)
        ))
    }

    fn tell_lost(&self, assignment: &v1::Assignment, reason: String) -> Result<(), Fault> {
        let ticket_id = ticket_id(assignment);
        if self.is_json {
            return console::json_line(&Step::Lost { ticket_id, reason });
        }
        console::note(format_args!("{ticket_id} is no longer yours: {reason}"));
        Ok(())
    }

    async fn release(&self, assignment: &v1::Assignment, reason: String) -> Result<(), Fault> {
        let ticket_id = ticket_id(assignment);
        let request = v1::ReleaseTicketRequest {
            ticket_id: ticket_id.clone(),
            lease_token: assignment.lease_token,
            reason: reason.clone(),
        };
        match self.connection.call(self.connection.agent().release_ticket(request)).await {
            Ok(_) if self.is_json => console::json_line(&Step::Released { ticket_id, reason }),
            Ok(_) => console::say(format_args!("{ticket_id} is back in its queue\n")),
            Err(fault) if is_lease_gone(&fault) => self.tell_lost(assignment, fault.to_string()),
            Err(fault) => Err(fault),
        }
    }

    /// Gives the ticket back before the command ends; away first, or it would come straight back.
    async fn give_back(&self, assignment: &v1::Assignment) {
        let away = set_presence(&self.connection, &self.work.agent, v1::Presence::Away).await;
        let released = match away {
            Ok(_) => self.release(assignment, "the agent left".to_owned()).await,
            Err(fault) => Err(fault),
        };
        if let Err(fault) = released {
            console::note(format_args!(
                "{} could not be given back: {fault}\nits lease ends by itself and it returns to its queue",
                ticket_id(assignment)
            ));
        }
    }

    async fn go_away(&self) {
        match set_presence(&self.connection, &self.work.agent, v1::Presence::Away).await {
            Ok(_) => console::note(format_args!("{} is away", self.work.agent)),
            Err(fault) => console::note(format_args!(
                "{} could not be set away: {fault}",
                self.work.agent
            )),
        }
    }
}

fn pulled(answer: v1::PullTicketResponse) -> Result<Pulled, Fault> {
    match answer.result.ok_or(Fault::Answer("result"))? {
        v1::pull_ticket_response::Result::Assignment(assignment) => {
            Ok(Pulled::Ticket(Box::new(assignment)))
        }
        v1::pull_ticket_response::Result::Empty(empty) => match empty.reason() {
            v1::EmptyReason::Away => {
                Err(Fault::Denied("somebody set the agent away".to_owned()))
            }
            v1::EmptyReason::Replaced => Err(Fault::Denied(
                "another pull of the same agent took over: does somebody else work as this agent?"
                    .to_owned(),
            )),
            v1::EmptyReason::Unspecified
            | v1::EmptyReason::NothingWaiting
            | v1::EmptyReason::HeldForTier
            | v1::EmptyReason::CallerGone => Ok(Pulled::Nothing),
        },
    }
}

fn ticket_id(assignment: &v1::Assignment) -> String {
    assignment.ticket.as_ref().map_or_else(String::new, |ticket| ticket.ticket_id.clone())
}

/// Whether the rules say that the ticket is no longer under this lease.
fn is_lease_gone(fault: &Fault) -> bool {
    use v1::ErrorReason as Reason;
    matches!(
        fault.reason(),
        Some(
            Reason::LeaseEnded
                | Reason::LeaseSuperseded
                | Reason::TicketCompleted
                | Reason::TicketCancelled
                | Reason::TicketNotFound
        )
    )
}

/// Waits for a line; for ever when nobody types. `None` at the end of the input.
async fn typed(keyboard: &mut Option<Keyboard>) -> Option<String> {
    match keyboard {
        Some(keyboard) => keyboard.line().await,
        None => std::future::pending().await,
    }
}

/// Takes a line that a person typed without a ticket in hand. Lines of a script are kept for their ticket.
async fn idle_keys(keyboard: &mut Option<Keyboard>) {
    match keyboard {
        Some(keyboard) if keyboard.is_terminal() => {
            if keyboard.line().await.is_none() {
                std::future::pending::<()>().await;
            }
        }
        _ => std::future::pending().await,
    }
}

/// What a typed line means; the end of the input ends the command.
fn verdict(line: Option<String>) -> Verdict {
    let Some(line) = line else {
        return Verdict::Stop;
    };
    let line = line.trim();
    match line.strip_prefix("/release") {
        Some(reason) => Verdict::Release { reason: reason.trim().to_owned() },
        None => Verdict::Complete { note: line.to_owned() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_completes_with_a_note_and_the_end_of_input_stops() {
        assert!(matches!(verdict(Some("\n".to_owned())), Verdict::Complete { note } if note.is_empty()));
        assert!(
            matches!(verdict(Some("called back\n".to_owned())), Verdict::Complete { note } if note == "called back")
        );
        assert!(
            matches!(verdict(Some("/release not mine".to_owned())), Verdict::Release { reason } if reason == "not mine")
        );
        assert!(matches!(verdict(None), Verdict::Stop));
    }

    #[test]
    fn seconds_need_no_unit() {
        assert_eq!(seconds("5"), Ok(Duration::from_secs(5)));
        assert_eq!(seconds("250ms"), Ok(Duration::from_millis(250)));
        assert!(seconds("soon").is_err());
    }

    #[test]
    fn a_server_with_shorter_waits_is_asked_for_no_longer_one() {
        let limit = v1::Limit {
            name: "pull_wait_ms_max".to_owned(),
            value: 5_000,
            ..Default::default()
        };
        let info = v1::GetServerInfoResponse { limits: vec![limit], ..Default::default() };
        assert_eq!(pull_wait(&info), Duration::from_secs(5));
        assert_eq!(pull_wait(&v1::GetServerInfoResponse::default()), PULL_WAIT);
    }
}
