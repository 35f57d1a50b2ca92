//! Tags as objects, relations, consolidation.

use serde_json::json;
use sqlx::PgPool;
use watchkeeper::{
    actions::{
        ActionError,
        accounts::{self, Edit},
        consolidate, inspect,
        relations::{self, Object, Wanted},
        retire,
        tags::{self, TagEdit},
    },
    domain::{
        consolidation::ConsolidationState,
        id::{AccountId, TagId},
    },
    engine::{
        chores::Chores,
        task::{Activation, Task},
    },
    store::tags::TagRow,
};

use crate::fixtures::{DAILY, House, finding};

/// Who owns businesses, and who employs whom.
const RELATIONS: &str = r#"
[account-types.business.relations]
owners = { target-types = ["individual"], inverse = "owned_businesses" }
parent = { target-types = ["business"], cardinality = "single", inverse = "subsidiaries" }
[account-types.individual.relations]
spouse = { target-types = ["individual"], cardinality = "single", inverse = "spouse_of" }
"#;

async fn id(house: &House, reference: &str) -> AccountId {
    inspect::find_account(&house.engine.context, reference).await.unwrap().id
}

async fn tagged(house: &House, reference: &str, tag: &str) {
    let edit = Edit { tags_add: vec![tag.to_owned()], ..Edit::default() };
    accounts::edit_alone(&house.engine.context, "test", id(house, reference).await, &edit).await.unwrap();
}

fn named(name: &str) -> TagEdit {
    TagEdit { name: Some(name.to_owned()), ..TagEdit::default() }
}

async fn tag(house: &House, name: &str) -> TagRow {
    let all = tags::list(&house.engine.context, (None, None), true, 100).await.unwrap();
    all.into_iter().find(|tag| tag.name == name).unwrap()
}

