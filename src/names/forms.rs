//! Legal forms of organisations: which words are part of one, and whether two forms contradict each other.
//!
//! Lists and registers write forms or leave them out, translate and shorten them: they tell no two organisations
//! apart, with one exception. A joint-stock company and a company of limited liability are two companies, however
//! alike their names (`Deutsche Bank AG`, `Deutsche Bank GmbH`).

use super::slip;
use Form::{Limited, Other, Stock};

/// What a word of a legal form says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A company with shares that can be traded: `AG`, `SA`, `OAO`, `plc`.
    Stock,
    /// A company of limited liability: `GmbH`, `Ltd`, `LLC`, `OOO`, `SARL`.
    Limited,
    /// Any other, or one that says little: Inc., Co., Corporation.
    Other,
}

/// The legal forms that an organisation's name bears.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forms {
    stock: bool,
    limited: bool,
}

impl Forms {
    /// Notes one word of a form.
    pub fn note(&mut self, form: Form) {
        self.stock |= form == Stock;
        self.limited |= form == Limited;
    }

    /// Whether the two cannot be forms of one organisation: one only of shares, the other only of limited liability.
    pub const fn contradict(self, other: Self) -> bool {
        let known = (self.stock || self.limited) && (other.stock || other.limited);
        known && !(self.stock && other.stock) && !(self.limited && other.limited)
    }
}

/// What the folded word says as part of a legal form; none when it is no such word. Long words are known with a slip
/// too (`Compan`, `Aktiengeselschaft`).
pub fn form_of(word: &str) -> Option<Form> {
    if let Ok(at) = FORMS.binary_search_by(|(known, _)| (*known).cmp(word)) {
        return FORMS.get(at).map(|(_, form)| *form);
    }
    if word.len() < 6 {
        return None;
    }
    let letters: Vec<char> = word.chars().collect();
    let allowed = if letters.len() >= 12 { 2 } else { 1 };
    FORMS
        .iter()
        .filter(|(known, _)| known.len() >= 7 && known.len().abs_diff(word.len()) <= allowed)
        .filter(|(known, _)| known.as_bytes().first() == word.as_bytes().first())
        .find(|(known, _)| slip::distance(&known.chars().collect::<Vec<_>>(), &letters) <= allowed)
        .map(|(_, form)| *form)
}

