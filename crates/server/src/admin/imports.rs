//! Devices with keys from a factory: put aside part by part, live all at once; and given out again while they were never
//! used.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::IntoResponse;
use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use matchbook_protocol::Secret;
use matchbook_rules::import::{self, FactoryDevice, Finding, Kept, Terms};
use matchbook_rules::{ImportId, Imported, Realm, RealmId, SubscriberId};
use matchbook_store::{AuthenticatorFilter, CommitError};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;
use zeroize::Zeroizing;

use super::{MAX_LABEL, readable};
use crate::auth::Caller;
use crate::body::{Asked, Body, Names, PageQuery, device_id, page};
use crate::chance;
use crate::core::Core;
use crate::limits::IMPORT_KEPT;
use crate::problem::Problem;

/// A part of an import.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Part {
    /// Make users that are not there; they are made when the import goes live. Default: their devices are refused.
    #[serde(default)]
    create_users: bool,
    /// Say what would become of each, and put nothing aside.
    #[serde(default)]
    dry_run: bool,
    /// 1–500 devices.
    devices: Vec<NewDevice>,
}

/// A device with the key that it was given where it was made. It is of the suite `symmetric`, and its slot is 0.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewDevice {
    /// The identification code: 16 hexadecimal digits.
    #[schema(example = "00112233445566aa")]
    device: String,
    /// K_0: 64 hexadecimal digits. It is sealed before it is stored, and never logged.
    #[schema(value_type = String)]
    key: KeyText,
    /// Whose device it is to be.
    #[schema(example = "alice")]
    user: String,
    /// What people call it; at most 64 bytes.
    label: Option<String>,
}

/// A key as text.
struct KeyText(Secret<32>);

impl<'de> Deserialize<'de> for KeyText {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(from)?);
        let bytes = HEXLOWER_PERMISSIVE.decode(text.as_bytes()).map(Zeroizing::new);
        let key = bytes.ok().and_then(|bytes| Secret::from_slice(&bytes));
        // Without the text: it may be a key with a slip in it.
        key.map(Self).ok_or_else(|| serde::de::Error::custom("a key is 64 hexadecimal digits"))
    }
}

/// What becomes of the devices of a part.
#[derive(Serialize, ToSchema)]
pub(crate) struct PartReport {
    /// Of each, in the order of the request. When one of them is refused, nothing of the part is put aside.
    devices: Vec<DeviceReport>,
}

/// What becomes of one device.
#[derive(Serialize, ToSchema)]
pub(crate) struct DeviceReport {
    outcome: OutcomeName,
    /// Its user is made with it.
    makes_user: bool,
    /// Why it is refused, and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

/// What becomes of one device, in a word.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum OutcomeName {
    /// It is put aside, or would be.
    New,
    /// It is there with the same key and the same user; nothing is done.
    AlreadyThere,
    /// It cannot be taken.
    Refused,
}

impl From<Finding> for DeviceReport {
    fn from(finding: Finding) -> Self {
        match finding {
            Finding::New { makes_user } => Self { outcome: OutcomeName::New, makes_user, why: None },
            Finding::AlreadyThere => Self { outcome: OutcomeName::AlreadyThere, makes_user: false, why: None },
            Finding::Refused(why) => Self { outcome: OutcomeName::Refused, makes_user: false, why: Some(why) },
        }
    }
}

/// How many devices are to go live.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ending {
    /// As many as were reported as `new`; when another number was put aside, nothing goes live.
    devices: u32,
}

/// What an import made.
#[derive(Serialize, ToSchema)]
pub(crate) struct ImportItem {
    /// Devices.
    devices: u32,
    /// Users.
    users: u32,
}

/// Puts a part of an import aside. Nobody sees it until the import goes live; what is left alone for an hour is deleted.
/// The same part again changes nothing.
#[utoipa::path(post, path = "/v1/realms/{realm}/imports/{import}/devices", tag = "devices", request_body = Part,
    security(("token" = [])), params(("realm" = String, Path, description = "The realm"),
        ("import" = String, Path, description = "32 hexadecimal digits that the caller draws, new for each import")),
    responses((status = 200, body = PartReport), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, description = "The import is live already", body = Problem)))]
