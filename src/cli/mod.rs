//! The command line `tierline`: what people and scripts type.

mod agent_file;
pub mod serve;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Routes support tickets and calls to the agents who should take them next.
#[derive(Debug, Parser)]
#[command(name = "tierline", version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// What can be done.
#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server
    Serve(serve::Serve),
}

/// Runs the command that the process was started with.
pub fn run() -> ExitCode {
    match Cli::try_parse() {
        Ok(Cli { command: Command::Serve(serve) }) => serve.run(),
        Err(error) => {
            let _ = error.print();
            if error.use_stderr() { ExitCode::from(64) } else { ExitCode::SUCCESS }
        }
    }
}
