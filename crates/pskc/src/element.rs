//! XML as far as it is needed: one part of a file at a time as a small tree, each name with its namespace. What a file can
//! do harm with is refused: DTDs, entities, depth, and more of anything than an honest file has.

use quick_xml::XmlVersion;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::name::ResolveResult;
use quick_xml::reader::NsReader;
use zeroize::Zeroizing;

use crate::error::{FileError, shown};
use crate::limits::{MAX_ATTRIBUTES, MAX_DEPTH, MAX_ELEMENTS, MAX_TEXT};

/// The namespaces that are known; names of others are only told apart from these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Space {
    /// `urn:ietf:params:xml:ns:keyprov:pskc`
    Pskc,
    /// XML signatures.
    Signature,
    /// XML encryption.
    Encryption,
    /// XML encryption 1.1.
    Encryption11,
    /// PKCS #5.
    Pkcs5,
    /// No namespace.
    None,
    /// Any other.
    Other,
}

impl Space {
    fn of(uri: &str) -> Self {
        match uri {
            "urn:ietf:params:xml:ns:keyprov:pskc" => Self::Pskc,
            "http://www.w3.org/2000/09/xmldsig#" => Self::Signature,
            "http://www.w3.org/2001/04/xmlenc#" => Self::Encryption,
            "http://www.w3.org/2009/xmlenc11#" => Self::Encryption11,
            "http://www.rsasecurity.com/rsalabs/pkcs/schemas/pkcs-5v2-0#" => Self::Pkcs5,
            _ => Self::Other,
        }
    }
}

/// An element with all that is in it.
#[derive(Debug)]
pub(crate) struct Element {
    pub(crate) space: Space,
    pub(crate) name: String,
    /// Those without a namespace.
    attributes: Vec<(String, String)>,
    /// It may be a key.
    text: Zeroizing<String>,
    pub(crate) children: Vec<Self>,
}

impl Element {
    pub(crate) fn is(&self, space: Space, name: &str) -> bool {
        self.space == space && self.name == name
    }

    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.trim())
    }

    /// The text, without blanks at its ends, of an element that is to hold nothing else.
    pub(crate) fn text(&self) -> Result<&str, FileError> {
        match self.children.first() {
            None => Ok(self.text.trim()),
            Some(other) => {
                Err(malformed(format!("{}: <{}> stands within its text", shown(&self.name), shown(&other.name))))
            }
        }
    }

    /// Whether text stands beside its children.
    pub(crate) fn has_text(&self) -> bool {
        !self.text.trim().is_empty()
    }

    /// The only child of PSKC's with this name.
    pub(crate) fn only(&self, name: &str) -> Result<Option<&Self>, FileError> {
        self.only_in(&[Space::Pskc], name)
    }

    /// The only child with this name, in one of the namespaces. A second one, or one of another namespace, could be what
    /// somebody else reads.
    pub(crate) fn only_in(&self, spaces: &[Space], name: &str) -> Result<Option<&Self>, FileError> {
        let mut named = self.children.iter().filter(|child| child.name == name);
        let found = named.next();
        if named.next().is_some() {
            return Err(malformed(format!("{name}: it stands twice in <{}>", shown(&self.name))));
        }
        match found {
            Some(child) if !spaces.contains(&child.space) => {
                Err(malformed(format!("{name}: it is of another namespace")))
            }
            found => Ok(found),
        }
    }

    /// How many elements in it, at any depth, have this name in any namespace.
    pub(crate) fn count(&self, name: &str) -> usize {
        let (mut found, mut open) = (0_usize, vec![self]);
        while let Some(element) = open.pop() {
            found = found.saturating_add(usize::from(element.name == name));
            open.extend(&element.children);
        }
        found
    }
}

/// Reads a file part by part.
pub(crate) struct Parts<'a> {
    reader: NsReader<&'a [u8]>,
    /// The outermost element is closed.
    is_over: bool,
}

/// How much a part has so far.
#[derive(Default)]
struct Budget {
    elements: usize,
    text: usize,
}

impl<'a> Parts<'a> {
    /// Opens a file and reads its outermost element, without what is in it.
    pub(crate) fn open(text: &'a str) -> Result<(Self, Element), FileError> {
        let mut reader = NsReader::from_reader(text.as_bytes());
        reader.config_mut().check_end_names = true;
        reader.config_mut().expand_empty_elements = true;
        let mut parts = Self { reader, is_over: false };
        loop {
            match parts.next()? {
                Event::Start(start) => {
                    let root = parts.element(&start, &mut Budget::default())?;
                    return Ok((parts, root));
                }
                Event::Text(text) if text.trim().is_empty() => {}
                Event::Eof => return Err(malformed("there is no element in the file")),
                _ => return Err(malformed("there is text before the first element")),
            }
        }
    }

    /// The next element within the outermost one; `None` after the last.
    pub(crate) fn part(&mut self) -> Result<Option<Element>, FileError> {
        while !self.is_over {
            match self.next()? {
                Event::Start(start) => return self.whole(&start).map(Some),
                Event::End(_) => self.is_over = true,
                Event::Text(text) if text.trim().is_empty() => {}
                Event::Eof => return Err(cut_off()),
                _ => return Err(malformed("there is text where an element should be")),
            }
        }
        loop {
            match self.next()? {
                Event::Eof => return Ok(None),
                Event::Text(text) if text.trim().is_empty() => {}
                _ => return Err(malformed("there is something after the last element")),
            }
        }
    }

