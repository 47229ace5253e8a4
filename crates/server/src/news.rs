//! Messages that other nodes put into the outbox for devices whose request waits here. There is no notice from the
//! store, which not every engine has: each node looks.

use std::collections::HashSet;

use matchbook_protocol::UnixMillis;
use matchbook_store::MAX_PAGE;

use crate::chance;
use crate::core::Core;
use crate::limits::NEWS_WINDOW;
use crate::problem::Problem;

/// What was seen before.
#[derive(Default)]
pub(crate) struct News {
    seen: HashSet<[u8; 16]>,
}

impl Core {
    /// Wakes the devices here that something new waits for. A message is looked for during [`NEWS_WINDOW`] after it was
    /// made, since its commit may come late, and wakes once.
    pub(crate) async fn hear_news(&self, news: &mut News) -> Result<(), Problem> {
        if !self.store.is_shared() || self.waiting.count() == 0 {
            return Ok(());
        }
        let window_ms = u64::try_from(NEWS_WINDOW.as_millis()).unwrap_or(u64::MAX);
        let mut since = UnixMillis(chance::now().0.saturating_sub(window_ms));
        let mut seen = HashSet::new();
        loop {
            let page = self.store.outbox_since(since, MAX_PAGE).await?;
            let last = page.last().map(|(made, ..)| *made);
            let is_full = page.len() >= usize::try_from(MAX_PAGE).unwrap_or(usize::MAX);
            for (_, device, message) in page {
                if seen.insert(message) && !news.seen.contains(&message) {
                    self.waiting.wake(&device);
                }
            }
            match last {
                // A page of one millisecond would be read for ever.
                Some(last) if is_full => since = if last > since { last } else { last.plus(1) },
                Some(_) | None => break,
            }
        }
        news.seen = seen;
        Ok(())
    }
}
