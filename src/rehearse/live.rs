//! The same rehearsal against a running server, over gRPC: callers submit and hang up, agents pull and
//! complete, each on a task of its own. The server's clock runs faster, and so does everybody here.
//!
//! Waits are taken from the server's own instants (submitted, assigned), so that the network's few
//! milliseconds, which a fast clock makes seconds, are not counted as waiting.

use super::report::{Recorder, Report};
use super::simulate::{Arrival, Ending, Outcome};
use crate::api::proto::v1::admin_service_client::AdminServiceClient;
use crate::api::proto::v1::agent_service_client::AgentServiceClient;
use crate::api::proto::v1::intake_service_client::IntakeServiceClient;
use crate::api::proto::v1::{
    Assignment, CancelTicketRequest, Channel as Via, CompleteTicketRequest, GetServerInfoRequest,
    Presence, PullNext, PullTicketRequest, PullTicketResponse, PutAgentRequest, SetPresenceRequest,
    SubmitTicketRequest, complete_ticket_response, pull_ticket_response,
};
use crate::clock::stopwatch;
use crate::engine::model::{Channel, Policy};
use prost_types::{Duration as Span, Timestamp};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tonic::transport::Endpoint;
use tonic::{Code, Status};

/// How long an agent's pull waits, in the server's time.
const PULL_WAIT_S: i64 = 60;
/// The first call comes this long after the agents are there, in real time.
const LEAD: Duration = Duration::from_millis(200);

/// Why a rehearsal over the network could not be played.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no connection.
    #[error("no server at {url}: {source}")]
    Connect {
        /// Where.
        url: String,
        /// What the connection said.
        source: tonic::transport::Error,
    },
    /// A call was refused.
    #[error("{call} was refused: {}", status.message())]
    Call {
        /// Which call.
        call: &'static str,
        /// The refusal.
        status: Box<Status>,
    },
    /// The server's answer lacks something.
    #[error("the answer to {call} has no {what}")]
    Answer {
        /// To which call.
        call: &'static str,
        /// What is missing.
        what: &'static str,
    },
}

fn refused(call: &'static str) -> impl Fn(Status) -> Error {
    move |status| Error::Call { call, status: Box::new(status) }
}

/// The server's clock, as seen from here.
#[derive(Clone, Copy)]
struct ServerClock {
    base_ms: i64,
    read: Instant,
    speed: f64,
}

impl ServerClock {
    async fn read(link: &Link) -> Result<Self, Error> {
        let sent = stopwatch();
        let info = AdminServiceClient::new(link.channel.clone())
            .get_server_info(GetServerInfoRequest::default())
            .await
            .map_err(refused("GetServerInfo"))?
            .into_inner();
        let now = info.now.ok_or(Error::Answer { call: "GetServerInfo", what: "now" })?;
        // The answer was true half a round trip ago.
        let read = sent + sent.elapsed() / 2;
        Ok(Self { base_ms: ms_of(&now), read, speed: info.clock_speed.max(1.0) })
    }

    /// Sleeps until the server's clock shows `at_ms`.
    async fn reach(&self, at_ms: i64) {
        let ahead = u64::try_from(at_ms - self.base_ms).unwrap_or(0);
        let at = self.read + Duration::from_millis(ahead).div_f64(self.speed);
        tokio::time::sleep_until(at.into()).await;
    }

    /// What the server's clock will show `real` from now.
    fn after(&self, real: Duration) -> i64 {
        let passed = (self.read.elapsed() + real).mul_f64(self.speed);
        self.base_ms + i64::try_from(passed.as_millis()).unwrap_or(i64::MAX)
    }
}

fn ms_of(instant: &Timestamp) -> i64 {
    instant.seconds * 1000 + i64::from(instant.nanos / 1_000_000)
}

#[derive(Clone)]
struct Link {
    channel: tonic::transport::Channel,
}

impl Link {
    async fn to(url: &str) -> Result<Self, Error> {
        let failed = |source| Error::Connect { url: url.to_owned(), source };
        let endpoint = Endpoint::from_shared(url.to_owned()).map_err(failed)?;
        Ok(Self { channel: endpoint.connect().await.map_err(failed)? })
    }
}

