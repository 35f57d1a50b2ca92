//! Accounts that come as multipart forms, with a photo as it is.

use serde_json::{Value, json};
use sqlx::PgPool;

use crate::fixtures::{Answered, Client, House};

/// A form of parts: names, names of files, contents.
fn form(parts: &[(&str, Option<&str>, &[u8])]) -> Vec<u8> {
    let mut form = Vec::new();
    for (name, filename, content) in parts {
        let file = filename.map(|filename| format!("; filename=\"{filename}\"")).unwrap_or_default();
        let head = format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n");
        form.extend_from_slice(head.as_bytes());
        form.extend_from_slice(content);
        form.extend_from_slice(b"\r\n");
    }
    form.extend_from_slice(b"--XX--\r\n");
    form
}

async fn send(client: &Client, method: &str, path: &str, body: Vec<u8>) -> Answered {
    let request = client.request(method, path).header("content-type", "multipart/form-data; boundary=XX");
    client.send(request.body(body)).await
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_photo_that_comes_as_a_part_of_a_form_comes_back_byte_for_byte(pool: PgPool) {
    let house = House::new(&pool, "").await;
    let client = Client::start(&house).await;
    let content: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    let new = form(&[
        ("data[type]", None, b"account"),
        ("data[attributes][reference-id]", None, b"r1"),
        ("data[attributes][nameFirst]", None, "Ján".as_bytes()),
        ("data[attributes][tags][]", None, b"one"),
        ("data[attributes][tags][]", None, b"two"),
        ("data[attributes][fields][email_address]", None, b"jan@mail.invalid"),
        ("data[attributes][selfie-photo]", Some("face.png"), &content),
        ("meta[upsert-by]", None, b"reference-id"),
    ]);
    let made = send(&client, "POST", "/accounts", new.clone()).await.expect(201);
    assert_eq!(
        (made.attribute("reference-id"), made.attribute("tags")),
        (&json!("r1"), &json!(["one", "two"]))
    );
    let fields = made.attribute("fields");
    assert_eq!(fields["name"]["value"]["first"]["value"], "Ján");
    assert_eq!(fields["email_address"]["value"], "jan@mail.invalid");
    let photo = &fields["selfie_photo"]["value"];
    assert_eq!((&photo["filename"], &photo["byte-size"]), (&json!("face.png"), &json!(300_000)));
    assert_eq!(client.get(photo["url"].as_str().unwrap()).await.expect(200).bytes, content);
    send(&client, "POST", "/accounts", new).await.expect(200);

    let change = form(&[
        ("data[attributes][selfie-photo]", Some("other.png"), b"\x89PNG"),
        ("data[attributes][tags][0]", None, b"three"),
        ("data[attributes][tags][1]", None, b"four"),
    ]);
    let changed = send(&client, "PATCH", &format!("/accounts/{}", made.id()), change).await.expect(200);
    assert_eq!(changed.attribute("tags"), &json!(["four", "three"]));
    let photo = &changed.attribute("fields")["selfie_photo"]["value"];
    assert_eq!((&photo["filename"], &photo["byte-size"]), (&json!("other.png"), &json!(4)));
    let request = client.request("PATCH", &format!("/accounts/{}", made.id()));
    let refused = client.send(request.header("content-type", "text/plain").body("x")).await.expect(415);
    let details = "accepted is application/json or multipart/form-data";
    assert_eq!(refused.body["errors"][0]["details"], details);
    assert_eq!(house.count("select count(*) from accounts").await, 1);
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_form_that_says_nothing_or_two_things_is_refused_and_others_take_none(pool: PgPool) {
    let house = House::new(&pool, "").await;
    let client = Client::start(&house).await;
    let reference = "data[attributes][reference-id]";
    for (body, place) in [
        (b"--XX--\r\n".to_vec(), ""),
        (b"no form".to_vec(), ""),
        (form(&[(reference, None, b"Marksdottir")]).split_off(5), ""),
        (form(&[(reference, None, b"Marksdottir"), (reference, None, b"b")]), ""),
        (form(&[("data[attributes", None, b"Marksdottir")]), ""),
        (form(&[(reference, None, b"\xff\xfe")]), ""),
        (form(&[("data[attributes][colour]", None, b"Marksdottir")]), "/data/attributes"),
        (form(&[("data[type]", None, b"inquiry")]), "/data/type"),
        (form(&[("data[attributes][selfie-photo]", Some(""), b"")]), "/data/attributes/selfie-photo"),
        (form(&[("data[attributes][tags][1]", None, b"Marksdottir")]), ""),
    ] {
        let refused = send(&client, "POST", "/accounts", body).await.expect(400);
        let error = &refused.body["errors"][0];
        let pointer = error["source"]["pointer"].as_str().unwrap_or_default();
        assert!(pointer.starts_with(place) && error["details"].is_string(), "{place}: {error}");
        assert!(!refused.body.to_string().contains("Marksdottir"), "{error}");
    }
    let tag = form(&[("data[attributes][name]", None, b"gold")]);
    send(&client, "POST", "/tags", tag).await.expect(415);
    assert_eq!(house.count("select count(*) from accounts").await, 0);
    let described = client.get("/openapi.json").await.expect(200).body;
    let sent = |path: &str, method: &str| described["paths"][path][method]["requestBody"]["content"].clone();
    for (path, method) in [("/accounts", "post"), ("/accounts/{account-id}", "patch")] {
        assert!(sent(path, method)["multipart/form-data"].is_object(), "{path}");
    }
    assert_eq!(sent("/tags", "post")["multipart/form-data"], Value::Null);
    client.stop().await;
}
