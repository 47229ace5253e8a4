use super::*;

fn of(per_second: f64) -> Measured {
    Measured { done: 1, per_second, ..Measured::default() }
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9
}

#[test]
fn verifies_are_compared_with_the_best_plain_statements_of_the_same_round() {
    // The machine was twice as slow in the second round; which number of clients is better differs.
    let rounds = [
        (of(15_000.0), [of(9_000.0), of(10_000.0)]),
        (of(7_500.0), [of(5_000.0), of(4_500.0)]),
        (of(16_000.0), [of(8_000.0), of(10_000.0)]),
    ];
    let it = Beside::of(true, &rounds);
    assert!(it.has_standby && close(it.rate_ratio, 1.5), "{it:?}");
    let [few, many] = it.plain.map(|plain| plain.per_second);
    assert!(close(few, 8_000.0) && close(many, 10_000.0) && close(it.best.per_second, 10_000.0), "{it:?}");
}

#[test]
fn a_round_without_verifies_does_not_count() {
    let rounds = [(of(12_000.0), [of(9_000.0), of(10_000.0)]), (Measured::default(), [of(9_000.0), of(10_000.0)])];
    let it = Beside::of(false, &rounds);
    assert!(close(it.rate_ratio, 1.2), "{it:?}");
}
