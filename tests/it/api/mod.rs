//! The API as a client sees it.

mod events;
mod lists;
mod transactions;
mod wire;
