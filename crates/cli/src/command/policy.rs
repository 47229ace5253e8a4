//! `matchbook policy check`, and policies of `matchbook realm`: read from flags and files, checked before they are
//! sent.

use matchbook_rules::policy::{PolicyReport, check};
use matchbook_rules::{Mode, Policy};
use serde::Serialize;
use serde_json::Value;

use super::session::Session;
use crate::api::{Api, path};
use crate::args::{self, Global, ModeName, PolicyCheck, PolicyCommand, PolicyFields, PolicyFlags};
use crate::error::CliError;
use crate::exit::ExitCode;
use crate::ui::Ui;

/// How many codes next-in-order looks at when nobody says.
const DEFAULT_LOOK_AHEAD: u8 = 3;

/// A report as JSON.
#[derive(Serialize)]
struct Report<'a> {
    acceptable: bool,
    policy: &'a PolicyFields,
    different_codes: u64,
    acceptable_at_once: u32,
    guesses: u32,
    guess_probability: f64,
    guesses_a_day: u32,
    guess_probability_a_day: f64,
    guesses_hard_stop: u32,
    guess_probability_hard_stop: f64,
    set_size: u8,
    largest_set: u8,
    set_message_bytes: usize,
    messages_per_set: u32,
    messages_per_set_public_key: u32,
    warnings: &'a [String],
}

/// A refusal as JSON.
#[derive(Serialize)]
struct Refused<'a> {
    acceptable: bool,
    policy: &'a PolicyFields,
    problems: Vec<String>,
}

/// Runs a subcommand of `policy`.
///
/// # Errors
/// Exit code 1 when the policy cannot be had.
pub(crate) fn run(args: &args::Policy, global: &Global, ui: &Ui) -> Result<(), CliError> {
    let PolicyCommand::Check(check) = &args.command;
    let policy = asked_for(check, global, ui)?;
    match matchbook_rules::policy::check(&to_rules(&policy)?) {
        Ok(_) => print(&policy, ui),
        Err(error) => {
            let problems: Vec<String> = error.problems.into_iter().map(|problem| problem.sentence).collect();
            if ui.is_json() {
                ui.json(&Refused { acceptable: false, policy: &policy, problems: problems.clone() })?;
            }
            Err(CliError::failure(format!("this policy cannot be had: {}", problems.join("; "))))
        }
    }
}

fn asked_for(check: &PolicyCheck, global: &Global, ui: &Ui) -> Result<PolicyFields, CliError> {
    let changes = from_flags(&check.changes)?;
    let Some(realm) = &check.realm else { return Ok(changes) };
    let session = Session::open(global, &check.client.overrides(), ui)?;
    Ok(overlay(of_realm(&session.api, realm)?, changes))
}

/// A realm's policy, as the server has it.
pub(super) fn of_realm(api: &Api, realm: &str) -> Result<PolicyFields, CliError> {
    from_json(api.get(&path(&["v1", "realms", realm, "policy"]))?)
}

/// The fields that flags and the file say.
pub(super) fn from_flags(flags: &PolicyFlags) -> Result<PolicyFields, CliError> {
    let Some(file) = &flags.file else { return Ok(flags.fields.clone()) };
    let text = std::fs::read_to_string(file).map_err(|error| CliError::file("read the policy", file, &error))?;
    let from_file: PolicyFields = toml::from_str(&text).map_err(|error| {
        CliError::usage(format!("{} is no policy: {}", file.display(), error.message().replace('\n', " ")))
            .hint("It is TOML with the fields that `matchbook realm policy show` prints.")
    })?;
    Ok(overlay(from_file, flags.fields.clone()))
}

/// One policy with the fields that another one says over it.
pub(super) fn overlay(base: PolicyFields, over: PolicyFields) -> PolicyFields {
    let mode = over.mode.or(base.mode);
    let look_ahead = over.look_ahead.or(base.look_ahead.filter(|_| mode == Some(ModeName::NextInOrder)));
    PolicyFields {
        mode,
        look_ahead,
        digits: over.digits.or(base.digits),
        base32: over.base32.or(base.base32),
        set_size: over.set_size.or(base.set_size),
        threshold: over.threshold.or(base.threshold),
        max_failures: over.max_failures.or(base.max_failures),
        sets_per_day: over.sets_per_day.or(base.sets_per_day),
        skips_per_day: over.skips_per_day.or(base.skips_per_day),
        rotate_after_days: over.rotate_after_days.or(base.rotate_after_days),
        accept_guessable_codes: over.accept_guessable_codes.or(base.accept_guessable_codes),
    }
}

/// As the API sends it.
pub(super) fn from_json(policy: Value) -> Result<PolicyFields, CliError> {
    serde_json::from_value(policy).map_err(|error| {
        CliError::failure(format!("the server's policy cannot be read: {error}"))
            .hint("Is it a Matchbook of another release?")
    })
}

/// As the API takes it.
pub(super) fn to_json(policy: &PolicyFields) -> Result<Value, CliError> {
    serde_json::to_value(policy).map_err(|error| CliError::failure(format!("the policy cannot be written: {error}")))
}

