//! Retention: what falls due when, and why; holds; exceptions; and the redaction of what is due.
//!
//! The policies are those that the configuration last in force put into the database, so that every process refuses
//! and redacts by the same. When an object falls due is worked out by one function of the domain
//! ([`due`](crate::domain::retention::due)) from facts that are read anew, under the account's lock, before anything is
//! destroyed. The rows of `retention_due` only say where to look.

mod explain;
mod facts;
mod holds;
mod overrides;
mod plan;
mod refresh;
mod sweep;

use std::collections::{BTreeSet, HashMap};

use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

pub use explain::{Explained, Explanation, Obstacle, RetainedId, explain};
use facts::{Household, Object, Rules};
pub use holds::{NewHold, get as get_hold, lift as lift_hold};
pub use holds::{list as list_holds, place as place_hold};
pub use overrides::{approve as approve_override, get as get_override, request as request_override};
pub use plan::{Plan, PlannedDay, PlannedPolicy, Standing, plan, policies, standing};
pub use refresh::{Looked, refresh};
pub use sweep::{Batch, Swept, ask, batch, finish, is_asked};

use super::{ActionError, Context, retire::ACCOUNT};
pub use crate::store::{holds::HoldRow, overrides::OverrideRow};
use crate::{
    domain::{
        id::{AccountId, InquiryId, MonitorId, TransactionId},
        retention::{Barrier, Cause, RetainedKind},
    },
    store::{
        accounts, events, holds as hold_rows, inquiries, overrides as override_rows, retention, standings,
        transactions,
    },
};

/// Keeps the policies as they are until the transaction ends.
pub(super) async fn lock_policies(conn: &mut PgConnection) -> Result<(), ActionError> {
    Ok(retention::lock_shared(conn).await?)
}

/// Refuses to redact an object that a policy or a hold keeps now, unless an exception was approved, which is then
/// used. Locks the accounts that the object is of, so that no hold is placed meanwhile, and then the object, so that it
/// is judged as it is when it is redacted. What it knows nothing of is refused too.
pub(super) async fn refuse(
    context: &Context,
    conn: &mut PgConnection,
    actor: &str,
    kind: RetainedKind,
    id: Uuid,
) -> Result<(), ActionError> {
    lock_policies(conn).await?;
    let rules = Rules::load(conn).await?;
    let mut locked: BTreeSet<AccountId> = BTreeSet::new();
    let mut is_locked = false;
    let (household, object) = loop {
        let found = facts::of_object(context, conn, &rules, kind, id).await?;
        let (household, object) = found.ok_or(ActionError::NotFound(unknown(kind)))?;
        let of: Vec<AccountId> =
            object.facts.accounts.iter().copied().filter(|account| !locked.contains(account)).collect();
        if of.is_empty() && is_locked {
            break (household, object);
        }
        if of.is_empty() {
            lock_object(conn, kind, id).await?;
            is_locked = true;
            continue;
        }
        // What it is of may have changed before the locks: it is read again under them.
        accounts::lock_all(conn, &of).await?;
        locked.extend(of);
    };
    refuse_object(context, conn, actor, &rules, (&household, &object)).await.map(drop)
}

/// Locks the row of an object that can change without a lock on its accounts.
async fn lock_object(conn: &mut PgConnection, kind: RetainedKind, id: Uuid) -> Result<(), ActionError> {
    match kind {
        RetainedKind::Inquiry => inquiries::lock_all(conn, &[InquiryId(id)]).await?,
        RetainedKind::Transaction => transactions::lock_all(conn, &[TransactionId(id)]).await?,
        RetainedKind::Account | RetainedKind::Report | RetainedKind::ListItem => {}
    }
    Ok(())
}

const fn unknown(kind: RetainedKind) -> &'static str {
    match kind {
        RetainedKind::Account => ACCOUNT,
        RetainedKind::Inquiry => "inquiry of that id",
        RetainedKind::Report => "report of that id",
        RetainedKind::Transaction => "transaction of that id",
        RetainedKind::ListItem => "list item of that id",
    }
}

/// The same for an account that is locked with all that was consolidated into it; and refused is what holds nothing
/// since it was redacted, but what is kept on. Returns the fields of the family that a policy keeps for now.
pub(super) async fn refuse_account(
    context: &Context,
    conn: &mut PgConnection,
    actor: &str,
    account: AccountId,
) -> Result<HashMap<AccountId, BTreeSet<String>>, ActionError> {
    let rules = Rules::load(conn).await?;
    let found = facts::of_object(context, conn, &rules, RetainedKind::Account, account.0).await?;
    let (household, object) = found.ok_or(ActionError::NotFound(ACCOUNT))?;
    let kept = kept_fields(context, &rules, &household);
    if household.head.facts.is_empty
        && !facts::is_anything_left(context, conn, &rules, (&household, &kept)).await?
    {
        return Err(ActionError::Refused("the account is redacted already"));
    }
    let is_exception = refuse_object(context, conn, actor, &rules, (&household, &object)).await?;
    if is_exception { Ok(HashMap::new()) } else { Ok(kept) }
}

