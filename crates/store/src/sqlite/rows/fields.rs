//! Reads a row's columns one after the other.

use std::fmt;

use matchbook_protocol::UnixMillis;
use rusqlite::Row;
use rusqlite::types::ValueRef;

/// A column does not hold what it should.
#[derive(Debug)]
pub(in crate::sqlite) struct Bad {
    column: String,
    why: &'static str,
}

impl fmt::Display for Bad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "column {} {}", self.column, self.why)
    }
}

/// A row, and which column comes next.
pub(in crate::sqlite) struct Fields<'r> {
    row: &'r Row<'r>,
    next: usize,
}

impl<'r> Fields<'r> {
    pub(in crate::sqlite) fn new(row: &'r Row<'r>) -> Self {
        Self { row, next: 0 }
    }

    /// What is wrong with the column that was read last.
    pub(in crate::sqlite) fn bad(&self, why: &'static str) -> Bad {
        let column = self.row.as_ref().column_name(self.next.saturating_sub(1)).unwrap_or("?").to_owned();
        Bad { column, why }
    }

    fn value(&mut self) -> Result<ValueRef<'r>, Bad> {
        let row: &'r Row<'r> = self.row;
        let value = row.get_ref(self.next);
        self.next = self.next.saturating_add(1);
        value.map_err(|_| self.bad("is missing"))
    }

    pub(in crate::sqlite) fn text(&mut self) -> Result<&'r str, Bad> {
        self.opt_text()?.ok_or_else(|| self.bad("is empty"))
    }

    pub(in crate::sqlite) fn opt_text(&mut self) -> Result<Option<&'r str>, Bad> {
        match self.value()? {
            ValueRef::Null => Ok(None),
            ValueRef::Text(bytes) => str::from_utf8(bytes).map(Some).map_err(|_| self.bad("is not UTF-8")),
            ValueRef::Integer(_) | ValueRef::Real(_) | ValueRef::Blob(_) => Err(self.bad("is not a text")),
        }
    }

    /// A text that `T` checks: a name.
    pub(in crate::sqlite) fn name<T: TryFrom<String>>(&mut self) -> Result<T, Bad> {
        let text = self.text()?.to_owned();
        T::try_from(text).map_err(|_| self.bad("is not a valid name"))
    }

    pub(in crate::sqlite) fn opt_name<T: TryFrom<String>>(&mut self) -> Result<Option<T>, Bad> {
        let Some(text) = self.opt_text()? else { return Ok(None) };
        T::try_from(text.to_owned()).map(Some).map_err(|_| self.bad("is not a valid name"))
    }

    pub(in crate::sqlite) fn blob(&mut self) -> Result<&'r [u8], Bad> {
        self.opt_blob()?.ok_or_else(|| self.bad("is empty"))
    }

    pub(in crate::sqlite) fn opt_blob(&mut self) -> Result<Option<&'r [u8]>, Bad> {
        match self.value()? {
            ValueRef::Null => Ok(None),
            ValueRef::Blob(bytes) => Ok(Some(bytes)),
            ValueRef::Integer(_) | ValueRef::Real(_) | ValueRef::Text(_) => Err(self.bad("is not a blob")),
        }
    }

    pub(in crate::sqlite) fn array<const N: usize>(&mut self) -> Result<[u8; N], Bad> {
        let bytes = self.blob()?;
        bytes.try_into().map_err(|_| self.bad("has the wrong length"))
    }

    pub(in crate::sqlite) fn opt_array<const N: usize>(&mut self) -> Result<Option<[u8; N]>, Bad> {
        let Some(bytes) = self.opt_blob()? else { return Ok(None) };
        bytes.try_into().map(Some).map_err(|_| self.bad("has the wrong length"))
    }

    pub(in crate::sqlite) fn number<T: TryFrom<i64>>(&mut self) -> Result<T, Bad> {
        self.opt_number()?.ok_or_else(|| self.bad("is empty"))
    }

    pub(in crate::sqlite) fn opt_number<T: TryFrom<i64>>(&mut self) -> Result<Option<T>, Bad> {
        match self.value()? {
            ValueRef::Null => Ok(None),
            ValueRef::Integer(number) => T::try_from(number).map(Some).map_err(|_| self.bad("is out of range")),
            ValueRef::Real(_) | ValueRef::Text(_) | ValueRef::Blob(_) => Err(self.bad("is not a number")),
        }
    }

    /// 64 bits that are kept as a signed number.
    pub(in crate::sqlite) fn bits(&mut self) -> Result<u64, Bad> {
        self.number::<i64>().map(i64::cast_unsigned)
    }

    pub(in crate::sqlite) fn flag(&mut self) -> Result<bool, Bad> {
        match self.number::<u8>()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(self.bad("is neither 0 nor 1")),
        }
    }

    pub(in crate::sqlite) fn time(&mut self) -> Result<UnixMillis, Bad> {
        self.number().map(UnixMillis)
    }

    pub(in crate::sqlite) fn opt_time(&mut self) -> Result<Option<UnixMillis>, Bad> {
        Ok(self.opt_number()?.map(UnixMillis))
    }
}
