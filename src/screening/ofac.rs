//! The US Treasury's list of specially designated nationals, in its CSV form.
//!
//! Four files without header lines, `-0-` for nothing, perhaps a byte 0x1A at the end: `sdn.csv`
//! (who), `alt.csv` (aliases), `add.csv` (addresses), `sdn_comments.csv` (remarks that went over
//! the length of a field, continued). Text is UTF-8, or Latin-1 where it is not. The consolidated list
//! of what is not on the SDN list has the same four: `cons_prim.csv` and so on.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::path::Path;

use super::countries;
use super::list::{
    Document, EntityKind, List, ListEntity, ListError, NameQuality, NameUse, ParseFaults, version_of,
};
use super::parse::{BEYOND, Format, ONE_BROKEN_IN, source};
use super::remarks;

/// The name of the list.
pub const LIST_NAME: &str = "ofac-sdn";

/// Reads the SDN list from a folder with its files. `sdn.csv` has to be there; the others may be absent.
pub fn read_folder(path: &Path) -> Result<List, ListError> {
    read_files(path, Format::OfacCsv.files().unwrap_or_default())
}

/// Reads a list from a folder with its files, named as [`Format::files`] says. The first has to be there; the
/// others may be absent.
pub fn read_files(path: &Path, files: &[(&str, &str)]) -> Result<List, ListError> {
    let mut contents = Vec::with_capacity(files.len());
    for (place, (_, file)) in files.iter().enumerate() {
        contents.push(match read(path, file) {
            Err(ListError::Unreadable { source, .. })
                if place > 0 && source.kind() == std::io::ErrorKind::NotFound =>
            {
                (*file, Vec::new())
            }
            other => (*file, other?),
        });
    }
    let borrowed: Vec<(&str, &[u8])> = contents.iter().map(|(file, text)| (*file, text.as_slice())).collect();
    parse_files(&borrowed)
}

/// Parses the SDN list from its files' contents; all but `sdn` may be empty.
pub fn parse(sdn: &[u8], alt: &[u8], add: &[u8], comments: &[u8]) -> Result<List, ListError> {
    parse_files(&[("sdn.csv", sdn), ("alt.csv", alt), ("add.csv", add), ("sdn_comments.csv", comments)])
}

