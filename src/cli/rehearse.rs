//! `tierline rehearse`: a day or a month of calls against a policy, before customers meet it.

use super::child::Child;
use super::fault::Fault;
use super::{Context, console, humane};
use crate::api::proto::v1::GetServerInfoRequest;
use crate::engine::model::{Channel, Rule};
use crate::rehearse::generate::{self, Month};
use crate::rehearse::report::Report;
use crate::rehearse::trace::Trace;
use crate::rehearse::{Callers, Rehearsal, callers, in_process, live};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use jiff::civil::{Date, date};
use serde::Serialize;
use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Shown at the end of `tierline rehearse --help`.
const AFTER_HELP: &str = "\
A trace is a CSV file with the columns arrival_s, day, type, queue_s, outcome and service_s:
  arrival_s  seconds since midnight of the trace's first day
  day        the date of that instant, 1999-02-01
  type       what the call was about: any word; a call without a service time draws one of its type
  queue_s    how long the caller waited then, in seconds
  outcome    AGENT (an agent took it) or HANG (the caller hung up)
  service_s  how long the agent was busy, in seconds; empty or 0 when not known
Only calls that were answered or queued are played. The tier and the patience are drawn.

With --in-process a month takes seconds. On a server the clock runs: a day at --speed 300 takes some five minutes.

Examples:
  tierline rehearse --generate 20 --policy config/bank.toml --agents 7 --in-process
  tierline rehearse --trace calls.csv --policy config/bank.toml --agents 7 --in-process --seeds 3
  tierline rehearse --trace calls.csv --day 1999-02-08 --policy config/bank.toml --agents 7 --speed 300";

/// The days that `--generate` begins with.
const FIRST_DAY: Date = date(2026, 3, 2);

/// Play a trace of calls against a policy: callers hang up, agents pull and complete
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Rehearse {
    /// The trace, a CSV file
    #[arg(long, value_name = "FILE", required_unless_present = "generate")]
    trace: Option<PathBuf>,
    /// Make a trace of so many days instead, fitted to a bank's call centre
    #[arg(long, value_name = "DAYS", conflicts_with = "trace",
          value_parser = clap::value_parser!(u16).range(1..=i64::from(generate::DAYS_MAX)))]
    generate: Option<u16>,
    /// Write the trace that is played to this file, and play nothing
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
    /// Play only the calls of this day, such as 1999-02-08
    #[arg(long, value_name = "DATE")]
    day: Option<Date>,
    /// The policy, a TOML file
    #[arg(long, value_name = "FILE", required_unless_present = "write")]
    policy: Option<PathBuf>,
    /// How many agents are there all the time, in every pool
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    agents: u16,
    /// Another dispatch rule than the policy's: guarded-edf, fifo, static-priority, edf, accumulating
    #[arg(long, value_name = "RULE", value_parser = rule)]
    rule: Option<Rule>,
    /// Another reserve for the highest tier than the policy's, in every pool
    #[arg(long, value_name = "N")]
    reserve: Option<u32>,
    /// The share of callers of each tier in percent, highest tier first
    #[arg(long, value_name = "P,P", value_delimiter = ',', default_value = "15,85")]
    shares: Vec<f64>,
    /// The callers' mean patience in seconds (exponential); 0 for callers who never hang up
    #[arg(long, value_name = "SECONDS", default_value_t = generate::PATIENCE_MEAN_MS / 1000.0)]
    patience: f64,
    /// The seed of all that is drawn
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Play it so many times, each with the next seed, and tell the mean too; in process only
    #[arg(long, value_name = "N", default_value_t = 1, requires = "in_process",
          value_parser = clap::value_parser!(u64).range(1..=1000))]
    seeds: u64,
    /// Drive the engine itself in virtual time instead of a server over gRPC: a month in seconds
    #[arg(long)]
    in_process: bool,
    /// How many times as fast as the clock a server of its own runs, 1 to 10000
    #[arg(long, value_name = "X", default_value_t = 300.0, conflicts_with = "in_process")]
    speed: f64,
    /// Play against the server that --server names, which must have this policy in force, instead of
    /// one of its own
    #[arg(long, conflicts_with_all = ["in_process", "rule", "reserve", "speed"])]
    on_server: bool,
}

fn rule(text: &str) -> Result<Rule, String> {
    let known = || Rule::ALL.map(Rule::name).join(", ");
    let found = Rule::ALL.into_iter().find(|rule| rule.name() == text);
    found.ok_or_else(|| format!("not one of {}", known()))
}

/// What a rehearsal prints as JSON.
#[derive(Serialize)]
struct Told<'a> {
    calls: usize,
    agents: u16,
    rule: &'static str,
    runs: &'a [Report],
    mean: &'a Report,
}

