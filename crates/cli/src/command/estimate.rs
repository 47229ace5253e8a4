//! `matchbook estimate`: what devices cost by SMS and on HTTPS. The arithmetic is `matchbook_rules::estimate`'s.

use matchbook_protocol::codes::{Alphabet, CodeFormat, largest_set};
use matchbook_protocol::sms::Form;
use matchbook_protocol::{Delivery, Profile, Suite};
use matchbook_rules::estimate::{Bearer, Estimate, MONTH_DAYS, Month, Usage, estimate};
use serde::Serialize;

use crate::args;
use crate::error::CliError;
use crate::ui::Ui;

/// The whole answer as JSON.
#[derive(Serialize)]
struct Report {
    codes: String,
    codes_per_month: u32,
    rotate_after_days: u16,
    price_mt: f64,
    price_mo: f64,
    users: u32,
    assumptions: Vec<String>,
    estimates: Vec<Row>,
}

/// One kind of device on one bearer.
#[derive(Serialize)]
struct Row {
    suite: &'static str,
    delivery: &'static str,
    bearer: &'static str,
    set_size: u8,
    set_message_bytes: u32,
    messages_per_set: u32,
    messages_per_rotation: u32,
    per_user: Monthly,
    all_users: Monthly,
}

/// A month.
#[derive(Serialize)]
struct Monthly {
    sets: f64,
    rotations: f64,
    messages_mt: f64,
    messages_mo: f64,
    bytes: f64,
    cost: f64,
}

/// Prints every kind of device on every bearer, and what is assumed.
///
/// # Errors
/// Standard output cannot be written.
pub(crate) fn run(args: &args::Estimate, ui: &Ui) -> Result<(), CliError> {
    let usage = usage(args)?;
    let estimates = estimate(&usage);
    let assumptions = assumptions(&usage, &estimates);
    if ui.is_json() {
        return ui.json(&Report {
            codes: usage.format.to_string(),
            codes_per_month: usage.codes_per_month,
            rotate_after_days: usage.rotate_after_days,
            price_mt: usage.price_from_server,
            price_mo: usage.price_from_device,
            users: args.users,
            assumptions,
            estimates: estimates.iter().map(|estimate| row(estimate, args.users)).collect(),
        });
    }
    print(&estimates, args.users, ui)?;
    ui.line("")?;
    assumptions.iter().try_for_each(|sentence| ui.line(sentence))
}

fn usage(args: &args::Estimate) -> Result<Usage, CliError> {
    let alphabet = if args.base32 { Alphabet::Base32 } else { Alphabet::Decimal };
    let format = CodeFormat::new(alphabet, args.digits).map_err(|error| CliError::usage(error.to_string()))?;
    Ok(Usage {
        format,
        set_size: args.set.unwrap_or_else(|| largest_set(format, Form::Binary.budget())),
        codes_per_month: args.codes_per_month,
        rotate_after_days: args.rotate_after_days,
        price_from_server: args.price,
        price_from_device: args.price_mo.unwrap_or(args.price),
    })
}

/// The columns for one user; and for all of them, when there are more.
fn print(estimates: &[Estimate], users: u32, ui: &Ui) -> Result<(), CliError> {
    let all = [format!("MT × {users}"), format!("MO × {users}"), format!("cost × {users}")];
    let mut headers = vec!["device", "bearer", "set", "SMS a set", "MT", "MO", "bytes", "cost"];
    if users > 1 {
        headers.extend(all.iter().map(String::as_str));
    }
    let cells = |estimate: &Estimate| {
        let month = estimate.month;
        let mut cells = vec![
            format!("{}, {}", delivery_words(estimate.profile), suite_words(estimate.profile)),
            bearer_words(estimate.bearer).to_owned(),
            format!("{} codes, {} bytes", estimate.set_size, estimate.set.bytes),
            estimate.set.short_messages.to_string(),
            format!("{:.2}", month.from_server),
            format!("{:.2}", month.from_device),
            format!("{:.0}", month.bytes),
            format!("{:.4}", month.cost),
        ];
        if users > 1 {
            let all = month.times(users);
            cells.extend([
                format!("{:.0}", all.from_server),
                format!("{:.0}", all.from_device),
                format!("{:.2}", all.cost),
            ]);
        }
        cells
    };
    ui.table(&headers, &estimates.iter().map(cells).collect::<Vec<_>>())
}

