//! The process.

use mimalloc::MiMalloc;
use std::process::ExitCode;

/// Every call makes and drops some dozens of small values.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    tierline::cli::run()
}
