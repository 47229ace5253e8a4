//! A PSKC file of devices.

use data_encoding::BASE64;
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::crypto::{derive_new, encrypt, mac};
use crate::device::Device;
use crate::limits::{ROUNDS, SALT_LEN};
use crate::name::distinguished;
use crate::package::ALGORITHM;

/// What hides the keys of a file that is written.
#[derive(Clone, Copy)]
pub enum Protection<'a> {
    /// Nothing: who reads the file has the keys.
    Plain,
    /// A key that was agreed on, and what both call it.
    Key {
        /// AES-256.
        key: &'a [u8; 32],
        /// Stands in the file.
        name: &'a str,
    },
    /// A passphrase, by PBKDF2 with HMAC-SHA256.
    Passphrase(&'a [u8]),
}

/// Bytes that a device takes at most in an encrypted file, beside its names.
const DEVICE_LEN: usize = 1_200;

/// The two keys of a file that is encrypted.
struct Keys {
    encryption: Zeroizing<[u8; 32]>,
    mac: Zeroizing<[u8; 32]>,
}

/// Writes a file: AES-256-CBC and HMAC-SHA256, unless it is plain.
#[must_use]
pub fn write(
    devices: &[Device],
    protection: &Protection<'_>,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Zeroizing<String> {
    // Memory that is outgrown is not wiped, so all of it is taken at once; each character of a name takes up to 6.
    let names = devices.iter().map(|device| (device.user.len() + device.label.len()).saturating_mul(12));
    let length = names.map(|names| names.saturating_add(DEVICE_LEN)).fold(4_096, usize::saturating_add);
    let mut out = Zeroizing::new(String::with_capacity(length));
    out.push_str(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<KeyContainer Version=\"1.0\" \
         xmlns=\"urn:ietf:params:xml:ns:keyprov:pskc\" xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\" \
         xmlns:xenc=\"http://www.w3.org/2001/04/xmlenc#\" xmlns:xenc11=\"http://www.w3.org/2009/xmlenc11#\" \
         xmlns:pkcs5=\"http://www.rsasecurity.com/rsalabs/pkcs/schemas/pkcs-5v2-0#\">\n",
    );
    let keys = head(&mut out, protection, rng);
    for device in devices {
        package(&mut out, device, keys.as_ref(), rng);
    }
    out.push_str("</KeyContainer>\n");
    out
}

fn head(out: &mut String, protection: &Protection<'_>, rng: &mut (impl CryptoRng + ?Sized)) -> Option<Keys> {
    let encryption = match protection {
        Protection::Plain => return None,
        Protection::Key { key, name } => {
            let parts = ["  <EncryptionKey><ds:KeyName>", &escaped(name), "</ds:KeyName></EncryptionKey>\n"];
            parts.into_iter().for_each(|part| out.push_str(part));
            Zeroizing::new(**key)
        }
        Protection::Passphrase(passphrase) => {
            let mut salt = [0; SALT_LEN];
            rng.fill_bytes(&mut salt);
            out.push_str(&format!(
                "  <EncryptionKey>\n    <xenc11:DerivedKey>\n      <xenc11:KeyDerivationMethod \
                 Algorithm=\"http://www.rsasecurity.com/rsalabs/pkcs/schemas/pkcs-5v2-0#pbkdf2\">\n        \
                 <pkcs5:PBKDF2-params>\n          <Salt xmlns=\"\"><Specified>{}</Specified></Salt>\n          \
                 <IterationCount xmlns=\"\">{ROUNDS}</IterationCount>\n          \
                 <KeyLength xmlns=\"\">32</KeyLength>\n          \
                 <PRF xmlns=\"\" Algorithm=\"{HMAC_SHA256}\"/>\n        \
                 </pkcs5:PBKDF2-params>\n      </xenc11:KeyDerivationMethod>\n    </xenc11:DerivedKey>\n  \
                 </EncryptionKey>\n",
                BASE64.encode(&salt)
            ));
            derive_new(passphrase, &salt)
        }
    };
    let mut mac = Zeroizing::new([0; 32]);
    rng.fill_bytes(&mut *mac);
    out.push_str(&format!("  <MACMethod Algorithm=\"{HMAC_SHA256}\">\n    <MACKey>"));
    sealed(out, &encrypt(&encryption, &*mac, rng));
    out.push_str("</MACKey>\n  </MACMethod>\n");
    Some(Keys { encryption, mac })
}

const HMAC_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256";

fn package(out: &mut String, device: &Device, keys: Option<&Keys>, rng: &mut (impl CryptoRng + ?Sized)) {
    out.push_str(&format!("  <KeyPackage>\n    <Key Id=\"{}\" Algorithm=\"{ALGORITHM}\">\n", device.id));
    if !device.label.is_empty() {
        out.push_str(&format!("      <FriendlyName>{}</FriendlyName>\n", escaped(&device.label)));
    }
    out.push_str("      <Data><Secret>");
    match keys {
        None => {
            out.push_str("<PlainValue>");
            BASE64.encode_append(device.key.expose(), out);
            out.push_str("</PlainValue>");
        }
        Some(keys) => {
            let hidden = encrypt(&keys.encryption, device.key.expose(), rng);
            out.push_str("<EncryptedValue>");
            sealed(out, &hidden);
            out.push_str("</EncryptedValue><ValueMAC>");
            BASE64.encode_append(&mac(&keys.mac, &hidden), out);
            out.push_str("</ValueMAC>");
        }
    }
    out.push_str("</Secret></Data>\n");
    out.push_str(&format!("      <UserId>{}</UserId>\n", escaped(&distinguished(&device.user))));
    out.push_str("    </Key>\n  </KeyPackage>\n");
}

fn sealed(out: &mut String, bytes: &[u8]) {
    out.push_str(
        "<xenc:EncryptionMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#aes256-cbc\"/>\
         <xenc:CipherData><xenc:CipherValue>",
    );
    BASE64.encode_append(bytes, out);
    out.push_str("</xenc:CipherValue></xenc:CipherData>");
}

/// A text of XML.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests;
