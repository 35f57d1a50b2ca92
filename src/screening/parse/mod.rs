//! The forms in which lists are published, each read into the one model of [`super::list`].
//!
//! A file is read as a stream: what is in memory is the list under way and one entry of the file. What a
//! parser does not know is counted by name in [`ParseFaults`]; a file that is cut off, or is something else,
//! is refused whole.

pub(super) mod dates;
mod eu;
mod ftm;
mod ofac_xml;
mod own_csv;
mod simple_csv;
mod table;
mod uk;
mod un;
mod xml;

pub(super) use ofac_xml::source;

use std::{
    collections::HashSet,
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
};

use sha2::{Digest, Sha256};

use super::{
    countries,
    list::{Document, List, ListEntity, ListError, ParseFaults},
    ofac,
};

/// A list with more than one broken entry in this many is not used at all.
pub(super) const ONE_BROKEN_IN: usize = 33;

/// What is counted for a row of more cells than the table has columns: they may be a whole row, whose line's start is lost.
pub(super) const BEYOND: &str = "cells beyond the last column";

/// How a list is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The four CSV files of OFAC's SDN list, in a folder.
    OfacCsv,
    /// The four CSV files of OFAC's consolidated list, in a folder.
    OfacConsolidatedCsv,
    /// OFAC's `sdn.xml` or `consolidated.xml`.
    OfacXml,
    /// The consolidated list of the UN Security Council, XML.
    UnXml,
    /// The EU's consolidated list of financial sanctions, XML, version 1.1.
    EuXml,
    /// The UK sanctions list, CSV; also the older list of its Treasury.
    UkCsv,
    /// `OpenSanctions`' `targets.simple.csv`.
    OpensanctionsCsv,
    /// `OpenSanctions`' `entities.ftm.json`, one entity a line.
    OpensanctionsFtm,
    /// Our own form: see the README.
    Csv,
}

impl Format {
    /// The files that make the list, as published and as kept, when it is more than one file.
    pub const fn files(self) -> Option<&'static [(&'static str, &'static str)]> {
        match self {
            Self::OfacCsv => Some(&[
                ("SDN.CSV", "sdn.csv"),
                ("ALT.CSV", "alt.csv"),
                ("ADD.CSV", "add.csv"),
                ("SDN_COMMENTS.CSV", "sdn_comments.csv"),
            ]),
            Self::OfacConsolidatedCsv => Some(&[
                ("CONS_PRIM.CSV", "cons_prim.csv"),
                ("CONS_ALT.CSV", "cons_alt.csv"),
                ("CONS_ADD.CSV", "cons_add.csv"),
                ("CONS_COMMENTS.CSV", "cons_comments.csv"),
            ]),
            Self::OfacXml
            | Self::UnXml
            | Self::EuXml
            | Self::UkCsv
            | Self::OpensanctionsCsv
            | Self::OpensanctionsFtm
            | Self::Csv => None,
        }
    }

    /// The form of what is at `path`, by its name and its first bytes; none when it is no form of ours.
    pub fn guess(path: &Path) -> Option<Self> {
        if path.is_dir() {
            let of_folder = [Self::OfacCsv, Self::OfacConsolidatedCsv];
            return of_folder.into_iter().find(|format| {
                format.files().and_then(<[_]>::first).is_some_and(|(_, kept)| path.join(kept).exists())
            });
        }
        let mut head = Vec::new();
        File::open(path).ok()?.take(4096).read_to_end(&mut head).ok()?;
        let head = String::from_utf8_lossy(&head).to_lowercase();
        let signs = [
            ("<consolidated_list", Self::UnXml),
            ("<sdnlist", Self::OfacXml),
            ("eu.europa.ec/fpi/fsd/export", Self::EuXml),
            ("ofsi group id", Self::UkCsv),
            ("name 6,name 1", Self::UkCsv),
            ("id,schema,name,aliases", Self::OpensanctionsCsv),
            ("\"schema\"", Self::OpensanctionsFtm),
        ];
        let signed = signs.iter().find(|(sign, _)| head.contains(sign)).map(|(_, format)| *format);
        let first = head.trim_start_matches('\u{feff}').lines().next().unwrap_or_default();
        let is_own = || first.split(',').any(|column| column.trim_matches('"') == "id");
        signed.or_else(|| is_own().then_some(Self::Csv))
    }

    /// Reads the list at `path`: a folder where [`files`](Self::files) names some, else a file. `name` is what
    /// the list is called.
    pub fn read(self, name: &str, path: &Path) -> Result<List, ListError> {
        if let Some(files) = self.files() {
            let list = ofac::read_files(path, files)?;
            return Ok(List { name: name.to_owned(), ..list });
        }
        let file = path.display().to_string();
        let unreadable = |source| ListError::Unreadable { file: file.clone(), source };
        let opened = File::open(path).map_err(unreadable)?;
        self.read_from(name, &file, opened)
    }

    /// Reads the list of one file from its contents; `file` is what errors call it.
    pub fn read_from(self, name: &str, file: &str, contents: impl Read) -> Result<List, ListError> {
        let mut input = BufReader::with_capacity(1 << 16, Hashing { inner: contents, hash: Sha256::new() });
        let mut reading = Reading::new(file);
        match self {
            Self::OfacXml => ofac_xml::read(&mut input, &mut reading),
            Self::UnXml => un::read(&mut input, &mut reading),
            Self::EuXml => eu::read(&mut input, &mut reading),
            Self::UkCsv => uk::read(&mut input, &mut reading),
            Self::OpensanctionsCsv => simple_csv::read(&mut input, &mut reading),
            Self::OpensanctionsFtm => ftm::read(&mut input, &mut reading),
            Self::Csv => own_csv::read(name, &mut input, &mut reading),
            Self::OfacCsv | Self::OfacConsolidatedCsv => Err(ListError::OtherFormat {
                file: file.to_owned(),
                fault: "it is one file".to_owned(),
                accepted: "a folder".to_owned(),
            }),
        }?;
        let unreadable = |source| ListError::Unreadable { file: file.to_owned(), source };
        // The version is that of the whole file, also of what no parser asked for.
        io::copy(&mut input, &mut io::sink()).map_err(unreadable)?;
        let digest = input.into_inner().hash.finalize();
        let (entities, faults) = reading.finish()?;
        Ok(List { name: name.to_owned(), version: short(&digest), entities, faults })
    }
}

