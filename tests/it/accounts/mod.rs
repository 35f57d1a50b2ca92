//! Accounts: made, opened, changed, found.

mod edit;
mod find;
mod types;
