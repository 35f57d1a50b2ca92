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
