//! Whoever has an encrypted file and not its secret cannot put a MAC key of their own into it.
//!
//! AES-CBC lets them build one of blocks whose decryption they know: the last block of each key of 32 bytes is padding alone.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use data_encoding::BASE64;
use hmac::{Hmac, KeyInit, Mac};
use matchbook_protocol::{AuthenticatorId, Secret};
use matchbook_pskc::{Device, FileError, Format, Protection, Unlock, read, write};

type Block = [u8; 16];

const KEY: [u8; 32] = [5; 32];
const SHA1: &str = "http://www.w3.org/2000/09/xmldsig#hmac-sha1";
const SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256";

fn file(devices: u8) -> String {
    let device = |n: u8| Device {
        id: AuthenticatorId([n; 8]),
        key: Secret::new([n; 32]),
        user: format!("u{n}"),
        label: String::new(),
    };
    let devices: Vec<Device> = (1..=devices).map(device).collect();
    let protection = Protection::Key { key: &KEY, name: "k" };
    write(&devices, &protection, &mut rand_core::UnwrapErr(getrandom::SysRng)).to_string()
}

fn xor(a: Block, b: Block) -> Block {
    std::array::from_fn(|place| a[place] ^ b[place])
}

/// The texts between each two tags.
fn between<'a>(text: &'a str, from: &str, to: &str) -> Vec<&'a str> {
    let begins = text.match_indices(from).map(|(at, _)| at + from.len());
    begins.map(|at| &text[at..at + text[at..].find(to).unwrap()]).collect()
}

/// The blocks whose decryption anybody knows who has the file, with that decryption.
fn known(text: &str) -> Vec<(Block, Block)> {
    let sealed = between(text, "<xenc:CipherValue>", "</xenc:CipherValue>");
    let values = sealed.iter().skip(1).map(|value| BASE64.decode(value.as_bytes()).unwrap());
    let block = |bytes: &[u8], place: usize| <Block>::try_from(&bytes[place * 16..place * 16 + 16]).unwrap();
    values.map(|value| (block(&value, 3), xor(block(&value, 2), [16; 16]))).collect()
}

/// The file with another MAC key, of which the attacker knows all, and MACs to go with it.
fn forge(text: &str, hash: &str, sealed_mac_key: &[u8], mac_key: &[u8]) -> String {
    let old = between(text, "<xenc:CipherValue>", "</xenc:CipherValue>")[0];
    let mut forged = text.replace(old, &BASE64.encode(sealed_mac_key)).replace(SHA256, hash);
    for package in between(text, "<EncryptedValue>", "</ValueMAC>") {
        let value = between(package, "<xenc:CipherValue>", "</xenc:CipherValue>")[0];
        let mut bytes = BASE64.decode(value.as_bytes()).unwrap();
        // In the IV: the first half of each key is another one.
        bytes[..16].iter_mut().for_each(|byte| *byte ^= 0xff);
        let old = package.rsplit('>').next().unwrap();
        forged =
            forged.replace(value, &BASE64.encode(&bytes)).replace(old, &BASE64.encode(&mac(hash, mac_key, &bytes)));
    }
    forged
}

fn mac(hash: &str, key: &[u8], message: &[u8]) -> Vec<u8> {
    if hash == SHA1 {
        return Hmac::<sha1::Sha1>::new_from_slice(key).unwrap().chain_update(message).finalize().into_bytes().to_vec();
    }
    Hmac::<sha2::Sha256>::new_from_slice(key).unwrap().chain_update(message).finalize().into_bytes().to_vec()
}

fn is_refused(forged: &str) {
    let refused = read(forged.as_bytes(), Format::Pskc, &Unlock::Key(&KEY)).map(|file| file.rows.len());
    assert_eq!(refused, Err(FileError::WrongSecret));
}

#[test]
fn a_mac_key_of_one_known_block_is_refused() {
    let text = file(2);
    let (block, clear) = known(&text)[0];
    for length in [0, 1, 15] {
        let wanted: Block = std::array::from_fn(|place| if place < length { 0x41 } else { (16 - length) as u8 });
        let sealed = [xor(clear, wanted), block].concat();
        for hash in [SHA1, SHA256] {
            is_refused(&forge(&text, hash, &sealed, &wanted[..length]));
        }
    }
}

/// Long enough for the hash, and still known: among some devices there are two blocks after which the last byte is 1.
#[test]
fn a_mac_key_of_several_known_blocks_is_refused() {
    let text = file(120);
    let known = known(&text);
    let pairs = known.iter().flat_map(|first| known.iter().map(move |last| (first, last)));
    let (first, last) = pairs.into_iter().find(|(first, last)| xor(last.1, first.0)[15] == 1).unwrap();
    for (hash, blocks) in [(SHA1, 2), (SHA256, 3), (SHA256, 5)] {
        let mut chain = vec![*first; blocks - 1];
        chain.push(*last);
        let mut sealed = vec![[0x41; 16]];
        let mut clear = Vec::new();
        for (block, opened) in chain {
            clear.push(xor(opened, *sealed.last().unwrap()));
            sealed.push(block);
        }
        let clear = clear.concat();
        is_refused(&forge(&text, hash, &sealed.concat(), &clear[..clear.len() - 1]));
    }
}
