//! What went wrong, as one sentence that says what to do next. Nothing of a URL but its hosts and its database.

use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

use super::rows::Damage;
use crate::LoadError;

/// What kind of trouble an error is, for who decides whether to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It lost against another transaction, and may win the next time.
    Race,
    /// A row with the key came in between.
    Taken,
    /// A lock was not to be had in time.
    Locked,
    /// It took too long.
    Slow,
    /// The disk or the memory is full, or there are too many connections.
    Full,
    /// The server cannot be written to.
    ReadOnly,
    /// Who we are or what we may do is not right.
    Forbidden,
    /// The connection is lost, or the server ends: what was asked last may be done or not.
    Lost,
    /// The server says that it is broken: what was asked last may be done or not.
    Broken,
    /// Anything else.
    Other,
}

impl Trouble {
    /// Whether a statement that is a transaction by itself, or a COMMIT, may be durable after it.
    pub(super) fn is_doubt(self) -> bool {
        match self {
            Self::Lost | Self::Broken => true,
            Self::Race
            | Self::Taken
            | Self::Locked
            | Self::Slow
            | Self::Full
            | Self::ReadOnly
            | Self::Forbidden
            | Self::Other => false,
        }
    }

    /// Whether the connection is as good as before, once the transaction is rolled back.
    pub(super) fn spares_the_connection(self) -> bool {
        match self {
            Self::Race | Self::Taken | Self::Locked => true,
            Self::Slow | Self::Full | Self::ReadOnly | Self::Forbidden | Self::Lost | Self::Broken | Self::Other => {
                false
            }
        }
    }
}

pub(super) fn trouble(error: &Error) -> Trouble {
    error.code().map_or(Trouble::Lost, of_code)
}

fn of_code(state: &SqlState) -> Trouble {
    let code = state.code();
    let class = code.get(..2).unwrap_or_default();
    match (class, code) {
        (_, "40001" | "40P01" | "40002") => Trouble::Race,
        (_, "23505") => Trouble::Taken,
        (_, "55P03") => Trouble::Locked,
        (_, "57014") => Trouble::Slow,
        ("53", _) => Trouble::Full,
        (_, "25006") => Trouble::ReadOnly,
        ("28", _) | (_, "42501" | "3D000") => Trouble::Forbidden,
        ("08" | "57", _) | (_, "40003") => Trouble::Lost,
        ("58" | "XX", _) => Trouble::Broken,
        _ => Trouble::Other,
    }
}

/// How the client begins its sentence when the other end does not prove who it is, or has no TLS.
const TLS: &str = "error performing TLS handshake";

/// What the client says of a host that it passes over, because `target_session_attrs` wants one that takes writes.
const NO_WRITES: &str = "database does not allow writes";

/// What the client says when the server asks for a password and the URL has none.
const NO_PASSWORD: &str = "password missing";

/// Whether the server has no line in `pg_hba.conf` for us: also when all its lines want TLS, or none.
fn is_let_in_by_no_line(error: &Error) -> bool {
    error.code().is_some_and(|state| state.code() == "28000")
}

/// Whether the user may not do it. PostgreSQL lets nobody but a database's owner make tables in it.
fn lacks_a_right(error: &Error) -> bool {
    error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE)
}

/// The sentence for an error of a statement.
pub(super) fn of_error(at: &str, error: &Error) -> String {
    let told = told(error);
    match trouble(error) {
        Trouble::Race | Trouble::Taken => {
            format!("{at} had too many writers of the same rows at once ({told}): try again")
        }
        Trouble::Locked => format!(
            "{at} kept a row locked for too long ({told}): look for a transaction that somebody left open, or a commit \
             that waits for a standby"
        ),
        Trouble::Slow => format!("{at} took too long ({told}): look at its load and its locks"),
        Trouble::Full => format!("{at} has no room left, or too many connections ({told}): give it more"),
        Trouble::ReadOnly => {
            format!("{at} cannot be written ({told}): let the URL name the primary, or all hosts that may be it")
        }
        Trouble::Forbidden if is_let_in_by_no_line(error) => format!(
            "{at} does not let us in ({told}): check user, database and pg_hba.conf, and sslmode, as lines of hostssl \
             want TLS"
        ),
        Trouble::Forbidden if lacks_a_right(error) => format!(
            "{at} lacks a right for us ({told}): let its user own the database, or run `GRANT CREATE ON SCHEMA public TO` \
             that user in it"
        ),
        Trouble::Forbidden => format!("{at} refuses us ({told}): check user, password, database and pg_hba.conf"),
        Trouble::Lost if told.starts_with(TLS) => {
            format!(
                "{at} does not speak TLS as the URL wants it ({told}): check sslmode, sslrootcert and the host's name"
            )
        }
        Trouble::Lost if told.ends_with(NO_WRITES) => {
            format!("{at} is a standby ({told}): let the URL name the primary, or all hosts that may be it")
        }
        Trouble::Lost if told.ends_with(NO_PASSWORD) => {
            format!(
                "{at} wants a password: put it into a file of mode 0600, and name that with --database-password-file (a copy's: --from-password-file, --to-password-file)"
            )
        }
        Trouble::Lost => format!("{at} cannot be reached ({told}): check that it runs and that the network is up"),
        Trouble::Broken => format!("{at} says that it is broken ({told}): look into its log"),
        Trouble::Other => format!("{at} refused what it was asked ({told}): please report this"),
    }
}

/// What the server or the system said. It quotes names that strangers may have chosen, so it is escaped.
pub(super) fn told(error: &Error) -> String {
    let said = match error.as_db_error() {
        Some(error) => format!("{} {}", error.code().code(), error.message()),
        None => match std::error::Error::source(error) {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        },
    };
    escaped(&said)
}

/// Without what could forge a line of a log.
pub(super) fn escaped(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

/// The sentence of a server that says nothing.
pub(super) fn unanswered(at: &str) -> String {
    format!("{at} did not answer in time: check that it runs and that the network is up")
}

/// The sentence for damage.
pub(super) fn damaged(at: &str, what: &str) -> String {
    format!("{at} is damaged ({what}): stop the servers and put the newest backup back")
}

pub(super) fn of_damage(at: &str, damage: &Damage) -> LoadError {
    LoadError::Damaged(damaged(at, &damage.0))
}

/// The sentence of a store that takes no writes, because it is copied or was. `why` says where to; it may be empty.
pub(super) fn moving(at: &str, why: &str) -> String {
    let why = if why.is_empty() { "it is being moved" } else { why };
    format!("{at} is read-only: {}", escaped(why))
}

/// The sentence of a realm that somebody else is about to change, and for too long.
pub(super) fn changing(at: &str) -> String {
    format!("a realm at {at} is being changed by another node: try again")
}

#[cfg(test)]
mod tests;
