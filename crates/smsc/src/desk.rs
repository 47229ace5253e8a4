//! The desk of the centres: what waits for ESMEs, and whose turn it is.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;

use matchbook_protocol::sms::{Address, Segment};
use tokio::sync::mpsc;

use crate::ticket::Receipt;

/// The most messages from phones, and the most receipts, that wait for an ESME.
pub(crate) const MAX_WAITING: usize = 50_000;

/// Which ESMEs a receipt is for: those of one account at one centre. A centre is known by where it listens, so that one
/// which starts again has the receipts of the one before.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Route {
    pub(crate) centre: SocketAddr,
    pub(crate) system_id: String,
}

/// Something for an ESME.
#[derive(Debug)]
pub(crate) struct Item {
    /// What came earlier goes earlier, even when it comes back.
    pub(crate) order: u64,
    pub(crate) delivery: Delivery,
}

/// What it is.
#[derive(Debug)]
pub(crate) enum Delivery {
    /// What a phone sent.
    Message { from: Address, to: Address, segment: Segment },
    /// What became of a submit.
    Receipt { route: Route, receipt: Receipt },
}

/// What waits for ESMEs, and the ESMEs that take it.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    messages: VecDeque<Item>,
    receipts: HashMap<Route, VecDeque<Item>>,
    receipts_waiting: usize,
    takers: Vec<Taker>,
    /// Whose turn it is.
    turn: usize,
    begun: u64,
}

/// A bound receiver.
#[derive(Debug)]
struct Taker {
    id: u64,
    route: Route,
    range: AddressRange,
    /// How many deliveries it takes before it has answered one.
    credit: usize,
    queue: mpsc::UnboundedSender<Item>,
}

impl Desk {
    /// A number for the next item or taker.
    pub(crate) fn number(&mut self) -> u64 {
        self.begun += 1;
        self.begun
    }

    /// Takes an item; false when too many wait and it was dropped.
    pub(crate) fn put(&mut self, item: Item) -> bool {
        let queue = match &item.delivery {
            Delivery::Message { .. } => {
                if self.messages.len() >= MAX_WAITING {
                    return false;
                }
                &mut self.messages
            }
            Delivery::Receipt { route, .. } => {
                if self.receipts_waiting >= MAX_WAITING {
                    return false;
                }
                self.receipts_waiting += 1;
                self.receipts.entry(route.clone()).or_default()
            }
        };
        let place = queue.partition_point(|other| other.order < item.order);
        queue.insert(place, item);
        self.hand_out();
        true
    }

    /// A receiver bound. What it is handed comes over `queue`, at most `window` items before [`Desk::answered`].
    pub(crate) fn join(
        &mut self,
        id: u64,
        route: Route,
        range: AddressRange,
        window: usize,
        queue: mpsc::UnboundedSender<Item>,
    ) {
        self.takers.push(Taker { id, route, range, credit: window, queue });
        self.hand_out();
    }

    /// A receiver has room for one more.
    pub(crate) fn answered(&mut self, id: u64) {
        if let Some(taker) = self.takers.iter_mut().find(|taker| taker.id == id) {
            taker.credit += 1;
        }
        self.hand_out();
    }

    /// A receiver is gone; what it did not answer has to be put again.
    pub(crate) fn leave(&mut self, id: u64) {
        self.takers.retain(|taker| taker.id != id);
    }

    /// How many messages of phones wait.
    pub(crate) fn messages_waiting(&self) -> usize {
        self.messages.len()
    }

    /// Hands out, in turn, until nobody has room or there is nothing for them.
    fn hand_out(&mut self) {
        let mut passed = 0;
        while passed < self.takers.len() {
            self.turn = (self.turn + 1) % self.takers.len();
            passed += 1;
            let Some(taker) = self.takers.get_mut(self.turn).filter(|taker| taker.credit > 0) else { continue };
            let Some(item) = next_for(taker, &mut self.messages, &mut self.receipts, &mut self.receipts_waiting) else {
                continue;
            };
            taker.credit -= 1;
            passed = 0;
            // A session that is going away keeps its end open until it has left.
            let _ = taker.queue.send(item);
        }
    }
}

/// The oldest thing that this receiver may have.
fn next_for(
    taker: &Taker,
    messages: &mut VecDeque<Item>,
    receipts: &mut HashMap<Route, VecDeque<Item>>,
    receipts_waiting: &mut usize,
) -> Option<Item> {
    let is_its = |item: &Item| match &item.delivery {
        Delivery::Message { to, .. } => taker.range.contains(to.text()),
        Delivery::Receipt { .. } => false,
    };
    let message = messages.iter().position(is_its);
    let message_order = message.and_then(|place| messages.get(place)).map(|item| item.order);
    let receipt_order = receipts.get(&taker.route).and_then(VecDeque::front).map(|item| item.order);
    match (message_order, receipt_order) {
        (Some(message_order), Some(receipt_order)) if message_order < receipt_order => messages.remove(message?),
        (Some(_), None) => messages.remove(message?),
        (_, Some(_)) => {
            let queue = receipts.get_mut(&taker.route)?;
            let item = queue.pop_front();
            *receipts_waiting = receipts_waiting.saturating_sub(1);
            if queue.is_empty() {
                receipts.remove(&taker.route);
            }
            item
        }
        (None, None) => None,
    }
}

/// Which numbers an ESME serves (address_range, SMPP 3.4 §5.2.7): alternatives between bars, each digits with `^` and `$`
/// around, and `*` or `.*` behind for all that begin so. Empty, or anything cleverer: all.
#[derive(Clone, Debug, Default)]
pub(crate) struct AddressRange(Vec<Alternative>);

#[derive(Clone, Debug)]
struct Alternative {
    digits: String,
    is_prefix: bool,
}

impl AddressRange {
    pub(crate) fn parse(range: &str) -> Self {
        let alternatives: Option<Vec<Alternative>> = range.split('|').map(alternative).collect();
        Self(alternatives.unwrap_or_default())
    }

    fn contains(&self, number: &str) -> bool {
        self.0.is_empty()
            || self.0.iter().any(
                |one| {
                    if one.is_prefix { number.starts_with(&one.digits) } else { number == one.digits }
                },
            )
    }
}

fn alternative(text: &str) -> Option<Alternative> {
    let text = text.trim();
    let text = text.strip_prefix('^').unwrap_or(text);
    let text = text.strip_suffix('$').unwrap_or(text);
    let (digits, is_open) = match text.strip_suffix(".*").or_else(|| text.strip_suffix('*')) {
        Some(digits) => (digits, true),
        None => (text, false),
    };
    let digits = digits.trim_start_matches(['+', '\\']);
    let is_good = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_good.then(|| Alternative { digits: digits.to_owned(), is_prefix: is_open })
}

#[cfg(test)]
#[path = "desk_tests.rs"]
mod tests;
