//! Imports through the API: how far they are.

use super::monitor::words;

words! {
    /// How far an import is.
    ImporterStatus {
        /// Its file is coming, or its rows are being taken.
        Pending = "pending",
        /// Its rows are taken, but for those that it names.
        Ready = "ready",
        /// Its file as a whole is not what it must be.
        Errored = "errored",
    }
}
