//! Reads a row's columns one after the other.

use std::fmt;

use matchbook_protocol::UnixMillis;
/// What a row holds in a column.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cell<'r> {
    /// Nothing.
    Null,
    /// A number.
    Integer(i64),
    /// A text; the engine may not have checked that it is UTF-8.
    Text(&'r [u8]),
    /// Bytes.
    Blob(&'r [u8]),
    /// Something that no column of ours holds.
    Other,
}

/// A row as its engine gives it.
pub(crate) trait Cells {
    /// The column at a place; `None`: there is none.
    fn cell(&self, at: usize) -> Option<Cell<'_>>;
    /// What the column at a place is called.
    fn name(&self, at: usize) -> Option<&str>;
}

/// A column does not hold what it should.
#[derive(Debug)]
pub(crate) struct Bad {
    column: String,
    why: &'static str,
}

impl fmt::Display for Bad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "column {} {}", self.column, self.why)
    }
}

/// A row, and which column comes next.
pub(crate) struct Fields<'r> {
    row: &'r dyn Cells,
    next: usize,
}

impl<'r> Fields<'r> {
    pub(crate) fn new(row: &'r dyn Cells) -> Self {
        Self { row, next: 0 }
    }

    /// From a column on.
    pub(crate) fn at(row: &'r dyn Cells, next: usize) -> Self {
        Self { row, next }
    }

    /// The column that comes next.
    pub(crate) fn place(&self) -> usize {
        self.next
    }

    /// What is wrong with the column that was read last.
    pub(crate) fn bad(&self, why: &'static str) -> Bad {
        let column = self.row.name(self.next.saturating_sub(1)).unwrap_or("?").to_owned();
        Bad { column, why }
    }

    fn value(&mut self) -> Result<Cell<'r>, Bad> {
        let value = self.row.cell(self.next);
        self.next = self.next.saturating_add(1);
        value.ok_or_else(|| self.bad("is missing"))
    }

    pub(crate) fn text(&mut self) -> Result<&'r str, Bad> {
        self.opt_text()?.ok_or_else(|| self.bad("is empty"))
    }

    pub(crate) fn opt_text(&mut self) -> Result<Option<&'r str>, Bad> {
        match self.value()? {
            Cell::Null => Ok(None),
            Cell::Text(bytes) => str::from_utf8(bytes).map(Some).map_err(|_| self.bad("is not UTF-8")),
            Cell::Integer(_) | Cell::Other | Cell::Blob(_) => Err(self.bad("is not a text")),
        }
    }

    /// A text that `T` checks: a name.
    pub(crate) fn name<T: TryFrom<String>>(&mut self) -> Result<T, Bad> {
        let text = self.text()?.to_owned();
        T::try_from(text).map_err(|_| self.bad("is not a valid name"))
    }

    pub(crate) fn opt_name<T: TryFrom<String>>(&mut self) -> Result<Option<T>, Bad> {
        let Some(text) = self.opt_text()? else { return Ok(None) };
        T::try_from(text.to_owned()).map(Some).map_err(|_| self.bad("is not a valid name"))
    }

    pub(crate) fn blob(&mut self) -> Result<&'r [u8], Bad> {
        self.opt_blob()?.ok_or_else(|| self.bad("is empty"))
    }

    pub(crate) fn opt_blob(&mut self) -> Result<Option<&'r [u8]>, Bad> {
        match self.value()? {
            Cell::Null => Ok(None),
            Cell::Blob(bytes) => Ok(Some(bytes)),
            Cell::Integer(_) | Cell::Other | Cell::Text(_) => Err(self.bad("is not a blob")),
        }
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Bad> {
        let bytes = self.blob()?;
        bytes.try_into().map_err(|_| self.bad("has the wrong length"))
    }

    pub(crate) fn opt_array<const N: usize>(&mut self) -> Result<Option<[u8; N]>, Bad> {
        let Some(bytes) = self.opt_blob()? else { return Ok(None) };
        bytes.try_into().map(Some).map_err(|_| self.bad("has the wrong length"))
    }

    pub(crate) fn number<T: TryFrom<i64>>(&mut self) -> Result<T, Bad> {
        self.opt_number()?.ok_or_else(|| self.bad("is empty"))
    }

    pub(crate) fn opt_number<T: TryFrom<i64>>(&mut self) -> Result<Option<T>, Bad> {
        match self.value()? {
            Cell::Null => Ok(None),
            Cell::Integer(number) => T::try_from(number).map(Some).map_err(|_| self.bad("is out of range")),
            Cell::Other | Cell::Text(_) | Cell::Blob(_) => Err(self.bad("is not a number")),
        }
    }

    /// 64 bits that are kept as a signed number.
    pub(crate) fn bits(&mut self) -> Result<u64, Bad> {
        self.number::<i64>().map(i64::cast_unsigned)
    }

    pub(crate) fn flag(&mut self) -> Result<bool, Bad> {
        match self.number::<u8>()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(self.bad("is neither 0 nor 1")),
        }
    }

    pub(crate) fn time(&mut self) -> Result<UnixMillis, Bad> {
        self.number().map(UnixMillis)
    }

    pub(crate) fn opt_time(&mut self) -> Result<Option<UnixMillis>, Bad> {
        Ok(self.opt_number()?.map(UnixMillis))
    }
}
