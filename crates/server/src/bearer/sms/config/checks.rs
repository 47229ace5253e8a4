//! What every key has to be.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use matchbook_protocol::sms::{Address, Form};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use zeroize::Zeroizing;

use super::raw::{RawCaps, RawCentre, RawConfig, RawGateway};
use super::{
    Dialect, GatewayConfig, Login, MessageIds, RouteConfig, RouteKind, SmppConfig, SmppVersion, SmsCaps, SmsConfig,
    SmsConfigError, Tls,
};
use crate::bearer::sms::password::Password;

/// More ways out than any site has; each costs a task or a pool of connections.
const MAX_ROUTES: usize = 32;

/// More prefixes than there are countries.
const MAX_PREFIXES: usize = 300;

/// What `password_file`, `secret_file` and `ca_file` may hold at most: a bundle of public roots has about 220 KiB.
const MAX_FILE: u64 = 512 * 1024;

type Checked<T> = Result<T, SmsConfigError>;

impl RawConfig {
    /// Checks every value, and reads the files that are named.
    pub(super) fn checked(self, folder: &Path) -> Checked<SmsConfig> {
        let number: Address = self.number.parse().map_err(|error| wrong("number", format!("{error}")))?;
        if number.text().bytes().any(|byte| !byte.is_ascii_digit()) {
            return Err(wrong(
                "number",
                "is a number such as \"16020\" or \"+491701234567\": nobody can answer a name",
            ));
        }
        let hours = within("validity_hours", self.validity_hours, 24, 1, 72)?;
        let count = self.centres.len().saturating_add(self.gateways.len());
        if count == 0 || count > MAX_ROUTES {
            let rule = format!("there must be 1 to {MAX_ROUTES} tables [[centre]] or [[gateway]] in all");
            return Err(wrong("centre", rule));
        }
        let mut routes = Vec::with_capacity(count);
        for centre in self.centres {
            routes.push((centre.span().start, centre.into_inner().checked(folder)?));
        }
        for gateway in self.gateways {
            routes.push((gateway.span().start, gateway.into_inner().checked(folder)?));
        }
        routes.sort_by_key(|(place, _)| *place);
        let routes: Vec<_> = routes.into_iter().map(|(_, route)| route).collect();
        for (place, route) in routes.iter().enumerate() {
            if routes.iter().take(place).any(|earlier| earlier.name == route.name) {
                return Err(wrong(&format!("name = \"{}\"", route.name), "is there twice; names are unique"));
            }
        }
        let validity = Duration::from_secs(u64::from(hours) * 3_600);
        let resend = within("resend_first_s", self.resend_first_s, 300, 1, 3_600)?;
        let resend_first = Duration::from_secs(u64::from(resend));
        Ok(SmsConfig { number, validity, resend_first, caps: self.caps.checked()?, routes })
    }
}

impl RawCaps {
    fn checked(self) -> Checked<SmsCaps> {
        const MOST: u32 = 1_000_000_000;
        let default = SmsCaps::default();
        let cap = |key: &str, value, or| within(&format!("[caps] {key}"), value, or, 1, MOST);
        let small = |key: &str, value, or: u8, most: u8| {
            let value = within(&format!("[caps] {key}"), value, u32::from(or), 1, u32::from(most))?;
            Ok(u8::try_from(value).unwrap_or(most))
        };
        Ok(SmsCaps {
            messages_per_device: cap("messages_per_device", self.messages_per_device, default.messages_per_device)?,
            messages_per_prefix: cap("messages_per_prefix", self.messages_per_prefix, default.messages_per_prefix)?,
            prefix_digits: small("prefix_digits", self.prefix_digits, default.prefix_digits, 15)?,
            messages_per_realm: cap("messages_per_realm", self.messages_per_realm, default.messages_per_realm)?,
            sets_per_prefix: cap("sets_per_prefix", self.sets_per_prefix, default.sets_per_prefix)?,
            sets_per_realm: cap("sets_per_realm", self.sets_per_realm, default.sets_per_realm)?,
            alarm_percent: small("alarm_percent", self.alarm_percent, default.alarm_percent, 100)?,
        })
    }
}

