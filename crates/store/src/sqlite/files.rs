//! Files that only their owner may read, and that are still there after a power cut.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// Options for a file of mode 0600.
pub(super) fn private() -> OpenOptions {
    #[cfg_attr(not(unix), allow(unused_mut))]
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// The path with `suffix` after its name.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path.as_os_str());
    name.push(suffix);
    PathBuf::from(name)
}

/// Makes a new name in a folder durable.
pub(super) fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

/// Bytes of a database and of its log.
pub(super) fn size_of(database: &Path) -> u64 {
    [database.to_path_buf(), beside(database, "-wal")]
        .iter()
        .filter_map(|path| fs::metadata(path).ok())
        .fold(0, |sum, metadata| sum.saturating_add(metadata.len()))
}
