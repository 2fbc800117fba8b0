//! The load: closed loops, each on its connection, each call measured from before it is sent.

use super::ceiling::proto::ceiling_service_client::CeilingServiceClient;
use super::ceiling::proto::{EchoDurableRequest, EchoRequest};
use super::{Calls, Latencies, Row, Shape, latencies};
use super::{Child, Failed};
use crate::api::proto::v1::admin_service_client::AdminServiceClient;
use crate::api::proto::v1::agent_service_client::AgentServiceClient;
use crate::api::proto::v1::intake_service_client::IntakeServiceClient;
use crate::api::proto::v1::{
    Assignment, Channel as Via, CompleteTicketRequest, Presence, PullNext, PullTicketRequest,
    PutAgentRequest, SetPresenceRequest, SubmitTicketRequest, SubmitTicketsRequest,
    complete_ticket_response, pull_ticket_response,
};
use crate::clock::stopwatch;
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tonic::transport::Channel;

/// The pool of the bench's policy.
const POOL: &str = "bench";
/// The tiers of the bench's policy, each with another response target.
const TIERS: [&str; 4] = ["first", "second", "third", "fourth"];
/// Four tiers, one pool, leases that outlast every bench.
pub(super) const POLICY: &str = r#"
version = "bench"

[customers]
unknown = "fourth"
unavailable = "fourth"

[[tier]]
name = "first"
rank = 1
pools = ["bench"]
respond_within = { default = "15s" }

[[tier]]
name = "second"
rank = 2
pools = ["bench"]
respond_within = { default = "3m" }

[[tier]]
name = "third"
rank = 3
pools = ["bench"]
respond_within = { default = "2h" }

[[tier]]
name = "fourth"
rank = 4
pools = ["bench"]
respond_within = { default = "2d" }

[[pool]]
name = "bench"
lease = "24h"
"#;

/// How long a row warms up before it counts.
const WARM_UP: Duration = Duration::from_secs(1);

/// When to count, and when to stop.
#[derive(Clone, Copy)]
pub(super) struct Span {
    from: Instant,
    to: Instant,
}

impl Span {
    pub(super) fn begin(time: Duration) -> Self {
        let from = stopwatch() + WARM_UP;
        Self { from, to: from + time }
    }

    pub(super) fn is_over(self) -> bool {
        stopwatch() >= self.to
    }

    pub(super) fn measure(self, latencies: &mut Latencies, sent: Instant) {
        if sent >= self.from {
            let micros = u64::try_from(sent.elapsed().as_micros()).unwrap_or(u64::MAX);
            latencies.saturating_record(micros);
        }
    }
}

fn rate(count: u64, time: Duration) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts of a bench fit 52 bits")]
    let count = count as f64;
    count / time.as_secs_f64()
}

pub(super) fn row(
    what: &str,
    shape: Shape,
    time: Duration,
    per_ticket: Option<u64>,
    calls: Vec<Calls>,
) -> Row {
    let count = calls.iter().map(|calls| calls.count).sum();
    Row {
        what: what.to_owned(),
        connections: shape.connections,
        in_flight: shape.in_flight,
        calls_per_s: rate(count, time),
        tickets_per_s: per_ticket.map(|calls_a_ticket| rate(count / calls_a_ticket, time)),
        calls,
    }
}

/// Runs one `worker` per call in flight and merges what they measured.
pub(super) async fn run<const N: usize, W, F>(
    child: &Child,
    shape: Shape,
    worker: W,
) -> Result<[Latencies; N], Failed>
where
    W: Fn(usize, Channel) -> F,
    F: Future<Output = Result<[Latencies; N], Failed>> + Send + 'static,
{
    let mut workers = JoinSet::new();
    for connection in 0..shape.connections {
        let channel = child.connect().await?;
        for call in 0..shape.in_flight {
            workers.spawn(worker(connection * shape.in_flight + call, channel.clone()));
        }
    }
    let mut all: [Latencies; N] = std::array::from_fn(|_| latencies());
    while let Some(done) = workers.join_next().await {
        let measured = done.expect("a worker does not panic")?;
        for (all, one) in all.iter_mut().zip(measured) {
            all.add(one).expect("all have the same bounds");
        }
    }
    Ok(all)
}

/// One ceiling.
pub(super) async fn echo(
    child: &Child,
    shape: Shape,
    payload: u32,
    durable: bool,
    time: Duration,
) -> Result<Row, Failed> {
    let payload = payload_of(payload);
    let span = Span::begin(time);
    let [calls] = run(child, shape, |_, channel| {
        let payload = payload.clone();
        async move {
            let mut client = CeilingServiceClient::new(channel);
            let mut measured = latencies();
            while !span.is_over() {
                let (sent, payload) = (stopwatch(), payload.clone());
                if durable {
                    client.echo_durable(EchoDurableRequest { payload }).await?;
                } else {
                    client.echo(EchoRequest { payload }).await?;
                }
                span.measure(&mut measured, sent);
            }
            Ok([measured])
        }
    })
    .await?;
    let what = if durable { "ceiling: echo, synced" } else { "ceiling: echo" };
    Ok(row(what, shape, time, None, vec![Calls::of("echo", &calls)]))
}