/// Calls on the line: how long the agent will be busy, and how the caller hears of being answered.
#[derive(Default)]
struct Board {
    calls: Mutex<HashMap<String, (i64, oneshot::Sender<i64>)>>,
    is_over: AtomicBool,
}

impl Board {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, (i64, oneshot::Sender<i64>)>> {
        self.calls.lock().expect("nobody panics while holding it")
    }
}

/// How often progress is told.
pub type Progress = dyn Fn(u64) + Send + Sync;

/// Plays `arrivals` against the server at `url`, whose policy must be `policy`, with `agents` agents in
/// every pool. `progress` hears how many calls are over.
pub async fn over_grpc(
    url: &str,
    policy: &Policy,
    agents: usize,
    arrivals: Vec<Arrival>,
    progress: Arc<Progress>,
) -> Result<Report, Error> {
    let link = Link::to(url).await?;
    let clock = ServerClock::read(&link).await?;
    let board = Arc::new(Board::default());
    let run = format!("r{}", clock.base_ms);
    let mut desks = JoinSet::new();
    for at in 0..agents {
        let name = format!("rehearsal-{at}");
        register(&link, policy, &name).await?;
        desks.spawn(desk(Link::to(url).await?, clock, board.clone(), name));
    }
    let begin_ms = clock.after(LEAD);
    let over = Arc::new(AtomicU64::new(0));
    let mut callers = JoinSet::new();
    for (nth, arrival) in arrivals.into_iter().enumerate() {
        let (link, board, id) = (link.clone(), board.clone(), format!("{run}-{nth}"));
        let tier = policy.tier(arrival.tier);
        let within_ms = tier.respond_within_ms[arrival.channel.index()];
        let tier = tier.name.to_string();
        let (over, progress) = (over.clone(), progress.clone());
        callers.spawn(async move {
            clock.reach(begin_ms + arrival.at_ms).await;
            let outcome = caller(link, clock, &board, id, tier, arrival, within_ms).await;
            progress(over.fetch_add(1, Ordering::Relaxed) + 1);
            outcome
        });
    }
    let mut recorder = Recorder::new(policy);
    while let Some(outcome) = callers.join_next().await {
        recorder.count(&outcome.expect("a caller does not panic")?);
    }
    board.is_over.store(true, Ordering::Relaxed);
    desks.abort_all();
    while let Some(desk) = desks.join_next().await {
        if let Ok(worked) = desk {
            worked?;
        }
    }
    Ok(recorder.report())
}

async fn register(link: &Link, policy: &Policy, agent: &str) -> Result<(), Error> {
    let put = PutAgentRequest {
        agent_id: agent.to_owned(),
        name: "rehearsal".to_owned(),
        pools: policy.pools.iter().map(|pool| pool.name.to_string()).collect(),
        capacity: 1,
        ..PutAgentRequest::default()
    };
    let mut admin = AdminServiceClient::new(link.channel.clone());
    admin.put_agent(put).await.map_err(refused("PutAgent"))?;
    let available =
        SetPresenceRequest { agent_id: agent.to_owned(), presence: Presence::Available.into() };
    let mut agents = AgentServiceClient::new(link.channel.clone());
    agents.set_presence(available).await.map_err(refused("SetPresence"))?;
    Ok(())
}

