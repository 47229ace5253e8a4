//! One vector and its JSON. Written by hand, so that the order of the members and the layout never change.

use data_encoding::HEXLOWER;

/// A test vector.
pub(crate) struct Vector {
    /// Unique, and the file's name.
    pub(crate) id: String,
    title: &'static str,
    spec: &'static str,
    kind: &'static str,
    expect: &'static str,
    input: Members,
    output: Members,
}

type Members = Vec<(&'static str, Value)>;

/// What a member of input or output is.
#[derive(Clone)]
pub(crate) enum Value {
    /// A text, or bytes in hexadecimal.
    Text(String),
    /// A number.
    Number(u64),
    /// A yes or no.
    Flag(bool),
    /// Several texts.
    List(Vec<String>),
}

impl Vector {
    /// A vector of a kind; its id is the kind and `name`. It is expected to succeed until [`Vector::fails`].
    pub(crate) fn new(kind: &'static str, name: &str, title: &'static str, spec: &'static str) -> Self {
        let id = format!("{kind}-{name}");
        Self { id, title, spec, kind, expect: "success", input: Vec::new(), output: Vec::new() }
    }

    /// Adds an input.
    pub(crate) fn input(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.input.push((name, value.into()));
        self
    }

    /// Adds an output.
    pub(crate) fn output(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.output.push((name, value.into()));
        self
    }

    /// It is expected to fail with the error of that stable name.
    pub(crate) fn fails(mut self, error: &'static str) -> Self {
        self.expect = error;
        self
    }

    /// The file's name.
    pub(crate) fn file_name(&self) -> String {
        format!("{}.json", self.id)
    }

    /// The file's content.
    pub(crate) fn to_json(&self) -> String {
        let head = [
            ("id", self.id.as_str()),
            ("title", self.title),
            ("spec", self.spec),
            ("expect", self.expect),
            ("kind", self.kind),
        ];
        let mut members: Vec<String> =
            head.iter().map(|(name, text)| format!("  {}: {}", quote(name), quote(text))).collect();
        members.push(object("input", &self.input));
        if !self.output.is_empty() {
            members.push(object("output", &self.output));
        }
        format!("{{\n{}\n}}\n", members.join(",\n"))
    }
}

fn object(name: &str, members: &Members) -> String {
    let members: Vec<String> =
        members.iter().map(|(name, value)| format!("    {}: {}", quote(name), value.to_json())).collect();
    format!("  {}: {{\n{}\n  }}", quote(name), members.join(",\n"))
}

impl Value {
    fn to_json(&self) -> String {
        match self {
            Self::Text(text) => quote(text),
            Self::Number(number) => number.to_string(),
            Self::Flag(flag) => flag.to_string(),
            Self::List(texts) => {
                let texts: Vec<String> = texts.iter().map(|text| quote(text)).collect();
                format!("[{}]", texts.join(", "))
            }
        }
    }
}

/// A JSON string. Everything but printable ASCII and the section sign is escaped.
fn quote(text: &str) -> String {
    let mut quoted = String::from("\"");
    for unit in text.encode_utf16() {
        match char::from_u32(u32::from(unit)) {
            Some(c @ ('"' | '\\')) => quoted.extend(['\\', c]),
            Some(c @ (' '..='~' | '§')) => quoted.push(c),
            _ => quoted.push_str(&format!("\\u{unit:04x}")),
        }
    }
    quoted.push('"');
    quoted
}

/// Bytes as hexadecimal text.
pub(crate) fn hex(bytes: impl AsRef<[u8]>) -> String {
    HEXLOWER.encode(bytes.as_ref())
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Number(u64::from(number))
    }
}

impl From<u8> for Value {
    fn from(number: u8) -> Self {
        Self::Number(u64::from(number))
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<Vec<String>> for Value {
    fn from(texts: Vec<String>) -> Self {
        Self::List(texts)
    }
}
