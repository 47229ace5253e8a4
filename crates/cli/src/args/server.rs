//! `init`, `serve`, `store`, `config`, `doctor`: what runs on the server's own machine.

use std::path::PathBuf;

use clap::builder::ValueHint;
use clap::{Args, Subcommand};

use super::examples;
use crate::config::Overrides;

/// Where the store and its secrets are.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Store")]
pub(crate) struct Place {
    /// The database's folder [env: MATCHBOOK_DATA] [default: ~/.local/share/matchbook]
    #[arg(long, global = true, value_name = "DIR", value_hint = ValueHint::DirPath)]
    data: Option<String>,
    /// The database, instead of one in that folder: postgres://user@host/name or sqlite:PATH [env: MATCHBOOK_DATABASE]
    #[arg(long, global = true, value_name = "URL")]
    database: Option<String>,
    /// A file with the database's password, mode 0600 [env: MATCHBOOK_DATABASE_PASSWORD_FILE]
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    database_password_file: Option<String>,
    /// When a PostgreSQL may lose accepted codes, which are good again then: never, power-cut (its settings), failover
    /// (its standbys) or both [env: MATCHBOOK_ALLOW_LOSS] [default: never]
    #[arg(long, global = true, value_name = "WHEN")]
    allow_loss: Option<String>,
    /// The secrets file [env: MATCHBOOK_SECRETS] [default: systemd's credential matchbook-secrets, or secrets
    /// beside the config file]
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    secrets: Option<String>,
}

/// Where a server listens.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Network")]
pub(crate) struct Listen {
    /// Where to listen; port 0 takes a free one [env: MATCHBOOK_LISTEN] [default: 127.0.0.1:8470]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// The URL that devices reach the server at; it goes into enrolments [env: MATCHBOOK_PUBLIC_URL] [default: the
    /// listening address]
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
    public_url: Option<String>,
}

/// `init`.
#[derive(Debug, Args)]
pub(crate) struct Init {
    #[command(flatten)]
    pub(crate) place: Place,
    #[command(flatten)]
    pub(crate) listen: Listen,
}

/// `serve`.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) place: Place,
    #[command(flatten)]
    pub(crate) listen: Listen,
    #[command(flatten)]
    pub(crate) tuning: Tuning,
    /// The store was put back from a copy: every device has to call before its codes are taken again
    #[arg(long)]
    pub(crate) restored: bool,
    /// Answer what can be read and refuse the rest with 503, and keep every other server from writing, until `store
    /// thaw`: while the store is copied
    #[arg(long, conflicts_with = "restored")]
    pub(crate) read_only: bool,
}

/// The rest of `serve`.
#[derive(Debug, Args)]
pub(crate) struct Tuning {
    /// The certificate chain, PEM; turns TLS on [env: MATCHBOOK_TLS_CERT]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Network")]
    tls_cert: Option<String>,
    /// The certificate's private key, PEM [env: MATCHBOOK_TLS_KEY]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Network")]
    tls_key: Option<String>,
    /// Proxies in front whose X-Forwarded-For is believed, 0 to 8 [env: MATCHBOOK_TRUSTED_PROXY_HOPS] [default: 0]
    #[arg(long, value_name = "N", help_heading = "Network")]
    trusted_proxy_hops: Option<String>,
    /// The file with the centres and gateways for short messages; it holds passwords, so only its owner may read it
    /// [env: MATCHBOOK_SMS]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Network")]
    sms: Option<String>,
    /// Devices' messages a second from one address, 1 to 100000 [env: MATCHBOOK_DEVICE_MESSAGES_PER_SECOND] [default:
    /// 50]
    #[arg(long, value_name = "N", help_heading = "Limits")]
    device_messages_per_second: Option<String>,
    /// API calls a second of one token, 1 to 1000000 [env: MATCHBOOK_API_CALLS_PER_SECOND] [default: 20000]
    #[arg(long, value_name = "N", help_heading = "Limits")]
    api_calls_per_second: Option<String>,
    /// Let operators have keys from a factory out again by `device export`: yes or no [env: MATCHBOOK_ALLOW_KEY_EXPORT]
    /// [default: no]
    #[arg(long, value_name = "ANSWER")]
    allow_key_export: Option<String>,
    /// MiB for what is remembered of devices that were verified lately, 16 to 1000000; about 2 KiB each [env:
    /// MATCHBOOK_MEMORY_MB] [default: 64]
    #[arg(long, value_name = "MIB", help_heading = "Limits")]
    memory_mb: Option<String>,
    /// How the log on standard error is written: text or json [env: MATCHBOOK_LOG_FORMAT] [default: text]
    #[arg(long, value_name = "FORMAT", help_heading = "Log")]
    log_format: Option<String>,
    /// What is logged: error, warn, info, debug, or a filter by module [env: MATCHBOOK_LOG] [default: info]
    #[arg(long, value_name = "FILTER", help_heading = "Log")]
    log: Option<String>,
}

/// `store`.
#[derive(Debug, Args)]
pub(crate) struct Store {
    #[command(subcommand)]
    pub(crate) command: StoreCommand,
}

