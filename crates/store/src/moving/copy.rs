//! The move, step by step. Each step is one transaction on one side, and each can be taken again after a crash:
//!
//! 1. the source becomes read-only and notes this move;
//! 2. the empty target becomes read-only and notes it too, and the source notes that target;
//! 3. pages of rows, each with the note of how far the target is;
//! 4. all counts are compared; the source notes that it is a thing of the past; the target may be served.

use std::fmt;

use futures_util::future;

use super::notes::{Id, arrived};
use super::{Change, Entity, Kind, Leaving, MADE, Mark, Movable, Note, PAGE};
use crate::{CommitError, LoadError};

/// How a move is made.
#[derive(Clone, Copy, Debug)]
pub struct CopyOptions {
    /// The source's name of the move, for the case that it begins now: 16 random bytes.
    pub source: [u8; 16],
    /// The target's name: other ones.
    pub target: [u8; 16],
    /// Rows that are read and written at once.
    pub page: u32,
}

impl CopyOptions {
    /// With these names, and pages of [`PAGE`] rows.
    #[must_use]
    pub fn new(source: [u8; 16], target: [u8; 16]) -> Self {
        Self { source, target, page: PAGE }
    }
}

/// How far a move is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Rows that are in the target.
    pub done: u64,
    /// Rows that the source has.
    pub all: u64,
}

/// Rows of a kind on both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// The kind.
    pub kind: Kind,
    /// In the source.
    pub source: u64,
    /// In the target.
    pub target: u64,
}

/// A move that is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The counts, which are the same on both sides; none when the move was done before.
    pub counts: Vec<Count>,
    /// Rows that an interrupted move had brought already.
    pub resumed_at: u64,
    /// The move was done before, and nothing was done now.
    pub was_done: bool,
}

/// A move that is not done. Nothing is served by it, and the source stays as it is.
#[derive(Debug)]
pub enum CopyError {
    /// It cannot be: the sentence says why and what to do.
    Refused(String),
    /// A side cannot be read.
    Load(LoadError),
    /// A side cannot be written.
    Commit(CommitError),
    /// The counts differ.
    Differ(Vec<Count>),
}

impl fmt::Display for CopyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(why) => f.write_str(why),
            Self::Load(error) => error.fmt(f),
            Self::Commit(error) => error.fmt(f),
            Self::Differ(_) => f.write_str(
                "the counts differ, so the copy is not let go: make the target empty and copy anew, and report this",
            ),
        }
    }
}

impl std::error::Error for CopyError {}

impl From<LoadError> for CopyError {
    fn from(error: LoadError) -> Self {
        Self::Load(error)
    }
}

impl From<CommitError> for CopyError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Conflict(why) => Self::Refused(format!("{why}: is another copy under way?")),
            CommitError::Unavailable(_) | CommitError::ReadOnly(_) | CommitError::InDoubt(_) => Self::Commit(error),
        }
    }
}

