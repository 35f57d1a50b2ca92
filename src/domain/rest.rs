//! Why a provider is left alone.

use super::monitor::words;

words! {
    /// Why a provider is not asked before a certain time.
    RestReason {
        /// It asked to be left alone for a while.
        RetryAfter = "retry-after",
        /// What may be asked of it in a day or a month is used up.
        Quota = "quota",
    }
}
