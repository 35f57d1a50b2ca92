//! Words that are searched for, in every form in which somebody could have written them.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use watchkeeper::{
    ambient::Random,
    domain::account_type::{AccountType, FieldKind},
};

/// A date of birth that occurs nowhere else.
const BORN: &str = "1911-08-27";

/// What is searched for, each with where it was put.
#[derive(Default)]
pub(super) struct Marks {
    pub(super) all: Vec<(String, String)>,
    random: Option<Random>,
}

impl Marks {
    /// A new word: sixteen letters that nobody else writes.
    pub(super) fn word(&mut self, place: &str) -> String {
        let word = self.letters(
            &["b", "d", "f", "g", "k", "l", "m", "n", "p", "r", "s", "t", "v", "z"],
            &["a", "e", "i", "o", "u"],
        );
        let word = capitalised(&word);
        self.all.push((word.clone(), place.to_owned()));
        word
    }

    /// A new word in Cyrillic letters; what it becomes in Latin ones is searched for too.
    fn cyrillic_word(&mut self, place: &str) -> String {
        const PAIRS: [(char, char); 12] = [
            ('б', 'b'),
            ('д', 'd'),
            ('з', 'z'),
            ('к', 'k'),
            ('м', 'm'),
            ('н', 'n'),
            ('р', 'r'),
            ('т', 't'),
            ('а', 'a'),
            ('и', 'i'),
            ('о', 'o'),
            ('у', 'u'),
        ];
        let word =
            capitalised(&self.letters(&["б", "д", "з", "к", "м", "н", "р", "т"], &["а", "и", "о", "у"]));
        let latin =
            |letter: char| PAIRS.iter().find(|(from, _)| *from == letter).map_or(letter, |(_, to)| *to);
        let transliterated: String = word.to_lowercase().chars().map(latin).collect();
        self.all.push((word.clone(), place.to_owned()));
        self.all.push((transliterated, format!("{place}, transliterated")));
        word
    }

    fn letters(&mut self, consonants: &[&str], vowels: &[&str]) -> String {
        let random = self.random.get_or_insert_with(Random::from_system);
        random
            .bytes::<16>()
            .iter()
            .enumerate()
            .map(|(place, byte)| {
                let letters = if place % 2 == 0 { consonants } else { vowels };
                letters[usize::from(*byte) % letters.len()]
            })
            .collect()
    }

    /// A row's cells for all personal fields of a type: header and text.
    pub(super) fn cells(&mut self, account_type: &AccountType) -> Vec<(String, String)> {
        let mut cells = Vec::new();
        for field in account_type.fields.iter().filter(|field| field.pii) {
            let (key, place) = (&field.key, format!("{} {}", account_type.name, field.key));
            let parts = field.kind.items();
            for part in parts {
                if part.key == "country_code" {
                    // A word would be no country, and a country is nobody's mark.
                    cells.push((format!("{key}_{}", part.key), "DE".to_owned()));
                    continue;
                }
                cells.push((format!("{key}_{}", part.key), self.word(&format!("{place} {}", part.key))));
            }
            if !parts.is_empty() {
                continue;
            }
            match &field.kind {
                FieldKind::String { .. } if key == "email_address" => {
                    cells.push((key.clone(), format!("{}@mail.invalid", self.word(&place))));
                }
                FieldKind::String { .. } if key == "phone_number" => {
                    cells.push((key.clone(), format!("{} 030 1234567", self.word(&place))));
                }
                FieldKind::String { .. } => cells.push((key.clone(), self.word(&place))),
                list if list.is_text_list() => {
                    let list = format!("{};{}", self.word(&place), self.cyrillic_word(&place));
                    cells.push((key.clone(), list));
                }
                FieldKind::Date { .. } => {
                    self.all.push((BORN.to_owned(), place));
                    cells.push((key.clone(), BORN.to_owned()));
                }
                // What a CSV file has no cells for.
                FieldKind::Array { .. } | FieldKind::File => {}
                other => panic!("{key}: say how a canary of kind {} looks", other.word()),
            }
        }
        cells
    }

