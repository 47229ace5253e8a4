#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn only_our_form_is_hashed() {
    let good = format!("{TOKEN_PREFIX}{}", BASE64URL_NOPAD.encode(&[7; 32]));
    assert_eq!(token_hash(&good).unwrap(), <[u8; 32]>::from(Sha256::digest(good.as_bytes())));
    for bad in ["", "mb_", "mb_AAAA", &good[3..], &good.replace("mb_", "xx_"), &format!("{good}A"), &format!("{good}=")]
    {
        assert_eq!(token_hash(bad), None, "{bad}");
    }
}
