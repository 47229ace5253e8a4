//! What a vault holds: a version, how many accounts, and each with its length before it. Integers big-endian.
//!
//! ```text
//! version 1 (1 byte) · count (2 bytes) · count × ( length (4 bytes) · account as Account::encode writes it )
//! ```

use matchbook_protocol::Account;
use zeroize::Zeroizing;

/// The version of the layout that this release writes, and the only one that it reads.
pub const CONTENT_VERSION: u8 = 1;
/// The most accounts of one vault: as many as there are handles.
pub const MAX_ACCOUNTS: usize = 256;

const HEAD_LEN: usize = 3;
const LENGTH_LEN: usize = 4;

/// The content for accounts in their stored form, in memory that is wiped when it is dropped.
pub(super) fn encode<'a>(accounts: impl Iterator<Item = &'a [u8]> + Clone) -> Zeroizing<Vec<u8>> {
    // Memory that is outgrown is not wiped, so all of it is taken at once.
    let total: usize = accounts.clone().map(|account| LENGTH_LEN.saturating_add(account.len())).sum();
    let mut content = Zeroizing::new(Vec::with_capacity(HEAD_LEN.saturating_add(total)));
    let count = u16::try_from(accounts.clone().count()).unwrap_or(u16::MAX);
    content.push(CONTENT_VERSION);
    content.extend_from_slice(&count.to_be_bytes());
    for account in accounts {
        content.extend_from_slice(&u32::try_from(account.len()).unwrap_or(u32::MAX).to_be_bytes());
        content.extend_from_slice(account);
    }
    content
}

/// The accounts of a content, in the order of their handles. Nothing at all is a content of no accounts.
pub(super) fn decode(content: &[u8]) -> Option<Vec<Account>> {
    if content.is_empty() {
        return Some(Vec::new());
    }
    let ([version], rest) = content.split_first_chunk::<1>()?;
    let (count, mut rest) = rest.split_first_chunk::<2>()?;
    let count = usize::from(u16::from_be_bytes(*count));
    if *version != CONTENT_VERSION || count > MAX_ACCOUNTS {
        return None;
    }
    let mut accounts: Vec<Account> = Vec::new();
    for _ in 0..count {
        let (length, after) = rest.split_first_chunk::<LENGTH_LEN>()?;
        let (bytes, after) = after.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
        let account = Account::decode(bytes).ok()?;
        if accounts.last().is_some_and(|last| last.handle() >= account.handle()) {
            return None;
        }
        accounts.push(account);
        rest = after;
    }
    rest.is_empty().then_some(accounts)
}
