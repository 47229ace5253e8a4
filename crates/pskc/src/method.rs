//! The head of a PSKC file: how its keys are encrypted and authenticated (RFC 6030, section 6).

use data_encoding::BASE64;
use zeroize::Zeroizing;

use crate::crypto::{Cipher, Hash, decrypt, derive, is_mac};
use crate::element::{Element, Space};
use crate::error::{FileError, shown};
use crate::limits::{MAX_ROUNDS, MIN_ROUNDS, SALT_LENGTHS};
use crate::read::Unlock;

/// What a file's keys are hidden by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Secrecy {
    /// Nothing.
    Plain,
    /// A key that was agreed on beforehand, and what the file calls it.
    Key(Option<String>),
    /// A passphrase.
    Passphrase,
}

/// What stands in `EncryptionKey`.
#[derive(Debug)]
enum Source {
    /// A key that was agreed on, with its name.
    Agreed(Option<String>),
    /// PBKDF2.
    Derived { salt: Vec<u8>, rounds: u32, length: Option<usize>, hash: Hash },
}

/// What stands in `MACMethod`.
#[derive(Debug)]
struct MacMethod {
    hash: Hash,
    /// Encrypted; the encryption key itself when there is none.
    key: Option<Sealed>,
}

/// An encrypted value.
#[derive(Debug)]
pub(crate) struct Sealed {
    cipher: Cipher,
    bytes: Vec<u8>,
}

/// The head, and the keys once they are known.
#[derive(Debug, Default)]
pub(crate) struct Head {
    source: Option<Source>,
    mac: Option<MacMethod>,
    key: Option<Zeroizing<Vec<u8>>>,
    mac_key: Option<Zeroizing<Vec<u8>>>,
}

/// PKCS #5's elements, as RFC 6030's example, its text and XML encryption 1.1 have them.
const PARAMETERS: &[Space] = &[Space::Pkcs5, Space::Encryption11, Space::None, Space::Pskc];

impl Head {
    /// Takes `EncryptionKey`.
    pub(crate) fn take_key(&mut self, element: &Element) -> Result<(), FileError> {
        if self.source.is_some() {
            return Err(FileError::Malformed("the file has two EncryptionKey".to_owned()));
        }
        self.source =
            Some(if let Some(derived) = element.only_in(&[Space::Encryption11, Space::Pskc], "DerivedKey")? {
                derivation(derived)?
            } else if let Some(name) = element.only_in(&[Space::Signature], "KeyName")? {
                Source::Agreed(Some(shown(name.text()?)).filter(|name| !name.is_empty()))
            } else if element.children.is_empty() {
                Source::Agreed(None)
            } else {
                let sentence =
                    "the file is encrypted by a public key; a key that was agreed on or a passphrase is taken";
                return Err(FileError::Unsupported(sentence.to_owned()));
            });
        Ok(())
    }

    /// Takes `MACMethod`.
    pub(crate) fn take_mac(&mut self, element: &Element) -> Result<(), FileError> {
        if self.mac.is_some() {
            return Err(FileError::Malformed("the file has two MACMethod".to_owned()));
        }
        if element.only("MACKeyReference")?.is_some() {
            return Err(FileError::Unsupported("the file's MAC key is outside of the file".to_owned()));
        }
        let hash = hash(element.attribute("Algorithm"))?;
        let key = element.only("MACKey")?.map(Sealed::read).transpose()?;
        self.mac = Some(MacMethod { hash, key });
        Ok(())
    }

    /// What hides the keys, once all of the head is taken.
    pub(crate) fn secrecy(&self) -> Result<Secrecy, FileError> {
        match &self.source {
            None if self.mac.is_some() => {
                let sentence =
                    "the file has a MACMethod and no EncryptionKey: it was encrypted, and somebody changed it";
                Err(FileError::Malformed(sentence.to_owned()))
            }
            None => Ok(Secrecy::Plain),
            Some(Source::Agreed(name)) => Ok(Secrecy::Key(name.clone())),
            Some(Source::Derived { .. }) => Ok(Secrecy::Passphrase),
        }
    }

