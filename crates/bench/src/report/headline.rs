//! What matters most of a run, in five lines at most.

use super::goals::{BYTES, MEMORY, SETS_A_SECOND, VERIFY_BY_HANDLER, VERIFY_BY_PLAIN, of_devices};
use super::markdown::{bound, met, table, two, whole};
use super::{Goal, Report};
use crate::rows::Devices;
use crate::rows::sets::Work;
use crate::rows::sizes::SizeRow;
use crate::rows::verify::VerifyRow;
use crate::site::Site;
use crate::stats::ratio;

const COLUMNS: &[&str] = &["what", "figure", "floor", "ratio", "goal, and whether it is met"];

/// Connections of the verifies.
const CONNECTIONS: usize = 256;

/// Where nothing is to be said.
const NONE: &str = "–";

/// A table of what the run measured of it.
#[must_use]
pub fn headline(report: &Report) -> String {
    let verifies = report.verify.iter().filter(|row| {
        let is_shown = row.site == Site::Sqlite.name() || row.beside.as_ref().is_some_and(|beside| !beside.has_standby);
        is_shown && row.devices == Devices::Remembered && row.connections == CONNECTIONS
    });
    let mut lines: Vec<Vec<String>> = verifies.map(|row| verify(report, row)).collect();
    lines.extend(issue(report));
    let sizes = report.sizes.iter().filter(|row| row.site == Site::Sqlite.name());
    lines.extend(sizes.max_by_key(|row| row.devices).into_iter().flat_map(|row| [size(report, row), recovery(row)]));
    let machine = &report.machine;
    let mut text = format!(
        "{} cores, {}; commit {}; {}; {} run.\n\n",
        machine.cores, machine.processor, machine.commit, machine.day, report.scale
    );
    table(&mut text, COLUMNS, lines.into_iter());
    text
}

fn verify(report: &Report, row: &VerifyRow) -> Vec<String> {
    let mut floors = vec![format!("empty handler {}/s", whole(row.compared.floor.per_second))];
    let mut ratios = vec![two(row.compared.rate_ratio)];
    if let Some(beside) = &row.beside {
        floors.push(format!("plain statements {}/s", whole(beside.best.per_second)));
        ratios.push(two(beside.rate_ratio));
    }
    vec![
        format!("verify, {}, {} connections", row.site, row.connections),
        format!("{}/s", whole(row.compared.subject.per_second)),
        floors.join("; "),
        ratios.join("; "),
        judged(report, row.site, &[VERIFY_BY_HANDLER, VERIFY_BY_PLAIN]),
    ]
}

fn issue(report: &Report) -> Option<Vec<String>> {
    let is_it = |site: &str, work: &str| site == Site::Sqlite.name() && work == Work::Issue.name();
    let row = report.sets.iter().find(|row| is_it(row.site, row.work))?;
    Some(vec![
        format!("{}, {}", row.work, row.site),
        format!("{}/s", whole(row.compared.subject.per_second)),
        format!("handler {}/s", whole(row.compared.floor.per_second)),
        two(row.compared.rate_ratio),
        judged(report, row.site, &[SETS_A_SECOND]),
    ])
}

fn size(report: &Report, row: &SizeRow) -> Vec<String> {
    let goals = [BYTES, MEMORY].map(|what| of_devices(what, row.devices));
    vec![
        format!("{} devices of 50 codes, {}", row.devices, row.site),
        format!("{} bytes a device; {} MiB of memory at the most", whole(row.bytes_per_device), whole(row.peak_mib)),
        NONE.to_owned(),
        NONE.to_owned(),
        judged(report, row.site, &goals.each_ref().map(String::as_str)),
    ]
}

fn recovery(row: &SizeRow) -> Vec<String> {
    vec![
        format!("start after kill -9 under load, {} devices, {}", row.devices, row.site),
        format!("{} ms; all {} verifies that were answered are kept", whole(row.recovery_ms), row.acknowledged),
        format!("start {} ms", whole(row.start_ms)),
        two(ratio(row.recovery_ms, row.start_ms)),
        NONE.to_owned(),
    ]
}

/// The goals of these names, in their order.
fn judged(report: &Report, site: &str, names: &[&str]) -> String {
    let of = |name: &&str| report.goals.iter().find(|goal| goal.site == site && goal.what == **name);
    let each = names.iter().filter_map(of).map(|goal: &Goal| format!("{}: {}", bound(goal), met(goal)));
    match each.collect::<Vec<_>>().join("; ") {
        text if text.is_empty() => NONE.to_owned(),
        text => text,
    }
}
