//! An agent's conversation with the server: pulls, leases, completions. Shows nothing but remarks.
//!
//! A ticket is never left behind: pulls are repeated under one id until their answer arrives, and what a
//! pull brings while the command ends is handed over to be given back.

use super::agents::set_presence;
use super::connect::Connection;
use super::console;
use super::contract_duration;
use super::fault::Fault;
use super::humane;
use super::view;
use crate::api::proto::v1;
use crate::clock;
use std::time::Duration;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status, Streaming};

/// How long one pull waits at the server.
const PULL_WAIT: Duration = Duration::from_secs(30);
/// The shortest time between two extensions of a lease.
const EXTEND_MIN: Duration = Duration::from_millis(200);
/// The first and the longest pause before a server that did not answer is asked again.
pub(crate) const RETRY_MIN: Duration = Duration::from_millis(500);
const RETRY_MAX: Duration = Duration::from_secs(8);

/// What a pull brought.
#[derive(Debug)]
pub(crate) enum Pulled {
    /// A ticket, which is now ours.
    Ticket(Box<v1::Assignment>),
    /// Nothing within the time to wait.
    Nothing,
    /// The command is to end.
    Stop,
}

/// How something that needs the lease ended.
#[derive(Debug)]
pub(crate) enum Held<T> {
    /// It is done.
    Done(T),
    /// The lease was gone: the ticket is no longer ours, for this reason.
    Lost(String),
}

/// Where an agent works.
#[derive(Debug)]
pub(crate) struct Desk {
    connection: Connection,
    agent: String,
    /// How fast the server's clock goes; 1 but in rehearsals.
    speed: f64,
    /// The longest single pull, in real time.
    pull_wait: Duration,
    stop: CancellationToken,
}

/// What a person says of a ticket when it is done.
#[derive(Debug, Default)]
pub(crate) struct Remarks {
    /// A line for people.
    pub(crate) note: String,
    /// One word on what made the customer a burden; empty where nothing did.
    pub(crate) burden: String,
}

impl Remarks {
    /// Nothing but a note.
    pub(crate) fn note(text: &str) -> Self {
        Self { note: text.trim().to_owned(), burden: String::new() }
    }

    /// What is typed after `/burden`: a word, and a note if there is one.
    pub(crate) fn burden(text: &str) -> Self {
        let (word, note) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        Self { note: note.trim().to_owned(), burden: word.to_owned() }
    }
}

impl Desk {
    /// Makes the agent available. Everything ends soon after `stop`.
    pub(crate) async fn open(
        connection: Connection,
        agent: String,
        stop: CancellationToken,
    ) -> Result<Self, Fault> {
        let request = v1::GetServerInfoRequest {};
        let info = connection.call(connection.admin().get_server_info(request)).await?;
        set_presence(&connection, &agent, v1::Presence::Available).await?;
        Ok(Self { connection, agent, speed: speed(&info), pull_wait: pull_wait(&info), stop })
    }

    /// How fast the server's clock goes.
    pub(crate) fn speed(&self) -> f64 {
        self.speed
    }

    /// Opens a Work stream and reads its welcome.
    pub(crate) async fn stream(
        &self,
        requests: ReceiverStream<v1::WorkRequest>,
    ) -> Result<(Streaming<v1::WorkResponse>, v1::WorkWelcome), Fault> {
        let mut client = self.connection.agent();
        let mut answers = self.connection.call(client.work(requests)).await?;
        let limit = self.connection.timeout;
        let first = tokio::time::timeout(limit, self.connection.next(&mut answers)).await;
        let first = first.map_err(|_| self.connection.timed_out(limit))??;
        match first.and_then(|first| first.event) {
            Some(v1::work_response::Event::Welcome(welcome)) => Ok((answers, welcome)),
            Some(_) | None => Err(Fault::Answer("welcome")),
        }
    }

    /// Why a stream broke; an error if it is of no use to open it again.
    pub(crate) fn lost(&self, status: Status) -> Result<Fault, Fault> {
        if status.code() == Code::Cancelled {
            // The connection went away under it.
            return Ok(Fault::from(status));
        }
        match self.connection.fault(status) {
            fault if fault.is_passing() => Ok(fault),
            fault => Err(fault),
        }
    }

