//! Account types: made and changed through the API, or said by the configuration.
//!
//! A type belongs to who made it: the API refuses to change one of the configuration, and the configuration
//! leaves one of the API alone. A change never makes what accounts hold unreadable or invalid: fields that go are
//! archived, and what would refuse values that are there is itself refused, after a look at every account.

mod change;
mod configure;
mod draft;
mod index;
mod layout;
mod unique;

use sqlx::PgConnection;

pub use change::change;
pub(super) use configure::configure;
pub use draft::{NewType, StatusDraft, TypeChange};
pub use index::index;
pub use layout::{layout, save_layout};

use super::{ActionError, Context};
use crate::{
    domain::id::{AccountTypeId, Shard},
    store::{
        account_types::{self, TypeRow},
        events,
    },
};

/// How many accounts one transaction looks at.
const PAGE: i64 = 500;

/// All types, by name.
pub async fn list(context: &Context) -> Result<Vec<TypeRow>, ActionError> {
    let mut connection = context.store.connection().await?;
    Ok(account_types::list_rows(&mut connection).await?)
}

/// The type of an id.
pub async fn get(context: &Context, id: AccountTypeId) -> Result<TypeRow, ActionError> {
    let mut connection = context.store.connection().await?;
    account_types::find_row(&mut connection, id)
        .await?
        .ok_or(ActionError::NotFound("account type of that id"))
}

/// The type of an account of which nobody says the type: `individual`, or else the oldest.
pub async fn default(conn: &mut PgConnection) -> Result<TypeRow, ActionError> {
    let mut types = account_types::list_rows(conn).await?;
    types.sort_by_key(|row| (row.account_type.name != "individual", row.created_at));
    types.into_iter().next().ok_or(ActionError::NotFound("account type"))
}

/// The same, on a connection of its own.
pub async fn get_default(context: &Context) -> Result<TypeRow, ActionError> {
    let mut connection = context.store.connection().await?;
    default(&mut connection).await
}

/// Makes a type.
pub async fn create(context: &Context, actor: &str, new: &NewType) -> Result<TypeRow, ActionError> {
    let now = context.now();
    let account_type = new.checked()?;
    let id = AccountTypeId(context.new_uuid(Shard(0)));
    let mut transaction = context.store.transaction().await?;
    if !account_types::insert(&mut transaction, id, &account_type, false, now).await? {
        return Err(ActionError::NotUnique("name".to_owned()));
    }
    let detail = serde_json::json!({ "name": account_type.name });
    let mut event = context.event_of_all("account-type.created", actor, detail);
    event.object = Some(id.0);
    events::insert_all(&mut transaction, &[event], now).await?;
    let row = account_types::find_row(&mut transaction, id).await?;
    transaction.commit().await?;
    row.ok_or(ActionError::NotFound("account type of that id"))
}
