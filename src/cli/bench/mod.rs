//! `tierline bench`: the server under load, beside what the machine itself can do.
//!
//! Server and client are processes of their own, each pinned to one core where `taskset` is there. The
//! server is this same binary, on a data directory that is removed afterwards; every acknowledged step
//! is on its disk. All rows of a table are measured in one run, for machines differ from minute to
//! minute, and ratios hold better than figures.

mod ceiling;
mod flood;
mod load;
mod lookups;
mod million;

use super::child::{Child, Failed, pin_self};
use super::fault::Fault;
use super::table::{Cell, Table};
use super::{Context, console};
use clap::Args;
use hdrhistogram::Histogram;
use serde::Serialize;
use std::path::PathBuf;
use std::time::Duration;

/// Measure the server under load, beside what the machine can do.
///
/// Submits, pulls and completes against a server of its own, and prints the rates and latencies beside two ceilings of the
/// same run: an empty call, and an empty call with a synced write behind it.
#[derive(Args, Debug)]
#[command(after_help = "\
JSON fields: pinned, backlog, payload_size, rows [{what, connections, in_flight, calls_per_s, tickets_per_s, \
calls [{call, count, p50_ms, p99_ms, p999_ms, max_ms}]}], flood (null unless asked for) {capacity_per_s, offered_per_s, \
refused_count, quiet, flooded, p99_ratio}, lookups (null unless asked for) {rows [{directory, cached_percent, \
not_found_count, calls_per_s, calls}], redis_share_uncached, redis_uncached_share_of_embedded_cached}, million (null unless asked for) {ticket_count, \
bytes_a_ticket, fill_s, restart_s, after_restart_count}.

Examples:
  tierline bench
  tierline bench --seconds 20 --million --dir /var/tmp")]
pub(crate) struct Bench {
    /// Seconds each row is measured, after one second of warming up.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Tickets that wait while it is measured.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(0..=2_000_000))]
    backlog: u64,
    /// Bytes of payload a ticket.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(0..=65_536))]
    payload: u32,
    /// Also offer ten times what the agents can do in the lowest tier: what the highest notices of it.
    /// Takes at least 80 seconds.
    #[arg(long)]
    flood: bool,
    /// Also submit for customers who are looked up: embedded beside a Redis of its own (`redis-server`
    /// must be installed), with 90 % of them in the cache and with none.
    #[arg(long)]
    lookups: bool,
    /// Also fill the server with a million waiting tickets: memory a ticket, and the restart.
    #[arg(long)]
    million: bool,
    /// How many tickets `--million` fills in.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1000..=10_000_000))]
    million_count: u64,
    /// Core for the server; needs `taskset`.
    #[arg(long, default_value_t = 0)]
    server_core: usize,
    /// Core for the client; needs `taskset`.
    #[arg(long, default_value_t = 1)]
    client_core: usize,
    /// Where the data directory of the measured server is made [default: the system's temporary folder].
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// The server side of a ceiling, started by `tierline bench` itself.
#[derive(Args, Debug)]
pub(crate) struct Ceiling {
    /// Address to listen on.
    listen: std::net::SocketAddr,
    /// File for the durable echo.
    file: PathBuf,
}

impl Ceiling {
    pub(crate) async fn run(self) -> Result<(), Fault> {
        Ok(ceiling::serve(self.listen, &self.file).await?)
    }
}

/// How many connections, and how many calls in flight on each.
#[derive(Clone, Copy, Debug, Serialize)]
struct Shape {
    connections: usize,
    in_flight: usize,
}

impl Shape {
    const fn of(connections: usize, in_flight: usize) -> Self {
        Self { connections, in_flight }
    }

    fn name(self) -> String {
        format!("{} x {}", self.connections, self.in_flight)
    }
}

/// Latencies in microseconds.
type Latencies = Histogram<u64>;

fn latencies() -> Latencies {
    Histogram::new_with_max(60_000_000, 3).expect("the bounds are in order")
}

/// One measured row.
#[derive(Debug, Serialize)]
struct Row {
    what: String,
    connections: usize,
    in_flight: usize,
    calls_per_s: f64,
    tickets_per_s: Option<f64>,
    calls: Vec<Calls>,
}

/// The latencies of one kind of call.
#[derive(Debug, Serialize)]
struct Calls {
    call: &'static str,
    count: u64,
    p50_ms: f64,
    p99_ms: f64,
    p999_ms: f64,
    max_ms: f64,
}

impl Calls {
    fn of(call: &'static str, measured: &Latencies) -> Self {
        let ms = |micros: u64| {
            #[expect(clippy::cast_precision_loss, reason = "a minute in microseconds fits 52 bits")]
            let micros = micros as f64;
            micros / 1000.0
        };
        Self {
            call,
            count: measured.len(),
            p50_ms: ms(measured.value_at_quantile(0.5)),
            p99_ms: ms(measured.value_at_quantile(0.99)),
            p999_ms: ms(measured.value_at_quantile(0.999)),
            max_ms: ms(measured.max()),
        }
    }
}

/// Everything one run measured.
#[derive(Debug, Serialize)]
struct Report {
    pinned: bool,
    backlog: u64,
    payload_size: u32,
    rows: Vec<Row>,
    flood: Option<flood::Flood>,
    lookups: Option<lookups::Lookups>,
    million: Option<million::Million>,
}

impl Bench {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Fault> {
        let pinned = pin_self(self.client_core);
        let report = self.measure(pinned).await?;
        if context.is_json() { console::json(&report) } else { console::say(told(&report)) }
    }

