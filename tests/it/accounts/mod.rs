//! Accounts: made, opened, changed, found.

mod edit;
