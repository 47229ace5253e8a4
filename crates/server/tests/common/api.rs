//! A caller of the JSON API.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};
use ureq::Agent;
use ureq::http::{HeaderMap, Request};

use super::PATIENCE;

/// A caller with a token, or without.
#[derive(Clone)]
pub(crate) struct Api {
    agent: Agent,
    pub(crate) url: String,
    pub(crate) token: Option<String>,
}

/// What came back.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Api {
    pub(crate) fn new(url: &str, token: Option<&str>) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .timeout_global(Some(PATIENCE))
            .build();
        Self { agent: config.into(), url: url.to_owned(), token: token.map(str::to_owned) }
    }

    /// The same caller with a connection of its own.
    pub(crate) fn apart(&self) -> Self {
        Self::new(&self.url, self.token.as_deref())
    }

    /// Another caller on this one's connection.
    pub(crate) fn with_token_of(&self, other: &Self) -> Self {
        Self { token: other.token.clone(), ..self.clone() }
    }

    /// The same caller at another server of the same store.
    pub(crate) fn at(&self, url: &str) -> Self {
        Self::new(url, self.token.as_deref())
    }

    pub(crate) fn get(&self, path: &str) -> Reply {
        self.call("GET", path, None)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Reply {
        self.call("POST", path, Some(body))
    }

    /// A POST without a body.
    pub(crate) fn command(&self, path: &str) -> Reply {
        self.call("POST", path, None)
    }

    pub(crate) fn put(&self, path: &str, body: &Value) -> Reply {
        self.call("PUT", path, Some(body))
    }

    pub(crate) fn delete(&self, path: &str) -> Reply {
        self.call("DELETE", path, None)
    }

    pub(crate) fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Reply {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let sent = match body {
            None => self.agent.run(request.body(()).unwrap()),
            Some(body) => {
                let request = request.header("content-type", "application/json");
                self.agent.run(request.body(serde_json::to_vec(body).unwrap()).unwrap())
            }
        };
        let mut response = sent.unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        let body = response.body_mut().with_config().limit(64 << 20).read_to_vec().unwrap();
        Reply { status: response.status().as_u16(), headers: response.headers().clone(), body }
    }

    /// Verifies, and wants a verdict.
    pub(crate) fn accepts(&self, attempt: &Value) -> bool {
        self.post("/v1/verify", attempt).verdict()
    }

    /// The number that the user is asked for.
    pub(crate) fn challenge(&self, user: &str) -> u32 {
        let asked = self.post("/v1/challenge", &json!({ "user": user })).ok();
        u32::try_from(asked["index"].as_u64().unwrap()).unwrap()
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?} {}", self.status, self.header("content-type"), String::from_utf8_lossy(&self.body))
    }
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// The body of a success.
    #[track_caller]
    pub(crate) fn ok(self) -> Value {
        assert!((200..300).contains(&self.status), "{} {}", self.status, String::from_utf8_lossy(&self.body));
        if self.body.is_empty() { Value::Null } else { self.json() }
    }

    #[track_caller]
    pub(crate) fn verdict(self) -> bool {
        self.ok()["accepted"].as_bool().unwrap()
    }

    /// Wants a problem document of this status and kind.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, kind: &str) -> Value {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        let problem = self.json();
        assert_eq!(problem["type"], format!("/problems/{kind}"));
        assert_eq!(problem["status"], status);
        for text in ["title", "detail", "hint"] {
            assert!(problem[text].as_str().is_some_and(|text| !text.is_empty()), "{text} in {problem}");
        }
        problem
    }

    /// Wants to be told to come back, and says after how many seconds.
    #[track_caller]
    pub(crate) fn slowed(&self) -> u64 {
        let told = self.problem(429, "slow-down")["retry_after_s"].as_u64().unwrap();
        assert_eq!(self.retry_after(), Some(told));
        told
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn retry_after(&self) -> Option<u64> {
        self.header("retry-after").map(|text| text.parse().unwrap())
    }
}

/// A new operation id.
pub(crate) fn operation() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("op-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// The body of a new attempt at a code of a user.
pub(crate) fn attempt(user: &str, code: &str) -> Value {
    json!({ "operation_id": operation(), "user": user, "code": code })
}