pub(crate) async fn add_to_import(
    State(core): State<Arc<Core>>,
    caller: Caller,
    Names((realm, import)): Names<(RealmId, String)>,
    Body(part): Body<Part>,
) -> Result<Json<PartReport>, Problem> {
    caller.operator_of(&realm)?;
    let realm = core.known_realm(&realm).await?;
    let terms = Terms { realm: &realm, import: import_id(&import)?, creates_users: part.create_users };
    let devices = part.devices.into_iter().map(factory_device).collect::<Result<Vec<_>, _>>()?;
    if devices.len() > import::MAX_PART {
        return Err(Problem::bad_request(format!("a part has at most {} devices", import::MAX_PART)));
    }
    let ids: Vec<_> = devices.iter().map(|device| device.id).collect();
    let mut users: Vec<_> = devices.iter().map(|device| device.subscriber.clone()).collect();
    users.sort();
    users.dedup();
    let seen = core.store.import_snapshot(&realm.id, &ids, &users).await?;
    let (findings, changes) = import::stage(&terms, &devices, &seen, &core.keyring, chance::now(), &mut chance::rng())?;
    if let Some(changes) = changes.filter(|_| !part.dry_run) {
        match core.commit(changes).await {
            Err(CommitError::Conflict(_)) => {
                return Err(Problem::conflict("The import is live already.", "Begin another one for these devices."));
            }
            done => done?,
        }
    }
    Ok(Json(PartReport { devices: findings.into_iter().map(DeviceReport::from).collect() }))
}

/// Makes all that was put aside for an import live at once, or nothing. It may be asked for again when the answer was lost.
#[utoipa::path(post, path = "/v1/realms/{realm}/imports/{import}/live", tag = "devices", request_body = Ending,
    security(("token" = [])), params(("realm" = String, Path, description = "The realm"),
        ("import" = String, Path, description = "The import")),
    responses((status = 200, body = ImportItem), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, description = "Nothing went live", body = Problem)))]
pub(crate) async fn end_import(
    State(core): State<Arc<Core>>,
    caller: Caller,
    Names((realm, import)): Names<(RealmId, String)>,
    Body(ending): Body<Ending>,
) -> Result<Json<ImportItem>, Problem> {
    caller.operator_of(&realm)?;
    let realm = core.known_realm(&realm).await?;
    let id = import_id(&import)?;
    let made = core.go_live(&realm, id, ending.devices).await?;
    tracing::info!(realm = %realm.id, devices = made.devices, users = made.subscribers, "an import went live");
    tokio::spawn(async move {
        if let Err(error) = core.store.clear_import(&realm.id, &id).await {
            tracing::warn!(%error, "what was put aside for an import is deleted later");
        }
    });
    Ok(Json(ImportItem { devices: made.devices, users: made.subscribers }))
}

/// Drops what was put aside for an import. One that is live stays.
#[utoipa::path(delete, path = "/v1/realms/{realm}/imports/{import}", tag = "devices",
    security(("token" = [])), params(("realm" = String, Path, description = "The realm"),
        ("import" = String, Path, description = "The import")),
    responses((status = 204, description = "Nothing of it is left"), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem)))]
pub(crate) async fn drop_import(
    State(core): State<Arc<Core>>,
    caller: Caller,
    Names((realm, import)): Names<(RealmId, String)>,
) -> Result<StatusCode, Problem> {
    caller.operator_of(&realm)?;
    let realm = core.known_realm(&realm).await?;
    core.store.clear_import(&realm.id, &import_id(&import)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// One page of keys.
#[derive(Serialize, ToSchema)]
pub(crate) struct FactoryKeys {
    /// Devices that have a key from a factory which nobody has used yet.
    items: Vec<FactoryKey>,
    /// What to send as `after` for the next page; null on the last.
    next: Option<String>,
    /// Devices of this page whose key a file cannot carry.
    left_out: LeftOut,
}

/// A device with its key.
#[derive(Serialize, ToSchema)]
pub(crate) struct FactoryKey {
    device: String,
    user: String,
    label: String,
    /// K_0: 64 hexadecimal digits.
    #[schema(value_type = String)]
    #[serde(serialize_with = "as_text")]
    key: Zeroizing<String>,
}

/// Why keys are not given out, and how many.
#[derive(Default, Serialize, ToSchema)]
pub(crate) struct LeftOut {
    /// The device has used its key; a file cannot say how far it is.
    used: u32,
    /// The device was enrolled, or is to be.
    enrolled: u32,
    /// The device is suspended or revoked.
    not_in_use: u32,
}

/// Gives out the keys of devices that came from a factory and were never used. Refused unless the server allows it.
#[utoipa::path(get, path = "/v1/realms/{realm}/factory-keys", tag = "devices", security(("token" = [])),
    params(("realm" = String, Path, description = "The realm"), PageQuery),
    responses((status = 200, description = "Not to be cached", body = FactoryKeys), (status = 400, body = Problem),
        (status = 401, body = Problem), (status = 403, body = Problem), (status = 409, description = "The server lets no keys out", body = Problem),
        (status = 404, body = Problem)))]
