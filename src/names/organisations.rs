//! What the names of organisations, ships and aircraft are made of.

use super::concepts::{concept, in_full};
use super::fold::{Word, words};
use super::forms::{Forms, form_of};
use super::name::{Name, Traits, part};
use super::{numbers, words as tables};

/// What is written in brackets tells so much of what it would tell without them.
const IN_BRACKETS: f64 = 0.4;

/// A word with whether it stood in brackets.
struct Piece {
    word: Word,
    bracketed: bool,
}

/// The name that `text` makes.
pub(super) fn name(text: &str, with_keys: bool) -> Name {
    let pieces = pieces(text);
    let mut forms = Forms::default();
    let mut initials = (String::new(), String::new());
    let mut kept = Vec::with_capacity(pieces.len());
    // At the end of the words, before any legal form, `i` is no `and` but the first of a series.
    let last = pieces.iter().rposition(|piece| form_of(&piece.word.folded).is_none());
    for (place, piece) in pieces.iter().enumerate() {
        let is_first = place > 0 && Some(place) == last && piece.word.folded == "i";
        if let Some(form) = form_of(&piece.word.folded) {
            forms.note(form);
        } else {
            initials.0.extend(piece.word.folded.chars().take(1));
            if is_first || !tables::is_joining(&piece.word.folded) {
                initials.1.extend(piece.word.folded.chars().take(1));
                kept.push(piece);
            }
        }
    }
    let kept = if kept.is_empty() { pieces.iter().collect() } else { kept };
    let bracketed: Vec<String> =
        kept.iter().filter(|piece| piece.bracketed).map(|piece| piece.word.written.clone()).collect();
    let settled = numbers::settle(kept.into_iter().map(|piece| piece.word.clone()).collect());
    let mut name = Name::of_parts(
        settled.into_iter().flat_map(in_words).map(|word| weighed(word, &bracketed, with_keys)).collect(),
    );
    name.legal_forms = forms;
    add_acronyms(&mut name, &initials.0, &initials.1);
    name
}

fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for (place, chunk) in text.split(['(', '[']).enumerate() {
        let (inside, outside) = match chunk.split_once([')', ']']) {
            Some((inside, outside)) if place > 0 => (inside, outside),
            _ => ("", chunk),
        };
        for (text, bracketed) in [(inside, true), (outside, false)] {
            pieces.extend(
                words(text, true)
                    .into_iter()
                    .flat_map(without_grown_form)
                    .map(|word| Piece { word, bracketed }),
            );
        }
    }
    pieces
}

/// `SiemensAG` is two words: small letters, then a legal form in large ones.
fn without_grown_form(word: Word) -> Vec<Word> {
    let Some(at) = word.written.rfind(|c: char| c.is_ascii_lowercase()).map(|at| at + 1) else {
        return vec![word];
    };
    let (name, form) = word.written.split_at(at);
    let large = (2..=4).contains(&form.len()) && form.bytes().all(|b| b.is_ascii_uppercase());
    if !large || name.len() < 3 || form_of(&form.to_ascii_lowercase()).is_none() {
        return vec![word];
    }
    [name, form].map(|text| Word { written: text.to_owned(), folded: super::fold::fold(text) }).to_vec()
}

/// Short forms in full; the rest in the word that stands for it.
fn in_words(word: Word) -> Vec<Word> {
    match in_full(&word.folded) {
        Some(full) => full
            .iter()
            .map(|part| Word { written: word.written.clone(), folded: (*part).to_owned() })
            .collect(),
        None => vec![Word { folded: concept(&word.folded).to_owned(), written: word.written }],
    }
}

fn weighed(word: Word, bracketed: &[String], with_keys: bool) -> super::name::Part {
    let mut weight = tables::weight_in_organisation(&word.folded);
    let is_number = numbers::is_number(&word.folded);
    let known = is_number || tables::is_known_in_organisation(&word.folded);
    let mut omission = weight;
    if bracketed.contains(&word.written) {
        omission = weight * IN_BRACKETS;
    }
    if is_number {
        weight = weight.max(tables::COMMON);
    }
    part(word, Traits { weight, omission, known, with_keys, ..Traits::default() })
}

/// What the name's first letters are, and which of its words may be first letters of another.
fn add_acronyms(name: &mut Name, all: &str, telling: &str) {
    for initials in [all, telling] {
        if (3..=8).contains(&initials.chars().count()) {
            name.add_acronym(initials);
        }
    }
    if name.parts.len() <= 2 {
        let short: Vec<String> = name
            .parts
            .iter()
            .filter(|part| (3..=8).contains(&part.letters.len()))
            .map(|part| part.letters.iter().collect())
            .collect();
        for letters in &short {
            name.add_acronym(letters);
        }
    }
}
