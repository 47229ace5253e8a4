//! A device and a server's keys in one program that has neither std nor libc: enrol, take a set, take a code. Then a card,
//! on a heap of a fixed size. It exits with 0 when all of it worked, and with the number of the step that did not.
//!
//! If std came in by any dependency, there would be two panic handlers, and this would not build. That is the whole
//! point: the host's own target is enough to see what a bare-metal one would see.
#![no_std]
#![no_main]

extern crate alloc;

mod bare;
mod card;
mod exchange;

/// Runs the exchange, then a card.
fn run() -> i32 {
    match exchange::run().and_then(|()| card::run()) {
        Ok(()) => 0,
        Err(step) => step.0,
    }
}
