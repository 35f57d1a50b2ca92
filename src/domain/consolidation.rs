//! Where a consolidation of accounts stands.

use super::monitor::words;

words! {
    /// Where a consolidation stands.
    ConsolidationState {
        /// It is asked for.
        Pending = "pending",
        /// The destination has what the sources had.
        Done = "done",
        /// When its time came, the accounts did not allow it any more.
        Refused = "refused",
    }
}
