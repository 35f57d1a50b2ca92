//! Layouts of types.

use serde_json::json;

use crate::{
    actions::{ActionError, Context, Invalid},
    domain::{account_type::Layout, id::AccountTypeId},
    store::{
        account_type_layouts::{self, LayoutRow},
        account_types, events,
    },
};

/// The layout of a type: the newest, or that of a version. Before anybody made one there is version 0, with all
/// fields in one section.
pub async fn layout(
    context: &Context,
    id: AccountTypeId,
    version: Option<i32>,
) -> Result<LayoutRow, ActionError> {
    let mut connection = context.store.connection().await?;
    let row = account_types::find_row(&mut connection, id).await?;
    let row = row.ok_or(ActionError::NotFound("account type of that id"))?;
    if let Some(found) =
        account_type_layouts::find(&mut connection, id, version.filter(|one| *one > 0)).await?
        && version != Some(0)
    {
        return Ok(found);
    }
    if version.is_some_and(|version| version != 0) {
        return Err(ActionError::NotFound("version of the layout"));
    }
    Ok(LayoutRow {
        version: 0,
        layout: Layout::of_all(&row.account_type),
        actor: "watchkeeper".to_owned(),
        created_at: row.created_at,
    })
}

/// Makes the next version of a type's layout; `expected` says on which version it rests.
///
/// A type of the configuration has a layout too: it is not in the configuration, and so is changed here.
pub async fn save_layout(
    context: &Context,
    actor: &str,
    id: AccountTypeId,
    layout: &Layout,
    expected: Option<i32>,
) -> Result<LayoutRow, ActionError> {
    let now = context.now();
    let mut transaction = context.store.transaction().await?;
    let row = account_types::lock(&mut transaction, id).await?;
    let row = row.ok_or(ActionError::NotFound("account type of that id"))?;
    let faults: Vec<Invalid> = layout
        .faults(&row.account_type)
        .into_iter()
        .map(|fault| Invalid::at(format!("/data/attributes/sections{}", fault.path), fault.details))
        .collect();
    if !faults.is_empty() {
        return Err(ActionError::Invalid(faults));
    }
    let newest = account_type_layouts::find(&mut transaction, id, None).await?;
    let version = newest.as_ref().map_or(0, |newest| newest.version);
    if expected.is_some_and(|expected| expected != version) {
        return Err(ActionError::Stale);
    }
    if let Some(newest) = newest.filter(|newest| newest.layout == *layout) {
        return Ok(newest);
    }
    let new =
        LayoutRow { version: version + 1, layout: layout.clone(), actor: actor.to_owned(), created_at: now };
    account_type_layouts::insert(&mut transaction, id, &new).await?;
    let detail = json!({ "name": row.account_type.name, "version": new.version });
    let mut event = context.event_of_all("account-type.updated-layout", actor, detail);
    event.object = Some(id.0);
    events::insert_all(&mut transaction, &[event], now).await?;
    transaction.commit().await?;
    Ok(new)
}
