//! `matchbook device import`: devices with keys from a factory, all of a file or none.

use std::fs::File;
use std::io::{self, Read};

use data_encoding::HEXLOWER;
use matchbook_pskc::limits::MAX_FILE;
use matchbook_pskc::{Device, Format, Row, detect};
use serde::Serialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::unlock::{Found, refused};
use crate::api::{Api, path};
use crate::args::{FormatName, Import};
use crate::error::CliError;
use crate::exit::ExitCode;
use crate::ui::{Ui, visible};

/// Devices of one call; the server takes as many.
const PART: usize = 500;
/// How often a call is sent at most whose answer does not come: each may be repeated.
const SENDINGS: u32 = 6;
/// Refused rows that are printed for people; `-o json` has all.
const SHOWN: usize = 40;

#[derive(Serialize)]
struct Part<'a> {
    create_users: bool,
    dry_run: bool,
    devices: Vec<NewDevice<'a>>,
}

#[derive(Serialize)]
struct NewDevice<'a> {
    device: String,
    #[serde(serialize_with = "as_text")]
    key: Zeroizing<String>,
    user: &'a str,
    label: &'a str,
}

/// What became of a row.
#[derive(Serialize)]
struct Told {
    row: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    outcome: String,
    makes_user: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

/// How many rows each became.
#[derive(Default, Serialize)]
struct Counts {
    new: usize,
    already_there: usize,
    refused: usize,
}

/// Reads the file, hands it to the server part by part, and has it go live when every row can be taken.
pub(super) fn run(args: &Import, api: &Api, realm: &str, ui: &Ui) -> Result<(), CliError> {
    let bytes = read(args)?;
    let format = match args.format {
        Some(FormatName::Pskc) => Format::Pskc,
        Some(FormatName::Csv) => Format::Csv,
        None => detect(&bytes),
    };
    let secret = Found::opening(&bytes, format, &args.unlocking, ui)?;
    let file = {
        let _progress = ui.progress("Reading the file");
        matchbook_pskc::read(&bytes, format, &secret.unlock()).map_err(|error| refused(&error))?
    };
    drop(bytes);
    file.notes.iter().for_each(|note| ui.warn(note));
    let import = Remote { api, realm, id: draw()?, args };
    let told = import.send(&file.rows, ui)?;
    let mut counts = Counts::default();
    for row in &told {
        match row.outcome.as_str() {
            "new" => counts.new += 1,
            "already-there" => counts.already_there += 1,
            _ => counts.refused += 1,
        }
    }
    let made = if args.dry_run || counts.refused > 0 { None } else { import.end(&counts, ui)? };
    report(args, &told, &counts, made.as_ref(), &file.notes, ui)?;
    if counts.refused > 0 {
        let sentence = format!("{} of {} rows cannot be taken; nothing was imported", counts.refused, told.len());
        let has_strangers = told.iter().any(|row| row.why.as_deref().is_some_and(|why| why.contains("no such user")));
        let hint = match (has_strangers && !args.create_users, args.dry_run) {
            (true, _) => "Users that are not there are made with --create-users; otherwise mend the file.",
            (false, true) => "Mend the file.",
            (false, false) => "Mend the file, and try it with --dry-run.",
        };
        return Err(CliError::new(ExitCode::Failure, sentence).hint(hint));
    }
    Ok(())
}

/// An import at the server.
struct Remote<'a> {
    api: &'a Api,
    realm: &'a str,
    id: String,
    args: &'a Import,
}

impl Remote<'_> {
    /// Sends all rows that are devices. From the first one on that cannot be taken, the rest is only tried.
    fn send(&self, rows: &[Row], ui: &Ui) -> Result<Vec<Told>, CliError> {
        let path = path(&["v1", "realms", self.realm, "imports", &self.id, "devices"]);
        let progress = ui.progress(if self.args.dry_run { "Trying" } else { "Importing" });
        let mut dry_run = self.args.dry_run || rows.iter().any(|row| row.device.is_err());
        let (mut told, mut has_staged) = (Vec::with_capacity(rows.len()), false);
        for part in rows.chunks(PART) {
            let devices: Vec<_> = part.iter().filter_map(|row| row.device.as_ref().ok()).map(NewDevice::of).collect();
            let mut answers = if devices.is_empty() {
                Vec::new()
            } else {
                let body = Part { create_users: self.args.create_users, dry_run, devices };
                let unknown = "Nothing went live; give the same command again.";
                let answer = self.api.post_until_known(&path, &body, SENDINGS, unknown)?;
                has_staged |= !dry_run;
                answers(answer)?
            };
            answers.reverse();
            for row in part {
                told.push(Told::of(row, &mut answers)?);
            }
            dry_run |= told.iter().rev().take(part.len()).any(|row| row.outcome == "refused");
            progress.set(count(told.len()), count(rows.len()), "devices");
        }
        if dry_run && has_staged {
            self.api.delete(&crate::api::path(&["v1", "realms", self.realm, "imports", &self.id]))?;
        }
        Ok(told)
    }

    /// `None`: all of them were there already.
    fn end(&self, counts: &Counts, ui: &Ui) -> Result<Option<Value>, CliError> {
        if counts.new == 0 {
            return Ok(None);
        }
        let path = path(&["v1", "realms", self.realm, "imports", &self.id, "live"]);
        let _progress = ui.progress("Making them live");
        let unknown =
            "Whether they are live is not known; give the same command again, which finds those that are there.";
        self.api.post_until_known(&path, &json!({ "devices": counts.new }), SENDINGS, unknown).map(Some)
    }
}

