//! What the figures are to come to. The run fails on none of them: it says what it saw.

use serde::Serialize;

use super::Report;
use crate::rows::growth::GrowthRow;
use crate::rows::plain::PlainRow;
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

/// All that the report's rows say something of.
#[must_use]
pub fn goals(report: &Report) -> Vec<Goal> {
    let mut goals = Vec::new();
    let is_sqlite = |site: &str| site == Site::Sqlite.name();
    report.verify.iter().filter(|row| is_sqlite(row.site)).for_each(|row| of_verify(row, &mut goals));
    report.verify.iter().for_each(|row| of_postgres(row, &report.plain, &mut goals));
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
            let what = "verifies a second at 256 connections, by the empty handler's";
            goals.push(goal(site, what, Bound::AtLeast(0.85), compared.rate_ratio));
            let what = "verify p99 at 256 connections, by the empty handler's";
            goals.push(goal(site, what, Bound::AtMost(2.0), compared.p99_ratio));
        }
        _ => {}
    }
}

/// One server on PostgreSQL, beside the empty handler and beside plain statements in the same database server.
fn of_postgres(row: &VerifyRow, plain: &[PlainRow], goals: &mut Vec<Goal>) {
    let plain = plain.iter().filter(|it| it.site == row.site && row.connections == 256);
    let Some(best) = plain.max_by(|one, other| one.statements.per_second.total_cmp(&other.statements.per_second))
    else {
        return;
    };
    if !best.has_standby {
        let what = "verifies a second at 256 connections, by the empty handler's";
        goals.push(goal(row.site, what, Bound::AtLeast(0.40), row.compared.rate_ratio));
    }
    let what = "verifies a second at 256 connections, by plain statements at any number of clients";
    let seen = ratio(row.compared.subject.per_second, best.statements.per_second);
    goals.push(goal(row.site, what, Bound::AtLeast(1.0), seen));
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
        goals.push(goal(row.site, "sets a second, shared key", Bound::AtLeast(8_000.0), subject.per_second));
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
    let mut add = |what: &str, bound, seen| goals.push(goal(site, format!("{what}, {devices} devices"), bound, seen));
    add("bytes on disk a device of 50 codes", Bound::AtMost(900.0), row.bytes_per_device);
    add("server memory, MiB", Bound::AtMost(143.0), row.peak_mib);
    add("start, ms", Bound::AtMost(2_000.0), row.start_ms);
    if let Some(first) = first.filter(|first| first.devices * 10 == devices) {
        let p50 = ratio(row.one.p50_us, first.one.p50_us);
        add("verify p50 at 1 connection, by that of a tenth of the devices", Bound::AtMost(1.3), p50);
    }
}

fn of_growth(row: &GrowthRow, goals: &mut Vec<Goal>) {
    if row.is_base || row.may_grow {
        return;
    }
    let what = format!("server's µs a verify at {} {}, by that at the fewest", row.size, row.family);
    goals.push(goal(row.site, what, Bound::AtMost(1.3), row.cpu_ratio));
}
