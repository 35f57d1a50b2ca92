//! The API as a client sees it.

mod accounts;
mod events;
mod lists;
mod transactions;
mod importers;
mod wire;
