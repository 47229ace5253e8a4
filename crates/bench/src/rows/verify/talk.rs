//! What a relying party sends: `POST /v1/verify`, a new operation each time, with the next code that is good.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use matchbook_protocol::CodeIndex;

use crate::load::{Answer, Talk};
use crate::population::{Population, Tokens, USER_DIGITS, scatter};
use crate::serve::ACCEPTED;
use crate::trouble::{Result, Trouble};

/// The good codes of a population, each given out once: one of each device, then the next of each.
pub struct Codes {
    population: Population,
    /// A floor looks at no code: it gets the same ones over and over.
    is_endless: bool,
    next: AtomicU64,
}

/// One of them.
#[derive(Clone, Copy, Debug)]
pub struct Good {
    /// Counts what was given out.
    pub number: u64,
    /// Whose.
    pub device: u32,
    /// Which of the device's.
    pub index: CodeIndex,
    /// The code.
    pub code: u64,
}

/// Devices follow each other in steps of this prime, so that neighbours in a table do not.
const STRIDE: u64 = 7_919;

impl Codes {
    /// All of a population.
    #[must_use]
    pub fn of(population: &Population) -> Self {
        Self { population: population.clone(), is_endless: false, next: AtomicU64::new(0) }
    }

    /// The same for a floor, which looks at none: over and over.
    #[must_use]
    pub fn endless(population: &Population) -> Self {
        Self { is_endless: true, ..Self::of(population) }
    }

    /// The next one; `None` when all are gone.
    pub fn take(&self) -> Option<Good> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let devices = u64::from(self.population.devices);
        let codes = u64::from(self.population.codes);
        let round = (number / devices).checked_rem(codes).filter(|round| self.is_endless || *round == number / devices);
        let index = u32::try_from(round? + 1).ok()?;
        let device = u32::try_from(number % devices * STRIDE % devices).ok()?;
        let index = CodeIndex(index);
        let code = self.population.code(device, index).ok()?.value();
        Some(Good { number, device, index, code })
    }

    /// How many are left.
    #[must_use]
    pub fn left(&self) -> u64 {
        let all = u64::from(self.population.devices) * u64::from(self.population.codes);
        all.saturating_sub(self.next.load(Ordering::Relaxed))
    }
}

/// A connection of the relying party.
pub struct Verifies {
    codes: Arc<Codes>,
    request: Vec<u8>,
    operation: usize,
    user: usize,
    code: usize,
    code_digits: usize,
}

impl Verifies {
    /// For [`crate::load::run`].
    #[must_use]
    pub fn boxed(codes: &Arc<Codes>, tokens: &Tokens) -> Box<dyn Talk> {
        Box::new(Self::new(codes, tokens))
    }

    /// Makes the bytes that every request begins as.
    #[must_use]
    pub fn new(codes: &Arc<Codes>, tokens: &Tokens) -> Self {
        let code_digits = usize::from(codes.population.format().digits());
        let operation = "0".repeat(OPERATION_DIGITS);
        let (user, code) = ("0".repeat(USER_DIGITS), "0".repeat(code_digits));
        let body = format!(r#"{{"operation_id":"{operation}","user":"u{user}","code":"{code}"}}"#);
        let head = format!(
            "POST /v1/verify HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            tokens.relying_party,
            body.len()
        );
        let place = |before: &str| head.len() + body.find(before).unwrap_or_default() + before.len();
        Self {
            codes: Arc::clone(codes),
            operation: place(r#""operation_id":""#),
            user: place(r#""user":"u"#),
            code: place(r#""code":""#),
            code_digits,
            request: [head, body].concat().into_bytes(),
        }
    }

    /// The request for a code.
    pub fn write(&self, good: Good, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.request);
        let mut put = |from: usize, count: usize, mut number: u64, base: u64| {
            for place in out.iter_mut().skip(from).take(count).rev() {
                let digit = u8::try_from(number % base).unwrap_or_default();
                *place = if digit < 10 { b'0' + digit } else { b'a' + digit - 10 };
                number /= base;
            }
        };
        // In no order, as random ids are, and none twice.
        put(self.operation, OPERATION_DIGITS / 2, scatter(good.number), 16);
        put(self.operation + OPERATION_DIGITS / 2, OPERATION_DIGITS / 2, good.number, 16);
        put(self.user, USER_DIGITS, good.device.into(), 10);
        put(self.code, self.code_digits, good.code, 10);
    }
}

impl Talk for Verifies {
    fn ask(&mut self, out: &mut Vec<u8>) -> bool {
        let Some(good) = self.codes.take() else { return false };
        self.write(good, out);
        true
    }

    fn hear(&mut self, answer: &Answer<'_>) -> Result<bool> {
        if answer.status == 200 && answer.body == ACCEPTED.as_bytes() {
            return Ok(true);
        }
        let body = String::from_utf8_lossy(answer.body);
        Err(Trouble::new(format!("a good code was answered {} {body}", answer.status)))
    }
}

/// Hexadecimal digits of an operation id: as many as a UUID has.
const OPERATION_DIGITS: usize = 32;

#[cfg(test)]
mod tests;
