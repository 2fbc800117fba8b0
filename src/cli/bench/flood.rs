//! The flood: ten times what the agents can do, offered in the lowest tier, and what the highest tier
//! notices of it.
//!
//! Agents wait, hold each ticket for a while and wait again; two of them are reserved for the first tier,
//! and the fourth tier's queue is limited, as they would be where promises of seconds are kept. The first
//! tier's tickets come one at a time, measured from before the submit is sent until an agent has the
//! ticket: once alone, then beside the flood.

use super::load::{POLICY, agent, assigned, completion, payload_of, register};
use super::{Calls, Child, Failed, Latencies, latencies, progress};
use crate::api::proto::v1::intake_service_client::IntakeServiceClient;
use crate::api::proto::v1::{Channel as Via, PullTicketRequest, SubmitTicketRequest};
use crate::clock::stopwatch;
use serde::Serialize;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tonic::Code;

/// Agents, and how long each holds a ticket: together they can do 200 tickets a second.
const AGENTS: usize = 8;
const HELD: Duration = Duration::from_millis(40);
const CAPACITY_PER_S: u64 = 200;
/// How many times the capacity is offered in the lowest tier.
const TIMES: u64 = 10;
/// Workers that offer it, each at its own pace.
const FLOODERS: u64 = 20;
/// The first tier's own tickets: an eighth of the capacity, so that an agent is free for each.
const FIRST_EVERY: Duration = Duration::from_millis(40);
/// Each half takes at least this long: of a thousand tickets the slowest ten decide, and not one pause of
/// the machine.
const HALF_MIN: Duration = Duration::from_secs(40);
/// Waiting tickets of the fourth tier, beyond which they are refused.
const QUEUE_MAX: u32 = 2000;

/// What the flood did.
#[derive(Debug, Serialize)]
pub(super) struct Flood {
    capacity_per_s: u64,
    offered_per_s: u64,
    refused_count: u64,
    quiet: Calls,
    flooded: Calls,
    /// The 99th percentile in the flood, in multiples of the quiet one.
    p99_ratio: f64,
}

impl fmt::Display for Flood {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { quiet, flooded, .. } = self;
        writeln!(
            f,
            "first tier, submit to agent: quiet p50 {:.2} p99 {:.2} ms; with {} tickets/s of the fourth \
             ({TIMES} x capacity, {} refused) p50 {:.2} p99 {:.2} ms: {:.2} x",
            quiet.p50_ms,
            quiet.p99_ms,
            self.offered_per_s,
            self.refused_count,
            flooded.p50_ms,
            flooded.p99_ms,
            self.p99_ratio,
        )
    }
}

/// Measures the first tier alone and in the flood, each for `time` or [`HALF_MIN`], on one server.
pub(super) async fn measure(
    dir: Option<&Path>,
    core: Option<usize>,
    payload: u32,
    time: Duration,
) -> Result<Flood, Failed> {
    let policy = POLICY
        .replace("lease = \"24h\"", "lease = \"24h\"\nreserve = { first = 2 }")
        .replace("\"2d\" }", &format!("\"2d\" }}\nqueue_max = {{ default = {QUEUE_MAX} }}"));
    let child = Child::tierline(dir, core, &policy, &[]).await?;
    register(&child, "flood", AGENTS).await?;
    let over = Arc::new(AtomicBool::new(false));
    let (arrived, mut arrivals) = tokio::sync::mpsc::channel::<Instant>(AGENTS);
    let mut agents = JoinSet::new();
    for at in 0..AGENTS {
        let (channel, over, arrived) = (child.connect().await?, over.clone(), arrived.clone());
        agents.spawn(async move {
            let (mut client, name) = agent(&channel, format!("flood-{at}")).await?;
            let wait = Some(prost_types::Duration { seconds: 1, nanos: 0 });
            while !over.load(Ordering::Relaxed) {
                let pull = PullTicketRequest { agent_id: name.clone(), wait, ..Default::default() };
                let pulled = client.pull_ticket(pull).await?.into_inner();
                let at = stopwatch();
                let Some(assignment) = assigned(pulled.result) else { continue };
                if assignment.ticket.as_ref().is_some_and(|ticket| ticket.tier == "first") {
                    // The submitter has gone when its time is over.
                    let _ = arrived.send(at).await;
                }
                tokio::time::sleep(HELD).await;
                client.complete_ticket(completion(&assignment, None)).await?;
            }
            Ok::<_, Failed>(())
        });
    }
    let time = time.max(HALF_MIN);
    progress("flood: the first tier alone");
    let quiet = first_tier(&child, payload, time, &mut arrivals).await?;
    let refused_count = Arc::new(AtomicU64::new(0));
    let mut flooders = JoinSet::new();
    for _ in 0..FLOODERS {
        let mut intake = IntakeServiceClient::new(child.connect().await?);
        let (over, refused_count) = (over.clone(), refused_count.clone());
        flooders.spawn(async move {
            let every = Duration::from_micros(1_000_000 * FLOODERS / (CAPACITY_PER_S * TIMES));
            let mut pace = tokio::time::interval(every);
            while !over.load(Ordering::Relaxed) {
                pace.tick().await;
                match intake.submit_ticket(ticket("fourth", payload)).await {
                    Ok(_) => {}
                    Err(refused) if refused.code() == Code::ResourceExhausted => {
                        refused_count.fetch_add(1, Ordering::Relaxed);
                    }
                    Err(other) => return Err(Failed::from(other)),
                }
            }
            Ok(())
        });
    }
    // The flood has filled its queue before anything is counted.
    tokio::time::sleep(Duration::from_secs(2)).await;
    progress("flood: the first tier beside ten times the capacity in the lowest");
    let flooded = first_tier(&child, payload, time, &mut arrivals).await?;
    over.store(true, Ordering::Relaxed);
    for mut workers in [agents, flooders] {
        while let Some(done) = workers.join_next().await {
            done.expect("a worker does not panic")?;
        }
    }
    let (quiet, flooded) =
        (Calls::of("submit -> agent", &quiet), Calls::of("submit -> agent", &flooded));
    Ok(Flood {
        capacity_per_s: CAPACITY_PER_S,
        offered_per_s: CAPACITY_PER_S * TIMES,
        refused_count: refused_count.load(Ordering::Relaxed),
        p99_ratio: flooded.p99_ms / quiet.p99_ms.max(0.001),
        quiet,
        flooded,
    })
}

fn ticket(tier: &str, payload: u32) -> SubmitTicketRequest {
    SubmitTicketRequest {
        channel: Via::Web.into(),
        tier: tier.to_owned(),
        payload: payload_of(payload),
        ..SubmitTicketRequest::default()
    }
}

/// One ticket of the first tier after the other, each from its submit to its agent.
async fn first_tier(
    child: &Child,
    payload: u32,
    time: Duration,
    arrivals: &mut tokio::sync::mpsc::Receiver<Instant>,
) -> Result<Latencies, Failed> {
    let mut intake = IntakeServiceClient::new(child.connect().await?);
    let mut measured = latencies();
    let mut pace = tokio::time::interval(FIRST_EVERY);
    let begun = stopwatch();
    while begun.elapsed() < time {
        pace.tick().await;
        let sent = stopwatch();
        intake.submit_ticket(ticket("first", payload)).await?;
        let Some(at) = arrivals.recv().await else { break };
        let micros = u64::try_from((at - sent).as_micros()).unwrap_or(u64::MAX);
        measured.saturating_record(micros);
    }
    Ok(measured)
}