/// The first 16 hex digits.
fn short(digest: &[u8]) -> String {
    use std::fmt::Write as _;
    digest.iter().take(8).fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Passes bytes on and hashes them.
struct Hashing<R> {
    inner: R,
    hash: Sha256,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hash.update(buffer.get(..count).unwrap_or_default());
        Ok(count)
    }
}

/// A list under way.
struct Reading {
    file: String,
    entities: Vec<ListEntity>,
    ids: HashSet<String>,
    faults: ParseFaults,
    /// The first entry that was left out, and why.
    first_broken: Option<(u64, String)>,
}

impl Reading {
    fn new(file: &str) -> Self {
        Self {
            file: file.to_owned(),
            entities: Vec::new(),
            ids: HashSet::new(),
            faults: ParseFaults::default(),
            first_broken: None,
        }
    }

    /// Takes an entity in; one without a name or with the id of another is a broken row. `place` is its line,
    /// or its number where lines say nothing.
    fn add(&mut self, mut entity: ListEntity, place: u64) {
        if entity.names.is_empty() {
            return self.broken(place, "it has no name");
        }
        if !self.ids.insert(entity.id.clone()) {
            return self.broken(place, "its id is that of another");
        }
        entity.tidy();
        self.entities.push(entity);
    }

    fn broken(&mut self, place: u64, fault: impl Into<String>) {
        self.faults.rows += 1;
        self.first_broken.get_or_insert_with(|| (place, fault.into()));
    }

    /// The code of a country's name or code; counted where it is unknown.
    fn country(&mut self, text: &str) -> Option<String> {
        let text = text.trim();
        if text.is_empty() || countries::is_no_country(text) {
            return None;
        }
        let code = countries::code(text).or_else(|| countries::of_code(text));
        if code.is_none() {
            self.faults.countries += 1;
        }
        code.map(str::to_owned)
    }

    /// Adds what is said of a birth date; counted where it is not understood.
    fn birth_date(&mut self, entity: &mut ListEntity, text: &str, approximate: bool) {
        if text.trim().is_empty() {
            return;
        }
        match dates::read(text) {
            Some(dates) => {
                if approximate || dates.approximate {
                    entity.approximate_dates.extend(&dates.dates);
                }
                entity.birth_dates.extend(dates.dates);
            }
            None => self.faults.dates += 1,
        }
    }

    /// A document; none without a number.
    fn document(&mut self, kind: &str, number: &str, country: &str) -> Option<Document> {
        let number = one_line(number);
        let country = self.country(country);
        let kind = match one_line(kind) {
            kind if kind.is_empty() => "Identifier".to_owned(),
            kind => kind,
        };
        (!number.is_empty()).then_some(Document { kind, number, country })
    }

    fn truncated(&self, fault: impl Into<String>) -> ListError {
        ListError::Truncated { file: self.file.clone(), fault: fault.into() }
    }

    fn other_format(&self, fault: impl Into<String>, accepted: &str) -> ListError {
        ListError::OtherFormat { file: self.file.clone(), fault: fault.into(), accepted: accepted.to_owned() }
    }

    fn unreadable(&self, source: io::Error) -> ListError {
        ListError::Unreadable { file: self.file.clone(), source }
    }

    fn finish(self) -> Result<(Vec<ListEntity>, ParseFaults), ListError> {
        let broken = self.faults.rows;
        let rows = self.entities.len() + broken;
        match self.first_broken {
            Some((line, fault)) if broken * ONE_BROKEN_IN > rows => {
                Err(ListError::Broken { file: self.file, broken, rows, line, fault })
            }
            _ if self.entities.is_empty() => Err(ListError::Empty { file: self.file }),
            _ => Ok((self.entities, self.faults)),
        }
    }
}

/// With one space between words.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What is there of `parts`, with `separator` between.
fn joined<'a>(parts: impl IntoIterator<Item = &'a str>, separator: &str) -> String {
    let parts: Vec<String> = parts.into_iter().map(one_line).filter(|part| !part.is_empty()).collect();
    parts.join(separator)
}

/// Skips a byte order mark.
fn skip_mark(input: &mut impl BufRead) -> io::Result<()> {
    if input.fill_buf()?.starts_with(b"\xEF\xBB\xBF") {
        input.consume(3);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
