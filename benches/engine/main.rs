//! `cargo bench --bench engine`: how fast runs are recorded, beside plain SQL loops that do nothing else.
//!
//! PostgreSQL runs on the same machine, every commit on its disk. The environment says how much:
//! `WATCHKEEPER_BENCH_ACCOUNTS` (1,000,000), `WATCHKEEPER_BENCH_DUE` (200,000), `WATCHKEEPER_BENCH_ROUNDS`
//! (1: how often the phases are gone through, one after the other, for medians),
//! `WATCHKEEPER_BENCH_OFAC` (a folder of OFAC's files), `WATCHKEEPER_BENCH_KEEP=1` (takes the database
//! that an earlier run of the same size left), `WATCHKEEPER_BENCH_PLANS=1` (prints the plans of the hot
//! statements as well), `WATCHKEEPER_BENCH_PLAIN=1` (no field is encrypted), `WATCHKEEPER_BENCH_ONLY` (phases
//! whose names contain this), `WATCHKEEPER_BENCH_SAMPLES` (500: runs whose latency is measured),
//! `WATCHKEEPER_BENCH_PINNED` (30: for how many seconds runs go on beside a transaction that is held open, and
//! as long without it).
#![expect(clippy::expect_used, reason = "a benchmark that cannot go on stops")]

mod api;
mod difference;
mod imports;
mod latency;
mod phases;
mod pinned;
mod plans;
mod reference;
mod remote;
mod seed;
mod sweep;

use std::{
    collections::BTreeMap,
    error::Error,
    fs,
    io::{self, Write},
    path::PathBuf,
    time::{Duration, Instant},
};

use watchkeeper::app::embedded::{Cluster, Durability, state_folder};

/// What went wrong; a benchmark only shows it.
pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// How much is measured.
#[derive(Clone)]
pub(crate) struct Sizes {
    pub(crate) accounts: usize,
    pub(crate) due: usize,
    pub(crate) rounds: usize,
    pub(crate) import: usize,
    pub(crate) samples: usize,
    pub(crate) pinned: Duration,
    pub(crate) ofac: Option<PathBuf>,
    pub(crate) keep: bool,
    pub(crate) plans: bool,
    pub(crate) plain: bool,
    only: String,
}

impl Sizes {
    fn from_environment() -> Self {
        let variables: BTreeMap<String, String> = std::env::vars().collect();
        let text = |name: &str| variables.get(&format!("WATCHKEEPER_BENCH_{name}")).cloned();
        let number = |name: &str, default| {
            text(name).map_or(default, |text| text.parse().expect("the variable is a whole number"))
        };
        Self {
            accounts: number("ACCOUNTS", 1_000_000),
            due: number("DUE", 200_000),
            rounds: number("ROUNDS", 1),
            import: number("IMPORT", 100_000),
            samples: number("SAMPLES", 500),
            pinned: Duration::from_secs(number("PINNED", 30) as u64),
            ofac: text("OFAC").map(PathBuf::from).or_else(shared_list),
            keep: text("KEEP").is_some(),
            plans: text("PLANS").is_some(),
            plain: text("PLAIN").is_some(),
            only: text("ONLY").unwrap_or_default(),
        }
    }

    pub(crate) fn wants(&self, phase: &str) -> bool {
        phase.contains(&self.only)
    }
}

/// The project's copy of OFAC's list, where there is one.
fn shared_list() -> Option<PathBuf> {
    let mut folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    while folder.pop() {
        let list = folder.join("shared/data/ofac-b");
        if list.is_dir() {
            return Some(list);
        }
    }
    None
}

/// What was measured, in its order.
#[derive(Default)]
pub(crate) struct Report(Vec<(String, f64, String)>);

impl Report {
    /// Adds a rate: so many in such a time.
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    pub(crate) fn add(&mut self, name: &str, count: usize, took: Duration, note: &str) {
        let rate = count as f64 / took.as_secs_f64();
        let note = format!("{count} in {:.1} s, {note}", took.as_secs_f64());
        say(&format!("{name}: {rate:.0} per second ({note})"));
        self.0.push((name.to_owned(), rate, note));
    }

