//! Bearer tokens of operators and relying parties.

use matchbook_protocol::UnixMillis;

use super::{RealmId, RelyingPartyId};

/// Names a token in lists and for its removal; not a secret. 8 random bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenId(pub [u8; 8]);

/// What a token's bearer may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// Everything, in every realm.
    Operator,
    /// Everything in one realm.
    RealmOperator(RealmId),
    /// Verify and challenge in one realm, under this name.
    RelyingParty {
        /// The realm.
        realm: RealmId,
        /// The name in the ledger and in the throttle.
        name: RelyingPartyId,
    },
}

/// What the store keeps of a token: never the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRecord {
    /// Its name.
    pub id: TokenId,
    /// SHA-256 of the token, which is 32 random bytes and so needs no slow hash.
    pub hash: [u8; 32],
    /// What its bearer may do.
    pub role: Role,
    /// What people call it; up to 64 bytes.
    pub label: String,
    /// When it was made.
    pub created_at: UnixMillis,
    /// When it stops working; `None`: when it is revoked.
    pub expires_at: Option<UnixMillis>,
}
