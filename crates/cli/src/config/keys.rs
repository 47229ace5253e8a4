//! Every setting there is: its name in the file, its variable, what it takes and its default. `config show`, the error
//! for an unknown key and `docs/reference/cli.md` all come from, or are checked against, this table.

use std::net::SocketAddr;

use matchbook_store::{DEFAULT_MEMORY_MB, MIN_MEMORY_MB};

use super::Places;
use crate::database::check as check_database;

/// One setting.
#[derive(Debug)]
pub(crate) struct Key {
    /// Its name: the table and the key in the TOML file, joined by a dot.
    pub(crate) name: &'static str,
    /// The environment variable that goes over the file.
    pub(crate) variable: &'static str,
    /// The flag that goes over both.
    pub(crate) flag: &'static str,
    /// What it takes.
    pub(crate) kind: Kind,
    /// What it is when nobody says; `None` for nothing.
    pub(crate) default: fn(&Places) -> Option<String>,
    /// What it is for, in a few words.
    pub(crate) what: &'static str,
}

/// What a setting takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Any text.
    Text,
    /// A path; in the file, relative ones start at the file's folder.
    Path,
    /// An `http://` or `https://` URL.
    Url,
    /// A database: a PostgreSQL's URL, or `sqlite:` and a path.
    Database,
    /// An IP address and a port.
    Address,
    /// A whole number within a range.
    Whole(u64, u64),
    /// One of some words.
    Choice(&'static [&'static str]),
}

/// Variables that are no settings of the file: (name, what it is for).
pub(crate) const VARIABLES: &[(&str, &str)] = &[
    ("MATCHBOOK_CONFIG", "the config file, as --config"),
    ("MATCHBOOK_TOKEN", "the bearer token itself; never shown, and never a flag"),
    ("MATCHBOOK_VAULT", "the vault of the software device, as wallet --vault"),
    ("MATCHBOOK_PASSPHRASE", "the passphrase of that vault itself; never shown, and never a flag"),
    ("MATCHBOOK_MODEM", "the modem of the software device, as wallet --modem"),
];

