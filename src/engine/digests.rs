//! Keyed digests of what runs ask and are answered: by them it is known whether anything changed, and nothing else.

use serde_json::json;

use super::Engine;
use crate::{
    domain::{
        answer::{Answer, Finding},
        subject::Subject,
    },
    store::due::Due,
};

/// How much of an answer's digest is of its findings.
pub(super) const FINDINGS: usize = 16;

/// Digest of an answer's findings, [`FINDINGS`] bytes, and of the account's screened data behind it; none when it is clear.
pub(super) fn of_answer(
    engine: &Engine,
    answer: &Answer,
    facts: &[[u8; 16]],
    subject: Option<[u8; 16]>,
) -> Option<Vec<u8>> {
    if facts.is_empty() {
        return None;
    }
    let set: Vec<_> =
        answer.findings.iter().zip(facts).map(|(finding, facts)| (&finding.entity, facts)).collect();
    let found = short(engine.context.digest_key.digest(json!(["answer", set]).to_string().as_bytes()));
    Some(found.into_iter().chain(subject.into_iter().flatten()).collect())
}

/// Digest of what a decision rests on, as if the finding's entity had the id `entity`. Neither score nor order nor reasons
/// nor former ids are part of it.
pub(super) fn of_facts(engine: &Engine, finding: &Finding, entity: &str) -> [u8; 16] {
    let facts = json!(["facts", entity, finding.list, finding.name, finding.facts]);
    short(engine.context.digest_key.digest(facts.to_string().as_bytes()))
}

/// Equal for every attempt at the same slot with the same input; without meaning to an outsider.
pub(super) fn idempotency_key(engine: &Engine, due: &Due, input: &Subject) -> String {
    let question = json!(["call", due.monitor, due.slot, input]);
    let digest = engine.context.digest_key.digest(question.to_string().as_bytes());
    uuid::Builder::from_custom_bytes(short(digest)).into_uuid().to_string()
}

fn short(digest: [u8; 32]) -> [u8; 16] {
    let mut short = [0; 16];
    short.copy_from_slice(digest.split_at(16).0);
    short
}
