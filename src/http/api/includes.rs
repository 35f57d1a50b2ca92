//! Related objects in answers: what a client asks for with `include`, if its key may read it.

use axum::http::StatusCode;

use super::{account_view, answer::Resource, call::Call, errors::ApiError, reports::shown};
use crate::{
    actions::{ActionError, accounts, reports},
    domain::id::{AccountId, MonitorId},
};

/// Accounts, each once.
pub(super) async fn accounts(
    call: &Call,
    ids: impl IntoIterator<Item = AccountId>,
) -> Result<Vec<Resource>, ApiError> {
    may(call, "account.read")?;
    let ids = once(ids);
    let mut connection = call.context.store.connection().await.map_err(ActionError::from)?;
    let accounts = accounts::open_all(&call.context, &mut connection, &ids).await?;
    accounts.iter().map(|account| account_view::resource(&call.context, call.version(), account)).collect()
}

/// Reports, each once.
pub(super) async fn reports(
    call: &Call,
    ids: impl IntoIterator<Item = MonitorId>,
) -> Result<Vec<Resource>, ApiError> {
    may(call, "report.read")?;
    let views = reports::get_all(&call.context, &once(ids)).await?;
    views.iter().map(shown::resource).collect()
}

/// Nobody reads by the way what they may not read.
fn may(call: &Call, permission: &str) -> Result<(), ApiError> {
    if call.caller.key.may(permission) {
        return Ok(());
    }
    let details = format!("the key lacks the permission {permission}");
    Err(ApiError::other(StatusCode::FORBIDDEN, "Forbidden", details))
}

fn once<T: Ord>(ids: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut ids: Vec<T> = ids.into_iter().collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}