/// What the figures rest on, in sentences.
fn assumptions(usage: &Usage, estimates: &[Estimate]) -> Vec<String> {
    let Usage { format, codes_per_month, rotate_after_days, price_from_server, price_from_device, .. } = usage;
    let by_text = estimates.iter().find(|estimate| estimate.bearer == Bearer::Sms(Form::Text));
    let in_text = by_text.map_or(0, |estimate| estimate.set_size);
    let in_binary = usage.set_size.min(largest_set(*format, Form::Binary.budget()));
    vec![
        format!(
            "A month of {MONTH_DAYS:.1} days; each user has one device and uses {codes_per_month} codes of {format}, and \
             every code of a set. MT: short messages from the server, at {price_from_server}; MO: from the device, at \
             {price_from_device}. Parts count one by one."
        ),
        format!(
            "By SMS a set is never larger than one message under the shared key holds: {in_binary} codes in binary, \
             {in_text} in text. In public-key mode it has as many codes, in a longer message."
        ),
        "The device counts, and asks: one request, which acknowledges the set before too; the set; and its \
         acknowledgement at once. On HTTPS that is answered as well."
            .to_owned(),
        format!(
            "A key is replaced every {rotate_after_days} days: {}. What falls into a month of it is counted.",
            rotations(estimates)
        ),
        "Bytes are those of sealed messages, both ways, without base64 and without what the bearer puts around them."
            .to_owned(),
        "Nothing is lost; what a network loses is sent, and paid for, again. Enrolment, two messages in a device's life, \
         is left out."
            .to_owned(),
    ]
}

/// How many short messages a rotation takes.
fn rotations(estimates: &[Estimate]) -> String {
    let messages = |suite| {
        let binary = Bearer::Sms(Form::Binary);
        let found = estimates.iter().find(|estimate| estimate.bearer == binary && estimate.profile.suite() == suite);
        found.map_or(0, messages_per_rotation)
    };
    let (symmetric, others) = (messages(Suite::Symmetric), messages(Suite::X25519));
    format!("{others} short messages, {symmetric} in the symmetric suite")
}

fn messages_per_rotation(estimate: &Estimate) -> u32 {
    estimate.rotation.from_server.short_messages + estimate.rotation.from_device.short_messages
}

fn row(estimate: &Estimate, users: u32) -> Row {
    Row {
        suite: match estimate.profile.suite() {
            Suite::Symmetric => "symmetric",
            Suite::X25519 => "x25519",
            Suite::P256 => "p256",
            Suite::XWing => "x-wing",
        },
        delivery: match estimate.profile.delivery() {
            Delivery::Shared => "shared",
            Delivery::PublicKey => "public-key",
        },
        bearer: match estimate.bearer {
            Bearer::Sms(Form::Binary) => "sms-binary",
            Bearer::Sms(Form::Text) => "sms-text",
            Bearer::Https => "https",
        },
        set_size: estimate.set_size,
        set_message_bytes: estimate.set.bytes,
        messages_per_set: estimate.set.short_messages,
        messages_per_rotation: messages_per_rotation(estimate),
        per_user: monthly(estimate.month),
        all_users: monthly(estimate.month.times(users)),
    }
}

fn monthly(month: Month) -> Monthly {
    let Month { refills, rotations, from_server, from_device, bytes, cost } = month;
    Monthly { sets: refills, rotations, messages_mt: from_server, messages_mo: from_device, bytes, cost }
}

const fn suite_words(profile: Profile) -> &'static str {
    match profile.suite() {
        Suite::Symmetric => "symmetric",
        Suite::X25519 => "X25519",
        Suite::P256 => "P-256",
        Suite::XWing => "X-Wing",
    }
}

const fn delivery_words(profile: Profile) -> &'static str {
    match profile.delivery() {
        Delivery::Shared => "shared key",
        Delivery::PublicKey => "public key",
    }
}

const fn bearer_words(bearer: Bearer) -> &'static str {
    match bearer {
        Bearer::Sms(Form::Binary) => "SMS binary",
        Bearer::Sms(Form::Text) => "SMS text",
        Bearer::Https => "HTTPS",
    }
}
