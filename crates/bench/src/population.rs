//! Devices in bulk: rows as an enrolment and an issue would have written them, with keys and codes that follow from the
//! device's number, so that the generator knows them and keeps none.

mod fill;

use matchbook_protocol::{
    AuthenticatorId, Code, CodeFormat, CodeIndex, Delivery, Epoch, EpochKeys, Handle, KeyPair, Party, Profile, Secret,
    Suite, UnixMillis,
};
use matchbook_rules::keyring::{KeyPlace, Keyring};
use matchbook_rules::{
    Authenticator, AuthenticatorKeys, CodeTag, DayCount, EpochKey, IssuedSet, Policy, RealmId, RelyingPartyId,
    RequestWindow, Status, Subscriber, SubscriberId, Version,
};
use rand_core::UnwrapErr;

use crate::trouble::{Result, Trouble};

pub use fill::{Tokens, fill};

/// The realm of all.
pub const REALM: &str = "bench";
/// The relying party that verifies.
pub const RELYING_PARTY: &str = "vpn";

/// What a store is filled with.
#[derive(Clone, Debug)]
pub struct Population {
    /// How many devices, each with a user of its own.
    pub devices: u32,
    /// Codes of each; 0: it has no set yet.
    pub codes: u8,
    /// Suite and delivery of each.
    pub profile: Profile,
    /// The public key of each: one for all, for sealing to it costs the same whosever it is.
    pub public_key: Vec<u8>,
    /// The realm's policy.
    pub policy: Policy,
}

impl Population {
    /// Devices of the suite X25519 with 50 codes each, under the default policy but for the threshold: it is 0, so that
    /// verifies bring no refills about, which are measured by themselves.
    ///
    /// # Errors
    /// Never; the profile and its key are such that exist.
    pub fn of(devices: u32) -> Result<Self> {
        let policy = Policy { threshold: 0, sets_per_day: 100, ..Policy::default() };
        Self { devices, codes: 50, profile: profile(Suite::X25519, Delivery::Shared)?, public_key: Vec::new(), policy }
            .enrolled_as(Suite::X25519, Delivery::Shared)
    }

    /// The same devices with another suite or delivery.
    ///
    /// # Errors
    /// There is no such profile.
    pub fn enrolled_as(self, suite: Suite, delivery: Delivery) -> Result<Self> {
        let public_key = match suite {
            Suite::Symmetric => Vec::new(),
            Suite::X25519 | Suite::P256 | Suite::XWing => {
                let pair = KeyPair::from_secret_bytes(suite, &[9; 32]);
                pair.map_err(Trouble::because("a device's key pair was not made"))?.public().to_vec()
            }
        };
        Ok(Self { profile: profile(suite, delivery)?, public_key, ..self })
    }

    /// How the codes look.
    #[must_use]
    pub fn format(&self) -> CodeFormat {
        self.policy.format()
    }

    /// A device's code at an index: 1,000,000 numbers look drawn, and follow from where they stand.
    ///
    /// # Errors
    /// Never; the number is below the format's size.
    pub fn code(&self, device: u32, index: CodeIndex) -> Result<Code> {
        let value = scatter((u64::from(device) << 32) | u64::from(index.0)) % self.format().size();
        Code::from_value(self.format(), value).ok_or_else(|| Trouble::new("a code is outside its format"))
    }

    /// The device's half of a key: what it seals its requests with.
    #[must_use]
    pub fn keys(&self, device: u32) -> EpochKeys {
        EpochKeys::derive(&key(device), &Party { id: id(device), profile: self.profile }, Epoch(0))
    }

