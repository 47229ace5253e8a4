//! Other people's programs read what we write, and we read what they write: python-pskc and Debian's pskctool.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use matchbook_protocol::{AuthenticatorId, Secret};
use matchbook_pskc::{Device, FileError, Format, Protection, Secrecy, Unlock, read, secrecy, write};

const KEY: [u8; 32] = [0x5a; 32];
const PASSPHRASE: &str = "four words of it";

fn device(byte: u8, user: &str, label: &str) -> Device {
    Device {
        id: AuthenticatorId([byte; 8]),
        key: Secret::new([byte.wrapping_add(1); 32]),
        user: user.to_owned(),
        label: label.to_owned(),
    }
}

fn devices() -> Vec<Device> {
    vec![device(1, "alice", "card <1>"), device(0xab, "Jürgen, jr.", "")]
}

fn protections() -> [(&'static str, Protection<'static>, Unlock<'static>); 3] {
    [
        ("plain", Protection::Plain, Unlock::Nothing),
        ("key", Protection::Key { key: &KEY, name: "agreed" }, Unlock::Key(&KEY)),
        ("passphrase", Protection::Passphrase(PASSPHRASE.as_bytes()), Unlock::Passphrase(PASSPHRASE.as_bytes())),
    ]
}

/// Missing in CI is a failure, and elsewhere a line.
fn skipped(what: &str) {
    assert!(std::env::var_os("CI").is_none(), "{what} is missing");
    println!("skipped: {what} is missing");
}

/// The Python that `cargo xtask check --only python` makes, when it has python-pskc.
fn python() -> Option<PathBuf> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let python = target.join("xtask/venv/bin/python");
    let has = Command::new(&python).args(["-c", "import pskc"]).output().is_ok_and(|output| output.status.success());
    if !has {
        skipped("python-pskc");
    }
    has.then_some(python)
}

fn said(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Prints a file's keys: id, algorithm, secret, user, label.
const READER: &str = r#"
import sys
from pskc import PSKC
file = PSKC(sys.argv[1])
if sys.argv[2] == "key":
    file.encryption.key = bytes.fromhex(sys.argv[3])
elif sys.argv[2] == "passphrase":
    file.encryption.derive_key(sys.argv[3])
for key in file.keys:
    assert key.check() is not False, "the MAC"
    print(key.id, key.algorithm, key.secret.hex(), key.key_userid, key.friendly_name or "", sep="\t")
"#;

/// Writes a file of two keys.
const WRITER: &str = r#"
import sys
from pskc import PSKC
file = PSKC()
for byte, user in ((1, "alice"), (0xab, "CN=Jürgen\\, jr.,O=Example")):
    key = file.add_key(id=f"{byte:02X}" * 8, secret=bytes([(byte + 1) & 255]) * 32, key_userid=user,
        algorithm="urn:matchbook:key:suite-1", friendly_name="card <1>" if byte == 1 else None,
        manufacturer="Acme", serial=None if byte == 1 else "")
how, secret = sys.argv[2], sys.argv[3]
if how == "key":
    file.encryption.setup_preshared_key(key=bytes.fromhex(secret), key_name="agreed", algorithm=sys.argv[4])
elif how == "passphrase":
    file.encryption.setup_pbkdf2(secret, iterations=2000, algorithm=sys.argv[4])
file.write(sys.argv[1])
"#;

fn secret_of(how: &str) -> String {
    match how {
        "key" => data_encoding::HEXLOWER.encode(&KEY),
        "passphrase" => PASSPHRASE.to_owned(),
        _ => String::new(),
    }
}

#[test]
fn python_pskc_reads_what_we_write() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    for (how, protection, _) in protections() {
        let path = folder.path().join(how);
        let text = write(&devices(), &protection, &mut rand_core::UnwrapErr(getrandom::SysRng));
        std::fs::write(&path, text.as_bytes()).unwrap();
        let run = Command::new(&python).args(["-c", READER]).arg(&path).args([how, &secret_of(how)]).output().unwrap();
        let expected = format!(
            "{}\turn:matchbook:key:suite-1\t{}\tUID=alice\tcard <1>\n{}\turn:matchbook:key:suite-1\t{}\tUID=Jürgen\\, jr.\t\n",
            "01".repeat(8),
            "02".repeat(32),
            "ab".repeat(8),
            "ac".repeat(32)
        );
        assert_eq!(said(&run), expected, "{how}");
    }
}

#[test]
fn we_read_what_python_pskc_writes() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    for (how, _, unlock) in protections() {
        for cipher in ["aes256-cbc", "aes128-cbc"] {
            let (secret, unlock) = match unlock {
                Unlock::Key(key) if cipher == "aes128-cbc" => {
                    (secret_of(how)[..32].to_owned(), Unlock::Key(&key[..16]))
                }
                unlock => (secret_of(how), unlock),
            };
            let path = folder.path().join(format!("{how}-{cipher}"));
            let run = Command::new(&python).args(["-c", WRITER]).arg(&path).args([how, &secret, cipher]).output();
            said(&run.unwrap());
            let bytes = std::fs::read(&path).unwrap();
            let file = read(&bytes, Format::Pskc, &unlock).unwrap();
            let found: Vec<Device> = file.rows.into_iter().map(|row| row.device.unwrap()).collect();
            assert_eq!(found, devices(), "{how} {cipher}");
            let wanted = secrecy(&bytes).unwrap();
            assert_eq!(wanted == Secrecy::Plain, how == "plain");
            if how != "plain" {
                let wrong = [0; 32];
                let wrong = match unlock {
                    Unlock::Key(key) => Unlock::Key(&wrong[..key.len()]),
                    Unlock::Passphrase(_) | Unlock::Nothing => Unlock::Passphrase(b"another"),
                };
                assert_eq!(read(&bytes, Format::Pskc, &wrong).unwrap_err(), FileError::WrongSecret);
            }
        }
    }
}

/// pskctool holds a file against the schema of RFC 6030, reads plain keys alone, and makes no files.
#[test]
fn pskctool_takes_what_we_write() {
    if Command::new("pskctool").arg("--version").output().is_err() {
        return skipped("pskctool (the package pskctool)");
    }
    let folder = tempfile::tempdir().unwrap();
    for (how, protection, _) in protections() {
        let path = folder.path().join(how);
        let text = write(&devices(), &protection, &mut rand_core::UnwrapErr(getrandom::SysRng));
        std::fs::write(&path, text.as_bytes()).unwrap();
        let run = Command::new("pskctool").arg("--validate").arg(&path).output().unwrap();
        assert!(said(&run).contains("OK"), "{how}: {run:?}");
        if how != "plain" {
            continue;
        }
        let told = said(&Command::new("pskctool").args(["--info", "--strict"]).arg(&path).output().unwrap());
        let secret = data_encoding::BASE64.encode(&[2; 32]);
        assert!(told.contains(&"01".repeat(8)) && told.contains("UID=alice") && told.contains(&secret), "{told}");
    }
}
