use super::*;

#[test]
fn work_shows_and_is_found_by_its_threads_name() {
    let pid = std::process::id();
    let before = Snapshot::of(pid);
    let (told, heard) = std::sync::mpsc::channel();
    let (end, ended) = std::sync::mpsc::channel::<()>();
    let worker = std::thread::Builder::new().name("bench-busy".to_owned()).spawn(move || {
        let mut word = 1_u64;
        for number in 0..20_000_000_u64 {
            word = word.wrapping_mul(31).wrapping_add(number);
        }
        told.send(word).unwrap();
        // Its time is told as long as it lives.
        let _ended = ended.recv();
    });
    heard.recv().unwrap();
    let after = Snapshot::of(pid);
    assert!(after.since_named(&before, "bench-busy") > Duration::ZERO);
    assert!(after.since(&before) >= after.since_named(&before, "bench-busy"));
    assert_eq!(after.since_named(&before, "no such thread"), Duration::ZERO);
    drop(end);
    worker.unwrap().join().unwrap();
}

#[test]
fn a_process_has_memory_and_one_that_is_not_there_has_none() {
    let here = Memory::of(std::process::id());
    assert!(here.resident > 0 && here.peak >= here.resident, "{here:?}");
    assert_eq!(Memory::of(u32::MAX).resident, 0);
}
