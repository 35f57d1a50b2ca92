//! Tests against a real PostgreSQL: `watchkeeper with-postgres -- cargo test` starts one.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::format_collect,
    clippy::needless_pass_by_value,
    clippy::unnecessary_wraps,
    clippy::cloned_ref_to_slice_refs,
    clippy::print_stdout,
    unreachable_pub,
    reason = "a test may panic, its texts are short, and it says what it did"
)]

mod accounts;
mod adapters;
mod api;
mod audit;
mod budgets;
mod canary;
mod columns;
mod commands;
#[path = "../support/daemon.rs"]
#[expect(dead_code, reason = "other tests use the rest of it")]
mod daemon;
mod day;
mod echo;
mod enrolment;
mod evidence;
mod example;
mod fixtures;
mod forecast;
mod grants;
mod import;
mod inquiries;
mod lane;
mod lists;
mod network;
mod objectives;
mod operations;
mod own_lists;
mod pauses;
#[path = "../support/proxy.rs"]
mod proxy;
mod recording;
mod relatives;
mod reload;
mod reports;
mod rescreens;
mod retention;
mod retirement;
mod service;
mod simulate;
mod storage;
mod store;
mod suspects;
mod what_if;
mod words;
