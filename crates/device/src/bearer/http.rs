//! The HTTP bearer: one POST a message, in its COSE form, and a CBOR sequence of messages back.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use matchbook_protocol::{MAX_COSE_LEN, MAX_SEQUENCE, Party, compress_downlink, expand_uplink, split_sequence};
use ureq::http::{HeaderMap, Response, StatusCode, Uri, header};
use ureq::tls::TlsConfig;
use ureq::{Agent, Body};

use super::{AddressError, Bearer, BearerError, HttpOptions, MAX_WAIT};

/// Where devices post, below the server's base URL.
const PATH: &str = "/v1/device/messages";
/// The media type of what is sent (RFC 9052 §10.2).
const MESSAGE: &str = "application/cose";
/// The media types of what comes back: a CBOR sequence (RFC 8742), or one message.
const ANSWERS: [&str; 2] = ["application/cbor-seq", MESSAGE];
/// The longest answer, in bytes: four messages of the longest kind.
const MAX_ANSWER_LEN: u64 = (MAX_SEQUENCE * MAX_COSE_LEN) as u64;
/// The longest Retry-After that is believed.
const MAX_RETRY_AFTER_S: u64 = 24 * 60 * 60;

/// Carries messages by HTTP. Certificates are checked, redirects are not followed, answers are limited in size and time.
pub struct HttpBearer {
    agent: Agent,
    party: Party,
    server: String,
    url: String,
    exchange_timeout: Duration,
}

impl HttpBearer {
    /// A bearer to `server`, the base URL that the enrolment names, for one account's messages. Nothing is connected yet.
    ///
    /// # Errors
    /// See [`AddressError`].
    pub fn new(server: &str, party: Party, options: &HttpOptions) -> Result<Self, AddressError> {
        let uri = check_address(server, options.allow_plain_http)?;
        let mut tls = TlsConfig::builder();
        if let Some(root) = &options.root_certificate {
            tls = tls.root_certs(root.roots());
        }
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .https_only(uri.scheme_str() == Some("https"))
            .timeout_connect(Some(options.connect_timeout))
            .tls_config(tls.build())
            .user_agent(concat!("matchbook/", env!("CARGO_PKG_VERSION")));
        if is_loopback(&uri) {
            // A proxy of the environment is for the network, not for this machine.
            config = config.proxy(None);
        }
        let server = server.trim_end_matches('/').to_owned();
        let url = format!("{server}{PATH}");
        Ok(Self { agent: config.build().into(), party, server, url, exchange_timeout: options.exchange_timeout })
    }

