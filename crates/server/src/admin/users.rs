//! Subscribers: the enrolled people.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use matchbook_rules::{RealmId, Subscriber, SubscriberId, admin};
use matchbook_store::{AuthenticatorFilter, Page};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::devices::change;
use super::{MAX_DISPLAY_NAME, readable};
use crate::auth::Caller;
use crate::body::{Asked, Body, List, Names, PageQuery, page};
use crate::chance;
use crate::core::Core;
use crate::limits::DEFAULT_PAGE;
use crate::problem::Problem;

/// A new user.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewUser {
    /// The log-in name, 1–128 bytes.
    #[schema(example = "alice")]
    id: String,
    /// What people read; at most 128 bytes.
    display_name: Option<String>,
}

/// A user.
#[derive(Serialize, ToSchema)]
pub(crate) struct UserItem {
    id: String,
    display_name: String,
    /// All codes of a suspended user are refused.
    suspended: bool,
    created_at_ms: u64,
}

impl From<Subscriber> for UserItem {
    fn from(user: Subscriber) -> Self {
        Self {
            id: user.id.to_string(),
            display_name: user.display_name,
            suspended: user.suspended,
            created_at_ms: user.created_at.0,
        }
    }
}

/// Lists a realm's users by name.
#[utoipa::path(get, path = "/v1/realms/{realm}/users", tag = "users", security(("token" = [])),
    params(("realm" = String, Path, description = "The realm"), PageQuery),
    responses((status = 200, body = List<UserItem>), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem)))]
pub(crate) async fn list_users(
    State(core): State<Arc<Core>>,
    caller: Caller,
    Names(realm): Names<RealmId>,
    Asked(query): Asked<PageQuery>,
) -> Result<Json<List<UserItem>>, Problem> {
    caller.operator_of(&realm)?;
    core.known_realm(&realm).await?;
    let page = page(query.after.as_deref(), query.limit, |text| Ok(SubscriberId::new(text)?))?;
    let limit = page.limit;
    let users = core.store.subscribers(&realm, page).await?;
    Ok(Json(List::of(users, limit, |user| user.id.to_string(), UserItem::from)))
}

/// Makes a user.
#[utoipa::path(post, path = "/v1/realms/{realm}/users", tag = "users", request_body = NewUser,
    security(("token" = [])), params(("realm" = String, Path, description = "The realm")),
    responses((status = 201, body = UserItem), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(crate) async fn create_user(
    State(core): State<Arc<Core>>,
    caller: Caller,
    Names(realm): Names<RealmId>,
    Body(new): Body<NewUser>,
) -> Result<(StatusCode, Json<UserItem>), Problem> {
    caller.operator_of(&realm)?;
    let realm = core.known_realm(&realm).await?;
    let id = SubscriberId::new(new.id)?;
    let display_name = readable("display_name", new.display_name, MAX_DISPLAY_NAME)?;
    if core.store.subscriber(&realm.id, &id).await?.is_some() {
        return Err(Problem::conflict(format!("The user {id} is there already."), "Choose another name."));
    }
    core.commit(admin::create_subscriber(&realm, &id, display_name, chance::now(), &mut chance::rng())?).await?;
    Ok((StatusCode::CREATED, Json(core.known_user(&realm.id, &id).await?.into())))
}

/// Shows a user.
#[utoipa::path(get, path = "/v1/realms/{realm}/users/{user}", tag = "users", security(("token" = [])),
    params(("realm" = String, Path, description = "The realm"), ("user" = String, Path, description = "The log-in name")),
    responses((status = 200, body = UserItem), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem)))]
pub(crate) async fn show_user(
    State(core): State<Arc<Core>>,
    caller: Caller,
    Names((realm, user)): Names<(RealmId, SubscriberId)>,
) -> Result<Json<UserItem>, Problem> {
    caller.operator_of(&realm)?;
    Ok(Json(core.known_user(&realm, &user).await?.into()))
}

/// Suspends a user: all of their codes are refused until they are resumed.
#[utoipa::path(post, path = "/v1/realms/{realm}/users/{user}/suspend", tag = "users", security(("token" = [])),
    params(("realm" = String, Path, description = "The realm"), ("user" = String, Path, description = "The log-in name")),
    responses((status = 200, body = UserItem), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(crate) async fn suspend_user(
    State(core): State<Arc<Core>>,
    caller: Caller,
    Names(names): Names<(RealmId, SubscriberId)>,
) -> Result<Json<UserItem>, Problem> {
    set_suspended(&core, &caller, names, true).await
}

/// Resumes a suspended user.
#[utoipa::path(post, path = "/v1/realms/{realm}/users/{user}/resume", tag = "users", security(("token" = [])),
    params(("realm" = String, Path, description = "The realm"), ("user" = String, Path, description = "The log-in name")),
    responses((status = 200, body = UserItem), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(crate) async fn resume_user(
    State(core): State<Arc<Core>>,
    caller: Caller,
    Names(names): Names<(RealmId, SubscriberId)>,
) -> Result<Json<UserItem>, Problem> {
    set_suspended(&core, &caller, names, false).await
}

async fn set_suspended(
    core: &Core,
    caller: &Caller,
    (realm, user): (RealmId, SubscriberId),
    suspended: bool,
) -> Result<Json<UserItem>, Problem> {
    caller.operator_of(&realm)?;
    let known = core.known_user(&realm, &user).await?;
    core.commit(admin::set_subscriber_suspended(&known, suspended, chance::now(), &mut chance::rng())?).await?;
    if !suspended && let Err(problem) = go_on(core, &realm, &user).await {
        tracing::warn!(%problem, "what waits for a resumed user's devices goes later");
    }
    Ok(Json(core.known_user(&realm, &user).await?.into()))
}

/// Makes what waits for a user's devices due. A failure, or a kill in between, costs them time: the dispatcher looks at
/// what it put off again.
async fn go_on(core: &Core, realm: &RealmId, user: &SubscriberId) -> Result<(), Problem> {
    let filter = AuthenticatorFilter { subscriber: Some(user.clone()) };
    let mut after = None;
    loop {
        let devices = core.store.authenticators(realm, &filter, Page { after, limit: DEFAULT_PAGE }).await?;
        for device in &devices {
            change(core, &device.id, |seen| Ok(admin::go_on(seen, chance::now()))).await?;
        }
        after = devices.last().map(|device| device.id);
        if devices.len() < usize::try_from(DEFAULT_PAGE).unwrap_or(usize::MAX) {
            return Ok(());
        }
    }
}
