//! What people decided about the entities of answers.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::super::{
    EngineError,
    run::{End, Finished},
};
use crate::{
    domain::{hit::Found, hit::Terms, id::AccountId},
    store::{
        decisions::{self, Decision},
        runs::NewRun,
    },
};

/// What people decided about the entities of some answers, for their accounts.
pub(super) struct Decided(BTreeMap<(AccountId, String), Decision>);

impl Decided {
    /// Loads the decisions on all entities of answers, also those on their former ids.
    pub(super) async fn load(
        conn: &mut PgConnection,
        changed: &[(&Finished, &NewRun)],
    ) -> Result<Self, EngineError> {
        let mut pairs: Vec<(AccountId, &str)> = Vec::new();
        for (finished, _) in changed {
            let End::Answered { answer, .. } = &finished.end else { continue };
            for finding in &answer.findings {
                let ids = std::iter::once(&finding.entity).chain(&finding.former_ids);
                pairs.extend(ids.map(|id| (finished.account, id.as_str())));
            }
        }
        pairs.sort_unstable();
        pairs.dedup();
        let found = decisions::list(conn, &pairs).await?;
        Ok(Self(found.into_iter().map(|one| ((one.account, one.entity.clone()), one)).collect()))
    }

    /// The decision on an entity, made under its present id or, before that, under a former one; with the digest that the
    /// facts have under that id. Whether or not it holds.
    pub(super) fn of(&self, account: AccountId, found: &Found<'_>) -> Option<(&Decision, [u8; 16])> {
        let present = (found.entity, found.facts);
        let former = found.former.iter().map(|(id, facts)| (*id, *facts));
        std::iter::once(present)
            .chain(former)
            .find_map(|(id, facts)| Some((self.0.get(&(account, id.to_owned()))?, facts)))
    }

    /// The decision that holds on an entity with these facts.
    pub(super) fn on(&self, account: AccountId, found: &Found<'_>, terms: Terms) -> Option<&Decision> {
        let (decision, facts) = self.of(account, found)?;
        // One from elsewhere rests on what is found first.
        let rests = decision.facts.is_none_or(|known| known == facts)
            && decision.subject.is_none_or(|known| terms.subject.is_none_or(|asked| asked == known));
        let has_expired = |before: DateTime<Utc>| decision.decided_at < before;
        let holds = decision.ended_at.is_none() && !terms.expired_before.is_some_and(has_expired);
        (rests && holds).then_some(decision)
    }
}
