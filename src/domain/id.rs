//! Ids: a prefix that says what it names, and a UUIDv7 that says when and on which shard.
//!
//! The written form is [TypeID](https://github.com/jetify-com/typeid/tree/main/spec) 0.3: the prefix,
//! `_`, and the 128 bits in 26 characters of Crockford's base 32, lower case. The last eight bits are
//! the [`Shard`]: whatever belongs to an account is made with the account's shard, so any id yields
//! the shard that its rows are on.

use std::{fmt, str::FromStr};

use sha2::{Digest, Sha256};
use uuid::Uuid;

/// One of the 256 parts that accounts are divided into, for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Shard(pub u8);

impl Shard {
    /// How many there are.
    pub const COUNT: usize = 256;

    /// Every shard, in order.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..=u8::MAX).map(Self)
    }

    /// The shard as its column holds it.
    pub const fn column(self) -> i16 {
        self.0 as i16
    }
}

/// Text that is not an id of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is not an id; accepted is {prefix}_ and 26 characters of 0-9 and a-z")]
pub struct NotAnId {
    prefix: &'static str,
}

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Stamps a new UUIDv7 of `millis` since 1970 with `shard`; `random` fills the rest.
pub fn version_7(millis: u64, random: [u8; 10], shard: Shard) -> Uuid {
    let mut bytes = [0_u8; 16];
    let (time, rest) = bytes.split_at_mut(6);
    time.copy_from_slice(millis.to_be_bytes().split_at(2).1);
    rest.copy_from_slice(&random);
    let mut bits = u128::from_be_bytes(bytes);
    bits = (bits & !(0xF << 76)) | (0x7 << 76);
    bits = (bits & !(0x3 << 62)) | (0x2 << 62);
    bits = (bits & !0xFF) | u128::from(shard.0);
    Uuid::from_u128(bits)
}

/// The id of what has a lasting name: the same wherever it is made. A UUID of version 8, for it says nothing of a time.
pub fn stable(kind: &str, name: &str, shard: Shard) -> Uuid {
    let digest = Sha256::digest(format!("{kind}\0{name}").as_bytes());
    let mut bytes = [0_u8; 16];
    bytes.copy_from_slice(digest.split_at(16).0);
    let bits = u128::from_be_bytes(uuid::Builder::from_custom_bytes(bytes).into_uuid().into_bytes());
    Uuid::from_u128((bits & !0xFF) | u128::from(shard.0))
}

/// When the id of a version 7 was made, in milliseconds since 1970.
pub const fn made_at_millis(id: Uuid) -> u64 {
    (id.as_u128() >> 80) as u64
}

fn encode(id: Uuid, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let bits = id.as_u128();
    for place in (0..26).rev() {
        let index = usize::try_from((bits >> (place * 5)) & 31).expect("five bits fit");
        let letter = ALPHABET.get(index).copied().expect("the alphabet has 32 letters");
        fmt::Write::write_char(f, char::from(letter))?;
    }
    Ok(())
}

fn decode(text: &str) -> Option<Uuid> {
    if text.len() != 26 || !matches!(text.as_bytes().first(), Some(b'0'..=b'7')) {
        return None;
    }
    let mut bits = 0_u128;
    for byte in text.bytes() {
        let value = ALPHABET.iter().position(|letter| *letter == byte)?;
        bits = (bits << 5) | u128::try_from(value).ok()?;
    }
    Some(Uuid::from_u128(bits))
}

/// The UUID of an id of any kind.
pub fn uuid_of(text: &str) -> Option<Uuid> {
    text.rsplit_once('_').and_then(|(_, suffix)| decode(suffix))
}

