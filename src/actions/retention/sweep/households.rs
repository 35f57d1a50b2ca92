//! What is due of accounts, and within them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    super::{
        facts::{self, Household, Reports, Rules},
        kept_fields, refresh,
    },
    ACTOR, Swept,
    alone::redact_alone,
    due_by,
};
use crate::{
    actions::{
        ActionError, Context, inquiries,
        redact::{self, Wanted},
        reports,
    },
    domain::{
        id::{AccountId, InquiryId, MonitorId},
        retention::RetainedKind,
    },
    store::{
        inquiries as inquiry_rows,
        retention::{self, DueRow},
    },
};

/// Redacts what is due of accounts, or in them.
pub(super) async fn redact_households(
    context: &Context,
    conn: &mut PgConnection,
    rules: &Rules,
    due: &[DueRow],
    swept: &mut Swept,
) -> Result<(), ActionError> {
    let of = |kind| due.iter().filter(move |row| row.kind == kind).map(|row| row.object);
    let accounts: Vec<AccountId> = of(RetainedKind::Account).map(AccountId).collect();
    let inquiries: Vec<InquiryId> = of(RetainedKind::Inquiry).map(InquiryId).collect();
    let reports: Vec<MonitorId> = of(RetainedKind::Report).map(MonitorId).collect();
    let heads = retention::list_heads(conn, &accounts, &inquiries, &reports).await?;
    let members = redact::lock_families(conn, &heads).await?;
    inquiry_rows::lock_of_accounts(conn, &heads).await?;
    let households = facts::of_accounts(context, conn, rules, &heads, Reports::Deciding).await?;
    let mut whole = Wanted {
        members: Vec::new(),
        keeps: HashMap::new(),
        told: (ACTOR.to_owned(), HashMap::new()),
        is_activity: false,
    };
    let (mut emptied, mut again) =
        (Vec::new(), due.iter().map(|row| (row.kind, row.object)).collect::<Vec<_>>());
    for household in &households {
        if let Some(policy) = due_by(context, rules, household, &household.head.facts) {
            *swept.redacted.entry(policy.clone()).or_default() += 1;
            whole.keeps.extend(kept_fields(context, rules, household));
            for account in std::iter::once(&household.head).chain(&household.sources) {
                whole.told.1.insert(AccountId(account.id), json!({ "policy": policy }));
            }
            emptied.push(household);
        } else {
            redact_parts(context, conn, rules, household, swept).await?;
            again.push((RetainedKind::Account, household.head.id));
        }
    }
    whole.members = members.into_iter().filter(|member| whole.told.1.contains_key(&member.account)).collect();
    if !whole.members.is_empty() {
        redact::redact_locked(context, conn, &whole).await?;
    }
    // Of what is empty nothing is due, but for fields that are kept: these are looked at again.
    let gone: Vec<Uuid> = emptied
        .iter()
        .filter(|household| household.objects().all(|object| object.fields.is_empty()))
        .flat_map(|household| household.objects().map(|object| object.id))
        .collect();
    retention::replace_due(conn, &gone, &[]).await?;
    let gone: BTreeSet<Uuid> = gone.into_iter().collect();
    again.extend(emptied.iter().map(|household| (RetainedKind::Account, household.head.id)));
    again.retain(|(_, id)| !gone.contains(id));
    if !again.is_empty() {
        refresh::look(context, conn, rules, &again).await?;
    }
    let lone: Vec<DueRow> = due
        .iter()
        .filter(|row| row.kind == RetainedKind::Inquiry)
        .filter(|row| !households.iter().any(|household| household.objects().any(|one| one.id == row.object)))
        .cloned()
        .collect();
    redact_alone(context, conn, rules, &lone, swept).await
}

/// Redacts what is due within an account that is not due itself: fields, inquiries, reports.
async fn redact_parts(
    context: &Context,
    conn: &mut PgConnection,
    rules: &Rules,
    household: &Household,
    swept: &mut Swept,
) -> Result<(), ActionError> {
    for account in std::iter::once(&household.head).chain(&household.sources) {
        let mut gone: BTreeMap<String, String> = BTreeMap::new();
        for (field, facts) in &account.fields {
            if let Some(policy) = due_by(context, rules, household, facts) {
                *swept.redacted.entry(policy.clone()).or_default() += 1;
                gone.insert(field.clone(), policy);
            }
        }
        if !gone.is_empty() {
            let fields: BTreeSet<String> = gone.keys().cloned().collect();
            let told = (ACTOR, json!({ "policies": gone }));
            redact::redact_fields(context, conn, told, AccountId(account.id), &fields).await?;
        }
    }
    for part in &household.parts {
        let Some(policy) = due_by(context, rules, household, &part.facts) else { continue };
        if part.kind == RetainedKind::Inquiry {
            let told = (ACTOR, json!({ "policy": policy }));
            inquiries::redact_in(context, conn, told, InquiryId(part.id), false).await?;
        } else {
            let report = MonitorId(part.id);
            let told = (ACTOR, json!({ "report": report, "policy": policy }));
            let of = (report, AccountId(household.head.id));
            reports::redact_in(context, conn, told, of, context.now()).await?;
        }
        *swept.redacted.entry(policy).or_default() += 1;
    }
    Ok(())
}
