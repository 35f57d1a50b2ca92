//! The API as a client sees it.

mod account_acts;
mod accounts;
mod bounds;
mod events;
mod importers;
mod lists;
mod matching;
mod transactions;
mod wire;
