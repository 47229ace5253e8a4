//! The audit log, newest first.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use data_encoding::HEXLOWER;
use matchbook_rules::{AuditEvent, EventKind, RealmId};
use matchbook_store::EventFilter;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::auth::Caller;
use crate::body::{Asked, List, Names, device_id, page};
use crate::core::Core;
use crate::problem::Problem;

/// Something that happened. It never holds a code or a key.
#[derive(Serialize, ToSchema)]
pub(crate) struct EventItem {
    /// 32 hexadecimal digits that order events.
    id: String,
    at_ms: u64,
    /// What, as a word that stays the same.
    #[schema(value_type = String, example = "code-accepted")]
    kind: EventKind,
    device: Option<String>,
    user: Option<String>,
    relying_party: Option<String>,
    /// Why, in a sentence for the operator.
    detail: String,
}

impl From<AuditEvent> for EventItem {
    fn from(event: AuditEvent) -> Self {
        Self {
            id: HEXLOWER.encode(&event.id),
            at_ms: event.at.0,
            kind: event.kind,
            device: event.authenticator.map(|id| id.to_string()),
            user: event.subscriber.map(String::from),
            relying_party: event.relying_party.map(String::from),
            detail: event.detail,
        }
    }
}

/// Which events.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventQuery {
    /// Only this device's.
    device: Option<String>,
    /// The `next` of the page before.
    after: Option<String>,
    /// Rows, 1–1000. Default 100.
    limit: Option<u32>,
}

/// Lists a realm's events, newest first. They are kept for 90 days.
#[utoipa::path(get, path = "/v1/realms/{realm}/events", tag = "realms", security(("token" = [])),
    params(("realm" = String, Path, description = "The realm"), EventQuery),
    responses((status = 200, body = List<EventItem>), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem)))]
pub(crate) async fn list_events(
    State(core): State<Arc<Core>>,
    caller: Caller,
    Names(realm): Names<RealmId>,
    Asked(query): Asked<EventQuery>,
) -> Result<Json<List<EventItem>>, Problem> {
    caller.operator_of(&realm)?;
    core.known_realm(&realm).await?;
    let filter = EventFilter { authenticator: query.device.as_deref().map(device_id).transpose()? };
    let page = page(query.after.as_deref(), query.limit, event_id)?;
    let limit = page.limit;
    let events = core.store.events(&realm, &filter, page).await?;
    Ok(Json(List::of(events, limit, |event| HEXLOWER.encode(&event.id), EventItem::from)))
}

fn event_id(text: &str) -> Result<[u8; 16], Problem> {
    let bytes = HEXLOWER.decode(text.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or_else(|| Problem::bad_request("after is an event's id, 32 hexadecimal digits"))
}
