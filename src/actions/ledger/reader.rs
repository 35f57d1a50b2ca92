//! Reading the files of the ledger: each from where it was left, every round.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs::{self, File},
    io::{self, Read as _, Seek as _, SeekFrom},
    time::SystemTime,
};

use uuid::Uuid;

use super::{Act, ENDING, Ledger, Line, lines::is_newer};

/// The most bytes of one file that are held at once.
const CHUNK: u64 = 1 << 20;

/// An erasure as the files tell of it.
#[derive(Clone, Debug)]
pub(super) struct Told {
    /// Its intent.
    pub(super) intent: Line,
    /// The last that was said of it.
    pub(super) act: Act,
    /// The last line of its own file that is about it.
    pub(super) line: i64,
}

/// How far a file was read.
#[derive(Debug, Default)]
pub(super) struct Place {
    offset: u64,
    /// How many lines were read.
    pub(super) lines: i64,
    mac: [u8; 32],
    /// How many of them the database had seen.
    pub(super) seen: i64,
    /// How many erasures began, and how many of them ended.
    pub(super) begun: usize,
    pub(super) ended: usize,
    /// Those that the database has not seen, or that did not end.
    pub(super) told: BTreeMap<String, Told>,
    /// Whether another process holds the file.
    pub(super) is_in_use: bool,
    /// What is wrong with it.
    pub(super) fault: Option<String>,
    /// Its length, and when it was written to, when the fault was found.
    stamp: Option<(u64, SystemTime)>,
}

/// What was read so far.
#[derive(Debug, Default)]
pub(super) struct Reader {
    /// The files, by name.
    pub(super) files: BTreeMap<String, Place>,
    /// Ends of erasures that another process's file tells of: these are few.
    decided: HashMap<String, Act>,
    /// Keys with those that were made in their place, of all that was ever read: what becomes of a key later is told
    /// of in other lines, which may be read in another round.
    pub(super) successors: BTreeSet<(Uuid, Uuid)>,
}

impl Reader {
    /// Reads what is new; from the beginning, where the database has seen less than it had.
    pub(super) fn refresh(&mut self, ledger: &Ledger, marks: &BTreeMap<String, i64>) -> io::Result<()> {
        let own = ledger.own_name();
        let mut present = BTreeMap::new();
        match fs::read_dir(ledger.folder()) {
            Ok(entries) => {
                for entry in entries {
                    let entry = entry?;
                    let name = entry.file_name();
                    let name = name.to_str().filter(|name| name.ends_with(ENDING));
                    if let Some(name) = name {
                        present.insert(name.to_owned(), entry.path());
                    }
                }
            }
            // Nothing was redacted yet; where something was, each file of it is missing.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        for (name, lines) in marks {
            if !present.contains_key(name) {
                let missing = Place {
                    seen: *lines,
                    fault: Some(format!(
                        "it is not there, and the database has seen {lines} lines of it: put it back into the \
                         folder; where it is lost for good, `watchkeeper ledger forget {name}`"
                    )),
                    ..Place::default()
                };
                self.files.insert(name.clone(), missing);
            }
        }
        self.files.retain(|name, _| present.contains_key(name) || marks.contains_key(name));
        for (name, path) in present {
            let seen = marks.get(&name).copied().unwrap_or(0);
            let mut place = self.files.remove(&name).filter(|place| place.seen <= seen).unwrap_or_default();
            place.seen = seen;
            let mut file = File::open(&path)?;
            place.is_in_use = own.as_ref() != Some(&name) && file.try_lock().is_err();
            self.read(ledger, &mut place, &mut file)?;
            self.files.insert(name, place);
        }
        for (name, act) in &self.decided {
            for place in self.files.values_mut() {
                if let Some(told) = place.told.get_mut(name).filter(|told| told.act == Act::Intent) {
                    told.act = *act;
                    place.ended += 1;
                }
            }
        }
        for place in self.files.values_mut() {
            let seen = place.seen;
            place.told.retain(|_, told| told.line > seen || told.act == Act::Intent);
        }
        Ok(())
    }

    /// Reads on in a file. What a crash left of a last line is none.
    fn read(&mut self, ledger: &Ledger, place: &mut Place, file: &mut File) -> io::Result<()> {
        let metadata = file.metadata()?;
        let length = metadata.len();
        let stamp = Some((length, metadata.modified()?));
        if place.fault.is_some() && place.stamp == stamp {
            return Ok(());
        }
        if length < place.offset || place.fault.is_some() {
            // It was shortened, or put back.
            *place = Place { seen: place.seen, is_in_use: place.is_in_use, ..Place::default() };
        }
        let mut rest = Vec::new();
        while place.fault.is_none() && place.offset < length {
            file.seek(SeekFrom::Start(place.offset + rest.len() as u64))?;
            if file.by_ref().take(CHUNK).read_to_end(&mut rest)? == 0 {
                break;
            }
            let Some(end) = rest.iter().rposition(|byte| *byte == b'\n') else { continue };
            let further = rest.split_off(end + 1);
            for written in rest.split_inclusive(|byte| *byte == b'\n') {
                if let Err(fault) = self.follow(ledger, place, written) {
                    place.fault = Some(fault);
                    break;
                }
                place.offset += written.len() as u64;
            }
            rest = further;
        }
        if place.fault.is_none() && place.lines < place.seen {
            place.fault = Some(format!(
                "the database has seen {} lines of it, and it has {}: put the whole file back; where that is lost for \
                 good, move this one away and `watchkeeper ledger forget` it",
                place.seen, place.lines
            ));
        }
        place.stamp = stamp;
        Ok(())
    }

    fn follow(&mut self, ledger: &Ledger, place: &mut Place, written: &[u8]) -> Result<(), String> {
        let number = place.lines + 1;
        let broken = || format!("line {number} was altered, or is of another database");
        let newer = || format!("line {number} is of a newer version: a newer watchkeeper reads it");
        // A newer line says more than this program knows of.
        let line: Line = serde_json::from_slice(written)
            .map_err(|_| if is_newer(written) { newer() } else { broken() })?;
        let link = line.link(&ledger.key, &place.mac);
        if line.mac != super::hex(&link) || line.line != number {
            return Err(broken());
        }
        if !line.is_known() {
            return Err(newer());
        }
        (place.lines, place.mac) = (number, link);
        if line.act == Act::Intent {
            place.begun += 1;
            self.successors.extend(line.successors());
            let told = Told { act: Act::Intent, line: number, intent: line };
            place.told.insert(told.intent.erasure.clone(), told);
        } else if let Some(told) = place.told.get_mut(&line.erasure) {
            place.ended += usize::from(told.act == Act::Intent);
            (told.act, told.line) = (line.act, number);
            if number <= place.seen {
                place.told.remove(&line.erasure);
            }
        } else {
            self.decided.insert(line.erasure, line.act);
        }
        Ok(())
    }
}
