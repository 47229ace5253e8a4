//! What the network's lock holds, and everything that happens to a message between two ends.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use matchbook_protocol::sms::{Address, Segment};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::parcel;
use crate::air::{Air, Event, Parcel};
use crate::chance::{Fate, Leg, Passage, corrupt, fate};
use crate::clock::{Clock, after};
use crate::conditions::Conditions;
use crate::counts::{Counts, NumberCounts};
use crate::desk::{Delivery, Desk, Item};
use crate::mailbox::{MAX_WAITING, Mailbox};
use crate::phone::Incoming;
use crate::ticket::{Outcome, Ticket, Wants};

/// How long a message is held back when no other one of its number comes to overtake it.
const HELD_BACK: Duration = Duration::from_secs(1);

/// Behind the network's lock.
#[derive(Debug)]
pub(super) struct State {
    pub(super) conditions: Conditions,
    pub(super) counts: Counts,
    pub(super) air: Air,
    pub(super) desk: Desk,
    pub(super) has_radio: bool,
    /// By the number's digits.
    mailboxes: HashMap<String, Mailbox>,
    clock: Clock,
}

impl State {
    pub(super) fn new(conditions: Conditions, clock: Clock) -> Self {
        Self {
            conditions,
            counts: Counts::default(),
            air: Air::default(),
            desk: Desk::default(),
            has_radio: false,
            mailboxes: HashMap::new(),
            clock,
        }
    }

    pub(super) fn numbers(&self) -> Vec<NumberCounts> {
        let mut numbers: Vec<NumberCounts> = self
            .mailboxes
            .values()
            .map(|mailbox| NumberCounts { waiting: mailbox.waiting.len(), ..mailbox.counts.clone() })
            .collect();
        numbers.sort_by(|one, other| one.number.cmp(&other.number));
        numbers
    }

    pub(super) fn switch_on(&mut self, number: &Address, now: Instant) -> Arc<Notify> {
        let mailbox = self.mailboxes.entry(number.text().to_owned()).or_insert_with(|| Mailbox::new(number.clone()));
        mailbox.phones_on += 1;
        let came = Arc::clone(&mailbox.came);
        self.reach(number, now);
        came
    }

    pub(super) fn switch_off(&mut self, number: &Address) {
        if let Some(mailbox) = self.mailboxes.get_mut(number.text()) {
            mailbox.phones_on = mailbox.phones_on.saturating_sub(1);
        }
    }

    pub(super) fn take(&mut self, number: &Address) -> Option<Incoming> {
        let mailbox = self.mailboxes.get_mut(number.text())?;
        mailbox.reached = mailbox.reached.checked_sub(1)?;
        let parcel = mailbox.waiting.pop_front()?;
        Some(Incoming { from: parcel.from, segment: parcel.segment, sent_at: parcel.sent_at })
    }

    pub(super) fn send(&mut self, from: &Address, to: &Address, segment: Segment, is_fitting: bool, now: Instant) {
        self.counts.mo_sent += 1;
        if let Some(mailbox) = self.mailboxes.get_mut(from.text()) {
            mailbox.counts.sent += 1;
            if !is_fitting {
                self.counts.lost += 1;
                mailbox.counts.lost += 1;
                return;
            }
        }
        let sent_at = self.clock.date(now);
        self.begin(parcel(Leg::Up, from.clone(), to.clone(), segment, sent_at), now);
    }

    pub(super) fn submit(&mut self, ticket: &Arc<Ticket>, segments: Vec<Segment>, now: Instant) {
        self.counts.submitted += 1;
        if !self.mailboxes.contains_key(ticket.to.text()) {
            self.settle(ticket, Outcome::Undeliverable, now);
            return;
        }
        for segment in segments {
            let mut parcel = parcel(Leg::Down, ticket.from.clone(), ticket.to.clone(), segment, ticket.submitted_at);
            parcel.ticket = Some(Arc::clone(ticket));
            self.begin(parcel, now);
        }
    }

