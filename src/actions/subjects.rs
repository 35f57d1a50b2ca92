//! Whom a monitor asks about: what is sealed of it is opened here, for a run and for those who only want to know.

use serde_json::{Map, Value, json};
use sqlx::PgConnection;

use super::{ActionError, Context, accounts::fields};
use crate::{
    domain::{
        account_type::AccountType, id::AccountId, report::Query, subject::Subject, subject::SubjectKind,
    },
    store::{
        account_types,
        accounts::{self, AccountRow},
        due::Loaded,
    },
    vault::{Keyring, Purpose, VaultError},
};

/// Why nobody can be asked about.
#[derive(Debug, thiserror::Error)]
pub enum SubjectFault {
    /// The key of a report's question is gone.
    #[error("the key of a report's question is gone")]
    NoKey,
    /// A report's question does not open.
    #[error("a report's question does not open")]
    Question(#[source] VaultError),
    /// An account does not open.
    #[error("an account does not open")]
    Account(#[source] VaultError),
}

/// Whom a monitor asks about: `account_type` is its account's, `kind` what its report is for.
pub fn open(
    keyring: &Keyring,
    loaded: &Loaded,
    account_type: &AccountType,
    kind: SubjectKind,
) -> Result<Subject, SubjectFault> {
    if let Some(question) = question(keyring, loaded, kind) {
        return question;
    }
    let mut fields = match &loaded.fields {
        Value::Object(fields) => fields.clone(),
        _ => Map::new(),
    };
    if let Some((sealed, stored)) = &loaded.sealed {
        let opened = keyring
            .unwrap(loaded.account.0, stored)
            .and_then(|key| key.open::<Map<_, _>>(Purpose::AccountFields, sealed));
        fields.extend(opened.map_err(SubjectFault::Account)?);
    }
    Ok(account_type.subject(&fields))
}

/// Whom the reports on an account ask about.
///
/// # Errors
/// When it does not open.
pub fn of_account(
    context: &Context,
    account_type: &AccountType,
    row: &AccountRow,
) -> Result<Subject, ActionError> {
    let (fields, _) = fields::opened(context, row)?;
    Ok(account_type.subject(&fields))
}

/// Whom a report of a question of its own asks about; none where it asks about its account.
pub fn question(
    keyring: &Keyring,
    loaded: &Loaded,
    kind: SubjectKind,
) -> Option<Result<Subject, SubjectFault>> {
    let (sealed, stored) = loaded.query.as_ref()?;
    let Some(stored) = stored else { return Some(Err(SubjectFault::NoKey)) };
    let opened = keyring
        .unwrap(loaded.monitor.0, stored)
        .and_then(|key| key.open::<Query>(Purpose::ReportQuery, sealed));
    Some(opened.map(|query| query.subject(kind)).map_err(SubjectFault::Question))
}

/// Keyed digest of what is asked about: a decision rests on it. Not on e-mail addresses and the like: what a list of the
/// customer's own has of them is a fact of the finding itself, and nothing else is found by them.
pub fn digest(context: &Context, subject: &Subject) -> [u8; 16] {
    let asked = Subject { contacts: Vec::new(), ..subject.clone() };
    let whole = context.digest_key.digest(json!(["subject", asked]).to_string().as_bytes());
    let mut short = [0; 16];
    short.copy_from_slice(whole.split_at(16).0);
    short
}

/// The same of an account as it stands; none when there is nothing to ask about, as when it was redacted.
pub(super) async fn digest_of_account(
    context: &Context,
    conn: &mut PgConnection,
    id: AccountId,
) -> Result<Option<[u8; 16]>, ActionError> {
    let Some(row) = accounts::find(conn, id).await? else { return Ok(None) };
    let Some(account_type) = account_types::find(conn, row.account_type).await? else { return Ok(None) };
    let subject = of_account(context, &account_type, &row)?;
    Ok(subject.missing().is_none().then(|| digest(context, &subject)))
}
