//! `matchbook card run`.

use matchbook_card_host::soft::{CardFile, Insert};

use crate::args::Run;
use crate::error::CliError;
use crate::ui::Ui;

/// Puts the card of a file into the virtual reader, until the reader goes away or Ctrl-C.
pub(super) fn run(args: &Run, ui: &Ui) -> Result<(), CliError> {
    let is_new = !args.file.exists();
    let file = CardFile::open(&args.file).map_err(|error| CliError::failure(error.to_string()))?;
    let inserted = Insert::new(file, args.vpcd).map_err(|error| {
        let text = error.to_string();
        let (what, hint) = text.split_once("; ").unwrap_or((&text, "Start pcscd"));
        CliError::failure(what).hint(format!("Then try again: {hint}."))
    })?;
    let file = args.file.display();
    if is_new {
        ui.talk(format!("A new card, {file}, is in the reader. Give it an account: `matchbook card personalise`."));
    } else {
        ui.talk(format!("The card {file} is in the reader."));
    }
    ui.talk("Ctrl-C takes it out; whatever it was doing, nothing is lost.");
    Err(CliError::failure(inserted.serve().to_string()))
}