/// Sorted by word, so that a search is quick. Folded.
#[rustfmt::skip]
const FORMS: &[(&str, Form)] = &[
    ("aat", Other), ("ab", Stock), ("ad", Stock), ("ag", Stock), ("akcine", Stock), ("akciova", Stock),
    ("akg", Stock), ("aktiebolag", Stock), ("aktiengesellschaft", Stock), ("aktieselskab", Stock),
    ("aktsionerne", Stock), ("aktsionernoe", Stock), ("aktsionernoye", Stock), ("aktsiyadorlik", Stock),
    ("anonim", Stock), ("anonima", Stock), ("anonyme", Stock), ("anonymi", Other), ("ao", Stock),
    ("aps", Limited), ("as", Stock), ("asa", Stock), ("bhd", Limited), ("bk", Other), ("bpi", Other),
    ("bpk", Stock), ("bv", Limited), ("bvba", Limited), ("ca", Other), ("cc", Other), ("cia", Other),
    ("cjsc", Stock), ("closed", Other), ("co", Other), ("comp", Other), ("compagnie", Other),
    ("compania", Other), ("companies", Other), ("company", Other), ("corp", Other), ("corporate", Other),
    ("corporation", Other), ("cpv", Other), ("csa", Other), ("cv", Other), ("dba", Other), ("dd", Stock),
    ("doo", Limited), ("dooel", Limited), ("eg", Other), ("ehf", Other), ("eirl", Other), ("ent", Other),
    ("eood", Limited), ("est", Other), ("ets", Other), ("eurl", Limited), ("ev", Other), ("firma", Other),
    ("fz", Other), ("fzc", Other), ("fzco", Other), ("fze", Other), ("fzllc", Limited), ("gaisha", Other),
    ("gbr", Other), ("gesellschaft", Other), ("gesmbh", Other), ("gie", Other), ("gk", Other),
    ("gmbh", Limited), ("godo", Other), ("gongsi", Other), ("gufen", Other), ("gufenyouxiangongsi", Other),
    ("hf", Other), ("inc", Other), ("incorporated", Other), ("jchk", Limited), ("joint", Stock),
    ("jointstock", Stock), ("joynt", Stock), ("jsb", Stock), ("jsc", Stock), ("kabushiki", Other),
    ("kaisha", Other), ("kd", Other), ("kft", Limited), ("kg", Other), ("kgaa", Stock), ("kht", Other),
    ("kk", Other), ("kompania", Other), ("kompaniya", Other), ("korporatsiya", Other), ("ksc", Stock),
    ("kscc", Stock), ("lc", Stock), ("lda", Limited), ("liability", Limited), ("limitada", Limited),
    ("limited", Limited), ("limitee", Other), ("llc", Limited), ("llp", Limited), ("lp", Other),
    ("ltd", Limited), ("ltda", Limited), ("ltdsti", Limited), ("ltee", Other), ("mbh", Limited),
    ("mchj", Limited), ("mdbh", Other), ("nv", Stock), ("nyrt", Stock), ("oao", Stock),
    ("obshchestvo", Limited), ("ogranicenom", Limited), ("ogranichennoi", Limited), ("ogranichennoy", Limited),
    ("ohg", Other), ("ojs", Stock), ("ojsc", Stock), ("oo", Other), ("ood", Limited), ("ooo", Limited),
    ("open", Other), ("otkrytoe", Other), ("otvetstvennostyu", Limited), ("oy", Limited), ("oyi", Other),
    ("oyj", Stock), ("pao", Stock), ("pat", Stock), ("pc", Other), ("pjs", Stock), ("pjsc", Stock),
    ("plc", Stock), ("plt", Other), ("private", Limited), ("privatelimited", Limited),
    ("proprietary", Limited), ("psc", Stock), ("pt", Other), ("pte", Limited), ("pty", Limited),
    ("public", Stock), ("publichnoe", Stock), ("pvt", Limited), ("responsabilidad", Limited),
    ("responsabilita", Limited), ("responsabilite", Limited), ("rl", Limited), ("rt", Other), ("sa", Stock),
    ("saa", Other), ("sab", Other), ("sae", Other), ("sal", Stock), ("san", Other), ("saoc", Other),
    ("saog", Other), ("sapi", Other), ("sarl", Limited), ("sas", Other), ("sasu", Other), ("sc", Other),
    ("sca", Other), ("scrl", Other), ("scs", Other), ("sdn", Limited), ("se", Other), ("sha", Other),
    ("shpk", Other), ("sia", Limited), ("sirketi", Other), ("sl", Other), ("slne", Other), ("slu", Other),
    ("snc", Other), ("sociedad", Other), ("societa", Other), ("societe", Other), ("sp", Other), ("spa", Stock),
    ("spj", Other), ("spol", Other), ("sprl", Limited), ("srl", Limited), ("srls", Limited), ("sti", Limited),
    ("stock", Stock), ("tas", Stock), ("tbk", Stock), ("tdv", Other), ("tic", Other), ("tmi", Other),
    ("tov", Limited), ("uab", Limited), ("ug", Limited), ("variable", Other), ("vat", Stock), ("vof", Other),
    ("wll", Limited), ("yk", Other), ("youxian", Other), ("youxiangongsi", Other),
    ("youxianzerengongsi", Other), ("yugen", Other), ("zakrytoe", Other), ("zao", Stock), ("zat", Stock),
    ("zeren", Other), ("zoo", Limited), ("zrt", Stock),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn forms(words: &[&str]) -> Forms {
        let mut forms = Forms::default();
        words.iter().filter_map(|word| form_of(word)).for_each(|form| forms.note(form));
        forms
    }

    #[test]
    fn the_table_is_sorted_so_that_a_search_finds_every_word() {
        assert!(FORMS.is_sorted_by(|a, b| a.0 < b.0));
    }

    #[test]
    fn shares_and_limited_liability_contradict_and_nothing_else_does() {
        assert!(forms(&["ag"]).contradict(forms(&["gmbh"])));
        assert!(!forms(&["oao"]).contradict(forms(&["open", "joint", "stock", "company"])));
        assert!(!forms(&["public", "limited", "company"]).contradict(forms(&["ltd"])));
        assert!(!forms(&["inc"]).contradict(forms(&["ltd"])));
        assert!(!forms(&[]).contradict(forms(&["ltd"])));
    }

    #[test]
    fn long_words_are_known_with_a_slip() {
        assert!(form_of("aktiengeselschaft").is_some() && form_of("compan").is_some());
        assert!(form_of("campana").is_none() && form_of("privet").is_none());
    }
}
