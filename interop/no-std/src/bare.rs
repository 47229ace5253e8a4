//! What an operating system's library would bring: an entry, memory, an exit, a few functions that the compiler calls.
#![allow(unsafe_code)]

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::panic::PanicInfo;
use core::sync::atomic::{AtomicUsize, Ordering};

#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
compile_error!("the entry and the exit are written for Linux on x86-64");

/// The exit code of a panic.
const PANICKED: i32 = 101;

/// How much memory there is, in bytes; a smart card would have less, and would give it back.
const HEAP_LEN: usize = 4 << 20;

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

/// Gives memory out and never takes it back: the program is short.
struct Heap {
    bytes: UnsafeCell<[u8; HEAP_LEN]>,
    used: AtomicUsize,
}

// SAFETY: the bytes are only reached through `alloc`, which gives no byte out twice.
unsafe impl Sync for Heap {}

#[global_allocator]
static HEAP: Heap = Heap { bytes: UnsafeCell::new([0; HEAP_LEN]), used: AtomicUsize::new(0) };

// SAFETY: each allocation is a part of `bytes` of its own, aligned as asked for.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let needed = layout.size() + layout.align();
        let at = self.used.fetch_add(needed, Ordering::Relaxed);
        if at + needed > HEAP_LEN {
            return core::ptr::null_mut();
        }
        // SAFETY: at + needed is within the array.
        let start = unsafe { self.bytes.get().cast::<u8>().add(at) };
        // SAFETY: the padding is below align, for which there is room.
        unsafe { start.add(start.align_offset(layout.align())) }
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
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
