//! Watchkeeper: a self-hosted store of customer accounts and the daemon that keeps watch over them.
pub mod actions;
pub mod ambient;
pub mod app;
pub mod cli;
pub mod config;
pub mod domain;
pub mod engine;
pub mod http;
pub mod names;
pub mod providers;
pub mod screening;
pub mod store;
pub mod telemetry;
pub mod vault;
