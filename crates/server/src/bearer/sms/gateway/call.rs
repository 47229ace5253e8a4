//! One HTTP call to a gateway, on a thread that may block.

use std::time::Duration;

use data_encoding::BASE64;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, Error, Timeout};
use zeroize::Zeroizing;

use super::{Answer, Call};
use crate::bearer::sms::centre::SubmitError;
use crate::bearer::sms::config::{Dialect, GatewayConfig, is_loopback};

/// Until a connection stands.
const CONNECT: Duration = Duration::from_secs(10);

/// Until the answer is there: what takes longer is in doubt.
const WHOLE: Duration = Duration::from_secs(30);

/// What is read of an answer; Kannel's has a line, a JSON one less than this.
const MAX_ANSWER: u64 = 4 * 1024;

/// The gateway's address and our log-in there.
pub(super) struct Caller {
    agent: Agent,
    url: String,
    is_plain: bool,
    /// The `Authorization` header of a generic gateway.
    basic: Option<Zeroizing<String>>,
    /// What Kannel wants in the query.
    login: Option<(String, Zeroizing<String>)>,
}

impl Caller {
    pub(super) fn new(gateway: &GatewayConfig) -> Self {
        let is_here = is_loopback(host_of(&gateway.url));
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(CONNECT))
            .timeout_global(Some(WHOLE))
            // A connection that was left open may be closed by the other side while we write: then nobody knows
            // whether the message was taken. A new one for each call leaves no such doubt.
            .max_idle_connections(0)
            .user_agent(concat!("matchbook/", env!("CARGO_PKG_VERSION")));
        if is_here {
            config = config.proxy(None);
        }
        if let Some(roots) = &gateway.roots {
            let roots = roots.iter().map(|root| Certificate::from_der(root).to_owned()).collect::<Vec<_>>();
            config = config.tls_config(TlsConfig::builder().root_certs(RootCerts::from(roots)).build());
        }
        let login = gateway
            .login
            .as_ref()
            .map(|login| (login.user.clone(), Zeroizing::new(login.password.expose().to_owned())));
        let basic = login.as_ref().filter(|_| gateway.dialect != Dialect::Kannel).map(|(user, password)| {
            let pair = Zeroizing::new(format!("{user}:{}", password.as_str()));
            Zeroizing::new(format!("Basic {}", Zeroizing::new(BASE64.encode(pair.as_bytes())).as_str()))
        });
        let is_plain = gateway.url.starts_with("http://") && !is_here;
        Self { agent: config.build().into(), url: gateway.url.clone(), is_plain, basic, login }
    }

    /// Whether strangers on the way can read along.
    pub(super) fn is_plain(&self) -> bool {
        self.is_plain
    }

    /// User and password for the query.
    pub(super) fn login(&self) -> Option<(&str, &str)> {
        self.login.as_ref().map(|(user, password)| (user.as_str(), password.as_str()))
    }

    pub(super) fn call(&self, call: &Call) -> Result<Answer, SubmitError> {
        let url = Zeroizing::new(format!("{}{}", self.url, call.query));
        let answered = match &call.body {
            None => self.agent.get(url.as_str()).call(),
            Some((media, body)) => {
                let mut request = self.agent.post(url.as_str()).header("content-type", *media);
                if let Some(basic) = &self.basic {
                    request = request.header("authorization", basic.as_str());
                }
                request.send(body.as_str())
            }
        };
        let mut answer = answered.map_err(|error| unanswered(&error))?;
        let status = answer.status().as_u16();
        // The status says what came of it; the words are for people, and for an id.
        let body = answer.body_mut().with_config().limit(MAX_ANSWER).lossy_utf8(true).read_to_string();
        Ok(Answer { status, body: body.unwrap_or_default() })
    }
}

/// Whether a call that was not answered may have been heard.
fn unanswered(error: &Error) -> SubmitError {
    let why = match error {
        // It would name the URL, and with it the password.
        Error::BadUri(_) | Error::Http(_) => "the gateway's URL cannot be used".to_owned(),
        error => error.to_string(),
    };
    match error {
        Error::Timeout(Timeout::Resolve | Timeout::Connect)
        | Error::HostNotFound
        | Error::ConnectionFailed
        | Error::BadUri(_)
        | Error::Http(_)
        | Error::InvalidProxyUrl
        | Error::Tls(_)
        | Error::Rustls(_) => SubmitError::Unreachable(why),
        Error::Io(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => SubmitError::Unreachable(why),
        _ => SubmitError::InDoubt(why),
    }
}

fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or_default();
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    host.trim_matches(['[', ']'])
}