    /// An event's time has come.
    pub(super) fn happen(&mut self, event: Event, now: Instant) {
        match event {
            Event::Arrival(parcel) => self.arrive(*parcel, now),
            Event::LetGo(leg, number, ordinal) => {
                let mailbox = self.mailboxes.get_mut(number.text());
                let held_back = mailbox
                    .and_then(|mailbox| mailbox.held_back(leg).take_if(|held_back| held_back.ordinal == ordinal));
                if let Some(parcel) = held_back {
                    self.hand_over(*parcel, now);
                }
            }
            Event::Expiry(ticket) => self.settle(&ticket, Outcome::Expired, now),
            Event::Again(item) => self.put(item),
        }
    }

    /// Puts something on the desk of the centres.
    pub(super) fn put(&mut self, item: Item) {
        let is_message = matches!(item.delivery, Delivery::Message { .. });
        if !self.desk.put(item) {
            self.count_dropped(is_message);
        }
    }

    pub(super) fn drop_item(&mut self, item: &Item) {
        self.count_dropped(matches!(item.delivery, Delivery::Message { .. }));
    }

    fn count_dropped(&mut self, is_message: bool) {
        if is_message {
            self.counts.mo_dropped += 1;
        } else {
            self.counts.receipts_dropped += 1;
        }
    }

    /// A short message goes on the air: its fate is decided here.
    fn begin(&mut self, mut parcel: Parcel, now: Instant) {
        let Some(mailbox) = self.mailboxes.get_mut(parcel.number().text()) else { return };
        parcel.ordinal = mailbox.next_ordinal(parcel.leg);
        match fate(&self.conditions, parcel.leg, mailbox.counts.number.text(), parcel.ordinal) {
            Fate::Lost => self.lose(&parcel),
            Fate::Arrives(first, second) => {
                let copy = second.map(|passage| (Parcel { is_copy: true, ..parcel.clone() }, passage));
                if copy.is_some() {
                    mailbox.counts.duplicated += 1;
                    self.counts.duplicated += 1;
                }
                self.cross(parcel, first, now);
                if let Some((copy, passage)) = copy {
                    self.cross(copy, passage, now);
                }
            }
        }
    }

    fn cross(&mut self, mut parcel: Parcel, passage: Passage, now: Instant) {
        if let Some(chance) = passage.corruption {
            self.counts.corrupted += 1;
            corrupt(&mut parcel.segment, chance);
        }
        parcel.is_held_back = passage.is_held_back;
        if passage.takes.is_zero() {
            self.arrive(parcel, now);
        } else if self.air.is_full() {
            self.lose(&parcel);
        } else {
            self.air.schedule(after(now, passage.takes), Event::Arrival(Box::new(parcel)));
        }
    }

    fn lose(&mut self, parcel: &Parcel) {
        self.counts.lost += 1;
        if let Some(mailbox) = self.mailboxes.get_mut(parcel.number().text()) {
            mailbox.counts.lost += 1;
        }
        if let Some(ticket) = &parcel.ticket {
            self.await_expiry(ticket);
        }
    }

    /// A message is through, unless it is held back; what was held back is overtaken now.
    fn arrive(&mut self, parcel: Parcel, now: Instant) {
        let (leg, ordinal, is_crowded) = (parcel.leg, parcel.ordinal, self.air.is_crowded());
        let Some(mailbox) = self.mailboxes.get_mut(parcel.number().text()) else { return };
        let held_back = mailbox.held_back(leg);
        if parcel.is_held_back && held_back.is_none() && !is_crowded {
            self.air.schedule(now + HELD_BACK, Event::LetGo(leg, parcel.number().clone(), ordinal));
            *held_back = Some(Box::new(parcel));
            return;
        }
        // Its own copy does not overtake a message.
        let overtaken = held_back.take_if(|held_back| held_back.ordinal != ordinal);
        self.hand_over(parcel, now);
        if let Some(parcel) = overtaken {
            self.hand_over(*parcel, now);
        }
    }

