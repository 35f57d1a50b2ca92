//! The engine's whole path, with providers that cost nothing, with the screener, and with one behind HTTP.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio_util::{sync::CancellationToken, task::TaskTracker};
use watchkeeper::{
    domain::answer::Answer,
    engine::{Engine, plan::PlannedParts},
    providers::{
        Basis, CallFuture, ReportProvider, Request,
        budget::{Budget, Limits},
        local::{LocalProvider, PublishedList},
    },
    screening::{index::Index, list::List, ofac},
    telemetry::metrics::{Metrics, RunLabels},
};

use super::{
    Failure, Report, Sizes, forget_peak, memory, peak,
    remote::{self, Remote},
    say,
    seed::{Bench, make_due, still_due},
};

/// The concurrency of a local provider when the configuration does not say.
pub(crate) const AS_SHIPPED: u32 = 1000;

/// How long no run may be recorded before a phase is given up.
const PATIENCE: Duration = Duration::from_mins(1);

/// Answers at once that there is nothing.
pub(crate) struct Nothing;

impl ReportProvider for Nothing {
    fn name(&self) -> &'static str {
        "local"
    }

    fn basis(&self) -> Basis {
        Basis { engine: "nothing".to_owned(), lists: Vec::new() }
    }

    fn call<'a>(&'a self, _request: &'a Request) -> CallFuture<'a> {
        Box::pin(async { Ok(Answer::default()) })
    }
}

/// Who answers.
#[derive(Clone, Copy)]
enum Asked {
    Nothing,
    Sample,
    Ofac,
    Remote,
}

/// What a phase measures.
struct Phase {
    name: String,
    asked: Asked,
    due: usize,
    /// Whether the due monitors are urgent: their accounts were edited, by an import for example.
    urgent: bool,
}

pub(crate) async fn measure(bench: &Bench, sizes: &Sizes, report: &mut Report) -> Result<(), Failure> {
    let remote = Remote::start()?;
    for phase in phases(bench, sizes) {
        if sizes.wants(&phase.name) {
            run(bench, report, phase, &remote).await?;
        }
    }
    Ok(())
}

fn phases(bench: &Bench, sizes: &Sizes) -> Vec<Phase> {
    let phase =
        |name: &str, asked| Phase { name: format!("engine: {name}"), asked, due: sizes.due, urgent: false };
    let mut phases = vec![
        phase("no-op", Asked::Nothing),
        Phase { due: sizes.due / 10, urgent: true, ..phase("no-op, urgent", Asked::Nothing) },
        phase("local, sample list", Asked::Sample),
        Phase { due: sizes.due / 2, ..phase("HTTP, answers after 20 ms, 200 at once", Asked::Remote) },
    ];
    // The last: what its list took is not given back to the system.
    if bench.ofac.is_some() {
        phases.push(phase("local, OFAC", Asked::Ofac));
    } else {
        say("No folder with OFAC's list: that phase is left out.");
    }
    phases
        .push(Phase { due: sizes.due / 2, ..phase("HTTP, answers after 20 ms, 200 at once", Asked::Remote) });
    phases
}

fn provider(bench: &Bench, asked: Asked, remote: &Remote) -> Result<Arc<dyn ReportProvider>, Failure> {
    Ok(match (asked, &bench.ofac) {
        (Asked::Ofac, Some(folder)) => Arc::new(local(&ofac::read_folder(folder)?)),
        (Asked::Sample | Asked::Ofac, _) => Arc::new(local(&bench.sample)),
        (Asked::Nothing, _) => Arc::new(Nothing),
        (Asked::Remote, _) => remote.provider()?,
    })
}

/// The screener with a list.
pub(crate) fn local(list: &List) -> LocalProvider {
    let published = PublishedList::new(&list.name);
    published.replace(Index::build(list));
    // Without a number it is taken to be behind another process's.
    published.set_number(1);
    LocalProvider::new("local", vec![published], 0.85)
}

/// An engine at work.
pub(crate) struct Running {
    tracker: TaskTracker,
    stop: CancellationToken,
}

impl Running {
    pub(crate) fn start(engine: &Engine) -> Self {
        let running = Self { tracker: TaskTracker::new(), stop: CancellationToken::new() };
        engine.start(&running.tracker, &running.stop, &running.stop);
        running
    }

    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }
}

/// Waits until so many runs are recorded since the engine was made.
pub(crate) async fn until_recorded(metrics: &Metrics, name: &str, wanted: usize) -> Result<(), Failure> {
    let (mut seen, mut moved_at) = (0, Instant::now());
    loop {
        let recorded = recorded(metrics);
        if recorded >= wanted as u64 {
            return Ok(());
        }
        if recorded > seen {
            (seen, moved_at) = (recorded, Instant::now());
        }
        if moved_at.elapsed() > PATIENCE {
            return Err(format!("{name}: stuck at {recorded} of {wanted} runs").into());
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Makes some monitors due, starts an engine, and waits until all of them are recorded.
async fn run(bench: &Bench, report: &mut Report, phase: Phase, remote: &Remote) -> Result<(), Failure> {
    let Phase { name, asked, due, urgent } = phase;
    make_due(bench, due, urgent).await?;
    let before = memory("VmRSS:");
    let provider = provider(bench, asked, remote)?;
    let list = memory("VmRSS:").saturating_sub(before);
    let concurrency = if let Asked::Remote = asked { remote::CONCURRENCY } else { AS_SHIPPED };
    let limits = Limits { rate_per_second: None, burst: 1, concurrency };
    let parts: PlannedParts = (provider, Budget::new(limits)?, limits);
    let engine = bench.engine(vec![parts]);

    forget_peak();
    let began = Instant::now();
    let running = Running::start(&engine);
    until_recorded(&engine.metrics, &name, due).await?;
    let took = began.elapsed();
    let beyond = memory("VmHWM:").saturating_sub(list);
    let peak = format!("{}, {beyond} MiB beyond the loaded list", peak());
    running.stop().await;
    let left = still_due(bench).await?;
    if left > 0 {
        return Err(format!("{name}: {left} monitors are still due").into());
    }
    let matches = of_outcome(&engine.metrics, "match");
    let odd = of_outcome(&engine.metrics, "error") + of_outcome(&engine.metrics, "superseded");
    report.add(&name, due, took, &format!("{matches} matches, {odd} not counted, {peak}"));
    Ok(())
}

/// How many runs an engine has recorded.
pub(crate) fn recorded(metrics: &Metrics) -> u64 {
    of_outcome(metrics, "clear") + of_outcome(metrics, "match") + of_outcome(metrics, "error")
}

fn of_outcome(metrics: &Metrics, outcome: &'static str) -> u64 {
    metrics.runs.get_or_create(&RunLabels { schedule: "all".to_owned(), outcome }).get()
}
