//! One key package: a device and its key.

use data_encoding::{BASE64, HEXLOWER_PERMISSIVE};
use matchbook_protocol::{AuthenticatorId, Secret};
use zeroize::Zeroizing;

use crate::device::Device;
use crate::element::Element;
use crate::error::{FileError, shown};
use crate::limits::{MAX_LABEL_LEN, MAX_USER_LEN};
use crate::method::{Head, Sealed};
use crate::name;
use crate::read::Unlock;

/// What K_0 of suite 1 is called as the algorithm of a key.
pub(crate) const ALGORITHM: &str = "urn:matchbook:key:suite-1";

/// A key as the file has it.
#[derive(Debug)]
pub(crate) struct RawKey {
    pub(crate) id: String,
    pub(crate) algorithm: Option<String>,
    pub(crate) secret: Zeroizing<Vec<u8>>,
    pub(crate) user: Option<String>,
    pub(crate) label: Option<String>,
}

/// Why one package is not taken: its own fault, or the whole file's.
#[derive(Debug)]
pub(crate) enum Fault {
    Row(String),
    File(FileError),
}

impl From<FileError> for Fault {
    fn from(error: FileError) -> Self {
        match error {
            // Of one value; the others may be in order.
            FileError::Malformed(why) => Self::Row(why),
            error @ (FileError::NeedsPassphrase
            | FileError::NeedsKey(_)
            | FileError::KeyLength(_)
            | FileError::WrongSecret
            | FileError::NoMac
            | FileError::Hostile(_)
            | FileError::Unsupported(_)) => Self::File(error),
        }
    }
}

/// Reads a package, and opens its secret.
pub(crate) fn raw(package: &Element, head: &mut Head, unlock: &Unlock<'_>) -> Result<RawKey, Fault> {
    let key = package.only("Key")?.ok_or_else(|| row("Key: there is none in the package"))?;
    let policy = key.only("Policy")?;
    if package.count("Policy") > usize::from(policy.is_some()) {
        return Err(row("Policy: one stands where none belongs, so that it could be passed over"));
    }
    let secret = key.only("Data")?.map(|data| data.only("Secret")).transpose()?.flatten();
    let secret = secret.ok_or_else(|| row("Secret: the package holds no key"))?;
    let opened = match (secret.only("EncryptedValue")?, secret.only("PlainValue")?) {
        (Some(sealed), None) => head.open(&Sealed::read(sealed)?, secret.only("ValueMAC")?, unlock)?,
        (None, Some(plain)) => {
            if head.secrecy()? != crate::method::Secrecy::Plain {
                return Err(row("Secret: it is plain in an encrypted file, so somebody may have changed it"));
            }
            base64(plain.text()?)?
        }
        (None, None) => return Err(row("Secret: it has no value")),
        (Some(_), Some(_)) => return Err(row("Secret: it has two values")),
    };
    check_policy(policy)?;
    let info = package.only("DeviceInfo")?;
    let date = ["StartDate", "ExpiryDate"].into_iter().find(|name| info.is_some_and(|info| info.count(name) > 0));
    if let Some(date) = date {
        return Err(Fault::Row(format!("DeviceInfo: it has a {date}, which Matchbook does not keep")));
    }
    let of_info = |name: &str| info.map(|info| text(info, name)).transpose().map(Option::flatten);
    let (user, label) = (text(key, "UserId")?, text(key, "FriendlyName")?);
    let (info_user, serial) = (of_info("UserId")?, of_info("SerialNo")?);
    Ok(RawKey {
        id: key.attribute("Id").unwrap_or_default().to_owned(),
        algorithm: key.attribute("Algorithm").map(str::to_owned),
        secret: opened,
        user: user.or(info_user),
        label: label.or(serial),
    })
}

