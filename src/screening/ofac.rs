//! The US Treasury's list of specially designated nationals, in its CSV form.
//!
//! Four files without header lines, `-0-` for nothing, perhaps a byte 0x1A at the end: `sdn.csv`
//! (who), `alt.csv` (aliases), `add.csv` (addresses), `sdn_comments.csv` (remarks that went over
//! the length of a field, continued). Text is UTF-8, or Latin-1 where it is not.

use std::collections::HashMap;
use std::path::Path;

use super::countries;
use super::list::{EntityKind, List, ListEntity, ListError, ListName, NameQuality, ParseFaults, version_of};
use super::remarks;

/// The name of the list.
pub const LIST_NAME: &str = "ofac-sdn";

/// A file with more than one broken row in this many is not used at all.
const ONE_BROKEN_IN: usize = 33;

/// Reads the list from a folder with its files. `sdn.csv` has to be there; the others may be absent.
pub fn read_folder(path: &Path) -> Result<List, ListError> {
    let sdn = read(path, "sdn.csv")?;
    let optional = |file| match read(path, file) {
        Err(ListError::Unreadable { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            Ok(Vec::new())
        }
        other => other,
    };
    parse(&sdn, &optional("alt.csv")?, &optional("add.csv")?, &optional("sdn_comments.csv")?)
}

/// Parses the list from its files' contents; all but `sdn` may be empty.
pub fn parse(sdn: &[u8], alt: &[u8], add: &[u8], comments: &[u8]) -> Result<List, ListError> {
    let files = [("sdn.csv", sdn), ("alt.csv", alt), ("add.csv", add), ("sdn_comments.csv", comments)];
    let mut reading = Reading::default();
    rows("sdn.csv", sdn, 12, &mut reading.faults)?.iter().for_each(|row| reading.entity(row));
    if reading.entities.is_empty() {
        return Err(ListError::Empty { file: "sdn.csv".to_owned() });
    }
    // Comments first: they complete the remarks that the facts are read from.
    rows("sdn_comments.csv", comments, 2, &mut reading.faults)?.iter().for_each(|row| reading.comment(row));
    rows("alt.csv", alt, 4, &mut reading.faults)?.iter().for_each(|row| reading.alias(row));
    rows("add.csv", add, 5, &mut reading.faults)?.iter().for_each(|row| reading.address(row));
    reading.remarks();
    let (entities, faults) = (reading.entities, reading.faults);
    Ok(List { name: LIST_NAME.to_owned(), version: version_of(&files), entities, faults })
}

fn read(folder: &Path, file: &str) -> Result<Vec<u8>, ListError> {
    let path = folder.join(file);
    std::fs::read(&path).map_err(|source| ListError::Unreadable { file: path.display().to_string(), source })
}

/// A row whose first column is the entity's number.
struct Row {
    number: u64,
    columns: Vec<String>,
}

impl Row {
    /// A column's text; none when the file says that there is none.
    fn text(&self, column: usize) -> Option<&str> {
        let text = self.columns.get(column)?.trim();
        (!text.is_empty() && text != "-0-").then_some(text)
    }
}

/// The rows of a file. Those that are broken are counted; too many of them fail the file.
fn rows(
    file: &str,
    contents: &[u8],
    columns: usize,
    faults: &mut ParseFaults,
) -> Result<Vec<Row>, ListError> {
    let contents = match contents.iter().position(|byte| *byte == 0x1A) {
        Some(end) => contents.get(..end).unwrap_or(contents),
        None => contents,
    };
    let contents = contents.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(contents);
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(contents);
    let (mut rows, mut broken, mut first) = (Vec::new(), 0_usize, None);
    let mut record = csv::ByteRecord::new();
    loop {
        let line = reader.position().line();
        let fault = match reader.read_byte_record(&mut record) {
            Ok(false) => break,
            Ok(true) => match row(&record, columns) {
                Ok(row) => {
                    rows.push(row);
                    continue;
                }
                Err(fault) => fault,
            },
            Err(error) => error.to_string(),
        };
        broken += 1;
        first.get_or_insert((line, fault));
    }
    faults.rows += broken;
    match first {
        Some((line, fault)) if broken * ONE_BROKEN_IN > rows.len() + broken => {
            Err(ListError::Broken { file: file.to_owned(), broken, rows: rows.len() + broken, line, fault })
        }
        _ => Ok(rows),
    }
}

fn row(record: &csv::ByteRecord, columns: usize) -> Result<Row, String> {
    if record.len() < columns {
        return Err(format!("{} columns instead of {columns}", record.len()));
    }
    let columns: Vec<String> = record.iter().map(text).collect();
    let number = columns.first().and_then(|number| number.trim().parse().ok());
    Ok(Row { number: number.ok_or("the first column is no number")?, columns })
}

/// UTF-8, or else Latin-1, in which every byte is a letter.
fn text(bytes: &[u8]) -> String {
    std::str::from_utf8(bytes).map_or_else(|_| bytes.iter().copied().map(char::from).collect(), str::to_owned)
}

/// A list under way.
#[derive(Default)]
struct Reading {
    entities: Vec<ListEntity>,
    by_number: HashMap<u64, usize>,
    faults: ParseFaults,
}

impl Reading {
    fn entity(&mut self, row: &Row) {
        let Some(name) = row.text(1) else {
            self.faults.rows += 1;
            return;
        };
        if self.by_number.contains_key(&row.number) {
            self.faults.rows += 1;
            return;
        }
        let kind = match row.text(2) {
            None => EntityKind::Entity,
            Some("individual") => EntityKind::Individual,
            Some("vessel") => EntityKind::Vessel,
            Some("aircraft") => EntityKind::Aircraft,
            Some(_) => {
                self.faults.kinds += 1;
                EntityKind::Entity
            }
        };
        let mut programs: Vec<String> = row
            .text(3)
            .into_iter()
            .flat_map(|programs| programs.split("] ["))
            .map(|program| program.trim_matches(['[', ']', ' ']).to_owned())
            .collect();
        programs.sort();
        programs.dedup();
        self.by_number.insert(row.number, self.entities.len());
        self.entities.push(ListEntity {
            id: format!("ofac:{}", row.number),
            kind,
            names: vec![ListName { text: spoken(kind, name), quality: NameQuality::Primary }],
            birth_dates: Vec::new(),
            countries: Vec::new(),
            programs,
            remarks: row.text(11).unwrap_or_default().to_owned(),
        });
    }

    fn owner(&mut self, row: &Row) -> Option<&mut ListEntity> {
        let at = self.by_number.get(&row.number).copied();
        let owner = at.and_then(|at| self.entities.get_mut(at));
        if owner.is_none() {
            self.faults.orphans += 1;
        }
        owner
    }

    fn comment(&mut self, row: &Row) {
        let Some(comment) = row.text(1).map(str::to_owned) else { return };
        if let Some(entity) = self.owner(row) {
            // The remarks broke off in the middle of a word.
            entity.remarks.push_str(&comment);
        }
    }

    fn alias(&mut self, row: &Row) {
        let Some(name) = row.text(3).map(str::to_owned) else {
            self.faults.rows += 1;
            return;
        };
        if let Some(entity) = self.owner(row) {
            let text = spoken(entity.kind, &name);
            add_name(entity, text, NameQuality::Strong);
        }
    }

    fn address(&mut self, row: &Row) {
        let country = row.text(4).filter(|country| *country != "undetermined").map(countries::code);
        if country == Some(None) {
            self.faults.countries += 1;
        }
        let code = country.flatten();
        if let (Some(entity), Some(code)) = (self.owner(row), code) {
            entity.countries.push(code.to_owned());
        }
    }

    fn remarks(&mut self) {
        for entity in &mut self.entities {
            let facts = remarks::read(&entity.remarks);
            self.faults.dates += facts.unknown_dates;
            self.faults.countries += facts.unknown_countries;
            entity.birth_dates = facts.birth_dates;
            entity.birth_dates.sort();
            entity.birth_dates.dedup();
            entity.countries.extend(facts.countries);
            entity.countries.sort();
            entity.countries.dedup();
            for alias in facts.weak_names {
                let text = spoken(entity.kind, &alias);
                add_name(entity, text, NameQuality::Weak);
            }
        }
    }
}

fn add_name(entity: &mut ListEntity, text: String, quality: NameQuality) {
    if entity.names.iter().all(|name| name.text != text) {
        entity.names.push(ListName { text, quality });
    }
}

/// Turns `LAST, First` of a person round; other names stay as they are.
fn spoken(kind: EntityKind, name: &str) -> String {
    match name.split_once(',') {
        Some((last, first)) if kind == EntityKind::Individual && !first.trim().is_empty() => {
            format!("{} {}", first.trim(), last.trim())
        }
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SDN: &[u8] = b"7,\"DOE, Jane Mary\",\"individual\",\"SDGT] [IRAN\",-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,\"DOB 21 May 1970; citizen Ir\"\r\n\
        8,\"SOCIEDAD M\xC9XICO, S.A.\",-0- ,\"CUBA\",-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- \r\n\x1A";

    #[test]
    fn the_four_files_make_entities() {
        let list = parse(
            SDN,
            b"7,1,\"aka\",\"ROE, Jane\",-0- \r\n9,2,\"aka\",\"GONE\",-0- \r\n\x1a",
            b"8,1,-0- ,\"Havana\",\"Cuba\",-0- \r\n8,2,-0- ,-0- ,\"undetermined\",-0- \r\n8,3,-0- ,-0- ,\"Atlantis\",-0- \r\n",
            b"7,\"an; a.k.a. 'JJ'.\"\r\n",
        )
        .unwrap();
        let [jane, company] = list.entities.as_slice() else { panic!("two entities") };
        assert_eq!((jane.id.as_str(), jane.kind), ("ofac:7", EntityKind::Individual));
        let names: Vec<_> = jane.names.iter().map(|name| (name.text.as_str(), name.quality)).collect();
        assert_eq!(
            names,
            [
                ("Jane Mary DOE", NameQuality::Primary),
                ("Jane ROE", NameQuality::Strong),
                ("JJ", NameQuality::Weak)
            ]
        );
        assert_eq!(jane.programs, ["IRAN", "SDGT"]);
        assert_eq!(jane.countries, ["IR"], "remarks go on in the comments");
        assert_eq!(jane.birth_dates.len(), 1);
        assert_eq!(company.primary_name(), "SOCIEDAD MÉXICO, S.A.", "Latin-1 is read");
        assert_eq!(company.countries, ["CU"]);
        assert_eq!(list.faults, ParseFaults { orphans: 1, countries: 1, ..ParseFaults::default() });
    }

    #[test]
    fn an_empty_list_is_refused() {
        assert!(matches!(parse(b"\x1a", b"", b"", b""), Err(ListError::Empty { .. })));
    }

    #[test]
    fn a_broken_list_is_refused_with_file_line_and_fault() {
        let fault = parse(b"<html>\nsorry\n</html>\n", b"", b"", b"").unwrap_err().to_string();
        assert!(
            fault.contains("sdn.csv") && fault.contains("line 1") && fault.contains("columns"),
            "{fault}"
        );
        let fault = parse(SDN, b"x,1,\"aka\",\"A\"\n", b"", b"").unwrap_err().to_string();
        assert!(fault.contains("alt.csv") && fault.contains("no number"), "{fault}");
    }

    #[test]
    fn a_missing_file_is_named() {
        let fault = read_folder(Path::new("/nowhere")).unwrap_err().to_string();
        assert!(fault.contains("/nowhere/sdn.csv"), "{fault}");
    }
}
