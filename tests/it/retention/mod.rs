//! Retention: what is redacted when, by the sweep; what is kept, whoever asks; and what stays.

mod again;
mod held;
mod kill;
mod racing;
mod refusing;
mod stays;
mod sweeping;
mod working;

use std::time::Duration;

use serde_json::{Value, json};
use watchkeeper::{
    actions::{
        accounts::{self, Edit},
        inspect, retention, retire,
    },
    domain::{id::AccountId, inquiry_template::InquiryTemplate},
    engine::{
        retention::{Refresh, Step, Sweep},
        task::{Activation, Task},
    },
};

use crate::fixtures::{Client, House};

const DAY: Duration = Duration::from_hours(24);

const KYC: &str = r#"
[inquiry-templates.kyc]
account-type = "individual"
fields = ["name", "birthdate", "phone_number"]
"#;

/// A policy in the configuration.
fn policy(name: &str, object: &str, rule: &str, period: &str, rest: &str) -> String {
    format!(
        "[[retention]]\nname = \"{name}\"\nobject = \"{object}\"\nrule = \"{rule}\"\nperiod = \"{period}\"\n{rest}\n"
    )
}

/// Accounts go so long after they were archived.
fn after_archive(period: &str) -> String {
    policy("closed", "account", "redact", period, "from = \"end-of-relationship\"")
}

async fn id(house: &House, reference: &str) -> AccountId {
    inspect::find_account(&house.engine.context, reference).await.unwrap().id
}

async fn archive(house: &House, reference: &str) {
    retire::archive(&house.engine.context, "test", id(house, reference).await).await.unwrap();
}

async fn fill(house: &House, reference: &str, fields: Value) {
    let edit = Edit { fields: fields.as_object().unwrap().clone(), ..Edit::default() };
    let account = id(house, reference).await;
    accounts::edit_alone(&house.engine.context, "test", account, &edit).await.unwrap();
}

/// Lets everything be looked at that changed.
async fn refresh(house: &House) {
    let mut refresh = Refresh::new(house.engine.clone());
    while refresh.activate().await.unwrap() == Activation::More {}
}

/// A whole sweep, as the timer asks for it.
async fn sweep(house: &House) {
    refresh(house).await;
    retention::ask(&house.engine.context).await.unwrap();
    let mut sweep = Sweep::new(house.engine.clone());
    while sweep.step().await.unwrap() == Step::More {}
    assert!(!retention::is_asked(&house.engine.context).await.unwrap());
}

/// Sweeps a second before `days` days are over, when nothing may go, and a second later.
async fn sweep_around(house: &House, days: u32, untouched: impl AsyncFn() -> bool) {
    house.clock.advance((DAY * days).saturating_sub(Duration::from_secs(1)));
    sweep(house).await;
    assert!(untouched().await, "redacted a second early");
    house.clock.advance(Duration::from_secs(1));
    sweep(house).await;
}

async fn is_redacted(house: &House, reference: &str) -> bool {
    let account = house.account(reference).await;
    !account.fields.contains_key("name")
}

/// An inquiry of an account that was completed with a name.
async fn inquiry(client: &Client, account: AccountId) -> String {
    let template = InquiryTemplate::id_of("kyc").to_string();
    let body =
        json!({ "data": { "attributes": { "inquiry-template-id": template, "account-id": account } } });
    let id = client.post("/inquiries", &body).await.expect(201).id();
    let body = json!({ "data": { "attributes": { "fields": { "name": { "first": "Jane", "last": "Marksdottir" } } } } });
    client.post(&format!("/inquiries/{id}/complete"), &body).await.expect(200);
    id
}
