use super::Hash;

#[test]
fn a_mac_key_is_as_long_as_the_hash_or_fills_blocks() {
    let taken = |hash: Hash| -> Vec<usize> { (0..=80).filter(|length| hash.takes(*length)).collect() };
    // RFC 6030's examples have 20 bytes, and python-pskc writes what the hash gives.
    assert_eq!(taken(Hash::Sha1), [20, 32, 48, 64, 80]);
    assert_eq!(taken(Hash::Sha256), [32, 48, 64, 80]);
}
