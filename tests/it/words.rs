//! Check constraints of the database against the enumerations of the domain: they list the same words.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::PgPool;
use watchkeeper::domain::{
    audit::Origin,
    consolidation::ConsolidationState,
    hit::HitState,
    id::ApiKeyId,
    importer::ImporterStatus,
    inquiry::InquiryStatus,
    list::ListKind,
    monitor::{MonitorState, Outcome, Trigger},
    pause::Scope,
    relation::ObjectKind,
    report::ReportActionKind,
    rest::RestReason,
    retention::RetainedKind,
};
use watchkeeper::store::rescreens::Reason;

/// The words of every check constraint that lists some, by table and constraint.
async fn listed(pool: &PgPool) -> BTreeMap<String, BTreeSet<String>> {
    let constraints: Vec<(String, String)> = sqlx::query_as(
        r"
        select checked.conrelid::regclass || '.' || checked.conname, pg_get_constraintdef(checked.oid)
        from pg_constraint as checked
        join pg_class as class on class.oid = checked.conrelid
        where checked.contype = 'c'
          and checked.connamespace = 'public'::regnamespace
          and not class.relispartition
        ",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    let with_words = constraints.into_iter().map(|(name, text)| {
        // Every second piece stands between quotation marks.
        (name, text.split('\'').skip(1).step_by(2).map(str::to_owned).collect::<BTreeSet<_>>())
    });
    with_words.filter(|(_, words)| !words.is_empty()).collect()
}

fn words<'a>(words: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    words.into_iter().map(str::to_owned).collect()
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn each_state_column_takes_the_words_of_its_enumeration_and_no_other(pool: PgPool) {
    let triggers = words(Trigger::ALL.iter().map(|trigger| trigger.word()));
    // A wakeup is a reason to run that comes from outside the grid.
    let mut urgent = triggers.clone();
    urgent.remove(Trigger::First.word());
    urgent.remove(Trigger::Interval.word());
    let key = Origin::ApiKey { id: ApiKeyId(uuid::Uuid::nil()), address: None };
    let origins = [Origin::System, Origin::User(String::new()), key];
    let expected = BTreeMap::from([
        ("audit_pending.audit_pending_origin_kind_check", words(origins.iter().map(Origin::word))),
        ("monitors.monitors_state_check", words(MonitorState::ALL.iter().map(|state| state.word()))),
        ("runs.runs_trigger_check", triggers),
        ("runs.runs_outcome_check", words(Outcome::ALL.iter().map(|outcome| outcome.word()))),
        ("wakeups.wakeups_reason_check", urgent),
        ("pauses.pauses_scope_check", words(Scope::ALL.iter().map(|scope| scope.word()))),
        (
            "provider_budgets.provider_budgets_rest_reason_check",
            words(RestReason::ALL.iter().map(|reason| reason.word())),
        ),
        ("inquiries.inquiries_status_check", words(InquiryStatus::ALL.iter().map(|status| status.word()))),
        ("relations.relations_object_kind_check", words(ObjectKind::ALL.iter().map(|kind| kind.word()))),
        ("relations.relations_target_kind_check", words(ObjectKind::ALL.iter().map(|kind| kind.word()))),
        (
            "consolidations.consolidations_state_check",
            words(ConsolidationState::ALL.iter().map(|state| state.word())),
        ),
        ("lists.lists_kind_check", words(ListKind::ALL.iter().map(|kind| kind.word()))),
        ("importers.importers_status_check", words(ImporterStatus::ALL.iter().map(|status| status.word()))),
        ("hits.hits_state_check", words(HitState::ALL.iter().map(|state| state.word()))),
        (
            "report_actions.report_actions_kind_check",
            words(ReportActionKind::ALL.iter().map(|kind| kind.word())),
        ),
        (
            "retention_due.retention_due_object_kind_check",
            words(RetainedKind::ALL.iter().map(|kind| kind.word())),
        ),
        ("rescreens.rescreens_reason_check", words(Reason::ALL.iter().map(|reason| reason.word()))),
        ("decisions.decisions_state_check", words([HitState::Dismissed.word(), HitState::Confirmed.word()])),
    ]);
    // A hit that is gone stood somewhere else before.
    let mut before_gone = words(HitState::ALL.iter().map(|state| state.word()));
    before_gone.remove(HitState::Gone.word());
    let mut expected = expected;
    expected.insert("hits.hits_state_before_gone_check", before_gone);
    let listed = listed(&pool).await;
    let listed: BTreeMap<&str, _> =
        listed.iter().map(|(name, words)| (name.as_str(), words.clone())).collect();
    assert_eq!(listed, expected);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_word_that_the_enumeration_lacks_would_be_noticed(pool: PgPool) {
    sqlx::raw_sql(
        "alter table hits drop constraint hits_state_check;
         alter table hits add constraint hits_state_check check (state in ('open', 'lost'));",
    )
    .execute(&pool)
    .await
    .unwrap();
    assert_eq!(listed(&pool).await["hits.hits_state_check"], words(["open", "lost"]));
}
