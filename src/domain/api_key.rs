//! Keys of the API: what a program may do, from where, and how answers to it are shaped.

use std::net::IpAddr;

use ipnet::IpNet;

use super::id::ApiKeyId;

/// What a key can be allowed to do. `*` allows everything, `account.*` everything of accounts.
pub const PERMISSIONS: [&str; 39] = [
    "account.read",
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
    /// Its name, which events show as the actor.
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

impl ApiKey {
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
        assert!(!key(&["account.*"], &[]).may("subject.export"), "all that is held is more than the account");
        assert!(key(&["*"], &[]).may("report.redact"));
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
