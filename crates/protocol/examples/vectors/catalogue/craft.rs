//! Sealing what the crate itself refuses to seal. Written a second time from the specification, down to the CBOR, so that
//! a vector does not only repeat what the crate thinks.

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit};
use hpke::aead::{Aead as HpkeAead, AesGcm128};
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, Kem, OpModeS, PskBundle, Serializable, single_shot_seal_with_rng};
use matchbook_protocol::envelope::OracleKeys;
use matchbook_protocol::{
    Alphabet, AuthenticatorId, Code, CodeFormat, CodeIndex, CodeSet, Delivery, Epoch, EpochKeys, Handle, KeyPair,
    Party, Profile, Secret, Suite,
};

use super::rng::Seeded;
use super::vector::{Vector, hex};

/// The identification code of every vector but those about another one.
pub(super) const ID: AuthenticatorId = AuthenticatorId([0x9f, 0x03, 0xa1, 0xc2, 0xd4, 0xe5, 0xb6, 0xf7]);
/// The receiver's account slot.
pub(super) const HANDLE: Handle = Handle(3);
/// The epoch of every vector but those about another one.
pub(super) const EPOCH: Epoch = Epoch(0x0102);

/// An authenticator in an epoch, with that epoch's 32-byte key.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) party: Party,
    pub(super) epoch: Epoch,
    pub(super) key: [u8; 32],
}

/// Which way, for a message sealed by hand.
#[derive(Clone, Copy)]
pub(super) enum Way {
    Down,
    Up,
}

impl Place {
    /// The usual authenticator, with a profile.
    pub(super) fn new(suite: Suite, delivery: Delivery) -> Self {
        let party = Party { id: ID, profile: Profile::new(suite, delivery).unwrap() };
        Self { party, epoch: EPOCH, key: Seeded::new("epoch key").bytes() }
    }

    /// In another epoch, with the same key.
    pub(super) fn at(self, epoch: u32) -> Self {
        Self { epoch: Epoch(epoch), ..self }
    }

    /// The epoch's keys.
    pub(super) fn keys(&self) -> EpochKeys {
        EpochKeys::derive(&Secret::new(self.key), &self.party, self.epoch)
    }

    /// The epoch's bare keys.
    pub(super) fn bare(&self) -> OracleKeys {
        self.keys().expose_for_oracle()
    }

    /// A vector's inputs that say where the receiver stands.
    pub(super) fn describe(&self, vector: Vector) -> Vector {
        vector
            .input("profile", self.party.profile.to_byte())
            .input("id", hex(self.party.id.0))
            .input("epoch", self.epoch.0)
            .input("key", hex(self.key))
    }

    /// external_aad: profile, byte 0, identification code, epoch.
    pub(super) fn external(&self, byte0: u8) -> Vec<u8> {
        let profile = [self.party.profile.to_byte(), byte0];
        [&profile[..], &self.party.id.0, &self.epoch.0.to_be_bytes()].concat()
    }

    /// The clear header without the IV.
    pub(super) fn kid(&self, way: Way, byte0: u8) -> Vec<u8> {
        match way {
            Way::Down => vec![byte0, HANDLE.0, self.epoch.low_byte()],
            Way::Up => [&[byte0], &self.party.id.0[..], &[self.epoch.low_byte()]].concat(),
        }
    }

    /// A message under the shared key, with any plaintext.
    pub(super) fn seal(&self, way: Way, byte0: u8, sequence: u32, plaintext: &[u8]) -> Vec<u8> {
        let key = match way {
            Way::Down => self.bare().downlink,
            Way::Up => self.bare().uplink,
        };
        self.seal_with(&key, way, byte0, sequence, plaintext)
    }

    /// The same under any key.
    pub(super) fn seal_with(&self, key: &[u8; 32], way: Way, byte0: u8, sequence: u32, plaintext: &[u8]) -> Vec<u8> {
        let iv = iv(sequence);
        let aad = enc_structure("Encrypt0", &[], &self.external(byte0));
        [self.kid(way, byte0), iv.to_vec(), gcm(key, &iv, &aad, plaintext)].concat()
    }

    /// The identification code and the epoch's low byte.
    pub(super) fn psk_id(&self) -> Vec<u8> {
        [&self.party.id.0[..], &[self.epoch.low_byte()]].concat()
    }
}

/// An IV of a sequence number with a fixed second part.
pub(super) fn iv(sequence: u32) -> [u8; 12] {
    let mut iv = [0; 12];
    iv[..4].copy_from_slice(&sequence.to_be_bytes());
    iv[4..].copy_from_slice(&Seeded::new("iv").bytes::<8>());
    iv
}

/// AES-256-GCM: ciphertext and tag.
pub(super) fn gcm(key: &[u8; 32], iv: &[u8; 12], aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
    Aes256Gcm::new(key.into()).encrypt(iv.into(), Payload { msg: plaintext, aad }).unwrap()
}

