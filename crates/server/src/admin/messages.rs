//! Short messages of a device: where they go, and what became of each. Never what is in them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use matchbook_protocol::sms::Address;
use matchbook_rules::{Content, Dispatch, DispatchState, OutboxItem, Priority, RealmId, admin};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::devices::{DeviceItem, change, known_device};
use crate::auth::Caller;
use crate::body::{Asked, Body, Names, device_id};
use crate::chance;
use crate::core::Core;
use crate::limits::DEFAULT_PAGE;
use crate::problem::Problem;

/// Where short messages to a device go.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewNumber {
    /// `+` and 1–15 digits; null for none.
    #[schema(example = "+491701234567")]
    number: Option<String>,
}

/// Sets the number that short messages to a device go to.
#[utoipa::path(put, path = "/v1/realms/{realm}/devices/{device}/number", tag = "devices", security(("token" = [])),
    request_body = NewNumber,
    params(("realm" = String, Path, description = "The realm"), ("device" = String, Path, description = "The identification code")),
    responses((status = 200, body = DeviceItem), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, description = "The device is revoked, or the number is none", body = Problem)))]
pub(crate) async fn set_number(
    State(core): State<Arc<Core>>,
    caller: Caller,
    Names((realm, device)): Names<(RealmId, String)>,
    Body(new): Body<NewNumber>,
) -> Result<Json<DeviceItem>, Problem> {
    caller.operator_of(&realm)?;
    let id = device_id(&device)?;
    known_device(&core, &realm, &id).await?;
    let number = number(new.number)?;
    let set = |seen: &_| admin::set_number(seen, number.clone(), chance::now(), &mut chance::rng());
    change(&core, &id, set).await?;
    known_device(&core, &realm, &id).await.map(|snapshot| Json((&snapshot).into()))
}

/// Reads a number as an operator writes it: spaces, hyphens and brackets between the digits are dropped.
pub(super) fn number(text: Option<String>) -> Result<Option<Address>, Problem> {
    let Some(text) = text else { return Ok(None) };
    let plain: String = text.chars().filter(|c| !matches!(c, ' ' | '-' | '(' | ')' | '/')).collect();
    let number: Address = plain.parse().map_err(|error| Problem::bad_request(format!("number: {error}")))?;
    Ok(Some(number))
}

/// The short messages of a device.
#[derive(Serialize, ToSchema)]
pub(crate) struct Messages {
    /// Those that wait to be acknowledged, oldest first.
    outbox: Vec<WaitingItem>,
    /// Those that a centre was handed, newest first; a line for each part.
    sent: Vec<SentItem>,
}

/// A sealed message in the outbox.
#[derive(Serialize, ToSchema)]
pub(crate) struct WaitingItem {
    /// Names the message in `sent`.
    message: String,
    content: ContentName,
    bytes: u32,
    /// Gives way to what somebody waits for.
    bulk: bool,
    created_at_ms: u64,
    /// Sendings so far.
    attempts: u32,
    sent_at_ms: Option<u64>,
    /// When it is sent next, unless it is acknowledged first.
    next_attempt_at_ms: u64,
}

/// A short message that a centre was handed.
#[derive(Serialize, ToSchema)]
pub(crate) struct SentItem {
    /// Names the message; the same in each sending of it.
    message: String,
    content: ContentName,
    /// Bytes of the whole sealed message.
    bytes: u16,
    /// Which sending, from 1.
    attempt: u32,
    /// Which part, from 1.
    part: u8,
    /// Of how many parts.
    parts: u8,
    /// The centre or gateway.
    centre: String,
    /// What the centre calls it.
    centre_id: Option<String>,
    state: StateName,
    /// The centre's word for what went wrong; empty for nothing.
    error: String,
    sent_at_ms: u64,
    /// When the receipt came.
    settled_at_ms: Option<u64>,
}

/// What a message carries.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ContentName {
    Set,
    Key,
    Answer,
}

/// What became of a short message.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum StateName {
    /// The centre took it.
    Submitted,
    /// The centre did not answer: it may have taken it.
    InDoubt,
    /// The receipt says that the phone has it.
    Delivered,
    /// The phone was not reached in time.
    Expired,
    /// It was refused, or will not be delivered.
    Failed,
}

/// How many.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct MessagesQuery {
    /// Rows of `sent`, 1–1000. Default 100.
    limit: Option<u32>,
}

/// Lists a device's short messages: parts, receipts and retries, never contents.
#[utoipa::path(get, path = "/v1/realms/{realm}/devices/{device}/messages", tag = "devices", security(("token" = [])),
    params(("realm" = String, Path, description = "The realm"),
        ("device" = String, Path, description = "The identification code"), MessagesQuery),
    responses((status = 200, body = Messages), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem)))]
pub(crate) async fn list_messages(
    State(core): State<Arc<Core>>,
    caller: Caller,
    Names((realm, device)): Names<(RealmId, String)>,
    Asked(query): Asked<MessagesQuery>,
) -> Result<Json<Messages>, Problem> {
    caller.operator_of(&realm)?;
    let id = device_id(&device)?;
    let snapshot = known_device(&core, &realm, &id).await?;
    let sent = core.store.dispatches(&realm, &id, query.limit.unwrap_or(DEFAULT_PAGE)).await?;
    Ok(Json(Messages {
        outbox: snapshot.outbox.iter().map(WaitingItem::from).collect(),
        sent: sent.into_iter().map(SentItem::from).collect(),
    }))
}

impl From<&OutboxItem> for WaitingItem {
    fn from(item: &OutboxItem) -> Self {
        Self {
            message: hex(&item.message),
            content: Content::from(item.kind).into(),
            bytes: u32::try_from(item.bytes.len()).unwrap_or(u32::MAX),
            bulk: item.priority == Priority::Bulk,
            created_at_ms: item.created_at.0,
            attempts: item.attempts,
            sent_at_ms: item.sent_at.map(|at| at.0),
            next_attempt_at_ms: item.next_attempt_at.0,
        }
    }
}

impl From<Dispatch> for SentItem {
    fn from(it: Dispatch) -> Self {
        Self {
            message: hex(&it.id.message),
            content: it.content.into(),
            bytes: it.bytes,
            attempt: it.id.attempt,
            part: it.id.part,
            parts: it.parts,
            centre: it.centre,
            centre_id: it.centre_id,
            state: it.state.into(),
            error: it.error,
            sent_at_ms: it.at.0,
            settled_at_ms: it.settled_at.map(|at| at.0),
        }
    }
}

impl From<Content> for ContentName {
    fn from(content: Content) -> Self {
        match content {
            Content::Set => Self::Set,
            Content::Rotation => Self::Key,
            Content::Sync => Self::Answer,
        }
    }
}

impl From<DispatchState> for StateName {
    fn from(state: DispatchState) -> Self {
        match state {
            DispatchState::Submitted => Self::Submitted,
            DispatchState::InDoubt => Self::InDoubt,
            DispatchState::Delivered => Self::Delivered,
            DispatchState::Expired => Self::Expired,
            DispatchState::Failed => Self::Failed,
        }
    }
}

/// The first 8 of the 16 bytes are enough to tell a device's messages apart.
fn hex(message: &[u8; 16]) -> String {
    data_encoding::HEXLOWER.encode(message.first_chunk::<8>().map_or(&[][..], |head| head))
}
