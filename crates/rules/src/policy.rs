//! Whether a policy can be had, and how easily its codes are guessed.

use std::fmt;

use matchbook_protocol::codes::{CodeFormat, MAX_DIGITS, MAX_SET_CODES, MIN_DIGITS, largest_set, packed_len};
use matchbook_protocol::sms::{Form, segment_count};
use matchbook_protocol::wire::{MAX_THRESHOLD, SET_HEAD_LEN, SHARED_OVERHEAD, set_overhead};
use matchbook_protocol::{Delivery, Profile, Suite};

use crate::model::{Mode, Policy};
use crate::throttle::{HARD_STOP, guesses_a_day};

/// The most codes after the next one that next-in-order may look at.
pub const MAX_LOOK_AHEAD: u8 = 10;
/// The most failures from one source before it is slowed.
pub const MAX_MAX_FAILURES: u8 = 20;
/// The most sets that a device may be issued in a day.
pub const MAX_SETS_PER_DAY: u8 = 100;
/// The most challenges that a user may skip in a day.
pub const MAX_SKIPS_PER_DAY: u8 = 20;
/// The longest life of a key, in days: ten years.
pub const MAX_ROTATE_AFTER_DAYS: u16 = 3_650;

/// How many different codes any-unused needs, unless the operator accepts guessable codes in so many words: what 8
/// decimal digits have.
pub const ANY_UNUSED_SIZE: u64 = 100_000_000;

/// A guess that succeeds more often than once in so many is warned of.
pub const WARN_ONE_IN: u64 = 10_000;

/// What is wrong with a policy: one sentence a field. A policy that has any is not stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyError {
    /// At least one.
    pub problems: Vec<PolicyProblem>,
}

/// A field of a policy that cannot be had as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyProblem {
    /// The field's name, as it is written in a policy.
    pub field: &'static str,
    /// What is wrong, and what a good one looks like.
    pub sentence: String,
}

/// What a policy comes to, for one device of one user; a user with several multiplies the chances by their number.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyReport {
    /// The codes' format.
    pub format: CodeFormat,
    /// How many different codes there are.
    pub different_codes: u64,
    /// Codes that count at one attempt: 1 when indexed, the look-ahead when in order, threshold and set when any.
    pub acceptable_at_once: u32,
    /// Guesses that one source has before it is slowed.
    pub guesses: u32,
    /// The chance that one of them succeeds, 0–1.
    pub guess_probability: f64,
    /// Guesses that one source has in a day, slowed as it is.
    pub guesses_a_day: u32,
    /// The chance that one of them succeeds, 0–1.
    pub guess_probability_a_day: f64,
    /// Consecutive wrong guesses, from any number of sources, that lock an authenticator.
    pub guesses_hard_stop: u32,
    /// The chance that one of so many succeeds, 0–1.
    pub guess_probability_hard_stop: f64,
    /// Codes a set, as the policy comes to.
    pub set_size: u8,
    /// The most codes of this format that one short message holds.
    pub largest_set: u8,
    /// Bytes of a set's message.
    pub set_message_bytes: usize,
    /// Short messages that it takes.
    pub messages_per_set: u32,
    /// Bytes of a set's message in public-key mode with X25519.
    pub set_message_bytes_public_key: usize,
    /// Short messages that it takes.
    pub messages_per_set_public_key: u32,
    /// What the operator should think about: one sentence each. None for the default policy.
    pub warnings: Vec<String>,
}

/// Checks every field of a policy and works out what it comes to.
///
/// # Errors
/// Every field that is out of its range, and any-unused with codes that are too few.
pub fn check(policy: &Policy) -> Result<PolicyReport, PolicyError> {
    let problems = problems(policy);
    if !problems.is_empty() {
        return Err(PolicyError { problems });
    }
    let format = policy.format();
    let largest_set = largest_set(format, Form::Binary.budget());
    let set_size = policy.set_size.unwrap_or(largest_set);
    let acceptable_at_once = acceptable_at_once(policy, set_size);
    let guesses = u32::from(policy.max_failures);
    let guesses_a_day = guesses_a_day(policy.max_failures);
    let chance = |guesses| probability(acceptable_at_once, guesses, format.size());
    let packed = SET_HEAD_LEN + packed_len(format, usize::from(set_size));
    let (shared, public) = (packed + SHARED_OVERHEAD, packed + public_key_overhead());
    let mut report = PolicyReport {
        format,
        different_codes: format.size(),
        acceptable_at_once,
        guesses,
        guess_probability: chance(guesses),
        guesses_a_day,
        guess_probability_a_day: chance(guesses_a_day),
        guesses_hard_stop: HARD_STOP,
        guess_probability_hard_stop: chance(HARD_STOP),
        set_size,
        largest_set,
        set_message_bytes: shared,
        messages_per_set: short_messages(shared),
        set_message_bytes_public_key: public,
        messages_per_set_public_key: short_messages(public),
        warnings: Vec::new(),
    };
    report.warnings = warnings(policy, &report);
    Ok(report)
}

/// How many short messages so many bytes take, as 8-bit data.
#[must_use]
pub fn short_messages(bytes: usize) -> u32 {
    u32::try_from(segment_count(bytes, Form::Binary)).unwrap_or(u32::MAX)
}