    /// Opens a value whose MAC is right.
    pub(crate) fn open(
        &mut self,
        sealed: &Sealed,
        mac: Option<&Element>,
        unlock: &Unlock<'_>,
    ) -> Result<Zeroizing<Vec<u8>>, FileError> {
        let mac = mac.map(|mac| base64(mac.text()?, "ValueMAC")).transpose()?.ok_or(FileError::NoMac)?;
        let hash = self.mac.as_ref().ok_or(FileError::NoMac)?.hash;
        self.unlock(sealed.cipher, unlock)?;
        let (Some(key), Some(mac_key)) = (&self.key, &self.mac_key) else { return Err(FileError::WrongSecret) };
        if !is_mac(hash, mac_key, &sealed.bytes, &mac) {
            return Err(FileError::WrongSecret);
        }
        fits(sealed.cipher, key)?;
        decrypt(sealed.cipher, key, &sealed.bytes).ok_or(FileError::WrongSecret)
    }

    /// Finds the two keys, once. The MAC key has no MAC of its own: whatever is wrong with it shows as a wrong MAC does.
    fn unlock(&mut self, first: Cipher, unlock: &Unlock<'_>) -> Result<(), FileError> {
        if self.mac_key.is_some() {
            return Ok(());
        }
        let sealed = self.mac.as_ref().and_then(|mac| mac.key.as_ref().map(|key| (mac.hash, key)));
        let cipher = sealed.map_or(first, |(_, sealed)| sealed.cipher);
        let key = match (&self.source, unlock) {
            (Some(Source::Agreed(_)), Unlock::Key(key)) => {
                if key.len() != cipher.key_len() {
                    return Err(FileError::KeyLength(cipher.key_len()));
                }
                Zeroizing::new(key.to_vec())
            }
            (Some(Source::Derived { salt, rounds, length, hash }), Unlock::Passphrase(passphrase)) => {
                derive(*hash, passphrase, salt, *rounds, length.unwrap_or(cipher.key_len()))
            }
            (Some(Source::Agreed(name)), Unlock::Nothing | Unlock::Passphrase(_)) => {
                return Err(FileError::NeedsKey(name.clone()));
            }
            (Some(Source::Derived { .. }), Unlock::Nothing | Unlock::Key(_)) => {
                return Err(FileError::NeedsPassphrase);
            }
            (None, _) => {
                let sentence = "the file has an encrypted key and does not say by what (EncryptionKey)";
                return Err(FileError::Malformed(sentence.to_owned()));
            }
        };
        fits(cipher, &key)?;
        let mac_key = match sealed {
            Some((hash, sealed)) => decrypt(sealed.cipher, &key, &sealed.bytes)
                .filter(|mac_key| hash.takes(mac_key.len()))
                .ok_or(FileError::WrongSecret)?,
            None => key.clone(),
        };
        self.mac_key = Some(mac_key);
        self.key = Some(key);
        Ok(())
    }
}

impl Sealed {
    /// Reads `EncryptedValue` or `MACKey`.
    pub(crate) fn read(element: &Element) -> Result<Self, FileError> {
        let method = element.only_in(&[Space::Encryption], "EncryptionMethod")?;
        let cipher = cipher(method.and_then(|method| method.attribute("Algorithm")))?;
        let data = element.only_in(&[Space::Encryption], "CipherData")?;
        let value = data.map(|data| data.only_in(&[Space::Encryption], "CipherValue")).transpose()?.flatten();
        let value = value.ok_or_else(|| FileError::Malformed("an encrypted value has no CipherValue".to_owned()))?;
        Ok(Self { cipher, bytes: base64(value.text()?, "CipherValue")? })
    }
}

fn fits(cipher: Cipher, key: &[u8]) -> Result<(), FileError> {
    if key.len() == cipher.key_len() { Ok(()) } else { Err(FileError::KeyLength(cipher.key_len())) }
}