    async fn measure(&self, pinned: bool) -> Result<Report, Failed> {
        let time = Duration::from_secs(self.seconds);
        let core = pinned.then_some(self.server_core);
        let mut rows = Vec::new();
        {
            let ceiling = Child::ceiling(self.dir.as_deref(), core).await?;
            for shape in [Shape::of(1, 1), Shape::of(32, 1), Shape::of(8, 8)] {
                for durable in [false, true] {
                    progress(&format!("ceiling {}, durable: {durable}", shape.name()));
                    rows.push(load::echo(&ceiling, shape, self.payload, durable, time).await?);
                }
            }
        }
        {
            let child = Child::tierline(self.dir.as_deref(), core, load::POLICY, &[]).await?;
            progress(&format!("filling {} waiting tickets", self.backlog));
            load::fill(&child, self.backlog, self.payload).await?;
            for shape in [Shape::of(1, 1), Shape::of(32, 1), Shape::of(8, 8)] {
                progress(&format!("submit + pull + complete {}", shape.name()));
                rows.push(load::three_calls(&child, shape, self.payload, time).await?);
            }
            for shape in [Shape::of(32, 1), Shape::of(8, 8)] {
                progress(&format!("submit + complete-and-pull {}", shape.name()));
                rows.push(load::two_calls(&child, shape, self.payload, time).await?);
            }
        }
        {
            let child = Child::tierline(self.dir.as_deref(), core, load::POLICY, &[]).await?;
            progress("submit to an agent who waits");
            rows.push(load::to_waiting(&child, 8, self.payload, time).await?);
        }
        let flood = if self.flood {
            Some(flood::measure(self.dir.as_deref(), core, self.payload, time).await?)
        } else {
            None
        };
        let lookups = if self.lookups {
            let cores = pinned.then_some((self.server_core, self.client_core));
            Some(lookups::measure(self.dir.as_deref(), cores, self.payload, time).await?)
        } else {
            None
        };
        let million = if self.million {
            Some(
                million::measure(self.dir.as_deref(), core, self.million_count, self.payload)
                    .await?,
            )
        } else {
            None
        };
        let (backlog, payload_size) = (self.backlog, self.payload);
        Ok(Report { pinned, backlog, payload_size, rows, flood, lookups, million })
    }
}

fn progress(what: &str) {
    console::note(format_args!("bench: {what}"));
}

fn told(report: &Report) -> String {
    let mut table = Table::new()
        .left("WHAT")
        .right("CONNS")
        .right("CALLS/S")
        .right("TICKETS/S")
        .left("CALL")
        .right("P50 MS")
        .right("P99 MS")
        .right("P99.9 MS")
        .right("MAX MS");
    for row in &report.rows {
        for (at, calls) in row.calls.iter().enumerate() {
            let first = |text: String| Cell::from(if at == 0 { text } else { String::new() });
            table.row([
                first(row.what.clone()),
                first(format!("{} x {}", row.connections, row.in_flight)),
                first(format!("{:.0}", row.calls_per_s)),
                first(row.tickets_per_s.map_or_else(String::new, |rate| format!("{rate:.0}"))),
                calls.call.into(),
                format!("{:.2}", calls.p50_ms).into(),
                format!("{:.2}", calls.p99_ms).into(),
                format!("{:.2}", calls.p999_ms).into(),
                format!("{:.2}", calls.max_ms).into(),
            ]);
        }
    }
    let pinned =
        if report.pinned { "server and client pinned to a core each" } else { "not pinned" };
    let mut text =
        format!("{} waiting, {} B payload, {pinned}\n{table}", report.backlog, report.payload_size);
    if let Some(flood) = &report.flood {
        text.push_str(&flood.to_string());
    }
    if let Some(lookups) = &report.lookups {
        text.push_str(&lookups.to_string());
    }
    if let Some(million) = &report.million {
        text.push_str(&million.to_string());
    }
    text
}
