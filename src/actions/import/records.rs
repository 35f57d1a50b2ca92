//! Records of a CSV file, each with the line that it begins in, whichever way lines end.
//!
//! A record has a bound, as a line of NDJSON has: a quotation mark that nobody closes would take the rest of the file
//! for one cell, and memory with it.

use std::io::{self, BufRead, Chain, Read};

use csv::ByteRecord;
use csv_core::{ReadRecordResult, ReaderBuilder, Terminator};

/// The longest record, in bytes of the file.
pub const LONGEST_RECORD: usize = 1 << 20;

/// Why a file cannot be read on.
#[derive(Debug, thiserror::Error)]
pub enum RecordFault {
    /// The file cannot be read.
    #[error("the file could not be read")]
    Read(#[from] io::Error),
    /// A cell goes on and on.
    #[error("a quote opened in line {0} is not closed within 1 MiB")]
    OpenQuote(u64),
    /// A line goes on and on.
    #[error("line {0} is longer than 1 MiB")]
    LongLine(u64),
}

impl RecordFault {
    /// The line at fault.
    pub const fn line(&self) -> Option<u64> {
        match self {
            Self::Read(_) => None,
            Self::OpenQuote(line) | Self::LongLine(line) => Some(*line),
        }
    }
}

/// Reads a file record by record. Lines without anything in them are no records.
#[derive(Debug)]
pub struct Records<F> {
    file: Chain<F, &'static [u8]>,
    parser: csv_core::Reader,
    text: Vec<u8>,
    ends: Vec<usize>,
    bytes: u64,
    line: u64,
}

impl<F: BufRead> Records<F> {
    /// Begins at the first line of a file.
    pub fn new(file: F) -> Self {
        // A record ends at a line feed, and only there: so its line is known. The carriage return before it is taken
        // off the last cell.
        let parser = ReaderBuilder::new().terminator(Terminator::Any(b'\n')).build();
        Self {
            file: Read::chain(file, b"\n".as_slice()),
            parser,
            text: vec![0; 1 << 12],
            ends: vec![0; 1 << 6],
            bytes: 0,
            line: 0,
        }
    }

    /// The line in which the last record begins, the first being line 1.
    pub const fn line(&self) -> u64 {
        self.line
    }

    /// Up to which byte the file was read.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Reads the next record. False at the end.
    pub fn read(&mut self, record: &mut ByteRecord) -> Result<bool, RecordFault> {
        loop {
            record.clear();
            let Some(Parsed { filled, ended, last }) = self.parse()? else { return Ok(false) };
            let text = self.text.get(..filled).unwrap_or_default();
            if ended == 1 && text.trim_ascii().is_empty() {
                continue;
            }
            self.line = last - line_feeds(text);
            let mut start = 0;
            for (place, end) in self.ends.iter().take(ended).enumerate() {
                let cell = text.get(start..*end).unwrap_or_default();
                let is_last = place + 1 == ended;
                record.push_field(if is_last { cell.strip_suffix(b"\r").unwrap_or(cell) } else { cell });
                start = *end;
            }
            return Ok(true);
        }
    }

    /// Takes a record apart.
    fn parse(&mut self) -> Result<Option<Parsed>, RecordFault> {
        let (mut taken, mut filled, mut ended) = (0, 0, 0);
        loop {
            let input = self.file.fill_buf()?;
            let input = input.get(..input.len().min(LONGEST_RECORD - taken)).unwrap_or_default();
            let text = self.text.get_mut(filled..).unwrap_or_default();
            let ends = self.ends.get_mut(ended..).unwrap_or_default();
            let (result, read, written, fields) = self.parser.read_record(input, text, ends);
            self.file.consume(read);
            self.bytes += read as u64;
            (taken, filled, ended) = (taken + read, filled + written, ended + fields);
            match result {
                ReadRecordResult::Record => {
                    // Ended by the end of a line, or by that of the file.
                    let last = self.parser.line() - u64::from(read > 0);
                    return Ok(Some(Parsed { filled, ended, last }));
                }
                ReadRecordResult::End => return Ok(None),
                _ if taken == LONGEST_RECORD => return Err(self.endless(filled, ended)),
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => self.text.resize(self.text.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
            }
        }
    }

    /// What goes on and on: a cell of many lines can only be quoted.
    fn endless(&self, filled: usize, ended: usize) -> RecordFault {
        let start = ended.checked_sub(1).and_then(|last| self.ends.get(last)).copied().unwrap_or(0);
        let line = self.parser.line();
        match line_feeds(self.text.get(start..filled).unwrap_or_default()) {
            0 => RecordFault::LongLine(line),
            lines => RecordFault::OpenQuote(line - lines),
        }
    }
}

/// A record: how long its text is, how many cells it has, the line in which its last one ends.
struct Parsed {
    filled: usize,
    ended: usize,
    last: u64,
}

fn line_feeds(text: &[u8]) -> u64 {
    text.split(|byte| *byte == b'\n').skip(1).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(file: &str) -> (Vec<(u64, Vec<String>)>, Option<RecordFault>) {
        let mut records = Records::new(file.as_bytes());
        let (mut record, mut found) = (ByteRecord::new(), Vec::new());
        loop {
            match records.read(&mut record) {
                Ok(true) => {
                    let cells = record.iter().map(|cell| String::from_utf8(cell.to_vec()).unwrap());
                    found.push((records.line(), cells.collect()));
                }
                Ok(false) => return (found, None),
                Err(fault) => return (found, Some(fault)),
            }
        }
    }

    #[test]
    fn lines_are_counted_as_an_editor_counts_them_however_they_end() {
        let file = "\u{feff}a,b\n\n1,\"x\ny\"\n2,\"q\"\"q\"\n \n3,";
        for file in [file.to_owned(), file.replace('\n', "\r\n")] {
            let (found, fault) = read(&file);
            assert!(fault.is_none());
            let lines: Vec<u64> = found.iter().map(|(line, _)| *line).collect();
            assert_eq!(lines, [1, 3, 5, 7], "{file:?}");
            assert_eq!(found[0].1, ["a", "b"]);
            assert_eq!(found[2].1, ["2", "q\"q"]);
            assert_eq!(found[3].1, ["3", ""]);
        }
    }

    #[test]
    fn a_quote_that_nobody_closes_ends_the_reading_and_is_named_by_its_line() {
        let rest = "c,some more\r\n".repeat(200_000);
        let (found, fault) = read(&format!("a,b\r\n1,2\r\n\"x\r\ny\",\"never closed\r\n{rest}"));
        assert_eq!(found.len(), 2);
        assert_eq!(fault.unwrap().to_string(), "a quote opened in line 4 is not closed within 1 MiB");
        let (found, fault) = read(&format!("a,b\n1,{}\n", "x".repeat(2 << 20)));
        assert_eq!((found.len(), fault.unwrap().to_string()), (1, "line 2 is longer than 1 MiB".to_owned()));
        let (found, fault) = read(&format!("a,b\n1,{}\n", ",".repeat(2 << 20)));
        assert_eq!((found.len(), fault.unwrap().line()), (1, Some(2)));
        let (found, fault) = read(&format!("a,b\n1,{}\n2,3", "x".repeat(1 << 19)));
        assert!(fault.is_none() && found.len() == 3, "what is long, and not too long, is taken");
    }
}
