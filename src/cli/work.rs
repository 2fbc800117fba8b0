//! `tierline work`: an agent's desk in the terminal. Pull, show, complete, and again.
//!
//! While a ticket is in hand its lease is extended; whoever ends the command gives it back first. If even
//! that fails, the lease runs out and the server takes the ticket back.

mod push;

use super::Context;
use super::console;
use super::desk::{Desk, Held, Pulled, Remarks, ticket_id};
use super::fault::Fault;
use super::humane;
use super::keyboard::Keyboard;
use super::ticket;
use super::view;
use crate::api::proto::v1;
use clap::Args;
use jiff::Timestamp;
use serde::Serialize;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// An input that has ended says so at once; a script may take its time for the first line.
const INPUT_GRACE: Duration = Duration::from_millis(200);

/// Take tickets as an agent: pull, show, complete, in a loop.
///
/// Sets the agent available, waits for a ticket and shows it. Enter completes it, with whatever you type before as a
/// note; `/release REASON` gives it back. Its lease is extended while you have it. Ctrl-C gives the ticket back, sets
/// the agent away and ends. Where the policy gives time to write a completed ticket up, Enter ends it before that time
/// is up; with --auto, and for a script, it ends at once.
///
/// With --push offers come by themselves, each for a limited time: Enter accepts, `/decline REASON` declines. Who
/// misses too many is set away; `/away` and `/back` say it yourself. When the server restarts, the stream is opened
/// again and what is in hand stays.
#[derive(Args, Debug)]
#[command(after_help = "\
JSON: a line for each step, with the field event: \"assigned\" {agent_id, pool, lease_token, lease_until, decision, \
ticket, card}, \"completed\" {ticket_id, handle_ms, response_in_deadline, solution_in_deadline}, \"wrapped_up\" \
{ticket_id}, \"released\" and \"lost\" \
{ticket_id, reason}; with --push also \"offered\" {lease_token, pool, expires_at, decision, ticket, card}, \"declined\" \
{ticket_id, until}, \"missed\" {ticket_id, missed_count, until}, \"revoked\" {ticket_id, reason}.

Exit codes: 0 ended by you or after --once, 64 nobody types and --auto is not given, 75 nothing came within --wait.

Examples:
  tierline work ada
  tierline work ada --push                     accept or decline what is offered
  tierline work ada --auto 5                   complete each ticket after five seconds
  tierline work ada --once --auto 0 --wait 0s  take what is next, if there is anything")]
