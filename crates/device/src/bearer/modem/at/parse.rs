//! What modems answer, as far as it is needed.

/// A message in a modem's store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stored {
    /// Its place, from 0 or 1.
    pub(super) index: u32,
    /// Whether it came from the network; the others were written here.
    pub(super) is_received: bool,
    /// The centre's address and the TPDU, in hexadecimal.
    pub(super) pdu: String,
}

/// How full the stores are: for reading, for sending, for what comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stores {
    /// Each with its name, how many messages it holds and how many it takes.
    stores: Vec<(String, u32, u32)>,
}

/// `+CMGL: index,stat,[alpha],length` and the PDU on the next line, as often as there are messages.
pub(super) fn list(lines: &[String]) -> Vec<Stored> {
    let heads = lines.iter().enumerate().filter_map(|(at, line)| Some((at, line.strip_prefix("+CMGL:")?)));
    let stored = heads.filter_map(|(at, head)| {
        let mut fields = head.split(',').map(str::trim);
        let index = fields.next()?.parse().ok()?;
        Some(Stored { index, is_received: is_received(fields.next()?), pdu: pdu_after(lines, at)? })
    });
    stored.collect()
}

/// `+CMGR: stat,[alpha],length` and the PDU on the next line.
pub(super) fn read(lines: &[String], index: u32) -> Option<Stored> {
    let at = lines.iter().position(|line| line.starts_with("+CMGR:"))?;
    let stat = lines.get(at)?.strip_prefix("+CMGR:")?.split(',').next()?.trim();
    Some(Stored { index, is_received: is_received(stat), pdu: pdu_after(lines, at)? })
}

/// `+CPMS: "SM",3,20,"SM",3,20,"SM",3,20`.
pub(super) fn stores(lines: &[String]) -> Option<Stores> {
    let fields = lines.iter().find_map(|line| line.strip_prefix("+CPMS:"))?;
    let fields: Vec<&str> = fields.split(',').map(str::trim).collect();
    let stores = fields.chunks_exact(3).map_while(|chunk| {
        let [name, used, total] = chunk else { return None };
        Some((memory(name)?.to_owned(), used.parse().ok()?, total.parse().ok()?))
    });
    let stores: Vec<_> = stores.collect();
    (!stores.is_empty()).then_some(Stores { stores })
}

impl Stores {
    /// The store that takes what comes.
    pub(super) fn receiving(&self) -> Option<&str> {
        self.stores.last().map(|(name, _, _)| name.as_str())
    }

    /// How many messages that store holds, when it takes no more.
    pub(super) fn full_with(&self) -> Option<u32> {
        self.stores.last().filter(|(_, used, total)| *total > 0 && used >= total).map(|(_, used, _)| *used)
    }
}

/// `"SM",4` of `+CMTI:`.
pub(super) fn notice(fields: &str) -> Option<(String, u32)> {
    let (name, index) = fields.split_once(',')?;
    Some((memory(name.trim())?.to_owned(), index.trim().parse().ok()?))
}

/// A place's name, `SM/4`.
pub(super) fn place(name: &str) -> Option<(&str, u32)> {
    let (memory, index) = name.split_once('/')?;
    Some((memory, index.parse().ok()?))
}

/// Whether a line can be a PDU: hexadecimal, in pairs.
pub(super) fn is_hex(line: &str) -> bool {
    !line.is_empty() && line.len().is_multiple_of(2) && line.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Bytes of a PDU.
pub(super) fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !is_hex(text) {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, _) = text.as_bytes().as_chunks::<2>();
    pairs.iter().map(|&[high, low]| Some(digit(high)? << 4 | digit(low)?)).collect()
}

/// Bytes as a modem takes them.
pub(super) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// Unread and read messages came; unsent and sent ones were written.
fn is_received(stat: &str) -> bool {
    matches!(stat, "0" | "1")
}

fn pdu_after(lines: &[String], at: usize) -> Option<String> {
    lines.get(at.checked_add(1)?).filter(|line| is_hex(line)).cloned()
}

/// The name of a store, which goes back to the modem in commands: two capitals.
fn memory(quoted: &str) -> Option<&str> {
    let name = quoted.strip_prefix('"')?.strip_suffix('"')?;
    (name.len() == 2 && name.bytes().all(|byte| byte.is_ascii_uppercase())).then_some(name)
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