/// An id with a prefix that is known only where the program runs.
pub fn with_prefix(prefix: &str, id: Uuid) -> String {
    struct Encoded(Uuid);

    impl fmt::Display for Encoded {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            encode(self.0, f)
        }
    }

    format!("{prefix}_{}", Encoded(id))
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {
        /// What ids of all kinds begin with, without the `_` behind it.
        pub const PREFIXES: &[&str] = &[$($prefix),*];

    $(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub Uuid);

        impl $name {
            /// The shard that everything of this id is on.
            pub const fn shard(self) -> Shard {
                Shard((self.0.as_u128() & 0xFF) as u8)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!($prefix, "_"))?;
                encode(self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, NotAnId> {
                text.strip_prefix(concat!($prefix, "_"))
                    .and_then(decode)
                    .map(Self)
                    .ok_or(NotAnId { prefix: $prefix })
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    )*};
}

ids! {
    /// An account.
    AccountId = "act";
    /// An account type.
    AccountTypeId = "acttp";
    /// A monitor, which is the recurring half of a report: the report's id.
    MonitorId = "rep";
    /// One run of a monitor.
    RunId = "rpr";
    /// A hit of a monitor.
    HitId = "hit";
    /// An event.
    EventId = "evt";
    /// A running daemon.
    ProcessId = "proc";
    /// A status of an account type.
    AccountStatusId = "actst";
    /// An action of an account type.
    AccountActionId = "accac";
    /// One run of an account action.
    ActionRunId = "wfr";
    /// A tag.
    TagId = "tag";
    /// A file value of an account.
    FileId = "file";
    /// An inquiry.
    InquiryId = "inq";
    /// An inquiry template.
    InquiryTemplateId = "itmpl";
    /// A report template.
    ReportTemplateId = "rptp";
    /// Something that a person did to a report: a dismissal, a pause.
    ReportActionId = "ract";
    /// A comment on a hit.
    CommentId = "cmt";
    /// A list of the customer's own.
    ListId = "lst";
    /// An item of such a list.
    ListItemId = "li";
    /// A transaction.
    TransactionId = "txn";
    /// A transaction type.
    TransactionTypeId = "txntp";
    /// An import of accounts.
    ImporterId = "mprt";
    /// A key of the API.
    ApiKeyId = "api";
    /// A legal hold.
    HoldId = "hold";
    /// A request to redact something before its time.
    OverrideId = "rovr";
    /// A request to the API.
    RequestId = "req";
    /// The database, as clients see it.
    EnvironmentId = "env";
    /// Whose database it is, as clients see it.
    OrganizationId = "org";
    /// A consolidation of accounts.
    ConsolidationId = "cons";
    /// A rescreen: accounts that are screened once more, and why.
    RescreenId = "rsc";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_specifications_examples_round_trip() {
        // From the TypeID specification's valid.yml.
        for (uuid, suffix) in [
            ("00000000-0000-0000-0000-000000000000", "00000000000000000000000000"),
            ("0110c853-1d09-52d8-d73e-1194e95b5f19", "0123456789abcdefghjkmnpqrs"),
            ("01890a5d-ac96-774b-bcce-b302099a8057", "01h455vb4pex5vsknk084sn02q"),
            ("ffffffff-ffff-ffff-ffff-ffffffffffff", "7zzzzzzzzzzzzzzzzzzzzzzzzz"),
        ] {
            let id = AccountId(uuid.parse().unwrap());
            assert_eq!(id.to_string(), format!("act_{suffix}"));
            assert_eq!(format!("act_{suffix}").parse(), Ok(id));
        }
    }

    #[test]
    fn other_prefixes_lengths_and_letters_are_refused() {
        for text in [
            "01h455vb4pex5vsknk084sn02q",
            "rep_01h455vb4pex5vsknk084sn02q",
            "act_01h455vb4pex5vsknk084sn02",
            "act_01H455VB4PEX5VSKNK084SN02Q",
            "act_81h455vb4pex5vsknk084sn02q",
            "act_01h455vb4pex5vsknk084sn02u",
        ] {
            assert!(text.parse::<AccountId>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_lasting_name_has_one_id_and_another_has_another() {
        assert_eq!(stable("report-template", "a", Shard(0)), stable("report-template", "a", Shard(0)));
        assert_ne!(stable("report-template", "a", Shard(0)), stable("report-template", "b", Shard(0)));
        assert_eq!(AccountId(stable("x", "a", Shard(9))).shard(), Shard(9));
        assert_eq!(made_at_millis(version_7(1_700_000_000_123, [0; 10], Shard(1))), 1_700_000_000_123);
    }

    #[test]
    fn a_new_id_is_version_7_of_its_time_and_carries_its_shard() {
        let id = version_7(1_700_000_000_000, [0xFF; 10], Shard(42));
        assert_eq!(id.get_version_num(), 7);
        assert_eq!(id.get_variant(), uuid::Variant::RFC4122);
        assert_eq!(id.get_timestamp().map(|time| time.to_unix().0), Some(1_700_000_000));
        assert_eq!(AccountId(id).shard(), Shard(42));
    }
}
