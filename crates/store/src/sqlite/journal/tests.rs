#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use matchbook_protocol::{CodeIndex, UnixMillis};
use matchbook_rules::{Changes, EventKind, SpendKind, Write};
use rusqlite::Connection;

use super::entry::{Row, decode, decode_one};
use super::{Keys, Unfolded, fold};
use crate::accept::Accept;
use crate::contract::fixtures::*;
use crate::sqlite::open::{OpenOptions, Origin, open};
use crate::sqlite::rows::{blob, number};

/// An entry that no release may read otherwise, once one has written it.
const FROZEN: &str = "010f00010101010101010105000000881300000000000003030303030303030303030303030303000000001388070707070707\
                      0000000505616c7068610376706e086163636570742d35036164610f00636f64652035206163636570746564";

fn frozen() -> Vec<u8> {
    let hex: Vec<u8> = FROZEN.bytes().filter(u8::is_ascii_hexdigit).collect();
    hex.chunks(2).map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn row_of(changes: &Changes) -> Option<Vec<u8>> {
    let mut row = Row::new();
    row.push(&Accept::of(changes).unwrap()).then(|| row.bytes().to_vec())
}

#[test]
fn an_entry_lies_as_it_always_did() {
    let row = row_of(&acceptance(5)).unwrap();
    let hex: String = row.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(row, frozen(), "{hex}");
    let [entry] = decode(1, &frozen()).unwrap().try_into().unwrap();
    let [Write::InsertOperation(operation), Write::Spend(spend), Write::Audit(event)] = &acceptance(5).writes[..]
    else {
        panic!("an acceptance is something else now")
    };
    assert_eq!((&entry.operation, &entry.spend, &entry.event), (operation.as_ref(), spend.as_ref(), event.as_ref()));
}

#[test]
fn entries_come_back_as_they_were() {
    let change: [&dyn Fn(&mut Changes); 7] = [
        &|_| (),
        &|it| event_of(it).subscriber = None,
        &|it| event_of(it).authenticator = None,
        &|it| event_of(it).relying_party = None,
        &|it| event_of(it).at = UnixMillis(1),
        &|it| event_of(it).detail = String::new(),
        &|it| event_of(it).detail = "ü".repeat(30_000),
    ];
    let mut all = Row::new();
    for change in change {
        let mut changes = acceptance(5);
        change(&mut changes);
        assert!(all.push(&Accept::of(&changes).unwrap()));
        let [entry] = decode(1, &row_of(&changes).unwrap()).unwrap().try_into().unwrap();
        assert_eq!(entry.event, *event_of(&mut changes));
    }
    let entries = decode(1, all.bytes()).unwrap();
    assert_eq!(entries.len(), change.len());
    for (place, entry) in entries.iter().enumerate() {
        assert_eq!(decode_one(1, all.bytes(), place).unwrap().as_ref(), Some(entry));
    }
    assert!(decode_one(1, all.bytes(), change.len()).unwrap().is_none());
    let mut skipped = acceptance(5);
    let Write::Spend(spend) = &mut skipped.writes[1] else { panic!() };
    spend.kind = SpendKind::Skipped;
    assert_eq!(decode(1, &row_of(&skipped).unwrap()).unwrap()[0].spend.kind, SpendKind::Skipped);
}

#[test]
fn what_has_no_room_in_an_entry_goes_another_way() {
    let change: [&dyn Fn(&mut Changes); 4] = [
        &|it| event_of(it).kind = EventKind::CodeSkipped,
        &|it| event_of(it).authenticator = Some(id(2)),
        &|it| event_of(it).relying_party = Some(relying_party("mail")),
        &|it| event_of(it).detail = "x".repeat(70_000),
    ];
    for change in change {
        let mut changes = acceptance(5);
        change(&mut changes);
        assert!(row_of(&changes).is_none());
    }
}

#[test]
fn damage_is_never_taken_for_an_entry() {
    let whole = frozen();
    for length in 0..whole.len() {
        let decoded = decode(1, &whole[..length]);
        assert!(decoded.is_err() || (length == 1 && decoded.unwrap().is_empty()), "{length}");
    }
    for place in 0..whole.len() {
        let mut changed = whole.clone();
        changed[place] ^= 0x80;
        // Some are another entry; none is a panic.
        let _read = (decode(1, &changed), decode_one(1, &changed, 1));
    }
}

/// A reader whose snapshot is older than a fold finds in the journal's rows what is no longer found in memory.
#[test]
fn an_old_snapshot_misses_nothing_that_was_folded_since() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let (_lock, writer) = open(&path, OpenOptions { create: true, ..OpenOptions::default() }, Origin::Store).unwrap();
    let sets = [set("alpha", 1, 1, 40)];
    let (unfolded, next) = Unfolded::read(&writer).unwrap();
    assert_eq!((unfolded.len(), next), (0, 1));
    let put = |batch: i64, index: u32| {
        let hash = unfolded.hash(&realm_id("alpha"), &relying_party("vpn"), &operation_id(&format!("accept-{index}")));
        let row = row_of(&acceptance(index)).unwrap();
        unfolded.stage(batch, vec![Keys { device: id(1), code: CodeIndex(index), operation: hash }]);
        writer.execute("INSERT INTO journal (batch, entries) VALUES (?1, ?2)", [number(batch), blob(&row)]).unwrap();
    };
    let codes = |connection: &Connection| -> Vec<u32> {
        unfolded.codes(connection, &id(1), &sets).unwrap().iter().map(|code| code.0).collect()
    };
    let answered = |connection: &Connection, index: u32| {
        let key = (&realm_id("alpha"), &relying_party("vpn"), &operation_id(&format!("accept-{index}")));
        unfolded.operation(connection, key).unwrap().is_some()
    };
    put(1, 3);
    put(2, 9);
    let reader = crate::sqlite::open::open_reader(&path).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM journal").unwrap();
    // After the reader's snapshot, one comes and two are folded.
    put(3, 5);
    assert_eq!(codes(&reader), [3, 9], "what came later is not in its snapshot");
    assert_eq!(fold::oldest(&writer, 2).unwrap(), 2);
    unfolded.folded_below(3);
    assert_eq!((codes(&reader), codes(&writer)), (vec![3, 9], vec![5]));
    assert!(answered(&reader, 3) && answered(&reader, 9));
    assert!(answered(&writer, 5) && !answered(&writer, 3), "that is in its table now");
    reader.execute_batch("COMMIT").unwrap();
    assert_eq!(codes(&reader), [5]);
    // One that is staged and not committed is nobody's.
    unfolded.stage(4, vec![Keys { device: id(1), code: CodeIndex(7), operation: 1 }]);
    assert_eq!(codes(&reader), [5]);
    unfolded.unstage();
    assert_eq!(unfolded.len(), 1);
    let (again, next) = Unfolded::read(&writer).unwrap();
    assert_eq!((again.len(), next), (1, 4));
    fold::whole(&writer).unwrap();
    unfolded.folded_below(4);
    assert_eq!((unfolded.len(), codes(&writer).len(), unfolded.operations().len()), (0, 0, 0));
}

