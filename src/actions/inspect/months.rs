//! Old months of an account: what is left of its plain runs, and what an auditor asks of them.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;

use crate::store::run_months::RunMonth;

/// The clear runs of one monitor in one old month.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct MonthView {
    /// The month, such as `2025-03`.
    pub month: String,
    /// The report that they are of.
    pub report: String,
    /// Their schedule.
    pub schedule: String,
    /// How many there were.
    pub runs: i32,
    /// When the first was recorded.
    pub first_at: DateTime<Utc>,
    /// When the last was recorded.
    pub last_at: DateTime<Utc>,
    /// The slot that the first answered.
    pub first_slot: i64,
    /// The slot that the last answered.
    pub last_slot: i64,
    /// On which days against what.
    pub screened: Vec<ScreenedView>,
}

/// Days on which clear runs rested on the same.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ScreenedView {
    /// Days of the month, in UTC.
    pub days: Vec<u32>,
    /// What the runs rested on: provider, engine, lists, threshold, process.
    pub basis: Value,
}

pub(super) fn view(line: RunMonth) -> MonthView {
    MonthView {
        month: line.month.format("%Y-%m").to_string(),
        report: line.monitor.to_string(),
        schedule: line.schedule,
        runs: line.runs,
        first_at: line.first_at,
        last_at: line.last_at,
        first_slot: line.first_slot,
        last_slot: line.last_slot,
        screened: line.bases.into_iter().map(|(basis, days)| ScreenedView { days, basis }).collect(),
    }
}