fn problems(policy: &Policy) -> Vec<PolicyProblem> {
    let mut problems = Vec::new();
    let mut range = |field, value: u16, lowest: u16, highest: u16| {
        if value < lowest || value > highest {
            let sentence = format!("{field} is {value}, but has to be {lowest} to {highest}");
            problems.push(PolicyProblem { field, sentence });
        }
    };
    match policy.mode {
        Mode::NextInOrder { look_ahead } => range("look_ahead", look_ahead.into(), 1, MAX_LOOK_AHEAD.into()),
        Mode::Indexed | Mode::AnyUnused => {}
    }
    range("digits", policy.digits.into(), MIN_DIGITS.into(), MAX_DIGITS.into());
    let set_size = policy.set_size.unwrap_or(1);
    range("set_size", set_size.into(), 1, u16::try_from(MAX_SET_CODES).unwrap_or(u16::MAX));
    range("threshold", policy.threshold.into(), 0, MAX_THRESHOLD.into());
    range("max_failures", policy.max_failures.into(), 1, MAX_MAX_FAILURES.into());
    range("sets_per_day", policy.sets_per_day.into(), 1, MAX_SETS_PER_DAY.into());
    range("skips_per_day", policy.skips_per_day.into(), 0, MAX_SKIPS_PER_DAY.into());
    range("rotate_after_days", policy.rotate_after_days, 1, MAX_ROTATE_AFTER_DAYS);
    if policy.mode == Mode::AnyUnused && policy.format().size() < ANY_UNUSED_SIZE && !policy.accept_guessable_codes {
        let sentence = format!(
            "any-unused needs codes of at least 8 digits, because every unused code counts at each guess; {} are too \
             few. Set digits = 8, or choose another mode, or say accept_guessable_codes = true",
            policy.format()
        );
        problems.push(PolicyProblem { field: "digits", sentence });
    }
    problems
}

fn acceptable_at_once(policy: &Policy, set_size: u8) -> u32 {
    match policy.mode {
        Mode::Indexed => 1,
        Mode::NextInOrder { look_ahead } => look_ahead.into(),
        Mode::AnyUnused => u32::from(policy.threshold) + u32::from(set_size),
    }
}

/// P = u · L / size, at most 1.
#[allow(clippy::cast_precision_loss, reason = "sizes reach 2^60; a chance needs three digits")]
fn probability(acceptable: u32, guesses: u32, size: u64) -> f64 {
    (f64::from(acceptable) * f64::from(guesses) / size as f64).min(1.0)
}

/// Whether P is above one in [`WARN_ONE_IN`], reckoned in whole numbers.
fn is_guessable(report: &PolicyReport, guesses: u32) -> bool {
    let favourable = u128::from(report.acceptable_at_once) * u128::from(guesses);
    favourable * u128::from(WARN_ONE_IN) > u128::from(report.different_codes)
}

fn public_key_overhead() -> usize {
    Profile::new(Suite::X25519, Delivery::PublicKey).map(set_overhead).unwrap_or_default()
}

fn warnings(policy: &Policy, report: &PolicyReport) -> Vec<String> {
    let mut warnings = Vec::new();
    let PolicyReport { guesses, set_size, largest_set, messages_per_set, .. } = report;
    if is_guessable(report, *guesses) {
        let chance = report.guess_probability;
        warnings.push(format!(
            "One source succeeds with a chance of {chance:.1e} in its {guesses} guesses, more than one in \
             {WARN_ONE_IN}: use more digits, or let fewer codes count at once."
        ));
    }
    if is_guessable(report, HARD_STOP) {
        let chance = report.guess_probability_hard_stop;
        warnings.push(format!(
            "Many sources together succeed with a chance of {chance:.1e} in the {HARD_STOP} guesses before an \
             authenticator is locked, more than one in {WARN_ONE_IN}: use more digits, or let fewer codes count at \
             once."
        ));
    }
    if policy.mode == Mode::AnyUnused {
        warnings.push(format!(
            "Any unused code counts. A user who asks for sets by hand can hold {MAX_SET_CODES} codes, and each guess \
             then has {MAX_SET_CODES} chances instead of {}.",
            report.acceptable_at_once
        ));
    }
    if policy.accept_guessable_codes {
        warnings.push("accept_guessable_codes is set: any-unused is allowed with fewer than 8 digits.".to_owned());
    }
    if policy.threshold >= *set_size {
        warnings.push(format!(
            "The threshold of {} is not below the set size of {set_size}: almost every code that is used makes a new \
             set due.",
            policy.threshold
        ));
    }
    if set_size > largest_set {
        warnings.push(format!(
            "A set of {set_size} codes takes {messages_per_set} short messages, and the loss of one of them loses the \
             set until it is sent again; {largest_set} codes fit in one."
        ));
    }
    warnings
}

impl fmt::Display for PolicyReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { format, different_codes, acceptable_at_once, guesses, guesses_a_day, guesses_hard_stop, .. } = self;
        writeln!(f, "codes               {format}, {different_codes} different ones")?;
        writeln!(f, "count at once       {acceptable_at_once}")?;
        writeln!(f, "guessed by a source {:.1e} in {guesses} guesses", self.guess_probability)?;
        writeln!(f, "… in a day          {:.1e} in {guesses_a_day} guesses", self.guess_probability_a_day)?;
        writeln!(f, "… by many sources   {:.1e} in {guesses_hard_stop} guesses", self.guess_probability_hard_stop)?;
        writeln!(
            f,
            "set                 {} codes, {} bytes, {} short message(s); {} in public-key mode",
            self.set_size, self.set_message_bytes, self.messages_per_set, self.messages_per_set_public_key
        )?;
        write!(f, "largest set         {} codes in one short message", self.largest_set)?;
        self.warnings.iter().try_for_each(|warning| write!(f, "\nwarning: {warning}"))
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sentences: Vec<&str> = self.problems.iter().map(|problem| problem.sentence.as_str()).collect();
        f.write_str(&sentences.join("; "))
    }
}

impl std::error::Error for PolicyError {}

#[cfg(test)]
mod tests;
