//! Relations of accounts: an account type says which there are, to what they lead, and how they read from the
//! other end.

use serde::{Deserialize, Serialize};

/// What a relation leads to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ObjectKind {
    /// An account.
    #[default]
    Account,
    /// A transaction.
    Transaction,
}

impl ObjectKind {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Account, Self::Transaction];

    /// Its word in the database, the configuration and the API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Transaction => "transaction",
        }
    }

    /// The kind of a word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// To how many things a relation may lead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cardinality {
    /// To one at most.
    Single,
    /// To any number.
    #[default]
    Many,
}

/// A relation that accounts of a type may have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Relation {
    /// Its key, in `snake_case`.
    pub key: String,
    /// Its name on screens.
    pub label: String,
    /// What it leads to.
    pub target: ObjectKind,
    /// The names of the types that its targets may be of; any when empty.
    #[serde(default)]
    pub target_types: Vec<String>,
    /// To how many.
    pub cardinality: Cardinality,
    /// The key by which it is read from the other end.
    pub inverse: Option<String>,
}

impl Relation {
    /// Whether it may lead to something of a type.
    pub fn leads_to(&self, kind: ObjectKind, type_name: &str) -> bool {
        self.target == kind
            && (self.target_types.is_empty() || self.target_types.iter().any(|name| name == type_name))
    }
}

/// The relations that things of one type may have.
#[derive(Clone, Copy, Debug)]
pub struct Schema<'a> {
    /// Account or transaction.
    pub kind: ObjectKind,
    /// The name of the type.
    pub type_name: &'a str,
    /// Its relations.
    pub relations: &'a [Relation],
}

/// How a key reads from a thing of some type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading<'a> {
    /// From the thing to its targets.
    Forth(&'a Relation),
    /// From the thing to what leads to it: of which kind that is, and by which keys.
    Back(ObjectKind, Vec<String>),
}

/// What `key` means on a thing of a type: a relation of its own type, or the inverse of relations that lead to it.
/// None when it means nothing there.
pub fn read<'a>(
    schemas: &'a [Schema<'a>],
    (kind, type_name): (ObjectKind, &str),
    key: &str,
) -> Option<Reading<'a>> {
    let own = schemas.iter().find(|schema| schema.kind == kind && schema.type_name == type_name);
    if let Some(relation) = own.and_then(|own| own.relations.iter().find(|relation| relation.key == key)) {
        return Some(Reading::Forth(relation));
    }
    let leads_back =
        |relation: &&Relation| relation.inverse.as_deref() == Some(key) && relation.leads_to(kind, type_name);
    let mut of: Option<ObjectKind> = None;
    let mut keys: Vec<String> = Vec::new();
    for schema in schemas {
        for relation in schema.relations.iter().filter(leads_back) {
            // A name that accounts and transactions share reads as that of the first.
            if *of.get_or_insert(schema.kind) == schema.kind && !keys.contains(&relation.key) {
                keys.push(relation.key.clone());
            }
        }
    }
    of.map(|of| Reading::Back(of, keys))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relation(key: &str, target_types: &[&str], inverse: Option<&str>) -> Relation {
        Relation {
            key: key.to_owned(),
            label: key.to_owned(),
            target: ObjectKind::Account,
            target_types: target_types.iter().map(|&name| name.to_owned()).collect(),
            cardinality: Cardinality::Many,
            inverse: inverse.map(str::to_owned),
        }
    }

    #[test]
    fn a_key_reads_forth_on_its_own_type_and_back_on_what_it_leads_to() {
        let owners = [relation("owners", &["individual"], Some("owned_businesses"))];
        let schemas = [
            Schema { kind: ObjectKind::Account, type_name: "business", relations: &owners },
            Schema { kind: ObjectKind::Account, type_name: "individual", relations: &[] },
        ];
        let read = |type_name, key| read(&schemas, (ObjectKind::Account, type_name), key);
        assert_eq!(read("business", "owners"), Some(Reading::Forth(&owners[0])));
        let back = Reading::Back(ObjectKind::Account, vec!["owners".to_owned()]);
        assert_eq!(read("individual", "owned_businesses"), Some(back));
        assert_eq!(read("business", "owned_businesses"), None);
        assert_eq!(read("individual", "owners"), None);
    }
}