pub(super) fn payload_of(size: u32) -> Bytes {
    vec![b'x'; usize::try_from(size).expect("it fits")].into()
}

/// The nth ticket: another tier each time.
fn ticket(nth: u64, payload: &Bytes) -> SubmitTicketRequest {
    let tiers = u64::try_from(TIERS.len()).expect("four");
    // A fixed scramble, so that neighbours in time are of different tiers.
    let tier = usize::try_from(nth.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32).expect("32 bits")
        % usize::try_from(tiers).expect("four");
    SubmitTicketRequest {
        channel: Via::Web.into(),
        tier: TIERS[tier].to_owned(),
        payload: payload.clone(),
        ..SubmitTicketRequest::default()
    }
}

/// Puts tickets into the queues through the bulk stream.
pub(super) async fn fill(child: &Child, count: u64, payload: u32) -> Result<(), Failed> {
    let payload = payload_of(payload);
    let mut client = IntakeServiceClient::new(child.connect().await?);
    let tickets = (0..count).map(move |nth| SubmitTicketsRequest {
        ticket: Some(ticket(nth, &payload)),
        ..SubmitTicketsRequest::default()
    });
    let mut answers = client.submit_tickets(tokio_stream::iter(tickets)).await?.into_inner();
    let mut answered = 0;
    while answers.message().await?.is_some() {
        answered += 1;
    }
    assert_eq!(answered, count, "every ticket of the bulk is answered");
    Ok(())
}

/// An agent of its own for each worker.
pub(super) async fn agent(
    channel: &Channel,
    name: String,
) -> Result<(AgentServiceClient<Channel>, String), Failed> {
    let mut client = AgentServiceClient::new(channel.clone());
    let presence = Presence::Available.into();
    client.set_presence(SetPresenceRequest { agent_id: name.clone(), presence }).await?;
    Ok((client, name))
}

pub(super) async fn register(child: &Child, prefix: &str, count: usize) -> Result<(), Failed> {
    let channel = child.connect().await?;
    for at in 0..count {
        let put = PutAgentRequest {
            agent_id: format!("{prefix}-{at}"),
            pools: vec![POOL.to_owned()],
            capacity: 1,
            ..PutAgentRequest::default()
        };
        AdminServiceClient::new(channel.clone()).put_agent(put).await?;
    }
    Ok(())
}

pub(super) fn assigned(result: Option<pull_ticket_response::Result>) -> Option<Assignment> {
    match result {
        Some(pull_ticket_response::Result::Assignment(assignment)) => Some(*assignment),
        Some(pull_ticket_response::Result::Empty(_)) | None => None,
    }
}

pub(super) fn completion(
    assignment: &Assignment,
    pull_next: Option<PullNext>,
) -> CompleteTicketRequest {
    CompleteTicketRequest {
        ticket_id: assignment
            .ticket
            .as_ref()
            .map(|ticket| ticket.ticket_id.clone())
            .unwrap_or_default(),
        lease_token: assignment.lease_token,
        outcome: "done".to_owned(),
        pull_next,
        ..CompleteTicketRequest::default()
    }
}

/// A ticket's life in three calls: submit, pull, complete.
pub(super) async fn three_calls(
    child: &Child,
    shape: Shape,
    payload: u32,
    time: Duration,
) -> Result<Row, Failed> {
    let prefix = format!("three-{}-{}", shape.connections, shape.in_flight);
    register(child, &prefix, shape.connections * shape.in_flight).await?;
    let payload = payload_of(payload);
    let span = Span::begin(time);
    let nth = Arc::new(AtomicU64::new(0));
    let [submits, pulls, completes] = run(child, shape, |worker, channel| {
        let (payload, nth, name) = (payload.clone(), nth.clone(), format!("{prefix}-{worker}"));
        async move {
            let mut intake = IntakeServiceClient::new(channel.clone());
            let (mut client, name) = agent(&channel, name).await?;
            let [mut submits, mut pulls, mut completes] = std::array::from_fn(|_| latencies());
            while !span.is_over() {
                let sent = stopwatch();
                intake.submit_ticket(ticket(nth.fetch_add(1, Ordering::Relaxed), &payload)).await?;
                span.measure(&mut submits, sent);
                let sent = stopwatch();
                let pull =
                    PullTicketRequest { agent_id: name.clone(), ..PullTicketRequest::default() };
                let pulled = client.pull_ticket(pull).await?.into_inner();
                span.measure(&mut pulls, sent);
                let Some(assignment) = assigned(pulled.result) else { continue };
                let sent = stopwatch();
                client.complete_ticket(completion(&assignment, None)).await?;
                span.measure(&mut completes, sent);
            }
            Ok([submits, pulls, completes])
        }
    })
    .await?;
    let calls = vec![
        Calls::of("submit", &submits),
        Calls::of("pull", &pulls),
        Calls::of("complete", &completes),
    ];
    Ok(row("submit + pull + complete", shape, time, Some(3), calls))
}