    /// Where in `paths` any mark stands, in any form in which it could have been written.
    pub(super) fn found_in(&self, paths: &[PathBuf], scratch: &Path) -> Vec<String> {
        let mut forms = Vec::new();
        for (mark, place) in &self.all {
            for form in forms_of(mark) {
                forms.push((form.to_lowercase(), place));
            }
        }
        let patterns: Vec<&str> = forms.iter().map(|(form, _)| form.as_str()).collect();
        fs::write(scratch, patterns.join("\n")).unwrap();
        // Bytes, whatever they mean; letters of ASCII in either case.
        let found = Command::new("grep")
            .env("LC_ALL", "C")
            .args(["-r", "-a", "-i", "-o", "-F", "-f"])
            .arg(scratch)
            .args(paths)
            .output()
            .unwrap();
        assert!(
            found.status.code().is_some_and(|code| code < 2),
            "{}",
            String::from_utf8_lossy(&found.stderr)
        );
        fs::remove_file(scratch).unwrap();
        let lines = String::from_utf8_lossy(&found.stdout).into_owned();
        let mut places: Vec<String> = lines
            .lines()
            .map(|line| {
                let (path, text) = line.split_once(':').unwrap_or(("", line));
                let text = text.to_lowercase();
                let place =
                    forms.iter().find(|(form, _)| *form == text).map_or("?", |(_, place)| place.as_str());
                format!("{place} in {path}")
            })
            .collect();
        places.sort();
        places.dedup();
        places
    }
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// A text as it is, in JSON's escapes, in hexadecimal, in a URL, and in base 64 wherever it begins.
fn forms_of(mark: &str) -> Vec<String> {
    let mut forms = Vec::new();
    for text in [mark.to_owned(), mark.to_lowercase(), mark.to_uppercase()] {
        let (mut escaped, mut hexadecimal, mut url) = (String::new(), String::new(), String::new());
        for unit in text.encode_utf16() {
            write!(escaped, "\\u{unit:04x}").unwrap();
        }
        for byte in text.bytes() {
            write!(hexadecimal, "{byte:02x}").unwrap();
            write!(url, "%{byte:02x}").unwrap();
        }
        forms.extend([escaped, hexadecimal, url]);
        for shift in 0..3 {
            let mut bytes = vec![0; shift];
            bytes.extend(text.bytes());
            let encoded = STANDARD.encode(&bytes);
            // Letters at both ends hold bits of what stands beside the text.
            let letters = encoded.trim_end_matches('=');
            let (from, to) = ([0, 2, 3][shift], letters.len() - usize::from(bytes.len() % 3 != 0));
            forms.push(letters[from..to].to_owned());
        }
        forms.push(text);
    }
    forms.sort();
    forms.dedup();
    forms
}

/// The same name with a letter doubled: what a list says of somebody whom an account resembles.
pub(super) fn nearly(name: &str) -> String {
    let (place, letter) = name.char_indices().nth(8).unwrap();
    format!("{}{letter}{}", &name[..place], &name[place..])
}

#[test]
fn the_search_finds_a_mark_in_every_form_and_none_in_other_words() {
    let folder = std::env::temp_dir().join(format!("watchkeeper-canary-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let mut marks = Marks::default();
    let (latin, cyrillic) = (marks.word("latin"), marks.cyrillic_word("cyrillic"));
    let hexadecimal = |text: &str| {
        text.bytes().fold(String::new(), |mut all, byte| {
            write!(all, "{byte:02X}").unwrap();
            all
        })
    };
    let escaped: Vec<String> =
        cyrillic.chars().map(|letter| format!("\\u{:04X}", u32::from(letter))).collect();
    let url = |text: &str| reqwest::Url::parse_with_params("http://h/", [("q", text)]).unwrap().to_string();
    for (text, found) in [
        (format!("\0before {} after\0", latin.to_uppercase()), "latin"),
        (format!("{{\"name\":\"{}\"}}", cyrillic.to_lowercase()), "cyrillic"),
        (format!("\\\\x00{}ff", hexadecimal(&latin)), "latin"),
        (hexadecimal(&cyrillic), "cyrillic"),
        (escaped.concat(), "cyrillic"),
        (url(&cyrillic), "cyrillic"),
        (STANDARD.encode(format!("{latin} is here")), "latin"),
        (STANDARD.encode(format!("_{cyrillic} is here")), "cyrillic"),
        (STANDARD.encode(format!("__{latin}")), "latin"),
    ] {
        fs::write(folder.join("file"), &text).unwrap();
        let places = marks.found_in(&[folder.join("file")], &folder.join("patterns"));
        assert!(places.len() == 1 && places[0].starts_with(found), "{text}: {places:?}");
    }
    fs::write(folder.join("file"), nearly(&latin)).unwrap();
    assert_eq!(marks.found_in(&[folder.join("file")], &folder.join("patterns")), [""; 0]);
    fs::remove_dir_all(folder).unwrap();
}
