//! Applying the configuration to the database: account types, providers, schedules.

use std::collections::BTreeMap;

use super::{ActionError, Context};
use crate::{
    domain::{
        account_type::AccountType,
        id::{AccountTypeId, Shard},
        schedule::Schedule,
    },
    store::{
        account_types,
        providers::{self, Lane},
        schedules,
    },
};

/// The database's numbers of what the configuration names.
#[derive(Clone, Debug)]
pub struct Applied {
    /// Account types by name.
    pub types: BTreeMap<String, (AccountTypeId, AccountType)>,
    /// Providers by name.
    pub lanes: BTreeMap<String, Lane>,
    /// Schedules by name.
    pub schedules: BTreeMap<String, i32>,
}

/// Writes the account types that the configuration says; returns them with their ids, by name.
pub async fn apply_types(
    context: &Context,
    types: impl Iterator<Item = &AccountType>,
) -> Result<BTreeMap<String, (AccountTypeId, AccountType)>, ActionError> {
    let mut transaction = context.store.transaction().await?;
    let written = write_types(context, &mut transaction, types).await?;
    transaction.commit().await?;
    Ok(written)
}

async fn write_types(
    context: &Context,
    conn: &mut sqlx::PgConnection,
    types: impl Iterator<Item = &AccountType>,
) -> Result<BTreeMap<String, (AccountTypeId, AccountType)>, ActionError> {
    let mut written = BTreeMap::new();
    for account_type in types {
        let new_id = AccountTypeId(context.new_uuid(Shard(0)));
        let id = account_types::save(conn, new_id, account_type, context.now()).await?;
        written.insert(account_type.name.clone(), (id, account_type.clone()));
    }
    Ok(written)
}

/// Writes what the configuration says. Schedules that it no longer has are marked removed; a new or
/// changed schedule starts a walk of enrolment over all accounts.
pub async fn apply(
    context: &Context,
    types: impl Iterator<Item = &AccountType>,
    provider_names: impl Iterator<Item = &str>,
    wanted: impl Iterator<Item = &Schedule>,
) -> Result<Applied, ActionError> {
    let now = context.now();
    let mut transaction = context.store.transaction().await?;
    let types = write_types(context, &mut transaction, types).await?;
    let mut applied = Applied { types, lanes: BTreeMap::new(), schedules: BTreeMap::new() };
    for name in provider_names {
        let lane = providers::get_or_insert(&mut transaction, name, now).await?;
        applied.lanes.insert(name.to_owned(), lane);
    }
    for schedule in wanted {
        let definition = serde_json::to_value(schedule).expect("a schedule is plain data");
        let (id, changed) = schedules::save(&mut transaction, &schedule.name, &definition, now).await?;
        if changed {
            tracing::info!(schedule.name = %schedule.name, "schedule is new or changed: enrolling its accounts");
        }
        applied.schedules.insert(schedule.name.clone(), id);
    }
    let names: Vec<String> = applied.schedules.keys().cloned().collect();
    for name in schedules::save_removed(&mut transaction, &names, now).await? {
        tracing::warn!(schedule.name = %name, "schedule is no longer configured: pausing its monitors");
    }
    transaction.commit().await?;
    Ok(applied)
}
