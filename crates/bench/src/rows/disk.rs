//! The disk's floors: a bare fdatasync, and a bare log of records of a spend's size.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::time::{Duration, Instant};

use super::Setting;
use crate::stats::Measured;
use crate::trouble::{Result, Trouble};

/// What an accepted code leaves in a bare log: identification code, index, operation id, fingerprint, verdict, relying
/// party, time and an event's id, and nothing around them.
pub const RECORD: usize = 128;

/// The log is written to before it is measured, so that no flush has to write the file's length as well.
const ALLOCATED: usize = 32 << 20;

/// Appends so many records at a time to a preallocated file, each time with one write and one fdatasync. The figures are
/// of records a second, and of the time of a write with its fdatasync.
///
/// # Errors
/// The disk refuses.
pub fn log(setting: &Setting<'_>, records: usize, spell: Duration) -> Result<Measured> {
    let failed = |error| Trouble::because("the log was not written")(error);
    let mut file = allocated(setting).map_err(failed)?;
    let mut commit = vec![0_u8; RECORD * records];
    let (mut times, mut at) = (Vec::new(), 0);
    let own = std::process::id();
    let (before, began) = (crate::cpu::Snapshot::of(own), Instant::now());
    while began.elapsed() < spell {
        let asked = Instant::now();
        if at + commit.len() > ALLOCATED {
            file.seek(SeekFrom::Start(0)).map_err(failed)?;
            at = 0;
        }
        // A record of its own each time: a log of equal bytes could be had for less.
        commit.iter_mut().step_by(RECORD).for_each(|byte| *byte = byte.wrapping_add(1));
        file.write_all(&commit).and_then(|()| file.sync_data()).map_err(failed)?;
        at += commit.len();
        times.push(asked.elapsed());
    }
    let took = began.elapsed();
    let used = crate::cpu::Snapshot::of(own).since(&before);
    let mut it = Measured::of(times, took, used, Duration::ZERO);
    let factor = crate::stats::count(records);
    it.per_second *= factor;
    it.server_cpu_us /= factor;
    it.done *= u64::try_from(records).unwrap_or(u64::MAX);
    Ok(it)
}

/// The median time of a fdatasync after a record, in µs.
///
/// # Errors
/// The disk refuses.
pub fn fdatasync_p50(setting: &Setting<'_>) -> Result<f64> {
    Ok(log(setting, 1, setting.scale.spell.measured / 4)?.p50_us)
}

fn allocated(setting: &Setting<'_>) -> std::io::Result<File> {
    let mut file = tempfile::tempfile_in(setting.place)?;
    file.write_all(&vec![1; ALLOCATED])?;
    file.sync_all()?;
    file.seek(SeekFrom::Start(0))?;
    Ok(file)
}