/// CBOR of [context, protected, external_aad], for contexts and byte strings of fewer than 24 bytes.
pub(super) fn enc_structure(context: &str, protected: &[u8], external: &[u8]) -> Vec<u8> {
    [vec![0x83], text(context), bytes(protected), bytes(external)].concat()
}

/// CBOR of {1: alg, -5: psk_id} for a psk_id of fewer than 24 bytes.
pub(super) fn hpke_protected(alg: u8, psk_id: &[u8]) -> Vec<u8> {
    [vec![0xa2, 0x01, 0x18, alg, 0x24], bytes(psk_id)].concat()
}

/// CBOR of ["HPKE Recipient", 3, recipient_protected, extra_info].
pub(super) fn recipient_info(protected: &[u8], external: &[u8]) -> Vec<u8> {
    [vec![0x84], text("HPKE Recipient"), vec![3], bytes(protected), bytes(external)].concat()
}

/// A CBOR byte string of any length that occurs here.
pub(super) fn bytes(content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let head = match content.len() {
        0..24 => vec![0x40 | length[7]],
        24..256 => vec![0x58, length[7]],
        _ => vec![0x59, length[6], length[7]],
    };
    [&head[..], content].concat()
}

fn text(content: &str) -> Vec<u8> {
    let mut text = bytes(content.as_bytes());
    text[0] |= 0x20;
    text
}

/// What HPKE is given, for X25519.
pub(super) struct Hpke<'a> {
    /// Pre-shared key and its name; none for base mode.
    pub(super) psk: Option<(&'a [u8], &'a [u8])>,
    pub(super) info: &'a [u8],
    pub(super) aad: &'a [u8],
}

impl Hpke<'_> {
    /// enc and ciphertext, with AES-128-GCM.
    pub(super) fn seal(&self, public: &[u8], plaintext: &[u8]) -> (Vec<u8>, Vec<u8>) {
        self.seal_as::<AesGcm128>(public, plaintext)
    }

    /// enc and ciphertext, with any AEAD.
    pub(super) fn seal_as<A: HpkeAead>(&self, public: &[u8], plaintext: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let mode = match self.psk {
            Some((psk, psk_id)) => OpModeS::Psk(PskBundle::new(psk, psk_id).unwrap()),
            None => OpModeS::Base,
        };
        let public = <X25519HkdfSha256 as Kem>::PublicKey::from_bytes(public).unwrap();
        let mut rng = Seeded::new("crafted HPKE");
        let (enc, sealed) = single_shot_seal_with_rng::<A, HkdfSha256, X25519HkdfSha256>(
            &mode, &public, self.info, plaintext, self.aad, &mut rng,
        )
        .unwrap();
        (enc.to_bytes().to_vec(), sealed)
    }
}

/// A device's key pair.
pub(super) fn pair(suite: Suite, seed: &str) -> KeyPair {
    KeyPair::generate(suite, &mut Seeded::new(seed)).unwrap()
}

/// A set of codes drawn from a seed, the first with index 41.
pub(super) fn set(alphabet: Alphabet, digits: u8, count: usize, reset: bool) -> CodeSet {
    set_at(41, alphabet, digits, count, reset)
}

/// The same from any index.
pub(super) fn set_at(first: u32, alphabet: Alphabet, digits: u8, count: usize, reset: bool) -> CodeSet {
    let format = CodeFormat::new(alphabet, digits).unwrap();
    let mut rng = Seeded::new("codes");
    let codes = (0..count).map(|_| Code::draw(format, &mut rng)).collect();
    CodeSet::new(CodeIndex(first), format, reset, codes).unwrap()
}

/// The name of an alphabet in the vectors.
pub(super) fn alphabet_name(alphabet: Alphabet) -> &'static str {
    match alphabet {
        Alphabet::Decimal => "decimal",
        Alphabet::Base32 => "base32",
    }
}

/// The texts of a set's codes.
pub(super) fn texts(set: &CodeSet) -> Vec<String> {
    set.codes().iter().map(|code| code.reveal().as_str().to_owned()).collect()
}

/// A set as the outputs of a vector.
pub(super) fn describe_set(vector: Vector, set: &CodeSet) -> Vector {
    vector
        .output("type", "set")
        .output("first", set.first.0)
        .output("alphabet", alphabet_name(set.format.alphabet()))
        .output("digits", set.format.digits())
        .output("reset", set.reset)
        .output("codes", texts(set))
}

/// `message` with the bit `bit` of byte `at` flipped; `at` counts from the end when negative.
pub(super) fn flipped(message: &[u8], at: isize, bit: u8) -> Vec<u8> {
    let at = usize::try_from(at).unwrap_or_else(|_| message.len() - at.unsigned_abs());
    let mut message = message.to_vec();
    message[at] ^= 1 << bit;
    message
}
