//! Which liberties two names may take with each other: what a preset of matching switches on and off.

/// What may make one name answer another. Each switch is one rule, and an explanation names the rule it came by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch that a user sets by its name")]
pub struct Rules {
    /// Parts that are spelled or sound alike answer each other; else only equal ones do.
    pub spelling: bool,
    /// Neighbours read as one (`Rami Makhlouf`, `Ramimakhlouf`).
    pub joins: bool,
    /// An initial answers a part that begins with it.
    pub initials: bool,
    /// Short, pet and foreign forms of a given name answer each other.
    pub nicknames: bool,
    /// When everything else in two people's names is equal, the one part left on either side may be up to two letters off.
    pub slips: bool,
    /// The first letters of an organisation's name answer it.
    pub acronyms: bool,
    /// Funds and trusts of one series answer each other though their numbers differ. Elsewhere another number is always
    /// another name.
    pub series: bool,
    /// A name may have parts that the other has not.
    pub omissions: bool,
}

impl Rules {
    /// All of them: what the default threshold is measured with.
    pub const ALL: Self = Self {
        spelling: true,
        joins: true,
        initials: true,
        nicknames: true,
        slips: true,
        acronyms: true,
        series: true,
        omissions: true,
    };

    /// Whether two parts by themselves are compared as by all rules.
    pub const fn compare_as_all(self) -> bool {
        self.spelling && self.nicknames
    }

    /// What leaves little doubt: slips of spelling within a part, spaces, and parts left out.
    pub const STRICT: Self =
        Self { initials: false, nicknames: false, slips: false, acronyms: false, series: false, ..Self::ALL };

    /// The same words in any order, alphabet aside.
    pub const EXACT: Self = Self { spelling: false, joins: false, omissions: false, ..Self::STRICT };
}

impl Default for Rules {
    fn default() -> Self {
        Self::ALL
    }
}
