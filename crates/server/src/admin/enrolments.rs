//! Enrolments: the secret that a new device is given, once.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::IntoResponse;
use matchbook_protocol::sms::server_text;
use matchbook_protocol::{Delivery, Profile, Suite};
use matchbook_rules::enrol::{self, EnrolmentRequest};
use matchbook_rules::{RealmId, SubscriberId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::messages::number;
use super::{MAX_LABEL, readable};
use crate::auth::Caller;
use crate::body::{Body, Names};
use crate::chance;
use crate::core::Core;
use crate::limits::{DEFAULT_ENROLMENT, MAX_ENROLMENT};
use crate::problem::Problem;

/// Which key agreement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SuiteName {
    /// 1: symmetric keys only.
    Symmetric,
    /// 2: X25519.
    #[default]
    X25519,
    /// 3: P-256, for keys held in hardware.
    P256,
    /// 4: X-Wing, experimental.
    XWing,
}

/// How sets are sealed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum DeliveryName {
    /// Under the key that both share.
    #[default]
    Shared,
    /// Under a session key sealed to the device's public key.
    PublicKey,
}

impl From<SuiteName> for Suite {
    fn from(name: SuiteName) -> Self {
        match name {
            SuiteName::Symmetric => Self::Symmetric,
            SuiteName::X25519 => Self::X25519,
            SuiteName::P256 => Self::P256,
            SuiteName::XWing => Self::XWing,
        }
    }
}

impl From<Suite> for SuiteName {
    fn from(suite: Suite) -> Self {
        match suite {
            Suite::Symmetric => Self::Symmetric,
            Suite::X25519 => Self::X25519,
            Suite::P256 => Self::P256,
            Suite::XWing => Self::XWing,
        }
    }
}

impl From<DeliveryName> for Delivery {
    fn from(name: DeliveryName) -> Self {
        match name {
            DeliveryName::Shared => Self::Shared,
            DeliveryName::PublicKey => Self::PublicKey,
        }
    }
}

impl From<Delivery> for DeliveryName {
    fn from(delivery: Delivery) -> Self {
        match delivery {
            Delivery::Shared => Self::Shared,
            Delivery::PublicKey => Self::PublicKey,
        }
    }
}

/// What carries a device's messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum BearerName {
    /// HTTP, to the server's URL. With a number, sets that nobody asked for come by short message too.
    #[default]
    Http,
    /// Short messages alone, for a device without a data connection. Needs a number.
    Sms,
}

/// A new enrolment.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewEnrolment {
    /// Whose device.
    #[schema(example = "alice")]
    user: String,
    /// What people call it; at most 64 bytes.
    #[schema(example = "phone")]
    label: Option<String>,
    /// Default `x25519`.
    #[serde(default)]
    suite: SuiteName,
    /// Default `shared`.
    #[serde(default)]
    delivery: DeliveryName,
    /// The number that short messages to it go to: `+` and 1–15 digits. Default: none.
    #[schema(example = "+491701234567")]
    number: Option<String>,
    /// What carries its messages. Default `http`.
    #[serde(default)]
    bearer: BearerName,
    /// How long the enrolment can be used, 60–604,800 s. Default a day.
    valid_for_s: Option<u64>,
}

/// What the device is given. It is shown once and kept nowhere.
#[derive(Serialize, ToSchema)]
pub(crate) struct EnrolmentItem {
    /// The identification code.
    device: String,
    /// For a QR code, a file or a link. A secret until the device is enrolled.
    uri: String,
    /// The same to type: groups of five symbols and a check symbol. A secret likewise.
    typed: Vec<String>,
    /// When it stops working.
    expires_at_ms: u64,
}

/// Makes an enrolment.
#[utoipa::path(post, path = "/v1/realms/{realm}/enrolments", tag = "devices", request_body = NewEnrolment,
    security(("token" = [])), params(("realm" = String, Path, description = "The realm")),
    responses((status = 201, description = "Shown once; not to be cached", body = EnrolmentItem), (status = 400, body = Problem),
        (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub(crate) async fn create_enrolment(
    State(core): State<Arc<Core>>,
    caller: Caller,
    Names(realm): Names<RealmId>,
    Body(new): Body<NewEnrolment>,
) -> Result<impl IntoResponse, Problem> {
    caller.operator_of(&realm)?;
    let realm = core.known_realm(&realm).await?;
    let user = core.known_user(&realm.id, &SubscriberId::new(new.user)?).await?;
    let profile =
        Profile::new(new.suite.into(), new.delivery.into()).map_err(|error| Problem::bad_request(error.to_string()))?;
    let valid_for = valid_for(new.valid_for_s)?;
    let number = number(new.number)?;
    let now = chance::now();
    let request = EnrolmentRequest {
        label: readable("label", new.label, MAX_LABEL)?,
        profile,
        valid_for_ms: valid_for,
        server: server(&core, new.bearer, number.is_some())?,
        msisdn: number,
    };
    let (changes, enrolment) = enrol::create(&realm, &user, request, &core.keyring, now, &mut chance::rng())?;
    core.commit(changes).await?;
    let item = EnrolmentItem {
        device: enrolment.party.id.to_string(),
        uri: enrolment.to_uri().to_string(),
        typed: enrolment.to_typed().to_vec(),
        expires_at_ms: now.plus(valid_for).0,
    };
    let never_cached = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((StatusCode::CREATED, never_cached, Json(item)))
}

/// Where the device finds the server.
fn server(core: &Core, bearer: BearerName, has_number: bool) -> Result<String, Problem> {
    match (bearer, &core.sms) {
        (BearerName::Http, _) => Ok(core.public_url.clone()),
        (BearerName::Sms, None) => {
            Err(Problem::bad_request("bearer sms: the server has no centre for short messages; see --sms"))
        }
        (BearerName::Sms, Some(_)) if !has_number => {
            Err(Problem::bad_request("bearer sms needs the device's number, such as +491701234567"))
        }
        (BearerName::Sms, Some(desk)) => server_text(&desk.number).ok_or_else(|| {
            Problem::bad_request("bearer sms: the server's own number is a name, which nobody can call")
        }),
    }
}

/// Milliseconds.
fn valid_for(seconds: Option<u64>) -> Result<u64, Problem> {
    let valid_for = seconds.map_or(DEFAULT_ENROLMENT, Duration::from_secs);
    if !(Duration::from_secs(60)..=MAX_ENROLMENT).contains(&valid_for) {
        return Err(Problem::bad_request(format!("valid_for_s is 60 to {}", MAX_ENROLMENT.as_secs())));
    }
    Ok(u64::try_from(valid_for.as_millis()).unwrap_or(u64::MAX))
}
