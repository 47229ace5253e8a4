//! Realms.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use matchbook_rules::{Realm, RealmId, admin};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::policies::PolicyBody;
use super::{MAX_DISPLAY_NAME, readable};
use crate::auth::Caller;
use crate::body::{Body, List, Names};
use crate::chance;
use crate::core::Core;
use crate::problem::Problem;

/// A new realm.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRealm {
    /// 1–32 of `a-z 0-9 -`, first a letter or digit.
    #[schema(example = "ship-17")]
    id: String,
    /// What people read; at most 128 bytes.
    display_name: Option<String>,
    /// How codes are issued and verified; the defaults when it is left out.
    policy: Option<PolicyBody>,
}

/// A realm.
#[derive(Serialize, ToSchema)]
pub(crate) struct RealmItem {
    id: String,
    display_name: String,
    policy: PolicyBody,
    created_at_ms: u64,
}

impl From<Realm> for RealmItem {
    fn from(realm: Realm) -> Self {
        Self {
            id: realm.id.to_string(),
            display_name: realm.display_name,
            policy: realm.policy.into(),
            created_at_ms: realm.created_at.0,
        }
    }
}

/// Lists the realms that the caller operates.
#[utoipa::path(get, path = "/v1/realms", tag = "realms", security(("token" = [])),
    responses((status = 200, body = List<RealmItem>), (status = 401, body = Problem), (status = 403, body = Problem)))]
pub(crate) async fn list_realms(
    State(core): State<Arc<Core>>,
    caller: Caller,
) -> Result<Json<List<RealmItem>>, Problem> {
    let own = caller.own_realm()?;
    let realms = core.store.realms().await?.into_iter().filter(|realm| own.is_none_or(|own| *own == realm.id));
    Ok(Json(List { items: realms.map(RealmItem::from).collect(), next: None }))
}

/// Makes a realm.
#[utoipa::path(post, path = "/v1/realms", tag = "realms", request_body = NewRealm, security(("token" = [])),
    responses((status = 201, body = RealmItem), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 409, description = "There is one of that name", body = Problem)))]
pub(crate) async fn create_realm(
    State(core): State<Arc<Core>>,
    caller: Caller,
    Body(new): Body<NewRealm>,
) -> Result<(StatusCode, Json<RealmItem>), Problem> {
    caller.operator()?;
    let id = RealmId::new(new.id)?;
    let display_name = readable("display_name", new.display_name, MAX_DISPLAY_NAME)?;
    let policy = new.policy.unwrap_or_default().try_into()?;
    if core.store.realm(&id).await?.is_some() {
        return Err(Problem::conflict(format!("The realm {id} is there already."), "Choose another name."));
    }
    let changes = admin::create_realm(&id, display_name, policy, chance::now(), &mut chance::rng())?;
    core.commit(changes).await?;
    Ok((StatusCode::CREATED, Json(core.known_realm(&id).await?.into())))
}

/// Shows a realm.
#[utoipa::path(get, path = "/v1/realms/{realm}", tag = "realms", security(("token" = [])),
    params(("realm" = String, Path, description = "The realm")),
    responses((status = 200, body = RealmItem), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem)))]
pub(crate) async fn show_realm(
    State(core): State<Arc<Core>>,
    caller: Caller,
    Names(realm): Names<RealmId>,
) -> Result<Json<RealmItem>, Problem> {
    caller.operator_of(&realm)?;
    Ok(Json(core.known_realm(&realm).await?.into()))
}
