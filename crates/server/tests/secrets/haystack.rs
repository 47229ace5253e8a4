//! What is searched.

use std::collections::{BTreeSet, HashMap};
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};

use data_encoding::HEXLOWER;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;

/// The least bytes that are searched for: a code as a number.
pub(crate) const SHORTEST: usize = 5;

/// Places by name.
#[derive(Default)]
pub(crate) struct Haystack {
    places: Vec<(String, Vec<u8>)>,
}

impl Haystack {
    pub(crate) fn add(&mut self, name: &str, bytes: Vec<u8>) {
        assert!(!bytes.is_empty(), "{name} is empty");
        self.places.push((name.to_owned(), bytes));
    }

    /// Every file of a folder: the database, its log, its index, its lock.
    pub(crate) fn add_files(&mut self, folder: &Path) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let bytes = std::fs::read(&path).unwrap();
            self.places.push((path.file_name().unwrap().to_string_lossy().into_owned(), bytes));
        }
        let size: usize = self.places.iter().map(|(_, bytes)| bytes.len()).sum();
        assert!(size > 10_000 && self.places.iter().any(|(name, _)| name == "matchbook.sqlite"), "{size} bytes");
    }

    /// Every row of every table, as text: blobs in hexadecimal and as they are.
    pub(crate) fn add_dump(&mut self, database: &Path) {
        let connection = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
        let mut tables = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").unwrap();
        let tables: Vec<String> = tables.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        let mut dump = Vec::new();
        for table in tables {
            let mut rows = connection.prepare(&format!("SELECT * FROM \"{table}\"")).unwrap();
            let columns = rows.column_count();
            let mut rows = rows.query([]).unwrap();
            while let Some(row) = rows.next().unwrap() {
                write!(dump, "{table}:").unwrap();
                for column in 0..columns {
                    match row.get_ref(column).unwrap() {
                        ValueRef::Null => dump.extend_from_slice(b" NULL"),
                        ValueRef::Integer(value) => write!(dump, " {value}").unwrap(),
                        ValueRef::Real(value) => write!(dump, " {value}").unwrap(),
                        ValueRef::Text(text) => {
                            dump.push(b' ');
                            dump.extend_from_slice(text);
                        }
                        ValueRef::Blob(bytes) => {
                            write!(dump, " {} ", HEXLOWER.encode(bytes)).unwrap();
                            dump.extend_from_slice(bytes);
                        }
                    }
                }
                dump.push(b'\n');
            }
        }
        self.add("the dump", dump);
    }

    /// Which needles are found, and where. The needles have [`SHORTEST`] bytes or more.
    pub(crate) fn search<'a>(&self, needles: &'a [(String, Vec<u8>)]) -> BTreeSet<(&'a str, &str)> {
        let mut by_start: HashMap<&[u8], Vec<&(String, Vec<u8>)>> = HashMap::new();
        for needle in needles {
            assert!(needle.1.len() >= SHORTEST, "{} is too short to be searched for: {:?}", needle.0, needle.1);
            by_start.entry(&needle.1[..SHORTEST]).or_default().push(needle);
        }
        let mut found = BTreeSet::new();
        for (place, bytes) in &self.places {
            for (start, window) in bytes.windows(SHORTEST).enumerate() {
                let Some(candidates) = by_start.get(window) else { continue };
                let here = candidates.iter().filter(|(_, needle)| bytes[start..].starts_with(needle));
                found.extend(here.map(|(name, _)| (name.as_str(), place.as_str())));
            }
        }
        found
    }

    /// What the walk must have left, so that an empty search means something.
    pub(crate) fn has_what_it_should(&self) {
        for (place, text) in [
            ("the dump", "alice"),
            ("the dump", "code-accepted"),
            ("the dump", "rotation-completed"),
            ("the logs", "/v1/verify"),
            ("the logs", "a device's message was refused"),
            ("the logs", "DEBUG"),
        ] {
            let needle = [(text.to_owned(), text.as_bytes().to_vec())];
            assert!(self.search(&needle).contains(&(text, place)), "{text} in {place}");
        }
    }
}

/// All that this process logs from now on, at every level.
pub(crate) fn capture_logs() -> Arc<Mutex<Vec<u8>>> {
    static LOGS: OnceLock<Arc<Mutex<Vec<u8>>>> = OnceLock::new();
    let logs = LOGS.get_or_init(|| {
        let logs = Arc::<Mutex<Vec<u8>>>::default();
        tracing_subscriber::fmt()
            .with_max_level(LevelFilter::TRACE)
            .with_ansi(false)
            .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
            .with_writer(Buffer(Arc::clone(&logs)))
            .init();
        logs
    });
    Arc::clone(logs)
}

struct Buffer(Arc<Mutex<Vec<u8>>>);

impl<'a> MakeWriter<'a> for Buffer {
    type Writer = Part;

    fn make_writer(&'a self) -> Part {
        Part(Arc::clone(&self.0))
    }
}

struct Part(Arc<Mutex<Vec<u8>>>);

impl Write for Part {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
