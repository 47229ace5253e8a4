//! What gateways call: messages of phones, and receipts.
//!
//! The path holds a secret instead of a header, because Kannel can set no header. A wrong secret and a name that is not
//! there look alike.

use std::borrow::Cow;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRef, Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use matchbook_protocol::sms::{Address, Body, Segment};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use utoipa::{IntoParams, IntoResponses};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::fields::Fields;
use super::{Gateway, generic, kannel};
use crate::bearer::sms::centre::{Inbox, NotNow, Receipt};
use crate::bearer::sms::config::Dialect;
use crate::problem::Problem;

/// A query, and a body. A message that Kannel joined from its parts has some hundred octets, each written as three.
const MAX_CALLBACK: usize = 16 * 1024;

/// The octets of a message; the rest of a callback is small.
const MAX_MESSAGE: usize = 4 * 1024;

/// A user data header with its length.
const MAX_HEADER: usize = 140;

/// The longest id of a message.
const MAX_ID: usize = 64;

const PREFIX: &str = "/v1/sms/gateways/";

/// What the callbacks need: the state of their routes.
#[derive(Clone, Default)]
pub(crate) struct Callbacks(Option<Arc<Open>>);

struct Open {
    inbox: Arc<dyn Inbox>,
    gateways: Vec<Arc<Gateway>>,
}

/// The path of a callback.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct CallbackPath {
    /// The gateway's name in the configuration.
    name: String,
    /// Its secret there.
    secret: String,
}

/// How a callback is answered.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it describes the answers")]
enum CallbackAnswer {
    /// Taken, and durable. The body is empty, so that Kannel answers the phone nothing.
    #[response(status = 200)]
    Taken,
    /// It is no message, or no receipt.
    #[response(status = 400)]
    Unreadable(Problem),
    /// There is no such gateway, or its secret is another.
    #[response(status = 404)]
    NotThere(Problem),
    /// It is over 16 KiB.
    #[response(status = 413)]
    TooLarge(Problem),
    /// It is to be sent again.
    #[response(status = 503)]
    NotNow(Problem),
}

/// The callbacks' routes. Their state has to give [`Callbacks`]; without a configuration these are empty, and every
/// path is unknown.
pub(crate) fn router<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Callbacks: FromRef<S>,
{
    OpenApiRouter::new()
        .routes(routes!(get_gateway_message, post_gateway_message))
        .routes(routes!(get_gateway_receipt, post_gateway_receipt))
        .layer(DefaultBodyLimit::max(MAX_CALLBACK))
}

/// A path as a log may have it: without the secret of a callback.
pub(crate) fn path_without_secret(path: &str) -> Cow<'_, str> {
    let Some(rest) = path.strip_prefix(PREFIX) else { return Cow::Borrowed(path) };
    let mut parts = rest.splitn(3, '/');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(name), Some(_), Some(what)) => Cow::Owned(format!("{PREFIX}{name}/…/{what}")),
        (Some(name), _, _) => Cow::Owned(format!("{PREFIX}{name}")),
        (None, _, _) => Cow::Borrowed(PREFIX),
    }
}

/// Takes a message of a phone, as Kannel's get-url brings it.
///
/// The fields are those of `docs/reference/sms-config.md`. The answer is empty, so that Kannel sends none to the phone,
/// and comes when what the message brings about is durable.
#[utoipa::path(
    get,
    path = "/v1/sms/gateways/{name}/{secret}/messages",
    tag = "devices",
    params(CallbackPath),
    responses(CallbackAnswer)
)]
pub(super) async fn get_gateway_message(
    State(callbacks): State<Callbacks>,
    Path(path): Path<CallbackPath>,
    RawQuery(query): RawQuery,
) -> Result<StatusCode, Problem> {
    callbacks.open(&path)?.message(read(query.as_deref(), None)?).await
}

