//! Reports that the API makes, hits across accounts, and decisions.

mod api;
mod decisions;
mod endings;
mod ends;
mod expiring;
mod runs;
mod work;

use std::time::Duration;

use watchkeeper::{
    actions::{
        inspect,
        reports::{self, NewReport, ReportView},
    },
    domain::{
        id::{AccountId, MonitorId},
        personal::Personal,
        report::Query,
        schedule::ReportTemplate,
    },
    store::due::{self, Due},
};

use crate::fixtures::House;

/// A template whose reports recur, one whose reports stop at a match, and one that asks somebody else.
const TEMPLATES: &str = r#"
[report-templates.monthly]
type = "watchlist"
provider = "scripted"
recurrence = "30d"
[report-templates.holding]
type = "politically-exposed-person"
provider = "scripted"
recurrence = "1d"
on-match = "hold"
"#;

const DAY: Duration = Duration::from_hours(24);

fn named(term: &str) -> Option<Query> {
    Some(Query { term: Some(Personal::new(term.to_owned())), ..Query::default() })
}

async fn account(house: &House, reference: &str) -> AccountId {
    inspect::find_account(&house.engine.context, reference).await.unwrap().id
}

async fn ask(house: &House, reference: &str, template: &str, query: Option<Query>) -> MonitorId {
    let account = account(house, reference).await;
    let new = NewReport { account, template: ReportTemplate::id_of(template), query };
    reports::create(&house.engine.context, "test", &new).await.unwrap()
}

async fn view(house: &House, report: MonitorId) -> ReportView {
    reports::get(&house.engine.context, report).await.unwrap()
}

/// The due row of a report, if it has one.
async fn due_of(house: &House, reference: &str, report: MonitorId) -> Option<Due> {
    house.all_due(reference).await.into_iter().find(|due| due.monitor == report)
}

/// Makes and records the run of a report, a second later; as if somebody had asked for it.
async fn run(house: &House, reference: &str, report: MonitorId) -> bool {
    house.clock.advance(Duration::from_secs(1));
    let due = due_of(house, reference, report).await.expect("the report is due");
    let finished = house.perform(due).await;
    house.record(&[finished]).await == [true]
}

/// The names that a provider was asked about.
fn asked(house: &House) -> Vec<String> {
    house.scripted.calls().into_iter().map(|call| call.name).collect()
}

async fn is_due(house: &House, report: MonitorId) -> bool {
    let mut connection = house.engine.context.store.connection().await.unwrap();
    !due::list_placed(&mut connection, &[report]).await.unwrap().is_empty()
}
