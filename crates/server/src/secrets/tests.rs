#![allow(clippy::unwrap_used)]

use std::os::unix::fs::PermissionsExt;

use super::*;

#[test]
fn what_was_written_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secrets");
    let secrets = Secrets::generate();
    secrets.write_new(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o400);
    let read = Secrets::read(&path).unwrap();
    assert!(read.kek == secrets.kek && read.pepper == secrets.pepper && read.version == 1);
    assert!(read.kek != read.pepper);
}

#[test]
fn a_file_is_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secrets");
    Secrets::generate().write_new(&path).unwrap();
    let before = fs::read(&path).unwrap();
    assert!(matches!(Secrets::generate().write_new(&path), Err(SecretsError::Exists(_))));
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn a_file_that_others_can_read_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secrets");
    Secrets::generate().write_new(&path).unwrap();
    for mode in [0o440, 0o404, 0o600 | 0o020, 0o644] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let error = Secrets::read(&path).unwrap_err();
        assert!(matches!(&error, SecretsError::Readable(_, seen) if *seen == mode), "{mode:o}");
        assert!(error.to_string().contains("chmod 0400"));
    }
}

#[test]
fn a_damaged_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secrets");
    Secrets::generate().write_new(&path).unwrap();
    let good = fs::read_to_string(&path).unwrap();
    for (number, bad) in [
        String::new(),
        good.replace("kek", "key"),
        good[..good.len() - 8].to_owned(),
        good.replace("secrets 1", "secrets 2"),
        format!("{good}more\n"),
        good.replace("pepper 1", "pepper 300"),
    ]
    .into_iter()
    .enumerate()
    {
        let path = folder.path().join(format!("bad{number}"));
        fs::write(&path, bad).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
        assert!(matches!(Secrets::read(&path), Err(SecretsError::Malformed(_))), "{number}");
    }
}
