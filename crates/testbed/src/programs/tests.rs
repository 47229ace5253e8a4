#![allow(clippy::unwrap_used)]

use std::fs;

use super::*;

#[test]
fn the_named_folder_is_taken_and_no_other() {
    let place = tempfile::tempdir().unwrap();
    let named = filled(&place.path().join("named"));
    let path = filled(&place.path().join("path"));
    let found = find_in(Some(named.clone().into()), [path.clone()].into_iter(), place.path());
    assert_eq!(found, Ok(Programs { folder: named.clone() }));
    fs::remove_file(named.join("psql")).unwrap();
    let missing = find_in(Some(named.into()), [path].into_iter(), place.path()).unwrap_err();
    assert!(missing.to_string().contains("MATCHBOOK_PG_BIN"), "{missing}");
    assert!(missing.to_string().contains("psql"), "{missing}");
}

#[test]
fn the_path_comes_before_debians_newest() {
    let place = tempfile::tempdir().unwrap();
    let half = filled(&place.path().join("half"));
    fs::remove_file(half.join("initdb")).unwrap();
    let path = filled(&place.path().join("path"));
    let debian = place.path().join("debian");
    for version in ["9", "15", "13", "common"] {
        filled(&debian.join(version).join("bin"));
    }
    let found = find_in(None, [half.clone(), path.clone()].into_iter(), &debian);
    assert_eq!(found, Ok(Programs { folder: path }));
    let found = find_in(None, [half.clone()].into_iter(), &debian);
    assert_eq!(found, Ok(Programs { folder: debian.join("15").join("bin") }));
    let missing = find_in(None, [half].into_iter(), &place.path().join("nowhere")).unwrap_err();
    assert!(missing.to_string().contains("install the package postgresql"), "{missing}");
}

fn filled(folder: &Path) -> PathBuf {
    fs::create_dir_all(folder).unwrap();
    for name in NEEDED {
        fs::write(folder.join(name), "").unwrap();
    }
    folder.to_owned()
}
