//! The form of a database's URL, and how it is shown.

/// Checks a database's name; the error says what a good one looks like.
pub(crate) fn check(text: &str) -> Result<(), String> {
    let good = match rest(text) {
        Some(rest) => !rest.is_empty() && !rest.starts_with('/') && !text.contains(char::is_whitespace),
        None => text.strip_prefix("sqlite:").is_some_and(|path| !path.is_empty()),
    };
    if good {
        Ok(())
    } else {
        Err("postgres://user@host/name, with settings such as ?sslmode=verify-full, or sqlite:PATH".to_owned())
    }
}

/// How it is shown: a password is covered.
pub(crate) fn shown(text: &str) -> String {
    without_password(text).unwrap_or_else(|| text.to_owned())
}

/// The URL without its password, as it may stand in a file that others read.
pub(crate) fn bare(text: &str) -> String {
    shown(text).replacen(":***@", "@", 1).replacen("&password=***", "", 1).replacen("password=***&", "", 1).replacen(
        "?password=***",
        "",
        1,
    )
}

/// The URL with its password covered; `None` when it has none.
pub(crate) fn without_password(text: &str) -> Option<String> {
    let rest = rest(text)?;
    let scheme = &text[..text.len() - rest.len()];
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    let (user, hosts) = authority.rsplit_once('@').map_or(("", authority), |(user, hosts)| (user, hosts));
    let (name, in_user) = match user.split_once(':') {
        Some((name, _)) => (name, true),
        None => (user, false),
    };
    let (tail, in_query) = cover_query(tail);
    if !in_user && !in_query {
        return None;
    }
    let user = match (name, in_user) {
        ("", false) => String::new(),
        (name, true) => format!("{name}:***@"),
        (name, false) => format!("{name}@"),
    };
    Some(format!("{scheme}{user}{hosts}{tail}"))
}

/// What follows the scheme of a PostgreSQL's URL.
fn rest(text: &str) -> Option<&str> {
    text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://"))
}

/// Covers `password=` in the settings behind the question mark.
fn cover_query(tail: &str) -> (String, bool) {
    let Some((path, query)) = tail.split_once('?') else { return (tail.to_owned(), false) };
    let mut covered = false;
    let settings: Vec<&str> = query
        .split('&')
        .map(|setting| {
            let is_password = setting.split_once('=').is_some_and(|(name, _)| name.eq_ignore_ascii_case("password"));
            covered |= is_password;
            if is_password { "password=***" } else { setting }
        })
        .collect();
    (format!("{path}?{}", settings.join("&")), covered)
}

#[cfg(test)]
mod tests;
