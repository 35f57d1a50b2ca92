//! Imports through the API: taken in sealed, worked off by the daemon, across restarts.

use serde_json::{Value, json};
use sqlx::PgPool;
use watchkeeper::actions::importers;

use crate::fixtures::{Client, DAILY, House};

const CSV: &str = "reference_id,type,name_first,name_last,birthdate\n\
    a,individual,Anna,Secretname,1980-01-02\n\
    b,individual,Bert,Secretname,1980-13-02\n\
    c,individual,Carl,Secretname,\n";

async fn work(house: &House) {
    while importers::work(&house.engine.context).await.unwrap() {}
}

/// Sends a body of a media type.
async fn send(client: &Client, media_type: &str, body: impl Into<Vec<u8>>) -> crate::fixtures::Answered {
    let request = client.request("POST", "/importer/accounts").header("content-type", media_type);
    client.send(request.body(body.into())).await
}

fn figures(import: &Value) -> (String, i64, i64, i64) {
    let number = |name: &str| import[name].as_i64().unwrap();
    let status = import["status"].as_str().unwrap().to_owned();
    (status, number("successful-count"), number("duplicate-count"), number("error-count"))
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_file_is_imported_in_every_form_in_which_it_can_come(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    let client = Client::start(&house).await;
    let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, CSV);
    let document = json!({"data": {"attributes": {"file": {"data": encoded, "filename": "x.csv"}}}});
    let form = format!(
        "--XX\r\nContent-Disposition: form-data; name=\"data[attributes][file]\"; filename=\"x.csv\"\r\n\r\n{CSV}\r\n--XX--\r\n"
    );
    let lines = r#"{"reference_id":"a","type":"individual","fields":{"name":{"first":"Anna","last":"Secretname"},"birthdate":"1980-01-02"}}
{"reference_id":"b","type":"individual","name_first":"Bert","birthdate":"1980-13-02"}
{"reference_id":"c","type":"individual","name_first":"Carl","name_last":"Secretname"}
"#;
    let sent = [
        ("application/json", document.to_string()),
        ("multipart/form-data; boundary=XX", form),
        ("text/csv", CSV.to_owned()),
        ("application/x-ndjson", lines.to_owned()),
    ];
    for (number, (media_type, body)) in sent.into_iter().enumerate() {
        let made = send(&client, media_type, body).await.expect(201);
        assert_eq!(made.attribute("status"), "pending", "{media_type}");
        let stored = house.texts("select encode(sealed_content, 'escape') from importer_pieces").await;
        assert!(!stored.concat().contains("Secretname"));
        work(&house).await;
        let done = client.get(&format!("/importers/{}", made.id())).await.expect(200);
        let attributes = &done.body["data"]["attributes"];
        let expected = if number == 0 { (2, 0) } else { (0, 2) };
        assert_eq!(figures(attributes), ("ready".to_owned(), expected.0, expected.1, 1), "{media_type}");
        let rejects = client.get(&format!("/importers/{}/rejects", made.id())).await.expect(200);
        assert_eq!(rejects.body["data"][0]["column"], "birthdate");
        assert!(!rejects.body.to_string().contains("1980"));
    }
    assert_eq!(
        house.count("select count(*) from importer_pieces").await,
        0,
        "the file is gone when it is done"
    );
    assert_eq!(client.get("/importers").await.expect(200).ids().len(), 4);
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn an_import_that_was_cut_off_goes_on_where_it_was(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    let client = Client::start(&house).await;
    let rows: String = (0..2500).map(|number| format!("r{number},individual,Anna,Test\n")).collect();
    let made =
        send(&client, "text/csv", format!("reference_id,type,name_first,name_last\n,individual,,\n{rows}"))
            .await;
    let id = made.expect(201).id();
    // After the second batch the database refuses: as if the process had been killed then.
    sqlx::raw_sql(
        "create function refuse() returns trigger language plpgsql as $$ begin raise exception 'no more'; end $$;
         create trigger refuse before update on importers for each row when (new.done_line > 2100) execute function refuse()",
    )
    .execute(&pool)
    .await
    .unwrap();
    importers::work(&house.engine.context).await.unwrap_err();
    assert_eq!(house.count("select done_line from importers").await, 2001);
    assert_eq!(house.count("select count(*) from accounts").await, 1999);
    sqlx::raw_sql("drop trigger refuse on importers").execute(&pool).await.unwrap();
    work(&house).await;
    let done = client.get(&format!("/importers/{id}")).await.expect(200);
    assert_eq!(figures(&done.body["data"]["attributes"]), ("ready".to_owned(), 2500, 0, 1));
    assert_eq!(house.count("select count(*) from accounts").await, 2500);
    assert_eq!(house.count("select count(*) from events where kind = 'account.created'").await, 2500);
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn what_is_no_file_of_accounts_is_refused_or_says_so(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    let client = Client::start(&house).await;
    send(&client, "text/csv", "").await.expect(400);
    send(&client, "multipart/form-data; boundary=XX", "--XX--").await.expect(400);
    send(&client, "application/json", r#"{"data":{"attributes":{"file":{"data":"%%"}}}}"#).await.expect(400);
    let made = send(&client, "text/csv", "colour\nred\n").await.expect(201);
    work(&house).await;
    let done = client.get(&format!("/importers/{}", made.id())).await.expect(200);
    assert_eq!(done.attribute("status"), "errored");
    assert!(done.attribute("fault").as_str().unwrap().contains("unknown headers"), "{}", done.body);
    assert_eq!(
        house
            .count("select count(*) from data_keys where object_id not in (select account_id from accounts)")
            .await,
        1
    );
    client.stop().await;
}

/// A form of named parts and a file.
fn form(parts: &[(&str, &str)], file: &str) -> String {
    let mut form = String::new();
    let mut part = |disposition: &str, content: &str| {
        let part = format!("--XX\r\nContent-Disposition: form-data; {disposition}\r\n\r\n{content}\r\n");
        form.push_str(&part);
    };
    part("name=\"data[attributes][file]\"; filename=\"x.csv\"", file);
    for (name, content) in parts {
        part(&format!("name=\"{name}\""), content);
    }
    form + "--XX--\r\n"
}

const FORM: &str = "multipart/form-data; boundary=XX";

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn what_a_form_says_of_its_file_holds_and_what_is_unknown_is_refused_by_name(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    let client = Client::start(&house).await;
    let file = "Customer No,name\n1,Anna Test\n";
    let mapping = r#"{"Customer No":"reference_id"}"#;
    let dry = [("data[attributes][mapping]", mapping), ("data[attributes][dryRun]", "true")];
    let made = send(&client, FORM, form(&dry, file)).await.expect(201);
    work(&house).await;
    let done = client.get(&format!("/importers/{}", made.id())).await.expect(200);
    assert_eq!(figures(&done.body["data"]["attributes"]), ("ready".to_owned(), 1, 0, 0), "{}", done.body);
    assert_eq!(done.attribute("dry-run"), &json!(true));
    assert_eq!(house.count("select count(*) from accounts").await, 0);

    let header = [("data[attributes][mapping][Customer No]", "reference_id"), ("account-type", "business")];
    let made = send(&client, FORM, form(&header, file)).await.expect(201);
    work(&house).await;
    let done = client.get(&format!("/importers/{}", made.id())).await.expect(200);
    assert_eq!(figures(&done.body["data"]["attributes"]), ("ready".to_owned(), 1, 0, 0), "{}", done.body);
    assert_eq!(house.account("1").await.account_type, "business");

    let refused = send(&client, FORM, form(&[("data[attributes][colour]", "red")], file)).await.expect(400);
    let details = refused.body["errors"][0]["details"].as_str().unwrap();
    assert!(details.contains("data[attributes][colour]") && details.contains("mapping"), "{details}");
    send(&client, FORM, form(&[("mapping", "no JSON")], file)).await.expect(400);
    assert_eq!(house.count("select count(*) from importers").await, 2, "of what is refused nothing is kept");
    let request = client.request("POST", "/importer/accounts?colour=red").header("content-type", "text/csv");
    client.send(request.body(file)).await.expect(400);

    // Advice is for whoever reads it.
    let made = send(&client, "text/csv", file).await.expect(201);
    work(&house).await;
    let done = client.get(&format!("/importers/{}", made.id())).await.expect(200);
    let fault = done.attribute("fault").as_str().unwrap();
    assert!(fault.contains("the attribute mapping") && !fault.contains("--map"), "{fault}");

    let decisions = "reference_id,entity,decision\n1,e:1,dismissed\n";
    let request = client.request("POST", "/importer/decisions").header("content-type", FORM);
    let done = client.send(request.body(form(&[], decisions))).await.expect(200);
    assert_eq!(done.body["imported-count"], 1);
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_file_that_is_sent_again_under_its_key_is_imported_once(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    let client = Client::start(&house).await;
    let again = async |key: &str, body: &str| {
        let request = client.request("POST", "/importer/accounts").header("content-type", "text/csv");
        client.send(request.header("idempotency-key", key.to_owned()).body(body.to_owned())).await
    };
    let first = again("k1", CSV).await.expect(201);
    assert_eq!(again("k1", CSV).await.expect(201).id(), first.id());
    assert_ne!(again("k2", CSV).await.expect(201).id(), first.id());
    again("k3", "").await.expect(400);
    again("k3", CSV).await.expect(201);
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_record_without_an_end_is_a_fault_of_the_file_and_a_reject(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    let client = Client::start(&house).await;
    let rest = "c,Test C\n".repeat(200_000);
    let made = send(&client, "text/csv", format!("reference_id,name\na,Test A\nb,\"Test B\n{rest}")).await;
    let id = made.expect(201).id();
    work(&house).await;
    let done = client.get(&format!("/importers/{id}")).await.expect(200);
    assert_eq!(figures(&done.body["data"]["attributes"]), ("errored".to_owned(), 1, 0, 1));
    let rejects = client.get(&format!("/importers/{id}/rejects")).await.expect(200);
    assert_eq!(rejects.body["data"][0]["line"], 3);
    assert_eq!(rejects.body["data"][0]["reason"], "a quote opened in line 3 is not closed within 1 MiB");
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_file_whose_key_is_gone_is_imported_no_further(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    let client = Client::start(&house).await;
    let made = send(&client, "text/csv", "reference_id,type,name\nc-1,individual,Jane Doe\n").await;
    // As after a restore: the erasure of the file was replayed, and its pieces are there again.
    sqlx::query("delete from data_keys using importers where object_id = importer_id")
        .execute(&pool)
        .await
        .unwrap();
    assert!(importers::work(&house.engine.context).await.unwrap());
    let ended = client.get(&format!("/importers/{}", made.id())).await.expect(200);
    assert_eq!(ended.attribute("status"), "errored");
    assert_eq!(house.count("select count(*) from accounts").await, 0);
    assert_eq!(house.count("select count(*) from importer_pieces").await, 0);
    client.stop().await;
}
