//! Tests against a real PostgreSQL: `watchkeeper with-postgres -- cargo test` starts one.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::format_collect,
    clippy::print_stdout,
    unreachable_pub,
    reason = "a test may panic, its texts are short, and it says what it did"
)]

mod budgets;
mod canary;
mod chaos;
mod columns;
mod daemon;
mod echo;
mod enrolment;
mod fixtures;
mod import;
mod lane;
mod recording;
mod store;
mod words;
