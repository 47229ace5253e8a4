//! The report as a page: a table a kind of measurement.

use std::fmt::Write;

use super::{Goal, Report};
use crate::report::goals::Bound;
use crate::rows::growth::GrowthRow;
use crate::rows::plain::{Beside, PlainRow};
use crate::rows::sets::SetRow;
use crate::rows::sizes::SizeRow;
use crate::rows::store::StoreRow;
use crate::rows::verify::VerifyRow;
use crate::stats::{Compared, Measured};

/// The page. "CPU" is processor time for one piece of work, in µs: of the servers, of the generator, and of PostgreSQL
/// where there is one.
#[must_use]
pub fn markdown(report: &Report) -> String {
    let mut page = String::new();
    machine(report, &mut page);
    section(&mut page, "Verify", VERIFY, &report.verify, verify);
    let turns = report.verify.iter().filter_map(|row| Some((row, row.beside.as_ref()?)));
    section(&mut page, "Verify in turns with plain statements", BESIDE, &turns.collect::<Vec<_>>(), beside);
    section(&mut page, "PostgreSQL itself", PLAIN, &report.plain, plain);
    section(&mut page, "The store alone", STORE, &report.store, store);
    section(&mut page, "Sets and keys", SETS, &report.sets, sets);
    section(&mut page, "Many devices", SIZES, &report.sizes, size);
    tables(report, &mut page);
    section(&mut page, "What grows", GROWTH, &report.growth, growth);
    section(&mut page, "Goals", GOALS, &report.goals, goal);
    if !report.not_measured.is_empty() {
        page.push_str("\nNot measured:\n\n");
        report.not_measured.iter().for_each(|why| put(&mut page, &format!("- {why}.\n")));
    }
    page
}

fn put(page: &mut String, text: &str) {
    page.push_str(text);
}

fn machine(report: &Report, page: &mut String) {
    let it = &report.machine;
    let databases = it.databases.join(", ");
    // Writing into a String cannot fail.
    let _written = writeln!(
        page,
        "{} cores, {}, {} MiB; Linux {}, {}; {databases}; {}; commit {}; {}. Load before {}, after {} (the run itself \
         makes about 2). A code tag took {:.0} ns before, {:.0} after. {} run: {} rounds of {} ms.",
        it.cores,
        it.processor,
        it.memory_mib,
        it.kernel,
        it.file_system,
        it.rustc,
        it.commit,
        it.day,
        it.load_before,
        it.load_after,
        it.tag_ns_before,
        it.tag_ns_after,
        report.scale,
        report.rounds,
        report.spell_ms,
    );
}

fn section<T>(page: &mut String, title: &str, columns: &[&str], rows: &[T], cells: fn(&T) -> Vec<String>) {
    if rows.is_empty() {
        return;
    }
    put(page, &format!("\n### {title}\n\n"));
    table(page, columns, rows.iter().map(cells));
}

/// A table of its own, as [`section`] has it.
pub(super) fn table(page: &mut String, columns: &[&str], rows: impl Iterator<Item = Vec<String>>) {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let head: Vec<String> = columns.iter().map(|column| (*column).to_owned()).collect();
    let rule: Vec<String> = columns.iter().map(|_| "---".to_owned()).collect();
    put(page, &format!("{}{}", line(&head), line(&rule)));
    rows.for_each(|row| put(page, &line(&row)));
}

const VERIFY: &[&str] = &[
    "site",
    "devices",
    "connections",
    "verifies/s",
    "p50 / p99 / p99.9 ms",
    "CPU server + generator (+ PostgreSQL)",
    "empty handler/s",
    "p50 / p99 / p99.9 ms",
    "CPU",
    "rate ratio",
    "p99 ratio",
    "fdatasync p50 ms",
    "p50 by handler + fdatasync",
    "CPU later",
];

fn verify(row: &VerifyRow) -> Vec<String> {
    let mut cells = vec![row.site.to_owned(), row.devices.name().to_owned(), row.connections.to_string()];
    cells.extend(compared(&row.compared));
    cells.extend([millis(row.fdatasync_p50_us), two(row.p50_ratio), one(row.later_cpu_us)]);
    cells
}

const BESIDE: &[&str] = &[
    "site",
    "connections",
    "verifies/s",
    "plain verifies/s, 16 clients",
    "plain verifies/s, 64 clients",
    "by the better of the same round",
];

fn beside((row, beside): &(&VerifyRow, &Beside)) -> Vec<String> {
    let [few, many] = beside.plain.map(|plain| whole(plain.per_second));
    let verifies = whole(row.compared.subject.per_second);
    vec![row.site.to_owned(), row.connections.to_string(), verifies, few, many, two(beside.rate_ratio)]
}

const PLAIN: &[&str] = &[
    "site",
    "clients",
    "plain verifies/s",
    "p50 / p99 / p99.9 ms",
    "CPU – + clients + PostgreSQL",
    "empty commits/s",
    "p50 / p99 / p99.9 ms",
    "CPU",
];

fn plain(row: &PlainRow) -> Vec<String> {
    let figures = |it: &Measured| [whole(it.per_second), times(it), cpu(it)];
    let mut cells = vec![row.site.to_owned(), row.clients.to_string()];
    cells.extend(figures(&row.statements));
    cells.extend(figures(&row.commits));
    cells
}

