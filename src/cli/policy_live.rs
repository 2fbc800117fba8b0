//! `tierline policy diff | apply | rollback | versions`: the policy of a running server.

use super::Context;
use super::connect::Connection;
use super::console;
use super::fault::Fault;
use super::table::{Cell, Table, plain};
use super::view::{filled, instant};
use super::words;
use crate::api::proto::v1;
use clap::Args;
use jiff::Timestamp;
use serde::Serialize;
use std::fmt::{self, Write as _};
use std::path::{Path, PathBuf};

/// Versions in one question.
const PAGE: u32 = 100;

/// Which policy to compare.
#[derive(Args, Debug)]
pub(crate) struct Diff {
    /// The policy file
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Which policy to apply.
#[derive(Args, Debug)]
pub(crate) struct Apply {
    /// The policy file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    why: Why,
}

/// Which policy to go back to.
#[derive(Args, Debug)]
pub(crate) struct Rollback {
    /// The version, as `tierline policy versions` lists it
    #[arg(value_name = "VERSION")]
    version: String,
    #[command(flatten)]
    why: Why,
}

/// What goes with a change.
#[derive(Args, Debug)]
struct Why {
    /// Refuse unless this version is in force
    #[arg(long, value_name = "VERSION", default_value = "")]
    expect: String,
    /// Why, for the list of versions
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
    /// Who asks for it
    #[arg(long, value_name = "NAME", env = "USER", default_value = "", hide_env_values = true)]
    by: String,
}

/// A difference for programs.
#[derive(Serialize)]
struct Difference {
    version_in_force: String,
    version: String,
    warnings: Vec<String>,
    changes: Vec<Change>,
    queues: Vec<Queue>,
    stranded: Vec<Stranded>,
    agents_without_pool_count: u64,
    agents_without_pool: Vec<String>,
}

#[derive(Serialize)]
struct Change {
    path: String,
    before: String,
    after: String,
}

#[derive(Serialize)]
struct Queue {
    tier: String,
    channel: String,
    pools: Vec<String>,
    before_count: u64,
    after_count: u64,
}

#[derive(Serialize)]
struct Stranded {
    tier: String,
    pools: Vec<String>,
    skill: Option<String>,
    count: u64,
    ticket_ids: Vec<String>,
}

/// What is in force now, for programs.
#[derive(Serialize)]
struct InForce {
    version: String,
}

/// A version for programs.
#[derive(Serialize)]
struct Version {
    #[serde(rename = "version")]
    name: String,
    seq: u64,
    applied_at: Option<Timestamp>,
    origin: String,
    by: Option<String>,
    reason: Option<String>,
    in_force: bool,
}

impl Diff {
    /// Runs it.
    pub(crate) async fn run(&self, context: &Context) -> Result<(), Fault> {
        let request = v1::DiffPolicyRequest { toml: text(&self.file)? };
        let connection = context.connect().await?;
        let answer = connection.call(connection.admin().diff_policy(request)).await?;
        let difference = Difference::from(answer);
        if context.is_json() {
            return console::json(&difference);
        }
        console::say(difference.text())
    }
}

impl Apply {
    /// Runs it.
    pub(crate) async fn run(self, context: &Context) -> Result<(), Fault> {
        let Why { expect, reason, by } = self.why;
        let toml = text(&self.file)?;
        let request = v1::ApplyPolicyRequest { toml, expected_version: expect, reason, by };
        let connection = context.connect().await?;
        let answer = connection.call(connection.admin().apply_policy(request)).await?;
        for warning in &answer.warnings {
            console::note(format_args!("warning: {warning}"));
        }
        in_force(context, answer.policy)
    }
}

impl Rollback {
    /// Runs it.
    pub(crate) async fn run(self, context: &Context) -> Result<(), Fault> {
        let Why { expect, reason, by } = self.why;
        let version = self.version;
        let request = v1::RollbackPolicyRequest { version, expected_version: expect, reason, by };
        let connection = context.connect().await?;
        let answer = connection.call(connection.admin().rollback_policy(request)).await?;
        in_force(context, answer.policy)
    }
}

/// Lists every version that is kept.
pub(crate) async fn versions(context: &Context) -> Result<(), Fault> {
    let connection = context.connect().await?;
    let versions = all(&connection).await?;
    if context.is_json() {
        return console::json(&versions);
    }
    let table =
        Table::new().left("").left("version").left("since").right("event").left("by way of");
    let mut table = table.left("by").left("reason");
    for version in versions {
        let mark = if version.in_force { "*" } else { "" };
        let at = version.applied_at.map_or_else(String::new, |at| format!("{at:.0}"));
        let cells = [
            mark.to_owned(),
            version.name,
            at,
            version.seq.to_string(),
            version.origin,
            version.by.unwrap_or_default(),
            version.reason.unwrap_or_default(),
        ];
        table.row(cells.map(Cell::from));
    }
    console::say(format_args!("{}\n", plain(&table.lines()).trim_end()))
}

async fn all(connection: &Connection) -> Result<Vec<Version>, Fault> {
    let mut versions = Vec::new();
    let mut before_seq = 0;
    loop {
        let request =
            v1::ListPolicyVersionsRequest { before_seq, page_size: PAGE, with_toml: false };
        let page = connection.call(connection.admin().list_policy_versions(request)).await?;
        versions.extend(page.versions.into_iter().map(|version| Version {
            origin: origin(version.origin()).to_owned(),
            applied_at: instant(version.applied_at),
            name: version.version,
            seq: version.seq,
            by: filled(version.by),
            reason: filled(version.reason),
            in_force: version.in_force,
        }));
        if page.next_before_seq == 0 {
            return Ok(versions);
        }
        before_seq = page.next_before_seq;
    }
}

fn text(file: &Path) -> Result<String, Fault> {
    std::fs::read_to_string(file).map_err(|source| Fault::File { path: file.into(), source })
}

fn in_force(context: &Context, policy: Option<v1::Policy>) -> Result<(), Fault> {
    let version = policy.ok_or(Fault::Answer("policy"))?.version;
    if context.is_json() {
        return console::json(&InForce { version });
    }
    console::say(format_args!("policy {version} is in force\n"))
}

fn origin(origin: v1::PolicyOrigin) -> &'static str {
    match origin {
        v1::PolicyOrigin::Unspecified => "",
        v1::PolicyOrigin::Start => "start",
        v1::PolicyOrigin::Reload => "reload",
        v1::PolicyOrigin::Call => "call",
        v1::PolicyOrigin::Rollback => "rollback",
    }
}

