//! Several real daemons on one database whose leases stand for a second, and a clock that no test moves. They are apart
//! from the other tests, and one after the other, because a process that the machine leaves waiting for a second has
//! lost its leases: what follows then is right, and not what these tests mean.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    unreachable_pub,
    reason = "a test may panic, its texts are short, and it says what it did"
)]

mod chaos;
#[path = "../support/daemon.rs"]
#[expect(dead_code, reason = "other tests use the rest of it")]
mod daemon;
mod leases;
#[path = "../support/proxy.rs"]
mod proxy;
