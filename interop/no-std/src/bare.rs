//! What an operating system's library would bring: an entry, memory, an exit, a few functions that the compiler calls.
#![allow(unsafe_code)]

use core::alloc::{GlobalAlloc, Layout};
use core::cell::{Cell, UnsafeCell};
use core::panic::PanicInfo;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicBool, Ordering};

#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
compile_error!("the entry and the exit are written for Linux on x86-64");

/// The exit code of a panic.
const PANICKED: i32 = 101;

/// Bytes for all but the card.
const HEAP_LEN: usize = 4 << 20;
/// Bytes of heap that the card has, once and for all. docs/spec/card.md, 8, has the figure.
const CARD_HEAP_LEN: usize = CARD_HEAP_KIB << 10;
const CARD_HEAP_KIB: usize = 48;

#[unsafe(no_mangle)]
#[unsafe(naked)]
extern "C" fn _start() -> ! {
    // The kernel leaves the stack aligned; a call expects it so.
    core::arch::naked_asm!("xor ebp, ebp", "call {start}", "ud2", start = sym start)
}

extern "C" fn start() -> ! {
    exit(super::run())
}

fn exit(code: i32) -> ! {
    // SAFETY: exit_group (231) takes one number, touches no memory of ours and does not return.
    unsafe { core::arch::asm!("syscall", in("rax") 231, in("rdi") code, options(noreturn, nostack)) }
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    exit(PANICKED)
}

/// Never called: panics abort. The prebuilt `core` and `alloc` name it.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

/// Never called either.
#[unsafe(no_mangle)]
extern "C" fn _Unwind_Resume() -> ! {
    exit(PANICKED)
}

/// Memory in two regions that never grow: one for the card, one for all else.
struct Heap {
    card: Region<CARD_HEAP_LEN>,
    rest: Region<HEAP_LEN>,
    is_cards: AtomicBool,
}

/// Blocks are taken from the first hole that is large enough, and holes beside each other become one.
#[repr(C, align(16))]
struct Region<const LEN: usize> {
    bytes: UnsafeCell<[u8; LEN]>,
    /// The first hole; holes stand in the order of their places.
    first: Cell<Link>,
    in_use: Cell<usize>,
    was_begun: Cell<bool>,
}

/// A hole's first words.
#[derive(Clone, Copy)]
struct Hole {
    size: usize,
    next: Link,
}

type Link = Option<NonNull<Hole>>;

/// The alignment of every block, and what its size is a multiple of: room for a hole.
const ALIGN: usize = 16;

// SAFETY: there is one thread.
unsafe impl Sync for Heap {}

#[global_allocator]
static HEAP: Heap = Heap { card: Region::new(), rest: Region::new(), is_cards: AtomicBool::new(false) };

/// Runs what the card does, on the card's own memory.
pub(crate) fn on_the_card<T>(run: impl FnOnce() -> T) -> T {
    HEAP.is_cards.store(true, Ordering::Relaxed);
    let done = run();
    HEAP.is_cards.store(false, Ordering::Relaxed);
    done
}

/// Bytes of the card's memory that are in use.
pub(crate) fn cards_heap() -> usize {
    HEAP.card.in_use.get()
}

// SAFETY: each allocation is a block of its own of one of the regions, aligned as asked for.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if self.is_cards.load(Ordering::Relaxed) { self.card.take(layout) } else { self.rest.take(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if self.card.holds(block) { self.card.give_back(block, layout) } else { self.rest.give_back(block, layout) }
    }
}

impl<const LEN: usize> Region<LEN> {
    const fn new() -> Self {
        let (first, in_use, was_begun) = (Cell::new(None), Cell::new(0), Cell::new(false));
        Self { bytes: UnsafeCell::new([0; LEN]), first, in_use, was_begun }
    }

    fn take(&self, layout: Layout) -> *mut u8 {
        if !self.was_begun.replace(true) {
            self.put(None, self.bytes.get() as usize, LEN, None);
        }
        let size = block_size(layout);
        let (mut before, mut at) = (None, self.first.get());
        while let Some(place) = at {
            // SAFETY: a link names a hole, and nobody else has it.
            let hole = unsafe { place.read() };
            if layout.align() <= ALIGN && hole.size >= size {
                if hole.size > size {
                    self.put(before, place.as_ptr() as usize + size, hole.size - size, hole.next);
                } else {
                    self.link(before, hole.next);
                }
                self.in_use.set(self.in_use.get() + size);
                return place.as_ptr().cast();
            }
            (before, at) = (at, hole.next);
        }
        core::ptr::null_mut()
    }

