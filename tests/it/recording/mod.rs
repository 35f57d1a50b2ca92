//! Recording: what the end of a run changes in the database, and what it never changes.

mod answers;
mod effects;
mod failures;
mod fence;
mod privacy;
