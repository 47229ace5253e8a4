#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use matchbook_protocol::{AuthenticatorId, Secret};
use proptest::prelude::*;

use super::{Protection, write};
use crate::{Device, FileError, Format, Secrecy, Unlock, detect, read, secrecy};

struct Chance(u64);

impl rand_core::TryRng for Chance {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(self.try_next_u64()? as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Ok(self.0 ^ (self.0 >> 33))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        for chunk in bytes.chunks_mut(8) {
            let drawn = self.try_next_u64()?.to_be_bytes();
            chunk.iter_mut().zip(drawn).for_each(|(to, from)| *to = from);
        }
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Chance {}

fn device(byte: u8, user: &str, label: &str) -> Device {
    Device {
        id: AuthenticatorId([byte; 8]),
        key: Secret::new([byte.wrapping_add(1); 32]),
        user: user.to_owned(),
        label: label.to_owned(),
    }
}

fn devices() -> Vec<Device> {
    vec![device(1, "alice", "card"), device(2, "O=Example, <Bob> & \"co\"", ""), device(3, "Jürgen", "<&>")]
}

fn back(text: &str, unlock: &Unlock<'_>) -> Result<Vec<Device>, FileError> {
    let file = read(text.as_bytes(), Format::Pskc, unlock)?;
    assert_eq!(file.notes, Vec::<String>::new());
    Ok(file.rows.into_iter().map(|row| row.device.unwrap()).collect())
}

#[test]
fn what_is_written_is_read() {
    let key = [5; 32];
    let agreed = Protection::Key { key: &key, name: "agreed <2026>" };
    for (protection, unlock, expected) in [
        (Protection::Plain, Unlock::Nothing, Secrecy::Plain),
        (agreed, Unlock::Key(&key), Secrecy::Key(Some("agreed <2026>".to_owned()))),
        (Protection::Passphrase(b"four words of it"), Unlock::Passphrase(b"four words of it"), Secrecy::Passphrase),
    ] {
        let text = write(&devices(), &protection, &mut Chance(7));
        assert_eq!(detect(text.as_bytes()), Format::Pskc);
        assert_eq!(secrecy(text.as_bytes()).unwrap(), expected);
        assert_eq!(back(&text, &unlock).unwrap(), devices());
        let plain = data_encoding::BASE64.encode(&[2; 32]);
        assert_eq!(text.contains(&plain), expected == Secrecy::Plain);
    }
}

#[test]
fn the_wrong_secret_and_a_changed_file_are_told_alike() {
    let key = [5; 32];
    let text = write(&devices(), &Protection::Key { key: &key, name: "k" }, &mut Chance(7));
    assert_eq!(back(&text, &Unlock::Key(&[6; 32])).unwrap_err(), FileError::WrongSecret);
    assert_eq!(back(&text, &Unlock::Key(&[5; 16])).unwrap_err(), FileError::KeyLength(32));
    assert_eq!(back(&text, &Unlock::Nothing).unwrap_err(), FileError::NeedsKey(Some("k".to_owned())));
    assert_eq!(back(&text, &Unlock::Passphrase(b"x")).unwrap_err(), FileError::NeedsKey(Some("k".to_owned())));
    // Each byte of each value: of the encrypted MAC key, of a ciphertext with its padding, of a MAC.
    for tag in ["<xenc:CipherValue>", "<ValueMAC>"] {
        for (at, _) in text.match_indices(tag) {
            let begin = at + tag.len();
            let end = begin + text[begin..].find('<').unwrap();
            let bytes = data_encoding::BASE64.decode(&text.as_bytes()[begin..end]).unwrap();
            for place in 0..bytes.len() {
                let mut changed = bytes.clone();
                changed[place] ^= 1;
                let changed = [&text[..begin], &data_encoding::BASE64.encode(&changed), &text[end..]].concat();
                assert_eq!(back(&changed, &Unlock::Key(&key)).unwrap_err(), FileError::WrongSecret, "{tag} {place}");
            }
            let cut = [&text[..begin], &data_encoding::BASE64.encode(&bytes[..bytes.len() - 1]), &text[end..]].concat();
            assert_eq!(back(&cut, &Unlock::Key(&key)).unwrap_err(), FileError::WrongSecret);
        }
    }
}

#[test]
fn a_file_of_another_passphrase_is_refused() {
    let text = write(&devices(), &Protection::Passphrase(b"right"), &mut Chance(1));
    assert_eq!(back(&text, &Unlock::Passphrase(b"wrong")).unwrap_err(), FileError::WrongSecret);
    assert_eq!(back(&text, &Unlock::Nothing).unwrap_err(), FileError::NeedsPassphrase);
}

proptest! {
    #[test]
    fn any_devices_come_back(
        found in prop::collection::vec((any::<[u8; 32]>(), "[^\\p{C}\\p{Z}]{1,20}", "[^\\p{C}\\p{Z}]{0,12}"), 1..6),
        seed in any::<u64>(),
        key in any::<[u8; 32]>(),
    ) {
        let made = |place: usize, key: &[u8; 32], user: &str, label: &str| Device {
            id: AuthenticatorId((place as u64).to_be_bytes()),
            // No two alike, and none all zeros.
            key: Secret::new({ let mut key = *key; key[0] = place as u8 + 1; key }),
            user: user.to_owned(),
            label: label.to_owned(),
        };
        let all = || -> Vec<Device> {
            found.iter().enumerate().map(|(place, (key, user, label))| made(place, key, user, label)).collect()
        };
        let plain = write(&all(), &Protection::Plain, &mut Chance(seed));
        prop_assert_eq!(back(&plain, &Unlock::Nothing).unwrap(), all());
        let hidden = write(&all(), &Protection::Key { key: &key, name: "k" }, &mut Chance(seed));
        prop_assert_eq!(back(&hidden, &Unlock::Key(&key)).unwrap(), all());
    }
}
