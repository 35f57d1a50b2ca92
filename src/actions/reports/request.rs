//! Asking for a report about an account that may not be there yet.

use super::{ActionError, Context, NewReport, create_in, find_template};
use crate::{
    actions::{
        Invalid,
        accounts::{self, NewAccount},
    },
    domain::{
        id::{AccountId, AccountTypeId, MonitorId, ReportTemplateId},
        report::Query,
        subject::SubjectKind,
    },
    store::{account_types, accounts as stored, decisions, nudges},
};

/// How often a transaction is tried that lost a lock, or a reference id, to somebody else.
const TRIES: u32 = 5;

/// Which account a report is about.
#[derive(Clone, Debug)]
pub enum About {
    /// This one.
    Account(AccountId),
    /// The one of this reference id, of whatever type.
    Known(String),
    /// The one of this reference id, or a new one.
    New {
        /// Its type; the first that stands for what the template asks about when not given.
        account_type: Option<AccountTypeId>,
        /// The customer's own id of it; always a new account without.
        reference_id: Option<String>,
    },
}

/// Asks for a report; makes its account if need be, in the same transaction. Returns the report and its account.
pub async fn request(
    context: &Context,
    actor: &str,
    template: ReportTemplateId,
    about: &About,
    query: Option<Query>,
) -> Result<(MonitorId, AccountId), ActionError> {
    if query.is_none() && matches!(about, About::New { reference_id: None, .. }) {
        let details = "is needed where the account is made anew: there is nothing else to ask about";
        return Err(ActionError::Invalid(vec![Invalid::at("/data/attributes/query", details)]));
    }
    let mut new = NewReport { account: AccountId(uuid::Uuid::nil()), template, query };
    let mut tries = 1;
    loop {
        match attempt(context, actor, about, &mut new).await {
            Ok(report) => return Ok((report, new.account)),
            Err(ActionError::Store(error)) if error.is_lost_lock() && tries < TRIES => tries += 1,
            // Somebody else made the account meanwhile: now it is found.
            Err(ActionError::NotUnique(_)) if tries < TRIES => tries += 1,
            Err(error) => return Err(error),
        }
    }
}

async fn attempt(
    context: &Context,
    actor: &str,
    about: &About,
    new: &mut NewReport,
) -> Result<MonitorId, ActionError> {
    let mut transaction = context.store.transaction().await?;
    let conn = &mut *transaction;
    new.account = match about {
        About::Account(account) => match stored::find(conn, *account).await? {
            Some(_) => *account,
            None => return Err(ActionError::NotFound("account of that id")),
        },
        About::Known(reference) => {
            let found = decisions::list_accounts(conn, std::slice::from_ref(reference)).await?;
            match found.as_slice() {
                [one] => one.account,
                [] => return Err(ActionError::NotFound("account of that reference id")),
                [_, _, ..] => return Err(ActionError::Refused("Several accounts have that reference id")),
            }
        }
        About::New { account_type, reference_id } => {
            let of = find_template(conn, new.template).await?;
            let of = of.ok_or(ActionError::NotFound("report template of that id"))?;
            let account_type = match account_type {
                Some(id) => *id,
                None => default_type(conn, of.template.report.subject_kind()).await?,
            };
            let mut known = None;
            if let Some(reference) = reference_id {
                let references = [reference.clone()];
                known = stored::list_by_references(conn, account_type, &references).await?.pop();
            }
            if let Some(account) = known {
                account.id
            } else {
                let account = NewAccount { reference_id: reference_id.clone(), ..NewAccount::default() };
                accounts::create(context, conn, actor, account_type, &account).await?
            }
        }
    };
    let report = create_in(context, conn, actor, new).await?;
    nudges::send(conn).await?;
    transaction.commit().await?;
    Ok(report)
}

async fn default_type(
    conn: &mut sqlx::PgConnection,
    kind: SubjectKind,
) -> Result<AccountTypeId, ActionError> {
    let types = account_types::list(conn).await?;
    let fitting = types.iter().find(|(_, account_type)| account_type.kind == kind);
    fitting.map(|(id, _)| *id).ok_or(ActionError::Refused("There is no account type to make an account of"))
}

/// The accounts of reference ids, of whatever type.
pub async fn accounts_of_references(
    context: &Context,
    references: &[String],
) -> Result<Vec<AccountId>, ActionError> {
    let mut connection = context.store.connection().await?;
    let found = decisions::list_accounts(&mut connection, references).await?;
    Ok(found.into_iter().map(|one| one.account).collect())
}
