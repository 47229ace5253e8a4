//! HPKE (RFC 9180) in mode_psk, and in no other: who holds a public key alone can seal nothing to it.

use alloc::vec::Vec;

use hpke::aead::{Aead, AesGcm128, AesGcm256};
use hpke::kdf::HkdfSha256;
use hpke::kem::{DhP256HkdfSha256, Kem, X25519HkdfSha256};
use hpke::{Deserializable, OpModeR, OpModeS, PskBundle, Serializable, setup_receiver, setup_sender_with_rng};
use rand_core::CryptoRng;
use zeroize::{Zeroize, Zeroizing};

use super::error::{KeyError, OpenError, SealError};
use super::key_pair::KeyPair;
use crate::profile::Suite;
use crate::secret::Secret;

/// What a single-shot seal or open is bound to.
pub(super) struct Context<'a> {
    /// The pre-shared key of the epoch.
    pub(super) psk: &'a Secret<32>,
    /// Which pre-shared key.
    pub(super) psk_id: &'a [u8],
    /// HPKE's info.
    pub(super) info: &'a [u8],
    /// The AEAD's associated data.
    pub(super) aad: &'a [u8],
}

/// An encapsulated key, and ciphertext with tag.
pub(super) struct Sealed {
    pub(super) enc: Vec<u8>,
    pub(super) ciphertext: Vec<u8>,
}

/// A secret key and its public key.
type Pair = (Zeroizing<Vec<u8>>, Vec<u8>);

/// A suite's algorithms; the KDF is HKDF-SHA256 in all of them.
trait Algorithms {
    type Kem: Kem;
    type Aead: Aead;
}

/// As COSE's HPKE-3.
struct X25519;

impl Algorithms for X25519 {
    type Kem = X25519HkdfSha256;
    type Aead = AesGcm128;
}

/// As COSE's HPKE-7.
struct P256;

impl Algorithms for P256 {
    type Kem = DhP256HkdfSha256;
    type Aead = AesGcm256;
}

/// X25519 and ML-KEM-768 together.
#[cfg(feature = "x-wing")]
struct XWing;

#[cfg(feature = "x-wing")]
impl Algorithms for XWing {
    type Kem = hpke::kem::XWing;
    type Aead = AesGcm256;
}

type SecretKey<S> = <<S as Algorithms>::Kem as Kem>::PrivateKey;
type PublicKey<S> = <<S as Algorithms>::Kem as Kem>::PublicKey;
type EncappedKey<S> = <<S as Algorithms>::Kem as Kem>::EncappedKey;

/// Calls a generic function with the suite's algorithms.
macro_rules! with_suite {
    ($suite:expr, $error:ident, $function:ident($($argument:expr),*)) => {
        match $suite {
            Suite::Symmetric => Err($error::symmetric()),
            Suite::X25519 => $function::<X25519>($($argument),*),
            Suite::P256 => $function::<P256>($($argument),*),
            #[cfg(feature = "x-wing")]
            Suite::XWing => $function::<XWing>($($argument),*),
            #[cfg(not(feature = "x-wing"))]
            Suite::XWing => Err($error::Unsupported),
        }
    };
}

/// Draws a key pair.
pub(super) fn generate(suite: Suite, rng: &mut (impl CryptoRng + ?Sized)) -> Result<Pair, KeyError> {
    with_suite!(suite, KeyError, generate_of(rng))
}

/// Reads a secret key and computes its public key.
pub(super) fn from_secret(suite: Suite, secret: &[u8]) -> Result<Pair, KeyError> {
    with_suite!(suite, KeyError, from_secret_of(secret))
}

/// Whether the bytes are a public key of the suite.
pub(super) fn check_public(suite: Suite, public: &[u8]) -> Result<(), KeyError> {
    with_suite!(suite, KeyError, check_public_of(public))
}

/// Seals to a public key and by the pre-shared key.
pub(super) fn seal(
    suite: Suite,
    public: &[u8],
    context: &Context<'_>,
    plaintext: &[u8],
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Sealed, SealError> {
    with_suite!(suite, SealError, seal_of(public, context, plaintext, rng))
}

/// Opens with a secret key and the pre-shared key.
pub(super) fn open(
    pair: &KeyPair,
    enc: &[u8],
    context: &Context<'_>,
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    with_suite!(pair.suite(), OpenError, open_of(pair.secret(), enc, context, sealed))
}

fn generate_of<S: Algorithms>(rng: &mut (impl CryptoRng + ?Sized)) -> Result<Pair, KeyError> {
    let mut rng = rng;
    let (secret, public) = S::Kem::gen_keypair_with_rng(&mut rng);
    Ok(to_pair::<S>(&secret, &public))
}

fn from_secret_of<S: Algorithms>(secret: &[u8]) -> Result<Pair, KeyError> {
    let secret = SecretKey::<S>::from_bytes(secret).map_err(|_| KeyError::Invalid)?;
    Ok(to_pair::<S>(&secret, &S::Kem::sk_to_pk(&secret)))
}

fn check_public_of<S: Algorithms>(public: &[u8]) -> Result<(), KeyError> {
    PublicKey::<S>::from_bytes(public).map(drop).map_err(|_| KeyError::Invalid)
}

fn to_pair<S: Algorithms>(secret: &SecretKey<S>, public: &PublicKey<S>) -> Pair {
    let mut bytes = secret.to_bytes();
    let secret = Zeroizing::new(bytes.to_vec());
    bytes.zeroize();
    (secret, public.to_bytes().to_vec())
}

fn seal_of<S: Algorithms>(
    public: &[u8],
    context: &Context<'_>,
    plaintext: &[u8],
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Sealed, SealError> {
    let public = PublicKey::<S>::from_bytes(public).map_err(|_| SealError::PublicKey)?;
    let psk = PskBundle::new(context.psk.expose(), context.psk_id).map_err(|_| SealError::Field)?;
    let mut rng = rng;
    let (enc, mut sender) =
        setup_sender_with_rng::<S::Aead, HkdfSha256, S::Kem>(&OpModeS::Psk(psk), &public, context.info, &mut rng)
            .map_err(|_| SealError::PublicKey)?;
    let ciphertext = sender.seal(plaintext, context.aad).map_err(|_| SealError::Cipher)?;
    Ok(Sealed { enc: enc.to_bytes().to_vec(), ciphertext })
}

fn open_of<S: Algorithms>(
    secret: &[u8],
    enc: &[u8],
    context: &Context<'_>,
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let secret = SecretKey::<S>::from_bytes(secret).map_err(|_| OpenError::WrongKeyPair)?;
    let enc = EncappedKey::<S>::from_bytes(enc).map_err(|_| OpenError::Authentication)?;
    let psk = PskBundle::new(context.psk.expose(), context.psk_id).map_err(|_| OpenError::Authentication)?;
    let mut receiver = setup_receiver::<S::Aead, HkdfSha256, S::Kem>(&OpModeR::Psk(psk), &secret, &enc, context.info)
        .map_err(|_| OpenError::Authentication)?;
    receiver.open(sealed, context.aad).map(Zeroizing::new).map_err(|_| OpenError::Authentication)
}

impl KeyError {
    const fn symmetric() -> Self {
        Self::NoKeyPair
    }
}

impl SealError {
    const fn symmetric() -> Self {
        Self::WrongProfile
    }
}

impl OpenError {
    const fn symmetric() -> Self {
        Self::WrongKeyPair
    }
}
