//! Devices: what the server knows and counts of each, and what an operator does to one.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use matchbook_protocol::AuthenticatorId;
use matchbook_rules::refusal::Refusal;
use matchbook_rules::{
    Changes, DeviceSnapshot, OutboxKind, RealmId, RefillReason, RotationReason, Status, SubscriberId, admin,
};
use matchbook_store::AuthenticatorFilter;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::enrolments::{DeliveryName, SuiteName};
use crate::auth::Caller;
use crate::body::{Asked, List, Names, device_id, page};
use crate::chance;
use crate::core::{Core, Outcome};
use crate::problem::Problem;

/// A device with its counters.
#[derive(Serialize, ToSchema)]
pub(crate) struct DeviceItem {
    /// The identification code.
    device: String,
    user: String,
    label: String,
    suite: SuiteName,
    delivery: DeliveryName,
    /// Where short messages to it go; null: nowhere.
    number: Option<String>,
    status: StatusName,
    /// The number of the key in use.
    epoch: u32,
    /// The number that the next issued code gets.
    next_index: u32,
    /// The highest number that the device said it holds.
    acknowledged: u32,
    /// Issued codes that are unspent, as the server counts.
    issued_unused: u32,
    /// Unused codes, as the device last reported; null before its first request.
    reported_unused: Option<u8>,
    /// Consecutive failures; at 100 the device is locked.
    failures: u32,
    /// A set waits to be acknowledged.
    set_outstanding: bool,
    /// A key replacement is under way.
    rotation_pending: bool,
    /// A set is due and not yet issued.
    refill_due: bool,
    /// Messages under the key in use.
    messages_under_key: u32,
    /// Sets issued today (UTC).
    sets_today: u16,
    created_at_ms: u64,
    /// When its last authentic message came.
    last_seen_at_ms: Option<u64>,
}

/// Where a device is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum StatusName {
    /// Enrolment made, device not heard of yet.
    Pending,
    /// In use.
    Active,
    /// Stopped by the operator; can be resumed.
    Suspended,
    /// Stopped for good.
    Revoked,
    /// 100 consecutive failures; the operator unlocks it.
    Locked,
    /// The store was put back from a backup: nothing verifies until the device has asked for a set.
    Restored,
}

impl From<&DeviceSnapshot> for DeviceItem {
    fn from(snapshot: &DeviceSnapshot) -> Self {
        let device = &snapshot.authenticator;
        let issued: usize = snapshot.sets.iter().map(|set| set.tags.len()).sum();
        let outstanding = |item: &matchbook_rules::OutboxItem| matches!(item.kind, OutboxKind::Set { .. });
        Self {
            device: device.id.to_string(),
            user: device.subscriber.to_string(),
            label: device.label.clone(),
            suite: device.profile.suite().into(),
            delivery: device.profile.delivery().into(),
            number: device.msisdn.as_ref().map(ToString::to_string),
            status: status(snapshot),
            epoch: device.keys.current.epoch.0,
            next_index: device.next_index.0,
            acknowledged: device.acknowledged.0,
            issued_unused: u32::try_from(issued.saturating_sub(snapshot.spent.len())).unwrap_or(u32::MAX),
            reported_unused: device.reported_unused,
            failures: snapshot.failures,
            set_outstanding: snapshot.outbox.iter().any(outstanding),
            rotation_pending: device.keys.next.is_some() || device.rotation_wanted.is_some(),
            refill_due: device.refill_due.is_some(),
            messages_under_key: device.keys.current.messages,
            sets_today: device.day.sets,
            created_at_ms: device.created_at.0,
            last_seen_at_ms: device.last_seen_at.map(|at| at.0),
        }
    }
}

fn status(snapshot: &DeviceSnapshot) -> StatusName {
    match snapshot.authenticator.status {
        Status::Pending { .. } => StatusName::Pending,
        Status::Suspended => StatusName::Suspended,
        Status::Revoked => StatusName::Revoked,
        Status::Active if snapshot.failures >= matchbook_rules::throttle::HARD_STOP => StatusName::Locked,
        Status::Active if snapshot.authenticator.restored => StatusName::Restored,
        Status::Active => StatusName::Active,
    }
}

/// Which devices.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct DeviceQuery {
    /// Only this user's.
    user: Option<String>,
    /// The `next` of the page before.
    after: Option<String>,
    /// Rows, 1–1000. Default 100.
    limit: Option<u32>,
}

/// Lists a realm's devices by identification code.
#[utoipa::path(get, path = "/v1/realms/{realm}/devices", tag = "devices", security(("token" = [])),
    params(("realm" = String, Path, description = "The realm"), DeviceQuery),
    responses((status = 200, body = List<DeviceItem>), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem)))]
pub(crate) async fn list_devices(
    State(core): State<Arc<Core>>,
    caller: Caller,
    Names(realm): Names<RealmId>,
    Asked(query): Asked<DeviceQuery>,
) -> Result<Json<List<DeviceItem>>, Problem> {
    caller.operator_of(&realm)?;
    core.known_realm(&realm).await?;
    let filter = AuthenticatorFilter { subscriber: query.user.map(SubscriberId::new).transpose()? };
    let page = page(query.after.as_deref(), query.limit, device_id)?;
    let limit = page.limit;
    let mut snapshots = Vec::new();
    for device in core.store.authenticators(&realm, &filter, page).await? {
        // A device that was removed between the two reads is left out.
        snapshots.extend(core.store.load_device(&device.id).await?);
    }
    Ok(Json(List::of(snapshots, limit, |row| row.authenticator.id.to_string(), |row| DeviceItem::from(&row))))
}