/// Entities, aliases, addresses, comments: a name and the contents of each.
fn parse_files(files: &[(&str, &[u8])]) -> Result<List, ListError> {
    let mut reading = Reading::default();
    let mut each = |place: usize, columns: RangeInclusive<usize>, take: fn(&mut Reading, &Row)| {
        let Some((file, contents)) = files.get(place) else { return Ok(()) };
        // OFAC publishes all of them: one that is not there is said, as what it would hold is missing.
        if contents.is_empty() {
            reading.faults.unknown(&format!("file {file} absent or empty"));
        }
        let rows = rows(file, contents, &columns, &mut reading.faults)?;
        for row in &rows {
            take(&mut reading, row);
        }
        Ok(())
    };
    each(0, 12..=12, Reading::entity)?;
    // Comments first: they complete the remarks that the facts are read from.
    each(3, 2..=2, Reading::comment)?;
    each(1, 4..=5, Reading::alias)?;
    each(2, 5..=6, Reading::address)?;
    if reading.entities.is_empty() {
        let file = files.first().map_or("", |(file, _)| file);
        return Err(ListError::Empty { file: file.to_owned() });
    }
    reading.finish();
    let (entities, faults) = (reading.entities, reading.faults);
    Ok(List { name: LIST_NAME.to_owned(), version: version_of(files), entities, faults })
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

/// The rows of a file, of as many columns as are read up to as many as there are. Those that are broken are counted; too
/// many of them fail the file. What stands beyond a row's last column, such as a whole row, is counted too.
fn rows(
    file: &str,
    contents: &[u8],
    columns: &RangeInclusive<usize>,
    faults: &mut ParseFaults,
) -> Result<Vec<Row>, ListError> {
    // A mark of the end ends nothing where more follows.
    let marked = contents.trim_ascii_end().strip_suffix(b"\x1A");
    let contents = marked.unwrap_or(contents);
    contents.split(|byte| *byte == 0x1A).skip(1).for_each(|_| faults.unknown("byte 0x1A"));
    let contents = contents.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(contents);
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(contents);
    let (mut rows, mut broken, mut first) = (Vec::new(), 0_usize, None);
    let mut record = csv::ByteRecord::new();
    let mut last_is_broken = false;
    loop {
        let line = reader.position().line();
        let fault = match reader.read_byte_record(&mut record) {
            Ok(false) => break,
            Ok(true) => match row(&record, *columns.start()) {
                Ok(row) => {
                    last_is_broken = false;
                    if record.len() > *columns.end() {
                        faults.unknown(BEYOND);
                    }
                    rows.push(row);
                    continue;
                }
                Err(fault) => fault,
            },
            Err(error) => error.to_string(),
        };
        broken += 1;
        last_is_broken = true;
        first.get_or_insert((line, fault));
    }
    faults.rows += broken;
    match first {
        _ if marked.is_none() && is_cut_off(contents, last_is_broken) => {
            let fault = "its last line does not end".to_owned();
            Err(ListError::Truncated { file: file.to_owned(), fault })
        }
        Some((line, fault)) if broken * ONE_BROKEN_IN > rows.len() + broken => {
            Err(ListError::Broken { file: file.to_owned(), broken, rows: rows.len() + broken, line, fault })
        }
        _ => Ok(rows),
    }
}

/// Whether a file that has no mark at its end stops within a line: each ends with a quotation or with `-0-`, of
/// which copies may lack the last byte.
fn is_cut_off(contents: &[u8], last_is_broken: bool) -> bool {
    let ends = |with: &[u8]| contents.trim_ascii_end().ends_with(with);
    let is_whole = ends(b",-0-") || ends(b",-0") || ends(b"\"") && !ends(b",\"");
    contents.last().is_some_and(|last| *last != b'\n') && (last_is_broken || !is_whole)
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
        let number = row.number.to_string();
        let mut entity = ListEntity::new(format!("ofac:{number}"), kind);
        entity.add_name(&spoken(kind, name), NameQuality::Primary, NameUse::Current);
        entity.programs = programs;
        row.text(11).unwrap_or_default().clone_into(&mut entity.remarks);
        entity.topics.push("sanction".to_owned());
        entity.source = Some(source(&number));
        if let Some(number) = row.text(5) {
            let kind = "Call Sign".to_owned();
            entity.documents.push(Document { kind, number: number.to_owned(), country: None });
        }
        if let Some(flag) = row.text(9) {
            match countries::code(flag) {
                Some(code) => entity.countries.push(code.to_owned()),
                None => self.faults.countries += 1,
            }
        }
        self.entities.push(entity);
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
        let usage = match row.text(2) {
            Some("fka") => NameUse::Former,
            Some("aka" | "nka") | None => NameUse::Current,
            Some(other) => {
                self.faults.unknown(&format!("alias type {other}"));
                NameUse::Current
            }
        };
        if let Some(entity) = self.owner(row) {
            let text = spoken(entity.kind, &name);
            entity.add_name(&text, NameQuality::Strong, usage);
        }
    }

    fn address(&mut self, row: &Row) {
        let country = row.text(4).filter(|country| *country != "undetermined").map(countries::code);
        if country == Some(None) {
            self.faults.countries += 1;
        }
        let code = country.flatten();
        let parts = [row.text(2), row.text(3), row.text(4).filter(|country| *country != "undetermined")];
        let address = parts.into_iter().flatten().collect::<Vec<_>>().join(", ");
        if let Some(entity) = self.owner(row) {
            entity.countries.extend(code.map(str::to_owned));
            entity.addresses.extend(Some(address).filter(|address| !address.is_empty()));
        }
    }

    /// Reads the facts in the remarks, once these are whole.
    fn finish(&mut self) {
        for entity in &mut self.entities {
            let facts = remarks::read(&entity.remarks);
            self.faults.dates += facts.unknown_dates;
            self.faults.countries += facts.unknown_countries;
            (0..facts.unknown_genders).for_each(|_| self.faults.unknown("gender"));
            entity.birth_dates.extend(facts.birth_dates);
            entity.approximate_dates.extend(facts.approximate_dates);
            entity.nationalities.extend(facts.countries);
            entity.gender = facts.gender;
            entity.documents.extend(facts.documents);
            for alias in facts.weak_names {
                let text = spoken(entity.kind, &alias);
                entity.add_name(&text, NameQuality::Weak, NameUse::Current);
            }
            entity.tidy();
        }
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
    use std::collections::BTreeMap;

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
    fn a_mark_of_the_end_within_a_file_ends_nothing_and_an_absent_file_is_said() {
        let marked = [
            &SDN[..SDN.len() - 1],
            b"9,\"OTHER\x1A\",-0- ,\"CUBA\",-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,\"Gender none\"\r\n\x1A\r\n",
        ]
        .concat();
        let list = parse(&marked, b"", b"8,1,-0- ,\"Havana\",\"Cuba\",-0- \r\n", b"7,\"an\"\r\n").unwrap();
        assert_eq!(list.entities.len(), 3);
        let unknown: Vec<(&str, usize)> =
            list.faults.unknown.iter().map(|(what, count)| (what.as_str(), *count)).collect();
        assert_eq!(unknown, [("byte 0x1A", 1), ("file alt.csv absent or empty", 1), ("gender", 1)]);
    }

    #[test]
    fn what_stands_beyond_the_last_column_is_counted_in_each_file() {
        // The line's end between two entities is lost.
        let end = SDN.windows(2).position(|two| two == b"\r\n").unwrap();
        let joined = [&SDN[..end], &SDN[end + 2..]].concat();
        let list = parse(
            &joined,
            b"7,1,\"aka\",\"ROE, Jane\",-0- ,-0- \r\n",
            b"7,1,-0- ,\"Havana\",\"Cuba\",-0- ,8\r\n",
            b"7,\"an\",-0- \r\n",
        );
        let list = list.unwrap();
        assert_eq!(list.entities.len(), 1);
        assert_eq!(list.faults.unknown, BTreeMap::from([(BEYOND.to_owned(), 4)]));
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
    fn a_file_that_is_cut_off_within_a_line_is_refused() {
        let whole = SDN.strip_suffix(b"\r\n\x1A").unwrap();
        assert!(parse(whole, b"", b"", b"").is_ok(), "a line that lacks nothing but its end");
        for cut in [whole.len() - 3, whole.len() - 7, 90] {
            let fault = parse(&whole[..cut], b"", b"", b"").unwrap_err();
            assert!(matches!(fault, ListError::Truncated { .. }), "{cut}: {fault}");
        }
    }

    #[test]
    fn a_missing_file_is_named() {
        let fault = read_folder(Path::new("/nowhere")).unwrap_err().to_string();
        assert!(fault.contains("/nowhere/sdn.csv"), "{fault}");
    }
}
