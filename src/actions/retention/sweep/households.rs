//! What is due of accounts, and within them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Value, json};
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
        redact::{self, Gone, Wanted},
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
    let mut parts = Parts::default();
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
            parts.gather(context, rules, household, swept);
            again.push((RetainedKind::Account, household.head.id));
        }
    }
    parts.redact(context, conn).await?;
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

/// What is due within accounts that are not due themselves.
#[derive(Default)]
struct Parts {
    /// Fields of accounts, each with its policy.
    fields: BTreeMap<AccountId, BTreeMap<String, String>>,
    /// Inquiries, with what the event of each tells.
    inquiries: BTreeMap<InquiryId, Value>,
    /// Reports, with their accounts and what the event of each tells.
    reports: BTreeMap<MonitorId, (AccountId, Value)>,
}

impl Parts {
    /// Adds, and counts, those of one account.
    fn gather(&mut self, context: &Context, rules: &Rules, household: &Household, swept: &mut Swept) {
        for account in std::iter::once(&household.head).chain(&household.sources) {
            for (field, facts) in &account.fields {
                if let Some(policy) = due_by(context, rules, household, facts) {
                    *swept.redacted.entry(policy.clone()).or_default() += 1;
                    self.fields.entry(AccountId(account.id)).or_default().insert(field.clone(), policy);
                }
            }
        }
        for part in &household.parts {
            let Some(policy) = due_by(context, rules, household, &part.facts) else { continue };
            if part.kind == RetainedKind::Inquiry {
                self.inquiries.insert(InquiryId(part.id), json!({ "policy": policy }));
            } else {
                let report = MonitorId(part.id);
                let detail = json!({ "report": report, "policy": policy });
                self.reports.insert(report, (AccountId(household.head.id), detail));
            }
            *swept.redacted.entry(policy).or_default() += 1;
        }
    }

    /// Redacts them.
    async fn redact(self, context: &Context, conn: &mut PgConnection) -> Result<(), ActionError> {
        let gone = self.fields.into_iter().map(|(account, policies)| {
            let fields = policies.keys().cloned().collect();
            (account, Gone { fields, detail: json!({ "policies": policies }) })
        });
        redact::redact_fields(context, conn, ACTOR, &gone.collect()).await?;
        inquiries::redact_all(context, conn, ACTOR, &self.inquiries, false).await?;
        reports::redact_all(context, conn, ACTOR, &self.reports).await
    }
}
