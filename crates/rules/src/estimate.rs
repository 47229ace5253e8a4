//! What devices cost: short messages, bytes and money a month, reckoned from the sizes of the messages and from who says
//! what when.
//!
//! A refill is a request, a set, and a request that acknowledges it; the next request acknowledges that set once more,
//! at no cost. By SMS nobody answers the acknowledgement (MB-SMS-9); on HTTPS a SYNC does. A rotation is a SYNC that
//! asks for a key, the key, the offer, the request under the next key, and the SYNC that completes it; in suite 1 it
//! begins with the offer. `tests/estimate.rs` holds a device and a server to it.

use matchbook_protocol::codes::{CodeFormat, largest_set};
use matchbook_protocol::sms::{Form, segment_count};
use matchbook_protocol::wire::{SYNC_MESSAGE_LEN, request_message_len, rotation_message_len, set_message_len};
use matchbook_protocol::{Delivery, Profile, Suite};

/// A month, in days: a twelfth of a year.
pub const MONTH_DAYS: f64 = 365.25 / 12.0;

/// The most codes that one user may use in a month, far beyond anybody's fingers.
pub const MAX_CODES_PER_MONTH: u32 = 100_000;

/// What a device is used for, and what messages cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Usage {
    /// The codes' format.
    pub format: CodeFormat,
    /// Codes a set, 1–250. By SMS no set is larger than one message under the shared key holds.
    pub set_size: u8,
    /// Codes that a user uses in a month, 1 to [`MAX_CODES_PER_MONTH`].
    pub codes_per_month: u32,
    /// A key is replaced after this many days, 1–3650.
    pub rotate_after_days: u16,
    /// The price of a short message that the server sends (MT), in any currency.
    pub price_from_server: f64,
    /// The price of a short message that a device sends (MO), in the same currency.
    pub price_from_device: f64,
}

/// What carries the messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bearer {
    /// Short messages.
    Sms(Form),
    /// The HTTP bearer, with TLS: no short message at all.
    Https,
}

/// What one side sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Short messages.
    pub short_messages: u32,
    /// Bytes of sealed messages in their compressed form, without what the bearer puts around them.
    pub bytes: u32,
}

/// What both sides send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traffic {
    /// What the server sends (MT).
    pub from_server: Load,
    /// What the device sends (MO).
    pub from_device: Load,
}

/// What one user's device of one kind comes to on one bearer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The kind of device.
    pub profile: Profile,
    /// The bearer.
    pub bearer: Bearer,
    /// Codes a set, as they go over this bearer.
    pub set_size: u8,
    /// The set's message.
    pub set: Load,
    /// A refill, with all that belongs to it.
    pub refill: Traffic,
    /// A rotation, with all that belongs to it.
    pub rotation: Traffic,
    /// A month of it.
    pub month: Month,
}

/// A month, on the long run: of rare things, such as rotations, a fraction falls into each.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Month {
    /// Refills.
    pub refills: f64,
    /// Rotations.
    pub rotations: f64,
    /// Short messages that the server sends (MT).
    pub from_server: f64,
    /// Short messages that the device sends (MO).
    pub from_device: f64,
    /// Bytes of sealed messages, both ways.
    pub bytes: f64,
    /// Money for short messages, in the currency of the prices.
    pub cost: f64,
}

/// Every kind of device on every bearer, in a fixed order.
#[must_use]
pub fn estimate(usage: &Usage) -> Vec<Estimate> {
    let bearers = [Bearer::Sms(Form::Binary), Bearer::Sms(Form::Text), Bearer::Https];
    kinds().flat_map(|profile| bearers.map(|bearer| of_kind(profile, bearer, usage))).collect()
}

/// The kinds of devices that travel by SMS: every suite but the experimental one, in each of its deliveries.
fn kinds() -> impl Iterator<Item = Profile> {
    let suites = [Suite::Symmetric, Suite::X25519, Suite::P256];
    let deliveries = [Delivery::Shared, Delivery::PublicKey];
    let pairs = deliveries.into_iter().flat_map(move |delivery| suites.map(|suite| (suite, delivery)));
    pairs.filter_map(|(suite, delivery)| Profile::new(suite, delivery).ok())
}

