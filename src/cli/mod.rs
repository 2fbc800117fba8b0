//! The command line `tierline`: what people and scripts type.
//!
//! Stands on top of the house. Commands that ask a server speak the public contract over gRPC, like any
//! other client; `serve` is the server itself. One file a family of commands: its arguments, its calls,
//! and how the answer is shown. What goes wrong is a [`Fault`], told in [`run`] and nowhere else.

mod agent_file;
mod agents;
mod audit;
mod bench;
mod bulk;
mod card;
mod child;
mod classify;
mod clocks;
mod completions;
mod connect;
mod console;
mod costs;
mod customers;
mod desk;
mod direct;
mod events;
mod explain;
mod export;
mod farewell;
mod fault;
mod forecast;
mod hours;
mod humane;
mod import;
mod journal;
mod keyboard;
mod known;
mod offered;
mod past;
mod plan;
mod policy;
mod policy_code;
mod policy_live;
mod rehearse;
mod repeats;
mod screen;
mod serve;
mod submit;
mod supervise;
mod table;
mod ticket;
mod top;
mod view;
mod who;
mod why;
mod wish;
mod words;
mod work;

use console::Output;
use fault::Fault;

use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use connect::Connection;
use std::process::ExitCode;
use std::time::Duration;

/// Shown at the end of `tierline --help`.
const AFTER_HELP: &str = "\
Examples:
  tierline serve                                     start a server on 127.0.0.1:7700
  tierline customers import config/customers.csv     fill the customer directory
  tierline agents put ada --pool desk                make an agent
  tierline submit --phone '+1 202 555 0101'          a call comes in
  tierline work ada                                  take tickets as the agent ada
  tierline top                                       watch the queues

Exit codes:
   0  done                            69  no server, or it cannot answer now
   1  refused by the rules            74  the output cannot be written
  64  wrong arguments or values       75  busy or a limit reached: try again
  65  faulty data in a file           66  a file cannot be read";

/// Routes support tickets and calls to the agents who should take them next.
///
/// One binary: `tierline serve` is the server; every other command that needs one speaks to it over gRPC.
#[derive(Debug, Parser)]
#[command(name = "tierline", version, after_help = AFTER_HELP, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// What every command that asks a server takes.
#[derive(Args, Clone, Debug)]
struct Global {
    /// The server to ask
    #[arg(
        long,
        global = true,
        env = "TIERLINE_SERVER",
        default_value = "http://127.0.0.1:7700",
        value_name = "ADDRESS",
        help_heading = "Asking a server"
    )]
    server: String,
    /// How long to wait for an answer, for example 500ms, 10s or 2m
    #[arg(
        long,
        global = true,
        default_value = "10s",
        value_name = "DURATION",
        value_parser = duration,
        help_heading = "Asking a server"
    )]
    timeout: Duration,
    /// The form of the results
    #[arg(
        long,
        global = true,
        env = "TIERLINE_OUTPUT",
        default_value = "table",
        value_name = "FORM",
        help_heading = "Output"
    )]
    output: Output,
}

/// What can be done.
#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Serve),
    /// Check a policy file; show, compare, change and roll back the policy in force
    #[command(subcommand)]
    Policy(policy::Command),
    /// Fill and look into the customer directory
    #[command(subcommand)]
    Customers(customers::Command),
    /// Make, list and change agents
    #[command(subcommand)]
    Agents(agents::Command),
    Submit(Box<submit::Submit>),
    /// Look at tickets, follow, explain and cancel them
    #[command(subcommand)]
    Ticket(ticket::Command),
    /// Give a ticket to an agent, move it to the front, take it back or end it
    #[command(subcommand)]
    Supervise(supervise::Command),
    Explain(why::Explain),
    WhyNot(why::WhyNot),
    Work(work::Work),
    Top(top::Top),
    Events(events::Events),
    Audit(audit::Audit),
    /// Show what the server is going to do by itself
    #[command(subcommand)]
    Plan(plan::Command),
    Repeats(repeats::Repeats),
    /// Play a trace of calls against a policy: callers hang up, agents pull and complete
    Rehearse(Box<rehearse::Rehearse>),
    Bench(bench::Bench),
    /// The ceilings' server of `bench`
    #[command(hide = true)]
    BenchCeiling(bench::Ceiling),
    /// Look after a data directory
    #[command(subcommand)]
    Journal(journal::Command),
    Completions(completions::Completions),
}

/// Commands that ask no server: its options are not shown with them.
const WITHOUT_SERVER: &[&[&str]] = &[
    &["serve"],
    &["policy", "check"],
    &["policy", "code"],
    &["policy", "hours"],
    &["bench"],
    &["journal", "verify"],
    &["completions"],
];

/// Commands whose output has one form only.
const WITHOUT_OUTPUT: &[&[&str]] = &[&["serve"], &["completions"]];

/// What a command works with: the options that all of them share.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    server: String,
    timeout: Duration,
    output: Output,
}

impl Context {
    /// Connects to the server.
    pub(crate) async fn connect(&self) -> Result<Connection, Fault> {
        Connection::open(&self.server, self.timeout).await
    }

