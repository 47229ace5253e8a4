#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use matchbook_protocol::AuthenticatorId;
use proptest::prelude::*;

use super::{Unlock, each, read, secrecy};
use crate::error::FileError;
use crate::method::Secrecy;
use crate::package::{ALGORITHM, RawKey};

const SPACES: &str = "xmlns=\"urn:ietf:params:xml:ns:keyprov:pskc\" xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\" \
                      xmlns:xenc=\"http://www.w3.org/2001/04/xmlenc#\"";

/// The examples of RFC 6030, by the numbers of their figures.
fn figure(number: u8) -> String {
    let path = format!("{}/tests/rfc6030/figure{number}.xml", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap()
}

fn keys(text: &str, unlock: &Unlock<'_>) -> Vec<Result<RawKey, String>> {
    let mut keys = Vec::new();
    each(text.as_bytes(), unlock, |_, key| keys.push(key)).unwrap();
    keys
}

fn secret(key: &Result<RawKey, String>) -> &[u8] {
    &key.as_ref().unwrap().secret
}

#[test]
fn the_plain_examples_of_the_rfc_are_read() {
    for number in [2, 3] {
        let keys = keys(&figure(number), &Unlock::Nothing);
        assert_eq!(keys.len(), 1, "figure {number}");
        assert_eq!(secret(&keys[0]), b"12345678901234567890");
        let key = keys[0].as_ref().unwrap();
        assert_eq!(
            (key.id.as_str(), key.algorithm.as_deref()),
            ("12345678", Some("urn:ietf:params:xml:ns:keyprov:pskc:hotp"))
        );
    }
    let three = keys(&figure(3), &Unlock::Nothing);
    let three = three[0].as_ref().unwrap();
    assert_eq!(crate::name::user(three.user.as_deref().unwrap()).unwrap(), "jsmith");
    assert_eq!(three.label.as_deref(), Some("987654321"), "the serial number, as there is no friendly name");
    // A key that is a reference into another module, and not in the file.
    assert_eq!(keys(&figure(4), &Unlock::Nothing)[0].as_ref().unwrap_err(), "Secret: the package holds no key");
    // A policy with a PIN cannot be kept to.
    let five = keys(&figure(5), &Unlock::Nothing);
    assert!(five[0].as_ref().unwrap_err().contains("PINPolicy"));
    assert_eq!(secret(&five[1]), b"1234");
}

#[test]
fn the_encrypted_examples_of_the_rfc_are_opened() {
    let key: Vec<u8> = [0x12, 0x34, 0x56, 0x78, 0x90].iter().copied().cycle().take(16).collect();
    assert_eq!(secrecy(figure(6).as_bytes()).unwrap(), Secrecy::Key(Some("Pre-shared-key".to_owned())));
    assert_eq!(secret(&keys(&figure(6), &Unlock::Key(&key))[0]), b"12345678901234567890");
    assert_eq!(secrecy(figure(7).as_bytes()).unwrap(), Secrecy::Passphrase);
    assert_eq!(secret(&keys(&figure(7), &Unlock::Passphrase(b"qwerty"))[0]), b"12345678901234567890");
    assert_eq!(read(figure(7).as_bytes(), &Unlock::Passphrase(b"qwertz")).unwrap_err(), FileError::WrongSecret);
    let no_key = read(figure(6).as_bytes(), &Unlock::Key(&[0; 32])).unwrap_err();
    assert_eq!(no_key, FileError::KeyLength(16));
    // They are keys of HOTP, and no devices of ours.
    let file = read(figure(6).as_bytes(), &Unlock::Key(&key)).unwrap();
    assert!(file.rows[0].device.as_ref().unwrap_err().contains("pskc:hotp"));
}

#[test]
fn an_encrypted_file_without_a_mac_is_refused() {
    let key: Vec<u8> = [0x12, 0x34, 0x56, 0x78, 0x90].iter().copied().cycle().take(16).collect();
    let refused = |text: String| read(text.as_bytes(), &Unlock::Key(&key)).unwrap_err();
    let whole = figure(6);
    let (begin, end) = (whole.find("<ValueMAC>").unwrap(), whole.find("</ValueMAC>").unwrap() + "</ValueMAC>".len());
    assert_eq!(refused([&whole[..begin], &whole[end..]].concat()), FileError::NoMac);
    let (begin, end) = (whole.find("<MACMethod").unwrap(), whole.find("</MACMethod>").unwrap() + "</MACMethod>".len());
    assert_eq!(refused([&whole[..begin], &whole[end..]].concat()), FileError::NoMac);
    // And a plain key within one: somebody may have put it there.
    let (begin, end) = (whole.find("<EncryptedValue>").unwrap(), whole.find("</ValueMAC>").unwrap());
    let plain = [&whole[..begin], "<PlainValue>AAAA</PlainValue><ValueMAC>", &whole[end..]].concat();
    let file = read(plain.as_bytes(), &Unlock::Key(&key)).unwrap();
    assert!(file.rows[0].device.as_ref().unwrap_err().contains("plain in an encrypted file"));
}

/// A file of one package, with `within` the key and `data` as its secret.
fn file(attributes: &str, within: &str, data: &str) -> String {
    format!(
        "<KeyContainer Version=\"1.0\" {SPACES}><KeyPackage><Key {attributes}>{within}\
         <Data><Secret><PlainValue>{data}</PlainValue></Secret></Data></Key></KeyPackage></KeyContainer>"
    )
}

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const ID: &str = "Id=\"00112233445566Aa\"";

#[test]
fn a_device_is_read() {
    let within = "<FriendlyName>card &lt;1&gt; &#252;<![CDATA[<]]></FriendlyName><UserId>UID=alice,DC=example</UserId>";
    let text = file(&format!("{ID} Algorithm=\"{ALGORITHM}\""), within, KEY);
    let read = read(text.as_bytes(), &Unlock::Nothing).unwrap();
    let device = read.rows[0].device.as_ref().unwrap();
    assert_eq!(device.id, AuthenticatorId([0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0xaa]));
    assert_eq!((device.user.as_str(), device.label.as_str()), ("alice", "card <1> ü<"));
    assert_eq!((device.key.expose()[31], read.rows[0].place), (31, 1));
    assert!(!format!("{read:?}").contains("31, "), "a key is not printed");
}

#[test]
fn prefixes_are_of_no_account_and_namespaces_are() {
    let text = file(ID, "<UserId>alice</UserId>", KEY);
    let prefixed = text.replace("xmlns=", "xmlns:a=").replace('<', "<a:").replace("<a:/", "</a:");
    assert!(read(prefixed.as_bytes(), &Unlock::Nothing).unwrap().rows[0].device.is_ok());
    let foreign = text.replace("keyprov:pskc\"", "keyprov:other\"");
    assert!(read(foreign.as_bytes(), &Unlock::Nothing).unwrap_err().to_string().contains("no PSKC"));
    let unknown = text.replace("<Key ", "<z:Key ").replace("</Key>", "</z:Key>");
    assert!(
        matches!(read(unknown.as_bytes(), &Unlock::Nothing), Err(FileError::Malformed(why)) if why.contains("prefix z"))
    );
}

#[test]
fn each_bad_package_is_told_and_the_others_are_read() {
    let user = "<UserId>alice</UserId>";
    for (attributes, within, data, says) in [
        ("Id=\"12\"", user, KEY, "Id: \"12\""),
        (ID, "", KEY, "UserId: there is no user"),
        (ID, user, "AAAA", "Secret: the key has 3 bytes"),
        (ID, user, "?", "Secret: it is not base64"),
        ("Id=\"00112233445566aa\" Algorithm=\"urn:x&#27;[2J\"", user, KEY, "Algorithm: the key is for urn:x\\u{1b}[2J"),
        (ID, "<UserId>alice</UserId><Policy><KeyUsage>OTP</KeyUsage></Policy>", KEY, "KeyUsage"),
        (
            ID,
            "<UserId>alice</UserId><Policy><NumberOfTransactions>3</NumberOfTransactions></Policy>",
            KEY,
            "NumberOfTransactions",
        ),
        (ID, "<UserId>alice</UserId><Policy><x xmlns=\"urn:x\"/></Policy>", KEY, "Policy: the key has a x"),
        (ID, "<UserId>alice</UserId><Policy><ExpiryDate>2030-01-01T00:00:00Z</ExpiryDate></Policy>", KEY, "ExpiryDate"),
    ] {
        let text = file(attributes, within, data);
        let found = read(text.as_bytes(), &Unlock::Nothing).unwrap();
        let why = found.rows[0].device.as_ref().unwrap_err();
        assert!(why.contains(says), "{says}: {why}");
    }
    let derive = "<UserId>alice</UserId><Policy><KeyUsage>Encrypt</KeyUsage><KeyUsage>Derive</KeyUsage></Policy>";
    assert!(read(file(ID, derive, KEY).as_bytes(), &Unlock::Nothing).unwrap().rows[0].device.is_ok());
    let two = file(ID, user, KEY).replace("</KeyPackage>", "</KeyPackage><KeyPackage/>");
    let found = read(two.as_bytes(), &Unlock::Nothing).unwrap();
    assert!(found.rows[0].device.is_ok() && found.rows[1].device.is_err() && found.rows[1].place == 2);
}

#[test]
fn what_stands_in_the_file_twice_is_told() {
    let package = |id: &str, key: &str| {
        format!(
            "<KeyPackage><Key Id=\"{id}\"><Data><Secret><PlainValue>{key}</PlainValue></Secret></Data><UserId>a</UserId></Key></KeyPackage>"
        )
    };
    let other = "AQECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let zero = data_encoding::BASE64.encode(&[0; 32]);
    let packages = [
        package("0011223344556677", KEY),
        package("0011223344556677", other),
        package("0011223344556678", KEY),
        package("0011223344556679", &zero),
    ];
    let text = format!("<KeyContainer Version=\"1.0\" {SPACES}>{}</KeyContainer>", packages.concat());
    let file = crate::read(text.as_bytes(), crate::Format::Pskc, &Unlock::Nothing).unwrap();
    let why: Vec<_> = file.rows.iter().map(|row| row.device.as_ref().err().cloned().unwrap_or_default()).collect();
    assert!(why[0].is_empty() && why[1].contains("row 1 already") && why[2].contains("key of row 1 too"), "{why:?}");
    assert!(why[3].contains("all zeros"), "{why:?}");
}

#[test]
fn a_key_as_a_name_is_told_by_its_length_alone() {
    let hex = "0707070707070707070707070707070707070707070707070707070707070707";
    let user = "<UserId>alice</UserId>";
    for key in [KEY, hex] {
        let id = format!("Id=\"{key}\"");
        for (attributes, within) in
            [(id.as_str(), user), (ID, &format!("<UserId>UID={}</UserId>", key.replace('=', "\\=")))]
        {
            let found = read(file(attributes, within, KEY).as_bytes(), &Unlock::Nothing).unwrap();
            let why = found.rows[0].device.as_ref().unwrap_err();
            assert!(!why.contains(&key[..20]), "{why}");
        }
        let name = key.trim_end_matches('=');
        let element = file(ID, user, KEY).replace("<KeyPackage>", &format!("<k{name}/><KeyPackage>"));
        let open = file(ID, &format!("<k{name}>"), KEY);
        let text = file(ID, user, KEY).replace("<KeyPackage>", &format!("{key}<KeyPackage>"));
        for text in [element, open, text] {
            let why = read(text.as_bytes(), &Unlock::Nothing).unwrap_err().to_string();
            assert!(!why.contains(&key[..20]), "{why}");
        }
    }
}

#[test]
fn nothing_that_counts_may_stand_twice_or_in_another_namespace() {
    let user = "<UserId>UID=alice</UserId>";
    let whole = file(ID, user, KEY);
    let dates = "<StartDate>2099-01-01T00:00:00Z</StartDate>";
    let info = "<DeviceInfo/><DeviceInfo><ExpiryDate>2001-01-01T00:00:00Z</ExpiryDate></DeviceInfo><Key ";
    let policies = format!("<Policy><KeyUsage>Derive</KeyUsage></Policy><Policy>{dates}</Policy>");
    for (text, says) in [
        (file(ID, &format!("{user}{policies}"), KEY), "Policy"),
        (file(ID, &format!("{user}<Policy xmlns=\"urn:x\">{dates}</Policy>"), KEY), "Policy"),
        (file(ID, &format!("{user}<Policy/><Policy xmlns=\"\"/>"), KEY), "Policy"),
        (whole.replace("<Key ", &format!("<Policy>{dates}</Policy><Key ")), "Policy"),
        (file(ID, &format!("{user}<Extensions><Policy/></Extensions>"), KEY), "Policy"),
        (file(ID, &format!("{user}<Policy><KeyUsage><x/>Derive</KeyUsage></Policy>"), KEY), "KeyUsage"),
        (file(ID, &format!("{user}<Policy>Derive</Policy>"), KEY), "Policy"),
        (file(ID, &format!("{user}<UserId>UID=mallory</UserId>"), KEY), "UserId"),
        (file(ID, &format!("{user}<UserId xmlns=\"urn:x\">UID=mallory</UserId>"), KEY), "UserId"),
        (file(ID, "<UserId>UID=al<x>zz</x>ice</UserId>", KEY), "UserId"),
        (file(ID, &format!("{user}<FriendlyName/><FriendlyName>b</FriendlyName>"), KEY), "FriendlyName"),
        (whole.replace("<Data>", "<Data/><Data>"), "Data"),
        (whole.replace("<Secret>", "<Secret/><Secret>"), "Secret"),
        (whole.replace("<PlainValue>", "<PlainValue/><PlainValue>"), "PlainValue"),
        (whole.replace("<PlainValue>", "<PlainValue><x/>"), "PlainValue"),
        (whole.replace("<Key ", info), "DeviceInfo"),
        (whole.replace("<Key ", &info[13..]).replace("<ExpiryDate>", "<ExpiryDate xmlns=\"urn:x\">"), "DeviceInfo"),
        (whole.replace("<KeyPackage>", "<KeyPackage><Key/>"), "Key"),
    ] {
        let found = read(text.as_bytes(), &Unlock::Nothing).unwrap();
        let why = found.rows[0].device.as_ref().unwrap_err();
        assert!(why.starts_with(&format!("{says}: ")), "{says}: {why}\n{text}");
    }
    for name in ["MACKey", "EncryptedValue", "ValueMAC", "xenc:CipherData", "xenc:CipherValue", "xenc:EncryptionMethod"]
    {
        let (begin, end) = (format!("<{name}"), format!("</{name}>"));
        let text = crate::write(&[device()], &crate::Protection::Key { key: &[5; 32], name: "k" }, &mut Zeros);
        let at = text.rfind(&begin).unwrap();
        let empty = if text[at..].contains(&end) { format!("{begin}>{end}") } else { format!("{begin}/>") };
        let doubled = [&text[..at], &empty, &text[at..]].concat();
        let why = match read(doubled.as_bytes(), &Unlock::Key(&[5; 32])) {
            Ok(found) => found.rows[0].device.as_ref().unwrap_err().clone(),
            Err(error) => error.to_string(),
        };
        assert!(why.contains("stands twice") && why.contains(name.trim_start_matches("xenc:")), "{name}: {why}");
    }
}

fn device() -> crate::Device {
    let (user, label) = ("alice".to_owned(), String::new());
    crate::Device { id: AuthenticatorId([1; 8]), key: matchbook_protocol::Secret::new([2; 32]), user, label }
}

/// Chance that has run out.
struct Zeros;

impl rand_core::TryRng for Zeros {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(0)
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(0)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        bytes.fill(0);
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Zeros {}

#[test]
fn a_file_that_was_encrypted_and_is_plain_is_refused() {
    let mac = "<MACMethod Algorithm=\"http://www.w3.org/2000/09/xmldsig#hmac-sha1\"/><KeyPackage>";
    let text = file(ID, "<UserId>a</UserId>", KEY).replace("<KeyPackage>", mac);
    for why in [read(text.as_bytes(), &Unlock::Nothing).unwrap_err(), secrecy(text.as_bytes()).unwrap_err()] {
        assert!(matches!(&why, FileError::Malformed(why) if why.contains("EncryptionKey")), "{why}");
    }
}

#[test]
fn a_note_is_told_once() {
    let text = file(ID, "<UserId>a</UserId>", KEY)
        .replace("<KeyPackage>", &["<Extensions/>".repeat(1_000), "<KeyPackage>".to_owned()].concat());
    let text = text.replace("</KeyContainer>", "<ds:Signature/><ds:Signature/></KeyContainer>");
    let notes = read(text.as_bytes(), &Unlock::Nothing).unwrap().notes;
    assert_eq!(notes.len(), 2, "{} notes", notes.len());
}

fn hostile(text: &str) -> String {
    match read(text.as_bytes(), &Unlock::Nothing) {
        Err(FileError::Hostile(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn tricks_of_xml_are_refused() {
    let body = file(ID, "<UserId>&a;</UserId>", KEY);
    let laughs = format!("<!DOCTYPE x [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;\">]>{body}");
    let outside = format!("<!DOCTYPE x [<!ENTITY a SYSTEM \"file:///etc/passwd\">]>{body}");
    let parameter = format!("<!DOCTYPE x SYSTEM \"http://127.0.0.1/x.dtd\">{body}");
    for text in [&laughs, &outside, &parameter] {
        assert!(hostile(text).contains("DOCTYPE"));
    }
    // Without a DTD it means nothing, and is not passed over.
    assert!(hostile(&body).contains("entity of its own"));
    assert!(hostile(&file("Id=\"&a;\"", "", KEY)).contains("entity of its own"));
    let deep = [&"<a>".repeat(30), "", &"</a>".repeat(30)].concat();
    assert!(hostile(&file(ID, &deep, KEY)).contains("within more than"));
    assert!(hostile(&file(ID, &"<a/>".repeat(300), KEY)).contains("elements"));
    assert!(hostile(&file(ID, &format!("<UserId>{}</UserId>", "x".repeat(40_000)), KEY)).contains("bytes of text"));
    let wide: String = (0..40).map(|place| format!(" a{place}=\"\"")).collect();
    assert!(hostile(&file(&wide, "", KEY)).contains("attributes"));
    let twice = file("Id=\"1\" Id=\"2\"", "", KEY);
    assert!(
        matches!(read(twice.as_bytes(), &Unlock::Nothing), Err(FileError::Malformed(why)) if why.contains("twice"))
    );
}

#[test]
fn a_derivation_that_costs_too_much_or_too_little_is_refused() {
    let refused =
        |from: &str, to: &str| match read(figure(7).replace(from, to).as_bytes(), &Unlock::Passphrase(b"qwerty")) {
            Err(FileError::Hostile(why) | FileError::Malformed(why) | FileError::Unsupported(why)) => why,
            other => panic!("{other:?}"),
        };
    for rounds in ["10000001", "4294967297", "999", "0", "-1", "many"] {
        let why = refused("<IterationCount>1000<", &format!("<IterationCount>{rounds}<"));
        assert!(why.contains("number of iterations") || why.contains("IterationCount"), "{rounds}: {why}");
    }
    assert!(refused("Ej7/PEpyEpw=", "AAAA").contains("salt has 3 bytes"));
    assert!(refused("<KeyLength>16<", "<KeyLength>4000000000<").contains("KeyLength"));
    assert!(refused("<PRF/>", "<PRF Algorithm=\"urn:x\"/>").contains("urn:x"));
    assert!(refused("#pbkdf2\"", "#scrypt\"").contains("key derivation"));
    assert!(refused("xmlenc#aes128-cbc", "xmlenc#tripledes-cbc").contains("tripledes"));
    assert!(refused("xmldsig#hmac-sha1", "xmldsig#hmac-md5").contains("hmac-md5"));
}

#[test]
fn a_file_that_is_cut_off_is_refused_wherever_that_is() {
    for whole in [figure(2), figure(7)] {
        let whole = whole.trim_end();
        for end in (0..whole.len()).filter(|end| whole.is_char_boundary(*end)) {
            assert!(read(&whole.as_bytes()[..end], &Unlock::Passphrase(b"qwerty")).is_err(), "{end}");
        }
    }
}

#[test]
fn other_files_are_told_apart() {
    for (text, says) in [
        ("", "no element"),
        ("<html></html>", "begins with <html>"),
        ("<?xml version=\"1.0\" encoding=\"UTF-16\"?><a/>", "another encoding"),
        ("x<a/>", "before the first element"),
        (&file(ID, "", KEY).replace("Version=\"1.0\"", "Version=\"2.0\""), "version 2.0"),
        (&file(ID, "", KEY).replace("Version=\"1.0\"", ""), "version ?"),
        (&format!("<KeyContainer Version=\"1.0\" {SPACES}></KeyContainer>"), "no key package"),
        (&format!("{}<a/>", file(ID, "", KEY)), "after the last element"),
        (&file(ID, "", KEY).replace("<KeyPackage>", "<Other/><KeyPackage>"), "<Other> has no place"),
    ] {
        let why = read(text.as_bytes(), &Unlock::Nothing).unwrap_err().to_string();
        assert!(why.contains(says), "{says}: {why}");
    }
    assert!(read(b"<a>\xff</a>", &Unlock::Nothing).unwrap_err().to_string().contains("UTF-8"));
    let signed = file(ID, "<UserId>a</UserId>", KEY).replace("</KeyContainer>", "<ds:Signature/></KeyContainer>");
    let notes = read(signed.as_bytes(), &Unlock::Nothing).unwrap().notes;
    assert!(notes.len() == 1 && notes[0].contains("signature is not checked"), "{notes:?}");
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "[<>/&;!a-zA-Z\"= \\[\\]\\-]{0,200}") {
        let _ = read(text.as_bytes(), &Unlock::Nothing);
        let _ = read(file(ID, &text, KEY).as_bytes(), &Unlock::Nothing);
    }

    #[test]
    fn a_changed_file_is_read_or_refused(at in 0..3_000_usize, byte in any::<u8>()) {
        let mut bytes = figure(7).into_bytes();
        let at = at % bytes.len();
        bytes[at] = byte;
        let _ = read(&bytes, &Unlock::Passphrase(b"qwerty"));
    }
}