impl Rehearse {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Fault> {
        let trace = self.trace()?;
        if let Some(file) = &self.write {
            return write(&trace, file);
        }
        let calls = trace.calls.len();
        let file = self.policy.clone().expect("clap asks for it");
        let (policy, _) =
            crate::policy::load(&file).map_err(|error| Fault::Usage(error.to_string()))?;
        let rehearsal =
            Rehearsal { agents: self.agents.into(), rule: self.rule, reserve: self.reserve };
        let runs = if self.in_process {
            let seeds = self.seed..self.seed.saturating_add(self.seeds);
            let run = |seed| in_process(&trace, &policy, &rehearsal, &self.callers(seed));
            let runs: Result<Vec<_>, _> = seeds.map(run).collect();
            runs.map_err(|unfit| Fault::Usage(unfit.to_string()))?
        } else {
            let played = rehearsal.setting(&policy).policy;
            let arrivals = callers(&trace, &played, &self.callers(self.seed));
            let arrivals = arrivals.map_err(|unfit| Fault::Usage(unfit.to_string()))?;
            // The first call of one day need not wait for the whole night.
            let first_ms = arrivals.first().map_or(0, |first| first.at_ms);
            let arrivals = arrivals
                .into_iter()
                .map(|arrival| crate::rehearse::simulate::Arrival {
                    at_ms: arrival.at_ms - first_ms,
                    ..arrival
                })
                .collect::<Vec<_>>();
            let over_ms = arrivals.last().map_or(0, |last| last.at_ms);
            let bar = progress(arrivals.len());
            let tell = {
                let bar = bar.clone();
                Arc::new(move |over| bar.set_position(over))
            };
            // Asked before anything is played: nobody there ends this like any other command.
            let (own, url, speed) = if self.on_server {
                let connection = context.connect().await?;
                let request = GetServerInfoRequest {};
                let info = connection.call(connection.admin().get_server_info(request)).await?;
                (None, connection.server, info.clock_speed)
            } else {
                let own = self.server(&file).await?;
                let url = own.url();
                (Some(own), url, self.speed)
            };
            if !std::io::stderr().is_terminal() {
                let played = std::time::Duration::from_millis(over_ms.unsigned_abs());
                let played = played.div_f64(speed.max(1.0)).as_millis();
                console::note(format_args!(
                    "{} at {speed} times the clock: about {}",
                    humane::count(bar.length().unwrap_or(0), "call"),
                    humane::duration(i64::try_from(played).unwrap_or(i64::MAX))
                ));
            }
            let report = live::over_grpc(&url, &played, self.agents.into(), arrivals, tell).await;
            bar.finish_and_clear();
            drop(own);
            vec![report.map_err(|error| Fault::Usage(error.to_string()))?]
        };
        let mean = Report::mean(&runs);
        let rule = self.rule.unwrap_or(policy.rule).name();
        if context.is_json() {
            return console::json(&Told {
                calls,
                agents: self.agents,
                rule,
                runs: &runs,
                mean: &mean,
            });
        }
        let mut text = format!("{calls} calls, {} agents, {rule}\n", self.agents);
        if runs.len() > 1 {
            for (seed, run) in (self.seed..).zip(&runs) {
                let _ = write!(text, "\nseed {seed}\n{run}");
            }
            let _ = writeln!(text, "\nmean of {} seeds", runs.len());
        }
        console::say(format_args!("{text}{mean}"))
    }

    fn trace(&self) -> Result<Trace, Fault> {
        let trace = match (&self.trace, self.generate) {
            (Some(file), _) => Trace::read(file)
                .map_err(|error| Fault::Data(error.to_string()))?
                .answered_or_queued(),
            (None, days) => {
                let days = days.expect("clap asks for one of them");
                generate::generate(&Month {
                    first_day: FIRST_DAY,
                    days,
                    scale: 1.0,
                    seed: self.seed,
                })
            }
        };
        let trace = match self.day {
            Some(day) => trace.of_day(day),
            None => trace,
        };
        if trace.calls.is_empty() {
            return Err(Fault::Data("no call is left to play".to_owned()));
        }
        Ok(trace)
    }

    fn callers(&self, seed: u64) -> Callers {
        Callers {
            tier_shares: self.shares.clone(),
            patience_mean_ms: (self.patience > 0.0).then_some(self.patience * 1000.0),
            channel: Channel::Voice,
            seed,
        }
    }

    /// A server of its own, with the rule and the reserve asked for in its policy.
    async fn server(&self, file: &Path) -> Result<Child, Fault> {
        let text = std::fs::read_to_string(file)
            .map_err(|source| Fault::File { path: file.to_owned(), source })?;
        let (policy, _) =
            crate::policy::load(file).map_err(|error| Fault::Usage(error.to_string()))?;
        let reserve = self.reserve.map(|count| (&*policy.tiers[0].name, count));
        let text = crate::policy::changed(&text, self.rule, reserve);
        let speed = ["--clock-speed".to_owned(), self.speed.to_string()];
        Ok(Child::tierline(None, None, &text, &speed).await?)
    }
}

fn write(trace: &Trace, file: &Path) -> Result<(), Fault> {
    let failed = |source| Fault::File { path: file.to_owned(), source };
    let out = std::fs::File::create(file).map_err(failed)?;
    trace
        .write(std::io::BufWriter::new(out))
        .map_err(|error| failed(std::io::Error::other(error)))?;
    console::say(format_args!("{} calls written to {}\n", trace.calls.len(), file.display()))
}

fn progress(calls: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos} of {len} calls, {eta} left")
        .expect("the template is sound");
    ProgressBar::new(calls as u64).with_style(style)
}
