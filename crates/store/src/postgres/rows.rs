//! Rows of PostgreSQL: how they are bound and read.

use std::error::Error;

use bytes::BytesMut;
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

use crate::rows::{Bad, Cell, Cells, Fields, Stored, Value, decode};

/// What stands for a NUL, which no text of PostgreSQL holds. It comes from outside only, where it has no meaning.
const REPLACEMENT: &str = "\u{fffd}";

impl ToSql for Value<'_> {
    fn to_sql(&self, column: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Integer(number) => match *column {
                Type::INT4 => i32::try_from(*number)?.to_sql(column, out),
                Type::INT8 => number.to_sql(column, out),
                _ => Err("a number was bound to a column that is none".into()),
            },
            Self::Text(text) if text.contains('\0') => text.replace('\0', REPLACEMENT).to_sql(column, out),
            Self::Text(text) => (&**text).to_sql(column, out),
            Self::Blob(bytes) => (&**bytes).to_sql(column, out),
            Self::List(values) => values.to_sql(column, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// A column's bytes as they came.
struct Raw<'r>(Option<&'r [u8]>);

impl<'r> FromSql<'r> for Raw<'r> {
    fn from_sql(_: &Type, bytes: &'r [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(Some(bytes)))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(None))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

impl Cells for Row {
    fn cell(&self, at: usize) -> Option<Cell<'_>> {
        let column = self.columns().get(at)?;
        let Raw(bytes) = self.try_get(at).ok()?;
        let Some(bytes) = bytes else { return Some(Cell::Null) };
        Some(match *column.type_() {
            Type::INT4 => bytes.try_into().map_or(Cell::Other, |bytes| Cell::Integer(i32::from_be_bytes(bytes).into())),
            Type::INT8 => bytes.try_into().map_or(Cell::Other, |bytes| Cell::Integer(i64::from_be_bytes(bytes))),
            Type::BOOL => Cell::Integer(bytes.first().copied().unwrap_or(0).into()),
            Type::TEXT | Type::VARCHAR => Cell::Text(bytes),
            Type::BYTEA => Cell::Blob(bytes),
            _ => Cell::Other,
        })
    }

    fn name(&self, at: usize) -> Option<&str> {
        self.columns().get(at).map(tokio_postgres::Column::name)
    }
}

/// A row makes no sense; the text names it and what is wrong.
#[derive(Debug)]
pub(super) struct Damage(pub(super) String);

/// All rows of an answer whose columns are those of `T`.
pub(super) fn all<T: Stored>(rows: &[Row]) -> Result<Vec<T>, Damage> {
    rows.iter().map(|row| decode(row).map_err(Damage)).collect()
}

/// The one row of an answer, or none.
pub(super) fn one<T: Stored>(rows: &[Row]) -> Result<Option<T>, Damage> {
    rows.first().map(|row| decode(row).map_err(Damage)).transpose()
}

/// Reads each row by itself.
pub(super) fn each<T>(rows: &[Row], mut read: impl FnMut(&mut Fields<'_>) -> Result<T, Bad>) -> Result<Vec<T>, Damage> {
    let mut read_one = |row: &Row| read(&mut Fields::new(row)).map_err(|bad| Damage(format!("an answer: {bad}")));
    rows.iter().map(&mut read_one).collect()
}

/// Reads the first row, if there is one.
pub(super) fn first<T>(rows: &[Row], read: impl FnMut(&mut Fields<'_>) -> Result<T, Bad>) -> Result<Option<T>, Damage> {
    Ok(each(rows.get(..1).unwrap_or_default(), read)?.pop())
}
