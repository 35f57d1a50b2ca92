//! Relations between accounts, and with transactions.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{ActionError, Context, Invalid, retention, retire, transaction_types};
use crate::{
    domain::{
        account_type::AccountType,
        id::{AccountId, TransactionId},
        relation::{self, Cardinality, ObjectKind, Reading, Relation, Schema},
        retention::RetainedKind,
        transaction_type::TransactionType,
    },
    store::{
        account_types, events,
        relations::{self, End, Part},
        retention as due_rows, standings, transactions,
    },
};

const KEY: &str = "/meta/relation-schema-key";
const TARGET: &str = "/meta/target-object-id";

/// One end of a relation: what the API calls an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Object {
    /// An account.
    Account(AccountId),
    /// A transaction.
    Transaction(TransactionId),
}

impl Object {
    /// The object of an id as the API writes it.
    pub fn from_text(text: &str) -> Option<Self> {
        text.parse().map(Self::Account).or_else(|_| text.parse().map(Self::Transaction)).ok()
    }

    const fn end(self) -> End {
        match self {
            Self::Account(id) => End { kind: ObjectKind::Account, id: id.0 },
            Self::Transaction(id) => End { kind: ObjectKind::Transaction, id: id.0 },
        }
    }

    fn of(kind: ObjectKind, id: Uuid) -> Self {
        match kind {
            ObjectKind::Account => Self::Account(AccountId(id)),
            ObjectKind::Transaction => Self::Transaction(TransactionId(id)),
        }
    }

    fn detail(self) -> (&'static str, Value) {
        match self {
            Self::Account(id) => ("target-account-id", json!(id)),
            Self::Transaction(id) => ("target-txn-id", json!(id)),
        }
    }
}

/// Which of an object's relations are asked for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The key, or a relation's name from its other end.
    pub key: &'a str,
    /// Relations made at this time or later.
    pub from: Option<DateTime<Utc>>,
    /// Relations made before or at this time.
    pub until: Option<DateTime<Utc>>,
    /// Objects after this one in the list, the newest first.
    pub after: Option<Object>,
    /// Objects before this one.
    pub before: Option<Object>,
    /// How many at most.
    pub limit: i64,
}

/// The types of accounts and transactions, which say what relations there are.
struct Types {
    accounts: Vec<AccountType>,
    transactions: Vec<TransactionType>,
    account_ids: Vec<crate::domain::id::AccountTypeId>,
}

impl Types {
    async fn read(conn: &mut PgConnection) -> Result<Self, ActionError> {
        let (account_ids, accounts) = account_types::list(conn).await?.into_iter().unzip();
        let transactions = transaction_types::list_in(conn).await?.into_iter().map(|(_, one)| one).collect();
        Ok(Self { accounts, transactions, account_ids })
    }

    fn schemas(&self) -> Vec<Schema<'_>> {
        let accounts = self.accounts.iter().map(|one| Schema {
            kind: ObjectKind::Account,
            type_name: &one.name,
            relations: &one.relations,
        });
        let transactions = self.transactions.iter().map(|one| Schema {
            kind: ObjectKind::Transaction,
            type_name: one.name(),
            relations: one.relations(),
        });
        accounts.chain(transactions).collect()
    }

    fn name_of(&self, id: crate::domain::id::AccountTypeId) -> Option<&str> {
        let place = self.account_ids.iter().position(|known| *known == id)?;
        self.accounts.get(place).map(|one| one.name.as_str())
    }
}