    fn hand_over(&mut self, parcel: Parcel, now: Instant) {
        let Some(mailbox) = self.mailboxes.get_mut(parcel.number().text()) else { return };
        if mailbox.was_overtaken(parcel.leg, parcel.ordinal) {
            self.counts.reordered += 1;
        }
        match parcel.leg {
            Leg::Up => self.hand_up(parcel, now),
            Leg::Down => self.hand_down(parcel, now),
        }
    }

    /// To another phone when there is one of that number, otherwise to the ESMEs.
    fn hand_up(&mut self, up: Parcel, now: Instant) {
        if self.mailboxes.contains_key(up.to.text()) {
            self.begin(parcel(Leg::Down, up.from, up.to, up.segment, up.sent_at), now);
            return;
        }
        self.counts.mo_queued += 1;
        let order = self.desk.number();
        self.put(Item { order, delivery: Delivery::Message { from: up.from, to: up.to, segment: up.segment } });
    }

    fn hand_down(&mut self, parcel: Parcel, now: Instant) {
        let (to, ticket) = (parcel.to.clone(), parcel.ticket.clone());
        let Some(mailbox) = self.mailboxes.get_mut(to.text()) else { return };
        if mailbox.waiting.len() >= MAX_WAITING {
            match &ticket {
                Some(ticket) => self.settle(ticket, Outcome::Undeliverable, now),
                None => self.lose(&parcel),
            }
            return;
        }
        mailbox.waiting.push_back(parcel);
        match &ticket {
            Some(ticket) if mailbox.phones_on == 0 => self.await_expiry(ticket),
            Some(_) | None => self.reach(&to, now),
        }
    }

    /// What lies in the mailbox reaches the phone, when one is on.
    fn reach(&mut self, number: &Address, now: Instant) {
        let Some(mailbox) = self.mailboxes.get_mut(number.text()).filter(|mailbox| mailbox.phones_on > 0) else {
            return;
        };
        let mut ends = Vec::new();
        while let Some(parcel) = mailbox.waiting.get(mailbox.reached) {
            let ticket = parcel.ticket.clone();
            if ticket.as_ref().is_some_and(|ticket| ticket.expires <= now) {
                mailbox.waiting.remove(mailbox.reached);
                ends.extend(ticket.map(|ticket| (ticket, Outcome::Expired)));
                continue;
            }
            mailbox.reached += 1;
            mailbox.counts.received += 1;
            self.counts.delivered += 1;
            let is_copy = parcel.is_copy;
            ends.extend(ticket.filter(|one| !is_copy && one.part_arrived()).map(|one| (one, Outcome::Delivered)));
        }
        mailbox.came.notify_waiters();
        for (ticket, outcome) in ends {
            self.settle(&ticket, outcome, now);
        }
    }

    /// Sees to it that a submit which never arrives ends as expired.
    fn await_expiry(&mut self, ticket: &Arc<Ticket>) {
        if ticket.wants == Wants::Nothing || !ticket.takes_alarm() {
            return;
        }
        if self.air.is_crowded() {
            self.counts.receipts_dropped += 1;
        } else {
            self.air.schedule(ticket.expires, Event::Expiry(Arc::clone(ticket)));
        }
    }

    fn settle(&mut self, ticket: &Ticket, outcome: Outcome, now: Instant) {
        if !ticket.settle() {
            return;
        }
        match outcome {
            Outcome::Delivered => {}
            Outcome::Expired => self.counts.expired += 1,
            Outcome::Undeliverable => self.counts.undeliverable += 1,
        }
        if let Some(receipt) = ticket.receipt(outcome, self.conditions.receipts, self.clock.date(now)) {
            let order = self.desk.number();
            self.put(Item { order, delivery: Delivery::Receipt { route: ticket.route.clone(), receipt } });
        }
    }
}