impl RawCentre {
    fn checked(self, folder: &Path) -> Checked<RouteConfig> {
        let place = Place::new("centre", &self.name, folder)?;
        let host = host_of(&self.address)
            .ok_or_else(|| place.wrong("address", "is a host and a port, such as \"smsc.example.org:2775\""))?;
        let version = match self.version.as_deref() {
            None | Some("3.4") => SmppVersion::V3_4,
            Some("5.0") => SmppVersion::V5_0,
            Some(_) => return Err(place.wrong("version", "is \"3.4\" or \"5.0\"")),
        };
        let message_ids = match self.message_ids.as_deref() {
            None | Some("same") => MessageIds::Same,
            Some("hex-then-decimal") => MessageIds::HexThenDecimal,
            Some("decimal-then-hex") => MessageIds::DecimalThenHex,
            Some(_) => {
                return Err(place.wrong("message_ids", "is \"same\", \"hex-then-decimal\" or \"decimal-then-hex\""));
            }
        };
        let tls = match (self.tls, self.ca_file) {
            (false, None) => Tls::Off,
            (false, Some(_)) => return Err(place.wrong("ca_file", "needs tls = true")),
            (true, None) => Tls::PublicRoots,
            (true, Some(file)) => Tls::Roots(place.certificates("ca_file", &file)?),
        };
        let password = place.secret("password", self.password, self.password_file)?;
        let password = password.ok_or_else(|| place.wrong("password", "or password_file is needed"))?;
        place.text("password", password.expose(), 0, 8)?;
        place.text("system_id", &self.system_id, 1, 15)?;
        let system_type = self.system_type.unwrap_or_default();
        place.text("system_type", &system_type, 0, 12)?;
        let enquire_link = within(&place.key("enquire_link_s"), self.enquire_link_s, 30, 5, 600)?;
        let kind = RouteKind::Smpp(SmppConfig {
            host,
            address: self.address,
            system_id: self.system_id,
            password,
            system_type,
            version,
            tls,
            enquire_link: Duration::from_secs(u64::from(enquire_link)),
            message_ids,
        });
        let limits = (self.window, self.per_second);
        place.route(self.form.as_deref(), self.prefixes, limits, self.receipts.unwrap_or(true), kind)
    }
}

impl RawGateway {
    fn checked(self, folder: &Path) -> Checked<RouteConfig> {
        let place = Place::new("gateway", &self.name, folder)?;
        let dialect = match (self.kind.as_str(), self.body.as_deref()) {
            ("kannel", None) => Dialect::Kannel,
            ("kannel", Some(_)) => return Err(place.wrong("body", "is only for kind = \"generic\"")),
            ("generic", None | Some("json")) => Dialect::GenericJson,
            ("generic", Some("form")) => Dialect::GenericForm,
            ("generic", Some(_)) => return Err(place.wrong("body", "is \"json\" or \"form\"")),
            _ => return Err(place.wrong("kind", "is \"kannel\" or \"generic\"")),
        };
        place.url("url", &self.url)?;
        if self.url.contains(['?', '#']) {
            return Err(place.wrong("url", "is without a query, such as \"http://127.0.0.1:13013/cgi-bin/sendsms\""));
        }
        let password = place.secret("password", self.password, self.password_file)?;
        let login = match (self.user, password) {
            (Some(user), Some(password)) => Some(Login { user, password }),
            (None, None) if dialect != Dialect::Kannel => None,
            (None, None) => return Err(place.wrong("user", "and password are needed for Kannel")),
            (_, None) => return Err(place.wrong("password", "or password_file is needed beside user")),
            (None, _) => return Err(place.wrong("user", "is needed beside password")),
        };
        if let Some(login) = &login {
            place.text("user", &login.user, 1, 64)?;
            place.text("password", login.password.expose(), 1, 128)?;
        }
        let secret = place.secret("secret", self.secret, self.secret_file)?;
        let secret =
            secret.ok_or_else(|| place.wrong("secret", "or secret_file is needed: the callbacks' path has it"))?;
        place.secret_text(secret.expose())?;
        let callback_url = self.callback_url.map(|url| url.trim_end_matches('/').to_owned());
        if let Some(url) = &callback_url {
            place.url("callback_url", url)?;
        }
        let receipts = self.receipts.unwrap_or(true);
        if receipts && dialect == Dialect::Kannel && callback_url.is_none() {
            let rule =
                "is where Kannel reaches this server, such as \"http://127.0.0.1:8470\"; or set receipts = false";
            return Err(place.wrong("callback_url", rule));
        }
        let roots = self.ca_file.map(|file| place.certificates("ca_file", &file)).transpose()?;
        let kind = RouteKind::Gateway(GatewayConfig { dialect, url: self.url, login, roots, secret, callback_url });
        place.route(self.form.as_deref(), self.prefixes, (self.window, self.per_second), receipts, kind)
    }
}

/// One table of the file, for its errors and its files.
struct Place<'a> {
    table: &'static str,
    name: &'a str,
    folder: &'a Path,
}

impl<'a> Place<'a> {
    fn new(table: &'static str, name: &'a str, folder: &'a Path) -> Checked<Self> {
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if !(1..=32).contains(&name.len()) || !name.bytes().all(is_plain) {
            return Err(wrong(&format!("[[{table}]] name"), "is 1 to 32 of a-z, 0-9 and -, such as \"north\""));
        }
        Ok(Self { table, name, folder })
    }

    fn key(&self, key: &str) -> String {
        format!("{} \"{}\": {key}", self.table, self.name)
    }

    fn wrong(&self, key: &str, rule: impl Into<String>) -> SmsConfigError {
        wrong(&self.key(key), rule)
    }

