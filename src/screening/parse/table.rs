//! CSV with a header line, read by the names of its columns.

use std::{collections::HashMap, io::BufRead};

use super::{BEYOND, ListError, Reading, skip_mark};

/// What a table has to be like.
pub(super) struct Shape {
    /// Columns without which it is not this table. Names are compared without case and space.
    pub(super) needed: &'static [&'static str],
    /// The other columns that are read, or left alone knowingly.
    pub(super) known: &'static [&'static str],
    /// Whether its last line has to end: a published file that does not is cut off.
    pub(super) ends_its_last_line: bool,
}

/// A row with its column names.
pub(super) struct Row<'a> {
    columns: &'a HashMap<String, usize>,
    record: &'a csv::StringRecord,
    /// Its first line in the file.
    pub(super) line: u64,
}

impl Row<'_> {
    /// What a column says; empty when there is no such column.
    pub(super) fn get(&self, column: &str) -> &str {
        self.columns.get(&plain(column)).and_then(|at| self.record.get(*at)).map_or("", str::trim)
    }

    /// The parts of a column that is itself a row of CSV, divided by `;`, with quotation marks where a part has one.
    pub(super) fn several_quoted(&self, column: &str) -> Vec<String> {
        let cell = self.get(column);
        let mut reader =
            csv::ReaderBuilder::new().has_headers(false).delimiter(b';').from_reader(cell.as_bytes());
        let parts = reader.records().flatten().next().unwrap_or_default();
        parts.iter().map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
    }

    /// The parts of a column that is divided by `;`.
    pub(super) fn several(&self, column: &str) -> impl Iterator<Item = &str> {
        self.get(column).split(';').map(str::trim).filter(|part| !part.is_empty())
    }
}

/// Column names are compared so: publishers change their case.
fn plain(name: &str) -> String {
    name.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// Notes what the last byte was that came through.
struct Last<'a, R> {
    inner: &'a mut R,
    byte: Option<u8>,
}

impl<R: BufRead> std::io::Read for Last<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(buffer)?;
        if let Some(last) = count.checked_sub(1).and_then(|last| buffer.get(last)) {
            self.byte = Some(*last);
        }
        Ok(count)
    }
}

/// Calls `each` with every row below the header, which is the first line that has the needed columns; one line
/// may stand above it.
pub(super) fn each(
    input: &mut impl BufRead,
    reading: &mut Reading,
    shape: &Shape,
    mut each: impl FnMut(&Row<'_>, &mut Reading),
) -> Result<(), ListError> {
    skip_mark(input).map_err(|source| reading.unreadable(source))?;
    let mut last = Last { inner: input, byte: None };
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(&mut last);
    let (columns, headed) = header(&mut reader, reading, shape)?;
    let width = columns.len();
    let mut bytes = csv::ByteRecord::new();
    // A short row is broken; a short row that is the last is where the file was cut off.
    let mut short: Option<u64> = None;
    loop {
        let line = reader.position().line();
        match reader.read_byte_record(&mut bytes) {
            Ok(false) => break,
            Ok(true) => {}
            Err(error) => return Err(unreadable(reading, error)),
        }
        if let Some(line) = short.take() {
            reading.broken(line, format!("it has fewer than {width} columns"));
        }
        if bytes.len() < width {
            short = Some(line);
            continue;
        }
        if bytes.len() > headed {
            reading.faults.unknown(BEYOND);
        }
        let record = csv::StringRecord::from_byte_record_lossy(bytes.clone());
        if record.as_slice().contains('\u{fffd}') {
            reading.faults.unknown("text that is not UTF-8");
        }
        each(&Row { columns: &columns, record: &record, line }, reading);
    }
    drop(reader);
    if let Some(line) = short {
        return Err(
            reading.truncated(format!("its last row, at line {line}, has fewer than {width} columns"))
        );
    }
    if shape.ends_its_last_line && last.byte != Some(b'\n') {
        return Err(reading.truncated("its last line does not end"));
    }
    Ok(())
}

/// The columns, and how many cells their line has.
fn header<R: std::io::Read>(
    reader: &mut csv::Reader<R>,
    reading: &mut Reading,
    shape: &Shape,
) -> Result<(HashMap<String, usize>, usize), ListError> {
    let mut record = csv::StringRecord::new();
    let mut missing = Vec::new();
    for _ in 0..2 {
        match reader.read_record(&mut record) {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => return Err(unreadable(reading, error)),
        }
        let columns: HashMap<String, usize> =
            record.iter().enumerate().map(|(at, name)| (plain(name), at)).collect();
        missing = shape.needed.iter().filter(|name| !columns.contains_key(&plain(name))).collect();
        if missing.is_empty() {
            let known: Vec<String> = shape.needed.iter().chain(shape.known).map(|name| plain(name)).collect();
            for name in columns.keys().filter(|name| !known.contains(name) && !name.is_empty()) {
                reading.faults.unknown(&format!("column {name}"));
            }
            return Ok((columns, record.len()));
        }
    }
    let missing: Vec<String> = missing.into_iter().map(|name| format!("\"{name}\"")).collect();
    let accepted = shape.needed.join(", ");
    Err(reading.other_format(
        format!("it has no column {}", missing.join(", ")),
        &format!("a first line with the columns {accepted}"),
    ))
}

fn unreadable(reading: &Reading, error: csv::Error) -> ListError {
    let text = error.to_string();
    match error.into_kind() {
        csv::ErrorKind::Io(source) => reading.unreadable(source),
        _ => reading.other_format(text, "CSV in UTF-8"),
    }
}