/// Shows a device with its counters.
#[utoipa::path(get, path = "/v1/realms/{realm}/devices/{device}", tag = "devices", security(("token" = [])),
    params(("realm" = String, Path, description = "The realm"), ("device" = String, Path, description = "The identification code")),
    responses((status = 200, body = DeviceItem), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem)))]
pub(crate) async fn show_device(
    State(core): State<Arc<Core>>,
    caller: Caller,
    Names((realm, device)): Names<(RealmId, String)>,
) -> Result<Json<DeviceItem>, Problem> {
    caller.operator_of(&realm)?;
    known_device(&core, &realm, &device_id(&device)?).await.map(|snapshot| Json((&snapshot).into()))
}

/// What an operator does to a device.
#[derive(Clone, Copy)]
enum DeviceCommand {
    Suspend,
    Resume,
    Revoke,
    Unlock,
    Rotate,
    Push,
}

macro_rules! device_command {
    ($(#[$doc:meta])* $name:ident, $path:literal, $command:ident) => {
        $(#[$doc])*
        #[utoipa::path(post, path = $path, tag = "devices", security(("token" = [])),
            params(("realm" = String, Path, description = "The realm"),
                ("device" = String, Path, description = "The identification code")),
            responses((status = 200, body = DeviceItem), (status = 401, body = Problem), (status = 403, body = Problem),
                (status = 404, body = Problem), (status = 409, description = "The device's state does not allow it", body = Problem)))]
        pub(crate) async fn $name(
            State(core): State<Arc<Core>>,
            caller: Caller,
            Names((realm, device)): Names<(RealmId, String)>,
        ) -> Result<Json<DeviceItem>, Problem> {
            caller.operator_of(&realm)?;
            carry_out(&core, &realm, &device_id(&device)?, DeviceCommand::$command).await
        }
    };
}

device_command!(
    /// Suspends a device: its codes are refused and it gets no sets until it is resumed.
    suspend_device,
    "/v1/realms/{realm}/devices/{device}/suspend",
    Suspend
);
device_command!(
    /// Resumes a suspended device. Its counts of failures stay.
    resume_device,
    "/v1/realms/{realm}/devices/{device}/resume",
    Resume
);
device_command!(
    /// Revokes a device for good: its key and its code tags are erased.
    revoke_device,
    "/v1/realms/{realm}/devices/{device}/revoke",
    Revoke
);
device_command!(
    /// Unlocks a device after 100 consecutive failures, and sets the count to 0.
    unlock_device,
    "/v1/realms/{realm}/devices/{device}/unlock",
    Unlock
);
device_command!(
    /// Begins a key replacement.
    rotate_device,
    "/v1/realms/{realm}/devices/{device}/rotate",
    Rotate
);
device_command!(
    /// Pushes a set now. When one is outstanding, its bytes are sent again.
    push_device,
    "/v1/realms/{realm}/devices/{device}/push",
    Push
);

async fn carry_out(
    core: &Core,
    realm: &RealmId,
    id: &AuthenticatorId,
    command: DeviceCommand,
) -> Result<Json<DeviceItem>, Problem> {
    known_device(core, realm, id).await?;
    match command {
        DeviceCommand::Suspend => {
            change(core, id, |seen| admin::suspend(seen, chance::now(), &mut chance::rng())).await
        }
        DeviceCommand::Resume => change(core, id, |seen| admin::resume(seen, chance::now(), &mut chance::rng())).await,
        DeviceCommand::Revoke => change(core, id, |seen| admin::revoke(seen, chance::now(), &mut chance::rng())).await,
        DeviceCommand::Unlock => change(core, id, |seen| admin::unlock(seen, chance::now(), &mut chance::rng())).await,
        DeviceCommand::Rotate => core.rotate(id, RotationReason::Operator).await,
        DeviceCommand::Push => core.refill(id, RefillReason::Operator).await,
    }?;
    known_device(core, realm, id).await.map(|snapshot| Json((&snapshot).into()))
}

pub(super) async fn change(
    core: &Core,
    id: &AuthenticatorId,
    decide: impl Fn(&DeviceSnapshot) -> Result<Changes, Refusal>,
) -> Result<(), Problem> {
    let decided =
        core.decide_device(id, |snapshot| Ok(Outcome { changes: decide(snapshot)?, answer: (), tells: false })).await?;
    core.reach(id);
    decided.ok_or_else(|| Problem::not_listed("There is no such device.", "device list"))
}

pub(super) async fn known_device(
    core: &Core,
    realm: &RealmId,
    id: &AuthenticatorId,
) -> Result<DeviceSnapshot, Problem> {
    let snapshot = core.store.load_device(id).await?.filter(|snapshot| snapshot.realm.id == *realm);
    let list = format!("device list --realm {realm}");
    snapshot.ok_or_else(|| Problem::not_listed(format!("There is no device {id} in the realm {realm}."), &list))
}