impl<'a> NewDevice<'a> {
    fn of(device: &'a Device) -> Self {
        Self {
            device: device.id.to_string(),
            key: Zeroizing::new(HEXLOWER.encode(device.key.expose())),
            user: &device.user,
            label: &device.label,
        }
    }
}

impl Told {
    /// `answers` are the server's, the next one last.
    fn of(row: &Row, answers: &mut Vec<Value>) -> Result<Self, CliError> {
        let device = match &row.device {
            Ok(device) => device,
            Err(why) => {
                let (outcome, why) = ("refused".to_owned(), Some(why.clone()));
                return Ok(Self { row: row.place, device: None, user: None, outcome, makes_user: false, why });
            }
        };
        let answer = answers.pop().ok_or_else(not_ours)?;
        let text = |name: &str| answer.get(name).and_then(Value::as_str).map(str::to_owned);
        Ok(Self {
            row: row.place,
            device: Some(device.id.to_string()),
            user: Some(device.user.clone()),
            outcome: text("outcome").ok_or_else(not_ours)?,
            makes_user: answer.get("makes_user").and_then(Value::as_bool).unwrap_or(false),
            why: text("why"),
        })
    }
}

fn report(
    args: &Import,
    told: &[Told],
    counts: &Counts,
    made: Option<&Value>,
    notes: &[String],
    ui: &Ui,
) -> Result<(), CliError> {
    if ui.is_json() {
        // All that the file names are live, whether this import made them so or an earlier one did.
        let is_live = made.is_some() || (!args.dry_run && counts.refused == 0);
        return ui.json(&json!({
            "dry_run": args.dry_run, "live": is_live, "made": made, "rows_by_outcome": counts, "notes": notes,
            "rows": told,
        }));
    }
    let refused: Vec<_> = told.iter().filter(|row| row.outcome == "refused").collect();
    if !refused.is_empty() {
        let cells = |row: &&&Told| {
            let text = |text: &Option<String>| visible(text.as_deref().unwrap_or("-"));
            vec![row.row.to_string(), text(&row.device), text(&row.user), text(&row.why)]
        };
        let rows: Vec<_> = refused.iter().take(SHOWN).map(|row| cells(&row)).collect();
        ui.table(&["ROW", "DEVICE", "USER", "WHY NOT"], &rows)?;
    }
    if refused.len() > SHOWN {
        ui.talk(format!("And {} more; -o json has all rows.", refused.len() - SHOWN));
    }
    let users = made.and_then(|made| made.get("users")).and_then(Value::as_u64).unwrap_or_default();
    ui.talk(match (made, args.dry_run) {
        (Some(_), _) => format!(
            "{} devices are live, and {users} users are new; {} devices were there already.",
            counts.new, counts.already_there
        ),
        (None, true) => format!(
            "{} rows are new, {} there already, {} cannot be taken; {} name a user who is not there. Nothing was done.",
            counts.new,
            counts.already_there,
            counts.refused,
            told.iter().filter(|row| row.makes_user).count()
        ),
        (None, false) if counts.refused > 0 => return Ok(()),
        (None, false) => format!("All {} devices were there already.", counts.already_there),
    });
    Ok(())
}

fn answers(mut answer: Value) -> Result<Vec<Value>, CliError> {
    match answer.get_mut("devices").map(Value::take) {
        Some(Value::Array(answers)) => Ok(answers),
        _ => Err(not_ours()),
    }
}

fn not_ours() -> CliError {
    CliError::failure("the server does not say what became of each device")
        .hint("Is it a Matchbook of another release? Nothing went live.")
}

fn read(args: &Import) -> Result<Zeroizing<Vec<u8>>, CliError> {
    let failed = |error: io::Error| CliError::file("read the file of keys", &args.file, &error);
    let most = u64::try_from(MAX_FILE).unwrap_or(u64::MAX);
    // Memory that is outgrown is not wiped, so that of a file is taken at once.
    let mut bytes = Zeroizing::new(Vec::new());
    if args.file.as_os_str() == "-" {
        io::stdin().lock().take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
    } else {
        let file = File::open(&args.file).map_err(failed)?;
        let length = file.metadata().map(|data| data.len()).unwrap_or_default().min(most);
        bytes.reserve(usize::try_from(length).unwrap_or_default().saturating_add(1));
        file.take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
    }
    Ok(bytes)
}

/// A name for the import.
fn draw() -> Result<String, CliError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| CliError::failure(format!("the system gives no chance: {error}")))?;
    Ok(HEXLOWER.encode(&bytes))
}

fn as_text<S: serde::Serializer>(key: &Zeroizing<String>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(key)
}

fn count(rows: usize) -> u64 {
    u64::try_from(rows).unwrap_or(u64::MAX)
}
