//! Keys of the API: what a program may do, from where, and how answers to it are shaped.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{id::ApiKeyId, kebab::to_kebab};

/// What reading an archived account takes beside the permission to read it, and reading what belongs to it.
pub const READ_ARCHIVED: &str = "account.archived.read";

/// What a key can be allowed to do. `*` allows everything, `account.*` everything of accounts.
pub const PERMISSIONS: [&str; 40] = [
    "account.read",
    READ_ARCHIVED,
    "account.write",
    "account.redact",
    "account.run-action",
    "account-action.read",
    "account-action.write",
    "account-type.read",
    "account-type.write",
    "api-key.read",
    "api-key.write",
    "audit.read",
    "event.read",
    "hit.read",
    "hit.write",
    "hold.read",
    "hold.write",
    "importer.read",
    "importer.write",
    "inquiry.read",
    "inquiry.write",
    "inquiry.redact",
    "list.read",
    "list.write",
    "list.redact",
    "match.read",
    "report.read",
    "report.write",
    "report.dismiss",
    "report.redact",
    "retention.approve",
    "retention.override",
    "retention.read",
    "subject.export",
    "tag.read",
    "tag.write",
    "transaction.read",
    "transaction.write",
    "transaction.redact",
    "transaction-type.read",
];

/// The bytes of randomness in a key: what cannot be guessed needs no slow hash.
pub const SECRET_BYTES: usize = 24;

/// How every key begins, so that scanners of leaked secrets can know it.
pub const PREFIX: &str = "watchkeeper_";

/// A key as requests are judged by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// Its name, which events show as the actor; its id when nobody named it.
    pub name: String,
    /// What it may do: words of [`PERMISSIONS`], `*`, or `account.*`.
    pub permissions: Vec<String>,
    /// From where it may be used; from anywhere when empty.
    pub ip_allowlist: Vec<IpNet>,
    /// Which attributes its answers lack: names or JSON pointers, with `*` for any text.
    pub attributes_blocklist: Vec<String>,
    /// How many requests a minute it may make, when that is less or more than others.
    pub requests_per_minute: Option<u32>,
    /// The version of the API that it speaks when a request names none.
    pub version: Option<String>,
    /// How keys are written when a request does not say it.
    pub inflection: Option<String>,
}

/// What keys are called that nobody named, before their names were their ids.
const UNNAMED: &str = "default";

impl ApiKey {
    /// Who does what requests with it do, for events: its name, or its id where nobody named it, so that two keys are
    /// two actors.
    pub fn actor(&self) -> String {
        if self.name.is_empty() || self.name == UNNAMED {
            format!("api-key:{}", self.id)
        } else {
            format!("api-key:{}", self.name)
        }
    }

    /// Whether it may do what needs a permission; what needs `*` every key may do.
    pub fn may(&self, wanted: &str) -> bool {
        wanted == "*" || self.permissions.iter().any(|given| covers(given, wanted))
    }

    /// Whether it may be used from an address.
    pub fn is_allowed_from(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.ip_allowlist.is_empty() || self.ip_allowlist.iter().any(|net| net.contains(&address))
    }

    /// Whether it may be used from everywhere in a network.
    pub fn is_allowed_network(&self, network: &IpNet) -> bool {
        self.ip_allowlist.is_empty() || self.ip_allowlist.iter().any(|net| net.contains(network))
    }
}

/// Whether a text is a permission that a key can have.
pub fn is_permission(text: &str) -> bool {
    PERMISSIONS.iter().any(|known| covers(text, known))
}