/// Readers beside a writer that journals and folds see each code once it is committed, whatever the moment.
#[test]
fn readers_never_miss_a_code_while_it_is_folded() {
    const CODES: u32 = 200;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let (_lock, writer) = open(&path, OpenOptions { create: true, ..OpenOptions::default() }, Origin::Store).unwrap();
    writer.execute("INSERT INTO sets VALUES ('alpha', x'0101010101010101', 1, 250, 0, 6, 1, 1, x'00')", []).unwrap();
    let unfolded = Arc::new(Unfolded::read(&writer).unwrap().0);
    let is_done = Arc::new(AtomicBool::new(false));
    let reading = std::thread::spawn({
        let (unfolded, is_done, path) = (Arc::clone(&unfolded), Arc::clone(&is_done), path.clone());
        move || {
            let reader = crate::sqlite::open::open_reader(&path).unwrap();
            let (sets, mut most) = ([set("alpha", 1, 1, 250)], 0);
            while !is_done.load(Ordering::SeqCst) {
                reader.execute_batch("BEGIN").unwrap();
                let in_table: u32 = reader.query_row("SELECT count(*) FROM spends", [], |row| row.get(0)).unwrap();
                let in_journal = unfolded.codes(&reader, &id(1), &sets).unwrap();
                reader.execute_batch("COMMIT").unwrap();
                // Codes are spent in their order, and folded in it.
                let highest = in_journal.iter().map(|code| code.0).max().unwrap_or(in_table);
                let missing = (in_table + 1..=highest).find(|code| !in_journal.contains(&CodeIndex(*code)));
                assert_eq!(missing, None, "{in_table} in the table, {in_journal:?} in the journal");
                assert!(highest >= most, "{highest} after {most}");
                most = highest;
            }
        }
    });
    for index in 1..=CODES {
        let row = row_of(&acceptance(index)).unwrap();
        unfolded.stage(i64::from(index), vec![Keys { device: id(1), code: CodeIndex(index), operation: index.into() }]);
        let sql = "INSERT INTO journal (batch, entries) VALUES (?1, ?2)";
        writer.execute(sql, [number(index), blob(&row)]).unwrap();
        if index % 5 == 0 {
            writer.execute_batch("BEGIN IMMEDIATE").unwrap();
            fold::oldest(&writer, 3).unwrap();
            writer.execute_batch("COMMIT").unwrap();
            unfolded.folded_below(super::lowest(&writer).unwrap().unwrap_or(i64::from(index) + 1));
        }
    }
    is_done.store(true, Ordering::SeqCst);
    reading.join().unwrap();
}

fn event_of(changes: &mut Changes) -> &mut matchbook_rules::AuditEvent {
    let Write::Audit(event) = &mut changes.writes[2] else { panic!("an acceptance is something else now") };
    event
}
