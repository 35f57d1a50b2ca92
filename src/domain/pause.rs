//! Pauses: what a person stopped until further notice. A pause of an account is not among them: it stops
//! that account's monitors one by one.

use super::monitor::words;

words! {
    /// What is paused.
    Scope {
        /// All that runs.
        Everything = "everything",
        /// One provider: it is asked nothing.
        Provider = "provider",
        /// One schedule: its monitors do not run.
        Schedule = "schedule",
    }
}
