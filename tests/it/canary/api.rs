//! Marks through the API: in fields, queries, comments, notes, reasons, items, files, and in requests that
//! are refused.

use std::{fmt::Write as _, fs, path::Path};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::{Client, Method};
use serde_json::{Value, json};

use super::{
    super::daemon::{Daemon, PATIENCE, Place, until},
    marks::Marks,
};

/// Who asks, and what was answered to it that may hold nothing personal.
struct Caller {
    runtime: tokio::runtime::Runtime,
    client: Client,
    base: String,
    key: String,
    impersonal: String,
}

impl Caller {
    fn call(&mut self, method: Method, path: &str, body: Option<&Value>) -> (u16, String) {
        let url = format!("{}{path}", self.base);
        let mut request = self.client.request(method.clone(), url).bearer_auth(&self.key);
        if let Some(body) = body {
            request = request.json(body);
        }
        let (status, text) = self.runtime.block_on(async {
            let answer = request.send().await.unwrap();
            (answer.status().as_u16(), answer.text().await.unwrap())
        });
        if status >= 400 {
            writeln!(self.impersonal, "{method} {path}: {status} {text}").unwrap();
        }
        (status, text)
    }

    fn ok(&mut self, method: Method, path: &str, body: Option<&Value>) -> Value {
        let (status, text) = self.call(method.clone(), path, body);
        assert!((200..300).contains(&status), "{method} {path}: {status}");
        serde_json::from_str(&text).unwrap()
    }

    fn post(&mut self, path: &str, attributes: &Value) -> Value {
        self.ok(Method::POST, path, Some(&json!({ "data": { "attributes": attributes } })))
    }

    fn refused(&mut self, path: &str, body: &Value) {
        let (status, text) = self.call(Method::POST, path, Some(body));
        assert!((400..500).contains(&status), "{path}: {status}: {text}");
    }

    /// What may be shown to whoever may read it, and holds nothing personal.
    fn keep(&mut self, path: &str) {
        let (status, text) = self.call(Method::GET, path, None);
        assert_eq!(status, 200, "{path}");
        writeln!(self.impersonal, "{path}: {text}").unwrap();
    }
}

fn id(answer: &Value) -> String {
    answer["data"]["id"].as_str().unwrap().to_owned()
}

/// Marks in everything that the API takes about the account of a reference id; what is refused, and what tells of acts,
/// is kept in a file of `outputs`.
pub(super) fn fill(place: &Place, daemon: &Daemon, marks: &mut Marks, reference: &str, outputs: &Path) {
    let note = marks.word("note of a key");
    let key = place.run(&["key", "create", "--permission", "*", "--owner", "one", "--note", &note, "--json"]);
    assert!(key.status.success());
    let key: Value = serde_json::from_slice(&key.stdout).unwrap();
    let mut caller = Caller {
        runtime: tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap(),
        client: watchkeeper::providers::client::build(PATIENCE, PATIENCE).unwrap(),
        base: format!("http://{}/api/v1", daemon.address),
        key: key["value"].as_str().unwrap().to_owned(),
        impersonal: String::new(),
    };
    let account = caller.ok(Method::GET, &format!("/accounts/by-reference/{reference}"), None);
    let account = id(&account);
    inquiry(&mut caller, marks, &account);
    report(&mut caller, marks, &account);
    items(&mut caller, marks);
    import(&mut caller, marks);
    faults(&mut caller, marks);
    let word = marks.word("field of a transaction");
    let types = caller.ok(Method::GET, "/transaction-types", None);
    let kind = types["data"][0]["id"].as_str().unwrap();
    let made = json!({ "transaction-type-id": kind, "reference-id": "t-1", "fields": { "note": word } });
    caller.post("/transactions", &made);
    let hold = json!({ "account-id": account, "reason": "case-1" });
    let hold = id(&caller.post("/legal-holds", &hold));
    let (held, _) = caller.call(Method::DELETE, &format!("/accounts/{account}"), None);
    assert_eq!(held, 409, "what is held is not redacted");
    caller.ok(Method::POST, &format!("/legal-holds/{hold}/lift"), Some(&json!({})));
    let (exported, _) = caller.call(Method::GET, &format!("/accounts/{account}/export"), None);
    assert_eq!(exported, 200);
    caller.ok(Method::DELETE, &format!("/accounts/{account}"), None);
    until("the audit log has the redaction", || {
        let path = format!("/audit-certificates/{account}");
        (caller.call(Method::GET, &path, None).0 == 200).then_some(())
    });
    for path in ["/audit-entries", "/events", "/retention-plan", "/legal-holds", "/importers"] {
        caller.keep(path);
    }
    caller.keep(&format!("/audit-certificates/{account}"));
    caller.keep(&format!("/accounts/{account}"));
    fs::write(outputs.join("API"), &caller.impersonal).unwrap();
}

