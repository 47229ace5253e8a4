//! The looks, one function each. None of them changes anything that a server would not change at its start.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use matchbook_rules::Keyring;
use matchbook_server::{TlsFiles, check_tls};
use matchbook_store::{OpenError, OpenOptions, SqliteStore, sqlite};
use ureq::tls::TlsConfig;

use super::Finding;
use crate::api::certificates;
use crate::clock as time;
use crate::config::{Origin, Settings, unknown_variables};
use crate::database::{Database, PostgresUrl};
use crate::error::CliError;
use crate::local::{Local, Purpose, runtime};

/// No release is older than this: 2025-01-01. A clock before it is wrong.
const EARLIEST_MS: u64 = 1_735_689_600_000;
/// No clock is right after this: 2100-01-01.
const LATEST_MS: u64 = 4_102_444_800_000;
/// How far ahead of the clock the database's last write may be.
const AHEAD_MS: u64 = 5 * 60 * 1_000;
/// What is said of a store that is being served.
pub(super) const IN_USE: &str = "a server has it open";
/// How long a server on this machine may take to answer.
const ANSWER: Duration = Duration::from_secs(3);

/// The config file could be read, or there is none.
pub(super) fn config(settings: &Settings) -> Finding {
    match settings.config_file() {
        Ok(path) if settings.config_file_is_there() => Finding::ok("config", path.display().to_string()),
        Ok(path) => Finding::ok("config", format!("{} is not there; defaults count", path.display())),
        Err(_) => Finding::ok("config", "no file; defaults count"),
    }
}

/// No MATCHBOOK_* variable is misspelt.
pub(super) fn variables() -> Finding {
    let unknown = unknown_variables();
    if unknown.is_empty() {
        return Finding::ok("variables", "no unknown MATCHBOOK_* variable");
    }
    let detail = format!("nothing reads {}", unknown.join(", "));
    Finding::problem("variables", detail, "Correct or unset it; `matchbook config show -o json` lists the names.")
}

/// The clock says a time that can be.
pub(super) fn clock() -> Finding {
    let now = time::now().0;
    if (EARLIEST_MS..LATEST_MS).contains(&now) {
        return Finding::ok("clock", time::rfc3339(now));
    }
    Finding::problem("clock", format!("it says {}", time::rfc3339(now)), "Set the clock, and keep it right with NTP.")
}

/// The folder of the database is there and can be written, and the data folder is its owner's alone.
pub(super) fn data(local: &Local, database: &Path) -> Finding {
    let folder = match database.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) | None => Path::new("."),
    };
    let at = folder.display();
    let metadata = match fs::metadata(folder) {
        Ok(metadata) => metadata,
        Err(error) => {
            let error = CliError::file("read", folder, &error);
            return Finding::of("data", error.hint("Run `matchbook init`, or name the folder with --data DIR."));
        }
    };
    if !metadata.is_dir() {
        return Finding::problem("data", format!("{at} is not a folder"), "Name the folder with --data DIR.");
    }
    let mode = metadata.mode() & 0o777;
    // A folder that a database was put into may hold what is others'.
    if mode & 0o077 != 0 && folder == local.data {
        let next = format!("Run `chmod 0700 {at}`.");
        return Finding::problem("data", format!("others can enter {at} (mode {mode:04o})"), next);
    }
    match tempfile::NamedTempFile::new_in(folder) {
        Ok(_) => Finding::ok("data", at.to_string()),
        Err(error) => Finding::of(
            "data",
            CliError::file("write into", folder, &error)
                .hint("Make room, or make the folder writable for the user who runs the server."),
        ),
    }
}

/// The database's pages fit together.
pub(super) fn whole(path: &Path) -> Finding {
    match sqlite::check(path) {
        Ok(()) => Finding::ok("database", format!("{} is whole", path.display())),
        Err(error) => Finding::of("database", CliError::failure(error.to_string())),
    }
}

/// The store opens with these secrets, or a server has it open.
pub(super) fn store(local: &Local, keyring: &Keyring) -> Finding {
    let path = match &local.database {
        Database::Sqlite(path) => path,
        Database::Postgres(at) => return remote(local, at, keyring),
    };
    let options = OpenOptions { check_value: Some(keyring.check_value()), create: false, ..OpenOptions::default() };
    match SqliteStore::open(path, options) {
        Ok(_) => last_write(path),
        Err(OpenError::InUse(_)) => Finding::ok("store", IN_USE),
        Err(error) => Finding::of("store", CliError::failure(error.to_string())),
    }
}

/// The database answers, is as durable as a server wants it, has these secrets, and takes writes.
fn remote(local: &Local, at: &PostgresUrl, keyring: &Keyring) -> Finding {
    let frozen = runtime().and_then(|runtime| {
        runtime.block_on(async {
            let store = at.connect(keyring, Purpose::Use).await?;
            store.frozen().await.map_err(|error| CliError::failure(error.to_string()))
        })
    });
    match frozen {
        Ok(Some(why)) => Finding::of("store", CliError::failure(why)),
        Ok(None) => Finding::ok("store", format!("{} answers, and the secrets are its own", local.database.name())),
        Err(error) => Finding::of("store", error),
    }
}

fn last_write(path: &Path) -> Finding {
    let written = fs::metadata(path).map_or(0, |metadata| metadata.mtime().saturating_mul(1_000));
    let ahead = u64::try_from(written).unwrap_or(0).saturating_sub(time::now().0);
    if ahead <= AHEAD_MS {
        return Finding::ok("store", "it opens, and the secrets are its own");
    }
    let detail = format!("it was written {} s in the future: the clock has gone back", ahead / 1_000);
    Finding::problem("store", detail, "Set the clock, and keep it right with NTP.")
}

