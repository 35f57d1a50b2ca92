//! Watchkeeper: a self-hosted store of customer accounts, and the daemon that keeps watch over them.
//!
//! # ARCHITECTURE
//!
//! One binary with subcommands, this library behind it, PostgreSQL as the only server. Data flows one
//! way: **enrol → dispatch → budget → provider → record**. A result enters the database in one place
//! ([`engine::record`]), personal data is encrypted and decrypted in one place ([`vault`]), and a call
//! leaves the machine in one place ([`providers`]).
//!
//! The house has rooms; a room names only rooms below it (`tests/architecture.rs` holds it to that):
//!
//! ```text
//!                         main -> cli -> app ----------------+       wiring only
//!                                         |                  |
//!                         +---------------+----+             |
//!                       http                 engine          |       a person, a timer
//!                         |             +------+-----+       |
//!                         +-> actions <-+        providers   |       what may be done | the world outside
//!                               |                    |       |
//!                               |                screening   |       lists, index, matching (pure)
//!                             store --- vault        |       |       every SQL statement | every encryption
//!                               +------> domain <----+       |       what is true
//!                                           |                |
//!                                         names              |       how names are written and compared
//!                         side rooms: ambient (clock, randomness), config, telemetry
//! ```
//!
//! - [`names`]: how names are normalised, transliterated and compared; pure.
//! - [`domain`]: types, states and rules; no I/O, no clock.
//! - [`ambient`]: time and randomness, so that a test can hold them still and a simulation can let them fly.
//! - [`config`]: settings, checked all at once, every fault named.
//! - [`telemetry`]: logs, metrics, readiness.
//! - [`vault`]: envelope encryption; data keys and the master keys that wrap them.
//! - [`store`]: every SQL statement; rows to domain and back.
//! - [`screening`]: watchlists: parse, compare versions, index, match, explain; pure computation.
//! - [`providers`]: talking to report providers: request, permit, classify the answer; fetching published lists, and
//!   judging what came before it is used.
//! - [`planning`]: what a configuration will ask of its providers, hour by hour, and whether that fits; pure.
//! - [`actions`]: one function for each thing that a person or a timer can do; [`actions::retention`] decides and
//!   destroys what is no longer to be kept.
//! - [`engine`]: work without a request: divide the shards, enrol, dispatch, keep budgets, record, upkeep.
//! - [`http`]: work with a request: health, readiness, metrics, the state of the whole; the API, in Persona's wire
//!   format, whose table of operations is router, check of permissions and documentation at once; the matching API of
//!   a yente server, from the lists in memory.
//! - [`app`]: builds the parts, starts and stops them; the embedded PostgreSQL; the demo; the simulation, which is the
//!   engine on a virtual clock.
//! - [`cli`]: reads arguments, calls one function of [`app`], prints.
//!
//! # How a run comes to count
//!
//! 1. [`engine::enrol`] finds that a schedule selects an account, and inserts a monitor with its due row.
//! 2. Of the shards that its process holds ([`engine::fleet`]), a lane walks the due rows of its provider, loads
//!    the account, and opens its sealed fields.
//! 3. [`engine::run`] waits for a permit of the fleet ([`providers::budget`], [`engine::budgets`]) and calls the
//!    provider, under a deadline, with no connection held.
//! 4. [`engine::record`] settles the due row where its slot still stands, and writes the run. If the answer
//!    changed, the same transaction writes hits, tags, status and events.
//!
//! Whoever dies in between leaves the due row as it was: somebody runs it again, and it counts once. If it was
//! an account that killed it, the next is careful and finds it alone (`engine::suspects`).

pub mod actions;
pub mod ambient;
pub mod app;
pub mod cli;
pub mod config;
pub mod domain;
pub mod engine;
pub mod http;
pub mod names;
pub mod planning;
pub mod providers;
pub mod screening;
pub mod store;
pub mod telemetry;
pub mod vault;
