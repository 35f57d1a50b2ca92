//! Statuses of an account type.

use serde::{Deserialize, Deserializer, Serialize, de::Error};
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Builder;

use crate::domain::id::{AccountStatusId, AccountTypeId};

/// The colour of a status that says none.
const COLOUR: &str = "#6b7280";

/// A status that accounts of a type may have.
///
/// Accounts keep its key, which never changes; people and the API see its name, which may.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Status {
    /// What accounts keep: its first name.
    pub key: String,
    /// Its name.
    pub name: String,
    /// Its colour on screens, as `#rrggbb`.
    pub colour: String,
}

impl Status {
    /// A status of that name.
    pub fn new(name: &str) -> Self {
        Self { key: name.to_owned(), name: name.to_owned(), colour: COLOUR.to_owned() }
    }

    /// Its id, which is made of its type's and its key: as lasting as both.
    pub fn id(&self, account_type: AccountTypeId) -> AccountStatusId {
        let mut hash = Sha256::new();
        hash.update(account_type.0.as_bytes());
        hash.update(self.key.as_bytes());
        let digest = hash.finalize();
        let mut bytes = [0_u8; 16];
        for (byte, hashed) in bytes.iter_mut().zip(digest) {
            *byte = hashed;
        }
        AccountStatusId(Builder::from_custom_bytes(bytes).into_uuid())
    }

    /// Whether a text is a colour.
    pub fn is_colour(text: &str) -> bool {
        text.strip_prefix('#')
            .is_some_and(|digits| digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
    }
}

/// Also reads what earlier versions wrote: a name.
impl<'de> Deserialize<'de> for Status {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Written {
            key: String,
            name: String,
            colour: String,
        }

        let value = Value::deserialize(deserializer)?;
        if let Some(name) = value.as_str() {
            return Ok(Self::new(name));
        }
        let written: Written = serde_json::from_value(value).map_err(D::Error::custom)?;
        Ok(Self { key: written.key, name: written.name, colour: written.colour })
    }
}
