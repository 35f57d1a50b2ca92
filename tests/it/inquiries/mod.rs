//! Inquiries: made, compared with their accounts, written into them, decided on; and reverification.

mod completing;
mod lifecycle;
mod making;
mod reverifying;
mod searching;

use serde_json::{Map, Value, json};
use watchkeeper::{
    actions::accounts::{self, Edit, NewAccount, OpenAccount},
    domain::{id::AccountId, inquiry_template::InquiryTemplate},
};

use crate::fixtures::{Answered, Client, House};

/// A template that wants name and date of birth, shows a phone number that differs, and updates the means of contact.
const KYC: &str = r#"
[inquiry-templates.kyc]
account-type = "individual"
fields = ["name", "other_names", "birthdate", "phone_number", "email_address", "country_code"]
updates = ["phone_number", "email_address"]
expire-after-create = "7d"
expire-after-start = "1d"
expire-after-resume = "2d"
[inquiry-templates.kyc.compare.name]
any = [{ method = "name-fuzzy" }, { method = "name-fuzzy", level = "full", with = "other_names" }]
[inquiry-templates.kyc.compare.birthdate]
any = [{ method = "date", level = "full" }]
[inquiry-templates.kyc.compare.phone_number]
requirement = "not-required"
any = [{ method = "phone", level = "full" }]
"#;

fn fields(value: &Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

/// The id of a template.
fn template(name: &str) -> String {
    InquiryTemplate::id_of(name).to_string()
}

/// An account of a person, with fields.
async fn account(house: &House, reference: &str, values: &Value) -> OpenAccount {
    let new = NewAccount {
        reference_id: Some(reference.to_owned()),
        fields: fields(values),
        ..NewAccount::default()
    };
    accounts::create_alone(&house.engine.context, "test", house.type_id("individual"), &new).await.unwrap()
}

/// Changes fields of an account.
async fn edit(house: &House, id: AccountId, values: &Value) {
    let edit = Edit { fields: fields(values), ..Edit::default() };
    accounts::edit_alone(&house.engine.context, "test", id, &edit).await.unwrap();
}

/// An account as it is.
async fn opened(house: &House, id: AccountId) -> OpenAccount {
    let mut connection = house.engine.context.store.connection().await.unwrap();
    accounts::open(&house.engine.context, &mut connection, id).await.unwrap()
}

/// Jane Doe, born in 1990.
fn jane() -> Value {
    json!({ "name": { "first": "Jane", "last": "Doe" }, "birthdate": "1990-05-21" })
}

/// Makes an inquiry of an account by the template of [`KYC`].
async fn inquiry(client: &Client, account: AccountId) -> String {
    let body = json!({ "data": { "attributes": { "inquiry-template-id": template("kyc"), "account-id": account } } });
    client.post("/inquiries", &body).await.expect(201).id()
}

/// Completes an inquiry with fields.
async fn complete(client: &Client, inquiry: &str, values: &Value) -> Answered {
    let body = json!({ "data": { "attributes": { "fields": values } } });
    client.post(&format!("/inquiries/{inquiry}/complete"), &body).await
}

/// Names, verdicts and reasons of an inquiry's checks.
fn checks(reply: &Answered) -> Vec<String> {
    let checks = reply.attribute("checks").as_array().unwrap();
    let text = |check: &Value, key: &str| check[key].as_str().unwrap().to_owned();
    checks
        .iter()
        .map(|check| {
            let reason = check["reasons"][0].as_str().unwrap();
            format!("{} {} {reason}", text(check, "name"), text(check, "status"))
        })
        .collect()
}
