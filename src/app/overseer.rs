//! Looks from outside the runtime at whether the engine moves, and ends the process where nothing else
//! can help.
//!
//! It is a thread of its own: it works when every thread of the runtime is stuck. It measures time by its
//! own rounds, so that a process that was stopped as a whole, or a machine that slept, is not taken for
//! one that hangs.

use std::{
    collections::BTreeMap,
    io, process,
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use super::notify;
use crate::{
    domain::id::MonitorId,
    engine::progress::Progress,
    telemetry::health::{Concern, Health},
};

/// How long the overseer waits for what.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Between two looks.
    pub round: Duration,
    /// After so long without a beat a part is stalled.
    pub stalled: Duration,
    /// After so long without a beat the process is ended.
    pub dead: Duration,
    /// So long after it should have been over, a call is held to hang.
    pub overdue: Duration,
    /// After having been seen to hang for so long, a call ends the process.
    pub hanging: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            round: Duration::from_secs(1),
            stalled: Duration::from_secs(20),
            dead: Duration::from_mins(1),
            overdue: Duration::from_secs(10),
            hanging: Duration::from_secs(10),
        }
    }
}

/// How long the last line of the log may take.
const LAST_WORD: Duration = Duration::from_secs(2);

/// The running overseer; it ends when it is dropped.
pub struct Overseer {
    _stop: mpsc::Sender<()>,
}

impl Overseer {
    /// Starts the overseer. `end` is called once with the reason when nothing else can help; in the
    /// daemon that is [`abort`].
    pub fn start(
        progress: Progress,
        health: Health,
        patience: Patience,
        end: impl FnOnce(&str) + Send + 'static,
    ) -> io::Result<Self> {
        let (stop, stopped) = mpsc::channel();
        thread::Builder::new().name("overseer".to_owned()).spawn(move || {
            let mut watch = Watch::new(patience);
            let (mut last, mut told) = (Instant::now(), String::new());
            while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(patience.round) {
                let now = Instant::now();
                let state = watch.look(&progress, now, now - last);
                last = now;
                match state {
                    State::Moving => {
                        if health.clear(Concern::Stalled) {
                            aloud(|| tracing::info!("everything moves again"));
                        }
                        notify::watchdog();
                    }
                    State::Stalled(reason) => {
                        if health.raise(Concern::Stalled, reason.clone()) {
                            aloud(move || tracing::error!(reason, "the engine stalls"));
                        }
                    }
                    State::Dead(reason) => {
                        end(&reason);
                        return;
                    }
                }
                let status = status(&health);
                if told != status {
                    notify::status(&status);
                    told = status;
                }
            }
        })?;
        Ok(Self { _stop: stop })
    }
}

/// Ends the process at once, saying why: what is under way is lost to nobody, its due rows stand.
pub fn abort(reason: &str) {
    let reason = reason.to_owned();
    aloud(move || tracing::error!(reason, "ending the process, to be started anew"));
    process::abort();
}

/// Logs on another thread, and does not wait for ever: whoever holds up the log holds up this process too,
/// and the overseer must outlive that.
fn aloud(line: impl FnOnce() + Send + 'static) {
    let (said, hear) = mpsc::channel::<()>();
    let spawned = thread::Builder::new().spawn(move || {
        line();
        drop(said);
    });
    if spawned.is_ok() {
        let _ = hear.recv_timeout(LAST_WORD);
    }
}

/// The daemon's state in a line.
fn status(health: &Health) -> String {
    let reasons: Vec<String> = health.reasons().into_iter().map(|(_, reason)| reason).collect();
    if reasons.is_empty() { "keeping watch".to_owned() } else { reasons.join("; ") }
}

/// What a look showed.
#[derive(Debug, PartialEq, Eq)]
enum State {
    Moving,
    Stalled(String),
    Dead(String),
}

/// How long each part has not beaten, and the oldest hanging call has been seen.
struct Watch {
    patience: Patience,
    parts: BTreeMap<u64, (u64, Duration)>,
    call: Option<(u64, Duration)>,
}

