//! `matchbook completion SHELL`.

use clap::CommandFactory;

use crate::args::{Cli, Completion};
use crate::error::CliError;
use crate::ui::Ui;

/// Prints the script.
pub(crate) fn run(args: &Completion, ui: &Ui) -> Result<(), CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "matchbook", &mut script);
    ui.write(script)
}
