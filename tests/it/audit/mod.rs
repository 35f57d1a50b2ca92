//! The audit log: what is in it, and that nobody changes it unseen.

mod entries;
mod ledger;
mod million;
mod restore;
mod rotation;
mod subject;
mod tampering;

use watchkeeper::actions::audit::{self, Checkpoint, EntryView, Verified, Wanted};

use crate::fixtures::House;

/// All entries of a house that are wanted, the oldest first.
async fn entries(house: &House, wanted: Wanted) -> Vec<EntryView> {
    audit::settle(&house.engine.context).await.unwrap();
    let (found, _) = audit::list(&house.engine.context, &wanted, 10_000).await.unwrap();
    found.iter().rev().map(EntryView::from).collect()
}

async fn verified(house: &House, checkpoints: &[Checkpoint]) -> Verified {
    audit::verify_all(&house.engine.context, checkpoints, |_, _| {}).await.unwrap()
}