/// Certificate and key are there, when TLS is on.
pub(super) fn tls(settings: &Settings) -> Finding {
    let files = [("serve.tls_cert", "the certificate"), ("serve.tls_key", "its key")];
    let named: Vec<_> = files.iter().filter_map(|(key, what)| settings.path(key).map(|path| (path, what))).collect();
    match named.as_slice() {
        [] => match settings.parsed::<SocketAddr>("serve.listen") {
            Ok(address) if !address.ip().is_loopback() => Finding::warning(
                "tls",
                format!(
                    "off, and {address} is not loopback: tokens and codes go unencrypted to whoever calls it there"
                ),
                "Set tls_cert and tls_key in [serve] (`serve --tls-cert --tls-key`), or see that only a proxy which has TLS \
                 reaches that address.",
            ),
            Ok(_) | Err(_) => Finding::ok("tls", "off: for loopback, or behind a proxy that has it"),
        },
        [_] => Finding::problem("tls", "one of serve.tls_cert and serve.tls_key is missing", "Set both, or none."),
        [(certificate, _), (key, _), ..] => {
            let unreadable = named.iter().find_map(|(path, _)| fs::File::open(path).err().map(|error| (path, error)));
            if let Some((path, error)) = unreadable {
                return Finding::of("tls", CliError::file("read", path, &error));
            }
            let files = TlsFiles { certificate: certificate.clone(), key: key.clone() };
            let checked = runtime().and_then(|runtime| {
                runtime.block_on(check_tls(files)).map_err(|error| CliError::failure(error.to_string()))
            });
            match checked {
                Ok(()) => Finding::ok("tls", "on: the certificate and its key belong together"),
                Err(error) => Finding::of("tls", error),
            }
        }
    }
}

/// The address is free, or the server of this store answers there.
pub(super) fn port(settings: &Settings, store_in_use: bool) -> Finding {
    let address: SocketAddr = match settings.parsed("serve.listen") {
        Ok(address) => address,
        Err(error) => return Finding::of("port", error),
    };
    let error = match TcpListener::bind(address) {
        Ok(_) => return Finding::ok("port", format!("{address} is free: no server runs there")),
        Err(error) => error,
    };
    if error.kind() != std::io::ErrorKind::AddrInUse {
        let next = "Choose another address with --listen, or ask for the right to use this one.";
        return Finding::problem("port", format!("{address} cannot be listened on: {error}"), next);
    }
    match readiness(settings, address) {
        Ok(200 | 503) if !store_in_use => {
            let next = "Stop that server, or choose another address with --listen or another store with --data.";
            Finding::problem("port", format!("the server on {address} does not serve this store"), next)
        }
        Ok(200) => Finding::ok("port", format!("a server answers on {address}, and is ready")),
        Ok(503) => {
            let next = "Look into the server's log: the store cannot commit.";
            Finding::problem("port", format!("the server on {address} is not ready"), next)
        }
        Err(why) if settings.text("serve.tls_cert").is_some() => {
            let next = "When it is this server: client.server (MATCHBOOK_SERVER) has to be its https:// URL, and \
                        client.ca_file (MATCHBOOK_CA_FILE) the authority's certificate. Else stop that program, or choose \
                        another address with --listen.";
            Finding::problem("port", format!("{address} is taken, and whose it is cannot be told: {why}"), next)
        }
        Ok(_) | Err(_) => {
            let next = "Stop that program, or choose another address with --listen.";
            Finding::problem("port", format!("another program has {address}"), next)
        }
    }
}

/// The status of the server's own answer to whether it is ready, or why there is none.
fn readiness(settings: &Settings, address: SocketAddr) -> Result<u16, String> {
    let local = match address {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => format!("127.0.0.1:{}", v4.port()),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => format!("[::1]:{}", v6.port()),
        other => other.to_string(),
    };
    // With TLS the certificate names the public host, which is what the client's settings are for.
    let base = match settings.text("serve.tls_cert") {
        Some(_) => settings.text("client.server").unwrap_or_default().to_owned(),
        None => format!("http://{local}"),
    };
    let mut config = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(ANSWER)).proxy(None);
    if let Some(file) = settings.path("client.ca_file") {
        let roots = certificates(&file).map_err(|error| error.message)?;
        config = config.tls_config(TlsConfig::builder().root_certs(roots).build());
    }
    let agent: ureq::Agent = config.build().into();
    let answer = agent.get(format!("{}/readyz", base.trim_end_matches('/'))).call();
    answer.map(|answer| answer.status().as_u16()).map_err(|error| format!("{base}: {error}"))
}

/// The operator's token is its owner's alone, when it is there.
pub(super) fn token(settings: &Settings) -> Finding {
    let Some(file) = settings.path("client.token_file") else { return Finding::ok("token", "no file") };
    let by_default = matches!(settings.origin("client.token_file"), Some(Origin::Default));
    match fs::metadata(&file) {
        Ok(metadata) if metadata.mode() & 0o077 != 0 => {
            let detail = format!("others can read {} (mode {:04o})", file.display(), metadata.mode() & 0o777);
            Finding::problem("token", detail, format!("Run `chmod 0600 {}`.", file.display()))
        }
        Ok(_) => Finding::ok("token", file.display().to_string()),
        Err(error) if by_default && error.kind() == std::io::ErrorKind::NotFound => {
            Finding::ok("token", format!("{} is not there; needed for the operator's commands only", file.display()))
        }
        Err(error) => Finding::of(
            "token",
            CliError::file("read", &file, &error).hint(
                "Copy it here, or name another with client.token_file in the config file (MATCHBOOK_TOKEN_FILE).",
            ),
        ),
    }
}
