//! Alphabets, formats, codes, sets and packing.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use super::*;
use crate::ids::CodeIndex;
use crate::test_rng::Seeded;

fn format(alphabet: Alphabet, digits: u8) -> CodeFormat {
    CodeFormat::new(alphabet, digits).unwrap()
}

fn every_format() -> impl Iterator<Item = CodeFormat> {
    [Alphabet::Decimal, Alphabet::Base32]
        .into_iter()
        .flat_map(|alphabet| (MIN_DIGITS..=MAX_DIGITS).map(move |digits| format(alphabet, digits)))
}

fn draw_set(format: CodeFormat, count: usize) -> CodeSet {
    let mut rng = Seeded::new("set");
    CodeSet::new(CodeIndex(1), format, false, (0..count).map(|_| Code::draw(format, &mut rng)).collect()).unwrap()
}

#[test]
fn formats_have_four_to_twelve_symbols() {
    for digits in 0..=u8::MAX {
        let expected = (4..=12).contains(&digits);
        assert_eq!(CodeFormat::new(Alphabet::Decimal, digits).is_ok(), expected, "{digits}");
        assert_eq!(CodeFormat::new(Alphabet::Base32, digits).is_ok(), expected, "{digits}");
    }
    assert_eq!(CodeFormat::new(Alphabet::Decimal, 3).unwrap_err().name(), "digits");
    assert_eq!(CodeFormat::default(), format(Alphabet::Decimal, 6));
    assert_eq!(CodeFormat::DEFAULT.size(), 1_000_000);
    assert_eq!(format(Alphabet::Base32, 12).size(), 1 << 60);
    assert_eq!(CodeFormat::DEFAULT.to_string(), "6 decimal digits");
}

#[test]
fn a_code_is_below_the_size() {
    for format in every_format() {
        let largest = Code::from_value(format, format.size() - 1).unwrap();
        let nine_or_z = if format.alphabet() == Alphabet::Decimal { "9" } else { "Z" };
        assert_eq!(*largest.reveal(), nine_or_z.repeat(usize::from(format.digits())));
        assert!(Code::from_value(format, format.size()).is_none());
        assert!(Code::from_value(format, u64::MAX).is_none());
        assert_eq!(*Code::from_value(format, 0).unwrap().reveal(), "0".repeat(usize::from(format.digits())));
    }
}

#[test]
fn what_is_revealed_parses_to_the_same_code() {
    let mut rng = Seeded::new("reveal");
    for format in every_format() {
        for _ in 0..200 {
            let code = Code::draw(format, &mut rng);
            assert_eq!(code.reveal().len(), usize::from(format.digits()));
            assert_eq!(Code::parse(format, &code.reveal()).unwrap(), code);
            assert_eq!(code.duplicate(), code);
        }
    }
}

/// MB-COD-4.
#[test]
fn typing_is_forgiven() {
    let six = CodeFormat::DEFAULT;
    for typed in ["123456", "123 456", " 12-34-56 ", "1\u{2011}2\u{2013}3\u{2212}4\u{a0}56\n"] {
        assert_eq!(Code::parse(six, typed).unwrap().value(), 123_456, "{typed:?}");
    }
    let eight = format(Alphabet::Base32, 8);
    let code = Code::parse(eight, "0111-ABCD").unwrap();
    for typed in ["oiLl abcd", "OIL1ABCD", "0iIlabCd"] {
        assert_eq!(Code::parse(eight, typed).unwrap(), code, "{typed:?}");
    }
}

#[test]
fn other_typing_is_refused() {
    let six = CodeFormat::DEFAULT;
    for (typed, name) in [
        ("", "too-short"),
        ("12345", "too-short"),
        ("1234567", "too-long"),
        ("12345a", "symbol"),
        ("12345O", "symbol"),
        ("12345\u{0663}", "symbol"),
        ("12345+", "symbol"),
        ("123456 x", "symbol"),
    ] {
        assert_eq!(Code::parse(six, typed).unwrap_err().name(), name, "{typed:?}");
    }
    assert_eq!(Code::parse(format(Alphabet::Base32, 4), "ABCU").unwrap_err(), CodeError::Symbol);
    assert_eq!(Code::parse(six, &"1".repeat(100_000)).unwrap_err(), CodeError::TooLong);
}

