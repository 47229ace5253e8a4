//! Rate limits of the HTTP side: by address for strangers and devices, by token for callers. They protect the machine;
//! the guessing of codes is limited by `rules::throttle`, durably.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;

use axum::extract::ConnectInfo;
use axum::http::request::Parts;
use governor::clock::{Clock, DefaultClock};
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use matchbook_protocol::sms::Address;
use matchbook_rules::TokenId;

use crate::config::ServerConfig;
use crate::limits::{SENDER_BURST, SENDER_PER_SECOND};
use crate::problem::Problem;

/// Calls with no valid token, a second and address. Real callers have none.
const STRANGERS_PER_SECOND: u32 = 20;

/// Addresses or tokens remembered before the idle ones are dropped.
const REMEMBERED: usize = 50_000;

type Keyed<K> = RateLimiter<K, HashMapStateStore<K>, DefaultClock>;

/// The limits and who used how much of them.
pub(crate) struct Rates {
    clock: DefaultClock,
    devices: Keyed<IpAddr>,
    strangers: Keyed<IpAddr>,
    callers: Keyed<TokenId>,
    senders: Keyed<Address>,
}

impl Rates {
    pub(crate) fn new(config: &ServerConfig) -> Self {
        Self {
            clock: DefaultClock::default(),
            devices: RateLimiter::hashmap(quota(config.device_messages_per_second, 10)),
            strangers: RateLimiter::hashmap(quota(STRANGERS_PER_SECOND, 10)),
            callers: RateLimiter::hashmap(quota(config.api_calls_per_second, 2)),
            senders: RateLimiter::hashmap(quota(SENDER_PER_SECOND, SENDER_BURST)),
        }
    }

    /// Counts a message at the device bearer.
    pub(crate) fn device(&self, address: IpAddr) -> Result<(), Problem> {
        self.check(&self.devices, &network(address))
    }

    /// Counts a call that brought no known token.
    pub(crate) fn stranger(&self, parts: &Parts, hops: u8) -> Result<(), Problem> {
        self.check(&self.strangers, &network(client_address(parts, hops)))
    }

    /// Counts a call of a token.
    pub(crate) fn caller(&self, id: &TokenId) -> Result<(), Problem> {
        self.check(&self.callers, id)
    }

    /// Counts a short message of a number; `false`: there were too many, and it is dropped.
    pub(crate) fn sender(&self, number: &Address) -> bool {
        self.check(&self.senders, number).is_ok()
    }

    /// Drops those that have not called for a while.
    pub(crate) fn tidy(&self) {
        self.devices.retain_recent();
        self.strangers.retain_recent();
        self.callers.retain_recent();
        self.senders.retain_recent();
    }

    fn check<K: Clone + Eq + std::hash::Hash>(&self, limiter: &Keyed<K>, key: &K) -> Result<(), Problem> {
        if limiter.len() > REMEMBERED {
            limiter.retain_recent();
        }
        limiter.check_key(key).map_err(|until| {
            let wait = until.wait_time_from(self.clock.now());
            Problem::slow_down(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX))
        })
    }
}

/// The caller's address: the peer's, or with trusted proxies in front the X-Forwarded-For entry that the outermost of
/// them wrote, counted from the right. What a client writes into the header itself stands further left and is not read.
pub(crate) fn client_address(parts: &Parts, hops: u8) -> IpAddr {
    let peer = parts
        .extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(address)| address.ip());
    let Some(skipped) = hops.checked_sub(1) else { return peer };
    let entries = parts.headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
    let addresses: Vec<&str> = entries.flat_map(|value| value.split(',')).map(str::trim).collect();
    let from_the_right = addresses.iter().rev().nth(usize::from(skipped));
    from_the_right.and_then(|text| text.parse().ok()).unwrap_or(peer)
}

/// One customer has one IPv4 address but a whole IPv6 /64.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => IpAddr::V4(v4),
            None => IpAddr::V6((v6.to_bits() & !u128::from(u64::MAX)).into()),
        },
    }
}

fn quota(per_second: u32, burst: u32) -> Quota {
    let rate = NonZeroU32::new(per_second).unwrap_or(NonZeroU32::MIN);
    let burst = NonZeroU32::new(per_second.saturating_mul(burst)).unwrap_or(NonZeroU32::MIN);
    Quota::per_second(rate).allow_burst(burst)
}

#[cfg(test)]
mod tests;