    /// The row of a device that enrolled and was issued its codes, which it has acknowledged.
    ///
    /// # Errors
    /// The cipher refuses to seal.
    pub fn authenticator(&self, device: u32, keyring: &Keyring, now: UnixMillis) -> Result<Authenticator> {
        let (realm, id, epoch) = (realm()?, id(device), Epoch(0));
        let place = KeyPlace { realm: &realm, id, epoch };
        let sealed = keyring.seal_key(&place, &key(device), &mut rng());
        let sealed = sealed.map_err(Trouble::because("a device key was not sealed"))?;
        let last = CodeIndex(self.codes.into());
        Ok(Authenticator {
            id,
            subscriber: user(device)?,
            label: String::new(),
            profile: self.profile,
            msisdn: None,
            handle: Handle(1),
            status: Status::Active,
            keys: AuthenticatorKeys { current: EpochKey { epoch, sealed, since: now, messages: 4 }, next: None },
            public_key: self.public_key.clone(),
            requests: RequestWindow { highest: 3, seen: 0b111 },
            last_reply: None,
            sync_sequence: 1,
            next_index: CodeIndex(last.0 + 1),
            acknowledged: last,
            restored: false,
            rotation_wanted: None,
            refill_due: None,
            day: DayCount::default(),
            reported_unused: Some(self.codes),
            created_at: now,
            last_seen_at: Some(now),
            version: Version(0),
            realm,
        })
    }

    /// The set of a device: the tag of each of its codes.
    ///
    /// # Errors
    /// Never.
    pub fn set(&self, device: u32, keyring: &Keyring, now: UnixMillis) -> Result<IssuedSet> {
        let (realm, id) = (realm()?, id(device));
        let tag = |index: CodeIndex| Ok(keyring.code_tag(&realm, id, CodeIndex(1), &self.code(device, index)?));
        let tags: Result<Vec<CodeTag>> = (1..=self.codes.into()).map(CodeIndex).map(tag).collect();
        let (tags, first, format) = (tags?, CodeIndex(1), self.format());
        Ok(IssuedSet {
            realm,
            authenticator: id,
            first,
            format,
            tags,
            pepper_version: keyring.version(),
            issued_at: now,
        })
    }

    /// The device's user.
    ///
    /// # Errors
    /// Never.
    pub fn subscriber(&self, device: u32, now: UnixMillis) -> Result<Subscriber> {
        let (realm, id) = (realm()?, user(device)?);
        Ok(Subscriber {
            realm,
            id,
            display_name: String::new(),
            suspended: false,
            created_at: now,
            version: Version(0),
        })
    }
}

/// A profile.
///
/// # Errors
/// The suite cannot be delivered so.
pub fn profile(suite: Suite, delivery: Delivery) -> Result<Profile> {
    Profile::new(suite, delivery).map_err(Trouble::because("there is no such profile"))
}

/// The secrets of all that is measured. They protect nothing.
#[must_use]
pub fn keyring() -> Keyring {
    Keyring::new(Secret::new([1; 32]), Secret::new([2; 32]), 1)
}

/// A device's identification code: in no order, as random ones are.
#[must_use]
pub const fn id(device: u32) -> AuthenticatorId {
    AuthenticatorId(scatter(device as u64).to_be_bytes())
}

/// Digits of a user's number.
pub const USER_DIGITS: usize = 8;

/// The log-in name of a device's user: `u` and [`USER_DIGITS`] digits.
///
/// # Errors
/// Never.
pub fn user(device: u32) -> Result<SubscriberId> {
    SubscriberId::new(format!("u{device:08}")).map_err(Trouble::because("a user's name is none"))
}

/// The realm's name.
///
/// # Errors
/// Never.
pub fn realm() -> Result<RealmId> {
    RealmId::new(REALM).map_err(Trouble::because("the realm's name is none"))
}

/// The relying party's name.
///
/// # Errors
/// Never.
pub fn relying_party() -> Result<RelyingPartyId> {
    RelyingPartyId::new(RELYING_PARTY).map_err(Trouble::because("the relying party's name is none"))
}

/// The system's random source.
#[must_use]
pub const fn rng() -> UnwrapErr<getrandom::SysRng> {
    UnwrapErr(getrandom::SysRng)
}

/// Milliseconds since 1970.
#[must_use]
pub fn now() -> UnixMillis {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    UnixMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// The finaliser of SplitMix64: every number its own, and no order among them.
#[must_use]
pub const fn scatter(number: u64) -> u64 {
    let mut word = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

fn key(device: u32) -> Secret<32> {
    let mut bytes = [7; 32];
    for (place, byte) in bytes.iter_mut().zip(scatter(u64::from(device) | 1 << 40).to_be_bytes()) {
        *place = byte;
    }
    Secret::new(bytes)
}

#[cfg(test)]
mod tests;
