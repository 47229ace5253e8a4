//! What the figures are to come to. The run fails on none of them: it says what it saw.

use serde::Serialize;

use super::Report;
use crate::rows::Devices;
use crate::rows::growth::GrowthRow;
use crate::rows::sets::SetRow;
use crate::rows::sizes::SizeRow;
use crate::rows::store::StoreRow;
use crate::rows::verify::VerifyRow;
use crate::site::Site;
use crate::stats::ratio;

/// One goal on one site.
#[derive(Clone, Debug, Serialize)]
pub struct Goal {
    /// The kind of site.
    pub site: &'static str,
    /// What is measured.
    pub what: String,
    /// What it is to be at the least, or at the most.
    pub bound: Bound,
    /// What it was.
    pub seen: f64,
    /// Whether that is within the bound.
    pub is_met: bool,
}

/// Which side is good.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// This or more.
    AtLeast(f64),
    /// This or less.
    AtMost(f64),
}

impl Bound {
    fn holds(self, seen: f64) -> bool {
        match self {
            Self::AtLeast(bound) => seen >= bound,
            Self::AtMost(bound) => seen <= bound,
        }
    }
}

/// What the goals are called that the page begins with.
pub(super) const VERIFY_BY_HANDLER: &str = "verifies a second at 256 connections, by the empty handler's";
pub(super) const VERIFY_BY_PLAIN: &str =
    "verifies a second at 256 connections, by plain statements at any number of clients";
pub(super) const SETS_A_SECOND: &str = "sets a second, shared key";
pub(super) const BYTES: &str = "bytes on disk a device of 50 codes";
pub(super) const MEMORY: &str = "server memory, MiB";

/// All that the report's rows say something of.
#[must_use]
pub fn goals(report: &Report) -> Vec<Goal> {
    let mut goals = Vec::new();
    let is_sqlite = |site: &str| site == Site::Sqlite.name();
    let remembered = || report.verify.iter().filter(|row| row.devices == Devices::Remembered);
    remembered().filter(|row| is_sqlite(row.site)).for_each(|row| of_verify(row, &mut goals));
    remembered().for_each(|row| of_postgres(row, &mut goals));
    report.store.iter().for_each(|row| of_store(row, &mut goals));
    report.sets.iter().filter(|row| is_sqlite(row.site)).for_each(|row| of_sets(row, &mut goals));
    let sqlite_sizes = report.sizes.iter().filter(|row| is_sqlite(row.site));
    sqlite_sizes.for_each(|row| of_size(row, report.sizes.first(), &mut goals));
    report.growth.iter().for_each(|row| of_growth(row, &mut goals));
    goals
}

fn goal(site: &'static str, what: impl Into<String>, bound: Bound, seen: f64) -> Goal {
    Goal { site, what: what.into(), bound, seen, is_met: bound.holds(seen) }
}

fn of_verify(row: &VerifyRow, goals: &mut Vec<Goal>) {
    let (site, compared) = (row.site, &row.compared);
    match row.connections {
        1 => {
            let what = "verify p50 at 1 connection, by handler p50 + fdatasync p50";
            goals.push(goal(site, what, Bound::AtMost(1.5), row.p50_ratio));
        }
        64 => {
            let what = "verifies a second at 64 connections, by the empty handler's";
            goals.push(goal(site, what, Bound::AtLeast(0.70), compared.rate_ratio));
        }
        256 => {
            goals.push(goal(site, VERIFY_BY_HANDLER, Bound::AtLeast(0.85), compared.rate_ratio));
            let what = "verify p99 at 256 connections, by the empty handler's";
            goals.push(goal(site, what, Bound::AtMost(2.0), compared.p99_ratio));
        }
        _ => {}
    }
}

/// One server on PostgreSQL, beside the empty handler and beside plain statements in the same database server.
fn of_postgres(row: &VerifyRow, goals: &mut Vec<Goal>) {
    let Some(beside) = row.beside.as_ref().filter(|_| row.connections == 256) else { return };
    if !beside.has_standby {
        goals.push(goal(row.site, VERIFY_BY_HANDLER, Bound::AtLeast(0.40), row.compared.rate_ratio));
    }
    goals.push(goal(row.site, VERIFY_BY_PLAIN, Bound::AtLeast(1.0), beside.rate_ratio));
}

fn of_store(row: &StoreRow, goals: &mut Vec<Goal>) {
    let bound = match row.at_once {
        1 => 0.75,
        64 => 0.55,
        _ => return,
    };
    let what = format!("spends a second of the store alone, {} at once, by a bare log's", row.at_once);
    goals.push(goal(row.site, what, Bound::AtLeast(bound), row.compared.rate_ratio));
}

fn of_sets(row: &SetRow, goals: &mut Vec<Goal>) {
    if row.work == crate::rows::sets::Work::Issue.name() {
        let subject = &row.compared.subject;
        goals.push(goal(row.site, SETS_A_SECOND, Bound::AtLeast(8_000.0), subject.per_second));
        goals.push(goal(row.site, "server's µs a set, shared key", Bound::AtMost(60.0), subject.server_cpu_us));
    }
    if row.work == crate::rows::sets::Work::IssuePublicKey.name() {
        let what = "sets a second, public key, by the handler that seals once";
        goals.push(goal(row.site, what, Bound::AtLeast(0.8), row.compared.rate_ratio));
        let what = "sets a second, public key, by bare seals on all cores";
        goals.push(goal(row.site, what, Bound::AtLeast(0.8), row.bare_ratio));
    }
}

fn of_size(row: &SizeRow, first: Option<&SizeRow>, goals: &mut Vec<Goal>) {
    let (site, devices) = (row.site, row.devices);
    let mut add = |what: &str, bound, seen| goals.push(goal(site, of_devices(what, devices), bound, seen));
    add(BYTES, Bound::AtMost(900.0), row.bytes_per_device);
    add(MEMORY, Bound::AtMost(143.0), row.peak_mib);
    add("start, ms", Bound::AtMost(2_000.0), row.start_ms);
    if let Some(first) = first.filter(|first| first.devices * 10 == devices) {
        let p50 = ratio(row.one.p50_us, first.one.p50_us);
        add("verify p50 at 1 connection, by that of a tenth of the devices", Bound::AtMost(1.3), p50);
    }
}

/// What a goal of a size is called.
pub(super) fn of_devices(what: &str, devices: u32) -> String {
    format!("{what}, {devices} devices")
}

fn of_growth(row: &GrowthRow, goals: &mut Vec<Goal>) {
    if row.is_base || row.may_grow {
        return;
    }
    let (size, family, devices) = (row.size, row.family, row.devices.name());
    let what = format!("server's µs a verify at {size} {family}, devices {devices}, by that at the fewest");
    goals.push(goal(row.site, what, Bound::AtMost(1.3), row.cpu_ratio));
}
