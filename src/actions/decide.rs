//! A person's decision on a hit.

use serde_json::json;

use super::{ActionError, Context};
use crate::{
    domain::{hit::HitState, id::HitId, personal::Personal},
    store::{StoreError, data_keys, enrolment, hits},
    vault::Purpose,
};

/// What a person found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The entity is somebody else.
    Dismissed,
    /// The entity is the account.
    Confirmed,
}

/// Decides on a hit, or decides again. The decision stands until the entity's facts change.
///
/// A monitor that a match holds is taken up again when its last open hit is decided: the account is
/// queued for enrolment, which sees to it.
pub async fn decide(
    context: &Context,
    actor: &str,
    id: HitId,
    decision: Decision,
    reason: Option<&Personal<String>>,
) -> Result<(), ActionError> {
    let now = context.now();
    let mut transaction = context.store.transaction().await?;
    let hit = hits::lock(&mut transaction, id).await?.ok_or(ActionError::NotFound("hit of that id"))?;
    if hit.state == HitState::Gone {
        return Err(ActionError::Refused(
            "the hit is gone: runs no longer find it, and there is nothing to decide",
        ));
    }
    let (state, kind) = match decision {
        Decision::Dismissed => (HitState::Dismissed, "report.hit-dismissed"),
        Decision::Confirmed => (HitState::Confirmed, "report.hit-confirmed"),
    };
    let sealed_reason = match reason {
        None => None,
        Some(reason) => {
            let object = hit.monitor.0;
            let mut keys =
                data_keys::get_or_insert(&mut transaction, &context.keyring, &[object], now).await?;
            let key = keys.remove(&object).expect("`get_or_insert` makes what is missing");
            Some(key.seal(Purpose::HitReason, reason)?)
        }
    };
    hits::save_decision(&mut transaction, id, state, actor, sealed_reason.as_deref(), now).await?;
    let detail = json!({ "hit": id, "report": hit.monitor, "from": hit.state.word() });
    let mut event = context.event(hit.account, kind, actor, detail);
    event.object = Some(id.0);
    crate::store::events::insert_all(&mut transaction, &[event], now).await?;
    enrolment::insert_queue(&mut transaction, &[hit.account]).await?;
    transaction.commit().await.map_err(StoreError::from)?;
    Ok(())
}