pub(crate) struct Work {
    /// The agent; make one with `tierline agents put`
    #[arg(value_name = "AGENT")]
    agent: String,
    /// Complete each ticket by itself after so many seconds
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    auto: Option<Duration>,
    /// Take offers on a stream instead of asking for tickets
    #[arg(long)]
    push: bool,
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
        card: Option<Box<super::card::Card>>,
    },
    Offered {
        lease_token: u64,
        pool: String,
        expires_at: Option<Timestamp>,
        decision: Option<view::Decision>,
        ticket: Box<view::Ticket>,
        card: Option<Box<super::card::Card>>,
    },
    Declined {
        ticket_id: String,
        until: Option<Timestamp>,
    },
    Missed {
        ticket_id: String,
        missed_count: u32,
        until: Option<Timestamp>,
    },
    Revoked {
        ticket_id: String,
        reason: String,
    },
    Completed {
        ticket_id: String,
        handle_ms: i64,
        response_in_deadline: bool,
        solution_in_deadline: Option<bool>,
    },
    WrappedUp {
        ticket_id: String,
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

/// What is to become of the ticket in hand.
enum Verdict {
    Complete(Remarks),
    Release { reason: String },
    Lost { reason: String },
    Stop,
}

impl Work {
    /// Runs it.
    pub(crate) async fn run(self, context: &Context) -> Result<(), Fault> {
        let connection = context.connect().await?;
        let mut keyboard = self.auto.is_none().then(Keyboard::open);
        if let Some(keyboard) = keyboard.as_mut().filter(|keyboard| !keyboard.is_terminal())
            && keyboard.is_over(INPUT_GRACE).await
        {
            return Err(Fault::Usage(
                "nobody can complete a ticket here, standard input has ended: use --auto SECONDS, \
                 or give it a terminal or lines"
                    .to_owned(),
            ));
        }
        let (stop, force) = (CancellationToken::new(), CancellationToken::new());
        tokio::spawn(listen(stop.clone(), force.clone()));
        let desk = Desk::open(connection, self.agent.clone(), stop).await?;
        console::note(format_args!("{} takes tickets; Ctrl-C ends", self.agent));
        let mut shift = Shift { keyboard, is_json: context.is_json(), desk, work: self };
        // Someone who is in a hurry presses Ctrl-C again: the lease then ends by itself.
        tokio::select! {
            done = shift.serve_out() => done,
            () = force.cancelled() => Err(Fault::Told(130)),
        }
    }
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

/// An agent at work, and what it is shown on.
struct Shift {
    work: Work,
    desk: Desk,
    keyboard: Option<Keyboard>,
    is_json: bool,
}

impl Shift {
    async fn serve_out(&mut self) -> Result<(), Fault> {
        let done = if self.work.push {
            Box::pin(push::Pushed::new(self).serve()).await
        } else {
            self.take_tickets().await
        };
        match self.desk.set_away().await {
            Ok(()) => console::note(format_args!("{} is away", self.work.agent)),
            Err(fault) if done.is_ok() => {
                let agent = &self.work.agent;
                console::note(format_args!("{agent} could not be set away: {fault}"));
            }
            // What went wrong before is what matters.
            Err(_) => {}
        }
        done
    }

    async fn take_tickets(&mut self) -> Result<(), Fault> {
        let mut next = None;
        loop {
            let pulled = if let Some(assignment) = next.take() {
                Pulled::Ticket(assignment)
            } else {
                tokio::select! {
                    pulled = self.desk.pull(self.work.wait) => pulled?,
                    never = ignore(&mut self.keyboard) => match never {},
                }
            };
            let assignment = match pulled {
                Pulled::Ticket(assignment) => assignment,
                Pulled::Nothing => {
                    console::note("no ticket came");
                    return Err(Fault::Told(75));
                }
                Pulled::Stop => return Ok(()),
            };
            let verdict = match self.show(&assignment) {
                Ok(()) => self.hold(&assignment).await,
                Err(fault) => {
                    self.give_back(&assignment).await;
                    return Err(fault);
                }
            };
            match verdict {
                Verdict::Complete(remarks) => next = self.complete(&assignment, remarks).await?,
                Verdict::Release { reason } => {
                    let released = self.desk.release(&assignment, reason.clone()).await?;
                    self.tell_released(&assignment, reason, released)?;
                }
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

    /// Shows a ticket that was given; one that is given while the command ends goes back unseen.
    fn show(&self, assignment: &v1::Assignment) -> Result<(), Fault> {
        if self.desk.is_ending() {
            return Ok(());
        }
        let ticket = assignment.ticket.as_ref().ok_or(Fault::Answer("ticket"))?;
        if self.is_json {
            return console::json_line(&Step::Assigned {
                agent_id: assignment.agent_id.clone(),
                pool: assignment.pool.clone(),
                lease_token: assignment.lease_token,
                lease_until: view::instant(assignment.lease_until),
                decision: assignment.decision.clone().map(Into::into),
                ticket: Box::new(ticket.clone().into()),
                card: assignment.card.clone().map(|card| Box::new(card.into())),
            });
        }
        let now = view::instant(assignment.assigned_at).ok_or(Fault::Answer("time"))?;
        let mut card = ticket::card(ticket, now);
        // Who is about to talk to the customer wants to know them.
        if let Some(customer) = &assignment.card {
            super::card::add(&mut card, customer, now);
        }
        console::say(format_args!("\n{card}"))?;
        if self.keyboard.as_ref().is_some_and(Keyboard::is_terminal) {
            console::note(
                "Enter completes; a note before it goes along; /burden WORD completes and flags the customer as a burden; \
                 /release REASON gives it back",
            );
        }
        Ok(())
    }

    /// Keeps the ticket until something decides about it, extending its lease.
    async fn hold(&mut self, assignment: &v1::Assignment) -> Verdict {
        let extend_every = self.desk.extend_every(assignment);
        let ready = tokio::time::sleep(self.work.auto.unwrap_or_default());
        tokio::pin!(ready);
        loop {
            tokio::select! {
                // In this order: who wants to end does, even if the ticket is ready.
                biased;
                () = self.desk.ending() => return Verdict::Stop,
                () = &mut ready, if self.work.auto.is_some() => {
                    return Verdict::Complete(Remarks::default());
                }
                line = typed(&mut self.keyboard) => match verdict(line) {
                    Ok(verdict) => return verdict,
                    Err(unknown) => console::note(&unknown),
                },
                () = tokio::time::sleep(extend_every) => {
                    if let Held::Lost(reason) = self.desk.extend(assignment).await {
                        return Verdict::Lost { reason };
                    }
                }
            }
        }
    }

    /// Completes the ticket, and takes the next one along if there is one.
    async fn complete(
        &mut self,
        assignment: &v1::Assignment,
        remarks: Remarks,
    ) -> Result<Option<Box<v1::Assignment>>, Fault> {
        let outcome = self.work.outcome.clone();
        let goes_on = !self.work.once;
        match self.desk.complete(assignment, outcome, remarks, goes_on, goes_on).await? {
            Held::Done((answer, next)) => {
                if let Err(fault) = self.tell_completed(&answer) {
                    // Nobody sees the next one: back with it before the command ends.
                    if let Some(next) = &next {
                        self.give_back(next).await;
                    }
                    return Err(fault);
                }
                if next.is_none() {
                    self.wrap_up(assignment, &answer).await?;
                }
                Ok(next)
            }
            Held::Lost(reason) => self.tell_lost(assignment, reason).map(|()| None),
        }
    }

    /// Lets a person write the ticket up, for as long as there is time for it.
    async fn wrap_up(
        &mut self,
        assignment: &v1::Assignment,
        answer: &v1::CompleteTicketResponse,
    ) -> Result<(), Fault> {
        let until = view::instant(answer.wrap_up_until);
        let Some((from, until)) = view::instant(answer.finished_at).zip(until) else {
            return Ok(());
        };
        if self.keyboard.as_ref().is_some_and(Keyboard::is_terminal) {
            let left_ms = humane::between_ms(from, until);
            let left = humane::duration(left_ms);
            console::note(format_args!("wrap-up: {left} left, Enter to finish"));
            tokio::select! {
                () = self.desk.ending() => {}
                () = tokio::time::sleep(self.desk.real(left_ms)) => {}
                _ = typed(&mut self.keyboard) => {}
            }
        }
        if let Err(fault) = self.desk.finish_wrap_up(assignment).await {
            console::note(format_args!("the wrap-up ends by itself: {fault}"));
            return Ok(());
        }
        let ticket_id = ticket_id(assignment).to_owned();
        if self.is_json {
            return console::json_line(&Step::WrappedUp { ticket_id });
        }
        console::say(format_args!("{ticket_id} is written up\n"))
    }

    /// Gives the ticket back before the command ends; away first, or it would come straight back.
    async fn give_back(&self, assignment: &v1::Assignment) {
        const REASON: &str = "the agent left";
        let released = match self.desk.set_away().await {
            Ok(()) => self.desk.release(assignment, REASON.to_owned()).await,
            Err(fault) => Err(fault),
        };
        let told = match released {
            Ok(released) => self.tell_released(assignment, REASON.to_owned(), released),
            Err(fault) => Err(fault),
        };
        if let Err(fault) = told {
            console::note(format_args!(
                "{} could not be given back: {fault}\nits lease ends by itself, and it returns to its queue",
                ticket_id(assignment)
            ));
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

    fn tell_released(
        &self,
        assignment: &v1::Assignment,
        reason: String,
        released: Held<()>,
    ) -> Result<(), Fault> {
        let ticket_id = ticket_id(assignment).to_owned();
        match released {
            Held::Done(()) if self.is_json => {
                console::json_line(&Step::Released { ticket_id, reason })
            }
            Held::Done(()) => console::say(format_args!("{ticket_id} is back in its queue\n")),
            Held::Lost(reason) => self.tell_lost(assignment, reason),
        }
    }

    fn tell_lost(&self, assignment: &v1::Assignment, reason: String) -> Result<(), Fault> {
        let ticket_id = ticket_id(assignment).to_owned();
        if self.is_json {
            return console::json_line(&Step::Lost { ticket_id, reason });
        }
        console::note(format_args!("{ticket_id} is no longer yours: {reason}"));
        Ok(())
    }
}

/// Waits for a line; for ever when nobody types. `None` at the end of the input.
async fn typed(keyboard: &mut Option<Keyboard>) -> Option<String> {
    match keyboard {
        Some(keyboard) => keyboard.line().await,
        None => std::future::pending().await,
    }
}

/// Takes what a person types without a ticket in hand: Enter then means nothing, and must not complete the
/// next ticket. The lines of a script are kept for their tickets.
async fn ignore(keyboard: &mut Option<Keyboard>) -> std::convert::Infallible {
    if let Some(keyboard) = keyboard.as_mut().filter(|keyboard| keyboard.is_terminal()) {
        while keyboard.line().await.is_some() {}
    }
    std::future::pending().await
}

/// What a typed line means; the end of the input ends the command. A slip of the pen after a slash must not
/// complete a ticket: it is told what there is.
fn verdict(line: Option<String>) -> Result<Verdict, String> {
    let Some(line) = line else {
        return Ok(Verdict::Stop);
    };
    match typed_command(&line) {
        Some(("release", reason)) => Ok(Verdict::Release { reason: reason.to_owned() }),
        Some(("burden", "")) => Err("/burden needs a word, for example /burden abusive".to_owned()),
        Some(("burden", said)) => Ok(Verdict::Complete(Remarks::burden(said))),
        Some((word, _)) => Err(format!(
            "/{word} is nothing here; Enter completes, /burden WORD completes and flags the customer, /release REASON \
             gives it back"
        )),
        None => Ok(Verdict::Complete(Remarks::note(&line))),
    }
}

/// The word after a slash and what follows it, if the line begins with a slash.
fn typed_command(line: &str) -> Option<(&str, &str)> {
    let said = line.trim().strip_prefix('/')?;
    let (word, rest) = said.split_once(char::is_whitespace).unwrap_or((said, ""));
    Some((word, rest.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_completes_with_a_note_and_the_end_of_input_stops() {
        let completes = |line: &str, expected: &str| matches!(verdict(Some(line.to_owned())), Ok(Verdict::Complete(said)) if said.note == expected && said.burden.is_empty());
        assert!(completes("", ""));
        assert!(completes(" called back ", "called back"));
        assert!(matches!(
            verdict(Some("/release not mine".to_owned())),
            Ok(Verdict::Release { reason }) if reason == "not mine"
        ));
        assert!(matches!(
            verdict(Some("/burden abusive shouted again".to_owned())),
            Ok(Verdict::Complete(said)) if said.burden == "abusive" && said.note == "shouted again"
        ));
        assert!(matches!(verdict(None), Ok(Verdict::Stop)));
        for slip in ["/quit", "/realease not mine", "/burden", "/releasenow", "/"] {
            assert!(verdict(Some(slip.to_owned())).is_err(), "{slip}");
        }
    }

    #[test]
    fn seconds_need_no_unit() {
        assert_eq!(seconds("5"), Ok(Duration::from_secs(5)));
        assert_eq!(seconds("250ms"), Ok(Duration::from_millis(250)));
        assert!(seconds("soon").is_err());
    }
}