/// Moves all rows of the source to the target, or goes on where an earlier call was interrupted.
///
/// The source is read-only from the first row on, and for ever after. The target is read-only until it is whole.
///
/// # Errors
/// [`CopyError`] says what to do. Unless it says otherwise, the same call again goes on.
pub async fn copy(
    source: &dyn Movable,
    target: &dyn Movable,
    options: CopyOptions,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Report, CopyError> {
    let sides = Sides { source, target };
    if sides.is_done().await? {
        return Ok(Report { counts: Vec::new(), resumed_at: 0, was_done: true });
    }
    let (leaving, mark) = sides.begin(options).await?;
    let resumed_at = mark.rows;
    let mut all = 0_u64;
    for kind in Kind::ALL {
        all = all.saturating_add(source.count(kind).await?);
    }
    let mut tell = |done| progress(Progress { done, all });
    tell(resumed_at);
    let mark = sides.rows(mark, options.page.max(1), &mut tell).await?;
    let counts = sides.counts().await?;
    if counts.iter().any(|count| count.source != count.target) {
        return Err(CopyError::Differ(counts));
    }
    sides.end(leaving, &mark).await?;
    Ok(Report { counts, resumed_at, was_done: false })
}

/// Sees that a source can be moved, before a target is opened or made for it.
///
/// `None`: it may begin with a new target. Else it has its target already, so that none is to be made, and this sentence
/// is for who names one that is not there.
///
/// # Errors
/// It cannot be moved at all, or cannot be read.
pub async fn check_source(source: &dyn Movable) -> Result<Option<String>, CopyError> {
    if let Some(mark) = source.note(Note::Copy).await? {
        return Err(CopyError::Refused(Mark::refusal(&mark, &source.name())));
    }
    Ok(match leaving(source).await? {
        Some(Leaving { to: Some(_), is_gone, name, .. }) => Some(bound_elsewhere(&source.name(), &name, is_gone)),
        Some(Leaving { to: None, .. }) | None => None,
    })
}

struct Sides<'a> {
    source: &'a dyn Movable,
    target: &'a dyn Movable,
}

