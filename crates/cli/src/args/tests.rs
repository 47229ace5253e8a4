#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::time::Duration;

use clap::CommandFactory;

use super::duration::{duration, short_time};
use super::{Cli, examples};

#[test]
fn the_command_line_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn times() {
    assert_eq!(duration("90s"), Ok(90));
    assert_eq!(duration("24h"), Ok(86_400));
    assert_eq!(duration("7d"), Ok(604_800));
    for wrong in ["", "5", "h", "-1h", "+1h", "0s", "1.5h", "1w", "99999999999999999999d", "1é"] {
        assert!(duration(wrong).is_err(), "{wrong}");
    }
}

/// The page is written by hand: this holds its table to the flags, with their defaults, ranges and words.
#[test]
fn the_reference_has_every_flag_of_estimate() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/cli.md")).unwrap();
    let section = page.split("## What SMS costs").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows: Vec<&str> = section.lines().filter(|line| line.starts_with("| `--")).collect();
    let command = Cli::command();
    let estimate = command.find_subcommand("estimate").unwrap();
    let flags: Vec<&clap::Arg> = estimate.get_arguments().collect();
    assert_eq!(rows.len(), flags.len());
    for flag in flags {
        let start = format!("| `--{}` |", flag.get_long().unwrap());
        let row = rows.iter().find(|row| row.starts_with(&start)).unwrap_or_else(|| panic!("no row {start}"));
        let help = flag.get_help().unwrap().to_string().to_lowercase();
        let help = help.split(" [default").next().unwrap();
        let (what, range) = match help.rsplit_once(", ") {
            Some((what, range)) if range.contains(" to ") => (what, format!("| {} |", range.replace(" to ", "–"))),
            Some(_) | None => (help, String::new()),
        };
        assert!(row.to_lowercase().ends_with(&format!("| {what} |")), "{row}: {what}");
        assert!(row.replace(',', "").contains(&range), "{row}: {range}");
        for default in flag.get_default_values().iter().filter(|_| flag.get_action().takes_values()) {
            assert!(row.contains(&format!("| `{}` |", default.to_str().unwrap())), "{row}");
        }
    }
}