/// A device of ours, of a key as the file has it.
pub(crate) fn device(raw: &RawKey) -> Result<Device, String> {
    if let Some(algorithm) = raw.algorithm.as_deref().filter(|algorithm| *algorithm != ALGORITHM) {
        return Err(format!("Algorithm: the key is for {}, and not for Matchbook ({ALGORITHM})", shown(algorithm)));
    }
    let key = Secret::from_slice(&raw.secret);
    let key = key.ok_or_else(|| format!("Secret: the key has {} bytes, and K_0 has 32", raw.secret.len()))?;
    let user = raw.user.as_deref().map(name::user).transpose().map_err(|why| format!("UserId: {why}"))?;
    Ok(Device {
        id: id(&raw.id).map_err(|why| format!("Id: {why}"))?,
        key,
        user: user_name(user.as_deref().unwrap_or_default()).map_err(|why| format!("UserId: {why}"))?,
        label: label(raw.label.as_deref().unwrap_or_default()).map_err(|why| format!("FriendlyName: {why}"))?,
    })
}

/// Reads an identification code.
pub(crate) fn id(text: &str) -> Result<AuthenticatorId, String> {
    let bytes = HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
    bytes.map(AuthenticatorId).ok_or_else(|| format!("\"{}\" is not 16 hexadecimal digits", shown(text)))
}

/// Reads a key of 32 bytes, in hexadecimal digits or base64. What it is is in no sentence.
pub(crate) fn key(text: &str) -> Result<Secret<32>, String> {
    let encoding = if text.len() == 64 { &HEXLOWER_PERMISSIVE } else { &BASE64 };
    let bytes = encoding.decode(text.as_bytes()).map(Zeroizing::new);
    let key = bytes.ok().and_then(|bytes| Secret::from_slice(&bytes));
    key.ok_or_else(|| "it is neither 64 hexadecimal digits nor base64 of 32 bytes".to_owned())
}

/// Checks a user's name.
pub(crate) fn user_name(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("there is no user".to_owned());
    }
    if text.len() > MAX_USER_LEN || text.trim() != text || text.chars().any(char::is_control) {
        let rule = "has to be at most 128 bytes without control characters, and without blanks at its ends";
        return Err(format!("\"{}\" {rule}", shown(text)));
    }
    no_key(text)?;
    Ok(text.to_owned())
}

/// Checks a label.
pub(crate) fn label(text: &str) -> Result<String, String> {
    if text.len() > MAX_LABEL_LEN || text.chars().any(char::is_control) {
        return Err(format!("\"{}\" has to be at most {MAX_LABEL_LEN} bytes without control characters", shown(text)));
    }
    no_key(text)?;
    Ok(text.to_owned())
}

/// Refuses what has the form of a K_0: columns that were swapped would make keys names, which everybody is shown.
fn no_key(text: &str) -> Result<(), String> {
    let is_hex = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_base64 =
        text.len() == 44 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='));
    if is_hex || is_base64 {
        return Err(format!("it looks like a key, of {} characters; are the columns right?", text.len()));
    }
    Ok(())
}

/// The text of a child; an empty one is none.
fn text(parent: &Element, name: &str) -> Result<Option<String>, FileError> {
    let found = parent.only(name)?.map(Element::text).transpose()?;
    Ok(found.filter(|text| !text.is_empty()).map(str::to_owned))
}

/// A policy that is not understood means that the key may not be used (RFC 6030, section 5), and one that cannot be kept
/// must not be taken.
fn check_policy(policy: Option<&Element>) -> Result<(), Fault> {
    let Some(policy) = policy else { return Ok(()) };
    if policy.has_text() {
        return Err(row("Policy: it has text beside its rules, which nobody understands"));
    }
    let mut usages = Vec::new();
    for rule in &policy.children {
        if rule.is(crate::element::Space::Pskc, "KeyUsage") {
            usages.push(rule.text()?);
            continue;
        }
        let name = shown(&rule.name);
        return Err(Fault::Row(format!("Policy: the key has a {name}, which Matchbook cannot keep to")));
    }
    if usages.is_empty() || usages.contains(&"Derive") {
        return Ok(());
    }
    Err(row("Policy: the key may not be used to derive others (KeyUsage), which is what K_0 is for"))
}

fn base64(text: &str) -> Result<Zeroizing<Vec<u8>>, Fault> {
    let joined: Zeroizing<Vec<u8>> = Zeroizing::new(text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect());
    BASE64.decode(&joined).map(Zeroizing::new).map_err(|_| row("Secret: it is not base64"))
}

fn row(why: &str) -> Fault {
    Fault::Row(why.to_owned())
}
