//! Tokens of operators and relying parties: hashed at rest, shown once.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::IntoResponse;
use data_encoding::HEXLOWER;
use matchbook_rules::{RealmId, RelyingPartyId, Role, TokenId, TokenRecord, Write};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{MAX_LABEL, readable};
use crate::auth::Caller;
use crate::body::{Body, List, Names};
use crate::chance;
use crate::core::Core;
use crate::problem::Problem;
use crate::token::NewToken;

/// What a token's bearer may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum RoleName {
    /// Everything, in every realm.
    Operator,
    /// Everything in one realm.
    RealmOperator,
    /// Verify and challenge in one realm.
    RelyingParty,
}

/// A new token.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewTokenBody {
    role: RoleName,
    /// With `realm-operator` and `relying-party`.
    realm: Option<String>,
    /// With `relying-party`: its name in the ledger, 1–64 of `a-z 0-9 -`.
    #[schema(example = "vpn")]
    name: Option<String>,
    /// What people call it; at most 64 bytes.
    label: Option<String>,
    /// After how many seconds it stops working, 60 or more. Default: when it is revoked.
    valid_for_s: Option<u64>,
}

/// The token, shown once.
#[derive(Serialize, ToSchema)]
pub(crate) struct MadeToken {
    /// Its name, for its removal.
    id: String,
    /// The secret.
    token: String,
}

/// What is kept of a token.
#[derive(Serialize, ToSchema)]
pub(crate) struct TokenItem {
    id: String,
    role: RoleName,
    realm: Option<String>,
    name: Option<String>,
    label: String,
    created_at_ms: u64,
    expires_at_ms: Option<u64>,
}

impl From<TokenRecord> for TokenItem {
    fn from(record: TokenRecord) -> Self {
        let (role, realm, name) = match record.role {
            Role::Operator => (RoleName::Operator, None, None),
            Role::RealmOperator(realm) => (RoleName::RealmOperator, Some(realm.into()), None),
            Role::RelyingParty { realm, name } => (RoleName::RelyingParty, Some(realm.into()), Some(name.into())),
        };
        Self {
            id: HEXLOWER.encode(&record.id.0),
            role,
            realm,
            name,
            label: record.label,
            created_at_ms: record.created_at.0,
            expires_at_ms: record.expires_at.map(|at| at.0),
        }
    }
}

/// Lists the tokens that the caller may revoke. The secrets are not kept.
#[utoipa::path(get, path = "/v1/tokens", tag = "tokens", security(("token" = [])),
    responses((status = 200, body = List<TokenItem>), (status = 401, body = Problem), (status = 403, body = Problem)))]
pub(crate) async fn list_tokens(
    State(core): State<Arc<Core>>,
    caller: Caller,
) -> Result<Json<List<TokenItem>>, Problem> {
    let own = caller.own_realm()?;
    let tokens = core.store.tokens().await?.into_iter().filter(|record| may_manage(own, &record.role));
    Ok(Json(List { items: tokens.map(TokenItem::from).collect(), next: None }))
}

/// Makes a token. The answer is the only time that it is seen.
#[utoipa::path(post, path = "/v1/tokens", tag = "tokens", request_body = NewTokenBody, security(("token" = [])),
    responses((status = 201, body = MadeToken), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem)))]
pub(crate) async fn create_token(
    State(core): State<Arc<Core>>,
    caller: Caller,
    Body(body): Body<NewTokenBody>,
) -> Result<impl IntoResponse, Problem> {
    let role = role(body.role, body.realm, body.name)?;
    if !may_manage(caller.own_realm()?, &role) {
        return Err(Problem::forbidden());
    }
    if let Some(realm) = realm_of(&role) {
        core.known_realm(realm).await?;
    }
    if body.valid_for_s.is_some_and(|seconds| seconds < 60) {
        return Err(Problem::bad_request("valid_for_s is 60 or more"));
    }
    let label = readable("label", body.label, MAX_LABEL)?;
    let expires_at = body.valid_for_s.map(|seconds| chance::now().plus(seconds.saturating_mul(1_000)));
    let made = NewToken::make(role, label, expires_at);
    let id = HEXLOWER.encode(&made.id().0);
    let (changes, token) = made.into_changes();
    core.commit(changes).await?;
    let never_cached = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((StatusCode::CREATED, never_cached, Json(MadeToken { id, token: token.to_string() })))
}

/// Revokes a token at once.
#[utoipa::path(delete, path = "/v1/tokens/{id}", tag = "tokens", security(("token" = [])),
    params(("id" = String, Path, description = "The token's name, 16 hexadecimal digits")),
    responses((status = 204, description = "Revoked"), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem)))]
pub(crate) async fn revoke_token(
    State(core): State<Arc<Core>>,
    caller: Caller,
    Names(id): Names<String>,
) -> Result<StatusCode, Problem> {
    let own = caller.own_realm()?;
    let none = || Problem::not_listed("There is no such token.", "token list");
    let id =
        HEXLOWER.decode(id.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok()).map(TokenId).ok_or_else(none)?;
    let known = core.store.tokens().await?.into_iter().find(|record| record.id == id).ok_or_else(none)?;
    if !may_manage(own, &known.role) {
        return Err(none());
    }
    let mut changes = matchbook_rules::Changes::default();
    changes.writes.push(Write::DeleteToken(id));
    core.commit(changes).await?;
    core.tokens.forget();
    Ok(StatusCode::NO_CONTENT)
}

fn role(name: RoleName, realm: Option<String>, party: Option<String>) -> Result<Role, Problem> {
    match (name, realm, party) {
        (RoleName::Operator, None, None) => Ok(Role::Operator),
        (RoleName::RealmOperator, Some(realm), None) => Ok(Role::RealmOperator(RealmId::new(realm)?)),
        (RoleName::RelyingParty, Some(realm), Some(party)) => {
            Ok(Role::RelyingParty { realm: RealmId::new(realm)?, name: RelyingPartyId::new(party)? })
        }
        (RoleName::Operator, _, _) => Err(Problem::bad_request("an operator's token has neither realm nor name")),
        (RoleName::RealmOperator, _, _) => {
            Err(Problem::bad_request("a realm operator's token has a realm and no name"))
        }
        (RoleName::RelyingParty, _, _) => Err(Problem::bad_request("a relying party's token has a realm and a name")),
    }
}

fn realm_of(role: &Role) -> Option<&RealmId> {
    match role {
        Role::Operator => None,
        Role::RealmOperator(realm) | Role::RelyingParty { realm, .. } => Some(realm),
    }
}

/// An operator manages all tokens, a realm's operator those of the realm.
fn may_manage(own: Option<&RealmId>, role: &Role) -> bool {
    own.is_none_or(|own| realm_of(role) == Some(own))
}