    fn holds(&self, block: *mut u8) -> bool {
        (block as usize).wrapping_sub(self.bytes.get() as usize) < LEN
    }

    fn give_back(&self, block: *mut u8, layout: Layout) {
        let (mut start, mut size) = (block as usize, block_size(layout));
        self.in_use.set(self.in_use.get() - size);
        let (mut earlier, mut before, mut at) = (None, None, self.first.get());
        while let Some(place) = at.filter(|place| (place.as_ptr() as usize) < start) {
            earlier = before;
            before = at;
            // SAFETY: a link names a hole.
            at = unsafe { place.read() }.next;
        }
        if let Some(place) = at.filter(|place| place.as_ptr() as usize == start + size) {
            // SAFETY: as above.
            let next = unsafe { place.read() };
            size += next.size;
            at = next.next;
        }
        if let Some(place) = before {
            // SAFETY: as above.
            let hole = unsafe { place.read() };
            if place.as_ptr() as usize + hole.size == start {
                start = place.as_ptr() as usize;
                size += hole.size;
                before = earlier;
            }
        }
        self.put(before, start, size, at);
    }

    /// Makes a hole between two.
    fn put(&self, before: Link, start: usize, size: usize, next: Link) {
        let hole = NonNull::new(start as *mut Hole);
        if let Some(hole) = hole {
            // SAFETY: the bytes belong to the region and to nobody else, and are room enough for a hole.
            unsafe { hole.write(Hole { size, next }) };
        }
        self.link(before, hole);
    }

    fn link(&self, before: Link, next: Link) {
        match before {
            // SAFETY: a link names a hole.
            Some(mut before) => unsafe { before.as_mut().next = next },
            None => self.first.set(next),
        }
    }
}

fn block_size(layout: Layout) -> usize {
    layout.size().max(1).next_multiple_of(ALIGN)
}

/// # Safety
/// As C's: `to` and `from` hold `length` bytes and do not overlap.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, length: usize) -> *mut u8 {
    // SAFETY: the caller's promise. The string instruction, because the compiler would make a loop a call of this.
    unsafe {
        core::arch::asm!("rep movsb", inout("rcx") length => _, inout("rdi") to => _, inout("rsi") from => _,
            options(nostack, preserves_flags));
    }
    to
}

/// # Safety
/// As C's: `to` and `from` hold `length` bytes; they may overlap.
#[unsafe(no_mangle)]
unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, length: usize) -> *mut u8 {
    if (to as usize).wrapping_sub(from as usize) >= length {
        // SAFETY: copying upwards writes no byte that is still to be read.
        return unsafe { memcpy(to, from, length) };
    }
    // SAFETY: the caller's promise; downwards, and the direction is put back as the ABI wants it.
    unsafe {
        core::arch::asm!("std", "rep movsb", "cld", inout("rcx") length => _,
            inout("rdi") to.wrapping_add(length).wrapping_sub(1) => _,
            inout("rsi") from.wrapping_add(length).wrapping_sub(1) => _, options(nostack));
    }
    to
}

/// # Safety
/// As C's: `to` holds `length` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn memset(to: *mut u8, value: i32, length: usize) -> *mut u8 {
    // SAFETY: the caller's promise.
    unsafe {
        core::arch::asm!("rep stosb", inout("rcx") length => _, inout("rdi") to => _, in("al") value as u8,
            options(nostack, preserves_flags));
    }
    to
}

/// # Safety
/// As C's: both hold `length` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(left: *const u8, right: *const u8, length: usize) -> i32 {
    for at in 0..length {
        // SAFETY: at is below length. Volatile, because the compiler would make the loop a call of this.
        let (a, b) = unsafe { (left.add(at).read_volatile(), right.add(at).read_volatile()) };
        if a != b {
            return i32::from(a) - i32::from(b);
        }
    }
    0
}

/// # Safety
/// As [`memcmp`].
#[unsafe(no_mangle)]
unsafe extern "C" fn bcmp(left: *const u8, right: *const u8, length: usize) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { memcmp(left, right, length) }
}
