//! How the operator's commands reach the server.

use clap::Args;
use clap::builder::ValueHint;

use crate::config::Overrides;

/// The server and the token.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Server")]
pub(crate) struct Client {
    /// The server's URL [env: MATCHBOOK_SERVER] [default: http://127.0.0.1:8470]
    #[arg(long, global = true, value_name = "URL", value_hint = ValueHint::Url)]
    server: Option<String>,
    /// A file with the bearer token [env: MATCHBOOK_TOKEN_FILE; MATCHBOOK_TOKEN holds the token itself]
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    token_file: Option<String>,
    /// PEM certificates to believe, instead of the public ones [env: MATCHBOOK_CA_FILE]
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    ca_file: Option<String>,
    /// Give a call up after so many seconds, 1 to 600 [env: MATCHBOOK_TIMEOUT_S] [default: 30]
    #[arg(long, global = true, value_name = "SECONDS")]
    timeout: Option<String>,
}

/// The realm of a command that works in one.
#[derive(Clone, Debug, Args)]
pub(crate) struct InRealm {
    /// The realm [env: MATCHBOOK_REALM]
    #[arg(short, long, global = true, value_name = "REALM")]
    pub(crate) realm: Option<String>,
}

impl Client {
    /// What these flags say over the settings.
    pub(crate) fn overrides(&self) -> Overrides<'_> {
        vec![
            ("client.server", self.server.as_deref()),
            ("client.token_file", self.token_file.as_deref()),
            ("client.ca_file", self.ca_file.as_deref()),
            ("client.timeout_s", self.timeout.as_deref()),
        ]
    }
}

impl InRealm {
    /// What this flag says over the settings.
    pub(crate) fn overrides(&self) -> Overrides<'_> {
        vec![("client.realm", self.realm.as_deref())]
    }
}
