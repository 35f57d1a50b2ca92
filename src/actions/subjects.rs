//! Whom a monitor asks about: what is sealed of it is opened here, for a run and for those who only want to know.

use serde_json::{Map, Value};

use crate::{
    domain::{account_type::AccountType, report::Query, subject::Subject, subject::SubjectKind},
    store::due::Loaded,
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