    /// Whether programs read the results.
    pub(crate) fn is_json(&self) -> bool {
        self.output == Output::Json
    }
}

/// Runs the command that the process was started with.
pub fn run() -> ExitCode {
    let matches = match command().try_get_matches() {
        Ok(matches) => matches,
        Err(error) => return usage(&error),
    };
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let context = Context {
        server: cli.global.server,
        timeout: cli.global.timeout,
        output: cli.global.output,
    };
    let done = match cli.command {
        Command::Serve(serve) => return serve.run(),
        Command::Policy(command) => command.run(&context),
        Command::Customers(command) => ask(command.run(&context)),
        Command::Agents(command) => ask(command.run(&context)),
        Command::Submit(submit) => ask(submit.run(&context)),
        Command::Ticket(command) => ask(command.run(&context)),
        Command::Supervise(command) => ask(command.run(&context)),
        Command::Explain(explain) => ask(explain.run(&context)),
        Command::WhyNot(why_not) => ask(why_not.run(&context)),
        Command::Work(work) => ask(work.run(&context)),
        Command::Top(top) => ask(top.run(&context)),
        Command::Events(events) => ask(events.run(&context)),
        Command::Audit(audit) => audit.run(&context),
        Command::Plan(plan) => plan.run(&context),
        Command::Repeats(repeats) => ask(repeats.run(&context)),
        Command::Rehearse(rehearse) => ask(rehearse.run(&context)),
        Command::Bench(bench) => ask(bench.run(&context)),
        Command::BenchCeiling(ceiling) => ask(ceiling.run()),
        Command::Journal(command) => command.run(&context),
        Command::Completions(completions) => completions.run(command()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => told(&fault),
    }
}

/// The whole command line with its options where they belong.
fn command() -> clap::Command {
    let mut root = Cli::command();
    for path in WITHOUT_SERVER {
        root = without(without(root, path, "server"), path, "timeout");
    }
    for path in WITHOUT_OUTPUT {
        root = without(root, path, "output");
    }
    root
}

/// The command with the shared option `id` hidden in the subcommand at `path`: one that a subcommand has
/// itself is not handed down to it.
fn without(root: clap::Command, path: &[&'static str], id: &str) -> clap::Command {
    let shared = root.get_arguments().find(|option| option.get_id() == id);
    let hidden = shared.expect("all commands share it").clone().hide(true);
    with_option(root, path, hidden)
}

fn with_option(command: clap::Command, path: &[&'static str], option: clap::Arg) -> clap::Command {
    match path.split_first() {
        Some((name, rest)) => command.mut_subcommand(name, |sub| with_option(sub, rest, option)),
        None => command.arg(option),
    }
}

/// Runs a command that asks a server: one thread is enough for one conversation.
pub(crate) fn ask(work: impl Future<Output = Result<(), Fault>>) -> Result<(), Fault> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Fault::Output)?;
    let done = runtime.block_on(work);
    // A thread that waits for the keyboard must not keep the process.
    runtime.shutdown_background();
    done
}

/// Prints clap's own message: help goes to standard output and is no failure.
fn usage(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    if error.use_stderr() { ExitCode::from(64) } else { ExitCode::SUCCESS }
}

/// Tells a fault, and gives its exit code.
fn told(fault: &Fault) -> ExitCode {
    if fault.is_broken_pipe() {
        return ExitCode::SUCCESS;
    }
    if !matches!(fault, Fault::Told(_)) {
        let text = fault.to_string();
        let mut lines = text.lines();
        console::note(format_args!("error: {}", lines.next().unwrap_or_default()));
        lines.for_each(|line| console::note(format_args!("       {line}")));
    }
    ExitCode::from(fault.exit_code())
}

/// Reads a duration such as `500ms`, `10s` or `1m 30s`, for clap.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let ms = crate::settings::parse_ms(text).map_err(str::to_owned)?;
    u64::try_from(ms).map(Duration::from_millis).map_err(|_| "negative".to_owned())
}

/// How long to wait, for the contract.
pub(crate) fn contract_duration(duration: Duration) -> prost_types::Duration {
    prost_types::Duration {
        seconds: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        nanos: duration.subsec_nanos().cast_signed(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn options_of_a_server_are_hidden_where_none_is_asked() {
        let help = |path: &[&str]| {
            let mut command = command();
            command.build();
            for name in path {
                let found = command.find_subcommand(name).expect("there is such a command");
                command = found.clone();
            }
            command.render_long_help().to_string()
        };
        for path in WITHOUT_SERVER {
            assert!(!help(path).contains("--server <"), "{path:?}");
        }
        for path in WITHOUT_OUTPUT {
            assert!(!help(path).contains("--output"), "{path:?}");
        }
        assert!(help(&["submit"]).contains("TIERLINE_SERVER"));
    }

    #[test]
    fn durations_are_read_as_people_write_them() {
        assert_eq!(duration("1m 30s"), Ok(Duration::from_secs(90)));
        assert!(duration("soon").is_err());
    }
}
