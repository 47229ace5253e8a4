//! A fresh data folder, packed: `initdb` takes a second or more, unpacking a tenth of that.
//!
//! The pack is one file in the temporary folder, so it is there as a whole or not at all, also after a clean-up of old
//! files.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::account::Account;
use crate::programs::Programs;
use crate::trouble::Trouble;

/// The superuser of every server of the tests.
pub(super) const USER: &str = "matchbook";

/// Goes up when [`make`] changes what is in the pack.
const RECIPE: u32 = 1;

/// Unpacks a fresh data folder into `data`, which must not be there yet. The first call on a machine makes the pack.
pub(super) fn unpack(programs: &Programs, account: Account, data: &Path) -> Result<(), Trouble> {
    let pack = pack_path(programs, account)?;
    match fs::symlink_metadata(&pack) {
        Ok(metadata) if metadata.is_file() && metadata.uid() == account.uid() => {}
        Ok(_) => {
            return Err(Trouble::new(format!("{} is not ours: remove it and try again", pack.display())));
        }
        Err(_) => make(programs, account, &pack)?,
    }
    make_folder(account, data)?;
    run(account.command("tar", data).arg("-xf").arg(&pack))
}

/// An empty folder that the servers' user owns and nobody else may read.
pub(super) fn make_folder(account: Account, folder: &Path) -> Result<(), Trouble> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().mode(0o700).create(folder).map_err(Trouble::at("make a data folder"))?;
    account.own(folder)
}

/// Runs a program to its end; its output, or trouble with what it complained of.
pub(super) fn output_of(command: &mut Command) -> Result<String, Trouble> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(Trouble::at(&format!("run {name}")))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim_end_matches('\n').to_owned());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    Err(Trouble::new(format!("{name} failed ({}): {}", output.status, complaint.trim_end())))
}

pub(super) fn run(command: &mut Command) -> Result<(), Trouble> {
    output_of(command).map(drop)
}

/// Whose servers, of which version, by which recipe: the name says it.
fn pack_path(programs: &Programs, account: Account) -> Result<PathBuf, Trouble> {
    let folder = std::env::temp_dir();
    let version = output_of(account.command(programs.program("postgres"), &folder).arg("--version"))?;
    let version: String = version.chars().filter(|letter| letter.is_ascii_alphanumeric() || *letter == '.').collect();
    Ok(folder.join(format!("matchbook-testbed-{}-{version}-{RECIPE}.tar", account.uid())))
}

/// Several processes may do this at once: the last rename stands, and all packs are alike.
fn make(programs: &Programs, account: Account, pack: &Path) -> Result<(), Trouble> {
    let place = tempfile::Builder::new().prefix("matchbook-pack-").tempdir().map_err(Trouble::at("make a folder"))?;
    account.own(place.path())?;
    let data = place.path().join("data");
    let mut initdb = account.command(programs.program("initdb"), place.path());
    run(initdb.args(["-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-instructions", "-D"]).arg(&data))?;
    let packed = place.path().join("pack");
    run(account.command("tar", &data).arg("-cf").arg(&packed).arg("."))?;
    fs::rename(&packed, pack).map_err(Trouble::at("put the packed data folder in its place"))
}
