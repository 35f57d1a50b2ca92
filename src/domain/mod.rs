//! What is true: types, states and rules. No I/O, no clock.

pub mod account_action;
pub mod account_type;
pub mod answer;
pub mod api_key;
pub mod audit;
pub mod cadence;
pub mod comparison;
pub mod consolidation;
pub mod date;
pub mod hit;
pub mod id;
pub mod importer;
pub mod inquiry;
pub mod inquiry_template;
pub mod list;
pub mod monitor;
pub mod pause;
pub mod personal;
pub mod relation;
pub mod report;
pub mod rest;
pub mod retention;
pub mod reverification;
pub mod schedule;
pub mod subject;
pub mod transaction_type;