/// An address or a network.
pub fn network(text: &str) -> Option<IpNet> {
    let text = text.trim();
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// What an entry of a block-list can be, in words.
pub const BLOCKABLE: &str = "an attribute such as name-last or address-*, a field such as fields.name.last, or a JSON \
     pointer such as /data/attributes/fields/*-number, with * for any text";

/// Where a JSON pointer of a block-list may begin.
const POINTED: [&str; 3] = ["data", "included", "meta"];

/// An entry of a block-list as it is kept: in kebab-case, and a field's path as the attribute that it is
/// (`fields.name.last` is `name-last`). None of a text that can name nothing: it would block nothing.
pub fn blockable(text: &str) -> Option<String> {
    let text = text.trim();
    if let Some(pointer) = text.strip_prefix('/') {
        let parts = pointer.split('/').map(blocked_word).collect::<Option<Vec<String>>>()?;
        let is_known =
            parts.len() > 1 && parts.first().is_some_and(|first| POINTED.contains(&first.as_str()));
        return is_known.then(|| format!("/{}", parts.join("/")));
    }
    let parts = text.split('.').map(blocked_word).collect::<Option<Vec<String>>>()?;
    let is_wrapper = |part: &&String| ["data", "attributes"].contains(&part.as_str());
    let (is_path, last) = (parts.len() > 1, parts.last()?.clone());
    let mut rest = parts.iter().skip_while(|part| is_path && is_wrapper(part));
    match rest.next() {
        Some(first) if is_path && first == "fields" => {}
        // A name, or one of an attribute beside `fields`.
        Some(first) if rest.next().is_none() => return Some(first.clone()),
        _ => return None,
    }
    // What wraps a field's parts in answers has no name of its own.
    let rest: Vec<&str> = rest.map(String::as_str).filter(|part| *part != "value").collect();
    match rest.as_slice() {
        [] if last == "value" => Some(last),
        [] | ["*"] => Some("fields".to_owned()),
        parts => Some(parts.join("-")),
    }
}

/// A word of such an entry; none of what no name has.
fn blocked_word(text: &str) -> Option<String> {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_*".contains(&byte);
    let has_letters = text.bytes().any(|byte| byte.is_ascii_alphanumeric());
    if !text.bytes().all(is_name) || !(has_letters || text == "*") {
        return None;
    }
    // Without a small letter, capitals begin no words.
    let has_small = text.bytes().any(|byte| byte.is_ascii_lowercase());
    let written = if has_small { to_kebab(text) } else { to_kebab(&text.to_ascii_lowercase()) };
    Some(written.to_ascii_lowercase())
}

/// Whether who is given a permission may do what needs another.
pub fn covers(given: &str, wanted: &str) -> bool {
    given == "*"
        || given == wanted
        || given
            .strip_suffix(".*")
            .is_some_and(|room| wanted.strip_prefix(room).is_some_and(|rest| rest.starts_with('.')))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn key(permissions: &[&str], allowlist: &[&str]) -> ApiKey {
        ApiKey {
            id: ApiKeyId(Uuid::nil()),
            name: "test".to_owned(),
            permissions: permissions.iter().map(|word| (*word).to_owned()).collect(),
            ip_allowlist: allowlist.iter().map(|net| net.parse().unwrap()).collect(),
            attributes_blocklist: Vec::new(),
            requests_per_minute: None,
            version: None,
            inflection: None,
        }
    }

    #[test]
    fn a_permission_covers_itself_and_a_star_everything_below_it() {
        assert!(key(&["account.read"], &[]).may("account.read"));
        assert!(!key(&["account.read"], &[]).may("account.write"));
        assert!(key(&["account.*"], &[]).may("account.write"));
        assert!(!key(&["account.*"], &[]).may("account-type.read"));
        assert!(key(&["account.*"], &[]).may(READ_ARCHIVED));
        assert!(!key(&["account.read"], &[]).may(READ_ARCHIVED));
        assert!(!key(&["account.*"], &[]).may("subject.export"), "all that is held is more than the account");
        assert!(key(&["*"], &[]).may("report.redact"));
    }

    #[test]
    fn keys_that_nobody_named_are_told_apart_by_their_ids() {
        let named = |name: &str, id: u128| {
            ApiKey { name: name.to_owned(), id: ApiKeyId(Uuid::from_u128(id)), ..key(&[], &[]) }.actor()
        };
        assert_eq!(named("crm", 1), "api-key:crm");
        assert_ne!(named("default", 1), named("default", 2));
        assert_eq!(named("default", 1), format!("api-key:{}", ApiKeyId(Uuid::from_u128(1))));
    }

    #[test]
    fn only_known_permissions_are_permissions() {
        for known in ["*", "account.*", "report.dismiss"] {
            assert!(is_permission(known), "{known}");
        }
        for unknown in ["", "account", "accounts.read", "acc*", ".*"] {
            assert!(!is_permission(unknown), "{unknown}");
        }
    }

    #[test]
    fn what_a_block_list_names_is_kept_in_one_spelling_and_what_names_nothing_is_none() {
        for (text, kept) in [
            ("name-last", "name-last"),
            ("name-last ", "name-last"),
            ("NAME-LAST", "name-last"),
            ("NAME", "name"),
            ("nameLast", "name-last"),
            ("Birthdate", "birthdate"),
            ("tax_number", "tax-number"),
            ("address-*", "address-*"),
            ("*", "*"),
            ("fields.name.last", "name-last"),
            ("fields.name.value.last", "name-last"),
            ("FIELDS.Name.Last", "name-last"),
            ("data.attributes.fields.address.street_1", "address-street-1"),
            ("fields.address", "address"),
            ("fields.value", "value"),
            ("fields.*", "fields"),
            ("attributes.reference-id", "reference-id"),
            ("attributes", "attributes"),
            ("/data/attributes/fields/*-number", "/data/attributes/fields/*-number"),
            (" /Data/attributes/nameLast", "/data/attributes/name-last"),
            ("/data/*/attributes/name", "/data/*/attributes/name"),
        ] {
            assert_eq!(blockable(text).as_deref(), Some(kept), "{text}");
        }
        for text in [
            "",
            " ",
            "-",
            "**",
            ".",
            "/",
            "/data",
            "/data/",
            "/data/['",
            "/data//name",
            "data/name",
            "name last",
            "name.last",
            "fields.",
            ".name",
            "fields..name",
            "name,birthdate",
            "/name-last",
            "Größe",
        ] {
            assert_eq!(blockable(text), None, "{text:?}");
        }
    }

    #[test]
    fn an_allow_list_holds_for_addresses_in_either_notation() {
        let key = key(&[], &["10.0.0.0/8", "2001:db8::/32"]);
        assert!(key.is_allowed_from("10.2.3.4".parse().unwrap()));
        assert!(
            key.is_allowed_from("::ffff:10.2.3.4".parse().unwrap()),
            "as a socket of both kinds names it"
        );
        assert!(key.is_allowed_from("2001:db8::1".parse().unwrap()));
        assert!(!key.is_allowed_from("192.168.0.1".parse().unwrap()));
    }
}
