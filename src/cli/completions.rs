//! `tierline completions`: what a shell needs to complete our commands.

use super::console;
use super::fault::Fault;
use clap::Args;
use clap_complete::Shell;

/// Print completions for a shell.
///
/// Load them once to try, or put them where your shell looks for completions.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  source <(tierline completions bash)
  tierline completions zsh > ~/.zfunc/_tierline
  tierline completions fish > ~/.config/fish/completions/tierline.fish")]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    /// Prints the completions of `command`.
    pub(crate) fn run(&self, mut command: clap::Command) -> Result<(), Fault> {
        // Into memory first: a pipe that closes early must not make the generator panic.
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command, "tierline", &mut script);
        console::raw(&script)
    }
}