/// Takes a message of a phone from a form or a JSON object.
///
/// The fields are those of `docs/reference/sms-config.md`, in the query, a form or a JSON object of texts.
#[utoipa::path(
    post, path = "/v1/sms/gateways/{name}/{secret}/messages", tag = "devices",
    params(CallbackPath),
    request_body(content = String, content_type = "application/x-www-form-urlencoded", description = "A form, or a JSON object"),
    responses(CallbackAnswer),
)]
pub(super) async fn post_gateway_message(
    State(callbacks): State<Callbacks>,
    Path(path): Path<CallbackPath>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, Problem> {
    callbacks.open(&path)?.message(read(query.as_deref(), Some((&headers, &body)))?).await
}

/// Takes a delivery receipt, as Kannel's dlr-url brings it.
#[utoipa::path(
    get,
    path = "/v1/sms/gateways/{name}/{secret}/receipts",
    tag = "devices",
    params(CallbackPath),
    responses(CallbackAnswer)
)]
pub(super) async fn get_gateway_receipt(
    State(callbacks): State<Callbacks>,
    Path(path): Path<CallbackPath>,
    RawQuery(query): RawQuery,
) -> Result<StatusCode, Problem> {
    callbacks.open(&path)?.receipt(read(query.as_deref(), None)?).await
}

/// Takes a delivery receipt from a form or a JSON object.
#[utoipa::path(
    post, path = "/v1/sms/gateways/{name}/{secret}/receipts", tag = "devices",
    params(CallbackPath),
    request_body(content = String, content_type = "application/x-www-form-urlencoded", description = "A form, or a JSON object"),
    responses(CallbackAnswer),
)]
pub(super) async fn post_gateway_receipt(
    State(callbacks): State<Callbacks>,
    Path(path): Path<CallbackPath>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, Problem> {
    callbacks.open(&path)?.receipt(read(query.as_deref(), Some((&headers, &body)))?).await
}

/// What came cannot be read, now or later.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Bad {
    /// The gateway calls otherwise than it should: its operator has to look.
    Call(&'static str),
    /// The phone sent something else than a message of ours: whoever knows the number can do that.
    Message(&'static str),
}

/// One gateway's callback that may be heard.
struct Heard<'a> {
    inbox: &'a dyn Inbox,
    gateway: &'a Gateway,
}

impl Callbacks {
    pub(in crate::bearer::sms) fn new(inbox: Arc<dyn Inbox>, gateways: Vec<Arc<Gateway>>) -> Self {
        Self(Some(Arc::new(Open { inbox, gateways })))
    }

    /// Finds the gateway. Every gateway's secret is compared, by hashes of one length, so that the time tells nothing.
    fn open(&self, path: &CallbackPath) -> Result<Heard<'_>, Problem> {
        let given = Sha256::digest(path.secret.as_bytes());
        let (mut found, mut is_right) = (u32::MAX, Choice::from(0));
        let open = self.0.as_deref().ok_or_else(nothing_here)?;
        for (place, gateway) in (0_u32..).zip(&open.gateways) {
            let fits = Sha256::digest(gateway.secret.expose().as_bytes()).ct_eq(&given)
                & Choice::from(u8::from(gateway.name == path.name));
            found.conditional_assign(&place, fits);
            is_right |= fits;
        }
        let place = usize::try_from(found).unwrap_or(usize::MAX);
        match open.gateways.get(place) {
            Some(gateway) if bool::from(is_right) => Ok(Heard { inbox: open.inbox.as_ref(), gateway }),
            _ => Err(nothing_here()),
        }
    }
}