/// What is done with the store's files.
#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Copy the store into a new file; a server may run meanwhile
    #[command(after_help = examples::STORE)]
    Backup {
        /// The file to make
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
        #[command(flatten)]
        place: Place,
    },
    /// Put a backup back where no store is; every device then has to call before its codes are taken again
    #[command(after_help = examples::RESTORE)]
    Restore {
        /// The backup
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
        #[command(flatten)]
        place: Place,
    },
    /// Read every page of the database and say whether it is whole
    Check {
        #[command(flatten)]
        place: Place,
    },
    /// Forget what no decision needs any more; a running server does this by itself
    Prune {
        #[command(flatten)]
        place: Place,
    },
    /// Move the store to another database, whole and checked; goes on where it was when it was interrupted
    #[command(after_help = examples::COPY)]
    Copy(Copy),
    /// Let a read-only store be written again; after a move, all its codes become void
    #[command(after_help = examples::THAW)]
    Thaw(Thaw),
}

/// `store thaw`.
#[derive(Debug, Args)]
pub(crate) struct Thaw {
    /// All codes become void; without this flag and the next one, you are asked
    #[arg(long)]
    pub(crate) void_codes: bool,
    /// The store was never copied, or its copy has not served: its codes stay good
    #[arg(long, conflicts_with = "void_codes")]
    pub(crate) copy_never_served: bool,
    /// The copy was whole, and is dropped; no server ever ran on it
    #[arg(long, requires = "copy_never_served")]
    pub(crate) copy_was_dropped: bool,
    #[command(flatten)]
    pub(crate) place: Place,
}

/// `store copy`.
#[derive(Debug, Args)]
pub(crate) struct Copy {
    /// The store: sqlite:PATH or postgres://user@host/name; it is read-only from now on
    #[arg(long, value_name = "DATABASE")]
    pub(crate) from: String,
    /// Where it goes: a file that is not there yet, or a PostgreSQL database without a store
    #[arg(long, value_name = "DATABASE")]
    pub(crate) to: String,
    /// A file with the password of the one it comes from, mode 0600 [default: the setting
    /// store.database_password_file]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) from_password_file: Option<PathBuf>,
    /// A file with the password of the one it goes to, mode 0600 [default: the setting store.database_password_file]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) to_password_file: Option<PathBuf>,
    /// When a PostgreSQL may lose accepted codes, which are good again then: never, power-cut (its settings), failover
    /// (its standbys) or both [env: MATCHBOOK_ALLOW_LOSS] [default: never]
    #[arg(long, value_name = "WHEN")]
    allow_loss: Option<String>,
}

/// `migrate`.
#[derive(Debug, Args)]
pub(crate) struct Migrate {
    #[command(flatten)]
    pub(crate) place: Place,
}

/// `config`.
#[derive(Debug, Args)]
pub(crate) struct Config {
    #[command(subcommand)]
    pub(crate) command: ConfigCommand,
}

/// What is done with the settings.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print every setting as it counts now; secrets are not shown
    #[command(after_help = examples::CONFIG)]
    Show {
        /// And where each comes from: a flag, a variable, a line of the file, or the default
        #[arg(long)]
        origin: bool,
    },
}

/// `doctor`.
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    #[command(flatten)]
    pub(crate) place: Place,
    #[command(flatten)]
    pub(crate) listen: Listen,
}

impl StoreCommand {
    /// What its flags say over the settings. A copy names both its databases, and needs no secrets.
    pub(crate) fn overrides(&self) -> Overrides<'_> {
        match self {
            Self::Backup { place, .. }
            | Self::Restore { place, .. }
            | Self::Check { place }
            | Self::Prune { place }
            | Self::Thaw(Thaw { place, .. }) => place.overrides(),
            Self::Copy(copy) => vec![("store.allow_loss", copy.allow_loss.as_deref())],
        }
    }
}

impl Place {
    /// What these flags say over the settings.
    pub(crate) fn overrides(&self) -> Overrides<'_> {
        vec![
            ("store.data", self.data.as_deref()),
            ("store.database", self.database.as_deref()),
            ("store.database_password_file", self.database_password_file.as_deref()),
            ("store.allow_loss", self.allow_loss.as_deref()),
            ("store.secrets", self.secrets.as_deref()),
        ]
    }
}

impl Listen {
    /// What these flags say over the settings.
    pub(crate) fn overrides(&self) -> Overrides<'_> {
        vec![("serve.listen", self.listen.as_deref()), ("serve.public_url", self.public_url.as_deref())]
    }
}

impl Tuning {
    /// What these flags say over the settings.
    pub(crate) fn overrides(&self) -> Overrides<'_> {
        vec![
            ("serve.tls_cert", self.tls_cert.as_deref()),
            ("serve.tls_key", self.tls_key.as_deref()),
            ("serve.trusted_proxy_hops", self.trusted_proxy_hops.as_deref()),
            ("serve.sms", self.sms.as_deref()),
            ("serve.device_messages_per_second", self.device_messages_per_second.as_deref()),
            ("serve.api_calls_per_second", self.api_calls_per_second.as_deref()),
            ("serve.allow_key_export", self.allow_key_export.as_deref()),
            ("store.memory_mb", self.memory_mb.as_deref()),
            ("serve.log_format", self.log_format.as_deref()),
            ("serve.log", self.log.as_deref()),
        ]
    }
}