impl Sides<'_> {
    /// `None` also of a target that was made and no more.
    async fn mark(&self) -> Result<Option<Mark>, CopyError> {
        match self.target.note(Note::Copy).await? {
            Some(bytes) if bytes != MADE => Mark::of_bytes(&bytes).map(Some).ok_or_else(|| damaged(self.target)),
            Some(_) | None => Ok(None),
        }
    }

    /// Whether this very move was done before.
    async fn is_done(&self) -> Result<bool, CopyError> {
        let Some(Leaving { id, to: Some(to), is_gone: true, .. }) = leaving(self.source).await? else {
            return Ok(false);
        };
        let there = self.target.note(Note::Arrived).await?;
        Ok(there == Some(arrived(id, to)) && self.mark().await?.is_none())
    }

    /// Sees that the one can be moved to the other, holds the source still and marks the target.
    async fn begin(&self, options: CopyOptions) -> Result<(Leaving, Mark), CopyError> {
        let (source, target) = (self.source.name(), self.target.name());
        check_source(self.source).await?;
        let (leaving, mark) = (leaving(self.source).await?, self.mark().await?);
        match (&leaving, &mark) {
            (Some(leaving), Some(mark)) if belong(leaving, mark) => {}
            (None | Some(_), Some(mark)) => {
                return Err(CopyError::Refused(format!(
                    "{target} is an unfinished copy of {}, but not of {source} as it is now: make {target} empty, then \
                     copy anew",
                    mark.from
                )));
            }
            (Some(Leaving { to: Some(_), is_gone, name, .. }), None) => {
                return Err(CopyError::Refused(bound_elsewhere(&source, name, *is_gone)));
            }
            (None | Some(_), None) => self.see_that_target_is_empty().await?,
        }
        self.see_that_secrets_fit().await?;
        let leaving = match leaving {
            Some(leaving) => leaving,
            None => self.hold_source(options.source).await?,
        };
        self.source.hold().await?;
        let mark = match mark {
            Some(mark) => mark,
            None => self.mark_target(&leaving, options.target).await.map_err(|error| self.but_held(error))?,
        };
        Ok((self.bind(leaving, &mark).await?, mark))
    }

    /// The source is read-only by now, which who is refused does not expect.
    fn but_held(&self, error: CopyError) -> CopyError {
        let CopyError::Refused(why) = error else { return error };
        let source = self.source.name();
        CopyError::Refused(format!(
            "{why} (until it goes on, or is given up with `matchbook store thaw --copy-never-served`, {source} is read-only)"
        ))
    }

    async fn see_that_target_is_empty(&self) -> Result<(), CopyError> {
        let target = self.target.name();
        if let Some(why) = self.target.note(Note::ReadOnly).await? {
            let why = String::from_utf8_lossy(&why);
            return Err(CopyError::Refused(format!("{target} is read-only ({why}): name another target")));
        }
        for kind in Kind::ALL {
            let rows = self.target.count(kind).await?;
            if rows > 0 {
                return Err(CopyError::Refused(format!(
                    "{target} is not empty ({}: {rows}): name a database without a store; `matchbook init` is not \
                     needed there, and leaves a token",
                    kind.name()
                )));
            }
        }
        Ok(())
    }

    async fn see_that_secrets_fit(&self) -> Result<(), CopyError> {
        let (source, target) = (self.source.note(Note::CheckValue).await?, self.target.note(Note::CheckValue).await?);
        match (source, target) {
            (Some(source), Some(target)) if source != target => Err(CopyError::Refused(format!(
                "{} was made with other secrets than {}: name a database without a store, and give its servers the \
                 secrets file of the source",
                self.target.name(),
                self.source.name()
            ))),
            (Some(_) | None, Some(_) | None) => Ok(()),
        }
    }

    async fn hold_source(&self, id: Id) -> Result<Leaving, CopyError> {
        let name = self.target.name();
        let why = format!(
            "it is being copied to {name}: give the same `matchbook store copy` again, or, when that is given up, run \
             `matchbook store thaw --copy-never-served`"
        );
        let leaving = Leaving { id, to: None, name, is_gone: false };
        // A server that was told to run read-only on it has left its reason.
        let before = self.source.note(Note::ReadOnly).await?;
        let changes = vec![
            Change { note: Note::ReadOnly, was: before, becomes: Some(why.into_bytes()) },
            Change { note: Note::Moving, was: None, becomes: Some(leaving.to_bytes()) },
        ];
        self.source.write(changes, Vec::new()).await?;
        Ok(leaving)
    }

    async fn mark_target(&self, leaving: &Leaving, id: Id) -> Result<Mark, CopyError> {
        let [first, ..] = Kind::ALL;
        let mark = Mark { source: leaving.id, target: id, from: self.source.name(), kind: first, after: None, rows: 0 };
        let why = format!("it is an unfinished copy of {}", mark.from);
        let (ours, theirs) = (self.target.note(Note::CheckValue).await?, self.source.note(Note::CheckValue).await?);
        let secrets = Change { note: Note::CheckValue, becomes: ours.clone().or(theirs), was: ours };
        let made = self.target.note(Note::Copy).await?.filter(|bytes| bytes == MADE);
        let marking = [
            Change { note: Note::ReadOnly, was: None, becomes: Some(why.into_bytes()) },
            Change { note: Note::Copy, was: made, becomes: Some(mark.to_bytes()) },
            secrets,
        ];
        self.target.write(marking.to_vec(), Vec::new()).await?;
        self.target.hold().await?;
        // A server that was on it may have written to it before it was marked.
        for kind in Kind::ALL {
            if self.target.count(kind).await? > 0 {
                let back = marking.map(|Change { note, was, becomes }| Change { note, was: becomes, becomes: was });
                self.target.write(back.to_vec(), Vec::new()).await?;
                return Err(CopyError::Refused(format!(
                    "a server writes to {}: stop it, or name a database without a store",
                    self.target.name()
                )));
            }
        }
        Ok(mark)
    }

    /// Lets the source note its target, so that it has no second one.
    async fn bind(&self, leaving: Leaving, mark: &Mark) -> Result<Leaving, CopyError> {
        if leaving.to.is_some() {
            return Ok(leaving);
        }
        let bound = Leaving { to: Some(mark.target), name: self.target.name(), ..leaving.clone() };
        self.source.write(vec![moving(&leaving, &bound)], Vec::new()).await?;
        Ok(bound)
    }

    /// Brings the rows over. The next page is read while one is written.
    async fn rows(&self, mut mark: Mark, size: u32, tell: &mut (dyn FnMut(u64) + Send)) -> Result<Mark, CopyError> {
        let begun = mark.kind;
        for kind in Kind::ALL.into_iter().skip_while(|kind| *kind != begun) {
            let after = if kind == begun { mark.after.clone() } else { None };
            let mut page = self.source.export(kind, after, size).await?;
            while let Some(last) = page.last().map(Entity::key) {
                let rows = u64::try_from(page.len()).unwrap_or(u64::MAX);
                let is_last = rows < u64::from(size);
                let then =
                    Mark { kind, after: Some(last.clone()), rows: mark.rows.saturating_add(rows), ..mark.clone() };
                let noted = Change { note: Note::Copy, was: Some(mark.to_bytes()), becomes: Some(then.to_bytes()) };
                let next =
                    async { if is_last { Ok(Vec::new()) } else { self.source.export(kind, Some(last), size).await } };
                let (written, next) = future::join(self.target.write(vec![noted], page), next).await;
                written?;
                page = next?;
                mark = then;
                tell(mark.rows);
            }
        }
        Ok(mark)
    }

    async fn counts(&self) -> Result<Vec<Count>, CopyError> {
        let mut counts = Vec::with_capacity(Kind::ALL.len());
        for kind in Kind::ALL {
            let (source, target) = future::join(self.source.count(kind), self.target.count(kind)).await;
            counts.push(Count { kind, source: source?, target: target? });
        }
        Ok(counts)
    }

    /// The source first: at no moment may both be served. It is written to also when it says that it is gone: what was read
    /// may be lost in a failover, and a write that is durable makes durable what it found.
    async fn end(&self, leaving: Leaving, mark: &Mark) -> Result<(), CopyError> {
        let gone = Leaving { is_gone: true, name: self.target.name(), ..leaving.clone() };
        let why = format!(
            "it was moved to {}: serve that one; `matchbook store thaw` lets this one be written again, with all its \
             codes void",
            gone.name
        );
        let before = self.source.note(Note::ReadOnly).await?;
        let said = Change { note: Note::ReadOnly, was: before, becomes: Some(why.into_bytes()) };
        self.source.write(vec![moving(&leaving, &gone), said], Vec::new()).await?;
        let why = self.target.note(Note::ReadOnly).await?;
        let before = self.target.note(Note::Arrived).await?;
        let changes = vec![
            Change { note: Note::Copy, was: Some(mark.to_bytes()), becomes: None },
            Change { note: Note::ReadOnly, was: why, becomes: None },
            Change { note: Note::Arrived, was: before, becomes: Some(arrived(mark.source, mark.target)) },
        ];
        Ok(self.target.write(changes, Vec::new()).await?)
    }
}