impl Watch {
    const fn new(patience: Patience) -> Self {
        Self { patience, parts: BTreeMap::new(), call: None }
    }

    /// Looks at what has moved since the last look, `passed` ago.
    fn look(&mut self, progress: &Progress, now: Instant, passed: Duration) -> State {
        // Time in which this thread did not run either is nobody's fault.
        let passed = passed.min(self.patience.round * 2);
        let stillest = self.look_at_parts(progress, passed);
        if let Some((name, still)) = stillest.filter(|(_, still)| *still >= self.patience.stalled) {
            let reason = format!("{name} has not moved for {} s", still.as_secs());
            return if still >= self.patience.dead { State::Dead(reason) } else { State::Stalled(reason) };
        }
        match self.look_at_calls(progress, now, passed) {
            None => State::Moving,
            // Seen for the first time, it may be about to end: its timer ran late, as this thread did.
            Some((_, seen)) if seen.is_zero() => State::Moving,
            Some((monitor, seen)) => {
                let reason = format!("the run of {monitor} hangs: its call holds a thread past its deadline");
                if seen >= self.patience.hanging { State::Dead(reason) } else { State::Stalled(reason) }
            }
        }
    }

    /// The part that has not beaten for the longest time.
    fn look_at_parts(&mut self, progress: &Progress, passed: Duration) -> Option<(String, Duration)> {
        let mut seen = BTreeMap::new();
        let mut stillest: Option<(String, Duration)> = None;
        for (number, name, beats) in progress.beats() {
            let still = match self.parts.get(&number) {
                Some((before, still)) if *before == beats => *still + passed,
                Some(_) | None => Duration::ZERO,
            };
            seen.insert(number, (beats, still));
            if stillest.as_ref().is_none_or(|(_, longest)| still > *longest) {
                stillest = Some((name, still));
            }
        }
        self.parts = seen;
        stillest
    }

    /// The oldest call that hangs, and how long it has been seen to.
    fn look_at_calls(
        &mut self,
        progress: &Progress,
        now: Instant,
        passed: Duration,
    ) -> Option<(MonitorId, Duration)> {
        let oldest =
            now.checked_sub(self.patience.overdue).and_then(|then| progress.overdue(then).into_iter().next());
        let found = oldest.map(|(number, monitor)| {
            let seen = match self.call {
                Some((before, seen)) if before == number => seen + passed,
                Some(_) | None => Duration::ZERO,
            };
            (number, monitor, seen)
        });
        self.call = found.map(|(number, _, seen)| (number, seen));
        found.map(|(_, monitor, seen)| (monitor, seen))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use uuid::Uuid;

    use super::*;
    use crate::engine::progress::Part;

    const FAST: Patience = Patience {
        round: Duration::from_millis(5),
        stalled: Duration::from_millis(100),
        dead: Duration::from_millis(300),
        overdue: Duration::from_millis(50),
        hanging: Duration::from_millis(100),
    };

    fn runtime(threads: usize) -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build().unwrap()
    }

