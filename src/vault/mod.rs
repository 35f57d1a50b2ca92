//! The one place where personal data is encrypted and decrypted.
//!
//! Envelope encryption: every object that can be redacted on its own (an account, a report with
//! content) has a data key of its own, made when first needed, kept in the database wrapped by a
//! master key that is read from a file. What is sealed for the object is sealed under a subkey,
//! derived per purpose, so that deleting one row of `data_keys` destroys all of it.
//!
//! A ciphertext is `version | nonce | AES-256-GCM ciphertext and tag`. Its associated data binds
//! version, purpose, object and key, so a ciphertext that was moved to another row, column or object
//! does not open.

mod keys;
mod seal;

pub use keys::{ChainKey, DataKey, Keyring, MasterKey, WrappedKey};
pub use seal::Purpose;

/// Why the vault refused.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The ciphertext is not of this key, purpose and object, or was altered.
    #[error("sealed data of {purpose} does not open: it was altered, moved, or is of another key")]
    DoesNotOpen {
        /// What it was sealed for.
        purpose: &'static str,
    },
    /// A data key is wrapped by a master key that was not given to this process.
    #[error("no master key {id} is configured, and data in this database is under it")]
    UnknownMasterKey {
        /// The master key's id.
        id: String,
    },
    /// The master key of this id is not the one that the database was filled with.
    #[error("master key {id} is not the key that this database was filled with")]
    WrongMasterKey {
        /// The master key's id.
        id: String,
    },
    /// The current master key was rotated away from.
    #[error(
        "master key {id} is retired, and current in [vault]; accepted is the id of the key that was rotated to"
    )]
    RetiredMasterKey {
        /// The master key's id.
        id: String,
    },
    /// The text of a master key is not what it must be.
    #[error("master key {id} must be 64 hexadecimal characters")]
    MalformedMasterKey {
        /// The master key's id.
        id: String,
    },
    /// What opened is not what was to be sealed there.
    #[error("sealed data of {purpose} opened, and is not readable")]
    Unreadable {
        /// What it was sealed for.
        purpose: &'static str,
    },
}
