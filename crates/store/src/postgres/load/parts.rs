//! A row that several tables were joined for, each of which may have no row in it.

use matchbook_protocol::{AuthenticatorId, CodeIndex};
use tokio_postgres::Row;

use crate::postgres::rows::Damage;
use crate::rows::{Bad, Cell, Cells, Fields, Stored, decode_at, width};

/// What is spent, forgotten and failed of a device `a`, as [`ledger_once`] selects it.
pub(super) const LEDGER: &str = "\
    ARRAY(SELECT p.code FROM spends AS p WHERE p.realm = a.realm AND p.authenticator = a.authenticator \
        ORDER BY p.code) AS spent, \
    (SELECT g.highest FROM forgotten AS g WHERE g.realm = a.realm AND g.authenticator = a.authenticator) AS forgotten, \
    (SELECT f.count FROM failures AS f WHERE f.realm = a.realm AND f.authenticator = a.authenticator) AS failed";

/// Selects the ledger of `a` in the first of its rows, by the column that counts them: spends may be thousands, and rows
/// hundreds. [`Parts::ledger`] reads it.
pub(super) fn ledger_once(place: &str) -> String {
    format!("CASE WHEN coalesce({place}, 1) = 1 THEN a.spent END, a.forgotten, a.failed")
}

pub(super) struct Ledger {
    pub(super) spent: Vec<CodeIndex>,
    pub(super) highest_spent: CodeIndex,
    pub(super) failures: u32,
}

/// Reads the tables one after the other.
pub(super) struct Parts<'r> {
    row: &'r Row,
    next: usize,
}

impl<'r> Parts<'r> {
    /// From a column on.
    pub(super) fn at(row: &'r Row, next: usize) -> Self {
        Self { row, next }
    }

    /// The column that comes next.
    pub(super) fn place(&self) -> usize {
        self.next
    }

    /// The next table's row, if it has one.
    pub(super) fn one<T: Stored>(&mut self) -> Result<Option<T>, Damage> {
        let at = self.next;
        self.next = at.saturating_add(width::<T>());
        // A key is never empty.
        if matches!(self.row.cell(at), Some(Cell::Null)) {
            return Ok(None);
        }
        decode_at(self.row, at).map(|(it, _)| Some(it)).map_err(Damage)
    }

    /// What `read` reads.
    pub(super) fn read<T>(&mut self, read: impl FnOnce(&mut Fields<'_>) -> Result<T, Bad>) -> Result<T, Damage> {
        let mut fields = Fields::at(self.row, self.next);
        let found = read(&mut fields).map_err(|bad| Damage(format!("an answer: {bad}")));
        self.next = fields.place();
        found
    }

    /// The numbers in the next column.
    pub(super) fn numbers(&mut self) -> Result<Option<Vec<i64>>, Damage> {
        let at = self.next;
        self.next = at.saturating_add(1);
        self.row.try_get(at).map_err(|_| Damage(format!("an answer: column {at} holds no numbers")))
    }

    /// What [`ledger_once`] selected; `None`: it stands in another row.
    pub(super) fn ledger(&mut self, id: &AuthenticatorId) -> Result<Option<Ledger>, Damage> {
        let bad = |what: &str| Damage(format!("{what} of device {id} cannot be"));
        let spent = self.numbers().map_err(|_| bad("a spend"))?;
        let (forgotten, failures) = self
            .read(|it| Ok((it.opt_number()?.map(CodeIndex), it.opt_number()?)))
            .map_err(|Damage(why)| Damage(format!("{why} (device {id})")))?;
        let Some(spent) = spent else { return Ok(None) };
        let spent = spent.into_iter().map(|code| u32::try_from(code).map(CodeIndex));
        let spent = spent.collect::<Result<Vec<CodeIndex>, _>>().map_err(|_| bad("a spend"))?;
        let highest_spent = spent.last().copied().max(forgotten).unwrap_or(CodeIndex::NONE);
        Ok(Some(Ledger { spent, highest_spent, failures: failures.unwrap_or(0) }))
    }
}
