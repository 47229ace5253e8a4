//! The program behind `cargo xtask bench`.

use std::process::ExitCode;

use matchbook_bench::arguments::{Command, HELP, Kind, Run};
use matchbook_bench::report::{self, Machine, Report};
use matchbook_bench::rows::{Scale, Setting, growth, plain, radius, sets, sizes, store, verify};
use matchbook_bench::site::{SITES, Servers, Site};
use matchbook_bench::trouble::{Result, Trouble};
use mimalloc::MiMalloc;

/// As in `matchbook`.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = Command::parse(&words).and_then(|command| match command {
        Command::Serve(served) => matchbook_bench::serve::serve(&served),
        Command::Run(run) => measure(&run),
        Command::Help => {
            println!("{HELP}");
            Ok(())
        }
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

fn measure(run: &Run) -> Result<()> {
    let mut scale = if run.is_quick { Scale::QUICK } else { Scale::FULL };
    scale.rounds = run.rounds.unwrap_or(scale.rounds);
    scale.only_connections = run.connections;
    scale.only_work = run.work;
    let place = run.place.clone().unwrap_or_else(std::env::temp_dir);
    std::fs::create_dir_all(&place).map_err(Trouble::because("the folder for the databases cannot be made"))?;
    let servers = Servers::default();
    let setting = Setting { scale, place: &place, servers: &servers };
    let mut report = Report {
        machine: Machine::here(&place),
        scale: if run.is_quick { "quick" } else { "full" },
        rounds: scale.rounds,
        spell_ms: u64::try_from(scale.spell.measured.as_millis()).unwrap_or(u64::MAX),
        verify: Vec::new(),
        plain: Vec::new(),
        store: Vec::new(),
        sets: Vec::new(),
        sizes: Vec::new(),
        growth: Vec::new(),
        not_measured: vec![radius::NOT_YET.to_owned()],
        goals: Vec::new(),
    };
    let missing = matchbook_testbed::find().err();
    if let Some(missing) = missing.as_ref().filter(|_| std::env::var_os("CI").is_some()) {
        return Err(Trouble::new(missing.to_string()));
    }
    report.not_measured.extend(missing.iter().map(|missing| format!("PostgreSQL: {missing}")));
    for site in SITES.iter().filter(|site| run.wants(**site) && (missing.is_none() || **site == Site::Sqlite)) {
        report.plain.extend(rows(run, Kind::Verify, *site, &setting, plain::measure)?);
        report.verify.extend(rows(run, Kind::Verify, *site, &setting, verify::measure)?);
        report.store.extend(rows(run, Kind::Store, *site, &setting, store::measure)?);
        report.sets.extend(rows(run, Kind::Sets, *site, &setting, sets::measure)?);
        report.sizes.extend(rows(run, Kind::Sizes, *site, &setting, sizes::measure)?);
        report.growth.extend(rows(run, Kind::Growth, *site, &setting, growth::measure)?);
    }
    report.machine.note_end();
    report.goals = report::goals(&report);
    report::write(&report, &run.out)?;
    let tables = report::markdown(&report);
    println!("{tables}");
    match &run.docs {
        Some(page) => report::docs::write(page, &report::headline(&report), &tables),
        None => Ok(()),
    }
}

fn rows<T>(
    run: &Run,
    kind: Kind,
    site: Site,
    setting: &Setting<'_>,
    measure: fn(&Setting<'_>, Site) -> Result<Vec<T>>,
) -> Result<Vec<T>> {
    if run.has(kind) { measure(setting, site) } else { Ok(Vec::new()) }
}