pub(crate) async fn list_factory_keys(
    State(core): State<Arc<Core>>,
    caller: Caller,
    Names(realm): Names<RealmId>,
    Asked(query): Asked<PageQuery>,
) -> Result<impl IntoResponse, Problem> {
    caller.operator()?;
    if !core.config.allow_key_export {
        return Err(Problem::keys_stay());
    }
    let realm = core.known_realm(&realm).await?;
    let page = page(query.after.as_deref(), query.limit, device_id)?;
    let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let devices = core.store.authenticators(&realm.id, &AuthenticatorFilter::default(), page).await?;
    let next = devices.last().filter(|_| devices.len() >= limit).map(|device| device.id.to_string());
    let (mut items, mut left_out) = (Vec::new(), LeftOut::default());
    for device in &devices {
        match import::exportable(device, &core.keyring)? {
            Ok(key) => items.push(FactoryKey {
                device: device.id.to_string(),
                user: device.subscriber.to_string(),
                label: device.label.clone(),
                key: Zeroizing::new(HEXLOWER.encode(key.expose())),
            }),
            Err(Kept::Used) => left_out.used = left_out.used.saturating_add(1),
            Err(Kept::Enrolled) => left_out.enrolled = left_out.enrolled.saturating_add(1),
            Err(Kept::NotInUse) => left_out.not_in_use = left_out.not_in_use.saturating_add(1),
        }
    }
    if !items.is_empty() {
        core.commit(import::exported(&realm, items.len(), chance::now(), &mut chance::rng())).await?;
    }
    let never_cached = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((never_cached, Json(FactoryKeys { items, next, left_out })))
}

impl Core {
    async fn go_live(&self, realm: &Realm, id: ImportId, devices: u32) -> Result<Imported, Problem> {
        let mut why = "There is nothing put aside for the import.".to_owned();
        // The second turn finds what the first one made; also when its answer was lost, and its event is there already.
        for _ in 0..2 {
            let found = self.store.import(&realm.id, &id).await?;
            if let Some(made) = found.and_then(|import| import.live) {
                if made.devices != devices {
                    why = format!("The import is live with {} devices.", made.devices);
                    break;
                }
                self.commit(import::confirm(&realm.id, id, made, chance::now())).await?;
                return Ok(made);
            }
            match self.commit(import::go_live(realm, id, devices, chance::now(), &mut chance::rng())?).await {
                Ok(()) => {}
                Err(CommitError::Conflict(inward)) => why = format!("Nothing went live: {inward}."),
                Err(error @ (CommitError::Unavailable(_) | CommitError::ReadOnly(_) | CommitError::InDoubt(_))) => {
                    return Err(error.into());
                }
            }
        }
        Err(Problem::conflict(why, "Begin the import anew; a dry run says what is in its way."))
    }

    /// Deletes what was put aside for imports that nobody goes on with: their callers have gone.
    pub(crate) async fn drop_stale_imports(&self) {
        let kept = u64::try_from(IMPORT_KEPT.as_millis()).unwrap_or(u64::MAX);
        let before = matchbook_protocol::UnixMillis(chance::now().0.saturating_sub(kept));
        let stale = match self.store.stale_imports(before).await {
            Ok(stale) => stale,
            Err(error) => return tracing::warn!(%error, "imports that were left are looked for again later"),
        };
        for (realm, id) in stale {
            match self.store.clear_import(&realm, &id).await {
                Ok(rows) => tracing::info!(%realm, rows, "an import that was left is dropped"),
                Err(error) => tracing::warn!(%error, "an import that was left is dropped later"),
            }
        }
    }
}

fn factory_device(device: NewDevice) -> Result<FactoryDevice, Problem> {
    Ok(FactoryDevice {
        id: device_id(&device.device)?,
        key: device.key.0,
        subscriber: SubscriberId::new(device.user)?,
        label: readable("label", device.label, MAX_LABEL)?,
    })
}

fn import_id(text: &str) -> Result<ImportId, Problem> {
    let bytes = HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
    bytes.map(ImportId).ok_or_else(|| Problem::bad_request("an import's name is 32 hexadecimal digits"))
}

fn as_text<S: Serializer>(key: &Zeroizing<String>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(key)
}
