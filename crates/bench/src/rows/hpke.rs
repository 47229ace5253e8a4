//! HPKE's floor: what sealing a set to a device's public key costs, by the library alone.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use hpke::aead::AesGcm256;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, Kem, OpModeS, PskBundle, Serializable, setup_sender_with_rng};

use super::Setting;
use crate::population::rng;
use crate::trouble::{Result, Trouble};

type PublicKey = <X25519HkdfSha256 as Kem>::PublicKey;

/// Seals 32 bytes to a public key and by a pre-shared key, as SET-PK does, and gives as many bytes as a SET-PK of 40 codes
/// has.
///
/// # Errors
/// The library refuses, which these lengths never cause.
pub fn seal_once() -> Result<Vec<u8>> {
    let failed = |error| Trouble::because("HPKE did not seal")(error);
    let public = PublicKey::from_bytes(&PUBLIC_KEY).map_err(failed)?;
    let psk = PskBundle::new(&[3; 32], b"the length of a key id").map_err(failed)?;
    let mode = OpModeS::Psk(psk);
    let (enc, mut sender) =
        setup_sender_with_rng::<AesGcm256, HkdfSha256, X25519HkdfSha256>(&mode, &public, &[5; 64], &mut rng())
            .map_err(failed)?;
    let mut bytes = sender.seal(&[4; 32], &[]).map_err(failed)?;
    bytes.extend_from_slice(&enc.to_bytes());
    bytes.resize(SET_MESSAGE, 0);
    Ok(bytes)
}

/// Seals a second on all cores, with nothing else to do.
///
/// # Errors
/// As [`seal_once`].
pub fn seals_per_second(setting: &Setting<'_>) -> Result<f64> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let (sealed, spell) = (AtomicU64::new(0), setting.scale.spell.measured);
    let began = Instant::now();
    std::thread::scope(|scope| {
        let seal = || {
            while began.elapsed() < spell {
                seal_once()?;
                sealed.fetch_add(1, Ordering::Relaxed);
            }
            Ok(())
        };
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(seal)).collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().map_err(|_| Trouble::new("a thread that sealed ended badly"))?)
    })?;
    #[allow(clippy::cast_precision_loss, reason = "three digits are enough")]
    let count = sealed.load(Ordering::Relaxed) as f64;
    Ok(count / began.elapsed().as_secs_f64())
}

/// The base point's ninth multiple is a public key like any other.
const PUBLIC_KEY: [u8; 32] = [9; 32];

/// Bytes of a SET-PK of 40 codes of 6 digits with X25519.
const SET_MESSAGE: usize = 213;
