//! Filling a store fast: many devices a commit, the next one made while the one before is written.

use std::sync::Arc;

use matchbook_rules::{Changes, Realm, Role, Version, Write};
use matchbook_server::NewToken;
use matchbook_store::Store;
use tokio::task::JoinHandle;

use super::{Population, keyring, now, realm, relying_party};
use crate::trouble::{Result, Trouble};

/// Devices in a commit: large enough that its flush does not count.
const BATCH: u32 = 2_000;

/// What callers of the filled store present.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// The relying party's.
    pub relying_party: String,
    /// An operator's.
    pub operator: String,
}

/// Fills an empty store, and gives the tokens for it.
///
/// # Errors
/// The store refuses a write.
pub async fn fill(store: &dyn Store, population: &Population) -> Result<Tokens> {
    let policy = population.policy.clone();
    let row = Realm { id: realm()?, display_name: String::new(), policy, created_at: now(), version: Version(0) };
    commit(store, vec![Write::PutRealm(Box::new(row))]).await?;
    let role = Role::RelyingParty { realm: realm()?, name: relying_party()? };
    let tokens = Tokens { relying_party: token(store, role).await?, operator: token(store, Role::Operator).await? };
    let population = Arc::new(population.clone());
    let mut making: Option<JoinHandle<Result<Vec<Write>>>> = None;
    for first in (0..population.devices).step_by(usize::try_from(BATCH).unwrap_or(usize::MAX)) {
        let next = Arc::clone(&population);
        let next = tokio::task::spawn_blocking(move || batch(&next, first));
        if let Some(made) = making.replace(next) {
            commit(store, made.await.map_err(Trouble::because("making devices ended badly"))??).await?;
        }
    }
    if let Some(made) = making {
        commit(store, made.await.map_err(Trouble::because("making devices ended badly"))??).await?;
    }
    Ok(tokens)
}

fn batch(population: &Population, first: u32) -> Result<Vec<Write>> {
    let (keyring, now) = (keyring(), now());
    let mut writes = Vec::new();
    for device in first..population.devices.min(first + BATCH) {
        writes.push(Write::PutSubscriber(Box::new(population.subscriber(device, now)?)));
        writes.push(Write::InsertAuthenticator(Box::new(population.authenticator(device, &keyring, now)?)));
        if population.codes > 0 {
            writes.push(Write::InsertSet(Box::new(population.set(device, &keyring, now)?)));
        }
    }
    Ok(writes)
}

async fn token(store: &dyn Store, role: Role) -> Result<String> {
    let (changes, token) = NewToken::make(role, "bench".to_owned(), None).into_changes();
    store.commit(changes).await.map_err(Trouble::because("a token was not stored"))?;
    Ok(token.to_string())
}

async fn commit(store: &dyn Store, writes: Vec<Write>) -> Result<()> {
    let committed = store.commit(Changes { guards: Vec::new(), writes }).await;
    committed.map_err(Trouble::because("the store was not filled"))
}
