//! Pausing and resuming: everything, a provider, a schedule, an account. A pause lasts until somebody
//! resumes, whatever restarts meanwhile.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{ActionError, Context, inspect, retire};
use crate::{
    domain::{
        id::AccountId,
        monitor::{MonitorState, PausedBy},
        pause::Scope,
        personal::Personal,
    },
    store::{
        StoreError, data_keys, enrolment, events, monitors,
        pauses::{self, Pause},
        providers, rests, retention, schedules, standings,
    },
    vault::Purpose,
};

/// What to pause or resume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// All that runs.
    Everything,
    /// The provider of a name.
    Provider(String),
    /// The schedule of a name.
    Schedule(String),
}

impl Target {
    fn parts(&self) -> (Scope, &str) {
        match self {
            Self::Everything => (Scope::Everything, ""),
            Self::Provider(name) => (Scope::Provider, name),
            Self::Schedule(name) => (Scope::Schedule, name),
        }
    }
}

/// What came of pausing or resuming.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Changed {
    /// `everything`, `provider`, `schedule` or `account`.
    pub scope: &'static str,
    /// The name, or the account's id; none when it is everything.
    pub name: Option<String>,
    /// False when it was so already.
    pub changed: bool,
    /// Whether a rest that a provider had asked for was ended.
    pub rest_ended: bool,
}

/// A pause, as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PauseView {
    /// `everything`, `provider` or `schedule`.
    pub scope: &'static str,
    /// The name; none when it is everything.
    pub name: Option<String>,
    /// Who paused it.
    pub actor: String,
    /// Why.
    pub reason: Option<String>,
    /// Since when.
    pub paused_at: DateTime<Utc>,
}

impl From<Pause> for PauseView {
    fn from(pause: Pause) -> Self {
        Self {
            scope: pause.scope.word(),
            name: (!pause.object.is_empty()).then_some(pause.object),
            actor: pause.actor,
            reason: pause.reason,
            paused_at: pause.paused_at,
        }
    }
}

/// A paused account, as it is shown to who asks for it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct AccountPauseView {
    /// The account.
    pub account_id: AccountId,
    /// The customer's own id of it.
    pub reference_id: Option<String>,
    /// Who paused it.
    pub actor: String,
    /// Why.
    pub reason: Option<String>,
    /// Since when.
    pub paused_at: DateTime<Utc>,
}

/// All that is paused.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Paused {
    /// Everything, providers, schedules.
    pub pauses: Vec<PauseView>,
    /// Accounts, the longest paused first.
    pub accounts: Vec<AccountPauseView>,
}

/// Pauses everything, a provider or a schedule. Calls under way are finished and recorded; every process
/// begins no other within a second. Pausing what is paused succeeds and changes nothing.
///
/// The reason is shown by `/readyz`, which asks for no login.
pub async fn pause(
    context: &Context,
    actor: &str,
    target: &Target,
    reason: Option<&str>,
) -> Result<Changed, ActionError> {
    let now = context.now();
    let (scope, object) = target.parts();
    let mut transaction = begin(context, target).await?;
    let changed = pauses::insert(&mut transaction, scope, object, actor, reason, now).await?;
    if changed {
        let detail = json!({ "scope": scope.word(), "name": object, "reason": reason });
        let event = context.event_of_all("pause.began", actor, detail);
        events::insert_all(&mut transaction, &[event], now).await?;
        tracing::info!(pause.scope = scope.word(), pause.name = object, actor, reason, "paused");
    }
    finish(transaction, target, changed).await
}

/// Resumes everything, a provider or a schedule. What became due meanwhile runs once. A provider that rests
/// because it asked for it is asked again, too. Resuming what is not paused succeeds and changes nothing.
pub async fn resume(context: &Context, actor: &str, target: &Target) -> Result<Changed, ActionError> {
    let now = context.now();
    let (scope, object) = target.parts();
    let mut transaction = begin(context, target).await?;
    let changed = pauses::remove(&mut transaction, scope, object).await?;
    if changed {
        let detail = json!({ "scope": scope.word(), "name": object });
        let event = context.event_of_all("pause.ended", actor, detail);
        events::insert_all(&mut transaction, &[event], now).await?;
        tracing::info!(pause.scope = scope.word(), pause.name = object, actor, "resumed");
    }
    let rest_ended = matches!(target, Target::Provider(_)) && rests::remove(&mut transaction, object).await?;
    if rest_ended {
        let event = context.event_of_all("rest.ended", actor, json!({ "provider": object }));
        events::insert_all(&mut transaction, &[event], now).await?;
        tracing::warn!(provider.name = object, actor, "the rest that the provider had asked for is ended");
    }
    Ok(Changed { rest_ended, ..finish(transaction, target, changed).await? })
}

/// Begins the transaction of a change; refuses names that nothing has.
async fn begin(context: &Context, target: &Target) -> Result<crate::store::Transaction, ActionError> {
    let mut transaction = context.store.transaction().await?;
    match target {
        Target::Everything => {}
        Target::Provider(name) => {
            check("provider", name, providers::list_names(&mut transaction).await?)?;
        }
        Target::Schedule(name) => {
            check("schedule", name, schedules::list_names(&mut transaction).await?)?;
            pauses::lock(&mut transaction).await?;
        }
    }
    Ok(transaction)
}

fn check(what: &'static str, name: &str, known: Vec<String>) -> Result<(), ActionError> {
    if known.iter().any(|one| one == name) {
        return Ok(());
    }
    Err(ActionError::UnknownName { what, name: name.to_owned(), known })
}