    /// The server's base URL, without a slash at its end.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.server
    }

    fn post(&self, cose: &[u8], wait: Option<Duration>) -> Result<Response<Body>, ureq::Error> {
        let wait = wait.unwrap_or_default().min(MAX_WAIT);
        let mut request = self
            .agent
            .post(&self.url)
            .config()
            .timeout_global(Some(self.exchange_timeout.saturating_add(wait)))
            .build()
            .header(header::CONTENT_TYPE, MESSAGE)
            .header(header::ACCEPT, "application/cbor-seq, application/cose");
        if wait.as_secs() > 0 {
            request = request.header("prefer", format!("wait={}", wait.as_secs()));
        }
        request.send(cose)
    }

    /// The messages of an answer in their compressed form.
    fn read_answer(&self, response: &mut Response<Body>) -> Result<Vec<Vec<u8>>, BearerError> {
        let media = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let media = media.and_then(|value| value.split(';').next()).unwrap_or_default().trim();
        if !ANSWERS.iter().any(|known| known.eq_ignore_ascii_case(media)) {
            let what = if media.is_empty() { "an unnamed type".to_owned() } else { format!("the type {media:?}") };
            return Err(self.not_matchbook(what));
        }
        let body = response.body_mut().with_config().limit(MAX_ANSWER_LEN).read_to_vec();
        let body = body.map_err(|error| self.sort(error))?;
        let messages = split_sequence(&body).map_err(|error| self.not_matchbook(error.to_string()))?;
        messages
            .into_iter()
            .map(|cose| compress_downlink(cose, &self.party).map_err(|error| self.not_matchbook(error.to_string())))
            .collect()
    }

    fn not_matchbook(&self, what: String) -> BearerError {
        BearerError::NotMatchbook { server: self.server.clone(), what }
    }

    /// Says what an error means to the user.
    fn sort(&self, error: ureq::Error) -> BearerError {
        let server = self.server.clone();
        match error {
            ureq::Error::Timeout(_) => BearerError::TimedOut { server },
            ureq::Error::Rustls(error) => self.sort_tls(&error),
            ureq::Error::Tls(cause) => BearerError::Tls { server, cause: cause.to_owned() },
            ureq::Error::BodyExceedsLimit(_) => self.not_matchbook("more than four messages' bytes".to_owned()),
            ureq::Error::Protocol(_) if server.starts_with("http://") => {
                self.not_matchbook("what is not HTTP, as a port for https:// does".to_owned())
            }
            ureq::Error::Protocol(_) | ureq::Error::LargeResponseHeader(..) => {
                self.not_matchbook("what is not HTTP".to_owned())
            }
            ureq::Error::HostNotFound => BearerError::Unreachable { server, cause: "no such host".to_owned() },
            // rustls reports a bad certificate through the socket that it was writing to.
            ureq::Error::Io(error) => match error.get_ref().and_then(|inner| inner.downcast_ref()) {
                Some(error) => self.sort_tls(error),
                None => BearerError::Unreachable { server, cause: without_number(&error) },
            },
            other => BearerError::Unreachable { server, cause: other.to_string() },
        }
    }

    fn sort_tls(&self, error: &rustls::Error) -> BearerError {
        match error {
            rustls::Error::InvalidMessage(_) => {
                self.not_matchbook("what is not TLS, as a port for http:// does".to_owned())
            }
            error => BearerError::Tls { server: self.server.clone(), cause: error.to_string() },
        }
    }
}

impl Bearer for HttpBearer {
    fn exchange(&mut self, message: &[u8], wait: Option<Duration>) -> Result<Vec<Vec<u8>>, BearerError> {
        let cose = expand_uplink(message).map_err(|_| BearerError::NotAMessage)?;
        let mut response = self.post(&cose, wait).map_err(|error| self.sort(error))?;
        match response.status() {
            StatusCode::OK => self.read_answer(&mut response),
            StatusCode::NO_CONTENT => Ok(Vec::new()),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                Err(BearerError::Busy { retry_after: retry_after(response.headers()) })
            }
            status if status.is_redirection() => {
                Err(self.not_matchbook("a redirect, which is not followed".to_owned()))
            }
            status => Err(BearerError::Status { server: self.server.clone(), status: status.as_u16() }),
        }
    }
}

impl fmt::Debug for HttpBearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpBearer").field("server", &self.server).field("party", &self.party).finish_non_exhaustive()
    }
}

/// Checks a base URL: a scheme that is allowed, a host, nothing after the path.
fn check_address(server: &str, allow_plain_http: bool) -> Result<Uri, AddressError> {
    if server.is_empty() {
        return Err(AddressError::NoServer);
    }
    let not_a_url = || AddressError::NotAUrl { server: server.to_owned() };
    let uri: Uri = server.parse().map_err(|_| not_a_url())?;
    let has_host = uri.host().is_some_and(|host| !host.is_empty());
    if !has_host || uri.query().is_some() || server.contains(['#', '@']) {
        return Err(not_a_url());
    }
    match uri.scheme_str() {
        Some("https") => Ok(uri),
        Some("http") if allow_plain_http || is_loopback(&uri) => Ok(uri),
        Some("http") => Err(AddressError::PlainHttp { server: server.to_owned() }),
        Some(_) | None => Err(not_a_url()),
    }
}

fn is_loopback(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

/// The system's reason in words alone: "Connection refused", without "(os error 111)".
fn without_number(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split_once(" (os error").map_or(text.as_str(), |(words, _)| words).to_lowercase()
}

/// Retry-After in its form of seconds (RFC 9110 §10.2.3); a date is not read.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds.min(MAX_RETRY_AFTER_S)))
}
