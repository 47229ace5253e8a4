//! Servers that are spoken to by TLS alone.

use std::fs;
use std::path::Path;

use super::template::unpack;
use super::{Postgres, SETTINGS};
use crate::account::Account;
use crate::programs::find;
use crate::trouble::Trouble;

/// In the data folder, so that a standby has them too.
const CERTIFICATE: &str = "server.crt";
const KEY: &str = "server.key";

/// Who may connect: nobody in clear, and [`Postgres::ASKED`] only with a password. The first line that fits counts.
const RULES: &str = "\
hostssl all asked 127.0.0.1/32 scram-sha-256
hostssl all all 127.0.0.1/32 trust
hostssl replication all 127.0.0.1/32 trust
";

impl Postgres {
    /// The user whom a server with TLS asks for a password. The test makes it.
    pub const ASKED: &str = "asked";

    /// Starts a server that takes no connection in clear; `certificate` and `key` are PEM. Its standbys are like it.
    ///
    /// # Errors
    /// As [`Postgres::start`].
    pub fn start_with_tls(certificate: &str, key: &str) -> Result<Self, Trouble> {
        let (programs, account) = (find()?, Account::of_servers()?);
        let with_tls = [("ssl", "on"), ("ssl_cert_file", CERTIFICATE), ("ssl_key_file", KEY)];
        let settings = [SETTINGS.as_slice(), &with_tls].concat();
        Self::start_on(&programs, account, &std::env::temp_dir(), &settings, &|data| {
            unpack(&programs, account, data)?;
            write(account, &data.join(CERTIFICATE), certificate)?;
            write(account, &data.join(KEY), key)?;
            write(account, &data.join("pg_hba.conf"), RULES)
        })
    }
}

/// Writes a file that its owner alone may read: PostgreSQL refuses a key that others can read.
fn write(account: Account, path: &Path, text: &str) -> Result<(), Trouble> {
    use std::os::unix::fs::PermissionsExt;
    fs::write(path, text)
        .and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(0o600)))
        .map_err(Trouble::at("write what a server needs for TLS"))?;
    account.own(path)
}
