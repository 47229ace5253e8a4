//! Bodies, paths and queries of the JSON API, refused with a problem document when they do not fit.

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Path, Query};
use axum::http::StatusCode;
use matchbook_protocol::AuthenticatorId;
use matchbook_rules::NameError;
use matchbook_store::{MAX_PAGE, Page};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::limits::DEFAULT_PAGE;
use crate::problem::Problem;

/// A JSON body.
#[derive(FromRequest)]
#[from_request(via(Json), rejection(Problem))]
pub(crate) struct Body<T>(pub(crate) T);

/// Names in the path.
#[derive(FromRequestParts)]
#[from_request(via(Path), rejection(Problem))]
pub(crate) struct Names<T>(pub(crate) T);

/// The query.
#[derive(FromRequestParts)]
#[from_request(via(Query), rejection(Problem))]
pub(crate) struct Asked<T>(pub(crate) T);

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            return Self::too_large();
        }
        if rejection.status() == StatusCode::UNSUPPORTED_MEDIA_TYPE {
            return Self::unsupported_media_type();
        }
        Self::bad_request(rejection.body_text())
    }
}

impl From<PathRejection> for Problem {
    fn from(rejection: PathRejection) -> Self {
        Self::bad_request(rejection.body_text())
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        Self::bad_request(rejection.body_text())
    }
}

impl From<NameError> for Problem {
    fn from(error: NameError) -> Self {
        Self::bad_request(error.to_string())
    }
}

/// Which page of a list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// The `next` of the page before.
    pub(crate) after: Option<String>,
    /// Rows, 1–1000. Default 100.
    pub(crate) limit: Option<u32>,
}

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct List<T> {
    /// The rows.
    pub(crate) items: Vec<T>,
    /// What to send as `after` for the next page; null on the last.
    pub(crate) next: Option<String>,
}

/// Reads the page that was asked for; `key` reads `after`.
pub(crate) fn page<K>(
    after: Option<&str>,
    limit: Option<u32>,
    key: impl FnOnce(&str) -> Result<K, Problem>,
) -> Result<Page<K>, Problem> {
    let limit = limit.unwrap_or(DEFAULT_PAGE);
    if !(1..=MAX_PAGE).contains(&limit) {
        return Err(Problem::bad_request(format!("limit is 1 to {MAX_PAGE}, not {limit}")));
    }
    Ok(Page { after: after.map(key).transpose()?, limit })
}

impl<T> List<T> {
    /// A page of what was loaded. A full page may have another one behind it.
    pub(crate) fn of<R>(rows: Vec<R>, limit: u32, key: impl Fn(&R) -> String, item: impl Fn(R) -> T) -> Self {
        let full = rows.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
        let next = if full { rows.last().map(key) } else { None };
        Self { items: rows.into_iter().map(item).collect(), next }
    }
}

/// Reads a device's identification code.
pub(crate) fn device_id(text: &str) -> Result<AuthenticatorId, Problem> {
    text.parse().map_err(|error: matchbook_protocol::ids::ParseIdError| Problem::bad_request(error.to_string()))
}
