//! Comma-separated values (RFC 4180): a line that names the columns, then a line for each device.

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};
use zeroize::Zeroizing;

use crate::device::{Device, File, Row};
use crate::error::{FileError, shown};
use crate::limits::{MAX_DEVICES, MAX_FILE, MAX_LINE};
use crate::package;

/// The columns. `label` may be missing.
const COLUMNS: [&str; 4] = ["id", "key", "user", "label"];

/// Which place each column has.
type Places = [Option<usize>; 4];

pub(crate) fn read(bytes: &[u8]) -> Result<File, FileError> {
    if bytes.len() > MAX_FILE {
        return Err(FileError::Hostile(format!("the file has more than {} MiB; split it", MAX_FILE >> 20)));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|_| FileError::Malformed("the file is not UTF-8".to_owned()))?;
    // Spreadsheets write semicolons where a comma stands in numbers.
    let head = text.lines().next().unwrap_or_default();
    let delimiter = if head.contains(';') && !head.contains(',') { b';' } else { b',' };
    let mut lines = Lines::new(text.as_bytes(), delimiter);
    let Some((_, head)) = lines.next()? else {
        return Err(FileError::Malformed(format!("the file is empty; its first line has to be {}", COLUMNS.join(","))));
    };
    let places = places(&head.fields())?;
    let width = head.fields().len();
    let mut rows: Vec<Row> = Vec::new();
    while let Some((place, line)) = lines.next()? {
        if rows.len() >= MAX_DEVICES {
            return Err(FileError::Hostile(format!("the file has more than {MAX_DEVICES} devices; split it")));
        }
        rows.push(Row { place, device: device(&line.fields(), &places, width) });
    }
    if rows.is_empty() {
        return Err(FileError::Malformed("the file has no line but the one of the columns".to_owned()));
    }
    Ok(File { rows, notes: Vec::new() })
}

fn places(head: &[&str]) -> Result<Places, FileError> {
    let mut places: Places = [None; 4];
    for (place, name) in head.iter().enumerate() {
        let known = COLUMNS.iter().zip(&mut places).find(|(column, _)| column.eq_ignore_ascii_case(name.trim()));
        match known {
            Some((_, empty @ None)) => *empty = Some(place),
            Some((column, Some(_))) => {
                return Err(FileError::Malformed(format!("the column {column} is named twice in the first line")));
            }
            None => {
                return Err(FileError::Malformed(format!(
                    "the first line names a column \"{}\"; the columns are {}",
                    shown(name.trim()),
                    COLUMNS.join(",")
                )));
            }
        }
    }
    for (column, place) in COLUMNS.iter().zip(&places) {
        if place.is_none() && *column != "label" {
            return Err(FileError::Malformed(format!("the first line names no column {column}")));
        }
    }
    Ok(places)
}

fn device(fields: &[&str], places: &Places, width: usize) -> Result<Device, String> {
    if fields.len() != width {
        return Err(format!("the line has {} columns, and the first line {width}", fields.len()));
    }
    let field = |place: Option<usize>| place.and_then(|place| fields.get(place)).map_or("", |text| text.trim());
    let [id, key, user, label] = *places;
    Ok(Device {
        id: package::id(field(id)).map_err(|why| format!("id: {why}"))?,
        key: package::key(field(key)).map_err(|why| format!("key: {why}"))?,
        user: package::user_name(field(user)).map_err(|why| format!("user: {why}"))?,
        label: package::label(field(label)).map_err(|why| format!("label: {why}"))?,
    })
}

/// The lines of a file, one after the other in memory that is wiped.
struct Lines<'a> {
    reader: Reader,
    rest: &'a [u8],
    /// The line that `rest` begins in.
    line: usize,
}

/// One line.
struct Line {
    text: Zeroizing<Vec<u8>>,
    ends: Vec<usize>,
}

/// Columns of a line at most; ours are four, and one more tells that there are too many.
const MAX_COLUMNS: usize = 16;

impl<'a> Lines<'a> {
    fn new(bytes: &'a [u8], delimiter: u8) -> Self {
        Self { reader: ReaderBuilder::new().delimiter(delimiter).build(), rest: bytes, line: 1 }
    }

    /// The next line that is not empty, and its number.
    fn next(&mut self) -> Result<Option<(usize, Line)>, FileError> {
        let blank = self.rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        self.pass(blank);
        let began = self.line;
        let (mut text, mut ends) = (Zeroizing::new(vec![0; MAX_LINE]), vec![0; MAX_COLUMNS]);
        let (mut written, mut columns) = (0, 0);
        while let (Some(space), Some(room)) = (text.get_mut(written..), ends.get_mut(columns..)) {
            let (result, taken, put, ended) = self.reader.read_record(self.rest, space, room);
            self.pass(taken);
            (written, columns) = (written.saturating_add(put), columns.saturating_add(ended));
            match result {
                // It wants to see the end once more, with nothing before it.
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => {
                    return Err(FileError::Hostile(format!("line {began} has more than {MAX_LINE} bytes")));
                }
                ReadRecordResult::OutputEndsFull => {
                    return Err(FileError::Hostile(format!("line {began} has more than {MAX_COLUMNS} columns")));
                }
                ReadRecordResult::Record => {
                    ends.truncate(columns);
                    return Ok(Some((began, Line { text, ends })));
                }
                ReadRecordResult::End => return Ok(None),
            }
        }
        Ok(None)
    }

    /// Goes on in the file, and counts its lines.
    fn pass(&mut self, bytes: usize) {
        let Some((passed, rest)) = self.rest.split_at_checked(bytes) else { return };
        self.line = self.line.saturating_add(passed.iter().filter(|byte| **byte == b'\n').count());
        self.rest = rest;
    }
}

impl Line {
    /// The file is UTF-8, and so is each part of it between two delimiters.
    fn fields(&self) -> Vec<&str> {
        let begins = std::iter::once(0).chain(self.ends.iter().copied());
        let texts = begins.zip(&self.ends).map(|(begin, end)| self.text.get(begin..*end).unwrap_or_default());
        texts.map(|bytes| std::str::from_utf8(bytes).unwrap_or_default()).collect()
    }
}

#[cfg(test)]
mod tests;
