//! Against a server that does what publishers' servers do: answers conditionally, fails, breaks off, is slow.

use std::sync::{Mutex, PoisonError};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::*;
use crate::screening::parse::Format;

/// What the server does with the next requests.
#[derive(Clone, Debug)]
enum Serves {
    /// Answers with this, or 304 to who has its `ETag`.
    Whole(String),
    Status(u16),
    /// Says that there is twice as much, and closes.
    BrokenOff(String),
    /// Takes the request and says nothing.
    Silent,
}

struct Server {
    url: String,
    serves: Arc<Mutex<Serves>>,
    /// The status of each answer.
    answered: Arc<Mutex<Vec<u16>>>,
    _tasks: tokio::task::JoinSet<()>,
}

impl Server {
    async fn start(serves: Serves) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/list.csv?key=secret", listener.local_addr().unwrap());
        let (serves, answered) = (Arc::new(Mutex::new(serves)), Arc::new(Mutex::new(Vec::new())));
        let mut tasks = tokio::task::JoinSet::new();
        let (now, told) = (Arc::clone(&serves), Arc::clone(&answered));
        tasks.spawn(async move {
            let mut silent = Vec::new();
            while let Ok((mut connection, _)) = listener.accept().await {
                let mut request = vec![0; 4096];
                let length = connection.read(&mut request).await.unwrap_or(0);
                let request = String::from_utf8_lossy(&request[..length]).to_lowercase();
                let serves = now.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let (status, length, body) = match serves {
                    Serves::Whole(body) if request.contains(&format!("if-none-match: {}", etag(&body))) => (304, 0, String::new()),
                    Serves::Whole(body) => (200, body.len(), body),
                    Serves::Status(status) => (status, 0, String::new()),
                    Serves::BrokenOff(body) => (200, body.len() * 2, body),
                    Serves::Silent => {
                        silent.push(connection);
                        continue;
                    }
                };
                told.lock().unwrap_or_else(PoisonError::into_inner).push(status);
                let answer = format!("HTTP/1.1 {status} X\r\nETag: {}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}", etag(&body));
                let _ = connection.write_all(answer.as_bytes()).await;
            }
        });
        Self { url, serves, answered, _tasks: tasks }
    }

    fn serve(&self, serves: Serves) {
        *self.serves.lock().unwrap() = serves;
    }

    fn answered(&self) -> Vec<u16> {
        std::mem::take(&mut *self.answered.lock().unwrap())
    }
}

fn etag(body: &str) -> String {
    format!("\"e{}\"", body.len())
}

fn people(count: usize) -> String {
    let mut text = "id,kind,name\n".to_owned();
    text.extend((0..count).map(|number| format!("{number},person,Boris Tarkhanov {number}\n")));
    text
}

/// A folder of the test's own, empty.
fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("watchkeeper-lists-{}-{name}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn terms(origin: Origin, folder: Option<&Path>) -> Terms {
    Terms {
        name: "test".to_owned(),
        format: Format::Csv,
        origin,
        refresh: "17 * * * *".parse().unwrap(),
        max_age: Some(Duration::from_hours(24)),
        largest_shrink: 0.2,
        folder: folder.map(Path::to_owned),
        patience: Duration::from_secs(5),
    }
}

fn open(terms: &Terms) -> Keeper {
    Keeper::open(terms.clone(), PublishedList::new("test")).unwrap()
}

fn at(hour: u32) -> DateTime<Utc> {
    format!("2026-01-{:02}T{:02}:00:00Z", 1 + hour / 24, hour % 24).parse().unwrap()
}

fn versions(folder: &Path) -> Vec<String> {
    let names =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut versions: Vec<String> = names.filter(|name| name.len() == 16).collect();
    versions.sort();
    versions
}

async fn look(keeper: &mut Keeper, now: DateTime<Utc>) -> Look {
    let reply = keeper.begin(now).ask().await;
    keeper.settle(reply, now)
}

#[tokio::test]
async fn a_list_is_fetched_once_and_only_asked_after_while_it_is_the_same() {
    let server = Server::start(Serves::Whole(people(10))).await;
    let folder = folder("same");
    let mut keeper = open(&terms(Origin::Url(server.url.clone()), Some(&folder)));
    assert_eq!(keeper.published().version(), None, "nothing is known before the first fetch");
    assert!(keeper.standing(at(0)).stale, "what was never fetched is not fresh");
    assert!(keeper.is_due(at(0)));
    let Look::Taken(taken) = look(&mut keeper, at(0)).await else { panic!("taken") };
    assert_eq!((taken.entities, taken.names, taken.taken_at), (10, 10, at(0)));
    assert_eq!(keeper.published().version(), Some(taken.version.clone()));
    assert!(!keeper.is_due(at(0)) && keeper.is_due(at(1)), "by its pattern");
    assert_eq!(look(&mut keeper, at(1)).await, Look::Unchanged);
    assert_eq!(server.answered(), [200, 304]);
    assert_eq!(keeper.standing(at(2)).age_seconds, Some(3600), "since it was last confirmed");
    assert_eq!(versions(&folder), [taken.version]);
}

