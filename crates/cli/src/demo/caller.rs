//! Calls of the demo's operator and relying party: the server's own API over real HTTP.

use std::time::Duration;

use serde_json::Value;
use ureq::Agent;

/// An answer may take that long; the demo fails rather than hangs.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Somebody with a token.
#[derive(Clone)]
pub(super) struct Caller {
    agent: Agent,
    url: String,
    token: String,
}

impl Caller {
    pub(super) fn new(url: &str, token: &str) -> Self {
        let config = Agent::config_builder().http_status_as_error(false).proxy(None).timeout_global(Some(TIMEOUT));
        Self { agent: config.build().into(), url: url.to_owned(), token: token.to_owned() }
    }

    /// A second connection for a parallel call.
    pub(super) fn another(&self) -> Self {
        Self::new(&self.url, &self.token)
    }

    /// `GET`; any status but 2xx is a finding.
    pub(super) fn get(&self, path: &str) -> Result<Value, String> {
        let request = self.agent.get(format!("{}{path}", self.url));
        let response = request.header("Authorization", format!("Bearer {}", self.token)).call();
        read(path, response)
    }

    /// `POST`; likewise.
    pub(super) fn post(&self, path: &str, body: &Value) -> Result<Value, String> {
        let request = self.agent.post(format!("{}{path}", self.url));
        let response = request.header("Authorization", format!("Bearer {}", self.token)).send_json(body);
        read(path, response)
    }

    /// Has one code verified.
    pub(super) fn verify(&self, user: &str, code: &str, operation: &str) -> Result<bool, String> {
        let body = serde_json::json!({ "operation_id": operation, "user": user, "code": code });
        let answer = self.post("/v1/verify", &body)?;
        answer.get("accepted").and_then(Value::as_bool).ok_or_else(|| format!("/v1/verify answered {answer}"))
    }

    /// Sends bytes to the device bearer as anybody could; gives the status.
    pub(super) fn send_message(&self, cose: &[u8]) -> Result<u16, String> {
        let request = self.agent.post(format!("{}/v1/device/messages", self.url));
        let response = request.content_type("application/cose").send(cose).map_err(|error| error.to_string())?;
        Ok(response.status().as_u16())
    }
}

fn read(path: &str, response: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<Value, String> {
    let mut response = response.map_err(|error| format!("{path}: {error}"))?;
    let status = response.status();
    let text = response.body_mut().read_to_string().map_err(|error| format!("{path}: {error}"))?;
    if !status.is_success() {
        return Err(format!("{path} answered {status}: {text}"));
    }
    if text.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_str(&text).map_err(|error| format!("{path}: {error}"))
}
