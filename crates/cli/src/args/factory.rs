//! `device import` and `device export`: files of keys from a factory.

use std::path::PathBuf;

use clap::builder::ValueHint;
use clap::{Args, ValueEnum};

/// `device import`.
#[derive(Debug, Args)]
pub(crate) struct Import {
    /// The file; - for standard input
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,
    /// What kind of file it is; without this flag, it is seen from the file
    #[arg(long, value_enum)]
    pub(crate) format: Option<FormatName>,
    /// Tell what would become of each row, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Make users that are not there; without this flag, their devices are refused
    #[arg(long)]
    pub(crate) create_users: bool,
    #[command(flatten)]
    pub(crate) unlocking: Unlocking,
}

/// `device export`.
#[derive(Debug, Args)]
pub(crate) struct Export {
    /// The file, which must not be there yet (mode 0600); - for standard output
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) unlocking: Unlocking,
    /// What the file calls the key of --key-file, so that its reader knows which one it is
    #[arg(long, value_name = "TEXT", requires = "key_file", default_value = "matchbook")]
    pub(crate) key_name: String,
    /// Do not encrypt the keys: whoever reads the file has them
    #[arg(long, conflicts_with_all = ["passphrase_file", "key_file"])]
    pub(crate) plain: bool,
}

/// What opens or hides a file; never on the command line itself, where other users could read it.
#[derive(Debug, Args)]
pub(crate) struct Unlocking {
    /// A file with the passphrase of an encrypted file, one line; without this flag, you are asked
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "key_file")]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// A file with the key that was agreed on, one line: hexadecimal digits or base64
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) key_file: Option<PathBuf>,
}

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FormatName {
    /// RFC 6030
    Pskc,
    /// Comma-separated columns, the first line naming them: id,key,user,label
    Csv,
}