#[test]
fn a_code_is_never_printed() {
    let code = Code::parse(CodeFormat::DEFAULT, "123456").unwrap();
    assert_eq!(format!("{code:?}"), "Code(…)");
    let set = CodeSet::new(CodeIndex(1), CodeFormat::DEFAULT, false, vec![code]).unwrap();
    assert!(!format!("{set:?}").contains("123456"));
}

#[test]
fn codes_compare_by_value_and_format() {
    let six = Code::parse(CodeFormat::DEFAULT, "000001").unwrap();
    assert_ne!(six, Code::parse(CodeFormat::DEFAULT, "000002").unwrap());
    assert_ne!(six, Code::parse(format(Alphabet::Decimal, 7), "0000001").unwrap());
}

/// MB-COD-3, its first half.
#[test]
fn draws_are_even() {
    let four = format(Alphabet::Decimal, 4);
    let mut rng = Seeded::new("even");
    let mut buckets = [0_u32; 10];
    for _ in 0..100_000 {
        buckets[usize::try_from(Code::draw(four, &mut rng).value() / 1000).unwrap()] += 1;
    }
    // The standard deviation is 95.
    assert!(buckets.iter().all(|count| count.abs_diff(10_000) < 500), "{buckets:?}");
}

#[test]
fn a_set_knows_its_range() {
    let set = draw_set(CodeFormat::DEFAULT, 40);
    assert_eq!((set.first, set.last(), set.count()), (CodeIndex(1), CodeIndex(40), 40));
    assert_eq!(set.indexed().last().map(|(index, _)| index), Some(CodeIndex(40)));
    let last =
        CodeSet::new(CodeIndex(u32::MAX), CodeFormat::DEFAULT, false, draw_set(CodeFormat::DEFAULT, 1).into_codes());
    let last = last.unwrap();
    assert_eq!(last.last(), CodeIndex(u32::MAX));
    assert_eq!(last.indexed().count(), 1);
}

#[test]
fn what_is_no_set_is_refused() {
    let six = CodeFormat::DEFAULT;
    let codes = |count| draw_set(six, count).into_codes();
    let of = |first, codes| CodeSet::new(CodeIndex(first), six, false, codes).unwrap_err();
    assert_eq!(of(1, Vec::new()), SetError::Empty);
    assert_eq!(of(0, codes(1)), SetError::FirstIndexZero);
    assert_eq!(of(u32::MAX, codes(2)), SetError::IndexOverflow);
    assert_eq!(of(u32::MAX - 248, codes(250)), SetError::IndexOverflow);
    assert_eq!(of(1, codes(250).into_iter().chain(codes(1)).collect()), SetError::TooMany);
    assert_eq!(of(1, draw_set(format(Alphabet::Decimal, 8), 3).into_codes()), SetError::MixedFormats);
    let names: Vec<_> =
        [SetError::Empty, SetError::TooMany, SetError::FirstIndexZero, SetError::IndexOverflow, SetError::MixedFormats]
            .map(SetError::name)
            .to_vec();
    assert_eq!(names, ["set-empty", "set-too-many", "first-index-zero", "index-overflow", "mixed-formats"]);
}

#[test]
fn packed_lengths_are_those_of_the_specification() {
    let eight = format(Alphabet::Decimal, 8);
    assert_eq!(packed_len(CodeFormat::DEFAULT, 40), 100);
    assert_eq!(packed_len(CodeFormat::DEFAULT, 25), 63);
    assert_eq!(packed_len(CodeFormat::DEFAULT, 50), 125);
    assert_eq!(packed_len(eight, 30), 100);
    assert_eq!(packed_len(format(Alphabet::Base32, 8), 20), 100);
    assert_eq!(packed_len(CodeFormat::DEFAULT, 0), 0);
}

