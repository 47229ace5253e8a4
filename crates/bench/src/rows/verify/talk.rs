//! What a relying party sends: `POST /v1/verify`, a new operation each time, with the next code that is good.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use matchbook_protocol::CodeIndex;

use crate::load::{Answer, Talk};
use crate::population::{Population, Tokens, USER_DIGITS, scatter};
use crate::serve::ACCEPTED;
use crate::trouble::{Result, Trouble};

/// Good codes, each given out once: one of each device, then the next of each. Such a walk meets the devices in the same
/// order each time, so that parts of a population are told by their places in it.
#[derive(Debug)]
pub struct Codes {
    population: Population,
    /// Of the devices in a walk's order.
    places: Range<u32>,
    /// The first walk takes each device's first code.
    walks: Range<u32>,
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
        Self::part(population, 0..population.devices, 0..u32::MAX)
    }

    /// The devices at these places, and their codes of these walks: as many of both as there are. Two parts of a
    /// population that share none of them share no operation id either.
    #[must_use]
    pub fn part(population: &Population, places: Range<u32>, walks: Range<u32>) -> Self {
        let (devices, codes) = (population.devices, u32::from(population.codes));
        Self {
            population: population.clone(),
            places: places.start.min(devices)..places.end.min(devices),
            walks: walks.start.min(codes)..walks.end.min(codes),
            is_endless: false,
            next: AtomicU64::new(0),
        }
    }

    /// The same as [`Codes::of`] for a floor, which looks at none: over and over.
    #[must_use]
    pub fn endless(population: &Population) -> Self {
        Self { is_endless: true, ..Self::of(population) }
    }

    /// The next one; `None` when all are gone.
    pub fn take(&self) -> Option<Good> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (places, walks) = (length(&self.places), length(&self.walks));
        let walk = number.checked_div(places)?;
        let walk = if self.is_endless { walk.checked_rem(walks)? } else { Some(walk).filter(|walk| *walk < walks)? };
        let (walk, place) = (u64::from(self.walks.start) + walk, u64::from(self.places.start) + number % places);
        let devices = u64::from(self.population.devices);
        let device = u32::try_from(place * STRIDE % devices).ok()?;
        let index = CodeIndex(u32::try_from(walk + 1).ok()?);
        let code = self.population.code(device, index).ok()?.value();
        Some(Good { number: walk * devices + place, device, index, code })
    }

    /// How many were given out.
    #[must_use]
    pub fn given(&self) -> u64 {
        self.next.load(Ordering::Relaxed).min(length(&self.places) * length(&self.walks))
    }

    /// The devices that got their turn in the first of the walks, with their codes of all later ones.
    #[must_use]
    pub fn met(&self) -> Self {
        let met = u32::try_from(self.given()).unwrap_or(u32::MAX);
        let end = self.places.start.saturating_add(met).min(self.places.end);
        Self::part(&self.population, self.places.start..end, self.walks.start + 1..u32::MAX)
    }

    /// The same devices; of the walks these, counted from the first.
    #[must_use]
    pub fn walks(&self, walks: Range<u32>) -> Self {
        let of = |walk: u32| self.walks.start.saturating_add(walk).min(self.walks.end);
        Self::part(&self.population, self.places.clone(), of(walks.start)..of(walks.end))
    }
}

fn length(range: &Range<u32>) -> u64 {
    u64::from(range.end.saturating_sub(range.start))
}

/// What the connections of a spell draw from: one share for all, or one for each node.
#[derive(Clone, Debug)]
pub struct Shares(Vec<Arc<Codes>>);

impl Shares {
    /// All connections draw from these.
    #[must_use]
    pub fn one(codes: impl Into<Arc<Codes>>) -> Self {
        Self(vec![codes.into()])
    }

    /// Each node has a part of the places to itself, as large as the others'.
    #[must_use]
    pub fn each(population: &Population, places: Range<u32>, walks: &Range<u32>, nodes: usize) -> Self {
        let nodes = u32::try_from(nodes).unwrap_or(u32::MAX).max(1);
        let part = places.end.saturating_sub(places.start) / nodes;
        let first = |node: u32| places.start + part * node;
        let of = |node| Arc::new(Codes::part(population, first(node)..first(node + 1), walks.clone()));
        Self((0..nodes).map(of).collect())
    }

    /// [`Codes::met`] of each.
    #[must_use]
    pub fn met(&self) -> Self {
        Self(self.0.iter().map(|codes| Arc::new(codes.met())).collect())
    }

    /// [`Codes::walks`] of each.
    #[must_use]
    pub fn walks(&self, walks: &Range<u32>) -> Self {
        Self(self.0.iter().map(|codes| Arc::new(codes.walks(walks.clone()))).collect())
    }

    /// How many were given out.
    #[must_use]
    pub fn given(&self) -> u64 {
        self.0.iter().map(|codes| codes.given()).sum()
    }

    /// So many connections for [`crate::load::run`], which spreads them over the nodes in turn, as this does.
    #[must_use]
    pub fn talks(&self, connections: usize, tokens: &Tokens) -> Vec<Box<dyn Talk>> {
        self.0.iter().cycle().take(connections).map(|codes| Verifies::boxed(codes, tokens)).collect()
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