const STORE: &[&str] = &[
    "site",
    "at once",
    "spends/s",
    "p50 / p99 / p99.9 ms",
    "CPU writer + callers",
    "bare log/s",
    "p50 / p99 / p99.9 ms",
    "CPU",
    "rate ratio",
    "p99 ratio",
];

fn store(row: &StoreRow) -> Vec<String> {
    let mut cells = vec![row.site.to_owned(), row.at_once.to_string()];
    cells.extend(compared(&row.compared));
    cells
}

const SETS: &[&str] = &[
    "site",
    "work, 64 waiting",
    "done/s",
    "p50 / p99 / p99.9 ms",
    "CPU server + generator (+ PostgreSQL)",
    "floor/s",
    "p50 / p99 / p99.9 ms",
    "CPU",
    "rate ratio",
    "p99 ratio",
    "bare seals/s",
    "ratio",
];

fn sets(row: &SetRow) -> Vec<String> {
    let mut cells = vec![row.site.to_owned(), row.work.to_owned()];
    cells.extend(compared(&row.compared));
    cells.extend(match row.bare_seals_per_second > 0.0 {
        true => [whole(row.bare_seals_per_second), two(row.bare_ratio)],
        false => ["–".to_owned(), "–".to_owned()],
    });
    cells
}

const SIZES: &[&str] = &[
    "site",
    "devices",
    "filled/s",
    "bytes a device",
    "start ms",
    "memory idle / loaded / peak MiB",
    "p50 ms at 1",
    "verifies/s at 64",
    "p50 / p99 ms at 64",
    "CPU at 64",
    "start after kill -9 ms",
    "log then MiB",
    "acknowledged, all kept",
];

fn size(row: &SizeRow) -> Vec<String> {
    vec![
        row.site.to_owned(),
        row.devices.to_string(),
        whole(row.filled_per_second),
        whole(row.bytes_per_device),
        whole(row.start_ms),
        format!("{} / {} / {}", whole(row.idle_mib), whole(row.loaded_mib), whole(row.peak_mib)),
        millis(row.one.p50_us),
        whole(row.many.per_second),
        format!("{} / {}", millis(row.many.p50_us), millis(row.many.p99_us)),
        cpu(&row.many),
        whole(row.recovery_ms),
        whole(row.log_mib),
        row.acknowledged.to_string(),
    ]
}

/// How many of a store's tables are shown.
const TABLES_SHOWN: usize = 8;

fn tables(report: &Report, page: &mut String) {
    for row in report.sizes.iter().filter(|row| !row.tables.is_empty()) {
        let shown = row.tables.iter().take(TABLES_SHOWN).map(|(name, bytes)| format!("{name} {}", whole(*bytes)));
        let shown = shown.collect::<Vec<_>>().join(", ");
        put(page, &format!("\nBytes a device by table and index, {}, {} devices: {shown}.\n", row.site, row.devices));
    }
}

const GROWTH: &[&str] = &[
    "site",
    "what grows",
    "to",
    "devices",
    "verifies/s at 16",
    "p50 / p99 ms",
    "CPU server + generator",
    "CPU later",
    "server CPU, with later, by the first's",
    "p50 by the first's",
];

fn growth(row: &GrowthRow) -> Vec<String> {
    vec![
        row.site.to_owned(),
        row.family.to_owned(),
        row.size.to_string(),
        row.devices.name().to_owned(),
        whole(row.measured.per_second),
        format!("{} / {}", millis(row.measured.p50_us), millis(row.measured.p99_us)),
        cpu(&row.measured),
        one(row.later_cpu_us),
        two(row.cpu_ratio),
        two(row.p50_ratio),
    ]
}

const GOALS: &[&str] = &["site", "what", "goal", "seen", "met"];

fn goal(goal: &Goal) -> Vec<String> {
    let seen = if goal.seen < 100.0 { two(goal.seen) } else { whole(goal.seen) };
    vec![goal.site.to_owned(), goal.what.clone(), bound(goal), seen, met(goal).to_owned()]
}

pub(super) fn bound(goal: &Goal) -> String {
    match goal.bound {
        Bound::AtLeast(bound) => format!("≥ {bound}"),
        Bound::AtMost(bound) => format!("≤ {bound}"),
    }
}

pub(super) const fn met(goal: &Goal) -> &'static str {
    if goal.is_met { "yes" } else { "no" }
}

fn compared(it: &Compared) -> [String; 8] {
    let Compared { subject, floor, rate_ratio, p99_ratio } = it;
    [
        whole(subject.per_second),
        times(subject),
        cpu(subject),
        whole(floor.per_second),
        times(floor),
        cpu(floor),
        two(*rate_ratio),
        two(*p99_ratio),
    ]
}

fn times(it: &Measured) -> String {
    format!("{} / {} / {}", millis(it.p50_us), millis(it.p99_us), millis(it.p999_us))
}

fn cpu(it: &Measured) -> String {
    let mut text = format!("{:.1} + {:.1}", it.server_cpu_us, it.generator_cpu_us);
    if it.database_cpu_us > 0.0 {
        put(&mut text, &format!(" + {:.1}", it.database_cpu_us));
    }
    text
}

fn millis(micros: f64) -> String {
    format!("{:.2}", micros / 1e3)
}

fn one(figure: f64) -> String {
    format!("{figure:.1}")
}

pub(super) fn two(figure: f64) -> String {
    format!("{figure:.2}")
}

pub(super) fn whole(figure: f64) -> String {
    format!("{figure:.0}")
}
