//! Tests against a real PostgreSQL: `watchkeeper with-postgres -- cargo test` starts one.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::format_collect,
    reason = "a test may panic, and its texts are short"
)]

mod columns;
mod enrolment;
mod fixtures;
mod import;
mod lane;
mod recording;
mod store;
mod words;