async fn leaving(source: &dyn Movable) -> Result<Option<Leaving>, CopyError> {
    let Some(bytes) = source.note(Note::Moving).await? else { return Ok(None) };
    Leaving::of_bytes(&bytes).map(Some).ok_or_else(|| damaged(source))
}

/// Whether source and target note the same move.
fn belong(leaving: &Leaving, mark: &Mark) -> bool {
    leaving.id == mark.source && leaving.to.is_none_or(|to| to == mark.target)
}

fn moving(was: &Leaving, becomes: &Leaving) -> Change {
    Change { note: Note::Moving, was: Some(was.to_bytes()), becomes: Some(becomes.to_bytes()) }
}

fn bound_elsewhere(source: &str, name: &str, is_gone: bool) -> String {
    if is_gone {
        format!(
            "{source} was moved to {name}, which is the store now: copy that one; or let {source} be written again with \
             `matchbook store thaw`"
        )
    } else {
        format!(
            "{source} is being copied to {name}: give that as the target; or, when that copy is given up, run `matchbook \
             store thaw --copy-never-served` first"
        )
    }
}

fn damaged(side: &dyn Movable) -> CopyError {
    CopyError::Load(LoadError::Damaged(format!(
        "what {} notes of a copy makes no sense: make the target empty, thaw the source, and copy anew",
        side.name()
    )))
}