async fn chores(house: &House) {
    let mut chores = Chores::new(house.engine.clone());
    while chores.activate().await.unwrap() == Activation::More {}
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_renamed_tag_is_renamed_on_all_accounts_and_a_retired_one_is_added_to_none(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1", "p2"]).await;
    tagged(&house, "p1", "vip").await;
    let context = &house.engine.context;
    let vip = tag(&house, "vip").await;
    let edit = TagEdit { colour: Some(Some("#1f77b4".to_owned())), ..named("very-important") };
    let changed = tags::change(context, "test", vip.id, &edit).await.unwrap();
    assert_eq!((changed.id, changed.colour.as_deref()), (vip.id, Some("#1f77b4")));
    assert_eq!(house.account("p1").await.tags, ["very-important"]);
    tags::create(context, "test", &named("vip")).await.unwrap();
    assert!(matches!(tags::create(context, "test", &named("vip")).await, Err(ActionError::Conflict(_))));
    assert!(matches!(
        tags::change(context, "test", vip.id, &named("vip")).await,
        Err(ActionError::Conflict(_))
    ));

    tags::retire(context, "test", vip.id).await.unwrap();
    let edit = |tags: &[&str]| Edit {
        tags_add: tags.iter().map(|&tag| tag.to_owned()).collect(),
        ..Edit::default()
    };
    let p2 = id(&house, "p2").await;
    let refused = accounts::edit_alone(context, "test", p2, &edit(&["very-important"])).await;
    assert!(matches!(refused, Err(ActionError::Conflict(_))), "{refused:?}");
    let p1 = id(&house, "p1").await;
    accounts::edit_alone(context, "test", p1, &edit(&["very-important", "other"])).await.unwrap();
    assert_eq!(house.account("p1").await.tags, ["other", "very-important"], "who has it keeps it");
    let bad = [TagEdit::default(), named(""), TagEdit { colour: Some(Some("red".to_owned())), ..named("x") }];
    for bad in bad {
        assert!(matches!(tags::create(context, "test", &bad).await, Err(ActionError::Invalid(_))));
    }
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_tag_that_a_schedule_names_is_not_renamed_retired_or_merged_away(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    let context = &house.engine.context;
    let tag = tags::create(context, "test", &named("watchlist-match")).await.unwrap();
    let other = tags::create(context, "test", &named("other")).await.unwrap();
    let refused = [
        tags::change(context, "test", tag.id, &named("match")).await.map(drop),
        tags::retire(context, "test", tag.id).await.map(drop),
        tags::merge(context, "test", other.id, &[tag.id]).await.map(drop),
    ];
    for refused in refused {
        let Err(ActionError::Conflict(text)) = refused else { panic!("{refused:?}") };
        assert!(text.contains("daily"), "{text}");
    }
    tags::merge(context, "test", tag.id, &[other.id]).await.unwrap();
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn merged_tags_become_one_on_every_account_and_enrolment_sees_it(pool: PgPool) {
    let selecting =
        DAILY.replace(r#"types = ["individual"]"#, r#"types = ["individual"], tags-any = ["kept"]"#);
    let house = House::new(&pool, &selecting).await;
    house.people(&["p1", "p2", "p3"]).await;
    tagged(&house, "p1", "one").await;
    tagged(&house, "p2", "one").await;
    tagged(&house, "p2", "kept").await;
    let context = &house.engine.context;
    let (one, kept) = (tag(&house, "one").await, tag(&house, "kept").await);
    for bad in [&[][..], &[kept.id], &[TagId(uuid::Uuid::nil())]] {
        assert!(matches!(tags::merge(context, "test", kept.id, bad).await, Err(ActionError::Invalid(_))));
    }
    let (target, _) = tags::merge(context, "test", kept.id, &[one.id]).await.unwrap();
    chores(&house).await;
    assert_eq!(target.id, kept.id);
    for reference in ["p1", "p2"] {
        assert_eq!(house.account(reference).await.tags, ["kept"]);
    }
    assert_eq!(tag(&house, "one").await.merged_into, Some(kept.id));
    house.enrol().await;
    assert_eq!(house.count("select count(*) from monitor_due").await, 2, "both are selected now");
    assert_eq!(house.events().await.iter().filter(|kind| *kind == "account.updated-tags").count(), 2);
}

async fn listed(house: &House, of: &str, key: &str) -> Result<Vec<AccountId>, ActionError> {
    let wanted = Wanted { key, from: None, until: None, after: None, before: None, limit: 100 };
    let of = Object::Account(id(house, of).await);
    let (_, found) = relations::list(&house.engine.context, of, wanted).await?;
    Ok(found
        .into_iter()
        .map(|object| match object {
            Object::Account(id) => id,
            Object::Transaction(_) => panic!("only accounts here"),
        })
        .collect())
}

async fn relate(house: &House, from: &str, key: &str, to: &str) -> Result<bool, ActionError> {
    let (from, to) = (Object::Account(id(house, from).await), Object::Account(id(house, to).await));
    relations::add(&house.engine.context, "test", from, key, to).await
}

async fn family(pool: &PgPool) -> House {
    let house = House::new(pool, &format!("{DAILY}{RELATIONS}")).await;
    house.people(&["p1", "p2", "p3"]).await;
    house.import("reference_id,type,name\nb1,business,Acme\nb2,business,Holding\n").await;
    house
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn relations_are_read_from_both_ends_by_their_names(pool: PgPool) {
    let house = family(&pool).await;
    assert!(relate(&house, "b1", "owners", "p1").await.unwrap());
    assert!(relate(&house, "b1", "owners", "p2").await.unwrap());
    assert!(!relate(&house, "b1", "owners", "p1").await.unwrap(), "adding twice changes nothing");
    let (p1, p2, b1, b2) =
        (id(&house, "p1").await, id(&house, "p2").await, id(&house, "b1").await, id(&house, "b2").await);
    let mut both = vec![p1, p2];
    both.sort_unstable();
    both.reverse();
    assert_eq!(listed(&house, "b1", "owners").await.unwrap(), both);
    assert_eq!(listed(&house, "p1", "owned_businesses").await.unwrap(), [b1]);
    // Cycles harm nobody.
    assert!(relate(&house, "b1", "parent", "b2").await.unwrap());
    assert!(relate(&house, "b2", "parent", "b1").await.unwrap());
    assert_eq!(listed(&house, "b2", "subsidiaries").await.unwrap(), [b1]);
    assert_eq!(listed(&house, "b1", "parent").await.unwrap(), [b2]);

    house.people(&["p3", "p4", "p5"]).await;
    assert!(relate(&house, "p3", "spouse", "p4").await.unwrap());
    let refused = relate(&house, "p3", "spouse", "p5").await;
    assert!(matches!(refused, Err(ActionError::Conflict(_))), "single: {refused:?}");
    for (from, key, to) in [
        ("b1", "owners", "b2"),
        ("p1", "owners", "p2"),
        ("p1", "owned_businesses", "b1"),
        ("b1", "nonsense", "p1"),
        ("p5", "spouse", "p5"),
    ] {
        let refused = relate(&house, from, key, to).await;
        assert!(matches!(refused, Err(ActionError::Invalid(_))), "{key}: {refused:?}");
    }
    assert!(matches!(listed(&house, "p1", "owners").await, Err(ActionError::Invalid(_))));
    let context = &house.engine.context;
    let removed =
        relations::remove(context, "test", Object::Account(b1), "owners", Object::Account(p1)).await;
    assert!(removed.unwrap());
    assert_eq!(listed(&house, "b1", "owners").await.unwrap(), [p2]);
    retire::archive(context, "test", p1).await.unwrap();
    assert!(matches!(relate(&house, "b1", "owners", "p1").await, Err(ActionError::Refused(_))));
    assert!(matches!(relate(&house, "p1", "spouse", "p2").await, Err(ActionError::Archived)));
    let told = house.events().await;
    assert_eq!(told.iter().filter(|kind| *kind == "account.added-relation").count(), 5);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn relations_are_listed_in_pages_both_ways(pool: PgPool) {
    let house = family(&pool).await;
    for person in ["p1", "p2", "p3"] {
        relate(&house, "b1", "owners", person).await.unwrap();
    }
    let all = listed(&house, "b1", "owners").await.unwrap();
    let of = Object::Account(id(&house, "b1").await);
    let page = async |after: Option<AccountId>, before: Option<AccountId>| {
        let wanted = Wanted {
            key: "owners",
            from: None,
            until: None,
            after: after.map(Object::Account),
            before: before.map(Object::Account),
            limit: 1,
        };
        relations::list(&house.engine.context, of, wanted).await.unwrap().1
    };
    assert_eq!(page(None, None).await, [Object::Account(all[0])]);
    assert_eq!(page(Some(all[0]), None).await, [Object::Account(all[1])]);
    assert_eq!(page(None, Some(all[2])).await, [Object::Account(all[1])]);
    assert_eq!(page(Some(all[2]), None).await, []);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_consolidated_account_gives_away_what_it_has_and_is_archived(pool: PgPool) {
    let house = family(&pool).await;
    house.enrol().await;
    house.scripted.find(&[finding("own:1", "a", 0.9)]);
    house.run("p1").await;
    house.scripted.find(&[]);
    tagged(&house, "p1", "from-source").await;
    relate(&house, "b1", "owners", "p1").await.unwrap();
    relate(&house, "p1", "spouse", "p3").await.unwrap();
    let (p1, p2, p3) = (id(&house, "p1").await, id(&house, "p2").await, id(&house, "p3").await);
    let (early, late) = (house.due("p2").await.at, house.due("p1").await.at);
    assert!(early < late);
    let context = &house.engine.context;
    // The destination's monitor is the later one.
    let asked = consolidate::request(context, "test", p1, &[p2]).await.unwrap();
    assert_eq!(asked.state, ConsolidationState::Pending);
    assert_eq!(house.account("p2").await.tags, [""; 0], "nothing has moved yet");
    chores(&house).await;
    assert_eq!(consolidate::find_one(context, asked.id).await.unwrap().state, ConsolidationState::Done);
    assert_eq!(house.due("p1").await.at, early, "the earlier time");
    assert_eq!(house.all_due("p2").await, []);

    let asked = consolidate::request(context, "test", p3, &[p1]).await.unwrap();
    chores(&house).await;
    assert_eq!(consolidate::find_one(context, asked.id).await.unwrap().state, ConsolidationState::Done);
    assert!(house.account("p3").await.tags.contains(&"from-source".to_owned()));
    assert_eq!(listed(&house, "p3", "owned_businesses").await.unwrap(), [id(&house, "b1").await]);
    assert_eq!(listed(&house, "p3", "spouse").await.unwrap(), [], "nobody becomes their own spouse");
    let into: Vec<String> = house
        .texts("select distinct consolidated_into::text from accounts where archived_at is not null")
        .await;
    assert_eq!(into, [p3.0.to_string()], "a chain leads to its end");
    for (destination, source) in [(p3, p1), (p1, p3), (p3, p2)] {
        let refused = consolidate::request(context, "test", destination, &[source]).await;
        assert!(matches!(refused, Err(ActionError::Conflict(_) | ActionError::Archived)), "{refused:?}");
    }
    let restored = retire::restore(context, "test", p1).await;
    assert!(matches!(restored, Err(ActionError::Conflict(_))), "{restored:?}");
    let told = house.events().await;
    assert_eq!(told.iter().filter(|kind| *kind == "account.consolidated").count(), 2);
    assert_eq!(told.iter().filter(|kind| *kind == "account.consolidated-with").count(), 2);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn consolidations_that_cannot_be_are_refused(pool: PgPool) {
    let house = family(&pool).await;
    let context = &house.engine.context;
    let (p1, p2, p3, b1) =
        (id(&house, "p1").await, id(&house, "p2").await, id(&house, "p3").await, id(&house, "b1").await);
    for (destination, sources) in
        [(p1, vec![]), (p1, vec![p1]), (p1, vec![b1]), (p1, vec![AccountId(uuid::Uuid::nil())])]
    {
        let refused = consolidate::request(context, "test", destination, &sources).await;
        assert!(matches!(refused, Err(ActionError::Invalid(_))), "{refused:?}");
    }
    consolidate::request(context, "test", p1, &[p2, p2]).await.unwrap();
    for (destination, source) in [(p3, p2), (p2, p3), (p3, p1)] {
        let refused = consolidate::request(context, "test", destination, &[source]).await;
        assert!(matches!(refused, Err(ActionError::Conflict(_))), "{refused:?}");
    }
    // What changed between the asking and the doing is refused then, and may be asked for again.
    retire::archive(context, "test", p2).await.unwrap();
    chores(&house).await;
    assert_eq!(house.texts("select refusal from consolidations").await, [format!("{p2} is archived")]);
    assert_eq!(house.count("select count(*) from accounts where consolidated_into is not null").await, 0);
    retire::restore(context, "test", p2).await.unwrap();
    consolidate::request(context, "test", p1, &[p2, p3]).await.unwrap();
    chores(&house).await;
    assert_eq!(house.count("select count(*) from accounts where consolidated_into is not null").await, 2);
    assert_eq!(
        json!(house.texts("select state from consolidations order by created_at").await),
        json!(["refused", "done"])
    );
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_tag_that_a_reverification_names_is_not_renamed_retired_or_merged_away(pool: PgPool) {
    let rule = "[reverifications.yearly]\naccounts = { types = [\"individual\"], tags-none = [\"exempt\"] }\n\
                after-last-inquiry = \"365d\"\ntags = [\"reverify\"]\n";
    let house = House::new(&pool, &format!("{DAILY}{rule}")).await;
    let context = &house.engine.context;
    let other = tags::create(context, "test", &named("other")).await.unwrap();
    for name in ["reverify", "exempt"] {
        let tag = tags::create(context, "test", &named(name)).await.unwrap();
        let refused = [
            tags::change(context, "test", tag.id, &named("new")).await.map(drop),
            tags::retire(context, "test", tag.id).await.map(drop),
            tags::merge(context, "test", other.id, &[tag.id]).await.map(drop),
        ];
        for refused in refused {
            let Err(ActionError::Conflict(text)) = refused else { panic!("{refused:?}") };
            assert!(text.contains("reverification yearly"), "{text}");
        }
    }
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn nobody_is_related_to_themselves(pool: PgPool) {
    let house = family(&pool).await;
    assert!(matches!(relate(&house, "p1", "spouse", "p1").await, Err(ActionError::Invalid(_))));
}
