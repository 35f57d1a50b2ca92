//! The API as a client sees it.

mod accounts;
mod events;
mod wire;
