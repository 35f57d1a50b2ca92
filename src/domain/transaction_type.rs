//! What a transaction of a type consists of: fields, statuses and relations, as an account has them.

use serde::{Deserialize, Serialize};

use super::{
    account_type::{AccountType, Field, Screened, Status},
    relation::Relation,
    subject::SubjectKind,
};

/// A sort of transaction: an account type of which nothing is screened, so that fields, statuses and relations go by
/// the same rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TransactionType(AccountType);

impl TransactionType {
    /// Makes a type; `default_status` is the key of one of `statuses`.
    pub fn new(
        name: String,
        fields: Vec<Field>,
        (statuses, default_status): (Vec<Status>, String),
        relations: Vec<Relation>,
    ) -> Self {
        Self(AccountType {
            name,
            // Nobody is asked about: it makes no difference.
            kind: SubjectKind::Organisation,
            fields,
            statuses,
            default_status,
            screened: Screened::default(),
            relations,
        })
    }

    /// Its name in the configuration and the API.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The relations that its transactions may have.
    pub fn relations(&self) -> &[Relation] {
        &self.0.relations
    }

    /// Its fields and statuses, by whose rules those of accounts go too.
    pub const fn as_schema(&self) -> &AccountType {
        &self.0
    }
}
