//! Fetching published files, such as a watchlist's.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use super::client;

/// Where OFAC publishes the files of its SDN list.
pub const OFAC: &str = "https://sanctionslistservice.ofac.treas.gov/api/PublicationPreview/exports";

/// The files of OFAC's list: as published, and as we keep them.
pub const OFAC_FILES: [(&str, &str); 4] = [
    ("SDN.CSV", "sdn.csv"),
    ("ALT.CSV", "alt.csv"),
    ("ADD.CSV", "add.csv"),
    ("SDN_COMMENTS.CSV", "sdn_comments.csv"),
];

/// The largest file that is taken: 256 MiB.
const LARGEST: usize = 256 * 1024 * 1024;

/// Why a file could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// It could not be asked for, or the answer broke off.
    #[error("{file} could not be fetched")]
    Fetch {
        /// The file.
        file: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// It is larger than any such file.
    #[error("{file} is larger than 256 MiB")]
    TooLarge {
        /// The file.
        file: String,
    },
    /// It could not be written.
    #[error("{file} could not be written")]
    Write {
        /// The file.
        file: String,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Fetches `files` from `base` into `folder`. All of them or none: files already there are replaced
/// only when every new one is whole.
pub async fn fetch(base: &str, files: &[(&str, &str)], folder: &Path) -> Result<(), DownloadError> {
    let mut fetched: Vec<(PathBuf, Vec<u8>)> = Vec::with_capacity(files.len());
    for (published, kept) in files {
        let failed = |source| DownloadError::Fetch { file: (*published).to_owned(), source };
        let client =
            client::for_downloads(Duration::from_secs(10), Duration::from_mins(5)).map_err(failed)?;
        let answer = client
            .get(format!("{base}/{published}"))
            .send()
            .await
            .and_then(reqwest::Response::error_for_status);
        let mut answer = answer.map_err(failed)?;
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > LARGEST {
                return Err(DownloadError::TooLarge { file: (*published).to_owned() });
            }
            body.extend_from_slice(&chunk);
        }
        fetched.push((folder.join(kept), body));
    }
    let failed = |path: &Path, source| DownloadError::Write { file: path.display().to_string(), source };
    tokio::fs::create_dir_all(folder).await.map_err(|source| failed(folder, source))?;
    for (path, body) in &fetched {
        let part = path.with_extension("part");
        tokio::fs::write(&part, body).await.map_err(|source| failed(&part, source))?;
    }
    for (path, _) in &fetched {
        tokio::fs::rename(path.with_extension("part"), path).await.map_err(|source| failed(path, source))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    const FILES: [(&str, &str); 2] = [("ONE.CSV", "one.csv"), ("TWO.CSV", "two.csv")];

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
            if request.starts_with("GET /ONE.CSV ") {
                "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\none"
            } else {
                "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\ntwo"
            }
        })
        .await;
        let folder = folder("whole");
        std::fs::write(folder.join("one.csv"), "old").unwrap();
        fetch(&base, &FILES, &folder).await.unwrap();
        assert_eq!(std::fs::read_to_string(folder.join("one.csv")).unwrap(), "one");
        assert_eq!(std::fs::read_to_string(folder.join("two.csv")).unwrap(), "two");
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[tokio::test]
    async fn when_one_file_breaks_off_no_file_is_replaced() {
        let (base, _server) = serve(|request| {
            if request.starts_with("GET /ONE.CSV ") {
                "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\none"
            } else {
                "HTTP/1.1 200 OK\r\nContent-Length: 300\r\nConnection: close\r\n\r\ntw"
            }
        })
        .await;
        let folder = folder("broken");
        std::fs::write(folder.join("one.csv"), "old").unwrap();
        let error = fetch(&base, &FILES, &folder).await.unwrap_err();
        assert_eq!(error.to_string(), "TWO.CSV could not be fetched");
        assert_eq!(std::fs::read_to_string(folder.join("one.csv")).unwrap(), "old");
        assert!(!folder.join("two.csv").exists());
        std::fs::remove_dir_all(folder).unwrap();
    }
}
