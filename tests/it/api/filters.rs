//! Filters of listings, in every form in which several values can be written.

use sqlx::PgPool;

use crate::fixtures::{Client, DAILY, House};

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn values_told_apart_by_nothing_or_a_number_count_and_other_forms_are_refused(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1", "p2", "p3"]).await;
    let client = Client::start(&house).await;
    for query in [
        "filter[reference-id]=p1,p3",
        "filter[reference-id]=p1&filter[reference-id]=p3",
        "filter[reference-id][]=p1&filter[reference-id][]=p3",
        "filter[reference-id][0]=p1&filter[reference-id][1]=p3",
        "filter[reference_id][7]=p3&filter[referenceId][0]=p1",
        "filter[reference-id][0]=p1,p3",
        "filter[reference-id]=p1&filter[reference-id][0]=P3",
        "filter%5Breference-id%5D%5B0%5D=p1&filter%5Breference-id%5D%5B1%5D=p3",
    ] {
        let page = client.get(&format!("/accounts?{query}")).await.expect(200);
        let mut found: Vec<&str> = page.body["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|account| account["attributes"]["reference-id"].as_str().unwrap())
            .collect();
        found.sort_unstable();
        assert_eq!(found, ["p1", "p3"], "{query}");
    }
    for key in [
        "filter",
        "filter[]",
        "filter[reference-id][a]",
        "filter[reference-id][-1]",
        "filter[reference-id][0][1]",
        "filter[reference-id]0",
        "filter[reference-id",
        "filter[reference-id]]",
        "filter[reference-id][0",
        "filter[[reference-id]]",
    ] {
        let refused = client.get(&format!("/accounts?{key}=Marksdottir")).await.expect(400);
        let error = &refused.body["errors"][0];
        assert!(error["source"]["pointer"].as_str().unwrap().starts_with("filter"), "{key}: {error}");
        assert!(error["details"].is_string(), "{key}: {error}");
        assert!(!refused.body.to_string().contains("Marksdottir"), "{key}: {error}");
    }
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_filter_of_one_value_takes_no_second_and_each_of_several_must_be_known(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    let client = Client::start(&house).await;
    for (query, place) in [
        ("filter[note][0]=a&filter[note][1]=b", "filter[note]"),
        ("filter[status][0]=created&filter[status][1]=lost", "filter[status]"),
        ("filter[account-id][0]=act_x", "filter[account-id]"),
    ] {
        let refused = client.get(&format!("/inquiries?{query}")).await.expect(400);
        assert_eq!(refused.body["errors"][0]["source"]["pointer"], place);
    }
    client.get("/inquiries?filter[note][0]=a").await.expect(200);
    client.get("/inquiries?filter[status][0]=created&filter[status][1]=needs-review").await.expect(200);
    client.stop().await;
}
