//! What a failed call means for the exit code.

use std::time::Duration;

use serde::Deserialize;
use ureq::http::StatusCode;

use crate::error::CliError;
use crate::exit::ExitCode;
use crate::ui::visible;

/// The longest pause before a request is sent again.
const MAX_PAUSE: Duration = Duration::from_secs(5);
/// The pause when the server named none.
const PAUSE: Duration = Duration::from_secs(1);

/// A call that did not succeed.
#[derive(Debug)]
pub(super) struct Failure {
    /// What the user is told.
    pub(super) error: CliError,
    /// How long to wait before a request that names its operation is sent again; `None`: that would not help.
    pub(super) again: Option<Duration>,
    /// Whether the server may have done what it was asked.
    pub(super) may_be_done: bool,
}

impl From<CliError> for Failure {
    fn from(error: CliError) -> Self {
        Self { error, again: None, may_be_done: false }
    }
}

/// The type of the answer of a server whose store is read-only.
const READ_ONLY: &str = "/problems/read-only";

/// The members of an RFC 9457 problem document that people read.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Problem {
    #[serde(rename = "type")]
    kind: String,
    title: String,
    detail: String,
    hint: Option<String>,
}

/// Reads the answer of a call that did not succeed.
pub(super) fn read(
    status: StatusCode,
    retry_after: Option<&str>,
    text: &[u8],
    base: &str,
    token_origin: &str,
) -> Failure {
    let problem = serde_json::from_slice::<Problem>(text).ok().filter(|problem| !problem.title.is_empty());
    // A proxy's 502 and 504 say no more than a connection that broke. A store that takes no writes has made none.
    let may_be_done = status.is_server_error() && problem.as_ref().is_none_or(|problem| problem.kind != READ_ONLY);
    let pause = || retry_after.and_then(|seconds| seconds.parse().ok()).map_or(PAUSE, Duration::from_secs);
    let again = status.is_server_error().then(|| pause().min(MAX_PAUSE));
    let Some(problem) = problem else {
        let error = CliError::failure(format!("{base} answered {status}, not as a Matchbook server does"))
            .hint("Check the server's URL (`matchbook config show --origin`), and any proxy in between.");
        return Failure { error, again, may_be_done };
    };
    let sentence = if problem.detail.is_empty() { problem.title } else { problem.detail };
    let sentence = visible(sentence.trim_end_matches('.'));
    let hint = problem.hint.map(|hint| visible(&hint));
    let (exit, hint) = match status {
        StatusCode::UNAUTHORIZED => {
            (ExitCode::SignIn, Some(format!("The token came from {token_origin}; `matchbook token create` makes one.")))
        }
        StatusCode::FORBIDDEN => (
            ExitCode::SignIn,
            Some(format!("The token came from {token_origin}; use one whose role and realm allow it.")),
        ),
        StatusCode::NOT_FOUND => (ExitCode::NotFound, hint),
        StatusCode::BAD_REQUEST => (ExitCode::Usage, None),
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            (ExitCode::Failure, retry_after.map(|seconds| format!("Try again in {} s.", visible(seconds))).or(hint))
        }
        _ => (ExitCode::Failure, hint),
    };
    Failure { error: CliError { exit, message: sentence, hint }, again, may_be_done }
}

/// The server was not reached, or did not answer.
pub(super) fn unreachable(base: &str, cause: &ureq::Error) -> Failure {
    if let Some((reason, hint)) = misaddressed(base, cause) {
        let error = CliError::failure(format!("cannot reach the server at {base}: {reason}")).hint(hint);
        // A certificate is looked at before anything is sent; the others may have come after it.
        return Failure { error, again: None, may_be_done: !is_certificate(error_of_tls(cause)) };
    }
    let (reason, sent) = match cause {
        ureq::Error::Io(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
            ("nothing listens there".to_owned(), false)
        }
        ureq::Error::Timeout(_) => ("no answer in time".to_owned(), true),
        ureq::Error::HostNotFound => ("there is no such host".to_owned(), false),
        ureq::Error::Io(error) => (error.to_string(), true),
        // Whatever it is, it may have come after the request was sent.
        other => (other.to_string(), true),
    };
    let error = CliError::failure(format!("cannot reach the server at {base}: {reason}"))
        .hint("Start it with `matchbook serve`, or name another with --server URL; `matchbook doctor` looks closer.");
    Failure { error, again: sent.then_some(PAUSE), may_be_done: sent }
}

/// What listens there was reached, and is not to be spoken to in this way: no TLS, TLS, or somebody else's.
fn misaddressed(base: &str, error: &ureq::Error) -> Option<(String, String)> {
    let url = |scheme: &str| format!("{scheme}://{}", base.split_once("://").map_or(base, |(_, rest)| rest));
    if let ureq::Error::Protocol(_) = error
        && base.starts_with("http://")
    {
        let hint = format!("A server that has a certificate speaks TLS: name it as {}.", url("https"));
        return Some(("what answers is not HTTP".to_owned(), hint));
    }
    Some(match error_of_tls(error)? {
        rustls::Error::InvalidMessage(_) => (
            "what answers is not TLS".to_owned(),
            format!("A server without a certificate speaks plain HTTP: name it as {}.", url("http")),
        ),
        rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer) => (
            "nobody who is believed here vouches for its certificate".to_owned(),
            "Name the authority's certificate with --ca-file FILE, or with ca_file in [client] of the config file."
                .to_owned(),
        ),
        other => (
            other.to_string(),
            "Check the server's URL, and the certificate that it was started with; --ca-file names another authority."
                .to_owned(),
        ),
    })
}

fn error_of_tls(error: &ureq::Error) -> Option<&rustls::Error> {
    match error {
        ureq::Error::Rustls(error) => Some(error),
        // rustls reports a bad certificate through the socket that it was writing to.
        ureq::Error::Io(error) => error.get_ref()?.downcast_ref::<rustls::Error>(),
        _ => None,
    }
}

fn is_certificate(error: Option<&rustls::Error>) -> bool {
    matches!(error, Some(rustls::Error::InvalidCertificate(_)))
}

/// The answer ended early.
pub(super) fn cut_off(base: &str, error: &std::io::Error) -> Failure {
    let error = CliError::failure(format!("the answer of {base} was cut off: {error}"));
    Failure { error, again: Some(PAUSE), may_be_done: true }
}

/// Something answered, but not Matchbook.
pub(super) fn not_ours(base: &str) -> CliError {
    CliError::failure(format!("{base} did not answer as a Matchbook server does"))
        .hint("Check the server's URL: `matchbook config show --origin` tells where it is from.")
}