impl From<v1::DiffPolicyResponse> for Difference {
    fn from(answer: v1::DiffPolicyResponse) -> Self {
        let change = |change: v1::PolicyDifference| Change {
            path: change.path,
            before: change.before,
            after: change.after,
        };
        let queue = |queue: v1::QueueDifference| Queue {
            tier: queue.tier,
            channel: words::channel(queue.channel),
            pools: queue.pools,
            before_count: queue.before_count,
            after_count: queue.after_count,
        };
        let stranded = |stranded: v1::StrandedTickets| Stranded {
            tier: stranded.tier,
            pools: stranded.pools,
            skill: filled(stranded.skill),
            count: stranded.count,
            ticket_ids: stranded.ticket_ids,
        };
        Self {
            version_in_force: answer.version_in_force,
            version: answer.version,
            warnings: answer.warnings,
            changes: answer.changes.into_iter().map(change).collect(),
            queues: answer.queues.into_iter().map(queue).collect(),
            stranded: answer.stranded.into_iter().map(stranded).collect(),
            agents_without_pool_count: answer.agents_without_pool_count,
            agents_without_pool: answer.agents_without_pool,
        }
    }
}

impl Difference {
    fn text(&self) -> String {
        let mut text = format!("policy {} -> {}\n", self.version_in_force, self.version);
        for warning in &self.warnings {
            put(&mut text, format_args!("warning: {warning}\n"));
        }
        let or_dash = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
        if self.changes.is_empty() {
            text.push_str("nothing changes\n");
        } else {
            let mut table = Table::new().left("key").left("now").left("then");
            for Change { path, before, after } in &self.changes {
                table.row([path.into(), or_dash(before).into(), or_dash(after).into()]);
            }
            put(&mut text, format_args!("\n{}\n", plain(&table.lines()).trim_end()));
        }
        if !self.queues.is_empty() {
            let table = Table::new().left("tier").left("channel").left("pools");
            let mut table = table.right("waiting now").right("then");
            for queue in &self.queues {
                table.row([
                    (&queue.tier).into(),
                    (&queue.channel).into(),
                    queue.pools.join("+").into(),
                    queue.before_count.to_string().into(),
                    queue.after_count.to_string().into(),
                ]);
            }
            put(&mut text, format_args!("\n{}\n", plain(&table.lines()).trim_end()));
        }
        for stranded in &self.stranded {
            let why = if let Some(skill) = &stranded.skill {
                format!("no skill {skill}")
            } else if stranded.pools.is_empty() {
                "no such tier".to_owned()
            } else {
                format!("nobody is in {}", stranded.pools.join(", "))
            };
            let Stranded { tier, count, ticket_ids, .. } = stranded;
            put(
                &mut text,
                format_args!(
                    "REFUSED: {count} of tier {tier} would be left behind ({why}): {}\n",
                    ticket_ids.join(", ")
                ),
            );
        }
        if self.agents_without_pool_count > 0 {
            put(
                &mut text,
                format_args!(
                    "agents left without a pool: {} ({})\n",
                    self.agents_without_pool_count,
                    self.agents_without_pool.join(", ")
                ),
            );
        }
        text
    }
}

fn put(text: &mut String, more: fmt::Arguments<'_>) {
    text.write_fmt(more).expect("writing into a text does not fail");
}