fn derivation(derived: &Element) -> Result<Source, FileError> {
    let malformed = |what: &str| FileError::Malformed(format!("PBKDF2 has no {what} that makes sense"));
    let method = derived.only_in(&[Space::Encryption11, Space::Pskc], "KeyDerivationMethod")?;
    let method = method.ok_or_else(|| malformed("KeyDerivationMethod"))?;
    match method.attribute("Algorithm") {
        Some(
            "http://www.rsasecurity.com/rsalabs/pkcs/schemas/pkcs-5v2-0#pbkdf2"
            | "http://www.w3.org/2009/xmlenc11#pbkdf2",
        ) => {}
        other => return Err(unsupported("key derivation", other)),
    }
    let parameters = method.only_in(PARAMETERS, "PBKDF2-params")?.ok_or_else(|| malformed("PBKDF2-params"))?;
    let field = |name: &str| parameters.only_in(PARAMETERS, name);
    let salt = field("Salt")?.map(|salt| salt.only_in(PARAMETERS, "Specified")).transpose()?.flatten();
    let salt = base64(salt.ok_or_else(|| malformed("salt"))?.text()?, "Salt")?;
    if !SALT_LENGTHS.contains(&salt.len()) {
        let (least, most) = (SALT_LENGTHS.start(), SALT_LENGTHS.end());
        return Err(FileError::Hostile(format!("the salt has {} bytes, and {least} to {most} are taken", salt.len())));
    }
    let rounds = field("IterationCount")?.map(Element::text).transpose()?;
    let rounds: u64 = rounds.and_then(|rounds| rounds.parse().ok()).ok_or_else(|| malformed("IterationCount"))?;
    let rounds = u32::try_from(rounds).ok().filter(|rounds| (MIN_ROUNDS..=MAX_ROUNDS).contains(rounds));
    let rounds = rounds.ok_or_else(|| {
        FileError::Hostile(format!("PBKDF2 has another number of iterations than {MIN_ROUNDS} to {MAX_ROUNDS}"))
    })?;
    let length = match field("KeyLength")?.map(Element::text).transpose()?.map(str::parse::<usize>) {
        None => None,
        Some(Ok(length @ (16 | 24 | 32))) => Some(length),
        Some(Ok(_) | Err(_)) => return Err(malformed("KeyLength")),
    };
    // The example of RFC 6030 has an empty one, which stands for the default of RFC 8018.
    let prf = field("PRF")?;
    let text = prf.map(Element::text).transpose()?;
    let named = prf.and_then(|prf| prf.attribute("Algorithm")).or(text);
    let hash = named.filter(|name| !name.is_empty()).map_or(Ok(Hash::Sha1), |name| hash(Some(name)))?;
    Ok(Source::Derived { salt, rounds, length, hash })
}

fn cipher(algorithm: Option<&str>) -> Result<Cipher, FileError> {
    match algorithm {
        Some("http://www.w3.org/2001/04/xmlenc#aes128-cbc") => Ok(Cipher::Aes128),
        Some("http://www.w3.org/2001/04/xmlenc#aes192-cbc") => Ok(Cipher::Aes192),
        Some("http://www.w3.org/2001/04/xmlenc#aes256-cbc") => Ok(Cipher::Aes256),
        other => Err(unsupported("cipher", other)),
    }
}

fn hash(algorithm: Option<&str>) -> Result<Hash, FileError> {
    match algorithm {
        Some("http://www.w3.org/2000/09/xmldsig#hmac-sha1") => Ok(Hash::Sha1),
        Some("http://www.w3.org/2001/04/xmldsig-more#hmac-sha256") => Ok(Hash::Sha256),
        other => Err(unsupported("MAC", other)),
    }
}

fn unsupported(what: &str, name: Option<&str>) -> FileError {
    FileError::Unsupported(match name {
        Some(name) => format!("the {what} {} is not one that is taken", shown(name)),
        None => format!("the file does not say which {what} it has"),
    })
}

/// Reads base64, which may be broken into lines.
fn base64(text: &str, what: &str) -> Result<Vec<u8>, FileError> {
    let joined: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    BASE64.decode(&joined).map_err(|_| FileError::Malformed(format!("{what} is not base64")))
}
