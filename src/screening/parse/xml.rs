//! XML, an element at a time: each entry of a list becomes a small tree, the file never does.

use std::io::BufRead;

use quick_xml::{
    Reader,
    events::{BytesStart, Event},
};

use super::{ListError, Reading};

/// An element with what is in it.
#[derive(Debug, Default)]
pub(super) struct Element {
    /// Its name, without a prefix.
    pub(super) name: String,
    attributes: Vec<(String, String)>,
    children: Vec<Element>,
    text: String,
}

impl Element {
    /// Its children.
    pub(super) fn children(&self) -> &[Element] {
        &self.children
    }

    /// Its children of a name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The text of its first child of a name; empty when there is none.
    pub(super) fn text_of(&self, name: &str) -> &str {
        self.children.iter().find(|child| child.name == name).map_or("", Element::text)
    }

    /// What its children of a name say, where they say something.
    pub(super) fn texts<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.all(name).map(Element::text).filter(|text| !text.is_empty())
    }

    /// Its text, without space around it.
    pub(super) fn text(&self) -> &str {
        self.text.trim()
    }

    /// An attribute's value; empty when it is not there.
    pub(super) fn attribute(&self, name: &str) -> &str {
        self.attributes.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.trim())
    }

    /// Counts the children that are not in `known`.
    pub(super) fn count_unknown(&self, known: &[&str], reading: &mut Reading) {
        for child in &self.children {
            if !known.contains(&child.name.as_str()) {
                reading.faults.unknown(&format!("element {}/{}", self.name, child.name));
            }
        }
    }
}

/// How deep an entry may be nested: none is deeper than five, and a tree without end must not end the stack.
const DEEPEST: usize = 64;

/// Calls `each` with every element of a name in `wanted`, with its number from 1. The document's element has
/// to be `root`, and has to be closed.
pub(super) fn each(
    input: impl BufRead,
    reading: &mut Reading,
    root: &str,
    wanted: &[&str],
    mut each: impl FnMut(&Element, u64, &mut Reading),
) -> Result<(), ListError> {
    let mut reader = Reader::from_reader(input);
    reader.config_mut().expand_empty_elements = true;
    let mut buffer = Vec::new();
    // Elements around and in the entry; the entry's own tree begins where `entry` says.
    let (mut depth, mut closed, mut number) = (0_usize, false, 0_u64);
    let mut tree: Vec<Element> = Vec::new();
    loop {
        buffer.clear();
        let event = reader.read_event_into(&mut buffer);
        let event = match event {
            Ok(event) => event,
            Err(quick_xml::Error::Io(error)) => {
                return Err(reading.unreadable(std::io::Error::new(error.kind(), error.to_string())));
            }
            // What is begun and not ended where the file ends.
            Err(quick_xml::Error::Syntax(error)) => {
                return Err(reading.truncated(format!("at byte {}: {error}", reader.error_position())));
            }
            Err(error) => {
                let fault = format!("at byte {}: {error}", reader.error_position());
                return Err(reading.other_format(fault, "well-formed XML in UTF-8"));
            }
        };
        match event {
            Event::Start(start) => {
                let element = open(&start, reading);
                if depth == 0 && (closed || element.name != root) {
                    return Err(reading.other_format(
                        format!("its document is <{}>", element.name),
                        &format!("one <{root}>"),
                    ));
                }
                depth += 1;
                if depth > DEEPEST {
                    return Err(
                        reading.other_format("its elements are nested too deep", "an entry of few levels")
                    );
                }
                if !tree.is_empty() || wanted.contains(&element.name.as_str()) {
                    tree.push(element);
                }
            }
            Event::End(_) => {
                depth = depth.saturating_sub(1);
                closed = depth == 0;
                if let Some(done) = tree.pop() {
                    if let Some(parent) = tree.last_mut() {
                        parent.children.push(done);
                    } else {
                        number += 1;
                        each(&done, number, reading);
                    }
                }
            }
            Event::Text(text) => {
                if let Some(element) = tree.last_mut() {
                    element.text.push_str(&text.xml10_content());
                }
            }
            Event::CData(text) => {
                if let Some(element) = tree.last_mut() {
                    element.text.push_str(&text);
                }
            }
            Event::GeneralRef(reference) => {
                let Some(element) = tree.last_mut() else { continue };
                let character = reference.resolve_char_ref().ok().flatten();
                match (character, quick_xml::escape::resolve_predefined_entity(&reference)) {
                    (Some(character), _) => element.text.push(character),
                    (None, Some(text)) => element.text.push_str(text),
                    (None, None) => reading.faults.unknown("entity reference"),
                }
            }
            Event::Eof => break,
            Event::Empty(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) | Event::Comment(_) => {}
        }
    }
    match (closed, depth) {
        (true, _) => Ok(()),
        (false, 0) => Err(reading.other_format("it has no element", &format!("one <{root}>"))),
        (false, _) => Err(reading.truncated(format!("<{root}> is not closed"))),
    }
}

fn open(start: &BytesStart<'_>, reading: &mut Reading) -> Element {
    let mut malformed = 0;
    let attributes = start.attributes().filter_map(|attribute| {
        malformed += usize::from(attribute.is_err());
        let attribute = attribute.ok()?;
        let raw = attribute.value.into_owned();
        let value = quick_xml::escape::unescape(&raw).map(std::borrow::Cow::into_owned).unwrap_or(raw);
        Some((attribute.key.local_name().into_inner().to_owned(), value))
    });
    let attributes = attributes.collect();
    (0..malformed).for_each(|_| reading.faults.unknown("malformed attribute"));
    Element { name: start.local_name().into_inner().to_owned(), attributes, ..Element::default() }
}
