//! A QR code on the terminal, two modules a character.

use std::io::{self, IsTerminal};

use fast_qr::{ECL, QRBuilder, QRCode};

use crate::ui::Ui;

/// The light border that scanners need, in modules (ISO/IEC 18004 §6.3.8).
const QUIET_ZONE: usize = 4;
/// Black on white whatever the terminal's colours are: some scanners do not read the inverse.
const BLACK_ON_WHITE: &str = "\x1b[0;30;107m";
const PLAIN: &str = "\x1b[0m";

/// Shows a text as a QR code on standard error, when that is a terminal and the user wants talk. Says whether it did.
pub(crate) fn show(ui: &Ui, text: &str) -> bool {
    if !io::stderr().is_terminal() {
        return false;
    }
    let Some(picture) = render(text) else { return false };
    ui.talk(picture);
    true
}

/// The picture, a line of characters for two rows of modules; `None` when the text is too long for any QR code.
fn render(text: &str) -> Option<String> {
    // A screen is clean: the lowest level of error correction gives the coarsest modules.
    let code = QRBuilder::new(text).ecl(ECL::L).build().ok()?;
    let width = code.size + 2 * QUIET_ZONE;
    let lines = (0..width).step_by(2).map(|row| {
        let halves = (0..width).map(|column| match (is_dark(&code, row, column), is_dark(&code, row + 1, column)) {
            (false, false) => ' ',
            (true, false) => '▀',
            (false, true) => '▄',
            (true, true) => '█',
        });
        format!("{BLACK_ON_WHITE}{}{PLAIN}", halves.collect::<String>())
    });
    Some(lines.collect::<Vec<_>>().join("\n"))
}

/// Whether a module is dark, counted from the quiet zone's corner. All around the code is light.
fn is_dark(code: &QRCode, row: usize, column: usize) -> bool {
    let inside = |at: usize| at.checked_sub(QUIET_ZONE).filter(|at| *at < code.size);
    let (Some(row), Some(column)) = (inside(row), inside(column)) else { return false };
    code.data.get(row * code.size + column).is_some_and(|module| module.value())
}

#[cfg(test)]
#[path = "qr_tests.rs"]
mod tests;
