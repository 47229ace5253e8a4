//! `matchbook card run`.

use matchbook_card_host::soft::{CardFile, CardFileError, InsertError, Slot};

use crate::args::Run;
use crate::error::CliError;
use crate::ui::Ui;

/// Puts the card of a file into the virtual reader, until the reader goes away or Ctrl-C.
pub(super) fn run(args: &Run, ui: &Ui) -> Result<(), CliError> {
    let failed = |error: CardFileError| CliError::failure(error.to_string());
    let existing = CardFile::open(&args.file).map_err(failed)?;
    let is_new = existing.is_none();
    // Before a new card is made, so that none is left where there is no reader.
    let slot = Slot::find(args.vpcd).map_err(|error| explain(&error))?;
    let file = existing.map_or_else(|| CardFile::create(&args.file), Ok).map_err(failed)?;
    let inserted = slot.insert(file);
    let file = args.file.display();
    if is_new {
        ui.talk(format!("A new card, {file}, is in the reader. Give it an account: `matchbook card personalise`."));
    } else {
        ui.talk(format!("The card {file} is in the reader."));
    }
    ui.talk("Ctrl-C takes it out; whatever it was doing, nothing is lost.");
    Err(explain(&inserted.serve()))
}

fn explain(error: &InsertError) -> CliError {
    let failure = CliError::failure(error.to_string());
    match error.hint() {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}
