//! The API as a client sees it.

mod events;
mod importers;
mod lists;
mod transactions;
mod wire;
