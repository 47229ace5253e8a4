//! One blocking HTTP client: bearer token, TLS, time limit, lists page by page.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use ureq::http::{Method, Request, StatusCode, header};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use zeroize::Zeroizing;

use super::problem::Failure;
use super::url::{is_loopback, page_path};
use super::{problem, token};
use crate::config::Settings;
use crate::error::CliError;
use crate::ui::Ui;

/// The largest answer that is read; a full page of a list has under 1 MiB.
const MAX_ANSWER: u64 = 16 * 1024 * 1024;
/// Rows a page; the most that the server gives.
const PAGE: usize = 1_000;

/// A connection to the server's API.
pub(crate) struct Api {
    agent: ureq::Agent,
    base: String,
    token: token::Token,
}

impl Api {
    /// Takes the server, the token, the CA file and the time limit from the settings. Nothing is sent yet.
    ///
    /// # Errors
    /// Exit code 4: no token. Exit code 1: a file that cannot be read.
    pub(crate) fn new(settings: &Settings, ui: &Ui) -> Result<Self, CliError> {
        let base = settings.needed("client.server")?.trim_end_matches('/').to_owned();
        let token = token::find(settings, ui)?;
        if base.starts_with("http://") && !is_loopback(&base) {
            ui.warn(format!("the token and all answers go unencrypted to {base}; use https://"));
        }
        let timeout = Duration::from_secs(settings.parsed("client.timeout_s")?);
        let mut config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_global(Some(timeout))
            .user_agent(concat!("matchbook/", env!("CARGO_PKG_VERSION")));
        if is_loopback(&base) {
            config = config.proxy(None);
        }
        if let Some(file) = settings.path("client.ca_file") {
            config = config.tls_config(TlsConfig::builder().root_certs(certificates(&file)?).build());
        }
        Ok(Self { agent: config.build().into(), base, token })
    }

    /// Reads something.
    ///
    /// # Errors
    /// What the server answered, as an exit code and a sentence.
    pub(crate) fn get(&self, path: &str) -> Result<Value, CliError> {
        self.call(&Method::GET, path, None)
    }

    /// Makes or does something.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub(crate) fn post(&self, path: &str, body: &(impl Serialize + ?Sized)) -> Result<Value, CliError> {
        self.call(&Method::POST, path, Some(json(body)?))
    }

    /// Sends a request that may be sent again, because it names its operation: up to `sendings` times, until the
    /// outcome is known. When it is not known even then, `unknown` is the hint.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub(crate) fn post_until_known(
        &self,
        path: &str,
        body: &(impl Serialize + ?Sized),
        sendings: u32,
        unknown: &str,
    ) -> Result<Value, CliError> {
        let body = json(body)?;
        let (mut sent, mut may_be_done) = (1, false);
        loop {
            let failure = match self.send(&Method::POST, path, Some(&body)) {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            // Also by one before this: the first answer may be the one that was lost.
            may_be_done |= failure.may_be_done;
            match failure {
                Failure { again: Some(pause), .. } if sent < sendings => {
                    std::thread::sleep(pause);
                    sent += 1;
                }
                Failure { error, again, .. } if may_be_done => {
                    let other = error.hint.as_ref().filter(|_| again.is_none());
                    let hint = other.map_or_else(|| unknown.to_owned(), |other| format!("{other} {unknown}"));
                    return Err(error.hint(hint));
                }
                Failure { error, .. } => return Err(error),
            }
        }
    }

    /// Does something that needs no more than its path.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub(crate) fn act(&self, path: &str) -> Result<Value, CliError> {
        self.call(&Method::POST, path, Some(Zeroizing::new(Vec::new())))
    }

    /// Replaces something.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub(crate) fn put(&self, path: &str, body: &(impl Serialize + ?Sized)) -> Result<Value, CliError> {
        self.call(&Method::PUT, path, Some(json(body)?))
    }

    /// Removes something.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub(crate) fn delete(&self, path: &str) -> Result<(), CliError> {
        self.call(&Method::DELETE, path, None).map(|_| ())
    }

    /// A list, page by page: all rows, or the first `most`.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub(crate) fn list(&self, path: &str, query: &[(&str, &str)], most: Option<usize>) -> Result<Vec<Value>, CliError> {
        let mut rows: Vec<Value> = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let wanted = most.map_or(PAGE, |most| most.saturating_sub(rows.len()).min(PAGE));
            if wanted == 0 {
                return Ok(rows);
            }
            let mut page = self.get(&page_path(path, query, after.as_deref(), wanted))?;
            match page.get_mut("items").map(Value::take) {
                Some(Value::Array(items)) => rows.extend(items),
                _ => return Err(problem::not_ours(&self.base)),
            }
            match page.get("next").and_then(Value::as_str) {
                Some(next) => after = Some(next.to_owned()),
                None => return Ok(rows),
            }
        }
    }

    fn call(&self, method: &Method, path: &str, body: Option<Zeroizing<Vec<u8>>>) -> Result<Value, CliError> {
        self.send(method, path, body.as_deref()).map_err(|failure| failure.error)
    }

    fn send(&self, method: &Method, path: &str, body: Option<&Vec<u8>>) -> Result<Value, Failure> {
        let bearer = Zeroizing::new(format!("Bearer {}", self.token.secret.as_str()));
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header(header::AUTHORIZATION, bearer.as_str())
            .header(header::ACCEPT, "application/json, application/problem+json");
        let sent = match body {
            Some(body) => {
                let request = request.header(header::CONTENT_TYPE, "application/json").body(body.as_slice());
                self.agent.run(request.map_err(|error| self.bad_url(&error))?)
            }
            None => self.agent.run(request.body(()).map_err(|error| self.bad_url(&error))?),
        };
        let response = sent.map_err(|error| problem::unreachable(&self.base, &error))?;
        let status = response.status();
        let retry_after = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after = retry_after.map(str::to_owned);
        let mut text = Zeroizing::new(Vec::new());
        let mut reader = response.into_body().into_reader().take(MAX_ANSWER);
        reader.read_to_end(&mut text).map_err(|error| problem::cut_off(&self.base, &error))?;
        if status == StatusCode::NO_CONTENT {
            return Ok(Value::Null);
        }
        if status.is_success() {
            let not_ours = |_| Failure { may_be_done: true, ..problem::not_ours(&self.base).into() };
            return serde_json::from_slice(&text).map_err(not_ours);
        }
        Err(problem::read(status, retry_after.as_deref(), &text, &self.base, &self.token.origin))
    }

    fn bad_url(&self, error: &ureq::http::Error) -> CliError {
        CliError::usage(format!("{} is not a URL that can be called: {error}", self.base))
    }
}

fn json(body: &(impl Serialize + ?Sized)) -> Result<Zeroizing<Vec<u8>>, CliError> {
    serde_json::to_vec(body)
        .map(Zeroizing::new)
        .map_err(|error| CliError::failure(format!("the request cannot be written: {error}")))
}

/// The authorities to believe, from a file.
///
/// # Errors
/// Exit code 1: it cannot be read, or holds none.
pub(crate) fn certificates(file: &Path) -> Result<RootCerts, CliError> {
    let pem = std::fs::read(file).map_err(|error| CliError::file("read the CA file", file, &error))?;
    let certificates: Vec<Certificate<'static>> = parse_pem(&pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    if certificates.is_empty() {
        return Err(CliError::failure(format!("{} holds no PEM certificate", file.display())));
    }
    Ok(RootCerts::Specific(Arc::new(certificates)))
}