    /// Beats as fast as the runtime lets it; comes back when it has.
    fn beat_on(runtime: &tokio::runtime::Runtime, part: Part) {
        let (moved, hear) = channel();
        runtime.spawn(async move {
            loop {
                part.beat();
                let _ = moved.send(());
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
        for _ in 0..3 {
            hear.recv().unwrap();
        }
    }

    /// Starts an overseer; what it would end the process for is received.
    fn oversee(
        progress: &Progress,
        health: &Health,
        patience: Patience,
    ) -> (Overseer, mpsc::Receiver<String>) {
        let (ended, end) = channel();
        let end_with = move |reason: &str| ended.send(reason.to_owned()).unwrap();
        (Overseer::start(progress.clone(), health.clone(), patience, end_with).unwrap(), end)
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_part_that_does_not_beat_stalls_and_then_ends_the_process() {
        let (progress, mut watch) = (Progress::default(), Watch::new(Patience::default()));
        let (one, other) = (progress.part("lane one"), progress.part("recorder"));
        let mut look = |beating: &[&Part]| {
            for part in beating {
                part.beat();
            }
            watch.look(&progress, Instant::now(), SECOND)
        };
        for _ in 0..=19 {
            assert_eq!(look(&[&other]), State::Moving);
        }
        assert_eq!(look(&[&other]), State::Stalled("lane one has not moved for 20 s".to_owned()));
        assert_eq!(look(&[&one, &other]), State::Moving, "it beats again");
        for _ in 0..59 {
            assert!(!matches!(look(&[&other]), State::Dead(_)));
        }
        assert_eq!(look(&[&other]), State::Dead("lane one has not moved for 60 s".to_owned()));
        drop(one);
        assert_eq!(look(&[&other]), State::Moving, "it has ended");
    }

    #[test]
    fn a_process_that_was_stopped_as_a_whole_is_not_taken_for_one_that_hangs() {
        let (progress, mut watch) = (Progress::default(), Watch::new(Patience::default()));
        let part = progress.part("lane");
        let call = progress.call(MonitorId(Uuid::from_u128(1)), SECOND);
        let begun = Instant::now();
        assert_eq!(watch.look(&progress, begun, SECOND), State::Moving);
        let hour = Duration::from_hours(1);
        let later = begun + hour;
        assert_eq!(watch.look(&progress, later, hour), State::Moving, "the call's own timer comes first");
        drop(call);
        assert_eq!(watch.look(&progress, later + SECOND, SECOND), State::Moving);
        drop(part);
    }

    #[test]
    fn a_call_that_hangs_is_named_and_ends_the_process_after_a_grace() {
        let (progress, mut watch) = (Progress::default(), Watch::new(Patience::default()));
        let monitor = MonitorId(Uuid::from_u128(1));
        let _call = progress.call(monitor, SECOND);
        let late = Instant::now() + Duration::from_mins(1);
        assert_eq!(watch.look(&progress, late, SECOND), State::Moving, "seen for the first time");
        for _ in 0..9 {
            let State::Stalled(reason) = watch.look(&progress, late, SECOND) else { panic!("it hangs") };
            assert!(reason.contains(&monitor.to_string()), "{reason}");
        }
        assert!(matches!(watch.look(&progress, late, SECOND), State::Dead(_)));
    }

    #[test]
    fn a_runtime_whose_only_thread_is_held_is_seen_from_outside() {
        let (progress, health, runtime) = (Progress::default(), Health::default(), runtime(1));
        beat_on(&runtime, progress.part("lane"));
        let (release, held) = channel::<()>();
        // As a provider does that computes for ever.
        runtime.spawn(async move { held.recv() });
        let (_overseer, end) = oversee(&progress, &health, FAST);
        let reason = end.recv().unwrap();
        assert!(reason.starts_with("lane has not moved for"), "{reason}");
        assert!(health.reasons().iter().any(|(concern, _)| *concern == Concern::Stalled));
        drop(release);
    }

    #[test]
    fn a_call_that_holds_its_thread_is_found_among_parts_that_move() {
        let (progress, health, runtime) = (Progress::default(), Health::default(), runtime(2));
        beat_on(&runtime, progress.part("lane"));
        let monitor = MonitorId(Uuid::from_u128(7));
        let call = progress.call(monitor, Duration::ZERO);
        let (release, held) = channel::<()>();
        runtime.spawn(async move {
            let _call = call;
            held.recv()
        });
        // However busy the machine is that tests: the part moves.
        let patience = Patience { stalled: Duration::from_mins(1), ..FAST };
        let (_overseer, end) = oversee(&progress, &health, patience);
        let reason = end.recv().unwrap();
        assert!(reason.contains(&monitor.to_string()), "{reason}");
        drop(release);
    }
}