fn of_kind(profile: Profile, bearer: Bearer, usage: &Usage) -> Estimate {
    let set_size = match bearer {
        Bearer::Sms(form) => usage.set_size.min(largest_set(usage.format, form.budget())).max(1),
        Bearer::Https => usage.set_size,
    };
    let set = load(&[set_message_len(profile, usage.format, usize::from(set_size))], bearer);
    let refill = refill(profile, bearer, usage.format, set_size);
    let rotation = rotation(profile.suite(), bearer);
    let refills = f64::from(usage.codes_per_month) / f64::from(set_size);
    let rotations = MONTH_DAYS / f64::from(usage.rotate_after_days);
    let month = Month::of(&[(refills, refill), (rotations, rotation)], usage);
    Estimate { profile, bearer, set_size, set, refill, rotation, month: Month { refills, rotations, ..month } }
}

fn refill(profile: Profile, bearer: Bearer, format: CodeFormat, set_size: u8) -> Traffic {
    let set = set_message_len(profile, format, usize::from(set_size));
    let request = request_message_len(profile.suite(), false);
    let from_server: &[usize] = match bearer {
        Bearer::Sms(_) => &[set],
        Bearer::Https => &[set, SYNC_MESSAGE_LEN],
    };
    Traffic { from_server: load(from_server, bearer), from_device: load(&[request, request], bearer) }
}

fn rotation(suite: Suite, bearer: Bearer) -> Traffic {
    let offer = rotation_message_len(suite);
    let (proof, completion) = (request_message_len(suite, false), SYNC_MESSAGE_LEN);
    match suite {
        Suite::Symmetric => {
            Traffic { from_server: load(&[offer, completion], bearer), from_device: load(&[proof], bearer) }
        }
        Suite::X25519 | Suite::P256 | Suite::XWing => Traffic {
            from_server: load(&[SYNC_MESSAGE_LEN, offer, completion], bearer),
            from_device: load(&[request_message_len(suite, true), proof], bearer),
        },
    }
}

/// Messages of these lengths, each by itself.
fn load(lengths: &[usize], bearer: Bearer) -> Load {
    let short_messages = |length: &usize| match bearer {
        Bearer::Sms(form) => segment_count(*length, form),
        Bearer::Https => 0,
    };
    // A handful of messages of a few kilobytes each.
    let whole = |sum: usize| u32::try_from(sum).unwrap_or(u32::MAX);
    Load { short_messages: whole(lengths.iter().map(short_messages).sum()), bytes: whole(lengths.iter().sum()) }
}

impl Month {
    /// So much of each.
    fn of(parts: &[(f64, Traffic)], usage: &Usage) -> Self {
        let sum =
            |what: fn(&Traffic) -> u32| parts.iter().map(|(times, traffic)| times * f64::from(what(traffic))).sum();
        let from_server: f64 = sum(|traffic| traffic.from_server.short_messages);
        let from_device: f64 = sum(|traffic| traffic.from_device.short_messages);
        let bytes = sum(|traffic| traffic.from_server.bytes.saturating_add(traffic.from_device.bytes));
        let cost = from_server * usage.price_from_server + from_device * usage.price_from_device;
        Self { refills: 0.0, rotations: 0.0, from_server, from_device, bytes, cost }
    }

    /// The month of so many users with one such device each.
    #[must_use]
    pub fn times(&self, users: u32) -> Self {
        let users = f64::from(users);
        Self {
            refills: users * self.refills,
            rotations: users * self.rotations,
            from_server: users * self.from_server,
            from_device: users * self.from_device,
            bytes: users * self.bytes,
            cost: users * self.cost,
        }
    }
}

#[cfg(test)]
mod tests;
