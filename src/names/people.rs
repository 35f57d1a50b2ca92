//! What the names of people are made of: which words are parts of the name, and which are read together.

use super::fold::{Word, words};
use super::name::{Part, Traits, part};
use super::syllables::{is_han, is_hangul};
use super::{nicknames, slip, words as tables};

/// How Latin spellings write the servant of `Abd al-Aziz`.
const SERVANT: &[&str] = &["abdoul", "abdul", "abdel", "abdal", "abdol", "abdur", "abdus", "abdud", "abdir"];

/// Family names of two characters.
const DOUBLE_FAMILY_NAMES: &[&str] = &[
    "欧阳", "歐陽", "司马", "司馬", "诸葛", "諸葛", "上官", "皇甫", "令狐", "司徒", "夏侯", "东方", "東方",
    "慕容", "尉迟", "尉遲", "长孙", "長孫", "宇文", "南宫", "南宮", "남궁", "황보", "제갈", "선우", "독고",
    "사공", "서문",
];

/// A word with whether the next one names a parent.
struct Piece {
    word: Word,
    descends: bool,
}

/// The parts of a person's name.
pub(super) fn parts(text: &str, with_keys: bool) -> Vec<Part> {
    let all: Vec<Word> = words(text, false).into_iter().flat_map(parted).collect();
    // `Bin Laden` is a name; `Dr. Al` still has to be one.
    let named: Vec<Word> = all.iter().filter(|word| !tables::is_title(&word.folded)).cloned().collect();
    let named = if named.is_empty() { all.clone() } else { named };
    let mut kept = without_particles(named.clone());
    // `Ben Johnson` is no son of John's.
    if let ([first, _], 1) = (named.as_slice(), kept.len())
        && first.folded == "ben"
    {
        kept.insert(0, Piece { word: first.clone(), descends: false });
    }
    if kept.is_empty() {
        kept = all.into_iter().map(|word| Piece { word, descends: false }).collect();
    }
    kept.into_iter()
        .map(|Piece { word: Word { written, folded }, descends }| {
            let folded = customary(&written).map_or_else(|| settled_spelling(&folded), str::to_owned);
            let in_signs =
                !written.is_ascii() && written.chars().all(|letter| is_han(letter) || is_hangul(letter));
            // A sign that reads as one letter is a whole name.
            let initial = !in_signs && folded.len() == 1 && folded.bytes().all(|b| b.is_ascii_lowercase());
            let weight = if initial {
                tables::FAINT
            } else if in_signs {
                // One reading fits many signs.
                tables::COMMON
            } else {
                tables::weight_in_person(&folded)
            };
            let omission = if tables::is_patronymic(&folded) { tables::FAINT } else { weight };
            let traits = Traits { weight, omission, initial, descends, with_keys, given: true, known: false };
            part(Word { written, folded }, traits)
        })
        .collect()
}

/// Whom the servant of `abdaziz` serves: `aziz`.
pub(super) fn served<T: Copy + Into<u32>>(letters: &[T]) -> Option<&[T]> {
    let (lead, served) = letters.split_at_checked(3)?;
    let is_servant = lead.iter().copied().map(Into::into).eq("abd".chars().map(u32::from));
    (is_servant && served.len() >= 4).then_some(served)
}

/// How a Korean family name of a single sound is written by custom: `이` is no initial.
fn customary(written: &str) -> Option<&'static str> {
    match written {
        "이" => Some("lee"),
        "오" => Some("oh"),
        "우" => Some("woo"),
        "유" | "류" => Some("yoo"),
        _ => None,
    }
}

/// A name of two to four characters without a space is a family name and a given one.
fn parted(word: Word) -> Vec<Word> {
    let characters: Vec<char> = word.written.chars().collect();
    let is_parted = (2..=4).contains(&characters.len())
        && (characters.iter().copied().all(is_han) || characters.iter().copied().all(is_hangul));
    if !is_parted {
        return vec![word];
    }
    let is_double =
        characters.len() > 2 && DOUBLE_FAMILY_NAMES.iter().any(|name| word.written.starts_with(name));
    let (family, given) = characters.split_at(if is_double { 2 } else { 1 });
    [family, given]
        .into_iter()
        .map(|letters| {
            let written: String = letters.iter().collect();
            Word { folded: super::fold::fold(&written), written }
        })
        .collect()
}

