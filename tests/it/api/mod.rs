//! The API as a client sees it.

mod accounts;
mod events;
mod importers;
mod wire;
