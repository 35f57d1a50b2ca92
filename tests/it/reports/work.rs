//! Hits across accounts: filters, pages, assignments, comments.

use std::time::Duration;

use sqlx::PgPool;
use watchkeeper::{
    actions::hits::{self, Filter, HitView, Page, Sort},
    domain::{hit::HitState, id::HitId, personal::Personal},
};

use super::{TEMPLATES, account, ask, run};
use crate::fixtures::{DAILY, House, finding};

const FIRST: Page = Page { sort: Sort::Newest, after: None, before: None, limit: 100 };

async fn list(house: &House, filter: &Filter, schedule: Option<&str>, page: Page) -> Vec<HitView> {
    hits::list(&house.engine.context, filter, schedule, page).await.unwrap()
}

/// Three accounts with hits of two schedules on two lists, a minute apart.
async fn house(pool: &PgPool) -> House {
    let house = House::new(pool, &format!("{TEMPLATES}{DAILY}")).await;
    house.people(&["p1", "p2", "p3"]).await;
    for (reference, score) in [("p1", 0.7), ("p2", 0.95), ("p3", 0.8)] {
        let mut other = finding("e:2", "A", score - 0.1);
        "other-list".clone_into(&mut other.list);
        house.scripted.find(&[finding("e:1", "A", score), other]);
        house.run(reference).await;
        house.clock.advance(Duration::from_mins(1));
    }
    let report = ask(&house, "p1", "monthly", None).await;
    house.scripted.find(&[finding("e:9", "A", 0.5)]);
    assert!(run(&house, "p1", report).await);
    house
}

