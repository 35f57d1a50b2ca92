//! The API as a client sees it.

mod account_acts;
mod accounts;
mod bounds;
mod events;
mod filters;
mod forms;
mod importers;
mod lists;
mod matching;
mod strictness;
mod transactions;
mod wire;