/// All settings.
pub(crate) const KEYS: &[Key] = &[
    Key {
        name: "client.server",
        variable: "MATCHBOOK_SERVER",
        flag: "--server",
        kind: Kind::Url,
        default: |_| Some("http://127.0.0.1:8470".to_owned()),
        what: "the server that the operator's commands talk to",
    },
    Key {
        name: "client.token_file",
        variable: "MATCHBOOK_TOKEN_FILE",
        flag: "--token-file",
        kind: Kind::Path,
        default: |places| places.beside_config("operator.token"),
        what: "a file with the bearer token",
    },
    Key {
        name: "client.realm",
        variable: "MATCHBOOK_REALM",
        flag: "--realm",
        kind: Kind::Text,
        default: |_| None,
        what: "the realm, when a command does not name one",
    },
    Key {
        name: "client.ca_file",
        variable: "MATCHBOOK_CA_FILE",
        flag: "--ca-file",
        kind: Kind::Path,
        default: |_| None,
        what: "PEM certificates to believe, instead of the public ones",
    },
    Key {
        name: "client.timeout_s",
        variable: "MATCHBOOK_TIMEOUT_S",
        flag: "--timeout",
        kind: Kind::Whole(1, 600),
        default: |_| Some("30".to_owned()),
        what: "seconds until a call is given up",
    },
    Key {
        name: "store.data",
        variable: "MATCHBOOK_DATA",
        flag: "--data",
        kind: Kind::Path,
        default: Places::data,
        what: "the folder of the database",
    },
    Key {
        name: "store.database",
        variable: "MATCHBOOK_DATABASE",
        flag: "--database",
        kind: Kind::Database,
        default: |_| None,
        what: "the database, postgres://… or sqlite:PATH; default: matchbook.db in the data folder",
    },
    Key {
        name: "store.database_password_file",
        variable: "MATCHBOOK_DATABASE_PASSWORD_FILE",
        flag: "--database-password-file",
        kind: Kind::Path,
        default: |_| None,
        what: "a file with the database's password, mode 0600",
    },
    Key {
        name: "store.allow_loss",
        variable: "MATCHBOOK_ALLOW_LOSS",
        flag: "--allow-loss",
        kind: Kind::Choice(&["never", "power-cut", "failover", "both"]),
        default: |_| Some("never".to_owned()),
        what: "when a PostgreSQL may lose accepted codes, which are good again then; a server refuses others",
    },
    Key {
        name: "store.memory_mb",
        variable: "MATCHBOOK_MEMORY_MB",
        flag: "--memory-mb",
        kind: Kind::Whole(MIN_MEMORY_MB as u64, 1_000_000),
        default: |_| Some(DEFAULT_MEMORY_MB.to_string()),
        what: "MiB for what is remembered of devices that were verified lately, about 2 KiB each",
    },
    Key {
        name: "store.secrets",
        variable: "MATCHBOOK_SECRETS",
        flag: "--secrets",
        kind: Kind::Path,
        default: |places| places.credential().or_else(|| places.beside_config("secrets")),
        what: "the file with the key-encryption key and the pepper, mode 0400",
    },
    Key {
        name: "serve.listen",
        variable: "MATCHBOOK_LISTEN",
        flag: "--listen",
        kind: Kind::Address,
        default: |_| Some("127.0.0.1:8470".to_owned()),
        what: "where the server listens; port 0 takes a free one",
    },
    Key {
        name: "serve.public_url",
        variable: "MATCHBOOK_PUBLIC_URL",
        flag: "--public-url",
        kind: Kind::Url,
        default: |_| None,
        what: "the URL that devices reach the server at; default: the listening address",
    },
    Key {
        name: "serve.tls_cert",
        variable: "MATCHBOOK_TLS_CERT",
        flag: "--tls-cert",
        kind: Kind::Path,
        default: |_| None,
        what: "the certificate chain, PEM",
    },
    Key {
        name: "serve.tls_key",
        variable: "MATCHBOOK_TLS_KEY",
        flag: "--tls-key",
        kind: Kind::Path,
        default: |_| None,
        what: "the certificate's private key, PEM",
    },
    Key {
        name: "serve.trusted_proxy_hops",
        variable: "MATCHBOOK_TRUSTED_PROXY_HOPS",
        flag: "--trusted-proxy-hops",
        kind: Kind::Whole(0, 8),
        default: |_| Some("0".to_owned()),
        what: "proxies in front whose X-Forwarded-For is believed",
    },
    Key {
        name: "serve.device_messages_per_second",
        variable: "MATCHBOOK_DEVICE_MESSAGES_PER_SECOND",
        flag: "--device-messages-per-second",
        kind: Kind::Whole(1, 100_000),
        default: |_| Some("50".to_owned()),
        what: "devices' messages a second from one address",
    },
    Key {
        name: "serve.api_calls_per_second",
        variable: "MATCHBOOK_API_CALLS_PER_SECOND",
        flag: "--api-calls-per-second",
        kind: Kind::Whole(1, 1_000_000),
        default: |_| Some("20000".to_owned()),
        what: "API calls a second of one token",
    },
    Key {
        name: "serve.allow_key_export",
        variable: "MATCHBOOK_ALLOW_KEY_EXPORT",
        flag: "--allow-key-export",
        kind: Kind::Choice(&["no", "yes"]),
        default: |_| Some("no".to_owned()),
        what: "whether operators get keys from a factory out again, while they were never used",
    },
    Key {
        name: "serve.sms",
        variable: "MATCHBOOK_SMS",
        flag: "--sms",
        kind: Kind::Path,
        default: |_| None,
        what: "the file with the centres for short messages, mode 0600 (sms-config.md)",
    },
    Key {
        name: "serve.log_format",
        variable: "MATCHBOOK_LOG_FORMAT",
        flag: "--log-format",
        kind: Kind::Choice(&["text", "json"]),
        default: |_| Some("text".to_owned()),
        what: "how the log on standard error is written",
    },
    Key {
        name: "serve.log",
        variable: "MATCHBOOK_LOG",
        flag: "--log",
        kind: Kind::Text,
        default: |_| Some("info".to_owned()),
        what: "what is logged: error, warn, info, debug, or a filter such as info,matchbook_server=debug",
    },
];

/// MATCHBOOK_* variables that are set and that nothing reads: misspelt, most likely.
pub(crate) fn unknown_variables() -> Vec<String> {
    let known = |name: &str| {
        KEYS.iter().any(|key| key.variable == name) || VARIABLES.iter().any(|(variable, _)| *variable == name)
    };
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let mut unknown: Vec<String> = names.filter(|name| name.starts_with("MATCHBOOK_") && !known(name)).collect();
    unknown.sort();
    unknown
}

impl Kind {
    /// Checks a value; the error says what a good one looks like.
    pub(super) fn check(self, value: &str) -> Result<(), String> {
        match self {
            Self::Text if value.is_empty() => Err("a text that is not empty".to_owned()),
            Self::Path if value.is_empty() => Err("a path".to_owned()),
            Self::Text | Self::Path => Ok(()),
            Self::Url => {
                let host = value.strip_prefix("http://").or_else(|| value.strip_prefix("https://"));
                // No user and password: a URL is printed, and goes into enrolments.
                let good = host.is_some_and(|host| {
                    !host.is_empty()
                        && !host.starts_with('/')
                        && !host.contains(|c: char| c.is_whitespace() || c == '@')
                });
                if good {
                    Ok(())
                } else {
                    Err("a URL such as https://codes.example.org, without a password".to_owned())
                }
            }
            Self::Database => check_database(value),
            Self::Address => match value.parse::<SocketAddr>() {
                Ok(_) => Ok(()),
                Err(_) => Err("an IP address and a port, such as 127.0.0.1:8470 or [::]:8470".to_owned()),
            },
            Self::Whole(lowest, highest) => match value.parse::<u64>() {
                Ok(number) if (lowest..=highest).contains(&number) => Ok(()),
                _ => Err(format!("a whole number from {lowest} to {highest}")),
            },
            Self::Choice(words) if words.contains(&value) => Ok(()),
            Self::Choice(words) => Err(format!("one of {}", words.join(", "))),
        }
    }
}
