//! The ids of the specification's requirements: `MB-`, an area in capitals, `-`, a number.

use std::collections::BTreeSet;

/// Every id in a text.
pub(crate) fn find(text: &str) -> BTreeSet<String> {
    let starts = text.match_indices("MB-").map(|(at, _)| at);
    starts.filter_map(|at| text.get(at..)).filter_map(id_at_start).collect()
}

/// The ids that a text defines, in order: those that open a paragraph or a list item, in bold. One that is defined
/// twice stands in the list twice.
pub(crate) fn defined(text: &str) -> Vec<String> {
    let opened = text.lines().filter_map(|line| line.trim_start_matches("- ").strip_prefix("**"));
    opened.filter_map(id_at_start).collect()
}

fn id_at_start(text: &str) -> Option<String> {
    let rest = text.strip_prefix("MB-")?;
    let area_len = rest.bytes().take_while(u8::is_ascii_uppercase).count();
    let number = rest.get(area_len..)?.strip_prefix('-')?;
    let digits = number.bytes().take_while(u8::is_ascii_digit).count();
    let followed_by_letter = number.get(digits..).is_some_and(|tail| tail.starts_with(char::is_alphanumeric));
    if area_len == 0 || digits == 0 || followed_by_letter {
        return None;
    }
    text.get(.."MB-".len() + area_len + 1 + digits).map(str::to_owned)
}

#[cfg(test)]
#[path = "spec_ids_tests.rs"]
mod tests;
