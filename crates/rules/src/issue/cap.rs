//! How many codes a set may have: what the policy, the bearer, the device and the caps leave.

use matchbook_protocol::UnixMillis;
use matchbook_protocol::codes::{MAX_SET_CODES, largest_set};

use super::Order;
use crate::draft::Draft;
use crate::keyring::Keyring;
use crate::model::{DayCount, Mode};
use crate::request::BearerLimits;

/// The most unused codes of one authenticator: what a device keeps.
pub const MAX_HELD_CODES: u16 = 250;

/// What may be issued.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Allowance {
    /// Codes, 1–250.
    pub(super) count: u8,
    /// The device drops all that it has below the set, because none of it verifies any more.
    pub(super) reset: bool,
}

/// Works out what may be issued now.
///
/// The device is told to drop its codes (RESET) when the server has none left that could be accepted, and when the cap
/// is full of codes that the device has already shown: those are voided, or it would never get a set again.
///
/// # Errors
/// The cap that forbids it, as a sentence for the operator.
pub(super) fn allowance(
    draft: &Draft<'_>,
    keyring: &Keyring,
    limits: &BearerLimits,
    order: &Order,
) -> Result<Allowance, String> {
    let policy = draft.policy;
    if sets_today(&draft.authenticator.day, draft.now) >= u16::from(policy.sets_per_day) {
        return Err(format!("the device was issued its {} sets of today", policy.sets_per_day));
    }
    let size = set_size(draft, limits);
    let live = u16::try_from(draft.live_codes(keyring).len()).unwrap_or(u16::MAX);
    let cap = match policy.mode {
        Mode::Indexed | Mode::NextInOrder { .. } => MAX_HELD_CODES,
        // What `policy::check` reckons with: so many codes count at once, and no more.
        Mode::AnyUnused => MAX_HELD_CODES.min(u16::from(policy.threshold) + u16::from(size)),
    };
    let on_device = draft.authenticator.reported_unused;
    let room = cap.saturating_sub(live).min(room_on_device(on_device));
    let is_low =
        live <= u16::from(policy.threshold) || order.left_on_device.is_some_and(|left| left <= policy.threshold);
    let nothing_counts = live == 0 && draft.authenticator.next_index.0 > 1 && on_device != Some(0);
    let reset = order.reset || nothing_counts || (room == 0 && is_low);
    let room = if reset { cap } else { room };
    let wanted = order.wanted.map_or(u16::from(size), u16::from);
    match u8::try_from(u16::from(size).min(wanted).min(room)) {
        Ok(count @ 1..) => Ok(Allowance { count, reset }),
        Ok(0) | Err(_) => Err(format!("the device holds {live} unused codes, which is as many as it may")),
    }
}

/// The day's count with one set more.
pub(super) fn day_with_one_more(day: &DayCount, now: UnixMillis) -> DayCount {
    let known = if is_far_ahead(day, now) { 0 } else { day.day };
    DayCount { day: today(now).max(known), sets: sets_today(day, now).saturating_add(1) }
}

/// Sets issued today. A clock that was set back does not make it a new day, unless it had been more than a day ahead.
fn sets_today(day: &DayCount, now: UnixMillis) -> u16 {
    if today(now) > day.day || is_far_ahead(day, now) { 0 } else { day.sets }
}

fn is_far_ahead(day: &DayCount, now: UnixMillis) -> bool {
    day.day > today(now).saturating_add(1)
}

fn today(now: UnixMillis) -> u32 {
    u32::try_from(now.0 / DAY_MS).unwrap_or(u32::MAX)
}

/// Codes a set: the policy's, or as many as a message of the bearer holds under the shared key. Where messages can get
/// lost one by one, a set is never larger than that: the rest follows in sets of its own. In public-key mode the same
/// number goes, in a longer message.
fn set_size(draft: &Draft<'_>, limits: &BearerLimits) -> u8 {
    let largest = largest_set(draft.policy.format(), limits.set_message_bytes);
    let size = match draft.policy.set_size {
        Some(size) if limits.by_outbox => size.min(largest),
        Some(size) => size,
        None => largest,
    };
    size.clamp(1, u8::try_from(MAX_SET_CODES).unwrap_or(u8::MAX))
}

/// What the device keeps beside what it has. It can only have fewer than it last reported, because a set that it got
/// since would still be outstanding.
fn room_on_device(reported_unused: Option<u8>) -> u16 {
    MAX_HELD_CODES.saturating_sub(reported_unused.map_or(0, u16::from))
}

const DAY_MS: u64 = 24 * 3_600_000;
