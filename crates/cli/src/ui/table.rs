//! Columns.

use super::visible;

const GAP: &str = "  ";
const BOLD: &str = "\x1b[1m";
const PLAIN: &str = "\x1b[0m";

/// Aligned columns with a line of headers; every line ends in a newline and has no blanks at its end.
pub(super) fn render(headers: &[&str], rows: &[Vec<String>], bold: bool) -> String {
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(|cell| visible(cell)).collect()).collect();
    let mut widths: Vec<usize> = headers.iter().map(|header| width(header)).collect();
    for row in &rows {
        for (widest, cell) in widths.iter_mut().zip(row) {
            *widest = (*widest).max(width(cell));
        }
    }
    let mut text = String::new();
    let line = join(headers.iter().copied(), &widths);
    if bold {
        text.push_str(&format!("{BOLD}{line}{PLAIN}\n"));
    } else {
        text.push_str(&format!("{line}\n"));
    }
    for row in &rows {
        text.push_str(&join(row.iter().map(String::as_str), &widths));
        text.push('\n');
    }
    text
}

/// `name  value` lines.
pub(super) fn render_fields(fields: &[(&str, String)], bold: bool) -> String {
    let widest = fields.iter().map(|(name, _)| width(name)).max().unwrap_or(0);
    let mut text = String::new();
    for (name, value) in fields {
        let blanks = " ".repeat(widest.saturating_sub(width(name)));
        let name = if bold { format!("{BOLD}{name}{PLAIN}") } else { (*name).to_owned() };
        let line = format!("{name}{blanks}{GAP}{}", visible(value));
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn join<'a>(cells: impl Iterator<Item = &'a str>, widths: &[usize]) -> String {
    let mut line = String::new();
    for (cell, widest) in cells.zip(widths) {
        if !line.is_empty() {
            line.push_str(GAP);
        }
        line.push_str(cell);
        line.push_str(&" ".repeat(widest.saturating_sub(width(cell))));
    }
    line.truncate(line.trim_end().len());
    line
}

fn width(text: &str) -> usize {
    text.chars().count()
}