#[tokio::test]
async fn a_new_version_is_swapped_in_and_is_there_after_a_restart_without_the_source() {
    let server = Server::start(Serves::Whole(people(10))).await;
    let folder = folder("restart");
    let terms = terms(Origin::Url(server.url.clone()), Some(&folder));
    let mut keeper = open(&terms);
    look(&mut keeper, at(0)).await;
    let before = keeper.published().version();
    server.serve(Serves::Whole(people(11)));
    assert!(matches!(look(&mut keeper, at(1)).await, Look::Taken(_)));
    assert_ne!(keeper.published().version(), before);
    server.serve(Serves::Status(500));
    let mut again = open(&terms);
    assert_eq!(again.published().version(), keeper.published().version());
    assert!(matches!(look(&mut again, at(2)).await, Look::Failed(_)));
    assert_eq!(again.published().version(), keeper.published().version());
    for count in 12..18 {
        server.serve(Serves::Whole(people(count)));
        look(&mut again, at(3)).await;
    }
    assert_eq!(versions(&folder).len(), 3, "old versions go");
}

#[tokio::test]
async fn a_source_that_fails_breaks_off_or_is_silent_changes_nothing_and_the_list_becomes_stale() {
    let server = Server::start(Serves::Whole(people(10))).await;
    let folder = folder("fails");
    let mut terms = terms(Origin::Url(server.url.clone()), Some(&folder));
    let mut keeper = open(&terms);
    look(&mut keeper, at(0)).await;
    let version = keeper.published().version();
    terms.patience = Duration::from_millis(300);
    let mut keeper = open(&terms);
    for serves in [Serves::Status(500), Serves::BrokenOff(people(12)), Serves::Silent] {
        server.serve(serves.clone());
        let Look::Failed(reason) = look(&mut keeper, at(1)).await else { panic!("{serves:?}") };
        assert!(reason.contains("/list.csv could not be fetched") && !reason.contains("secret"), "{reason}");
        assert_eq!(keeper.published().version(), version);
    }
    assert!(keeper.standing(at(1)).state.failed.is_some());
    assert!(!keeper.standing(at(24)).stale && keeper.standing(at(25)).stale);
    server.serve(Serves::Whole(people(10)));
    assert_eq!(look(&mut keeper, at(25)).await, Look::Unchanged);
    let standing = keeper.standing(at(25));
    assert!(!standing.stale && standing.state.failed.is_none());
}

#[tokio::test]
async fn a_version_that_cannot_be_read_is_refused_and_nobody_can_accept_it() {
    let server = Server::start(Serves::Whole(people(10))).await;
    let folder = folder("unreadable");
    let mut keeper = open(&terms(Origin::Url(server.url.clone()), Some(&folder)));
    look(&mut keeper, at(0)).await;
    let version = keeper.published().version();
    for body in
        ["<html>sorry</html>\n".to_owned(), format!("{}20,person", people(10)), "id,kind,name\n".to_owned()]
    {
        server.serve(Serves::Whole(body));
        let Look::Refused(refused, true) = look(&mut keeper, at(1)).await else { panic!("refused, and new") };
        assert_eq!(refused.version, None);
        assert!(accept(&folder).unwrap_err().contains("cannot be read"));
        assert_eq!(keeper.published().version(), version);
    }
    // Fetched again, for a mended source counts at once; neither news nor a confirmation.
    assert!(matches!(look(&mut keeper, at(2)).await, Look::Refused(_, false)));
    assert_eq!(keeper.standing(at(2)).age_seconds, Some(7200));
}

