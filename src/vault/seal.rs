//! Sealing and opening under one key.

use aes_gcm::{Aes256Gcm, KeyInit, aead::AeadInOut};
use hkdf::Hkdf;
use sha2::Sha256;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::VaultError;

/// What a ciphertext is for. The label is the `purpose` of its column in `migrations/columns.toml`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// `accounts.sealed_fields`
    AccountFields,
    /// `runs.sealed_content`
    RunContent,
    /// `hits.sealed_content`
    HitContent,
    /// `hits.sealed_reason`
    HitReason,
    /// `hit_comments.sealed_text`
    HitComment,
    /// `decisions.sealed_reason`
    DecisionReason,
    /// `monitors.sealed_query`
    ReportQuery,
    /// `account_pauses.sealed_reason`
    PauseReason,
    /// `inquiries.sealed_content`
    InquiryContent,
    /// `transactions.sealed_fields`
    TransactionFields,
    /// `list_items.sealed_value`
    ListItem,
    /// `action_runs.sealed_parameters`
    ActionParameters,
    /// `idempotency_replies.sealed_body`
    IdempotencyReply,
    /// `importer_pieces.sealed_content`
    ImporterPiece,
    /// `data_keys.wrapped`
    DataKey,
    /// `master_key_checks.sealed`
    MasterKeyCheck,
    /// `account_files.sealed_content`
    AccountFile,
    /// `api_keys.sealed_note`
    ApiKeyNote,
    /// Not a ciphertext: the subkey of [`DataKey::digest`](super::DataKey::digest).
    Digest,
    /// Not a ciphertext: the subkey of [`DataKey::token`](super::DataKey::token).
    BlindIndex,
    /// Not a ciphertext: the subkey of [`DataKey::screening_tokens`](super::DataKey::screening_tokens).
    ScreeningKeys,
    /// Not a ciphertext: the subkey of [`DataKey::chain`](super::DataKey::chain).
    AuditChain,
}

impl Purpose {
    /// All of them.
    pub const ALL: [Self; 22] = [
        Self::AccountFields,
        Self::RunContent,
        Self::HitContent,
        Self::HitReason,
        Self::HitComment,
        Self::DecisionReason,
        Self::ReportQuery,
        Self::PauseReason,
        Self::InquiryContent,
        Self::TransactionFields,
        Self::ListItem,
        Self::ActionParameters,
        Self::IdempotencyReply,
        Self::ImporterPiece,
        Self::DataKey,
        Self::MasterKeyCheck,
        Self::AccountFile,
        Self::ApiKeyNote,
        Self::Digest,
        Self::BlindIndex,
        Self::ScreeningKeys,
        Self::AuditChain,
    ];

    /// The label, part of the associated data: never change one.
    pub const fn label(self) -> &'static str {
        match self {
            Self::AccountFields => "account-fields",
            Self::RunContent => "run-content",
            Self::HitContent => "hit-content",
            Self::HitReason => "hit-reason",
            Self::HitComment => "hit-comment",
            Self::DecisionReason => "decision-reason",
            Self::ReportQuery => "report-query",
            Self::PauseReason => "pause-reason",
            Self::InquiryContent => "inquiry-content",
            Self::TransactionFields => "transaction-fields",
            Self::ListItem => "list-item",
            Self::ActionParameters => "action-parameters",
            Self::IdempotencyReply => "idempotency-reply",
            Self::ImporterPiece => "importer-piece",
            Self::DataKey => "data-key",
            Self::MasterKeyCheck => "master-key-check",
            Self::AccountFile => "account-file",
            Self::ApiKeyNote => "api-key-note",
            Self::Digest => "digest",
            Self::BlindIndex => "blind-index",
            Self::ScreeningKeys => "screening-keys",
            Self::AuditChain => "audit-chain",
        }
    }
}

const VERSION: u8 = 1;
const NONCE: usize = 12;
const TAG: usize = 16;

pub(super) type Key = Zeroizing<[u8; 32]>;

/// The subkey of `key` for `purpose` (HKDF-SHA-256, RFC 5869).
pub(super) fn subkey(key: &Key, purpose: Purpose) -> Key {
    let mut subkey = Zeroizing::new([0_u8; 32]);
    Hkdf::<Sha256>::new(None, key.as_ref())
        .expand(purpose.label().as_bytes(), subkey.as_mut())
        .expect("32 bytes are within HKDF's limit");
    subkey
}

/// Everything that a ciphertext must agree with to open.
fn associated(purpose: Purpose, object: Uuid, key_id: Uuid) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(64);
    bytes.push(VERSION);
    bytes.extend_from_slice(object.as_bytes());
    bytes.extend_from_slice(key_id.as_bytes());
    bytes.extend_from_slice(purpose.label().as_bytes());
    bytes
}

/// Seals `plain` under `key` itself; callers derive the subkey.
pub(super) fn seal(
    key: &Key,
    purpose: Purpose,
    object: Uuid,
    key_id: Uuid,
    nonce: [u8; NONCE],
    plain: &[u8],
) -> Vec<u8> {
    let mut sealed = Vec::with_capacity(1 + NONCE + plain.len() + TAG);
    sealed.push(VERSION);
    sealed.extend_from_slice(&nonce);
    let mut body = plain.to_vec();
    cipher(key)
        .encrypt_in_place(&nonce.into(), &associated(purpose, object, key_id), &mut body)
        .expect("AES-GCM seals anything shorter than 64 GiB");
    sealed.append(&mut body);
    sealed
}

/// Opens what [`seal`] made with the same key, purpose, object and key id.
pub(super) fn open(
    key: &Key,
    purpose: Purpose,
    object: Uuid,
    key_id: Uuid,
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    let refused = VaultError::DoesNotOpen { purpose: purpose.label() };
    let Some((&[VERSION], rest)) = sealed.split_first_chunk::<1>() else { return Err(refused) };
    let Some((nonce, body)) = rest.split_first_chunk::<NONCE>() else { return Err(refused) };
    let mut plain = Zeroizing::new(body.to_vec());
    match cipher(key).decrypt_in_place(&(*nonce).into(), &associated(purpose, object, key_id), &mut *plain) {
        Ok(()) => Ok(plain),
        Err(_) => Err(refused),
    }
}

fn cipher(key: &Key) -> Aes256Gcm {
    Aes256Gcm::new(&(**key).into())
}
