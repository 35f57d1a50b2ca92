//! Fetching published files, such as a watchlist's.

use std::{path::Path, time::Duration};

use super::lists::{FetchError, fetch_all};
use crate::screening::parse::Format;

/// Where OFAC publishes the files of its SDN list.
pub const OFAC: &str = "https://sanctionslistservice.ofac.treas.gov/api/PublicationPreview/exports";

/// Fetches the files of OFAC's list from `base` into `folder`. All of them or none: files already there are replaced only
/// when every new one is whole.
pub async fn fetch(base: &str, folder: &Path) -> Result<(), FetchError> {
    let format = Format::OfacCsv;
    let incoming = folder.join("incoming");
    fetch_all(base, format, &incoming, PATIENCE).await?;
    for (_, kept) in format.files().unwrap_or_default() {
        let path = folder.join(kept);
        let moved = tokio::fs::rename(incoming.join(kept), &path).await;
        moved.map_err(|source| FetchError::Write { path: path.display().to_string(), source })?;
    }
    let gone = tokio::fs::remove_dir(&incoming).await;
    gone.map_err(|source| FetchError::Write { path: incoming.display().to_string(), source })
}

/// How long a file may take.
const PATIENCE: Duration = Duration::from_mins(5);

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use std::path::PathBuf;

    use super::*;

    /// Answers one connection after the other with what `answer` says of its request line.
    async fn serve(answer: fn(&str) -> &'static str) -> (String, tokio::task::JoinSet<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let mut server = tokio::task::JoinSet::new();
        server.spawn(async move {
            while let Ok((mut connection, _)) = listener.accept().await {
                let mut request = [0; 1024];
                let length = connection.read(&mut request).await.unwrap_or(0);
                let request = String::from_utf8_lossy(&request[..length]).into_owned();
                let _ = connection.write_all(answer(&request).as_bytes()).await;
            }
        });
        (base, server)
    }

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("watchkeeper-download-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[tokio::test]
    async fn whole_files_take_the_places_of_old_ones() {
        let (base, _server) = serve(|request| {
            if request.starts_with("GET /ALT.CSV ") {
                "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\ntwo"
            } else {
                "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\none"
            }
        })
        .await;
        let folder = folder("whole");
        std::fs::write(folder.join("sdn.csv"), "old").unwrap();
        fetch(&base, &folder).await.unwrap();
        assert_eq!(std::fs::read_to_string(folder.join("sdn.csv")).unwrap(), "one");
        assert_eq!(std::fs::read_to_string(folder.join("alt.csv")).unwrap(), "two");
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[tokio::test]
    async fn when_one_file_breaks_off_no_file_is_replaced() {
        let (base, _server) = serve(|request| {
            if request.starts_with("GET /ALT.CSV ") {
                "HTTP/1.1 200 OK\r\nContent-Length: 300\r\nConnection: close\r\n\r\ntw"
            } else {
                "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\none"
            }
        })
        .await;
        let folder = folder("broken");
        std::fs::write(folder.join("sdn.csv"), "old").unwrap();
        let error = fetch(&base, &folder).await.unwrap_err();
        assert_eq!(error.to_string(), format!("{base}/ALT.CSV could not be fetched"));
        assert_eq!(std::fs::read_to_string(folder.join("sdn.csv")).unwrap(), "old");
        assert!(!folder.join("alt.csv").exists());
        std::fs::remove_dir_all(folder).unwrap();
    }
}
