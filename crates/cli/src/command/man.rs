//! `matchbook man [--out DIR]`.

use std::path::Path;

use clap::{Command, CommandFactory};
use clap_mangen::Man;

use crate::args::{self, Cli};
use crate::error::CliError;
use crate::ui::Ui;

/// Prints the first page, or writes all of them.
pub(crate) fn run(args: &args::Man, ui: &Ui) -> Result<(), CliError> {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    let Some(folder) = &args.out else {
        return ui.write(page(command)?);
    };
    std::fs::create_dir_all(folder).map_err(|error| CliError::file("make the folder", folder, &error))?;
    let written = write_pages(&command, folder)?;
    ui.talk(format!("Wrote {written} pages into {}.", folder.display()));
    Ok(())
}

fn write_pages(command: &Command, folder: &Path) -> Result<usize, CliError> {
    let file = folder.join(format!("{}.1", command.get_display_name().unwrap_or(command.get_name())));
    std::fs::write(&file, page(command.clone())?).map_err(|error| CliError::file("write", &file, &error))?;
    let mut written = 1;
    for inner in command.get_subcommands() {
        written += write_pages(inner, folder)?;
    }
    Ok(written)
}

fn page(command: Command) -> Result<Vec<u8>, CliError> {
    let mut text = Vec::new();
    Man::new(command)
        .render(&mut text)
        .map_err(|error| CliError::failure(format!("cannot make the manual page: {error}")))?;
    Ok(text)
}
