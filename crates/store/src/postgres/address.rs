//! The URL of a database: what libpq takes, as far as it goes.

mod hosts;

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};

use super::ConnectError;

/// How long one address may take until a connection to it can be used, when the URL does not say.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A connection that is idle this long is asked whether the other end is still there.
const KEEPALIVES_IDLE: Duration = Duration::from_secs(15);
/// How long it has for each answer,
const KEEPALIVES_INTERVAL: Duration = Duration::from_secs(5);
/// and how often it is asked.
const KEEPALIVES_RETRIES: u32 = 3;
/// How long what was sent may stay unacknowledged before the connection counts as lost. Longer than a packet or two
/// that are lost, shorter than a failover may take.
const TCP_USER_TIMEOUT: Duration = Duration::from_secs(20);

/// Where a database is and how to get there. Its password is never shown.
#[derive(Clone)]
pub(super) struct Address {
    pub(super) config: Config,
    pub(super) trust: Trust,
}

/// Whom a server has to prove to be, as libpq's `sslmode` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// No TLS.
    NoTls,
    /// TLS, if the server has it; nobody in particular.
    IfOffered,
    /// TLS; nobody in particular.
    Anybody,
    /// A holder of a certificate under these roots.
    Authority(Roots),
    /// The host that the URL names, by a certificate under these roots.
    Host(Roots),
}

/// Who signs servers' certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Roots {
    /// The public authorities.
    Public,
    /// The certificates in this file.
    File(PathBuf),
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}

impl Address {
    /// Reads a URL.
    pub(super) fn parse(url: &str) -> Result<Self, ConnectError> {
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(bad("it does not begin with postgres://"));
        }
        let (head, query) = url.split_once('?').unwrap_or((url, ""));
        let mut rest = Vec::new();
        let (mut mode, mut root) = (None, None);
        for part in query.split('&').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').ok_or_else(|| bad("an option has no value"))?;
            match name {
                "sslmode" => mode = Some(value),
                "sslrootcert" => root = Some(percent_decoded(value)?),
                _ => rest.push(part),
            }
        }
        let rest = if rest.is_empty() { head.to_owned() } else { format!("{head}?{}", rest.join("&")) };
        let mut config: Config = rest.parse().map_err(|error: tokio_postgres::Error| bad(&told(&error, query)))?;
        if config.get_hosts().is_empty() {
            return Err(bad("it names no host"));
        }
        let is_here = config.get_hosts().iter().all(is_here) && config.get_hostaddrs().iter().all(IpAddr::is_loopback);
        let trust = trust(mode, root.as_deref(), is_here)?;
        complete(&mut config, &trust);
        Ok(Self { config, trust })
    }

    /// The hosts and the database, for sentences: nothing secret.
    pub(super) fn shown(&self) -> String {
        let ports = self.config.get_ports();
        let hosts: Vec<String> = (0..)
            .zip(self.config.get_hosts())
            .map(|(at, host)| shown(host, ports.get(at).or(ports.first()).copied().unwrap_or(DEFAULT_PORT)))
            .collect();
        format!("postgres://{}/{}", hosts.join(","), self.config.get_dbname().unwrap_or_default())
    }
}

fn shown(host: &Host, port: u16) -> String {
    match host {
        Host::Tcp(name) => format!("{name}:{port}"),
        Host::Unix(path) => path.display().to_string(),
    }
}

const DEFAULT_PORT: u16 = 5_432;

/// What the URL leaves open.
fn complete(config: &mut Config, trust: &Trust) {
    config.ssl_mode(match trust {
        Trust::NoTls => SslMode::Disable,
        Trust::IfOffered => SslMode::Prefer,
        Trust::Anybody | Trust::Authority(_) | Trust::Host(_) => SslMode::Require,
    });
    // Nothing is decided on a standby, whatever the URL says.
    config.target_session_attrs(TargetSessionAttrs::ReadWrite);
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT_TIMEOUT);
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(TCP_USER_TIMEOUT);
    }
    config.keepalives(true).keepalives_idle(KEEPALIVES_IDLE);
    config.keepalives_interval(KEEPALIVES_INTERVAL).keepalives_retries(KEEPALIVES_RETRIES);
    if config.get_application_name().is_none() {
        config.application_name("matchbook");
    }
}

fn trust(mode: Option<&str>, root: Option<&str>, is_here: bool) -> Result<Trust, ConnectError> {
    let roots = match root {
        None => None,
        Some("system") => Some(Roots::Public),
        Some(file) => Some(Roots::File(PathBuf::from(file))),
    };
    let needed = |roots: Option<Roots>| {
        roots.ok_or_else(|| {
            bad("it does not say who signs the server's certificate: add sslrootcert=FILE with the authority's \
                 certificate, or sslrootcert=system for the public ones")
        })
    };
    match mode {
        Some("disable") => Ok(Trust::NoTls),
        Some("prefer") => Ok(Trust::IfOffered),
        // As in libpq: with an authority at hand, it counts.
        Some("require") => Ok(roots.map_or(Trust::Anybody, Trust::Authority)),
        Some("verify-ca") => needed(roots).map(Trust::Authority),
        Some("verify-full") => needed(roots).map(Trust::Host),
        Some(_) => Err(bad("sslmode is disable, prefer, require, verify-ca or verify-full")),
        None if roots.is_none() && is_here => Ok(Trust::NoTls),
        // Unlike libpq, which would talk in clear to whoever answers.
        None => Ok(Trust::Host(roots.unwrap_or(Roots::Public))),
    }
}

/// Whether what is sent there stays on this machine.
fn is_here(host: &Host) -> bool {
    match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback()),
    }
}

fn percent_decoded(value: &str) -> Result<String, ConnectError> {
    let unreadable = || bad("a percent sign in it is not followed by two hexadecimal digits");
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let (Some(high), Some(low)) = (rest.next(), rest.next()) else { return Err(unreadable()) };
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let (Some(high), Some(low)) = (digit(high), digit(low)) else { return Err(unreadable()) };
        bytes.push(high << 4 | low);
    }
    String::from_utf8(bytes).map_err(|_| unreadable())
}

/// What the parser complains of. An option that it does not know may be a piece of a password with a question mark or an
/// ampersand: then it is followed by the at sign of the user, comes after a password, or does not look like an option.
fn told(error: &tokio_postgres::Error, query: &str) -> String {
    let told = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    if told.starts_with("invalid value for option") {
        return told;
    }
    let looks_so = |name: &&str| name.contains('_') || name.starts_with("ssl");
    let unknown = told.strip_prefix("unknown option `").and_then(|rest| rest.strip_suffix('`'));
    let is_word = |name: &&str| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    match unknown.filter(is_word).filter(looks_so) {
        Some(name) if !query.contains('@') && is_before_password(name, query) => {
            format!("its option {name} is not known here")
        }
        Some(_) | None => {
            "it cannot be read, or has an option that is not known (is the password percent-encoded?)".to_owned()
        }
    }
}

fn is_before_password(name: &str, query: &str) -> bool {
    let mut names = query.split('&').map(|setting| setting.split_once('=').map_or(setting, |(name, _)| name));
    names.find(|it| [name, "password"].contains(it)) == Some(name)
}

fn bad(why: &str) -> ConnectError {
    ConnectError::Address(format!(
        "the database's URL is not right: {why} (postgres://user@host:port/database?sslmode=verify-full)"
    ))
}

#[cfg(test)]
mod tests;
