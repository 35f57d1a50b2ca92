//! How names are written and compared. Pure; knows no list and no account.
//!
//! The way of a name: [`fold`] turns each word into plain lower-case letters ([`script`] carries
//! the other alphabets), [`name`] makes parts of the words (dropping titles, particles and legal
//! forms, see [`words`]), [`sound`] gives each part its keys, [`similarity`] measures two parts and
//! [`mod@align`] two names.
//!
//! [`nicknames`] knows which given names are forms of one; [`mod@address`] and [`mod@phone`] bring what people write
//! beside a name into one form.
//!
//! Two promises. Two parts are *alike* only if they share a key of [`sound::part_keys`], so that
//! an index over those keys finds every name that [`mod@align`] would accept. And nothing here is
//! learned from a list: weights come from [`words`] alone, so the score of two names changes only
//! with the program.

pub mod address;
pub mod align;
mod characters;
mod concepts;
pub mod fold;
pub mod forms;
pub mod likeness;
pub mod name;
pub mod nicknames;
mod numbers;
mod organisations;
mod pairing;
mod people;
pub mod phone;
pub mod rules;
pub mod script;
pub mod similarity;
mod slip;
pub mod sound;
pub mod street_words;
mod syllables;
pub mod words;

pub use align::{Alignment, align, align_by};
pub use name::{Name, NameKind, Part};
pub use rules::Rules;

#[cfg(test)]
mod labelled_tests;
