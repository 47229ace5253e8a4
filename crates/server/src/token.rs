//! Tokens are made here: for the API, and for `matchbook init`, which makes the first one before a server runs.

use data_encoding::BASE64URL_NOPAD;
use matchbook_protocol::UnixMillis;
use matchbook_rules::{Changes, Role, TokenId, TokenRecord, Write};
use rand_core::Rng;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::auth::TOKEN_PREFIX;
use crate::chance;

/// A token that is not yet stored.
pub struct NewToken {
    token: Zeroizing<String>,
    record: TokenRecord,
}

impl NewToken {
    /// Draws 32 random bytes for a role. `expires_at`: when it stops working; `None`: when it is revoked.
    #[must_use]
    pub fn make(role: Role, label: String, expires_at: Option<UnixMillis>) -> Self {
        let mut rng = chance::rng();
        let (mut secret, mut id) = (Zeroizing::new([0; 32]), [0; 8]);
        rng.fill_bytes(secret.as_mut());
        rng.fill_bytes(&mut id);
        let encoded = Zeroizing::new(BASE64URL_NOPAD.encode(secret.as_ref()));
        let token = Zeroizing::new(format!("{TOKEN_PREFIX}{}", encoded.as_str()));
        let hash = Sha256::digest(token.as_bytes()).into();
        let record = TokenRecord { id: TokenId(id), hash, role, label, created_at: chance::now(), expires_at };
        Self { token, record }
    }

    /// Its name in lists.
    #[must_use]
    pub const fn id(&self) -> TokenId {
        self.record.id
    }

    /// What is to be committed, and the token itself, which is kept nowhere.
    #[must_use]
    pub fn into_changes(self) -> (Changes, Zeroizing<String>) {
        let mut changes = Changes::default();
        changes.writes.push(Write::InsertToken(Box::new(self.record)));
        (changes, self.token)
    }
}
