//! `tierline policy`: checks a policy file, and shows the policy in force.

use super::Context;
use super::ask;
use super::console;
use super::fault::Fault;
use super::policy_code;
use super::policy_live;
use crate::api::proto::v1;
use crate::policy::{self, Description, Error};
use clap::Subcommand;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// What the JSON of both commands holds.
const FIELDS: &str = "version, rule, starve_after, floor_share, unknown, unavailable, \
tiers [{rank, name, guard, weight, respond_within_ms, solve_within_ms, queue_max, pools, \
overflow [{after_ms, pools}], starving [{pool, taken_within, no_bound}]}], pools [{name, lease_ms, reserve [{tier, agents}], tiers, \
starving_head_taken_within}]; targets are in the order voice, chat, email, web, callback, outbound";

/// What can be done with policies.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check a policy file and describe it
    ///
    /// Tells everything that is wrong, each with file, line, key, value and what is allowed; or shows
    /// what the policy promises: who is served within which time by whom, and within how many dispatches
    /// of its pool a starving ticket is taken, or why nothing bounds that.
    #[command(after_help = check_help())]
    Check {
        /// The policy file
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    Code(policy_code::Code),
    /// Show the business hours of a policy file, and when they open next
    #[command(after_help = super::hours::HELP)]
    Hours {
        /// The policy file
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Only the hours of this name
        name: Option<String>,
        /// As they are at this instant instead of now, such as 2026-12-24T10:00:00Z
        #[arg(long, value_name = "INSTANT")]
        at: Option<jiff::Timestamp>,
    },
    /// Show the policy that the server serves by
    #[command(after_help = show_help())]
    Show {
        /// Print the policy's text as the server read it
        #[arg(long)]
        toml: bool,
    },
    /// Compare a policy file with the policy in force, and with what waits
    #[command(after_help = DIFF_HELP)]
    Diff(policy_live::Diff),
    /// Put a policy file in force on the running server
    #[command(after_help = APPLY_HELP)]
    Apply(policy_live::Apply),
    /// Put an earlier version of the policy in force again
    #[command(after_help = ROLLBACK_HELP)]
    Rollback(policy_live::Rollback),
    /// List every version of the policy that came into force
    #[command(after_help = VERSIONS_HELP)]
    Versions,
}

fn check_help() -> String {
    format!(
        "Exit codes: 0 sound, 64 faulty, 66 the file cannot be read.\n\n\
         JSON fields: faults [sentence], warnings [sentence], policy (null if faulty) {{{FIELDS}}}.\n\n\
         Example:\n  tierline policy check config/default.toml"
    )
}

fn show_help() -> String {
    format!(
        "JSON fields: version, policy {{{FIELDS}}}.\n\n\
         Examples:\n  tierline policy show\n  tierline policy show --toml > policy.toml"
    )
}

const DIFF_HELP: &str = "\
JSON fields: version_in_force, version, warnings [sentence], changes [{path, before, after}], \
queues [{tier, channel, pools, before_count, after_count}], stranded [{tier, pools, skill, count, ticket_ids}], \
agents_without_pool_count, agents_without_pool.

Example:
  tierline policy diff policy.toml";

const APPLY_HELP: &str = "\
Every waiting ticket is in its new queue at once, and keeps its wait and the deadlines it was promised. A policy
that would leave live tickets behind is refused, with the list. The policy stays through restarts, until the file
that the server is started with changes.

JSON fields: version.

Example:
  tierline policy apply policy.toml --expect 2026-11 --reason 'two more in general'";

const ROLLBACK_HELP: &str = "\
JSON fields: version.

Example:
  tierline policy rollback 2026-11 --reason 'waits grew'";

const VERSIONS_HELP: &str = "\
JSON: a list; fields: version, seq, applied_at, origin, by, reason, in_force.

Example:
  tierline policy versions";

/// The outcome of a check, for programs.
#[derive(Serialize)]
struct Checked {
    faults: Vec<String>,
    warnings: Vec<String>,
    policy: Option<Description>,
}

/// The policy in force, for programs.
#[derive(Serialize)]
struct Shown {
    version: String,
    policy: Description,
}

impl Command {
    /// Runs it.
    pub(crate) fn run(self, context: &Context) -> Result<(), Fault> {
        match self {
            Self::Check { file } => check(context, &file),
            Self::Code(code) => code.run(context),
            Self::Hours { file, name, at } => {
                super::hours::show(context, &file, name.as_deref(), at)
            }
            Self::Show { toml } => ask(show(context, toml)),
            Self::Diff(diff) => ask(diff.run(context)),
            Self::Apply(apply) => ask(apply.run(context)),
            Self::Rollback(rollback) => ask(rollback.run(context)),
            Self::Versions => ask(policy_live::versions(context)),
        }
    }
}

fn check(context: &Context, file: &Path) -> Result<(), Fault> {
    let texts = |findings: &[policy::Finding]| findings.iter().map(ToString::to_string).collect();
    let checked = match policy::load(file) {
        Ok((policy, warnings)) => Checked {
            faults: vec![],
            warnings: texts(&warnings),
            policy: Some(policy::describe(&policy)),
        },
        Err(Error::Read { path, source }) => return Err(Fault::File { path, source }),
        Err(Error::Faulty(faults)) => {
            Checked { faults: texts(&faults), warnings: vec![], policy: None }
        }
    };
    if context.is_json() {
        console::json(&checked)?;
    } else {
        for warning in &checked.warnings {
            console::note(format_args!("warning: {warning}"));
        }
        for fault in &checked.faults {
            console::note(format_args!("error: {fault}"));
        }
        if let Some(description) = &checked.policy {
            console::say(description)?;
        }
    }
    if checked.faults.is_empty() { Ok(()) } else { Err(Fault::Told(64)) }
}

async fn show(context: &Context, as_toml: bool) -> Result<(), Fault> {
    let connection = context.connect().await?;
    let mut admin = connection.admin();
    let answer = connection.call(admin.get_policy(v1::GetPolicyRequest {})).await?;
    let answer = answer.policy.ok_or(Fault::Answer("policy"))?;
    if as_toml {
        return console::say(&answer.toml);
    }
    let (read, _) = policy::parse("the server's policy", &answer.toml)
        .map_err(|error| Fault::Data(format!("{error}\nsee its text with --toml")))?;
    let shown = Shown { version: answer.version, policy: policy::describe(&read) };
    if context.is_json() {
        return console::json(&shown);
    }
    console::say(&shown.policy)
}
