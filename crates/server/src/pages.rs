//! The size of the pages that memory comes in.

/// Has this process's memory come in pages of the usual size. An allocator asks Linux for huge ones where it may, and
/// then 2 MiB are taken where a few KiB are used: half of a server's memory with its budget at the least, and no
/// request is answered sooner for it (docs/performance.md). For a program to call when it starts, if it likes; it does
/// nothing where there is no such setting.
pub fn use_small_pages() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::thread::disable_transparent_huge_pages(true) {
        tracing::debug!(%error, "memory may come in huge pages");
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #![allow(clippy::unwrap_used)]

    use rustix::thread::transparent_huge_pages_are_disabled;

    #[test]
    fn huge_pages_are_off_afterwards() {
        super::use_small_pages();
        assert!(transparent_huge_pages_are_disabled().unwrap());
    }
}