    fn route(
        &self,
        form: Option<&str>,
        prefixes: Vec<String>,
        (window, per_second): (Option<i64>, Option<i64>),
        receipts: bool,
        kind: RouteKind,
    ) -> Checked<RouteConfig> {
        let form = match form {
            None | Some("binary") => Form::Binary,
            Some("text") => Form::Text,
            Some(_) => return Err(self.wrong("form", "is \"binary\" or \"text\"")),
        };
        let is_prefix = |prefix: &String| {
            let digits = prefix.strip_prefix('+').unwrap_or(prefix);
            (1..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
        };
        if prefixes.len() > MAX_PREFIXES || !prefixes.iter().all(is_prefix) {
            let rule = format!("is a list of up to {MAX_PREFIXES} beginnings of numbers, such as [\"+49\", \"+43\"]");
            return Err(self.wrong("prefixes", rule));
        }
        let window = within(&self.key("window"), window, 10, 1, 1_000)?;
        let per_second = within(&self.key("per_second"), per_second, 100, 1, 10_000)?;
        let small = |value| u16::try_from(value).unwrap_or(u16::MAX);
        let (window, per_second) = (small(window), small(per_second));
        Ok(RouteConfig { name: self.name.to_owned(), form, prefixes, window, per_second, receipts, kind })
    }

    fn text(&self, key: &str, text: &str, least: usize, most: usize) -> Checked<()> {
        let is_plain = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        if (least..=most).contains(&text.len()) && is_plain {
            return Ok(());
        }
        Err(self.wrong(key, format!("has {least} to {most} printable ASCII characters")))
    }

    fn secret_text(&self, text: &str) -> Checked<()> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if (16..=128).contains(&text.len()) && text.bytes().all(is_plain) {
            return Ok(());
        }
        Err(self
            .wrong("secret", "has 16 to 128 of A-Z, a-z, 0-9, - and _, such as the output of `openssl rand -hex 24`"))
    }

    fn url(&self, key: &str, url: &str) -> Checked<()> {
        let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
        let is_plain = |byte: u8| (b'!'..=b'~').contains(&byte);
        match rest {
            Some(rest) if !rest.is_empty() && url.len() <= 512 && url.bytes().all(is_plain) => Ok(()),
            _ => Err(self.wrong(key, "is a URL that begins with http:// or https://")),
        }
    }

    /// The value of `key`, or of the file that `key_file` names, without the end of its line.
    fn secret(&self, key: &str, value: Option<Password>, file: Option<String>) -> Checked<Option<Password>> {
        match (value, file) {
            (Some(_), Some(_)) => Err(self.wrong(key, format!("and {key}_file exclude each other: keep one"))),
            (value, None) => Ok(value),
            (None, Some(file)) => {
                let key = format!("{key}_file");
                let path = self.folder.join(&file);
                let failed = |error| self.unusable(&key, &path, error);
                let text = read_secret(&path).map_err(failed)?;
                Ok(Some(Password::new(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))))
            }
        }
    }

    fn certificates(&self, key: &str, file: &str) -> Checked<Vec<CertificateDer<'static>>> {
        let path = self.folder.join(file);
        let failed = |error| self.unusable(key, &path, error);
        let mut pem = Vec::new();
        let opened = File::open(&path).map_err(failed)?;
        opened.take(MAX_FILE).read_to_end(&mut pem).map_err(failed)?;
        let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        match found {
            Ok(found) if !found.is_empty() => Ok(found),
            _ => Err(failed(io::Error::other("it has no PEM certificate, or a damaged one"))),
        }
    }

    fn unusable(&self, key: &str, path: &Path, error: io::Error) -> SmsConfigError {
        SmsConfigError::File { key: self.key(key), path: PathBuf::from(path), error }
    }
}

/// A file that others can read is refused. systemd hands a credential over as a file that its group may read, in a
/// folder that only the service enters.
fn read_secret(path: &Path) -> io::Result<Zeroizing<String>> {
    let file = File::open(path)?;
    let handed_over = std::env::var_os("CREDENTIALS_DIRECTORY").is_some_and(|folder| path.starts_with(folder));
    let others = if handed_over { 0o037 } else { 0o077 };
    let mode = file.metadata()?.mode() & 0o7777;
    if mode & others != 0 {
        return Err(io::Error::other(format!("others can read it (mode {mode:04o}): run `chmod 0400` on it")));
    }
    let mut text = Zeroizing::new(String::with_capacity(4_096));
    file.take(MAX_FILE).read_to_string(&mut text)?;
    Ok(text)
}

fn wrong(key: &str, rule: impl Into<String>) -> SmsConfigError {
    SmsConfigError::Value { key: key.to_owned(), rule: rule.into() }
}

fn within(key: &str, value: Option<i64>, default: u32, least: u32, most: u32) -> Checked<u32> {
    let Some(value) = value else { return Ok(default) };
    match u32::try_from(value) {
        Ok(value) if (least..=most).contains(&value) => Ok(value),
        _ => Err(wrong(key, format!("is {least} to {most} (default {default}), not {value}"))),
    }
}

/// The host of `host:port`; an IPv6 address stands in brackets.
fn host_of(address: &str) -> Option<String> {
    let (host, port) = address.rsplit_once(':')?;
    let port: u16 = port.parse().ok()?;
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    let is_good = match bare {
        Some(bare) => bare.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.len() <= 253 && host.bytes().all(is_plain),
    };
    (port != 0 && is_good).then(|| bare.unwrap_or(host).to_owned())
}
