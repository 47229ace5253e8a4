//! How a centre treats ESMEs.

use std::fmt;
use std::time::Duration;

use matchbook_protocol::sms::Address;
use zeroize::Zeroizing;

/// How a centre treats ESMEs. What the network does to messages stands in [`Conditions`](crate::Conditions).
#[derive(Clone, Debug)]
pub struct CentreOptions {
    /// What the centre calls itself in its answer to a bind; at most 15 ASCII characters.
    pub system_id: String,
    /// Who may bind. Empty: anybody.
    pub accounts: Vec<Account>,
    /// How many connections are taken; one more is closed at once. Default 64.
    pub max_connections: usize,
    /// How many deliveries an ESME gets before it has answered one. Default 10.
    pub window: usize,
    /// How long a connection may take to bind. Default 10 s.
    pub session_init: Duration,
    /// After how long a silence the centre asks whether the ESME is there (enquire_link). Default 30 s.
    pub enquire_link: Duration,
    /// After how long a silence the centre hangs up; half a PDU is silence too. Default 90 s.
    pub inactivity: Duration,
    /// How long an ESME may take to answer a delivery, or to read what the centre writes; then the centre hangs up and
    /// delivers again. Default 30 s.
    pub response: Duration,
    /// How long the centre waits before it delivers again what an ESME refused for now. Default 1 s.
    pub retry_pause: Duration,
    /// How long a submit without validity_period is valid. Default 24 h.
    pub validity: Duration,
    /// Who a submit without source address is from. `None`, the default: such a submit is refused.
    pub origin: Option<Address>,
}

impl Default for CentreOptions {
    fn default() -> Self {
        Self {
            system_id: "MATCHBOOK".to_owned(),
            accounts: Vec::new(),
            max_connections: 64,
            window: 10,
            session_init: Duration::from_secs(10),
            enquire_link: Duration::from_secs(30),
            inactivity: Duration::from_secs(90),
            response: Duration::from_secs(30),
            retry_pause: Duration::from_secs(1),
            validity: Duration::from_secs(24 * 3_600),
            origin: None,
        }
    }
}

/// Who may bind.
#[derive(Clone)]
pub struct Account {
    system_id: String,
    password: Zeroizing<String>,
}

impl Account {
    /// An account; SMPP has room for 15 characters of a system_id and 8 of a password.
    #[must_use]
    pub fn new(system_id: impl Into<String>, password: Zeroizing<String>) -> Self {
        Self { system_id: system_id.into(), password }
    }

    pub(super) fn system_id(&self) -> &str {
        &self.system_id
    }

    pub(super) fn has_password(&self, password: &str) -> bool {
        *self.password == password
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("system_id", &self.system_id).finish_non_exhaustive()
    }
}