#[test]
fn short_times() {
    assert_eq!(short_time("200ms"), Ok(Duration::from_millis(200)));
    assert_eq!(short_time("0s"), Ok(Duration::ZERO));
    assert_eq!(short_time("1h"), Ok(Duration::from_secs(3_600)));
    for wrong in ["", "5", "ms", "-1s", "+1s", "61m", "1.5s", "1d", "99999999999999999999h", "1é", "s1"] {
        assert!(short_time(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn shares_and_numbers_of_the_simulated_network() {
    for wrong in ["-0.1", "1.1", "NaN", "inf", "x", ""] {
        let arguments = ["matchbook", "smsc", "--loss", wrong];
        assert!(Cli::command().try_get_matches_from(arguments).is_err(), "{wrong}");
    }
    for wrong in ["MATCHBOOK", "+", "+49x", "1234567890123456"] {
        let arguments = ["matchbook", "smsc", "--phone", wrong];
        assert!(Cli::command().try_get_matches_from(arguments).is_err(), "{wrong}");
    }
    for wrong in [&["--per-second", "0"][..], &["--system-id", "a"], &["--password-file", "x"], &["--jitter", "2h"]] {
        assert!(Cli::command().try_get_matches_from([&["matchbook", "smsc"], wrong].concat()).is_err(), "{wrong:?}");
    }
}

/// The page of the command line is written by hand: this holds it to the flags of the simulated network.
#[test]
fn the_reference_has_every_flag_of_the_simulated_network() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/cli.md")).unwrap();
    let command = Cli::command();
    let smsc = command.find_subcommand("smsc").unwrap();
    for argument in smsc.get_arguments().filter(|argument| !argument.is_global_set()) {
        let Some(long) = argument.get_long().filter(|long| *long != "help") else { continue };
        let value = argument.get_action().takes_values().then(|| argument.get_value_names()).flatten();
        let flag = value.map_or_else(|| format!("--{long}"), |names| format!("--{long} {}", names[0]));
        let row = format!("| `{flag}` | ");
        let line = page.lines().find(|line| line.starts_with(&row)).unwrap_or_else(|| panic!("no row {row}"));
        let help = argument.get_help().unwrap().to_string();
        assert!(line.ends_with(&format!(" | {help} |")), "{line}\n{help}");
        for default in argument.get_default_values().iter().filter(|_| argument.get_action().takes_values()) {
            assert!(line.starts_with(&format!("{row}`{}` |", default.to_str().unwrap())), "{line}");
        }
    }
}

/// The page of the command line is written by hand: this holds it to the flags of cards.
#[test]
fn the_reference_has_every_flag_of_cards() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/cli.md")).unwrap();
    let section = page.split("## Smart cards").nth(1).unwrap().split("\n## ").next().unwrap();
    let command = Cli::command();
    let card = command.find_subcommand("card").unwrap();
    let of = |name| card.find_subcommand(name).unwrap().get_arguments();
    let mut rows = 0;
    for argument in card.get_arguments().chain(of("run")).chain(of("personalise")) {
        let Some(long) = argument.get_long() else { continue };
        let value =
            argument.get_action().takes_values().then(|| format!(" {}", argument.get_value_names().unwrap()[0]));
        let row = format!("| `--{long}{}` | ", value.unwrap_or_default());
        let line = section.lines().find(|line| line.starts_with(&row)).unwrap_or_else(|| panic!("no row {row}"));
        assert!(line.ends_with(&format!(" | {} |", argument.get_help().unwrap())), "{line}");
        for default in argument.get_default_values().iter().filter(|_| argument.get_action().takes_values()) {
            assert!(line.starts_with(&format!("{row}`{}` |", default.to_str().unwrap())), "{line}");
        }
        rows += 1;
    }
    assert_eq!(rows, section.lines().filter(|line| line.starts_with("| `--")).count());
    for subcommand in card
        .get_subcommands()
        .flat_map(|command| [command.clone()].into_iter().chain(command.get_subcommands().cloned()))
    {
        let said = format!("card {}", subcommand.get_name());
        let is_there = section.contains(&said) || section.contains(&format!("card pin {}", subcommand.get_name()));
        assert!(is_there, "{said}");
    }
}

/// Every line of an example has to be one that the parser takes.
#[test]
fn the_examples_parse() {
    let whole: Vec<String> = examples::ALL.iter().map(|text| joined(text)).collect();
    for line in whole.iter().flat_map(|text| text.lines()).filter(|line| line.starts_with("  ")) {
        let Some(start) = line.find("matchbook ") else { continue };
        let command = line[start..].split(" > ").next().unwrap().split(" | ").next().unwrap();
        let command = command.split("   ").next().unwrap();
        let words: Vec<String> = words(command);
        if let Err(error) = Cli::command().try_get_matches_from(words) {
            panic!("{line}\n{error}");
        }
    }
}

/// A line that ends with a backslash goes on in the next one.
fn joined(text: &str) -> String {
    let mut parts = text.split("\\\n");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |whole, part| whole + part.trim_start())
}

/// Splits at blanks outside single quotes.
fn words(command: &str) -> Vec<String> {
    let mut quoted = false;
    let mut words = vec![String::new()];
    for c in command.trim().chars() {
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            other => words.last_mut().unwrap().push(other),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Prose is one line, which clap wraps as the terminal is wide; a line that was wrapped by hand would be wrapped twice.
#[test]
fn what_stands_below_the_flags_is_wrapped_once() {
    let width = 100;
    for text in examples::ALL {
        let mut lines = text.lines().peekable();
        while let Some(line) = lines.next() {
            let next = lines.peek().copied().unwrap_or_default();
            if line.starts_with(' ') {
                assert!(line.chars().count() <= width, "{line}");
            } else {
                let is_whole = line.is_empty() || line.ends_with(':') || next.is_empty();
                assert!(is_whole || next.starts_with(' '), "{line}");
            }
        }
    }
}
