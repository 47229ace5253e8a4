//! What the program is told.

use std::path::PathBuf;

use crate::rows::sets::{WORKS, Work};
use crate::serve::Served;
use crate::site::Site;
use crate::trouble::{Result, Trouble};

/// A command.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    /// Serves until standard input ends; for this program's own use.
    Serve(Served),
    /// Measures.
    Run(Run),
    /// Prints how it is used.
    Help,
}

/// What is to be measured.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// Little of it, for CI.
    pub is_quick: bool,
    /// Only these kinds; empty for all.
    pub only: Vec<Kind>,
    /// Only sites whose name has one of these in it; empty for all.
    pub sites: Vec<String>,
    /// Turns of floor and subject, instead of the scale's.
    pub rounds: Option<usize>,
    /// Connections of verifies, instead of the scale's.
    pub connections: Option<usize>,
    /// This alone of what is done for devices.
    pub work: Option<&'static Work>,
    /// Where the files go.
    pub out: PathBuf,
    /// Where the databases go; the folder for temporary files when it is left out.
    pub place: Option<PathBuf>,
    /// The page whose marked place gets the tables.
    pub docs: Option<PathBuf>,
}

/// A kind of measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Verifies.
    Verify,
    /// The store alone.
    Store,
    /// Sets and keys.
    Sets,
    /// Many devices.
    Sizes,
    /// What grows.
    Growth,
}

const KINDS: &[(&str, Kind)] = &[
    ("verify", Kind::Verify),
    ("store", Kind::Store),
    ("sets", Kind::Sets),
    ("sizes", Kind::Sizes),
    ("growth", Kind::Growth),
];

/// How it is used.
pub const HELP: &str = "\
matchbook-bench run [--quick] [--only KIND ...] [--site NAME ...] [--rounds N] [--connections N]
                    [--work NAME] [--out FOLDER] [--place FOLDER] [--write-docs PAGE]

  --quick            under two minutes, coarse figures: for CI
  --only KIND        verify, store, sets, sizes or growth; may be given several times
  --site NAME        sites with this in their name, such as SQLite or 'PostgreSQL, 1'; may be given several times
  --rounds N         turns of floor and subject: more for a calmer figure, 1 for a look
  --connections N    verifies at so many connections alone, such as for a profile
  --work NAME        of sets and keys this alone: the first with this in its name, such as issue, public or refill
  --out FOLDER       where bench.json and bench.md go; target/bench when it is left out
  --place FOLDER     where the databases are made: names the disk that is measured
  --write-docs PAGE  puts the tables, and in short the figures, into the marked places of a page";

impl Command {
    /// Reads the program's words.
    ///
    /// # Errors
    /// They are not understood.
    pub fn parse(words: &[&str]) -> Result<Self> {
        match words {
            [] | ["help" | "--help" | "-h"] => Ok(Self::Help),
            ["serve", rest @ ..] => Served::parse(rest).map(Self::Serve),
            ["run", rest @ ..] => Run::parse(rest).map(Self::Run),
            [other, ..] => Err(Trouble::new(format!("there is no command {other:?}\n\n{HELP}"))),
        }
    }
}

impl Run {
    fn parse(words: &[&str]) -> Result<Self> {
        let mut run = Self { out: PathBuf::from("target/bench"), ..Self::default() };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| Trouble::new(format!("{word} needs a value\n\n{HELP}")));
            match *word {
                "--quick" => run.is_quick = true,
                "--only" => run.only.push(kind(value()?)?),
                "--site" => run.sites.push(value()?.to_string()),
                "--rounds" => run.rounds = Some(number(value()?)?),
                "--connections" => run.connections = Some(number(value()?)?),
                "--work" => run.work = Some(work(value()?)?),
                "--out" => run.out = value()?.into(),
                "--place" => run.place = Some(value()?.into()),
                "--write-docs" => run.docs = Some(value()?.into()),
                other => return Err(Trouble::new(format!("run does not take {other:?}\n\n{HELP}"))),
            }
        }
        Ok(run)
    }

    /// Whether a site is to be measured.
    #[must_use]
    pub fn wants(&self, site: Site) -> bool {
        self.sites.is_empty() || self.sites.iter().any(|part| site.name().contains(part))
    }

    /// Whether this kind is to be measured.
    #[must_use]
    pub fn has(&self, kind: Kind) -> bool {
        self.only.is_empty() || self.only.contains(&kind)
    }
}

fn number(word: &str) -> Result<usize> {
    let number = word.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| Trouble::new(format!("{word:?} is no number above 0\n\n{HELP}")))
}

fn work(word: &str) -> Result<&'static Work> {
    let found = WORKS.iter().find(|work| work.name().contains(word));
    found.ok_or_else(|| Trouble::new(format!("there is no work {word:?}\n\n{HELP}")))
}

fn kind(word: &str) -> Result<Kind> {
    let found = KINDS.iter().find(|(name, _)| *name == word);
    found.map(|(_, kind)| *kind).ok_or_else(|| Trouble::new(format!("there is no kind {word:?}\n\n{HELP}")))
}

#[cfg(test)]
mod tests;