    /// Whether the command is to end.
    pub(crate) fn is_ending(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Returns when the command is to end.
    pub(crate) async fn ending(&self) {
        self.stop.cancelled().await;
    }

    /// Asks until a ticket comes, `wait` has passed, or the command is to end. Without a limit it also
    /// waits for a server that has gone.
    pub(crate) async fn pull(&self, wait: Option<Duration>) -> Result<Pulled, Fault> {
        // The same id over all repetitions: an answer that is lost on its way loses no ticket.
        let request_id = uuid::Uuid::now_v7().to_string();
        let started = clock::stopwatch();
        let mut retry = RETRY_MIN;
        let mut is_told = false;
        while !self.is_ending() {
            let left = wait.map(|wait| wait.saturating_sub(started.elapsed()));
            let now = left.map_or(self.pull_wait, |left| left.min(self.pull_wait));
            let pause = match self.pull_once(&request_id, now).await {
                Ok(Pulled::Nothing) if left.is_some_and(|left| left <= now) => {
                    return Ok(Pulled::Nothing);
                }
                Ok(Pulled::Nothing) => {
                    retry = RETRY_MIN;
                    Duration::ZERO
                }
                Ok(pulled) => return Ok(pulled),
                Err(fault) if fault.is_passing() && left.is_none() => {
                    if !is_told {
                        console::note(format_args!("{fault}\ntrying again"));
                        is_told = true;
                    }
                    next_retry(&mut retry)
                }
                Err(fault) => return Err(fault),
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.ending() => {}
            }
        }
        Ok(Pulled::Stop)
    }

    /// One pull. When the command is to end meanwhile, its answer is still awaited: it may be a ticket.
    async fn pull_once(&self, request_id: &str, wait: Duration) -> Result<Pulled, Fault> {
        let request = v1::PullTicketRequest {
            agent_id: self.agent.clone(),
            request_id: request_id.to_owned(),
            wait: Some(contract_duration(wait.mul_f64(self.speed))),
        };
        let limit = wait + self.connection.timeout;
        let mut client = self.connection.agent();
        let pull = self.connection.call_within(limit, client.pull_ticket(request));
        tokio::pin!(pull);
        tokio::select! {
            answer = &mut pull => return pulled(answer?),
            () = self.ending() => {}
        }
        // Away ends the pull: with nothing, or with a ticket that was on its way.
        self.set_away().await?;
        match tokio::time::timeout(self.connection.timeout, pull).await {
            Ok(Ok(answer)) => match pulled(answer) {
                Ok(Pulled::Ticket(assignment)) => Ok(Pulled::Ticket(assignment)),
                Ok(Pulled::Nothing | Pulled::Stop) | Err(_) => Ok(Pulled::Stop),
            },
            Ok(Err(_)) | Err(_) => Ok(Pulled::Stop),
        }
    }

    /// How often to extend the lease: a third of it, so that one extension may fail.
    pub(crate) fn extend_every(&self, assignment: &v1::Assignment) -> Duration {
        let from = view::instant(assignment.assigned_at);
        let lease_ms = from
            .zip(view::instant(assignment.lease_until))
            .map_or(0, |(from, until)| humane::between_ms(from, until));
        let lease = Duration::from_millis(u64::try_from(lease_ms).unwrap_or(0));
        lease.div_f64(3.0 * self.speed).max(EXTEND_MIN)
    }

    /// Extends the lease. A server that does not answer is no loss yet.
    pub(crate) async fn extend(&self, assignment: &v1::Assignment) -> Held<()> {
        let request = v1::ExtendLeaseRequest {
            ticket_id: ticket_id(assignment).to_owned(),
            lease_token: assignment.lease_token,
            by: None,
        };
        match self.connection.call(self.connection.agent().extend_lease(request)).await {
            Ok(_) => Held::Done(()),
            Err(fault) if is_lease_gone(&fault) => Held::Lost(fault.to_string()),
            Err(fault) => {
                console::note(format_args!("the lease could not be extended yet: {fault}"));
                Held::Done(())
            }
        }
    }

    /// Completes the ticket, and with `takes_next` takes the next one along if there is one. With `insists`
    /// asks again while the server is away, unless the command is to end: the same completion twice is one.
    pub(crate) async fn complete(
        &self,
        assignment: &v1::Assignment,
        outcome: String,
        remarks: Remarks,
        takes_next: bool,
        insists: bool,
    ) -> Result<Held<(v1::CompleteTicketResponse, Option<Box<v1::Assignment>>)>, Fault> {
        // Without a wait: the agent is to see at once that the completion stands.
        let pull_next = takes_next.then(|| v1::PullNext {
            agent_id: self.agent.clone(),
            request_id: uuid::Uuid::now_v7().to_string(),
            wait: None,
        });
        let request = v1::CompleteTicketRequest {
            ticket_id: ticket_id(assignment).to_owned(),
            lease_token: assignment.lease_token,
            outcome,
            note: remarks.note,
            burden: remarks.burden,
            pull_next,
        };
        let mut retry = RETRY_MIN;
        let mut answer = loop {
            let mut client = self.connection.agent();
            let fault = match self.connection.call(client.complete_ticket(request.clone())).await {
                Ok(answer) => break answer,
                Err(fault) => fault,
            };
            if is_lease_gone(&fault) {
                return Ok(Held::Lost(fault.to_string()));
            }
            if !fault.is_passing() || !insists || self.is_ending() {
                return Err(fault);
            }
            console::note(format_args!("not completed yet: {fault}\ntrying again"));
            tokio::select! {
                () = tokio::time::sleep(next_retry(&mut retry)) => {}
                () = self.ending() => {}
            }
        };
        let next = match answer.next.take() {
            Some(v1::complete_ticket_response::Next::Pulled(pull)) => match pulled(pull) {
                Ok(Pulled::Ticket(next)) => Some(next),
                // The pull that follows meets the same and tells it.
                Ok(Pulled::Nothing | Pulled::Stop) | Err(_) => None,
            },
            Some(v1::complete_ticket_response::Next::PullError(_)) | None => None,
        };
        Ok(Held::Done((answer, next)))
    }

    /// Ends the wrap-up of a ticket that was completed; one that is over stays so.
    pub(crate) async fn finish_wrap_up(&self, assignment: &v1::Assignment) -> Result<(), Fault> {
        let request = v1::FinishWrapUpRequest {
            agent_id: self.agent.clone(),
            ticket_id: ticket_id(assignment).to_owned(),
            lease_token: assignment.lease_token,
        };
        self.connection.call(self.connection.agent().finish_wrap_up(request)).await.map(drop)
    }

    /// So many milliseconds of the server's clock in real time.
    pub(crate) fn real(&self, ms: i64) -> Duration {
        Duration::from_millis(u64::try_from(ms).unwrap_or(0)).div_f64(self.speed)
    }

    /// Gives the ticket back to its place in the queue.
    pub(crate) async fn release(
        &self,
        assignment: &v1::Assignment,
        reason: String,
    ) -> Result<Held<()>, Fault> {
        let request = v1::ReleaseTicketRequest {
            ticket_id: ticket_id(assignment).to_owned(),
            lease_token: assignment.lease_token,
            reason,
        };
        match self.connection.call(self.connection.agent().release_ticket(request)).await {
            Ok(_) => Ok(Held::Done(())),
            Err(fault) if is_lease_gone(&fault) => Ok(Held::Lost(fault.to_string())),
            Err(fault) => Err(fault),
        }
    }

    /// Sets the agent away.
    pub(crate) async fn set_away(&self) -> Result<(), Fault> {
        set_presence(&self.connection, &self.agent, v1::Presence::Away).await.map(|_| ())
    }
}

/// The id of the ticket that was given.
pub(crate) fn ticket_id(assignment: &v1::Assignment) -> &str {
    assignment.ticket.as_ref().map_or("", |ticket| ticket.ticket_id.as_str())
}

/// How fast the server's clock goes; 1 but in rehearsals.
pub(crate) async fn clock_speed(connection: &Connection) -> Result<f64, Fault> {
    let request = v1::GetServerInfoRequest {};
    let info = connection.call(connection.admin().get_server_info(request)).await?;
    Ok(speed(&info))
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

/// The pause to make now; the next one is longer.
pub(crate) fn next_retry(retry: &mut Duration) -> Duration {
    let pause = *retry;
    *retry = (pause * 2).min(RETRY_MAX);
    pause
}

fn pulled(answer: v1::PullTicketResponse) -> Result<Pulled, Fault> {
    let empty = match answer.result.ok_or(Fault::Answer("result"))? {
        v1::pull_ticket_response::Result::Assignment(assignment) => {
            return Ok(Pulled::Ticket(assignment));
        }
        v1::pull_ticket_response::Result::Empty(empty) => empty,
    };
    match empty.reason() {
        v1::EmptyReason::Away => Err(Fault::Denied("somebody set the agent away".to_owned())),
        v1::EmptyReason::Replaced => {
            let text = "another pull of the same agent took over: does somebody else work as it?";
            Err(Fault::Denied(text.to_owned()))
        }
        v1::EmptyReason::Unspecified
        | v1::EmptyReason::NothingWaiting
        | v1::EmptyReason::HeldForTier
        | v1::EmptyReason::CallerGone => Ok(Pulled::Nothing),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_with_shorter_waits_is_asked_for_no_longer_one() {
        let limit =
            v1::Limit { name: "pull_wait_ms_max".to_owned(), value: 60_000, ..Default::default() };
        let mut info = v1::GetServerInfoResponse { limits: vec![limit], ..Default::default() };
        assert_eq!(pull_wait(&info), PULL_WAIT);
        // At a hundred times the speed, a minute of the server passes in 0.6 s.
        info.clock_speed = 100.0;
        assert_eq!(pull_wait(&info), Duration::from_millis(600));
    }

    #[test]
    fn pauses_grow_up_to_a_limit() {
        let mut retry = RETRY_MIN;
        let pauses: Vec<_> = (0..6).map(|_| next_retry(&mut retry).as_millis()).collect();
        assert_eq!(pauses, [500, 1000, 2000, 4000, 8000, 8000]);
    }
}