impl Heard<'_> {
    async fn message(&self, fields: Fields) -> Result<StatusCode, Problem> {
        let message = match self.gateway.dialect {
            Dialect::Kannel => kannel::message(&fields),
            Dialect::GenericJson | Dialect::GenericForm => generic::message(&fields),
        };
        let (from, segment) = match message.and_then(bounded) {
            Ok(message) => message,
            Err(bad) => return self.unreadable(&bad),
        };
        self.gateway.counts.messages.inc();
        self.done(self.inbox.message(&self.gateway.name, &from, segment).await)
    }

    async fn receipt(&self, fields: Fields) -> Result<StatusCode, Problem> {
        let receipt: Result<Receipt, Bad> = match self.gateway.dialect {
            Dialect::Kannel => kannel::receipt(&fields),
            Dialect::GenericJson | Dialect::GenericForm => generic::receipt(&fields),
        };
        let receipt = match receipt {
            Ok(receipt) => receipt,
            Err(bad) => return self.unreadable(&bad),
        };
        self.gateway.counts.receipts.inc();
        self.done(self.inbox.receipt(&self.gateway.name, receipt).await)
    }

    fn done(&self, done: Result<(), NotNow>) -> Result<StatusCode, Problem> {
        match done {
            Ok(()) => Ok(StatusCode::OK),
            Err(NotNow) => {
                self.gateway.counts.put_off.inc();
                Err(Problem::unavailable())
            }
        }
    }

    /// Kannel brings again whatever is not answered 200, as often as it is told to: a stranger's message would come back
    /// a hundred times.
    fn unreadable(&self, bad: &Bad) -> Result<StatusCode, Problem> {
        self.gateway.counts.malformed.inc();
        let gateway = &self.gateway.name;
        match bad {
            Bad::Call(why) => {
                tracing::warn!(gateway, why, "a callback cannot be read: look at the gateway's configuration");
                Err(Problem::bad_request(*why))
            }
            Bad::Message(why) => {
                tracing::info!(gateway, why, "a short message is none of ours");
                match self.gateway.dialect {
                    Dialect::Kannel => Ok(StatusCode::OK),
                    Dialect::GenericJson | Dialect::GenericForm => Err(Problem::bad_request(*why)),
                }
            }
        }
    }
}

/// The path below which a gateway brings receipts.
pub(super) fn receipts_path(name: &str, secret: &str) -> String {
    format!("{PREFIX}{name}/{secret}/receipts")
}

/// The number that a message is from. A plus sign that was not escaped has become a space.
pub(super) fn sender(fields: &Fields) -> Result<Address, Bad> {
    let text = String::from_utf8_lossy(fields.octets("from").ok_or(Bad::Call("from is missing"))?);
    let text = text.strip_prefix(' ').map(|digits| Cow::Owned(format!("+{digits}"))).unwrap_or(text.clone());
    text.parse().map_err(|_| Bad::Message("from is no number"))
}

/// The id of the message that a receipt is for.
pub(super) fn id(fields: &Fields) -> Result<String, Bad> {
    let id = fields.text("id").ok_or(Bad::Call("id is missing"))?.trim();
    let is_good = (1..=MAX_ID).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
    if is_good { Ok(id.to_owned()) } else { Err(Bad::Call("id has 1 to 64 printable characters")) }
}

fn bounded((from, segment): (Address, Segment)) -> Result<(Address, Segment), Bad> {
    let length = match &segment.body {
        Body::Data(data) => data.len(),
        Body::Text(text) => text.len(),
    };
    let is_whole = segment.header.first().is_none_or(|rest| usize::from(*rest) + 1 == segment.header.len());
    match (segment.header.len(), length) {
        (header, _) if header > MAX_HEADER || !is_whole => Err(Bad::Message("udh is no user data header")),
        (_, length) if length > MAX_MESSAGE => Err(Bad::Message("the message is longer than 4096 octets")),
        _ => Ok((from, segment)),
    }
}

/// The fields of the query, and of a form or a JSON object.
fn read(query: Option<&str>, body: Option<(&HeaderMap, &Bytes)>) -> Result<Fields, Problem> {
    let query = query.unwrap_or_default().as_bytes();
    if query.len() > MAX_CALLBACK {
        return Err(Problem::too_large());
    }
    let bad = |_| Problem::bad_request("the query or the form has more than 64 fields, or a % without two digits");
    let mut fields = Fields::default();
    fields.read(query).map_err(bad)?;
    let Some((headers, body)) = body else { return Ok(fields) };
    let media = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if media.split(';').next().map(str::trim) != Some("application/json") {
        fields.read(body).map_err(bad)?;
        return Ok(fields);
    }
    let Ok(Value::Object(object)) = serde_json::from_slice(body) else {
        return Err(Problem::bad_request("the body is no JSON object"));
    };
    for (name, value) in object {
        let value = match value {
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            Value::Null => continue,
            Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
                return Err(Problem::bad_request("the JSON object has texts and numbers only"));
            }
        };
        fields.add(name.into_bytes(), value.into_bytes()).map_err(bad)?;
    }
    Ok(fields)
}

fn nothing_here() -> Problem {
    Problem::no_path()
}