/// Adds a relation from one object to another. False when it was there already: then nothing is written.
///
/// A relation that leads to one object only is not led elsewhere by it: what it has must be removed first.
pub async fn add(
    context: &Context,
    actor: &str,
    from: Object,
    key: &str,
    to: Object,
) -> Result<bool, ActionError> {
    if from == to {
        return Err(invalid(TARGET, "is the object itself; accepted is another"));
    }
    let now = context.now();
    let mut transaction = context.store.transaction().await?;
    let types = Types::read(&mut transaction).await?;
    let schemas = types.schemas();
    let [from_type, to_type] = lock(&mut transaction, &types, [from, to]).await?;
    let relation = own(&schemas, from, from_type.as_deref(), key)?;
    let (kind, to_type) = (to.end().kind, to_type.ok_or_else(|| invalid(TARGET, "is not found"))?);
    if !relation.leads_to(kind, &to_type) {
        return Err(invalid(TARGET, accepted(relation)));
    }
    if relation.cardinality == Cardinality::Single
        && let Some(other) = relations::find_target(&mut transaction, from.end(), key).await?
        && other != to.end().id
    {
        return Err(ActionError::Conflict(format!("{key} leads to another object: remove that first")));
    }
    let added = relations::insert(&mut transaction, from.end(), key, to.end(), now).await?;
    if added {
        look_again(&mut transaction, from, to).await?;
        tell(context, &mut transaction, actor, (from, key, to), true).await?;
    }
    transaction.commit().await?;
    Ok(added)
}

/// Takes a relation away. False when there was none. While an account is under a legal hold, so are the transactions
/// that it is related to: these relations stay.
pub async fn remove(
    context: &Context,
    actor: &str,
    from: Object,
    key: &str,
    to: Object,
) -> Result<bool, ActionError> {
    let mut transaction = context.store.transaction().await?;
    let types = Types::read(&mut transaction).await?;
    if let (Object::Account(account), Object::Transaction(_))
    | (Object::Transaction(_), Object::Account(account)) = (from, to)
    {
        retention::refuse_loosening(context, &mut transaction, account).await?;
    }
    let [from_type, _] = lock(&mut transaction, &types, [from, from]).await?;
    own(&types.schemas(), from, from_type.as_deref(), key)?;
    let removed = relations::remove(&mut transaction, from.end(), key, to.end().id).await?;
    if removed {
        look_again(&mut transaction, from, to).await?;
        tell(context, &mut transaction, actor, (from, key, to), false).await?;
    }
    transaction.commit().await?;
    Ok(removed)
}

/// When a transaction falls due is worked out anew: it may be held with an account.
async fn look_again(conn: &mut PgConnection, from: Object, to: Object) -> Result<(), ActionError> {
    let transactions: Vec<Uuid> = [from, to]
        .into_iter()
        .filter_map(|object| match object {
            Object::Transaction(id) => Some(id.0),
            Object::Account(_) => None,
        })
        .collect();
    Ok(due_rows::insert_queue(conn, RetainedKind::Transaction, &transactions).await?)
}

/// A page of what an object is related to by a key, or by a relation's name from its other end; the newest first. Tells
/// whether that are accounts or transactions, also where there are none.
pub async fn list(
    context: &Context,
    of: Object,
    wanted: Wanted<'_>,
) -> Result<(ObjectKind, Vec<Object>), ActionError> {
    let mut connection = context.store.connection().await?;
    let types = Types::read(&mut connection).await?;
    let type_name = type_of(&mut connection, &types, of).await?;
    let schemas = types.schemas();
    let reading = type_name
        .as_deref()
        .and_then(|name| relation::read(&schemas, (of.end().kind, name), wanted.key))
        .ok_or_else(|| invalid("filter[key]", "is no relation of this object's type"))?;
    let part = Part {
        below: wanted.after.map_or(Uuid::max(), |object| object.end().id),
        above: wanted.before.map_or(Uuid::nil(), |object| object.end().id),
        lowest: wanted.before.is_some(),
        from: wanted.from,
        until: wanted.until,
        limit: wanted.limit,
    };
    let (kind, ids) = match reading {
        Reading::Forth(relation) => {
            (relation.target, relations::list_targets(&mut connection, of.end(), wanted.key, part).await?)
        }
        Reading::Back(kind, keys) => {
            (kind, relations::list_sources(&mut connection, of.end().id, kind, &keys, part).await?)
        }
    };
    Ok((kind, ids.into_iter().map(|id| Object::of(kind, id)).collect()))
}

