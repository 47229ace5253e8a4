//! Table `tokens`.

use matchbook_rules::{Role, TokenId, TokenRecord};

use super::values::{blob, number, opt, text, time};
use super::words::{ROLE_OPERATOR, ROLE_REALM_OPERATOR, ROLE_RELYING_PARTY};
use super::{Bad, Bound, Fields, Stored};

pub(crate) const INSERT_TOKEN: &str = "INSERT INTO tokens \
     (token, hash, role, realm, relying_party, label, created_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

pub(crate) fn bind_token(it: &TokenRecord) -> Bound<'_, 8> {
    let (role, realm, name) = match &it.role {
        Role::Operator => (ROLE_OPERATOR, None, None),
        Role::RealmOperator(realm) => (ROLE_REALM_OPERATOR, Some(realm), None),
        Role::RelyingParty { realm, name } => (ROLE_RELYING_PARTY, Some(realm), Some(name)),
    };
    [
        blob(&it.id.0),
        blob(&it.hash),
        number(role),
        opt(realm, |realm| text(realm.as_str())),
        opt(name, |name| text(name.as_str())),
        text(&it.label),
        time(it.created_at),
        opt(it.expires_at, time),
    ]
}

impl Stored for TokenRecord {
    const TABLE: &'static str = "tokens";
    const SELECT: &'static str = "SELECT token, hash, role, realm, relying_party, label, created_at, expires_at";
    const KEY: usize = 1;

    fn decode(fields: &mut Fields<'_>) -> Result<Self, Bad> {
        Ok(Self {
            id: TokenId(fields.array()?),
            hash: fields.array()?,
            role: role(fields)?,
            label: fields.text()?.to_owned(),
            created_at: fields.time()?,
            expires_at: fields.opt_time()?,
        })
    }
}

fn role(fields: &mut Fields<'_>) -> Result<Role, Bad> {
    match (fields.number()?, fields.opt_name()?, fields.opt_name()?) {
        (ROLE_OPERATOR, None, None) => Ok(Role::Operator),
        (ROLE_REALM_OPERATOR, Some(realm), None) => Ok(Role::RealmOperator(realm)),
        (ROLE_RELYING_PARTY, Some(realm), Some(name)) => Ok(Role::RelyingParty { realm, name }),
        _ => Err(fields.bad("does not fit the role, or there is no such role")),
    }
}