/// One caller, from the first ring to the answer or the hang-up.
async fn caller(
    link: Link,
    clock: ServerClock,
    board: &Board,
    id: String,
    tier: String,
    arrival: Arrival,
    respond_within_ms: i64,
) -> Result<Outcome, Error> {
    let (answer, answered) = oneshot::channel();
    board.lock().insert(id.clone(), (arrival.service_ms, answer));
    let mut intake = IntakeServiceClient::new(link.channel);
    let submit = SubmitTicketRequest {
        ticket_id: id.clone(),
        channel: via(arrival.channel).into(),
        tier,
        ..SubmitTicketRequest::default()
    };
    let rang_ms = clock.after(Duration::ZERO);
    intake.submit_ticket(submit).await.map_err(refused("SubmitTicket"))?;
    let over = |waited_ms: i64, ending| {
        Ok(Outcome { arrival, respond_within_ms, waited_ms: waited_ms.max(0), ending })
    };
    let gone = Error::Answer { call: "PullTicket", what: "end" };
    let Some(patience_ms) = arrival.patience_ms else {
        return over(answered.await.map_err(|_| gone)?, Ending::Answered);
    };
    tokio::select! {
        biased;
        waited_ms = answered => over(waited_ms.map_err(|_| gone)?, Ending::Answered),
        () = clock.reach(rang_ms + patience_ms) => {
            let cancel = CancelTicketRequest { ticket_id: id.clone(), reason: "hung up".to_owned() };
            let ticket = match intake.cancel_ticket(cancel).await {
                Ok(cancelled) => cancelled.into_inner().ticket,
                // The agent was quicker, with the whole call.
                Err(status) if status.code() == Code::FailedPrecondition => None,
                Err(status) => return Err(refused("CancelTicket")(status)),
            };
            board.lock().remove(&id);
            let picked_up = ticket.as_ref().and_then(|ticket| {
                let submitted = ticket.submitted_at.as_ref()?;
                Some(ms_of(ticket.picked_up_at.as_ref()?) - ms_of(submitted))
            });
            match (ticket, picked_up) {
                (Some(_), None) => over(patience_ms, Ending::HungUp),
                // It crossed with the answer: the caller was answered at the last moment.
                (_, waited_ms) => over(waited_ms.unwrap_or(patience_ms), Ending::Answered),
            }
        }
    }
}

/// One agent, until nobody calls any more.
async fn desk(
    link: Link,
    clock: ServerClock,
    board: Arc<Board>,
    name: String,
) -> Result<(), Error> {
    let mut client = AgentServiceClient::new(link.channel);
    let wait = Some(Span { seconds: PULL_WAIT_S, nanos: 0 });
    let mut held = None;
    while !board.is_over.load(Ordering::Relaxed) {
        let Some(assignment) = held.take() else {
            let pull = PullTicketRequest { agent_id: name.clone(), wait, ..Default::default() };
            let pulled = client.pull_ticket(pull).await.map_err(refused("PullTicket"))?;
            held = assigned(pulled.into_inner());
            continue;
        };
        serve(&clock, &board, &assignment).await?;
        let ticket_id = assignment.ticket.map(|ticket| ticket.ticket_id).unwrap_or_default();
        let complete = CompleteTicketRequest {
            ticket_id,
            lease_token: assignment.lease_token,
            outcome: "done".to_owned(),
            pull_next: Some(PullNext { agent_id: name.clone(), wait, ..PullNext::default() }),
            ..CompleteTicketRequest::default()
        };
        match client.complete_ticket(complete).await {
            Ok(done) => {
                held = match done.into_inner().next {
                    Some(complete_ticket_response::Next::Pulled(pulled)) => assigned(pulled),
                    Some(complete_ticket_response::Next::PullError(_)) | None => None,
                };
            }
            // The caller hung up in the very moment of the answer.
            Err(status) if status.code() == Code::FailedPrecondition => {}
            Err(status) => return Err(refused("CompleteTicket")(status)),
        }
    }
    Ok(())
}

fn assigned(pulled: PullTicketResponse) -> Option<Assignment> {
    match pulled.result {
        Some(pull_ticket_response::Result::Assignment(assignment)) => Some(*assignment),
        Some(pull_ticket_response::Result::Empty(_)) | None => None,
    }
}

/// Tells the caller, and is busy for the time of the call.
async fn serve(clock: &ServerClock, board: &Board, assignment: &Assignment) -> Result<(), Error> {
    let lacks = |what| Error::Answer { call: "PullTicket", what };
    let ticket = assignment.ticket.as_ref().ok_or(lacks("ticket"))?;
    let submitted_ms = ms_of(ticket.submitted_at.as_ref().ok_or(lacks("submitted_at"))?);
    let assigned_ms = ms_of(assignment.assigned_at.as_ref().ok_or(lacks("assigned_at"))?);
    let call = board.lock().remove(&ticket.ticket_id);
    if let Some((service_ms, answer)) = call {
        // A caller who is just hanging up hears it from the server.
        let _ = answer.send(assigned_ms - submitted_ms);
        clock.reach(assigned_ms + service_ms).await;
    }
    Ok(())
}

fn via(channel: Channel) -> Via {
    match channel {
        Channel::Voice => Via::Voice,
        Channel::Chat => Via::Chat,
        Channel::Email => Via::Email,
        Channel::Web => Via::Web,
        Channel::Callback => Via::Callback,
        Channel::Outbound => Via::Outbound,
    }
}