/// Refuses to take a transaction away from an account whose family is under a hold. Locks the family.
pub(super) async fn refuse_loosening(
    context: &Context,
    conn: &mut PgConnection,
    account: AccountId,
) -> Result<(), ActionError> {
    let relatives = standings::list_relatives(conn, &[account]).await?;
    let family: Vec<AccountId> = relatives.into_iter().map(|(_, member)| member).collect();
    accounts::lock_all(conn, &family).await?;
    match standing_hold(context, conn, &family).await? {
        Some(hold) => Err(ActionError::Conflict(refusal(&hold))),
        None => Ok(()),
    }
}

/// What holds any of locked accounts now: of several what stands longest.
pub(super) async fn standing_hold(
    context: &Context,
    conn: &mut PgConnection,
    accounts: &[AccountId],
) -> Result<Option<Barrier>, ActionError> {
    let now = context.now();
    let held = hold_rows::list_of_accounts(conn, accounts).await?;
    let barriers = held
        .into_iter()
        .map(|hold| Barrier { cause: Cause::Hold(hold.id, hold.reason), until: hold.until })
        .filter(|barrier| barrier.stands(now));
    Ok(barriers.max_by_key(|barrier| (barrier.until.is_none(), barrier.until)))
}

/// The fields of a household's accounts that a policy keeps now.
fn kept_fields(
    context: &Context,
    rules: &Rules,
    household: &Household,
) -> HashMap<AccountId, BTreeSet<String>> {
    let now = context.now();
    let mut kept: HashMap<AccountId, BTreeSet<String>> = HashMap::new();
    for account in std::iter::once(&household.head).chain(&household.sources) {
        for (field, facts) in &account.fields {
            if household.judge(rules, facts).refusal(now).is_some() {
                kept.entry(AccountId(account.id)).or_default().insert(field.clone());
            }
        }
    }
    kept
}

/// Returns whether an exception was used.
async fn refuse_object(
    context: &Context,
    conn: &mut PgConnection,
    actor: &str,
    rules: &Rules,
    (household, object): (&Household, &Object),
) -> Result<bool, ActionError> {
    let now = context.now();
    let verdict = household.judge(rules, &object.facts);
    let standing = || verdict.barriers.iter().filter(|barrier| barrier.stands(now));
    // A hold is lifted, not got around.
    let hold = standing().find(|barrier| matches!(barrier.cause, Cause::Hold(..)));
    let Some(barrier) = hold.or_else(|| standing().next_back()) else { return Ok(false) };
    let used = match hold {
        Some(_) => None,
        None => override_rows::use_one(conn, object.id, now).await?,
    };
    let Some(used) = used else { return Err(ActionError::Conflict(refusal(barrier))) };
    let mut event = context.event_of_all(
        "redaction-override.used",
        actor,
        json!({ "override": used, "kind": object.kind.word() }),
    );
    event.object = Some(object.id);
    events::insert_all(conn, &[event], now).await?;
    Ok(true)
}

/// What is refused with what. A date that follows from a field may be personal, and is not told.
fn refusal(barrier: &Barrier) -> String {
    let until = barrier.until.map(|until| until.format("%Y-%m-%dT%H:%M:%SZ").to_string());
    match (&barrier.cause, until) {
        (Cause::Hold(id, reason), None) => {
            format!("legal hold {id} ({reason}) keeps it until the hold is lifted")
        }
        (Cause::Hold(id, reason), Some(until)) => {
            format!("legal hold {id} ({reason}) keeps it until {until}")
        }
        (Cause::Policy(name, true), _) => {
            format!("the retention policy {name} keeps it until a time that follows from a field")
        }
        (Cause::Policy(name, false), None) => {
            format!("the retention policy {name} keeps it, and its period has not begun")
        }
        (Cause::Policy(name, false), Some(until)) => {
            format!("the retention policy {name} keeps it until {until}")
        }
    }
}

/// An object's id as it is written.
fn written(kind: RetainedKind, id: Uuid) -> String {
    match kind {
        RetainedKind::Account => AccountId(id).to_string(),
        RetainedKind::Inquiry => InquiryId(id).to_string(),
        RetainedKind::Report => MonitorId(id).to_string(),
        RetainedKind::Transaction => TransactionId(id).to_string(),
        RetainedKind::ListItem => crate::domain::id::ListItemId(id).to_string(),
    }
}
