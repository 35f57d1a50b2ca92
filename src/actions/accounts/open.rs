//! Reading one account.

use std::{collections::HashMap, fmt};

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use sqlx::PgConnection;

use super::fields;
use crate::{
    actions::{ActionError, Context},
    domain::{
        account_type::AccountType,
        id::{AccountId, AccountTypeId},
    },
    store::{StoreError, account_tags, account_types, accounts, accounts::AccountRow},
};

/// An account with its fields opened, and its type.
#[derive(Clone)]
pub struct OpenAccount {
    /// Its id.
    pub id: AccountId,
    /// The id of its type.
    pub type_id: AccountTypeId,
    /// Its type.
    pub account_type: AccountType,
    /// The customer's own id of it.
    pub reference_id: Option<String>,
    /// The name of its status.
    pub status: String,
    /// Its tags, by name.
    pub tags: Vec<String>,
    /// Its fields, plain and sealed together: personal data.
    pub fields: Map<String, Value>,
    /// Counts its changes.
    pub version: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// When it was retired: nothing runs for it, and nothing can be changed.
    pub archived_at: Option<DateTime<Utc>>,
    /// When its personal data was last destroyed.
    pub redacted_at: Option<DateTime<Utc>>,
    /// The account that took over what it had.
    pub consolidated_into: Option<AccountId>,
}

/// Nothing personal.
impl fmt::Debug for OpenAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "account {}", self.id)
    }
}

/// Opens an account. It is not locked: what is read may have changed a moment later.
pub async fn open(
    context: &Context,
    conn: &mut PgConnection,
    account: AccountId,
) -> Result<OpenAccount, ActionError> {
    let row = accounts::find(conn, account).await?.ok_or(ActionError::NotFound("account of that id"))?;
    let account_type = account_types::get(conn, row.account_type).await?;
    let tags = account_tags::list(conn, account).await?;
    of_row(context, row, account_type, tags)
}

/// Opens an account, on a connection of its own.
pub async fn get(context: &Context, account: AccountId) -> Result<OpenAccount, ActionError> {
    let mut connection = context.store.connection().await?;
    open(context, &mut connection, account).await
}

/// Opens accounts, in the order of their ids as given; those that are gone are left out.
pub async fn open_all(
    context: &Context,
    conn: &mut PgConnection,
    ids: &[AccountId],
) -> Result<Vec<OpenAccount>, ActionError> {
    let mut rows: HashMap<AccountId, AccountRow> =
        accounts::list_of_ids(conn, ids).await?.into_iter().map(|row| (row.id, row)).collect();
    let mut tags: HashMap<AccountId, Vec<String>> = HashMap::new();
    for (account, tag) in account_tags::list_all(conn, ids).await? {
        tags.entry(account).or_default().push(tag);
    }
    let types: HashMap<AccountTypeId, AccountType> = account_types::list(conn).await?.into_iter().collect();
    let rows = ids.iter().filter_map(|id| rows.remove(id));
    rows.map(|row| {
        let account_type = types.get(&row.account_type).cloned();
        let account_type =
            account_type.ok_or(StoreError::Inconsistent { column: "accounts.account_type_id" })?;
        let tags = tags.remove(&row.id).unwrap_or_default();
        of_row(context, row, account_type, tags)
    })
    .collect()
}

/// Opens a row that was read.
fn of_row(
    context: &Context,
    row: AccountRow,
    account_type: AccountType,
    tags: Vec<String>,
) -> Result<OpenAccount, ActionError> {
    let (fields, _) = fields::opened(context, &row)?;
    Ok(OpenAccount {
        id: row.id,
        type_id: row.account_type,
        status: account_type.status_name(&row.status).to_owned(),
        account_type,
        reference_id: row.reference_id,
        tags,
        fields,
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
        archived_at: row.archived_at,
        redacted_at: row.redacted_at,
        consolidated_into: row.consolidated_into,
    })
}
