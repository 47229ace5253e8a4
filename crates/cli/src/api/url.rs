//! Paths and queries, written so that a name cannot leave its place.

/// A path of the API from its segments, each percent-encoded.
pub(crate) fn path(segments: &[&str]) -> String {
    segments.iter().map(|segment| format!("/{}", percent(segment))).collect()
}

/// The path of one page of a list.
pub(super) fn page_path(path: &str, query: &[(&str, &str)], after: Option<&str>, limit: usize) -> String {
    let mut url = format!("{path}?limit={limit}");
    for (name, value) in query.iter().copied().chain(after.map(|after| ("after", after))) {
        url.push_str(&format!("&{name}={}", percent(value)));
    }
    url
}

/// Whether a URL stays on this machine.
pub(super) fn is_loopback(base: &str) -> bool {
    let authority = base.split_once("://").map_or(base, |(_, rest)| rest);
    let authority = authority.split(['/', '?']).next().unwrap_or_default();
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn percent(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}
