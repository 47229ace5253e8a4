use super::*;

fn times(count: u64) -> Vec<Duration> {
    (1..=count).rev().map(Duration::from_micros).collect()
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-6
}

#[test]
fn quantiles_are_times_that_were_seen() {
    let cpu = Duration::from_millis(10);
    let it = Measured::of(times(1_000), Duration::from_secs(2), cpu, cpu);
    assert_eq!(it.done, 1_000);
    assert!(close(it.per_second, 500.0), "{it:?}");
    assert!(close(it.p50_us, 500.0) && close(it.p99_us, 990.0) && close(it.p999_us, 999.0), "{it:?}");
    assert!(close(it.server_cpu_us, 10.0), "{it:?}");
}

#[test]
fn nothing_done_is_no_division_by_zero() {
    let it = Measured::of(Vec::new(), Duration::from_secs(1), Duration::from_secs(1), Duration::ZERO);
    assert!(close(it.p999_us, 0.0) && close(it.server_cpu_us, 0.0) && close(it.per_second, 0.0), "{it:?}");
}

#[test]
fn a_ratio_is_taken_within_a_round() {
    let of = |per_second| Measured { done: 1, per_second, ..Measured::default() };
    // The machine was three times as slow in the second round, for both.
    let rounds = [(of(300.0), of(150.0)), (of(100.0), of(50.0)), (of(310.0), of(155.0))];
    let it = Compared::of(&rounds);
    assert!(close(it.rate_ratio, 0.5), "{it:?}");
    assert!(close(it.floor.per_second, 300.0), "{it:?}");
}

#[test]
fn the_median_of_an_even_number_lies_between() {
    assert!(close(median(&[4.0, 1.0, 3.0, 2.0]), 2.5));
    assert!(close(median(&[]), 0.0));
}

#[test]
fn a_round_without_work_does_not_count() {
    let of = |done, per_second| Measured { done, per_second, ..Measured::default() };
    let rounds = [(of(1, 200.0), of(1, 100.0)), (of(1, 200.0), of(1, 100.0)), (of(1, 200.0), of(0, 0.0))];
    let it = Compared::of(&rounds);
    assert!(close(it.subject.per_second, 100.0) && close(it.rate_ratio, 0.5), "{it:?}");
}
