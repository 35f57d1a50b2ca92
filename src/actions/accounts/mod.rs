//! One account: made, opened, changed.
//!
//! Whoever changes an account's fields, status, reference id or tags does it through [`edit()`], in a
//! transaction of its own or of somebody else's: it takes the locks in the house's order, checks the fields
//! against the type, keeps what is plain and what is sealed in step, wakes the monitors when what is screened
//! changed, and tells of it in events. Imports do the same for a thousand accounts at once, by the same rules
//! (`fields`). An archived account refuses every change.

mod create;
mod edit;
pub(crate) mod fields;
mod files;
mod find;
mod open;
mod patch;
mod query;
mod rules;
mod upsert;

pub use create::{NewAccount, create, create_alone};
pub use edit::{Edit, Edited, Part, edit, edit_alone};
pub use files::{File, file};
pub use find::{Found, Listed, list, search};
pub use open::{OpenAccount, get, open, open_all};
pub(crate) use patch::{NewFile, with_defaults};
pub(crate) use rules::{is_plain, refuse_retired};
pub use upsert::upsert;

/// How often a transaction is tried that lost a lock to somebody else.
const TRIES: u32 = 5;
