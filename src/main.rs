//! The process.

use std::process::ExitCode;

fn main() -> ExitCode {
    tierline::cli::run()
}
