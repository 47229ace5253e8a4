//! What an operating system's library would bring: an entry, memory, an exit, a few functions that the compiler calls.
#![allow(unsafe_code)]

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::panic::PanicInfo;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
compile_error!("the entry and the exit are written for Linux on x86-64");

/// The exit code of a panic.
const PANICKED: i32 = 101;

/// Bytes for all but the card.
const HEAP_LEN: usize = 4 << 20;
/// Bytes of heap that the card has, once and for all. docs/spec/card.md, 8, has the figure.
const CARD_HEAP_LEN: usize = CARD_HEAP_KIB << 10;
const CARD_HEAP_KIB: usize = 32;

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

/// Memory in two regions that never grow: one for the card, one for all else. A block has the next power of two of bytes,
/// and goes onto the list of its size when it is given back.
struct Heap {
    card: Region<CARD_HEAP_LEN>,
    rest: Region<HEAP_LEN>,
    is_cards: AtomicBool,
}

#[repr(C, align(4096))]
struct Region<const LEN: usize> {
    bytes: UnsafeCell<[u8; LEN]>,
    /// How much of it was ever given out.
    used: AtomicUsize,
    /// The first free block of each size; the first word of a free block names the next one.
    free: [AtomicUsize; usize::BITS as usize],
}

// SAFETY: there is one thread, and the bytes are only reached through `alloc`, which gives none out twice.
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

/// Bytes of the card's memory that were ever given out.
pub(crate) fn cards_heap() -> usize {
    HEAP.card.used.load(Ordering::Relaxed)
}

// SAFETY: each allocation is a block of its own of one of the regions, aligned as asked for.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if self.is_cards.load(Ordering::Relaxed) { self.card.take(layout) } else { self.rest.take(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise: the block came from `alloc` with this layout.
        unsafe {
            if self.card.holds(block) { self.card.give_back(block, layout) } else { self.rest.give_back(block, layout) }
        }
    }
}

impl<const LEN: usize> Region<LEN> {
    const fn new() -> Self {
        Self {
            bytes: UnsafeCell::new([0; LEN]),
            used: AtomicUsize::new(0),
            free: [const { AtomicUsize::new(0) }; usize::BITS as usize],
        }
    }

    fn take(&self, layout: Layout) -> *mut u8 {
        let size = block(layout);
        let list = &self.free[size.trailing_zeros() as usize];
        let first = list.load(Ordering::Relaxed);
        if first != 0 {
            let block = first as *mut u8;
            // SAFETY: a free block's first word names the next one.
            list.store(unsafe { block.cast::<usize>().read() }, Ordering::Relaxed);
            return block;
        }
        let at = self.used.load(Ordering::Relaxed).next_multiple_of(size.min(MAX_ALIGN));
        if layout.align() > MAX_ALIGN || at + size > LEN {
            return core::ptr::null_mut();
        }
        self.used.store(at + size, Ordering::Relaxed);
        // SAFETY: at + size is within the array.
        unsafe { self.bytes.get().cast::<u8>().add(at) }
    }

    fn holds(&self, block: *mut u8) -> bool {
        (block as usize).wrapping_sub(self.bytes.get() as usize) < LEN
    }

    /// # Safety
    /// The block is one that [`Region::take`] gave for this layout.
    unsafe fn give_back(&self, block_at: *mut u8, layout: Layout) {
        let list = &self.free[block(layout).trailing_zeros() as usize];
        // SAFETY: a block has at least a word, and is aligned for one.
        unsafe { block_at.cast::<usize>().write(list.load(Ordering::Relaxed)) };
        list.store(block_at as usize, Ordering::Relaxed);
    }
}

/// The alignment of a region, and so the largest that a block can have.
const MAX_ALIGN: usize = 4_096;

/// Bytes of the block that a layout gets: a word at least, for the list of free ones.
fn block(layout: Layout) -> usize {
    layout.size().max(layout.align()).max(size_of::<usize>()).next_power_of_two()
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