fn inquiry(caller: &mut Caller, marks: &mut Marks, account: &str) {
    let templates = caller.ok(Method::GET, "/inquiry-templates", None);
    let mut templates = templates["data"].as_array().unwrap().iter();
    let of_people = templates.find(|template| template["attributes"]["name"] == "individual");
    let template = of_people.unwrap()["id"].as_str().unwrap();
    let fields = json!({
        "name-first": marks.word("first name of an inquiry"),
        "name-last": marks.word("last name of an inquiry"),
    });
    let made = json!({
        "inquiry-template-id": template,
        "account-id": account,
        "fields": fields,
        "note": marks.word("note of an inquiry"),
    });
    let inquiry = id(&caller.post("/inquiries", &made));
    caller.ok(Method::POST, &format!("/inquiries/{inquiry}/complete"), Some(&json!({})));
    let comment = json!({ "meta": { "comment": marks.word("comment of a decision") } });
    caller.ok(Method::POST, &format!("/inquiries/{inquiry}/approve"), Some(&comment));
}

fn report(caller: &mut Caller, marks: &mut Marks, account: &str) {
    let query = json!({
        "name-first": marks.word("first name of a query"),
        "name-last": marks.word("last name of a query"),
    });
    let templates = caller.ok(Method::GET, "/report-templates", None);
    let mut templates = templates["data"].as_array().unwrap().iter();
    let own = templates.find(|template| template["attributes"]["name"] == "own").unwrap()["id"].clone();
    let made = json!({ "report-template-id": own, "query": query, "account-id": account });
    caller.post("/reports", &made);
    let hits = caller.ok(Method::GET, &format!("/hits?filter[account-id]={account}"), None);
    let hit = hits["data"][0]["id"].as_str().expect("the list knows somebody like the account").to_owned();
    let text = marks.word("comment on a hit");
    caller.post(&format!("/hits/{hit}/comment"), &json!({ "text": text }));
    let reason = marks.word("reason of a decision");
    caller.post(&format!("/hits/{hit}/dismiss"), &json!({ "reason": reason }));
}

fn items(caller: &mut Caller, marks: &mut Marks) {
    let list = id(&caller.post("/list/names", &json!({ "name": "watched" })));
    let [first, last] = ["first", "last"].map(|part| marks.word(&format!("{part} name of an item")));
    let item = json!({ "list-id": list, "name-first": first, "name-last": last });
    caller.post("/list-item/names", &item);
    let asked = json!({ "name-first": marks.word("name that is looked up"), "name-last": last });
    caller.post(&format!("/lists/{list}/look-up"), &asked);
}

fn import(caller: &mut Caller, marks: &mut Marks) {
    let mut file = String::from("reference_id,name_first,birthdate\n");
    for (number, birthdate) in ["", "not a date"].iter().enumerate() {
        writeln!(file, "api-{number},{},{birthdate}", marks.word("name of a file")).unwrap();
    }
    let made = json!({ "file": { "data": STANDARD.encode(file), "filename": "people.csv" } });
    let importer = id(&caller.post("/importer/accounts", &made));
    until("the file is imported", || {
        let found = caller.ok(Method::GET, &format!("/importers/{importer}"), None);
        (found["data"]["attributes"]["status"] == "ready").then_some(())
    });
    caller.keep(&format!("/importers/{importer}"));
}

/// Requests with faults: what is said of them quotes nobody.
fn faults(caller: &mut Caller, marks: &mut Marks) {
    let mut word = || marks.word("request that is refused");
    let fields = [
        json!({ "birthdate": word() }),
        json!({ "name": word() }),
        json!({ "name": { "first": [word()] } }),
        json!({ "birthdate": { "type": "date", "value": word() } }),
    ];
    for fields in fields {
        let body = json!({ "data": { "attributes": { "reference-id": "refused", "fields": fields } } });
        caller.refused("/accounts", &body);
    }
    let query = json!({ "query": { "attribute": "birthdate", "operator": "eq", "value": word() } });
    caller.refused("/accounts/search", &query);
    let report = json!({ "data": { "attributes": { "query": word() } } });
    caller.refused("/reports", &report);
    let item = json!({ "data": { "attributes": { "list-id": word(), "name-first": word() } } });
    caller.refused("/list-item/names", &item);
}