/// Refuses a policy that cannot be had, and tells what to think about.
pub(super) fn must_be_good(policy: &PolicyFields, ui: &Ui) -> Result<(), CliError> {
    let report = check(&to_rules(policy)?).map_err(|error| {
        CliError::new(ExitCode::Usage, format!("this policy cannot be had: {error}"))
            .hint("`matchbook policy check` tries policies out.")
    })?;
    report.warnings.iter().for_each(|warning| ui.warn(warning));
    Ok(())
}

/// Prints a policy that can be had, and what it comes to.
pub(super) fn print(policy: &PolicyFields, ui: &Ui) -> Result<(), CliError> {
    let report = report(policy)?;
    if !ui.is_json() {
        report.warnings.iter().for_each(|warning| ui.warn(warning));
        return ui.fields(&fields(policy)?);
    }
    ui.json(&Report {
        acceptable: true,
        policy,
        different_codes: report.different_codes,
        acceptable_at_once: report.acceptable_at_once,
        guesses: report.guesses,
        guess_probability: report.guess_probability,
        guesses_a_day: report.guesses_a_day,
        guess_probability_a_day: report.guess_probability_a_day,
        guesses_hard_stop: report.guesses_hard_stop,
        guess_probability_hard_stop: report.guess_probability_hard_stop,
        set_size: report.set_size,
        largest_set: report.largest_set,
        set_message_bytes: report.set_message_bytes,
        messages_per_set: report.messages_per_set,
        messages_per_set_public_key: report.messages_per_set_public_key,
        warnings: &report.warnings,
    })
}

/// A policy and what it comes to, as people read it.
pub(super) fn fields(policy: &PolicyFields) -> Result<Vec<(&'static str, String)>, CliError> {
    let report = report(policy)?;
    let rules = to_rules(policy)?;
    let mode = match rules.mode {
        Mode::Indexed => "indexed: the code that is asked for by its number counts".to_owned(),
        Mode::NextInOrder { look_ahead } => format!("next-in-order: the next {look_ahead} unused codes count"),
        Mode::AnyUnused => "any-unused: every unused code counts".to_owned(),
    };
    let chance = |probability: f64, guesses: u32| format!("{} in {guesses} guesses", one_in(probability));
    Ok(vec![
        ("mode", mode),
        ("codes", format!("{}; {} different ones", report.format, report.different_codes)),
        ("guessed by one source", chance(report.guess_probability, report.guesses)),
        ("… in a day", chance(report.guess_probability_a_day, report.guesses_a_day)),
        ("… by many sources", chance(report.guess_probability_hard_stop, report.guesses_hard_stop)),
        (
            "set",
            format!(
                "{} codes in {} bytes: {} short message(s), {} in public-key mode; {} codes fit one",
                report.set_size,
                report.set_message_bytes,
                report.messages_per_set,
                report.messages_per_set_public_key,
                report.largest_set
            ),
        ),
        ("refill", format!("when {} or fewer codes are unused; {} sets a day", rules.threshold, rules.sets_per_day)),
        ("skips", format!("{} a day", rules.skips_per_day)),
        ("new key", format!("after {} days", rules.rotate_after_days)),
    ])
}

fn report(policy: &PolicyFields) -> Result<PolicyReport, CliError> {
    check(&to_rules(policy)?).map_err(|error| CliError::failure(format!("this policy cannot be had: {error}")))
}

fn to_rules(fields: &PolicyFields) -> Result<Policy, CliError> {
    let default = Policy::default();
    let mode = match (fields.mode.unwrap_or(ModeName::Indexed), fields.look_ahead) {
        (ModeName::NextInOrder, look_ahead) => {
            Mode::NextInOrder { look_ahead: look_ahead.unwrap_or(DEFAULT_LOOK_AHEAD) }
        }
        (ModeName::Indexed, None) => Mode::Indexed,
        (ModeName::AnyUnused, None) => Mode::AnyUnused,
        (ModeName::Indexed | ModeName::AnyUnused, Some(_)) => {
            return Err(CliError::usage("look_ahead goes with the mode next-in-order")
                .hint("Add --mode next-in-order, or leave --look-ahead out."));
        }
    };
    Ok(Policy {
        mode,
        digits: fields.digits.unwrap_or(default.digits),
        base32: fields.base32.unwrap_or(default.base32),
        set_size: fields.set_size.or(default.set_size),
        threshold: fields.threshold.unwrap_or(default.threshold),
        max_failures: fields.max_failures.unwrap_or(default.max_failures),
        sets_per_day: fields.sets_per_day.unwrap_or(default.sets_per_day),
        skips_per_day: fields.skips_per_day.unwrap_or(default.skips_per_day),
        rotate_after_days: fields.rotate_after_days.unwrap_or(default.rotate_after_days),
        accept_guessable_codes: fields.accept_guessable_codes.unwrap_or(default.accept_guessable_codes),
    })
}

/// A probability as "1 in 200000".
fn one_in(probability: f64) -> String {
    if probability >= 1.0 { "certain".to_owned() } else { format!("1 in {:.0}", 1.0 / probability) }
}