/// MB-COD-1.
#[test]
fn packed_lengths_are_exact_for_every_format_and_count() {
    for format in every_format() {
        for count in [1, 2, 3, 39, 40, 41, 127, 249, 250] {
            let largest = (0..count).map(|_| Code::from_value(format, format.size() - 1).unwrap()).collect();
            let packed = pack(&CodeSet::new(CodeIndex(1), format, false, largest).unwrap());
            assert_eq!(packed.len(), packed_len(format, count));
            assert_ne!(packed[0], 0, "one byte too many for {count} codes of {format}");
            let codes = unpack(format, count, &packed).unwrap();
            assert!(codes.iter().all(|code| code.value() == format.size() - 1));
        }
    }
}

#[test]
fn packing_puts_the_first_code_first() {
    let four = format(Alphabet::Decimal, 4);
    let codes = ["0001", "0002", "0003"].map(|text| Code::parse(four, text).unwrap()).into();
    let packed = pack(&CodeSet::new(CodeIndex(1), four, false, codes).unwrap());
    // 1 0002 0003 in 40 bits.
    assert_eq!(*packed, 100_020_003_u64.to_be_bytes()[3..]);
}

/// MB-COD-2.
#[test]
fn wrong_packings_are_refused() {
    let six = CodeFormat::DEFAULT;
    let packed = pack(&draw_set(six, 40));
    assert_eq!(unpack(six, 0, &[]).unwrap_err(), UnpackError::Count);
    assert_eq!(unpack(six, 251, &vec![0; packed_len(six, 251)]).unwrap_err(), UnpackError::Count);
    assert_eq!(unpack(six, 40, &packed[1..]).unwrap_err(), UnpackError::Length);
    assert_eq!(unpack(six, 40, &[&packed[..], &[0]].concat()).unwrap_err(), UnpackError::Length);
    assert_eq!(unpack(six, 39, &packed).unwrap_err(), UnpackError::Length);
    assert_eq!(unpack(six, 40, &[0xff; 100]).unwrap_err(), UnpackError::TooLarge);
    // 10^6 in the 20 bits that one code of 6 digits gets.
    assert_eq!(unpack(six, 1, &[0x0f, 0x42, 0x40]).unwrap_err(), UnpackError::TooLarge);
    assert_eq!(unpack(six, 1, &[0x0f, 0x42, 0x3f]).unwrap()[0].value(), 999_999);
    // Base-32 wastes bits too: 4 symbols are 20 bits of 24.
    assert_eq!(unpack(format(Alphabet::Base32, 4), 1, &[0x10, 0, 0]).unwrap_err(), UnpackError::TooLarge);
}

#[test]
fn the_largest_set_fits_and_one_more_does_not() {
    assert_eq!(largest_set(CodeFormat::DEFAULT, 133), 40);
    assert_eq!(largest_set(format(Alphabet::Decimal, 8), 133), 30);
    assert_eq!(largest_set(CodeFormat::DEFAULT, 0), 0);
    assert_eq!(largest_set(CodeFormat::DEFAULT, 35), 0);
    assert_eq!(largest_set(CodeFormat::DEFAULT, 36), 1);
    assert_eq!(largest_set(CodeFormat::DEFAULT, usize::MAX), 250);
    for format in every_format() {
        for bytes in 30..=600 {
            let count = usize::from(largest_set(format, bytes));
            assert!(count == 0 || 33 + packed_len(format, count) <= bytes);
            assert!(count == MAX_SET_CODES || 33 + packed_len(format, count + 1) > bytes);
        }
    }
}

#[test]
fn names_are_told_apart_in_sentences() {
    let sentences: Vec<String> =
        [CodeError::Symbol, CodeError::TooShort, CodeError::TooLong].map(|error| format!("{error}")).into();
    assert_eq!(sentences.len(), 3);
    assert!(sentences.iter().all(|sentence| !sentence.is_empty()));
}
