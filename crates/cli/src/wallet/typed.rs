//! An enrolment typed in, group by group: each has a check character, so that a slip is found in its own group.

use std::io::{self, BufRead, Read, Write};

use matchbook_device::protocol::enrolment::TYPED_GROUPS;
use matchbook_device::protocol::{Enrolment, EnrolmentError};
use zeroize::Zeroizing;

use super::args::Enrol;
use crate::error::CliError;
use crate::ui::Ui;

/// The longest line that is read, in bytes.
const MAX_LINE: u64 = 1_024;

/// Reads the groups: asked for one by one on a terminal, otherwise all of standard input, split at white space.
pub(super) fn read(args: &Enrol, ui: &Ui) -> Result<Enrolment, CliError> {
    if !ui.can_ask() {
        return read_all(args, &mut io::stdin().lock());
    }
    let mut stdin = io::stdin().lock();
    let mut stderr = io::stderr().lock();
    let groups = ask_groups(&mut stdin, &mut stderr)?;
    let mut text = |given: &Option<String>, prompt: &str| match given {
        Some(given) => Ok(given.clone()),
        None => ask_line(&mut stdin, &mut stderr, prompt).map(|line| line.trim().to_owned()),
    };
    let server = text(&args.server, "The server's URL: ")?;
    let realm = text(&args.realm, "The realm, or nothing: ")?;
    let label = text(&args.label, "What to call the account: ")?;
    parse(&groups, &server, &realm, &label).map_err(|error| CliError::failure(format!("this is no enrolment: {error}")))
}

fn read_all(args: &Enrol, input: &mut impl Read) -> Result<Enrolment, CliError> {
    let Some(server) = &args.server else {
        return Err(CliError::usage("the server's URL is needed, and nobody can be asked here")
            .hint("Name it with --server URL."));
    };
    let mut text = Zeroizing::new(String::with_capacity(usize::try_from(MAX_LINE).unwrap_or(0)));
    input
        .take(MAX_LINE)
        .read_to_string(&mut text)
        .map_err(|error| CliError::failure(format!("cannot read standard input: {error}")))?;
    let groups: Zeroizing<Vec<String>> = Zeroizing::new(text.split_whitespace().map(str::to_owned).collect());
    let named = |text: &Option<String>| text.clone().unwrap_or_default();
    parse(&groups, server, &named(&args.realm), &named(&args.label)).map_err(explain)
}

fn explain(error: EnrolmentError) -> CliError {
    match error {
        EnrolmentError::Group { number } => {
            CliError::failure(format!("group {number} of {TYPED_GROUPS} is mistyped")).hint("Compare it and try again.")
        }
        EnrolmentError::GroupCount { found } => {
            CliError::failure(format!("{found} groups were typed, and an enrolment has {TYPED_GROUPS}"))
        }
        other => CliError::failure(format!("this is no enrolment: {other}")),
    }
}

/// Asks until each group is right.
pub(super) fn ask_groups(
    input: &mut impl BufRead,
    output: &mut impl Write,
) -> Result<Zeroizing<Vec<String>>, CliError> {
    let mut groups = Zeroizing::new(Vec::with_capacity(TYPED_GROUPS));
    while groups.len() < TYPED_GROUPS {
        let number = groups.len() + 1;
        let line = ask_line(input, output, &format!("Group {number} of {TYPED_GROUPS}: "))?;
        groups.push(line.trim().to_owned());
        if is_mistyped(&groups) {
            groups.pop();
            let _ = writeln!(output, "Group {number} is mistyped: compare it and type it again.");
        }
    }
    Ok(groups)
}

/// Whether the last group that was typed is wrong. The groups that are still to come stand as empty ones, which are wrong
/// too, and later.
fn is_mistyped(groups: &[String]) -> bool {
    let mut padded = groups.to_vec();
    padded.resize(TYPED_GROUPS, String::new());
    let verdict = parse(&padded, "", "", "");
    padded.iter_mut().for_each(zeroize::Zeroize::zeroize);
    matches!(verdict, Err(EnrolmentError::Group { number }) if number <= groups.len())
}

fn parse(groups: &[String], server: &str, realm: &str, label: &str) -> Result<Enrolment, EnrolmentError> {
    let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
    Enrolment::from_typed(&groups, server, realm, label)
}

fn ask_line(input: &mut impl BufRead, output: &mut impl Write, prompt: &str) -> Result<Zeroizing<String>, CliError> {
    let mut line = Zeroizing::new(String::with_capacity(usize::try_from(MAX_LINE).unwrap_or(0)));
    let asked = write!(output, "{prompt}").and_then(|()| output.flush());
    let read = asked.and_then(|()| input.take(MAX_LINE).read_line(&mut line));
    match read {
        Ok(0) => Err(CliError::failure("the input ended before the enrolment was whole; nothing was stored")),
        Ok(_) => Ok(line),
        Err(error) => Err(CliError::failure(format!("cannot read the answer: {error}"))),
    }
}
