//! Packing, unpacking and typing of codes (§5).

use matchbook_protocol::{Alphabet, CodeFormat, pack, packed_len};

use super::craft::{alphabet_name, set, texts};
use super::vector::{Vector, hex};

pub(super) fn add(vectors: &mut Vec<Vector>) {
    packing(vectors);
    unpack_refusals(vectors);
    pack_refusals(vectors);
    parsing(vectors);
}

fn packing(vectors: &mut Vec<Vector>) {
    for (name, alphabet, digits, count, title) in [
        ("40x6", Alphabet::Decimal, 6, 40, "The usual set of one short message"),
        ("30x8", Alphabet::Decimal, 8, 30, "As many codes of 8 digits as one short message takes"),
        ("1x4", Alphabet::Decimal, 4, 1, "The smallest set"),
        ("250x12-base32", Alphabet::Base32, 12, 250, "The largest set"),
        ("20x8-base32", Alphabet::Base32, 8, 20, "Base-32 codes that fill whole bytes"),
        ("3x5-base32", Alphabet::Base32, 5, 3, "Base-32 codes that leave bits over"),
    ] {
        let set = set(alphabet, digits, count, false);
        let packed = hex(pack(&set));
        let vector = Vector::new("pack", name, title, "§5 MB-COD-1");
        vectors.push(format(vector, alphabet, digits).input("codes", texts(&set)).output("packed", packed.clone()));
        let vector = format(Vector::new("unpack", name, title, "§5 MB-COD-1"), alphabet, digits);
        vectors.push(vector.input("count", count as u64).input("packed", packed).output("codes", texts(&set)));
    }
    // 10^(6 × 3) − 1 and 0: the largest and the smallest value.
    for (name, packed, code, title) in [
        ("largest", "0de0b6b3a763ffff", "999999", "The largest value of three codes"),
        ("zero", "0000000000000000", "000000", "The smallest value of three codes"),
    ] {
        let vector = format(Vector::new("unpack", name, title, "§5 MB-COD-1"), Alphabet::Decimal, 6);
        vectors.push(vector.input("count", 3_u32).input("packed", packed).output("codes", vec![code.to_owned(); 3]));
    }
}

fn unpack_refusals(vectors: &mut Vec<Vector>) {
    let good = pack(&set(Alphabet::Decimal, 6, 40, false)).to_vec();
    let longer = [&[0], &good[..]].concat();
    let of_251 = vec![0; packed_len(CodeFormat::DEFAULT, 251)];
    for (name, count, packed, error, spec, title) in [
        ("count-0", 0_u32, vec![], "count", "§4.1 MB-SET-1", "A set of no codes"),
        ("count-251", 251, of_251, "count", "§4.1 MB-SET-1", "A set of more than 250 codes"),
        ("short", 40, good[1..].to_vec(), "packed-length", "§5 MB-COD-1", "One byte too few"),
        ("leading-zero", 40, longer, "packed-length", "§5 MB-COD-1", "One byte too many, the first one 0"),
        ("empty", 40, vec![], "packed-length", "§5 MB-COD-1", "No bytes at all"),
        ("all-ones", 40, vec![0xff; 100], "packed-too-large", "§5 MB-COD-2", "A value far above base^count"),
        (
            "one-too-large",
            3,
            vec![0x0d, 0xe0, 0xb6, 0xb3, 0xa7, 0x64, 0, 0],
            "packed-too-large",
            "§5 MB-COD-2",
            "The value base^count itself",
        ),
    ] {
        let vector = format(Vector::new("unpack", name, title, spec), Alphabet::Decimal, 6).fails(error);
        vectors.push(vector.input("count", count).input("packed", hex(packed)));
    }
    for (name, digits, title) in [("digits-3", 3, "Codes of 3 digits"), ("digits-13", 13, "Codes of 13 digits")] {
        let vector = Vector::new("unpack", name, title, "§4.1 MB-SET-1").fails("digits");
        vectors.push(format(vector, Alphabet::Decimal, digits).input("count", 1_u32).input("packed", "0001"));
    }
    let vector = Vector::new("unpack", "base32-too-large", "Bits above four base-32 symbols", "§5 MB-COD-2");
    let vector = format(vector, Alphabet::Base32, 4).fails("packed-too-large");
    vectors.push(vector.input("count", 1_u32).input("packed", "100000"));
}

fn pack_refusals(vectors: &mut Vec<Vector>) {
    let vector = format(Vector::new("pack", "no-code", "A set of no codes", "§4.1 MB-SET-1"), Alphabet::Decimal, 6);
    vectors.push(vector.input("codes", Vec::new()).fails("set-empty"));
    let vector = format(Vector::new("pack", "251-codes", "A set of 251 codes", "§4.1 MB-SET-1"), Alphabet::Decimal, 4);
    vectors.push(vector.input("codes", vec!["0000".to_owned(); 251]).fails("set-too-many"));
}

fn parsing(vectors: &mut Vec<Vector>) {
    for (name, alphabet, digits, text, code, title) in [
        ("plain", Alphabet::Decimal, 6, "012345", "012345", "A code as it is printed"),
        ("spaces", Alphabet::Decimal, 6, " 012 345\n", "012345", "Spaces do not count"),
        ("dashes", Alphabet::Decimal, 8, "0123-45\u{2013}67", "01234567", "Dashes of any kind do not count"),
        ("lower-case", Alphabet::Base32, 8, "abcd efgh", "ABCDEFGH", "Case does not count in base-32"),
        ("look-alikes", Alphabet::Base32, 8, "OoIiLl9z", "0011119Z", "O is 0; I and L are 1"),
    ] {
        let vector = format(Vector::new("code-parse", name, title, "§5 MB-COD-4"), alphabet, digits);
        vectors.push(vector.input("text", text).output("code", code));
    }
    for (name, alphabet, text, error, title) in [
        ("empty", Alphabet::Decimal, "", "too-short", "Nothing was typed"),
        ("short", Alphabet::Decimal, "12345", "too-short", "A digit is missing"),
        ("long", Alphabet::Decimal, "1234567", "too-long", "A digit too many"),
        ("letter", Alphabet::Decimal, "12345A", "symbol", "A letter in a decimal code"),
        ("look-alike-decimal", Alphabet::Decimal, "12345O", "symbol", "The letter O in a decimal code is no 0"),
        ("other-digits", Alphabet::Decimal, "12345\u{0666}", "symbol", "A digit of another script"),
        ("letter-u", Alphabet::Base32, "ABCDEU", "symbol", "Base-32 has no U"),
    ] {
        let vector = format(Vector::new("code-parse", name, title, "§5 MB-COD-4"), alphabet, 6);
        vectors.push(vector.input("text", text).fails(error));
    }
}

fn format(vector: Vector, alphabet: Alphabet, digits: u8) -> Vector {
    vector.input("alphabet", alphabet_name(alphabet)).input("digits", digits)
}