fn entities(hits: &[HitView]) -> Vec<(String, String)> {
    let of = |hit: &HitView| (hit.reference_id.clone().unwrap(), hit.entity.clone());
    hits.iter().map(of).collect()
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn every_filter_and_order_is_answered_by_what_fits_alone(pool: PgPool) {
    let house = house(&pool).await;
    let all = list(&house, &Filter::default(), None, FIRST).await;
    assert_eq!(all.len(), 7);
    assert!(all.is_sorted_by_key(|hit| std::cmp::Reverse((hit.first_seen_at, hit.id))));
    house.decide(&all.iter().find(|hit| hit.reference_id.as_deref() == Some("p2")).unwrap().id).await;
    let p3 = all.iter().find(|hit| hit.reference_id.as_deref() == Some("p3")).unwrap().id;
    hits::assign(&house.engine.context, "test", p3, Some("ann")).await.unwrap();

    let account = account(&house, "p1").await;
    let fits = |filter: &Filter, schedule: Option<&str>, hit: &HitView| {
        filter.account.is_none_or(|account| hit.account_id == account)
            && schedule.is_none_or(|schedule| hit.schedule == schedule)
            && filter.list.as_ref().is_none_or(|list| hit.list == *list)
            && (filter.states.is_empty() || filter.states.iter().any(|state| state.word() == hit.state))
            && filter.score_from.is_none_or(|score| hit.score >= score)
            && filter.score_to.is_none_or(|score| hit.score <= score)
            && filter.seen_from.is_none_or(|at| hit.first_seen_at >= at)
            && filter.seen_to.is_none_or(|at| hit.first_seen_at < at)
            && filter.assignee.as_ref().is_none_or(|name| hit.assignee.as_deref().unwrap_or("") == name)
    };
    let middle = all[3].first_seen_at;
    let all = list(&house, &Filter::default(), None, FIRST).await;
    let filters = [
        Filter::default(),
        Filter { account: Some(account), ..Filter::default() },
        Filter { states: vec![HitState::Open], ..Filter::default() },
        Filter { states: vec![HitState::Dismissed, HitState::Gone], ..Filter::default() },
        Filter { list: Some("other-list".to_owned()), ..Filter::default() },
        Filter { score_from: Some(0.7), score_to: Some(0.9), ..Filter::default() },
        Filter { seen_from: Some(middle), ..Filter::default() },
        Filter { seen_to: Some(middle), states: vec![HitState::Open], ..Filter::default() },
        Filter { assignee: Some("ann".to_owned()), ..Filter::default() },
        Filter { assignee: Some(String::new()), ..Filter::default() },
        Filter { assignee: Some("nobody there".to_owned()), ..Filter::default() },
    ];
    for filter in &filters {
        for schedule in [None, Some("daily"), Some("reports/monthly")] {
            for sort in [Sort::Newest, Sort::Score] {
                let mut expected: Vec<&HitView> =
                    all.iter().filter(|hit| fits(filter, schedule, hit)).collect();
                match sort {
                    Sort::Newest => {
                        expected.sort_by_key(|hit| std::cmp::Reverse((hit.first_seen_at, hit.id)));
                    }
                    Sort::Score => expected.sort_by(|one, other| {
                        (other.score, other.id).partial_cmp(&(one.score, one.id)).unwrap()
                    }),
                }
                let expected: Vec<HitId> = expected.iter().map(|hit| hit.id).collect();
                // Page by page, there and back.
                let (mut forth, mut after) = (Vec::new(), None);
                loop {
                    let page = Page { sort, after, before: None, limit: 2 };
                    let found = list(&house, filter, schedule, page).await;
                    after = found.last().map(|hit| hit.id);
                    forth.extend(found.iter().map(|hit| hit.id));
                    if found.len() < 2 {
                        break;
                    }
                }
                assert_eq!(forth, expected, "{filter:?} {schedule:?} {sort:?}");
                if let Some(last) = expected.last() {
                    let page = Page { sort, after: None, before: Some(*last), limit: 2 };
                    let back = list(&house, filter, schedule, page).await;
                    let back: Vec<HitId> = back.iter().map(|hit| hit.id).collect();
                    let upto = expected.len() - 1;
                    assert_eq!(back, expected[upto.saturating_sub(2)..upto]);
                }
            }
        }
    }
    let unknown =
        hits::list(&house.engine.context, &Filter::default(), Some("weekly"), FIRST).await.unwrap_err();
    assert_eq!(unknown.to_string(), "there is no schedule \"weekly\"; there are: daily, reports/monthly");
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn hits_are_assigned_and_commented_and_who_did_it_is_told(pool: PgPool) {
    let house = house(&pool).await;
    let context = &house.engine.context;
    let hit = list(&house, &Filter::default(), None, FIRST).await.remove(0).id;
    hits::assign(context, "lead", hit, Some("ann")).await.unwrap();
    house.clock.advance(Duration::from_secs(1));
    let text = Personal::new("Jane says that she never was there".to_owned());
    hits::comment(context, "ann", hit, &text).await.unwrap();
    let (shown, comments) = hits::get(context, hit).await.unwrap();
    assert_eq!(shown.assignee.as_deref(), Some("ann"));
    assert_eq!(comments.len(), 1);
    assert_eq!((comments[0].actor.as_str(), comments[0].text.as_ref()), ("ann", Some(text.reveal())));
    house.clock.advance(Duration::from_secs(1));
    hits::assign(context, "lead", hit, None).await.unwrap();
    assert_eq!(hits::get(context, hit).await.unwrap().0.assignee, None);
    let told = house.texts(
        "select kind || ' ' || actor from events where kind like 'hit.%' order by occurred_at, event_id",
    );
    assert_eq!(told.await, ["hit.assigned lead", "hit.commented ann", "hit.assigned lead"]);
    assert_eq!(house.count("select count(*) from events where detail::text like '%Jane%'").await, 0);
    let unknown = HitId(context.new_uuid(hit.shard()));
    assert!(hits::get(context, unknown).await.is_err());
    assert!(hits::assign(context, "lead", unknown, None).await.is_err());
    let first = list(&house, &Filter::default(), None, FIRST).await;
    assert_eq!(entities(&first).len(), 7);
}