#[tokio::test]
async fn a_version_that_lacks_too_much_is_refused_until_somebody_accepts_it() {
    let server = Server::start(Serves::Whole(people(10))).await;
    let folder = folder("shrink");
    let terms = terms(Origin::Url(server.url.clone()), Some(&folder));
    let mut keeper = open(&terms);
    look(&mut keeper, at(0)).await;
    let version = keeper.published().version();
    assert!(accept(&folder).is_err(), "nothing is refused");
    server.serve(Serves::Whole(people(8)));
    assert!(matches!(look(&mut keeper, at(1)).await, Look::Taken(_)), "a fifth may go");
    server.serve(Serves::Whole(people(6)));
    let Look::Refused(refused, true) = look(&mut keeper, at(2)).await else { panic!("refused") };
    assert_eq!(refused.reason, "it lacks 25.0 % of the entities in force, 20 % are allowed");
    assert_eq!(refused.entities, Some(6));
    assert_ne!(keeper.published().version(), version);
    // It stays refused across a restart, and is told once.
    let mut keeper = open(&terms);
    assert!(keeper.standing(at(2)).state.refused.is_some());
    assert_eq!(accept(&folder).unwrap(), refused.version.clone().unwrap());
    keeper.next_look = Some(at(9));
    assert!(keeper.is_due(at(3)), "accepted: at once");
    let Look::Taken(taken) = look(&mut keeper, at(3)).await else { panic!("taken") };
    assert_eq!(Some(taken.version), refused.version);
    assert!(!keeper.is_due(at(3)), "it was taken once");
    assert!(keeper.standing(at(3)).state.refused.is_none() && !folder.join("accepted").exists());
    server.serve(Serves::Whole(people(1)));
    assert!(matches!(look(&mut keeper, at(4)).await, Look::Refused(..)), "what was accepted was one version");
    server.serve(Serves::Whole(people(6)));
    assert_eq!(look(&mut keeper, at(5)).await, Look::Unchanged, "back to what is in force");
    assert!(keeper.standing(at(5)).state.refused.is_none());
}

#[tokio::test]
async fn a_file_of_this_host_is_read_again_when_it_changed_and_is_as_old_as_it_was_written() {
    let folder = folder("path");
    let file = folder.join("people.csv");
    std::fs::write(&file, people(10)).unwrap();
    for kept in [None, Some(folder.join("kept"))] {
        std::fs::write(&file, people(10)).unwrap();
        let mut keeper = open(&terms(Origin::Path(file.clone()), kept.as_deref()));
        let version = keeper.published().version();
        assert!(version.is_some(), "it is there at once");
        assert_eq!(look(&mut keeper, at(0)).await, Look::Unchanged);
        std::fs::write(&file, people(11)).unwrap();
        assert!(matches!(look(&mut keeper, at(1)).await, Look::Taken(_)));
        assert_ne!(keeper.published().version(), version);
        std::fs::write(&file, people(2)).unwrap();
        assert!(matches!(look(&mut keeper, at(2)).await, Look::Refused(_, true)));
        assert_eq!(
            look(&mut keeper, at(3)).await,
            Look::Unchanged,
            "it is not read again while it is the same"
        );
        let written = keeper.standing(at(0)).state.in_force.unwrap().written_at.unwrap();
        assert_eq!(keeper.standing(written + chrono::TimeDelta::hours(2)).age_seconds, Some(7200));
        std::fs::remove_file(&file).unwrap();
        assert!(matches!(look(&mut keeper, at(4)).await, Look::Failed(_)));
        assert!(keeper.published().version().is_some());
        if kept.is_some() {
            let again = open(&terms(Origin::Path(file.clone()), kept.as_deref()));
            assert_eq!(
                again.published().version(),
                keeper.published().version(),
                "what was kept is taken up"
            );
        }
    }
}

#[tokio::test]
async fn another_process_that_keeps_versions_in_the_folder_is_not_disturbed() {
    let server = Server::start(Serves::Whole(people(10))).await;
    let folder = folder("shared");
    // What another process holds, this one cannot lock.
    let lock = std::fs::File::create(folder.join("lock")).unwrap();
    lock.lock().unwrap();
    let mut keeper = open(&terms(Origin::Url(server.url.clone()), Some(&folder)));
    assert!(matches!(look(&mut keeper, at(0)).await, Look::Taken(_)));
    let mut beside = folder.clone().into_os_string();
    beside.push("-2");
    let beside = PathBuf::from(beside);
    assert_eq!((versions(&folder).len(), versions(&beside).len()), (0, 1));
    server.serve(Serves::Whole(people(2)));
    let Look::Refused(refused, true) = look(&mut keeper, at(1)).await else { panic!("refused") };
    assert_eq!(accept(&folder).ok(), refused.version, "accepted for every process that refused it");
    assert!(matches!(look(&mut keeper, at(2)).await, Look::Taken(_)));
    drop((keeper, lock));
    std::fs::remove_dir_all(beside).unwrap();
}