    fn print(&self) {
        let rates = |wanted: &str| -> Vec<f64> {
            self.0.iter().filter(|(name, _, _)| name == wanted).map(|(_, rate, _)| *rate).collect()
        };
        let reference = median(rates(reference::NAME));
        say("\n| phase | per second, median | x reference | notes of the last |\n|---|---|---|---|");
        let mut shown: Vec<&str> = Vec::new();
        for (name, _, _) in &self.0 {
            if shown.contains(&name.as_str()) {
                continue;
            }
            shown.push(name);
            let rate = median(rates(name)).unwrap_or_default();
            let ratio = reference.filter(|_| name.starts_with("engine")).map(|reference| rate / reference);
            let ratio = ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}"));
            let note =
                self.0.iter().rev().find(|(known, _, _)| known == name).map(|(_, _, note)| note.as_str());
            say(&format!("| {name} | {rate:.0} | {ratio} | {} |", note.unwrap_or_default()));
        }
    }
}

fn median(mut rates: Vec<f64>) -> Option<f64> {
    rates.sort_by(f64::total_cmp);
    rates.get(rates.len() / 2).copied()
}

pub(crate) fn say(line: &str) {
    // Whoever reads no further has enough.
    let _ = writeln!(io::stdout(), "{line}");
}

/// The most memory that this process had resident since [`forget_peak`].
pub(crate) fn peak() -> String {
    format!("peak {} MiB", memory("VmHWM:"))
}

/// What the kernel says of this process's memory, in MiB.
pub(crate) fn memory(key: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default();
    let kib: u64 = line.trim_matches(|other: char| !other.is_ascii_digit()).parse().unwrap_or_default();
    kib / 1024
}

pub(crate) fn forget_peak() {
    // Refused by old kernels: the peak is then that of the whole time.
    let _ = fs::write("/proc/self/clear_refs", "5");
}

fn main() -> Result<(), Failure> {
    // `cargo test --benches` and its like only want to know that it starts.
    if std::env::args().any(|argument| argument == "--test") {
        return Ok(());
    }
    let sizes = Sizes::from_environment();
    let variable = |name: &str| std::env::vars().find(|(key, _)| key == name).map(|(_, value)| value);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    if let Some(file) = variable(seed::FILL) {
        return runtime.block_on(seed::fill_in(file.as_ref(), &sizes));
    }
    if variable(remote::SERVE).is_some() {
        return runtime.block_on(remote::serve());
    }
    // From the main thread: the server lives as long as the thread that started it.
    let cluster = Cluster::start(&state_folder(&variable)?, "bench", Durability::Full)?;
    let report = runtime.block_on(measure(&cluster, &sizes))?;
    report.print();
    Ok(())
}

async fn measure(cluster: &Cluster, sizes: &Sizes) -> Result<Report, Failure> {
    let mut report = Report::default();
    let bench = seed::prepare(cluster, sizes).await?;
    if sizes.plans {
        plans::print(&bench, cluster).await?;
    }
    for round in 0..sizes.rounds {
        let began = Instant::now();
        if sizes.wants(reference::NAME) {
            reference::measure(&bench, sizes, &mut report).await?;
        }
        latency::measure(&bench, sizes, &mut report).await?;
        phases::measure(&bench, sizes, &mut report).await?;
        pinned::measure(&bench, sizes, &mut report).await?;
        say(&format!("round {} took {:.0} s", round + 1, began.elapsed().as_secs_f64()));
    }
    api::measure(&bench, sizes, &mut report).await?;
    if sizes.wants("rescreen") {
        difference::measure(&bench, sizes, &mut report).await?;
    }
    if sizes.wants("sweep") {
        sweep::measure(&bench, sizes, &mut report).await?;
    }
    if sizes.wants("import") {
        imports::measure(&bench, sizes, &mut report).await?;
    }
    Ok(report)
}