/// Locks two objects, and tells the names of their types. The first must be there; what is archived refuses.
async fn lock(
    conn: &mut PgConnection,
    types: &Types,
    objects: [Object; 2],
) -> Result<[Option<String>; 2], ActionError> {
    let accounts: Vec<AccountId> = objects
        .iter()
        .filter_map(|object| match object {
            Object::Account(id) => Some(*id),
            Object::Transaction(_) => None,
        })
        .collect();
    let standings = standings::lock(conn, &accounts).await?;
    let mut names = [None, None];
    for (place, (name, object)) in names.iter_mut().zip(objects).enumerate() {
        *name = match object {
            Object::Account(id) => {
                let standing = standings.iter().find(|standing| standing.account == id);
                if standing.is_none() && place == 0 {
                    return Err(ActionError::NotFound(retire::ACCOUNT));
                }
                if standing.is_some_and(standings::Standing::is_archived) {
                    let target = ActionError::Refused("the target is archived");
                    return Err(if place == 0 { ActionError::Archived } else { target });
                }
                standing.and_then(|standing| types.name_of(standing.account_type)).map(str::to_owned)
            }
            Object::Transaction(id) => {
                let found = transactions::lock_type(conn, id).await?;
                if found.is_none() && place == 0 {
                    return Err(ActionError::NotFound(transaction_types::TRANSACTION));
                }
                found
            }
        };
    }
    Ok(names)
}

/// The name of an object's type; refuses one that there is not.
async fn type_of(
    conn: &mut PgConnection,
    types: &Types,
    object: Object,
) -> Result<Option<String>, ActionError> {
    match object {
        Object::Account(id) => {
            let standing = standings::find(conn, id).await?.ok_or(ActionError::NotFound(retire::ACCOUNT))?;
            Ok(types.name_of(standing.account_type).map(str::to_owned))
        }
        Object::Transaction(id) => {
            let found = transactions::find_type(conn, id).await?;
            Ok(Some(found.ok_or(ActionError::NotFound(transaction_types::TRANSACTION))?))
        }
    }
}

/// The relation that a key names on an object of a type.
fn own<'a>(
    schemas: &'a [Schema<'a>],
    object: Object,
    type_name: Option<&str>,
    key: &str,
) -> Result<&'a Relation, ActionError> {
    let kind = object.end().kind;
    match type_name.and_then(|name| relation::read(schemas, (kind, name), key)) {
        Some(Reading::Forth(relation)) => Ok(relation),
        Some(Reading::Back(..)) => {
            Err(invalid(KEY, "is the name of a relation from its other end: write it there"))
        }
        None => Err(invalid(KEY, "is no relation of this object's type")),
    }
}

fn accepted(relation: &Relation) -> String {
    let kind = relation.target.word();
    match relation.target_types.as_slice() {
        [] => format!("accepted is the id of an {kind}"),
        types => format!("accepted is the id of an {kind} of type {}", types.join(" or ")),
    }
}

fn invalid(pointer: &str, details: impl Into<String>) -> ActionError {
    ActionError::Invalid(vec![Invalid::at(pointer, details)])
}

async fn tell(
    context: &Context,
    conn: &mut PgConnection,
    actor: &str,
    (from, key, to): (Object, &str, Object),
    added: bool,
) -> Result<(), ActionError> {
    let (name, id) = to.detail();
    let detail = json!({ "relation-schema-key": key, name: id });
    let event = match (from, added) {
        (Object::Account(id), true) => context.event(id, "account.added-relation", actor, detail),
        (Object::Account(id), false) => context.event(id, "account.removed-relation", actor, detail),
        (Object::Transaction(id), added) => {
            let kind = if added { "transaction.added-relation" } else { "transaction.removed-relation" };
            let mut event = context.event_of_all(kind, actor, detail);
            event.object = Some(id.0);
            event
        }
    };
    events::insert_all(conn, &[event], context.now()).await?;
    Ok(())
}
