//! `cargo bench --bench matching`: how well names are matched, and how fast. The figures of `docs/matching.md`.
//!
//! Reads `../shared/data` in place and is skipped where that is absent. Arguments choose what is measured, all of it
//! without any: `pairs`, `un`, `strangers`, `recall`, `speed`, `million`; `why` shows each wrong answer.
#![expect(clippy::expect_used, reason = "a benchmark that cannot go on stops")]
#![expect(clippy::print_stdout, reason = "its result is what it prints")]

mod alter;
mod lists;
mod quality;
mod speed;

use std::path::{Path, PathBuf};

/// A file or folder of the real data: in `shared/data` beside the repository, or beside what that stands in.
pub(crate) fn data(path: &str) -> PathBuf {
    let mut above =
        Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|folder| folder.join("shared/data"));
    above.find(|folder| folder.exists()).unwrap_or_default().join(path)
}

/// A part of a whole, in the way in which both are counted.
#[expect(clippy::cast_precision_loss, reason = "counts of some thousands")]
pub(crate) fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole.max(1) as f64
}

fn main() {
    if !data("matching/name-pairs.csv").exists() {
        println!("skipped: ../shared/data absent");
        return;
    }
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let why = wanted.iter().any(|word| word == "why");
    let all = wanted.iter().all(|word| word == "why");
    let is_wanted = |section: &str| all || wanted.iter().any(|word| word == section);
    if is_wanted("pairs") {
        quality::pairs(why);
    }
    if is_wanted("un") {
        quality::un_people(why);
    }
    if is_wanted("strangers") {
        quality::strangers(why);
    }
    if is_wanted("recall") {
        quality::index_recall();
    }
    if is_wanted("speed") {
        speed::comparisons();
        speed::screenings();
    }
    if is_wanted("million") {
        speed::million();
    }
}
