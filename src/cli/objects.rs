//! Objects on the command line: by their ids, and accounts by their reference ids too.

use uuid::Uuid;

use crate::{
    actions::{ActionError, Context, inspect, retention::RetainedId},
    domain::id::{self, AccountId},
};

/// The object of an id of any kind, or the account of a reference id. Whether there is such an object is not asked: it
/// may be gone.
pub(super) async fn find(context: &Context, text: &str) -> anyhow::Result<Uuid> {
    match id::uuid_of(text).or_else(|| text.parse().ok()) {
        Some(id) => Ok(id),
        None => Ok(account(context, text).await?.0),
    }
}

/// The same of what retention can be about.
pub(super) async fn find_retained(context: &Context, text: &str) -> anyhow::Result<RetainedId> {
    match text.parse::<RetainedId>() {
        Ok(id) => Ok(id),
        Err(fault) if id::uuid_of(text).is_some() && prefix(text).is_some() => {
            anyhow::bail!("{fault}, or an account's reference id")
        }
        Err(_) => Ok(account(context, text).await?.into()),
    }
}

/// The account of a reference id, or of its id.
pub(super) async fn account(context: &Context, text: &str) -> anyhow::Result<AccountId> {
    match inspect::find_account(context, text).await {
        Ok(account) => Ok(account.id),
        Err(ActionError::NotFound(_)) => anyhow::bail!(why_nothing(text)),
        Err(error) => Err(error.into()),
    }
}

/// Why a text names nothing. It is not repeated: a reference id may be about a person.
fn why_nothing(text: &str) -> String {
    match prefix(text).filter(|_| id::uuid_of(text).is_none()) {
        Some(prefix) => {
            format!("that is not a whole id: accepted is {prefix}_ and 26 characters of 0-9 and a-z")
        }
        None => "there is no such account; accepted is an account's reference id, or an id such as act_…"
            .to_owned(),
    }
}

fn prefix(text: &str) -> Option<&str> {
    text.split_once('_').map(|(prefix, _)| prefix).filter(|prefix| id::PREFIXES.contains(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_an_id_is_said_and_it_is_not_repeated() {
        let cut = why_nothing("act_zz");
        assert!(cut.contains("accepted is act_ and 26 characters") && !cut.contains("zz"), "{cut}");
        let unknown = why_nothing("C_Doe");
        assert!(unknown.contains("reference id") && !unknown.contains("Doe"), "{unknown}");
    }
}
