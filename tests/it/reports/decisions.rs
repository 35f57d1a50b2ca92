//! Decisions are the account's: they hold for all its reports, now and later, and can come from elsewhere.

use sqlx::PgPool;
use watchkeeper::{
    actions::{
        decide::{self, Decided, Decision},
        hits,
        import::decisions::{self, ImportedDecisions},
        reports,
    },
    domain::{hit::HitState, id::HitId, personal::Personal},
};

use super::{TEMPLATES, ask, due_of, run, view};
use crate::fixtures::{DAILY, House, finding};

async fn import(house: &House, file: &str) -> ImportedDecisions {
    decisions::import(&house.engine.context, "test", "decisions.csv", file.as_bytes(), |_| ()).await.unwrap()
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_decision_holds_for_all_reports_of_the_account_also_for_later_ones(pool: PgPool) {
    let house = House::new(&pool, &format!("{TEMPLATES}{DAILY}")).await;
    house.people(&["p1", "p2"]).await;
    house.scripted.find(&[finding("e:1", "A", 0.9)]);
    let (one, two) = (ask(&house, "p1", "monthly", None).await, ask(&house, "p1", "watchlist", None).await);
    let of_another = ask(&house, "p2", "watchlist", None).await;
    assert!(
        run(&house, "p1", one).await && run(&house, "p1", two).await && run(&house, "p2", of_another).await
    );

    let reason = Personal::new("born in another century".to_owned());
    let hit = view(&house, one).await.hits.remove(0).id;
    decide::decide(&house.engine.context, "ann", hit, Decision::Dismissed, Some(&reason)).await.unwrap();
    for report in [one, two] {
        let hit = view(&house, report).await.hits.remove(0);
        assert_eq!((hit.state, hit.decided_by.as_deref()), ("dismissed", Some("ann")));
        assert_eq!(hit.reason.as_deref(), Some(reason.reveal().as_str()));
    }
    assert_eq!(view(&house, of_another).await.hits[0].state, "open", "not for other accounts");

    // A report that is made later finds it decided, and alerts nobody: no event, no tag, no status.
    let tagged = house.count("select count(*) from events where kind like '%matched'").await;
    let daily = house.all_due("p1").await.into_iter().map(|due| due.monitor).find(|id| *id != one).unwrap();
    assert!(run(&house, "p1", daily).await);
    let later = view(&house, daily).await;
    assert_eq!(
        (later.hits[0].state, later.hits[0].reason.as_deref()),
        ("dismissed", Some(reason.reveal().as_str()))
    );
    assert_eq!(house.count("select count(*) from events where kind like '%matched'").await, tagged);
    let account = house.account("p1").await;
    assert_eq!((account.status.as_str(), account.tags.len()), ("active", 0));

    // Other facts are another matter.
    house.scripted.find(&[finding("e:1", "B", 0.9)]);
    assert!(run(&house, "p1", daily).await);
    assert_eq!(view(&house, daily).await.hits[0].state, "open");
    assert_eq!(house.account("p1").await.tags, ["watchlist-match"]);
    assert_eq!(house.count("select count(*) from hits where sealed_reason::text like '%century%'").await, 0);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn many_hits_are_decided_on_with_one_reason_and_each_is_answered_for(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1", "p2", "p3"]).await;
    house.scripted.find(&[finding("e:1", "A", 0.9), finding("e:2", "A", 0.8)]);
    for reference in ["p1", "p2", "p3"] {
        house.run(reference).await;
    }
    house.scripted.find(&[finding("e:1", "A", 0.9)]);
    house.run("p3").await;
    let ids: Vec<HitId> = house
        .texts("select hit_id::text from hits order by hit_id")
        .await
        .iter()
        .map(|id| HitId(id.parse().unwrap()))
        .collect();
    let unknown = HitId(house.engine.context.new_uuid(ids[0].shard()));
    let asked = [ids.as_slice(), &[unknown]].concat();
    let reason = Personal::new("checked".to_owned());
    let done =
        decide::decide_all(&house.engine.context, "ann", &asked, Decision::Confirmed, Some(&reason)).await;
    let done = done.unwrap();
    let count = |wanted| done.iter().filter(|(_, decided)| *decided == wanted).count();
    assert_eq!((count(Decided::Done), count(Decided::Gone), count(Decided::NotFound)), (5, 1, 1));
    assert_eq!(done.last().unwrap().0, unknown);
    assert_eq!(house.count("select count(*) from hits where state = 'confirmed'").await, 5);
    assert_eq!(house.count("select count(*) from decisions").await, 5);
    assert_eq!(house.count("select count(*) from report_actions where kind = 'review'").await, 3);
    assert_eq!(house.count("select count(*) from events where kind = 'report/watchlist.confirmed'").await, 3);
    assert_eq!(house.count("select count(*) from events where detail::text like '%checked%'").await, 0);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn what_somebody_decided_on_meanwhile_is_left_alone_by_who_means_the_open_ones(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1", "p2"]).await;
    house.scripted.find(&[finding("e:1", "A", 0.9)]);
    house.run("p1").await;
    house.run("p2").await;
    let context = &house.engine.context;
    // A filter found both open; before they are decided on, somebody confirms one.
    let filter = hits::Filter { states: vec![HitState::Open], ..hits::Filter::default() };
    let ids = hits::list_ids(context, &filter, None, 10).await.unwrap();
    assert_eq!(ids.len(), 2);
    decide::decide(context, "ann", ids[0], Decision::Confirmed, None).await.unwrap();
    let done = decide::decide_open(context, "bob", &ids, Decision::Dismissed, None).await.unwrap();
    assert_eq!(done, [(ids[0], Decided::AlreadyDecided), (ids[1], Decided::Done)]);
    assert_eq!(
        house.texts("select state || ' ' || decided_by from hits order by state").await,
        ["confirmed ann", "dismissed bob"]
    );
    assert_eq!(
        house.texts("select state || ' ' || decided_by from decisions order by state").await,
        ["confirmed ann", "dismissed bob"]
    );
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn who_decides_the_same_again_can_be_told_who_had_decided_so_and_when(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1"]).await;
    house.scripted.find(&[finding("e:1", "A", 0.9)]);
    house.run("p1").await;
    let context = &house.engine.context;
    let hit = house.account("p1").await.hits.remove(0).id;
    let dismissed = Decision::Dismissed;
    assert!(decide::list_earlier(context, &[hit], dismissed).await.unwrap().is_empty(), "it is open");
    decide::decide(context, "ann", hit, dismissed, None).await.unwrap();
    let earlier = decide::list_earlier(context, &[hit], dismissed).await.unwrap();
    assert_eq!(earlier[&hit], decide::Earlier { by: "ann".to_owned(), at: house.now() });
    let other = decide::list_earlier(context, &[hit], Decision::Confirmed).await.unwrap();
    assert!(other.is_empty(), "another decision is not the same again");
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_report_is_dismissed_entity_by_entity_or_as_a_whole(pool: PgPool) {
    let house = House::new(&pool, TEMPLATES).await;
    house.people(&["p1"]).await;
    let context = &house.engine.context;
    let report = ask(&house, "p1", "monthly", None).await;
    house.scripted.find(&[finding("e:1", "A", 0.9), finding("e:2", "A", 0.9), finding("e:3", "A", 0.9)]);
    assert!(run(&house, "p1", report).await);
    let reason = Personal::new("somebody else".to_owned());
    let dismissed = Decision::Dismissed;
    reports::decide(context, "ann", report, Some("e:2"), dismissed, &reason).await.unwrap();
    assert!(reports::decide(context, "ann", report, Some("e:9"), dismissed, &reason).await.is_err());
    let states = async || {
        let mut hits = view(&house, report).await.hits;
        hits.sort_by(|one, other| one.entity.cmp(&other.entity));
        hits.iter().map(|hit| hit.state).collect::<Vec<_>>()
    };
    assert_eq!(states().await, ["open", "dismissed", "open"]);
    reports::decide(context, "ann", report, None, dismissed, &reason).await.unwrap();
    assert_eq!(states().await, ["dismissed"; 3]);
    assert!(
        reports::decide(context, "ann", report, None, dismissed, &reason).await.is_err(),
        "nothing is open"
    );
    assert!(due_of(&house, "p1", report).await.is_some());
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn imported_decisions_keep_the_first_run_from_alerting_again(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1", "p2"]).await;
    let file = "Reference ID,Entity,Decision,Reason,Reviewer,Date\n\
                P1,e:1,dismissed,other birth date,Ann,2024-05-06\n\
                p2,e:1,confirmed,,Bob,2025-01-02T03:04:05Z\n";
    let imported = import(&house, file).await;
    assert_eq!((imported.imported, imported.unchanged, imported.bad.len()), (2, 0, 0));
    house.scripted.find(&[finding("e:1", "A", 0.9), finding("e:2", "A", 0.9)]);
    house.run("p1").await;
    house.scripted.find(&[finding("e:1", "A", 0.9)]);
    house.run("p2").await;

    let states = |account: watchkeeper::actions::inspect::AccountView| {
        let mut states: Vec<_> = account.hits.iter().map(|hit| (hit.entity.clone(), hit.state)).collect();
        states.sort();
        states
    };
    let first = house.account("p1").await;
    let decided = first.hits.iter().find(|hit| hit.entity == "e:1").unwrap();
    assert_eq!(decided.decided_by.as_deref(), Some("Ann"));
    assert_eq!(decided.reason.as_deref(), Some("other birth date"));
    assert_eq!(decided.decided_at.unwrap().to_rfc3339(), "2024-05-06T00:00:00+00:00");
    assert_eq!(first.tags, ["watchlist-match"], "of the other entity nobody had decided");
    assert_eq!(states(first), [("e:1".to_owned(), "dismissed"), ("e:2".to_owned(), "open")]);
    let second = house.account("p2").await;
    assert_eq!((second.status.as_str(), second.tags.len()), ("active", 0), "no alert at all");
    assert_eq!(states(second), [("e:1".to_owned(), "confirmed")]);
    assert_eq!(house.count("select count(*) from events where kind like '%matched'").await, 1);

    // The first run fixed the facts: others open the hit.
    house.scripted.find(&[finding("e:1", "B", 0.9)]);
    house.run("p2").await;
    assert_eq!(states(house.account("p2").await), [("e:1".to_owned(), "open")]);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn an_import_names_each_bad_row_takes_the_good_ones_and_can_be_repeated(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1", "p2"]).await;
    house.import("reference_id,type,business_name\np2,business,Acme\n").await;
    house.scripted.find(&[finding("e:1", "A", 0.9)]);
    house.run("p1").await;
    let file = "reference_id,type,entity,decision,reason,reviewer,date\n\
                p1,,e:1,dismissed,later,Ann,2025-06-01\n\
                p1,,e:1,confirmed,earlier,Ann,2024-06-01\n\
                nobody,,e:1,dismissed,,,\n\
                p2,,e:1,dismissed,,,\n\
                p2,individual,e:1,dismissed,,,\n\
                p2,company,e:1,dismissed,,,\n\
                p1,,e:2,maybe,,,\n\
                p1,,,dismissed,,,\n\
                p1,,e:2,dismissed,,,2999-01-01\n\
                p1,e:2,dismissed\n";
    let imported = import(&house, file).await;
    assert_eq!((imported.imported, imported.unchanged, imported.closed_hits), (2, 1, 1));
    let bad: Vec<(u64, Option<&str>)> = imported.bad.iter().map(|bad| (bad.line, bad.column)).collect();
    assert_eq!(
        bad,
        [
            (4, Some("reference_id")),
            (5, Some("reference_id")),
            (7, Some("type")),
            (8, Some("decision")),
            (9, Some("entity")),
            (10, Some("date")),
            (11, None)
        ]
    );
    assert!(imported.bad.iter().all(|bad| !bad.reason.contains("maybe") && !bad.reason.contains("nobody")));
    let hit = house.account("p1").await.hits.remove(0);
    assert_eq!((hit.state, hit.reason.as_deref()), ("dismissed", Some("later")), "the open hit is closed");
    let sealed =
        house.texts("select sealed_reason::text from decisions where sealed_reason is not null").await;
    assert_eq!(sealed.len(), 1);

    let json = "{\"reference-id\": \"p1\", \"entity\": \"e:1\", \"decision\": \"confirmed\", \"date\": \"2020-01-01\"}\n\
                \n{\"reference_id\": \"p1\"\n{\"referenceId\": 5}\n";
    let again = import(&house, json).await;
    assert_eq!((again.imported, again.unchanged), (0, 1), "an older decision undoes no younger one");
    assert_eq!(again.bad.iter().map(|bad| bad.line).collect::<Vec<_>>(), [3, 4]);
    let file = "entity,decision\ne:1,dismissed\n";
    let refused =
        decisions::import(&house.engine.context, "test", "x.csv", file.as_bytes(), |_| ()).await.unwrap_err();
    assert!(refused.to_string().contains("reference_id"), "{refused}");
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn lines_of_decisions_are_counted_however_they_end_and_an_open_quote_ends_the_file(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1"]).await;
    for ending in ["\n", "\r\n"] {
        let file = "reference_id,entity,decision\np1,e:1,dismissed\n\nnobody,e:1,dismissed\np1,e:2,perhaps\n";
        let done = import(&house, &file.replace('\n', ending)).await;
        assert_eq!(done.bad.iter().map(|bad| bad.line).collect::<Vec<_>>(), [4, 5], "{ending:?}");
    }
    let rest = "p1,e:4,dismissed\n".repeat(100_000);
    let file = format!("reference_id,entity,decision\np1,e:3,dismissed\np1,\"e:4,dismissed\n{rest}");
    let done = import(&house, &file).await;
    assert_eq!((done.imported, done.bad.len(), done.bad[0].line), (1, 1, 3));
    assert!(done.bad[0].reason.starts_with("a quote opened in line 3 is not closed within 1 MiB"));
}
