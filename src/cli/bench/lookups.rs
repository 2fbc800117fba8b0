//! What a lookup costs: submits that name a customer, with the directory embedded and in a Redis of the
//! bench's own, as the cache knows nine in ten of them or none.
//!
//! The budget is a second, so that no submit goes on without its answer; how many did is told. Redis runs
//! on the client's core: the server's is the one that is measured.

use super::load::{POLICY, Span, payload_of, row, run};
use super::{Calls, Child, Failed, Row, Shape, latencies, progress};
use crate::api::proto::v1::admin_service_client::AdminServiceClient;
use crate::api::proto::v1::intake_service_client::IntakeServiceClient;
use crate::api::proto::v1::{
    Channel as Via, Customer, CustomerIdentifier, IdentifierKind, ImportCustomersRequest,
    ImportRow, SubmitTicketRequest, TierSource,
};
use crate::cli::child::{Served, free_address};
use crate::clock::stopwatch;
use serde::Serialize;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Customers in the directory.
const CUSTOMERS: u64 = 200_000;
/// Those that nine in ten submits name.
const REGULARS: u64 = 1000;
/// Customers in one message of the import.
const BATCH: u64 = 500;
/// How the load comes.
const SHAPE: Shape = Shape::of(8, 8);

/// What lookups cost.
#[derive(Debug, Serialize)]
pub(super) struct Lookups {
    rows: Vec<LookupRow>,
    /// Tickets a second with Redis and nothing cached, in parts of those with the embedded directory
    /// and nothing cached.
    redis_share_uncached: f64,
    /// The same, in parts of those with the embedded directory and nine in ten cached.
    redis_uncached_share_of_embedded_cached: f64,
}

#[derive(Debug, Serialize)]
struct LookupRow {
    directory: &'static str,
    cached_percent: u32,
    /// Submits whose customer was not found in time.
    not_found_count: u64,
    #[serde(flatten)]
    row: Row,
}

impl fmt::Display for Lookups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for LookupRow { directory, cached_percent, not_found_count, row } in &self.rows {
            writeln!(
                f,
                "submit with a lookup {}, {directory:8} {cached_percent:2} % cached: {:6.0} tickets/s, \
                 p50 {:.2} p99 {:.2} ms, {not_found_count} not found in time",
                SHAPE.name(),
                row.calls_per_s,
                row.calls[0].p50_ms,
                row.calls[0].p99_ms,
            )?;
        }
        writeln!(
            f,
            "redis with nothing cached: {:.2} of embedded with nothing cached, {:.2} of embedded with 90 % cached",
            self.redis_share_uncached, self.redis_uncached_share_of_embedded_cached
        )
    }
}

/// Measures the four rows, each for `time` on a server of its own.
pub(super) async fn measure(
    dir: Option<&Path>,
    cores: Option<(usize, usize)>,
    payload: u32,
    time: Duration,
) -> Result<Lookups, Failed> {
    let address = free_address()?;
    let port = address.port().to_string();
    let redis = [
        "redis-server",
        "--port",
        &port,
        "--bind",
        "127.0.0.1",
        "--save",
        "",
        "--appendonly",
        "no",
    ];
    let redis = Served::start(dir, &redis, cores.map(|(_, client)| client))?;
    redis.wait_until_listening(address).await?;
    let url = format!("url = \"redis://{address}\"\nkind = \"redis\"\n");
    let mut rows = Vec::new();
    for (directory, place) in [("embedded", ""), ("redis", &*url)] {
        for cached_percent in [90, 0] {
            let ttl = if cached_percent == 0 { "0s" } else { "1h" };
            let config = format!(
                "[directory]\n{place}budget = \"1s\"\ncache_ttl = \"{ttl}\"\nsweep = \"1d\"\n"
            );
            let core = cores.map(|(server, _)| server);
            let child = Child::configured(dir, core, POLICY, &config).await?;
            progress(&format!("lookups: {CUSTOMERS} customers, {directory}"));
            import(&child).await?;
            progress(&format!("lookups: {directory}, {cached_percent} % cached"));
            rows.push(submits(&child, directory, cached_percent, payload, time).await?);
        }
    }
    let rate = |at: usize| rows[at].row.calls_per_s.max(1.0);
    Ok(Lookups {
        redis_share_uncached: rate(3) / rate(1),
        redis_uncached_share_of_embedded_cached: rate(3) / rate(0),
        rows,
    })
}

fn id(nth: u64) -> String {
    format!("C-{nth}")
}

async fn import(child: &Child) -> Result<(), Failed> {
    let batches = (0..CUSTOMERS / BATCH).map(|batch| ImportCustomersRequest {
        rows: (batch * BATCH..(batch + 1) * BATCH)
            .map(|nth| ImportRow {
                line: nth + 2,
                customer: Some(Customer {
                    customer_id: id(nth),
                    tier: "third".to_owned(),
                    ..Customer::default()
                }),
            })
            .collect(),
        with_farewells: false,
    });
    let mut admin = AdminServiceClient::new(child.connect().await?);
    let mut answers = admin.import_customers(tokio_stream::iter(batches)).await?.into_inner();
    let mut stored_count = 0;
    while let Some(answer) = answers.message().await? {
        stored_count = answer.stored_count;
    }
    assert_eq!(stored_count, CUSTOMERS, "every customer is stored");
    Ok(())
}

async fn submits(
    child: &Child,
    directory: &'static str,
    cached_percent: u32,
    payload: u32,
    time: Duration,
) -> Result<LookupRow, Failed> {
    let payload = payload_of(payload);
    let nth = Arc::new(AtomicU64::new(0));
    let not_found = Arc::new(AtomicU64::new(0));
    let mut intake = IntakeServiceClient::new(child.connect().await?);
    if cached_percent > 0 {
        for regular in 0..REGULARS {
            intake.submit_ticket(ticket(id(regular), &payload)).await?;
        }
    }
    let span = Span::begin(time);
    let [measured] = run(child, SHAPE, |_, channel| {
        let (payload, nth, not_found) = (payload.clone(), nth.clone(), not_found.clone());
        async move {
            let mut intake = IntakeServiceClient::new(channel);
            let mut measured = latencies();
            while !span.is_over() {
                let nth = nth.fetch_add(1, Ordering::Relaxed);
                let cold = REGULARS + nth % (CUSTOMERS - REGULARS);
                let is_regular = cached_percent > 0 && !nth.is_multiple_of(10);
                let who = if is_regular { nth % REGULARS } else { cold };
                let sent = stopwatch();
                let receipt = intake.submit_ticket(ticket(id(who), &payload)).await?.into_inner();
                span.measure(&mut measured, sent);
                if receipt.tier_source() != TierSource::Found {
                    not_found.fetch_add(1, Ordering::Relaxed);
                }
            }
            Ok([measured])
        }
    })
    .await?;
    let calls = vec![Calls::of("submit", &measured)];
    Ok(LookupRow {
        directory,
        cached_percent,
        not_found_count: not_found.load(Ordering::Relaxed),
        row: row("submit with a lookup", SHAPE, time, Some(1), calls),
    })
}

fn ticket(customer: String, payload: &bytes::Bytes) -> SubmitTicketRequest {
    let kind = IdentifierKind::Id.into();
    SubmitTicketRequest {
        channel: Via::Web.into(),
        customer: Some(CustomerIdentifier { kind, value: customer }),
        payload: payload.clone(),
        ..SubmitTicketRequest::default()
    }
}
