//! Volumes that are full, and then are not: one of the tables, one of the write-ahead log, both small and
//! in memory. They are mounted, so only root can have them.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use watchkeeper::app::embedded::{Cluster, Durability, state_folder};

use super::{
    super::daemon::until,
    Repeat,
    checks::{MAKE_DUE, Tally, superseded},
    faults::{Counts, Fault},
    happen, seeded,
    stage::{Scene, Stage, UNRECORDED},
};

/// Room that is enough for anything.
const PLENTY: u64 = 2 << 30;

/// How much more fits into the volume of the tables before it is full.
const LITTLE: u64 = 64 << 10;

/// How much more fits into the volume of the log before it is full: not one more segment.
const NO_SEGMENT: u64 = 8 << 20;

/// How long a volume stays full.
const FULL: Duration = Duration::from_secs(1);

/// Makes the server write to another segment of its log, if it wrote anything to this one.
const SWITCH: &str = "select pg_switch_wal()";

#[test]
fn full_volumes_of_tables_and_of_the_log_lose_no_slot_and_record_none_twice() {
    let began = Instant::now();
    let counts = Counts::of_environment(&Fault::OF_VOLUMES);
    let (seed, random) = seeded();
    let repeat = Repeat(format!("make chaos N=0 SEED={seed} {counts}"));
    let Some((cluster, volumes)) = Volumes::of_new_cluster() else {
        println!("chaos: full disks left out: no volume can be mounted here");
        return;
    };
    let mut stage = Stage::set_on(cluster, &Scene::of_three("watchkeeper_chaos_disk"));
    stage.volumes = Some(volumes);
    stage.start();
    happen(&counts, &mut stage, &random);
    let end = Tally::at_end(&stage);
    let most = stage.interruptions() * UNRECORDED;
    assert!(
        end.repeated <= most,
        "who keeps its leases records what was answered, and asks nothing again: {end:?}"
    );
    println!(
        "chaos: {} runs, lost {}, doubled {}, superseded {}, repeated calls {}, in {:.1} s ({})",
        end.runs,
        end.lost,
        end.doubled,
        superseded(&stage.place),
        end.repeated,
        began.elapsed().as_secs_f64(),
        repeat.0
    );
}

/// The volumes of a server, in a folder that goes with them.
pub struct Volumes {
    folder: PathBuf,
    data: PathBuf,
    log: PathBuf,
    _lock: File,
}

impl Volumes {
    /// Makes a cluster whose tables and log are on volumes of their own; none where that cannot be.
    fn of_new_cluster() -> Option<(Cluster, Self)> {
        let variable = |name: &str| std::env::vars().find(|(key, _)| key == name).map(|(_, value)| value);
        let state = state_folder(&variable).unwrap();
        remove_abandoned(&state);
        let folder = state.join(format!("{PREFIX}{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let lock = File::create(folder.join("in-use")).unwrap();
        lock.lock().unwrap();
        let volumes =
            Self { data: folder.join("data"), log: folder.join("log"), folder: folder.clone(), _lock: lock };
        if !mount(&volumes.data) || !mount(&volumes.log) {
            return None;
        }
        let mut cluster = Cluster::start(&folder, "cluster", Durability::Full).unwrap();
        cluster.stop_immediately().unwrap();
        for (name, volume) in [("base", &volumes.data), ("pg_wal", &volumes.log)] {
            let (place, moved) = (cluster.data().join(name), volume.join(name));
            run("mv", &[&place.to_string_lossy(), &moved.to_string_lossy()]);
            std::os::unix::fs::symlink(&moved, &place).unwrap();
        }
        // The server passes through as its own user.
        run("chmod", &["711", &volumes.data.to_string_lossy(), &volumes.log.to_string_lossy()]);
        run("chmod", &["711", &folder.to_string_lossy()]);
        cluster.restart().unwrap();
        Some((cluster, volumes))
    }
}

impl Drop for Volumes {
    fn drop(&mut self) {
        remove(&self.folder);
    }
}

impl Stage {
    /// Fills the volume of the tables under load; there is room again after a while.
    pub fn full_data(&mut self) {
        let volume = self.volumes.as_ref().expect("the stage has volumes").data.clone();
        resize(&volume, used(&volume) + LITTLE);
        until("a daemon says that the database does not do it", || {
            // That may find no room either.
            let _ = self.place.try_to_tell(MAKE_DUE);
            self.fleet.iter_mut().any(|member| !member.is_ready()).then_some(())
        });
        thread::sleep(FULL);
        resize(&volume, PLENTY);
        self.until_all(true, "the daemons are ready again");
    }

    /// Fills the volume of the log under load, which ends the server; it is started again when there is
    /// room.
    pub fn full_log(&mut self) {
        let volume = self.volumes.as_ref().expect("the stage has volumes").log.clone();
        let process = self.cluster.data().join("postmaster.pid");
        resize(&volume, used(&volume) + NO_SEGMENT);
        until("the server has no room for its log", || {
            // Segments that are kept for later are used up first.
            let _ = self.place.try_to_tell(MAKE_DUE);
            let _ = self.place.try_to_tell(SWITCH);
            (!process.exists()).then_some(())
        });
        self.until_all(false, "the daemons say that the database is away");
        thread::sleep(FULL);
        resize(&volume, PLENTY);
        self.cluster.restart().unwrap();
        self.until_all(true, "the daemons are ready again");
    }
}

/// How the folders are called that volumes are in.
const PREFIX: &str = "full-disk-";

/// Removes what killed tests left.
fn remove_abandoned(state: &Path) {
    for entry in fs::read_dir(state).into_iter().flatten().flatten() {
        let is_free = || File::open(entry.path().join("in-use")).is_ok_and(|lock| lock.try_lock().is_ok());
        if entry.file_name().to_string_lossy().starts_with(PREFIX) && is_free() {
            remove(&entry.path());
        }
    }
}

fn remove(folder: &Path) {
    for volume in ["data", "log"] {
        let _ = Command::new("umount").arg("-l").arg(folder.join(volume)).output();
    }
    let _ = fs::remove_dir_all(folder);
}

fn mount(folder: &Path) -> bool {
    fs::create_dir_all(folder).unwrap();
    let mut mount = Command::new("mount");
    mount.args(["-t", "tmpfs", "-o", &format!("size={PLENTY}"), "tmpfs"]).arg(folder);
    mount.output().is_ok_and(|mounted| mounted.status.success())
}

/// Makes a volume larger or smaller; not smaller than what is in it.
fn resize(volume: &Path, size: u64) {
    run("mount", &["-o", &format!("remount,size={size}"), &volume.to_string_lossy()]);
}

/// How much is in a volume, in bytes.
fn used(volume: &Path) -> u64 {
    let told = Command::new("df").args(["--output=used", "-B1"]).arg(volume).output().unwrap();
    let told = String::from_utf8(told.stdout).unwrap();
    told.lines().nth(1).unwrap().trim().parse().unwrap()
}

fn run(program: &str, arguments: &[&str]) {
    let done = Command::new(program).args(arguments).output().unwrap();
    assert!(done.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
}
