//! Monitors and their runs: states, reasons to run, outcomes. The words are those of the database's
//! check constraints and of the API.

/// An enumeration with a fixed word per value.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$value_doc:meta])* $value:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$value_doc])* $value,)*
        }

        impl $name {
            /// Every value.
            pub const ALL: &'static [Self] = &[$(Self::$value),*];

            /// The value's word.
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$value => $word,)*
                }
            }

            /// The value of a word.
            pub fn from_word(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.word() == word)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.word())
            }
        }
    };
}
pub(crate) use words;

words! {
    /// Whether a monitor runs.
    MonitorState {
        /// It runs as its schedule says.
        Active = "active",
        /// A match stopped it until its hits are decided.
        Held = "held",
        /// Somebody, or a removed schedule, paused it.
        Paused = "paused",
        /// Its account is no longer among those that the schedule selects; or it was to run once, and has.
        Ended = "ended",
        /// Its runs killed processes: it is set aside until a person lets it go.
        Quarantined = "quarantined",
    }
}

words! {
    /// What paused a monitor. When none of them holds any more, enrolment takes the monitor up again.
    PausedBy {
        /// The configuration no longer has its schedule.
        ScheduleRemoved = "schedule-removed",
        /// Somebody paused its schedule.
        SchedulePaused = "schedule-paused",
        /// Somebody paused its account.
        AccountPaused = "account-paused",
        /// Somebody archived its account.
        AccountArchived = "account-archived",
        /// Somebody redacted its account, which has nothing to ask about until it is filled again.
        AccountRedacted = "account-redacted",
        /// Nobody any more: somebody released it from quarantine, or resumed it.
        Released = "released",
    }
}

/// Why a report stopped, where that is neither [`PausedBy`] nor its schedule's doing. Enrolment leaves these alone.
pub mod stopped {
    /// A person paused the report itself.
    pub const BY_PERSON: &str = "report-paused";
    /// It was to run once, and has.
    pub const DONE: &str = "done";
    /// Its content was destroyed.
    pub const REDACTED: &str = "redacted";
    /// Its account went into another that has a monitor of the same schedule.
    pub const CONSOLIDATED: &str = "consolidated";
}

words! {
    /// Why a run happened.
    Trigger {
        /// The first run of an account that was there before its schedule.
        First = "first",
        /// The schedule's grid.
        Interval = "interval",
        /// The first run of a new account.
        NewAccount = "new-account",
        /// The account's data changed.
        AccountChange = "account-change",
        /// A list changed.
        ListChange = "list-change",
        /// Somebody asked.
        RunNow = "run-now",
        /// The monitor was resumed.
        Resumed = "resumed",
    }
}

words! {
    /// What a run ended with.
    Outcome {
        /// The provider found nothing.
        Clear = "clear",
        /// The provider found something.
        Match = "match",
        /// There was no answer: unknown, never clear.
        Error = "error",
        /// An answer that came too late to count: the monitor had moved on.
        Superseded = "superseded",
    }
}
