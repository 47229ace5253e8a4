//! Debian packages: installed when they are missing and we may.

use std::process::Command;

use super::Outcome;
use crate::context::Context;
use crate::process;

/// Installs what is missing.
pub(super) fn run(_context: &Context) -> Result<Outcome, String> {
    let missing: Vec<&Need> = NEEDS.iter().filter(|need| !(need.is_there)()).collect();
    if missing.is_empty() {
        return Ok(Outcome::Passed("nothing is missing".to_owned()));
    }
    let packages: Vec<&str> = missing.iter().map(|need| need.package).collect();
    let listed = packages.join(" ");
    let Some(privileged) = privilege() else {
        return Ok(Outcome::Skipped(format!(
            "missing, and neither root nor a sudo that asks for no password is here: apt-get install {listed}"
        )));
    };
    process::run(apt(privileged).arg("update"))?;
    process::run(apt(privileged).args(["install", "--yes", "--no-install-recommends"]).args(&packages))?;
    match missing.iter().find(|need| !(need.is_there)()) {
        None => Ok(Outcome::Passed(format!("installed {listed}"))),
        Some(need) => Err(format!("{} is installed, and yet what it brings is not there", need.package)),
    }
}

/// A package, and how to see that what it brings is there already, wherever it came from.
struct Need {
    package: &'static str,
    is_there: fn() -> bool,
}

const NEEDS: &[Need] = &[
    Need { package: "gcc", is_there: || process::find_program("cc").is_some() },
    Need { package: "libc6-dev", is_there: || std::path::Path::new("/usr/include/stdlib.h").is_file() },
    Need { package: "git", is_there: || process::find_program("git").is_some() },
    Need { package: "curl", is_there: || process::find_program("curl").is_some() },
    Need { package: "python3", is_there: || process::find_program("python3").is_some() },
    // The short messages' TPDUs and SMPP, read by somebody else.
    Need { package: "tshark", is_there: || process::find_program("tshark").is_some() },
    Need { package: "python3-venv", is_there: || python_has("ensurepip") },
    // Peers of the tests of short messages: a gateway, a modem's manager, and a decoder that is not ours.
    Need { package: "kannel", is_there: || process::find_program("bearerbox").is_some() },
    Need { package: "modemmanager", is_there: || process::find_program("mmcli").is_some() },
    Need { package: "dbus", is_there: || process::find_program("dbus-run-session").is_some() },
    Need { package: "libglib2.0-bin", is_there: || process::find_program("gdbus").is_some() },
    // Cards: the service for readers with a virtual one, its library, and clients that are not ours. Debian's pyscard is
    // for Debian's Python alone.
    Need { package: "pcscd", is_there: || is_file("/usr/sbin/pcscd") },
    Need { package: "vsmartcard-vpcd", is_there: || is_file("/usr/lib/pcsc/drivers/serial/libifdvpcd.so") },
    Need { package: "libpcsclite-dev", is_there: || is_file("/usr/include/PCSC/winscard.h") },
    Need { package: "pkgconf", is_there: || process::find_program("pkg-config").is_some() },
    Need { package: "opensc", is_there: || process::find_program("opensc-tool").is_some() },
    Need { package: "python3-pyscard", is_there: || debians_python_has("smartcard") },
    Need { package: "python3-cbor2", is_there: || debians_python_has("cbor2") },
    Need { package: "iproute2", is_there: || process::find_program("ip").is_some() },
    // The library for C, and what its callers leak.
    Need { package: "valgrind", is_there: || process::find_program("valgrind").is_some() },
    // Files of keys from a factory, read and checked against their schema by somebody else.
    Need { package: "pskctool", is_there: || process::find_program("pskctool").is_some() },
    // The server and its tools; the folders of Debian's versions are not in the path.
    Need { package: "postgresql", is_there: has_postgresql },
];

fn has_postgresql() -> bool {
    let folders = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let is_debians = folders.map(|version| version.path().join("bin/initdb")).any(|program| program.is_file());
    is_debians || std::env::var_os("MATCHBOOK_PG_BIN").is_some() || process::find_program("initdb").is_some()
}

fn is_file(path: &str) -> bool {
    std::path::Path::new(path).is_file()
}

fn debians_python_has(module: &str) -> bool {
    process::succeeds(Command::new("/usr/bin/python3").args(["-c", &format!("import {module}")]))
}

fn python_has(module: &str) -> bool {
    process::succeeds(Command::new("python3").args(["-c", &format!("import {module}")]))
}

/// How we may install.
#[derive(Clone, Copy)]
enum Privilege {
    Root,
    Sudo,
}

fn privilege() -> Option<Privilege> {
    process::find_program("apt-get")?;
    let user = process::output_of(Command::new("id").arg("-u")).ok()?;
    if user.trim() == "0" {
        return Some(Privilege::Root);
    }
    process::succeeds(Command::new("sudo").args(["-n", "true"])).then_some(Privilege::Sudo)
}

fn apt(privilege: Privilege) -> Command {
    let mut command = match privilege {
        Privilege::Root => Command::new("apt-get"),
        Privilege::Sudo => {
            let mut sudo = Command::new("sudo");
            sudo.args(["-n", "DEBIAN_FRONTEND=noninteractive", "apt-get"]);
            sudo
        }
    };
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}
