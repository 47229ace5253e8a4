#![allow(clippy::unwrap_used)]

use std::collections::HashSet;

use rand_core::Rng;

use super::{BLOCK_LEN, Names, rng};

/// No byte is given twice, whatever lengths it is asked for in.
#[test]
fn draws_of_all_lengths_differ() {
    let mut rng = rng();
    let mut seen = HashSet::new();
    for length in (8..BLOCK_LEN + 40).chain(8..100) {
        let mut drawn = vec![0; length];
        rng.fill_bytes(&mut drawn);
        for window in drawn.windows(8) {
            assert!(seen.insert(window.to_vec()), "eight bytes came twice, at length {length}");
        }
    }
    let numbers: HashSet<u64> = (0..1_000).map(|_| rng.next_u64()).collect();
    assert_eq!(numbers.len(), 1_000);
}

#[test]
fn two_decisions_draw_differently() {
    let draws: HashSet<Vec<u64>> = (0..50).map(|_| rng()).map(|mut rng| vec![rng.next_u64(), rng.next_u64()]).collect();
    assert_eq!(draws.len(), 50);
}

#[test]
fn names_differ_on_all_threads() {
    let draw = || (0..500).map(|_| Names.next_u64()).collect::<Vec<_>>();
    let threads: Vec<_> = (0..4).map(|_| std::thread::spawn(draw)).collect();
    let drawn: HashSet<u64> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
    assert_eq!(drawn.len(), 2_000);
}
