//! Just enough of Rust's grammar to tell names from comments and texts.

/// The identifiers of a source file with their lines, from 1, comments and literals left out.
pub(crate) fn identifiers(source: &str) -> Vec<(usize, String)> {
    let mut scanner = Scanner { rest: source, line: 1, found: Vec::new() };
    while scanner.step() {}
    scanner.found
}

/// The words that a name is made of, in lower case: `OtpCode`, `otp_code` and `OTP_CODE` all give `otp`, `code`.
pub(crate) fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = vec![String::new()];
    let mut after_lower = false;
    for letter in name.chars() {
        if letter == '_' || (letter.is_uppercase() && after_lower) {
            words.push(String::new());
        }
        if letter != '_'
            && let Some(word) = words.last_mut()
        {
            word.extend(letter.to_lowercase());
        }
        after_lower = letter.is_lowercase() || letter.is_ascii_digit();
    }
    words.retain(|word| !word.is_empty());
    words
}

struct Scanner<'a> {
    rest: &'a str,
    line: usize,
    found: Vec<(usize, String)>,
}

impl Scanner<'_> {
    /// Reads one thing; `false` at the end.
    fn step(&mut self) -> bool {
        let Some(first) = self.rest.chars().next() else { return false };
        if self.rest.starts_with("//") {
            self.skip(self.rest.find('\n').unwrap_or(self.rest.len()));
        } else if self.rest.starts_with("/*") {
            self.skip(block_comment_len(self.rest));
        } else if let Some(length) = raw_string_len(self.rest) {
            self.skip(length);
        } else if first == '"' {
            self.skip(string_len(self.rest, '"'));
        } else if first == '\'' {
            self.skip(quote_len(self.rest));
        } else if first == '_' || first.is_alphabetic() {
            let end = self.rest.find(|c: char| c != '_' && !c.is_alphanumeric()).unwrap_or(self.rest.len());
            let name = self.rest.get(..end).unwrap_or_default().to_owned();
            self.found.push((self.line, name));
            self.skip(end);
        } else if first.is_ascii_digit() {
            let end = self.rest.find(|c: char| c != '_' && !c.is_alphanumeric()).unwrap_or(self.rest.len());
            self.skip(end);
        } else {
            self.skip(first.len_utf8());
        }
        true
    }

    fn skip(&mut self, length: usize) {
        let (passed, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, ""));
        self.line += passed.matches('\n').count();
        self.rest = rest;
    }
}

/// The length of a block comment; they nest.
fn block_comment_len(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(rest) = text.get(at..) {
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            let Some(next) = rest.chars().next() else { break };
            at += next.len_utf8();
        }
    }
    text.len()
}

/// The length of `r"…"`, `r#"…"#` and their byte and C kin; `None` for anything else.
fn raw_string_len(text: &str) -> Option<usize> {
    let prefix = ["r", "br", "cr"].into_iter().find(|prefix| {
        let tail = text.strip_prefix(prefix).unwrap_or_default();
        tail.trim_start_matches('#').starts_with('"')
    })?;
    let tail = text.get(prefix.len()..)?;
    let hashes = tail.len() - tail.trim_start_matches('#').len();
    let closing = format!("\"{}", "#".repeat(hashes));
    let body_at = prefix.len() + hashes + 1;
    let body = text.get(body_at..)?;
    Some(body.find(&closing).map_or(text.len(), |end| body_at + end + closing.len()))
}

/// The length of a literal between two `quote`s, backslashes heeded.
fn string_len(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, letter) in text.char_indices().skip(1) {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if letter == quote => return at + letter.len_utf8(),
            _ => {}
        }
    }
    text.len()
}

/// The length of a character literal, or of the quote alone before a lifetime.
fn quote_len(text: &str) -> usize {
    let mut letters = text.chars().skip(1);
    match (letters.next(), letters.next()) {
        (Some('\\'), _) | (Some(_), Some('\'')) => string_len(text, '\''),
        _ => 1,
    }
}

#[cfg(test)]
#[path = "rust_source_tests.rs"]
mod tests;