/// Drops particles, and joins the Arabic words that make one name together: `Abd al Aziz` is
/// `abdaziz`, `Saif al-Din` is `saifdin`.
fn without_particles(words: Vec<Word>) -> Vec<Piece> {
    let mut kept: Vec<Piece> = Vec::with_capacity(words.len());
    let mut servant: Option<Word> = None;
    let keep = |word| Piece { word, descends: false };
    for word in words {
        let folded = word.folded.as_str();
        if is_servant(folded) {
            if let Some(lone) = servant.replace(word) {
                kept.push(keep(lone));
            }
        } else if tables::is_particle(folded) {
            // Gone, but an explanation quotes the whole of `Abd al Aziz`.
            if let Some(servant) = servant.as_mut() {
                servant.written = format!("{} {}", servant.written, word.written);
            }
            if let Some(last) = kept.last_mut() {
                last.descends |= matches!(folded, "bin" | "ibn" | "ben" | "bint" | "binte" | "binti" | "bt");
            }
        } else if let Some(lead) = servant.take() {
            let written = format!("{} {}", lead.written, word.written);
            kept.push(keep(Word { written, folded: format!("abdul{}", word.folded) }));
        } else if matches!(folded, "din" | "deen" | "uddin" | "eddin" | "eddine" | "aldin")
            && let Some(Piece { word: last, .. }) = kept.last_mut()
        {
            last.written = format!("{} {}", last.written, word.written);
            last.folded.push_str("uddin");
        } else {
            kept.push(keep(word));
        }
    }
    kept.extend(servant.map(keep));
    // A particle at the end has no parent behind it.
    if let Some(last) = kept.last_mut() {
        last.descends = false;
    }
    kept
}

/// Whether the word is `Abd`, servant of, with or without the article; also with a slip in it (`Adbul`).
fn is_servant(word: &str) -> bool {
    if word == "abd" || SERVANT.contains(&word) {
        return true;
    }
    (4..=6).contains(&word.len())
        && word.is_ascii()
        && !tables::is_common_in_person(word)
        && ["abdul", "abdel"].iter().any(|servant| slip::distance(word.as_bytes(), servant.as_bytes()) == 1)
}

/// One spelling for what different alphabets and habits write differently.
fn settled_spelling(word: &str) -> String {
    if matches!(word, "mohd" | "md" | "muh" | "mohmd" | "mhmd") {
        return "mohammed".to_owned();
    }
    for lead in SERVANT {
        if let Some(rest) = word.strip_prefix(lead)
            && rest.len() >= 3
        {
            // `Abdul Allah`, `Abdullah` and `Abdallah` are one; so are `Abdurrahman` and `Abdulrahman`.
            let rest = rest.strip_prefix("al").filter(|rest| rest.starts_with("lah")).unwrap_or(rest);
            return settled_ending(&format!("abd{rest}"));
        }
    }
    // French writes the sound of `j` with a `d`.
    let word = word
        .strip_prefix('d')
        .filter(|rest| rest.starts_with('j') && nicknames::keys(word).is_empty())
        .unwrap_or(word);
    let word = settled_ending(word);
    // A zero or a one among letters is an `o` or an `i` that somebody hides.
    if word.bytes().any(|b| b.is_ascii_digit()) && word.bytes().any(|b| b.is_ascii_lowercase()) {
        return word
            .chars()
            .map(|c| match c {
                '0' => 'o',
                '1' => 'i',
                '3' => 'e',
                '4' => 'a',
                '5' => 's',
                '7' => 't',
                '8' => 'b',
                '9' => 'g',
                other => other,
            })
            .collect();
    }
    word
}

fn settled_ending(word: &str) -> String {
    for end in [
        "uddin", "eddine", "eddin", "uddine", "addin", "aldin", "eldin", "aldeen", "udeen", "uddeen", "odin",
        "ooddin",
    ] {
        if let Some(stem) = word.strip_suffix(end)
            && stem.len() >= 3
        {
            return format!("{stem}din");
        }
    }
    word.to_owned()
}
