//! Answers to requests that a client may send again, kept for a day.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::{ActionError, Context};
use crate::{
    domain::id::{AccountId, ApiKeyId, Shard},
    store::{data_keys, idempotency},
    vault::Purpose,
};

/// How long answers are kept.
pub const KEPT: TimeDelta = TimeDelta::hours(24);

/// A request that is ours to carry out.
#[derive(Debug)]
pub struct Claimed {
    api_key: ApiKeyId,
    key_digest: [u8; 32],
    reply: Uuid,
    at: DateTime<Utc>,
}

/// What is known of a request.
#[derive(Debug)]
pub enum Claim {
    /// It is new.
    Ours(Claimed),
    /// It was answered so: status and body.
    Answered(u16, Value),
    /// Somebody carries it out.
    UnderWay,
    /// The key was used for another request.
    Other,
}

/// Claims a request by its client's key; one that was claimed longer than `stale` ago and never answered is taken
/// over.
pub async fn claim(
    context: &Context,
    api_key: ApiKeyId,
    key: &[u8],
    request: &[u8],
    stale: TimeDelta,
) -> Result<Claim, ActionError> {
    let now = context.now();
    let key_digest = context.digest_key.digest(key);
    let request_digest = context.digest_key.digest(request);
    let [shard] = context.random.bytes::<1>();
    let reply = context.new_uuid(Shard(shard));
    let mut connection = context.store.connection().await?;
    let times = (now, now - stale);
    let claimed = (api_key, key_digest.as_slice());
    if idempotency::claim(&mut connection, claimed, &request_digest, reply, times).await? {
        return Ok(Claim::Ours(Claimed { api_key, key_digest, reply, at: now }));
    }
    let Some(known) = idempotency::find(&mut connection, api_key, &key_digest).await? else {
        // It went away in between: whoever asks again finds the way free.
        return Ok(Claim::UnderWay);
    };
    if known.request_digest != request_digest {
        return Ok(Claim::Other);
    }
    let Some((status, sealed, key)) = known.answer else { return Ok(Claim::UnderWay) };
    let key = context.keyring.unwrap(known.id, &key)?;
    Ok(Claim::Answered(status, key.open(Purpose::IdempotencyReply, &sealed)?))
}

/// Keeps the answer of a claimed request, which tells of an account and an object; not where one of them was redacted since
/// the answer was made.
pub async fn save(
    context: &Context,
    claimed: &Claimed,
    status: u16,
    body: &Value,
    of: (Option<AccountId>, Option<Uuid>),
) -> Result<(), ActionError> {
    let mut transaction = context.store.transaction().await?;
    let redacted_at = body.pointer("/data/attributes/redacted-at").and_then(Value::as_str);
    let told_of = redacted_at.and_then(|text| text.parse().ok());
    let account = of.0.map(|account| account.0);
    for (account, id) in [(true, account), (false, of.1.filter(|id| Some(*id) != account))] {
        let Some(id) = id else { continue };
        let redacted = idempotency::lock_redacted_at(&mut transaction, account, id).await?;
        // An answer that tells of the redaction was made after it.
        let is_told = of.1 == Some(id) && redacted.is_some() && times_agree(told_of, redacted);
        if redacted.is_some_and(|at| at >= claimed.at) && !is_told {
            drop(transaction);
            return release(context, claimed).await;
        }
    }
    let (key, wrapped) = context.keyring.new_data_key(claimed.reply);
    data_keys::insert_all(&mut transaction, &[(claimed.reply, wrapped)], context.now()).await?;
    let sealed = key.seal(Purpose::IdempotencyReply, body)?;
    let by = (claimed.api_key, claimed.key_digest.as_slice());
    idempotency::save_answer(&mut transaction, claimed.reply, by, (status, &sealed), of).await?;
    transaction.commit().await?;
    Ok(())
}

/// Whether two times are the same to the millisecond, which answers have.
fn times_agree(told: Option<DateTime<Utc>>, kept: Option<DateTime<Utc>>) -> bool {
    told.zip(kept).is_some_and(|(told, kept)| (kept - told).num_milliseconds().abs() <= 1)
}

/// Gives a claimed request up that was not carried out.
pub async fn release(context: &Context, claimed: &Claimed) -> Result<(), ActionError> {
    let mut connection = context.store.connection().await?;
    Ok(idempotency::release(&mut connection, claimed.reply, claimed.api_key).await?)
}

/// Removes answers older than a day, a page at a time. Returns how many went.
pub async fn sweep(context: &Context) -> Result<u64, ActionError> {
    let before = context.now() - KEPT;
    let mut gone = 0;
    loop {
        let mut transaction = context.store.transaction().await?;
        let page = idempotency::remove_old(&mut transaction, before, 1000).await?;
        transaction.commit().await?;
        gone += page;
        if page == 0 {
            return Ok(gone);
        }
    }
}
