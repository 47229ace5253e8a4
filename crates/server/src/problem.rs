//! Errors as RFC 9457 problem documents: one sentence of what went wrong, one of what to do.

use std::fmt;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use matchbook_rules::refusal::{Culprit, Refusal};
use matchbook_store::{CommitError, LoadError};
use serde::Serialize;
use utoipa::ToSchema;

use crate::limits::{READ_ONLY_RETRY_AFTER_S, UNAVAILABLE_RETRY_AFTER_S};
use crate::seldom::is_news;

/// An RFC 9457 problem document.
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem {
    /// Names the kind of problem; stays the same from release to release.
    #[serde(rename = "type")]
    #[schema(example = "/problems/not-found")]
    kind: String,
    /// The kind in words.
    title: &'static str,
    /// The HTTP status, 400–599.
    status: u16,
    /// What went wrong this time.
    detail: String,
    /// What to do about it.
    hint: String,
    /// Seconds to wait; also in the Retry-After header.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_s: Option<u64>,
}

impl Problem {
    fn new(status: StatusCode, word: &str, title: &'static str, detail: impl Into<String>, hint: &str) -> Self {
        Self {
            kind: format!("/problems/{word}"),
            title,
            status: status.as_u16(),
            detail: detail.into(),
            hint: hint.to_owned(),
            retry_after_s: None,
        }
    }

    pub(crate) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "bad-request",
            "The request is not valid",
            detail,
            "Correct the request; /docs/ shows its form.",
        )
    }

    pub(crate) fn sign_in() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "sign-in-needed",
            "A valid token is needed",
            "No valid bearer token came with the request.",
            "Send `Authorization: Bearer …` with a token from `matchbook token create`.",
        )
    }

    pub(crate) fn forbidden() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "forbidden",
            "The token's role does not allow this",
            "The token is valid but not for this call.",
            "Use a token with the role and realm that the call needs.",
        )
    }

    pub(crate) fn keys_stay() -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "keys-stay",
            "This server lets no keys out",
            "Keys leave a server only where whoever runs it has allowed that, and nobody has.",
            "Start the server with --allow-key-export yes, export, and start it again without.",
        )
    }

    fn not_found(what: impl Into<String>, hint: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "There is no such thing", what, hint)
    }

    pub(crate) fn no_path() -> Self {
        Self::not_found("There is nothing at this path.", "Check the URL; /docs/ shows what there is.")
    }

    /// `list` is the command that shows what there is.
    pub(crate) fn not_listed(what: impl Into<String>, list: &str) -> Self {
        Self::not_found(what, &format!("`matchbook {list}` shows what there is."))
    }

    pub(crate) fn conflict(detail: impl Into<String>, hint: &str) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", "The state does not allow this", detail, hint)
    }

    pub(crate) fn slow_down(retry_after_ms: u64) -> Self {
        let seconds = retry_after_ms.div_ceil(1_000).max(1);
        let mut problem = Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "slow-down",
            "Too many requests or failures from this source",
            format!("The next attempt is heard in {seconds} s."),
            "Wait as long as Retry-After says; other sources are not slowed.",
        );
        problem.retry_after_s = Some(seconds);
        problem
    }

    pub(crate) fn unavailable() -> Self {
        let mut problem = Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "The store cannot answer now",
            "Nothing was decided, or it is not yet known to be durable.",
            "Send the same request again, with the same operation id, after Retry-After.",
        );
        problem.retry_after_s = Some(UNAVAILABLE_RETRY_AFTER_S);
        problem
    }

    /// Who asks here again gets the same answer, until somebody moves the servers to the other database.
    pub(crate) fn read_only() -> Self {
        let mut problem = Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "read-only",
            "The store takes no writes",
            "Nothing was decided: the store of this server is read-only, because it is being copied to another database or \
             was; once that is done, a server on the other database decides.",
            "Send the same request again, with the same operation id, after Retry-After, or to a server on the other \
             database, which the log of this one names.",
        );
        problem.retry_after_s = Some(READ_ONLY_RETRY_AFTER_S);
        problem
    }

    pub(crate) fn timed_out() -> Self {
        let mut problem = Self::new(
            StatusCode::GATEWAY_TIMEOUT,
            "timed-out",
            "The call took too long",
            "It was broken off; whether something was decided is not known yet.",
            "Send the same request again, with the same operation id, after Retry-After.",
        );
        problem.retry_after_s = Some(UNAVAILABLE_RETRY_AFTER_S);
        problem
    }

    pub(crate) fn too_large() -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too-large",
            "The body is too large",
            format!(
                "A JSON body has at most {} bytes, and a part of an import {}.",
                crate::limits::MAX_JSON_BODY,
                crate::limits::MAX_PART_BODY
            ),
            "Send a smaller request.",
        )
    }

    pub(crate) fn unsupported_media_type() -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported-media-type",
            "The body's type is not understood",
            "The body of this call is JSON.",
            "Send `Content-Type: application/json`.",
        )
    }

    pub(crate) fn method_not_allowed() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method-not-allowed",
            "The path does not have this method",
            "There is something at this path, but not with this method.",
            "Use a method of the Allow header; /docs/ shows what there is.",
        )
    }

    /// A fault of ours, with its sentence for the log.
    pub(crate) fn fault(why: &str) -> Self {
        tracing::error!(why, "a fault of the server");
        Self::internal()
    }

    fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "A fault of the server",
            "The server met a state that it does not expect.",
            "Look into the server's log; nothing was accepted.",
        )
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

/// As it stands in a log: its sentence, and no more.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl From<LoadError> for Problem {
    fn from(error: LoadError) -> Self {
        if is_news(&format!("read: {error}")) {
            tracing::error!(%error, "the store could not be read");
        }
        match error {
            LoadError::Unavailable(_) => Self::unavailable(),
            LoadError::Damaged(_) => Self::internal(),
        }
    }
}

impl From<CommitError> for Problem {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Conflict(detail) => {
                tracing::info!(detail, "a change met another one");
                Self::conflict(
                    "It was changed by somebody else meanwhile, or is there already.",
                    "Look, and try again.",
                )
            }
            CommitError::ReadOnly(detail) => {
                if is_news(&detail) {
                    tracing::warn!("{detail}; what would write is answered 503");
                }
                Self::read_only()
            }
            CommitError::Unavailable(detail) | CommitError::InDoubt(detail) => {
                if is_news(&format!("write: {detail}")) {
                    tracing::error!(detail, "a commit failed");
                }
                Self::unavailable()
            }
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal.culprit {
            Culprit::Peer | Culprit::Operator => {
                Self::conflict(refusal.inward, "Change the state that the sentence names, or the request.")
            }
            Culprit::Store | Culprit::Bug => {
                tracing::error!(why = refusal.inward, "a decision could not be taken");
                Self::internal()
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status();
        let retry_after = self.retry_after_s;
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