    /// An element with all that is in it, without recursion.
    fn whole(&mut self, start: &BytesStart<'_>) -> Result<Element, FileError> {
        let mut budget = Budget::default();
        let mut open = vec![self.element(start, &mut budget)?];
        loop {
            match self.next()? {
                Event::Start(start) => {
                    if open.len() >= MAX_DEPTH {
                        return Err(hostile(format!("elements lie within more than {MAX_DEPTH} others")));
                    }
                    open.push(self.element(&start, &mut budget)?);
                }
                Event::End(_) => {
                    let Some(done) = open.pop() else { return Err(cut_off()) };
                    match open.last_mut() {
                        Some(parent) => parent.children.push(done),
                        None => return Ok(done),
                    }
                }
                Event::Text(text) => add(&mut open, &text.xml_content(XmlVersion::Implicit1_0), &mut budget)?,
                Event::CData(text) => add(&mut open, &text.xml_content(XmlVersion::Implicit1_0), &mut budget)?,
                Event::GeneralRef(name) => {
                    let mut utf8 = [0; 4];
                    add(&mut open, referred(&name)?.encode_utf8(&mut utf8), &mut budget)?;
                }
                Event::Eof => return Err(cut_off()),
                _ => return Err(malformed("there is a declaration within an element")),
            }
        }
    }

    /// The next event that means something.
    fn next(&mut self) -> Result<Event<'a>, FileError> {
        loop {
            let at = self.reader.buffer_position();
            let event = self.reader.read_event().map_err(|error| {
                malformed(format!("the file is no XML near byte {at}: {}", shown(&error.to_string())))
            })?;
            match event {
                Event::DocType(_) => {
                    return Err(hostile(
                        "the file has a DOCTYPE, which can bring in other files and entities; take it out".to_owned(),
                    ));
                }
                Event::Decl(declaration) => {
                    let encoding = declaration.encoding().and_then(Result::ok);
                    if encoding.is_some_and(|it| !["utf-8", "us-ascii"].contains(&it.to_ascii_lowercase().as_str())) {
                        return Err(FileError::Unsupported("the file is in another encoding than UTF-8".to_owned()));
                    }
                }
                Event::Comment(_) | Event::PI(_) => {}
                event => return Ok(event),
            }
        }
    }

    fn element(&self, start: &BytesStart<'_>, budget: &mut Budget) -> Result<Element, FileError> {
        budget.elements = budget.elements.saturating_add(1);
        if budget.elements > MAX_ELEMENTS {
            return Err(hostile(format!("a part of the file has more than {MAX_ELEMENTS} elements")));
        }
        let (space, name) = self.reader.resolver().resolve_element(start.name());
        let space = match space {
            ResolveResult::Bound(uri) => Space::of(uri.0),
            ResolveResult::Unbound => Space::None,
            ResolveResult::Unknown(prefix) => {
                return Err(malformed(format!("the prefix {} has no namespace", shown(&prefix))));
            }
        };
        let mut attributes = Vec::new();
        for (place, attribute) in start.attributes().with_checks(false).enumerate() {
            let attribute = attribute
                .map_err(|error| malformed(format!("an attribute of <{}>: {error}", shown(name.into_inner()))))?;
            if place >= MAX_ATTRIBUTES {
                return Err(hostile(format!("an element has more than {MAX_ATTRIBUTES} attributes")));
            }
            let key = attribute.key.into_inner();
            let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|_| entity("an attribute"))?;
            budget.spend(value.len())?;
            if attributes.iter().any(|(known, _)| known == key) {
                return Err(malformed(format!("<{}> has the same attribute twice", shown(name.into_inner()))));
            }
            attributes.push((key.to_owned(), value.into_owned()));
        }
        let name = name.into_inner().to_owned();
        Ok(Element { space, name, attributes, text: Zeroizing::default(), children: Vec::new() })
    }
}

impl Budget {
    fn spend(&mut self, bytes: usize) -> Result<(), FileError> {
        self.text = self.text.saturating_add(bytes);
        if self.text > MAX_TEXT {
            return Err(hostile(format!("a part of the file has more than {MAX_TEXT} bytes of text")));
        }
        Ok(())
    }
}

fn add(open: &mut [Element], text: &str, budget: &mut Budget) -> Result<(), FileError> {
    budget.spend(text.len())?;
    if let Some(element) = open.last_mut() {
        let needed = element.text.len().saturating_add(text.len());
        if needed > element.text.capacity() {
            // Memory that a text outgrows by itself is not wiped, and this is.
            let mut larger = Zeroizing::new(String::with_capacity(needed.max(element.text.len().saturating_mul(2))));
            larger.push_str(&element.text);
            element.text = larger;
        }
        element.text.push_str(text);
    }
    Ok(())
}

/// The character that a reference stands for: by its number, or one of the five that XML itself has.
fn referred(name: &BytesRef<'_>) -> Result<char, FileError> {
    match name.resolve_char_ref() {
        Ok(Some(found)) => return Ok(found),
        Ok(None) => {}
        Err(_) => return Err(malformed("a character reference that is none")),
    }
    match &**name {
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "amp" => Ok('&'),
        "quot" => Ok('"'),
        "apos" => Ok('\''),
        _ => Err(entity("a text")),
    }
}

fn entity(place: &str) -> FileError {
    hostile(format!("{place} has an entity of its own, which no file of keys needs; write the characters out"))
}

fn cut_off() -> FileError {
    malformed("the file ends in the middle; fetch it again")
}

fn malformed(why: impl Into<String>) -> FileError {
    FileError::Malformed(why.into())
}

fn hostile(why: String) -> FileError {
    FileError::Hostile(why)
}
