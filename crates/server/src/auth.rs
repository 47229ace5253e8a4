//! Who calls: bearer tokens and their roles.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use data_encoding::BASE64URL_NOPAD;
use matchbook_rules::{RealmId, RelyingPartyId, Role, TokenRecord};
use sha2::{Digest, Sha256};

use crate::chance;
use crate::core::Core;
use crate::limits::{TOKEN_CACHE_SIZE, TOKEN_CACHED};
use crate::problem::Problem;

/// What every token begins with, so that a leaked one is recognised.
pub const TOKEN_PREFIX: &str = "mb_";

/// The SHA-256 under which a token is kept; `None` when the text is no token of ours (prefix and 32 bytes, base64url).
#[must_use]
pub fn token_hash(token: &str) -> Option<[u8; 32]> {
    let secret = token.strip_prefix(TOKEN_PREFIX)?;
    let bytes = zeroize::Zeroizing::new(BASE64URL_NOPAD.decode(secret.as_bytes()).ok()?);
    (bytes.len() == 32).then(|| Sha256::digest(token.as_bytes()).into())
}

/// A record and when it was read.
type Read = (Arc<TokenRecord>, Instant);

/// Token records lately read, so that a verify does not pay for a second look-up.
#[derive(Default)]
pub(crate) struct Tokens {
    known: RwLock<HashMap<[u8; 32], Read>>,
    /// Counts the revocations, so that a record that was read before one is not remembered after it.
    forgotten: AtomicU64,
}

/// What is remembered of a hash.
enum Known {
    /// The record, read a moment ago.
    Fresh(Arc<TokenRecord>),
    /// It was a token lately, and is to be read again.
    Stale,
    /// Nothing.
    No,
}

impl Tokens {
    /// Drops all, after a token was revoked here.
    pub(crate) fn forget(&self) {
        self.forgotten.fetch_add(1, Ordering::SeqCst);
        self.known.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Drops one that is no longer there.
    fn forget_one(&self, hash: &[u8; 32]) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).remove(hash);
    }

    fn look_up(&self, hash: &[u8; 32]) -> Known {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        match known.get(hash) {
            Some((record, read)) if read.elapsed() < TOKEN_CACHED => Known::Fresh(Arc::clone(record)),
            Some(_) => Known::Stale,
            None => Known::No,
        }
    }

    /// Remembers a record that was read when `forgotten` revocations had been.
    fn remember(&self, record: &Arc<TokenRecord>, forgotten: u64) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if self.forgotten.load(Ordering::SeqCst) != forgotten {
            return;
        }
        if known.len() >= TOKEN_CACHE_SIZE {
            known.clear();
        }
        known.insert(record.hash, (Arc::clone(record), Instant::now()));
    }
}

/// A caller with a valid token and a free place in its rate limit.
pub(crate) struct Caller {
    record: Arc<TokenRecord>,
}

impl Caller {
    /// May do everything in every realm.
    pub(crate) fn operator(&self) -> Result<(), Problem> {
        match &self.record.role {
            Role::Operator => Ok(()),
            Role::RealmOperator(_) | Role::RelyingParty { .. } => Err(Problem::forbidden()),
        }
    }

    /// May do everything in `realm`.
    pub(crate) fn operator_of(&self, realm: &RealmId) -> Result<(), Problem> {
        match &self.record.role {
            Role::Operator => Ok(()),
            Role::RealmOperator(own) if own == realm => Ok(()),
            Role::RealmOperator(_) | Role::RelyingParty { .. } => Err(Problem::forbidden()),
        }
    }

    /// The realm whose operator the caller is; `None`: of all.
    pub(crate) fn own_realm(&self) -> Result<Option<&RealmId>, Problem> {
        match &self.record.role {
            Role::Operator => Ok(None),
            Role::RealmOperator(own) => Ok(Some(own)),
            Role::RelyingParty { .. } => Err(Problem::forbidden()),
        }
    }

    /// In which realm, and under which name, a verify of this caller counts. A relying party asks in its own realm
    /// only; what it names instead is looked up nowhere, and answered like a wrong code.
    pub(crate) fn relying_party(&self) -> Result<(&RealmId, &RelyingPartyId), Problem> {
        match &self.record.role {
            Role::RelyingParty { realm, name } => Ok((realm, name)),
            Role::Operator | Role::RealmOperator(_) => Err(Problem::forbidden()),
        }
    }
}

impl FromRequestParts<Arc<Core>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, core: &Arc<Core>) -> Result<Self, Problem> {
        let header = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let Some(hash) = header.and_then(bearer).and_then(token_hash) else {
            core.rates.stranger(parts, core.config.trusted_proxy_hops)?;
            return Err(Problem::sign_in());
        };
        let record = match core.tokens.look_up(&hash) {
            Known::Fresh(record) => record,
            Known::Stale | Known::No => read_token(parts, core, &hash).await?,
        };
        if record.expires_at.is_some_and(|expires_at| expires_at <= chance::now()) {
            return Err(Problem::sign_in());
        }
        core.rates.caller(&record.id)?;
        Ok(Self { record })
    }
}

/// The token of an Authorization header; the scheme's name is written in any case (RFC 9110 §11.1).
fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// One reading at a time for each token: the calls that wait for it find what the first one read, so that many at once with
/// one good token are not charged as many strangers.
async fn read_token(parts: &Parts, core: &Core, hash: &[u8; 32]) -> Result<Arc<TokenRecord>, Problem> {
    // Without a turn it goes as well; it costs a reading of its own then.
    let _turn = core.lanes.turn(("token", hash)).await.ok();
    match core.tokens.look_up(hash) {
        Known::Fresh(record) => return Ok(record),
        // A token that was good a moment ago is not charged to the strangers at its address.
        Known::Stale => {}
        Known::No => core.rates.stranger(parts, core.config.trusted_proxy_hops)?,
    }
    let forgotten = core.tokens.forgotten.load(Ordering::SeqCst);
    let Some(record) = core.store.token_by_hash(hash).await?.map(Arc::new) else {
        core.tokens.forget_one(hash);
        return Err(Problem::sign_in());
    };
    core.tokens.remember(&record, forgotten);
    Ok(record)
}

#[cfg(test)]
mod tests;