#[tokio::test]
async fn what_could_not_be_kept_is_fetched_again_soon() {
    let server = Server::start(Serves::Whole(people(10))).await;
    let folder = folder("unkept");
    let mut keeper = open(&terms(Origin::Url(server.url.clone()), Some(&folder)));
    let Look::Taken(first) = look(&mut keeper, at(0)).await else { panic!("taken") };
    // A file is where the folder of the next version would be.
    let next = Format::Csv.read_from("test", "list.csv", people(11).as_bytes()).unwrap().version;
    std::fs::write(folder.join(&next), "").unwrap();
    server.serve(Serves::Whole(people(11)));
    let Look::Failed(reason) = look(&mut keeper, at(1)).await else { panic!("failed") };
    assert!(reason.starts_with("the version could not be kept"), "{reason}");
    assert_eq!(keeper.published().version(), Some(first.version));
    assert!(!keeper.is_due(at(1)) && keeper.is_due(at(1) + RETRY), "not at its next time only");
    std::fs::remove_file(folder.join(&next)).unwrap();
    server.answered();
    assert!(matches!(look(&mut keeper, at(1) + RETRY).await, Look::Taken(_)));
    assert_eq!(server.answered(), [200], "it does not count as fetched");
}

#[tokio::test]
async fn what_another_address_said_does_not_count_and_a_first_fetch_is_repeated_sooner() {
    let server = Server::start(Serves::Whole(people(10))).await;
    let folder = folder("moved");
    look(&mut open(&terms(Origin::Url(server.url.clone()), Some(&folder))), at(0)).await;
    server.answered();
    let moved = server.url.replace("list.csv", "moved.csv");
    let mut keeper = open(&terms(Origin::Url(moved), Some(&folder)));
    assert!(keeper.published().version().is_some(), "the version stays in force meanwhile");
    assert_eq!(look(&mut keeper, at(1)).await, Look::Unchanged);
    assert_eq!(server.answered(), [200], "asked for whole");

    server.serve(Serves::Status(503));
    let empty = self::folder("first");
    let mut keeper = open(&terms(Origin::Url(server.url.clone()), Some(&empty)));
    assert!(matches!(look(&mut keeper, at(2)).await, Look::Failed(_)));
    assert!(!keeper.is_due(at(2)) && keeper.is_due(at(2) + FIRST_RETRY));
}

#[tokio::test]
async fn a_list_of_several_files_is_fetched_whole_when_one_is_new() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/exports/", listener.local_addr().unwrap());
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let told = Arc::clone(&asked);
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move {
        let mut sdn = 0;
        while let Ok((mut connection, _)) = listener.accept().await {
            let mut request = vec![0; 4096];
            let length = connection.read(&mut request).await.unwrap_or(0);
            let request = String::from_utf8_lossy(&request[..length]).to_lowercase();
            let file = request.split([' ', '/']).find(|part| part.strip_suffix(".csv").is_some()).unwrap_or_default().to_owned();
            let body = match file.as_str() {
                "sdn.csv" => {
                    sdn += 1;
                    // Another one each time it is asked for.
                    format!("7,\"DOE, Jane{sdn}\",\"individual\",\"X\",-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- \r\n")
                }
                "alt.csv" => "7,1,\"aka\",\"ROE, Jane\",-0- \r\n".to_owned(),
                _ => "\x1a".to_owned(),
            };
            let is_same = request.contains(&format!("if-none-match: \"{file}\"")) && file != "sdn.csv";
            let (status, body) = if is_same { (304, String::new()) } else { (200, body) };
            told.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{file} {status}"));
            let answer = format!("HTTP/1.1 {status} X\r\nETag: \"{file}\"\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
            let _ = connection.write_all(answer.as_bytes()).await;
        }
    });
    let folder = folder("several");
    let mut keeper = open(&Terms { format: Format::OfacCsv, ..terms(Origin::Url(url), Some(&folder)) });
    let Look::Taken(first) = look(&mut keeper, at(0)).await else { panic!("taken") };
    assert_eq!((first.entities, first.names), (1, 2));
    asked.lock().unwrap().clear();
    let Look::Taken(second) = look(&mut keeper, at(1)).await else { panic!("taken") };
    assert_eq!(second.names, 2, "the aliases are there though they did not change");
    let asked = asked.lock().unwrap().join(", ");
    assert!(asked.starts_with("sdn.csv 200, alt.csv 304") && asked.contains("alt.csv 200"), "{asked}");
}