/// Has enrolment walk over the accounts of a schedule that changed, and commits.
async fn finish(
    mut transaction: crate::store::Transaction,
    target: &Target,
    changed: bool,
) -> Result<Changed, ActionError> {
    if let (Target::Schedule(name), true) = (target, changed) {
        schedules::start_walk(&mut transaction, name).await?;
    }
    transaction.commit().await.map_err(StoreError::from)?;
    let (scope, object) = target.parts();
    let name = (!object.is_empty()).then(|| object.to_owned());
    Ok(Changed { scope: scope.word(), name, changed, rest_ended: false })
}

/// Pauses an account: its active monitors stop, and an answer under way no longer counts. The reason is kept
/// encrypted. Pausing a paused account succeeds and changes nothing.
pub async fn pause_account(
    context: &Context,
    actor: &str,
    reference: &str,
    reason: Option<&Personal<String>>,
) -> Result<Changed, ActionError> {
    let now = context.now();
    let account = inspect::find_account(context, reference).await?.id;
    let mut transaction = context.store.transaction().await?;
    // Enrolment must not make a monitor active by what it read before.
    pauses::lock(&mut transaction).await?;
    let active = monitors::list_active(&mut transaction, account).await?;
    let by = PausedBy::AccountPaused.word();
    monitors::save_stopped(&mut transaction, &active, MonitorState::Paused, by, now).await?;
    retire::lock_usable(&mut transaction, account).await?;
    let sealed = match reason {
        None => None,
        Some(reason) => Some(seal(context, &mut transaction, account, reason, now).await?),
    };
    let changed = pauses::insert_account(&mut transaction, account, actor, sealed.as_deref(), now).await?;
    if changed {
        retention::insert_joined(&mut transaction, &[account]).await?;
        let event = context.event(account, "account.paused", actor, json!({}));
        events::insert_all(&mut transaction, &[event], now).await?;
        tracing::info!(account.id = %account, actor, "account paused");
    }
    transaction.commit().await.map_err(StoreError::from)?;
    Ok(Changed { scope: "account", name: Some(account.to_string()), changed, rest_ended: false })
}

async fn seal(
    context: &Context,
    conn: &mut PgConnection,
    account: AccountId,
    reason: &Personal<String>,
    now: DateTime<Utc>,
) -> Result<Vec<u8>, ActionError> {
    let object: Uuid = account.0;
    let mut keys = data_keys::get_or_insert(conn, &context.keyring, &[object], now).await?;
    let key = keys.remove(&object).expect("`get_or_insert` makes what is missing");
    Ok(key.seal(Purpose::PauseReason, reason)?)
}

/// Resumes an account: enrolment takes its monitors up again within a second. Resuming an account that is
/// not paused succeeds and changes nothing.
pub async fn resume_account(context: &Context, actor: &str, reference: &str) -> Result<Changed, ActionError> {
    let now = context.now();
    let account = inspect::find_account(context, reference).await?.id;
    let mut transaction = context.store.transaction().await?;
    pauses::lock(&mut transaction).await?;
    retire::lock_usable(&mut transaction, account).await?;
    let changed = pauses::remove_account(&mut transaction, account).await?;
    if changed {
        let event = context.event(account, "account.resumed", actor, json!({}));
        events::insert_all(&mut transaction, &[event], now).await?;
        enrolment::insert_queue(&mut transaction, &[account]).await?;
        tracing::info!(account.id = %account, actor, "account resumed");
    }
    transaction.commit().await.map_err(StoreError::from)?;
    Ok(Changed { scope: "account", name: Some(account.to_string()), changed, rest_ended: false })
}

/// All that is paused, with at most `limit` accounts.
pub async fn list(context: &Context, limit: i64) -> Result<Paused, ActionError> {
    let mut connection = context.store.connection().await?;
    let pauses = pauses::list(&mut connection).await?.into_iter().map(PauseView::from).collect();
    let accounts = pauses::list_accounts(&mut connection, None, limit).await?;
    let accounts =
        accounts.into_iter().map(|pause| account_view(context, pause)).collect::<Result<_, _>>()?;
    Ok(Paused { pauses, accounts })
}

/// The sentence that says why no report of an account runs now, if everything or the account is paused, or it is
/// archived.
pub async fn stops(context: &Context, account: AccountId) -> Result<Option<String>, ActionError> {
    let mut connection = context.store.connection().await?;
    let standing = standings::find(&mut connection, account).await?;
    if let Some(at) = standing.and_then(|standing| standing.archived_at) {
        return Ok(Some(format!("the account is archived, since {}", at.format("%Y-%m-%d %H:%M:%S UTC"))));
    }
    let everything =
        pauses::list(&mut connection).await?.into_iter().find(|pause| pause.scope == Scope::Everything);
    let paused = pauses::list_accounts(&mut connection, Some(account), 1).await?.pop();
    let sentence = |what, actor: &str, at: DateTime<Utc>| {
        format!("{what} is paused, by {actor} since {}", at.format("%Y-%m-%d %H:%M:%S UTC"))
    };
    Ok(match (everything, paused) {
        (Some(pause), _) => Some(sentence("everything", &pause.actor, pause.paused_at)),
        (None, Some(pause)) => Some(sentence("the account", &pause.actor, pause.paused_at)),
        (None, None) => None,
    })
}

fn account_view(context: &Context, pause: pauses::AccountPause) -> Result<AccountPauseView, ActionError> {
    let reason = match &pause.sealed_reason {
        Some((sealed, key)) => {
            Some(context.keyring.unwrap(pause.account.0, key)?.open(Purpose::PauseReason, sealed)?)
        }
        None => None,
    };
    Ok(AccountPauseView {
        account_id: pause.account,
        reference_id: pause.reference_id,
        actor: pause.actor,
        reason,
        paused_at: pause.paused_at,
    })
}
