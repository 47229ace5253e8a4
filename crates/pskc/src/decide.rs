//! What can be told from the whole file alone: what stands in it twice.

use std::collections::BTreeMap;

use matchbook_protocol::Secret;
use sha2::{Digest, Sha256};

use crate::device::Row;

/// Refuses each row whose identification code or key stands in an earlier row, and keys that are none.
pub(crate) fn find_doubles(rows: &mut [Row]) {
    let (mut ids, mut keys) = (BTreeMap::new(), BTreeMap::new());
    for row in rows {
        let Ok(device) = &row.device else { continue };
        let hash: [u8; 32] = Sha256::digest(device.key.expose()).into();
        let why = if device.key == Secret::new([0; 32]) {
            Some("key: it is all zeros, which is no key; ask the factory".to_owned())
        } else if let Some(first) = ids.get(&device.id) {
            Some(format!("id: {} stands in row {first} already", device.id))
        } else {
            keys.get(&hash).map(|first| format!("key: it is the key of row {first} too; each device has its own"))
        };
        ids.entry(device.id).or_insert(row.place);
        keys.entry(hash).or_insert(row.place);
        if let Some(why) = why {
            row.device = Err(why);
        }
    }
}