/// A ticket's life in two calls: submit, and complete with the next pull in the same round trip.
pub(super) async fn two_calls(
    child: &Child,
    shape: Shape,
    payload: u32,
    time: Duration,
) -> Result<Row, Failed> {
    let prefix = format!("two-{}-{}", shape.connections, shape.in_flight);
    register(child, &prefix, shape.connections * shape.in_flight).await?;
    let payload = payload_of(payload);
    let span = Span::begin(time);
    let nth = Arc::new(AtomicU64::new(0));
    let [submits, completes] = run(child, shape, |worker, channel| {
        let (payload, nth, name) = (payload.clone(), nth.clone(), format!("{prefix}-{worker}"));
        async move {
            let mut intake = IntakeServiceClient::new(channel.clone());
            let (mut client, name) = agent(&channel, name).await?;
            let [mut submits, mut completes] = std::array::from_fn(|_| latencies());
            let mut held = None;
            while !span.is_over() {
                let sent = stopwatch();
                intake.submit_ticket(ticket(nth.fetch_add(1, Ordering::Relaxed), &payload)).await?;
                span.measure(&mut submits, sent);
                let Some(assignment) = held.take() else {
                    let pull = PullTicketRequest { agent_id: name.clone(), ..Default::default() };
                    held = assigned(client.pull_ticket(pull).await?.into_inner().result);
                    continue;
                };
                let sent = stopwatch();
                let next = Some(PullNext { agent_id: name.clone(), ..PullNext::default() });
                let done =
                    client.complete_ticket(completion(&assignment, next)).await?.into_inner();
                span.measure(&mut completes, sent);
                held = match done.next {
                    Some(complete_ticket_response::Next::Pulled(pulled)) => assigned(pulled.result),
                    Some(complete_ticket_response::Next::PullError(_)) | None => None,
                };
            }
            if let Some(assignment) = held {
                client.complete_ticket(completion(&assignment, None)).await?;
            }
            Ok([submits, completes])
        }
    })
    .await?;
    let calls = vec![Calls::of("submit", &submits), Calls::of("complete+pull", &completes)];
    Ok(row("submit + complete-and-pull", shape, time, Some(2), calls))
}

/// From the submit until an agent who was waiting has the ticket: `agents` wait, one ticket at a time.
pub(super) async fn to_waiting(
    child: &Child,
    agents: usize,
    payload: u32,
    time: Duration,
) -> Result<Row, Failed> {
    register(child, "idle", agents).await?;
    let payload = payload_of(payload);
    let span = Span::begin(time);
    let over = Arc::new(AtomicBool::new(false));
    let (arrived, mut arrivals) = tokio::sync::mpsc::channel::<Instant>(agents);
    let mut idle = JoinSet::new();
    for at in 0..agents {
        let (channel, over, arrived) = (child.connect().await?, over.clone(), arrived.clone());
        idle.spawn(async move {
            let (mut client, name) = agent(&channel, format!("idle-{at}")).await?;
            let wait = Some(prost_types::Duration { seconds: 2, nanos: 0 });
            while !over.load(Ordering::Relaxed) {
                let pull = PullTicketRequest { agent_id: name.clone(), wait, ..Default::default() };
                let pulled = client.pull_ticket(pull).await?.into_inner();
                let Some(assignment) = assigned(pulled.result) else { continue };
                // The submitter has gone when its time is over.
                let _ = arrived.send(stopwatch()).await;
                client.complete_ticket(completion(&assignment, None)).await?;
            }
            Ok::<_, Failed>(())
        });
    }
    let mut intake = IntakeServiceClient::new(child.connect().await?);
    let mut measured = latencies();
    let mut nth = 0;
    while !span.is_over() {
        let sent = stopwatch();
        intake.submit_ticket(ticket(nth, &payload)).await?;
        nth += 1;
        let Some(at) = arrivals.recv().await else { break };
        if sent >= span.from {
            let micros = u64::try_from((at - sent).as_micros()).unwrap_or(u64::MAX);
            measured.saturating_record(micros);
        }
    }
    over.store(true, Ordering::Relaxed);
    while let Some(done) = idle.join_next().await {
        done.expect("a worker does not panic")?;
    }
    let calls = vec![Calls::of("submit -> agent", &measured)];
    Ok(row("submit to a waiting agent", Shape::of(1, 1), time, Some(1), calls))
}
