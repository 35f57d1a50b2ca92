//! The file, `conf.d` beside it, and systemd's credentials.

use std::fs;

use super::*;

/// A folder of the test's own, removed when it is done.
struct Folder(PathBuf);

impl Folder {
    fn with(name: &str, files: &[(&str, &str)]) -> Self {
        let folder = std::env::temp_dir().join(format!("watchkeeper-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        for (file, text) in files {
            let path = folder.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Self(folder)
    }

    fn load(&self, environment: &[(&str, &str)]) -> Result<Settings, Faults> {
        load(Some(&self.0.join("wk.toml")), pairs(environment))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const KEY: &str = "[vault]\ncurrent = 'a'\nmaster-keys = [{ id = 'a', file = 'credential:master-key' }]";

#[test]
fn the_files_of_conf_d_are_laid_over_the_file_by_name() {
    let folder = Folder::with(
        "conf-d",
        &[
            ("wk.toml", "[engine]\nclaim-batch = 1\nrecord-batch = 1\nmax-attempts = 1"),
            ("conf.d/20-b.toml", "[engine]\nclaim-batch = 3"),
            ("conf.d/10-a.toml", "[engine]\nclaim-batch = 2\nrecord-batch = 2"),
            ("conf.d/.30-c.toml", "not toml"),
            ("conf.d/40-d.toml.bak", "not toml"),
            ("conf.d/lists.toml", "[lists.ofac]\nformat = 'ofac-csv'\nfolder = 'ofac'"),
        ],
    );
    let settings = folder.load(&[]).unwrap();
    let engine = &settings.engine;
    assert_eq!((engine.claim_batch, engine.record_batch, engine.max_attempts), (3, 2, 1));
    assert_eq!(settings.lists["ofac"].folder, Some(folder.0.join("ofac")), "from the file's folder");
    let files: Vec<_> = settings.files.iter().map(|file| file.file_name().unwrap()).collect();
    assert_eq!(files, ["wk.toml", "10-a.toml", "20-b.toml", "lists.toml"]);
    let settings = folder.load(&[("WATCHKEEPER__ENGINE__CLAIM_BATCH", "4")]).unwrap();
    assert_eq!(settings.engine.claim_batch, 4);
}

#[test]
fn faults_of_all_files_are_named_at_once_each_with_its_file_and_line() {
    let folder = Folder::with(
        "conf-d-faults",
        &[
            ("wk.toml", "[engine]\nclaim-batch = 0"),
            ("conf.d/a.toml", "[http]\n\nlisten = 'here'"),
            ("conf.d/b.toml", "[engine]\nspeed = 1"),
        ],
    );
    let texts = |folder: &Folder| {
        let faults = folder.load(&[]).unwrap_err();
        let place = format!("{}/", folder.0.display());
        faults.iter().map(|fault| fault.to_string().replace(&place, "")).collect::<Vec<_>>()
    };
    let found = texts(&folder);
    assert_eq!(found.len(), 3, "{found:?}");
    for (fault, begins) in found.iter().zip([
        "conf.d/a.toml:3: http.listen: ",
        "conf.d/b.toml:2: engine.speed: ",
        "wk.toml:2: engine.claim-batch: ",
    ]) {
        assert!(fault.starts_with(begins), "{fault}");
    }

    let folder = Folder::with(
        "conf-d-no-toml",
        &[("wk.toml", "="), ("conf.d/a.toml", "="), ("conf.d/b.toml/c", ""), ("conf.d/c.toml", "[engine]")],
    );
    let found = texts(&folder);
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found[0].starts_with("conf.d/a.toml:1: is not TOML"), "{found:?}");
    assert!(found[1].starts_with("conf.d/b.toml: cannot be read"), "{found:?}");
    assert!(found[2].starts_with("wk.toml:1: is not TOML"), "{found:?}");
}

#[test]
fn credentials_give_the_database_and_stand_for_files_of_secrets() {
    let file = format!("[database]\nurl = 'postgres://file/d'\n{KEY}");
    let folder = Folder::with(
        "credentials",
        &[
            ("wk.toml", &file),
            ("given/database-url", "postgres://u:hunter2@h/d\n"),
            ("given/master-key", "x"),
        ],
    );
    let given = folder.0.join("given").display().to_string();
    let settings = folder.load(&[("CREDENTIALS_DIRECTORY", &given)]).unwrap();
    assert_eq!(settings.database.url.as_ref().unwrap().reveal(), "postgres://u:hunter2@h/d");
    assert_eq!(settings.vault.master_keys["a"].path(), folder.0.join("given/master-key"));
    assert!(!settings.published().to_string().contains("master-key"), "where keys lie is each host's own");

    let environment =
        [("CREDENTIALS_DIRECTORY", given.as_str()), ("DATABASE_URL", "postgres://environment/d")];
    let settings = folder.load(&environment).unwrap();
    assert_eq!(settings.database.url.unwrap().reveal(), "postgres://environment/d");
}

#[test]
fn processes_with_other_folders_of_credentials_have_the_same_settings() {
    let digest = |folder| load_with(KEY, &[("CREDENTIALS_DIRECTORY", folder)]).unwrap().digest();
    assert_eq!(digest("/run/credentials/a@1.service"), digest("/run/credentials/a@2.service"));
}

#[test]
fn a_credential_that_cannot_be_had_is_a_fault() {
    let faults = load_with(KEY, &[]).unwrap_err().to_string();
    assert_eq!(
        faults,
        "etc/wk.toml:3: vault.master-keys[0].file: there are no credentials: CREDENTIALS_DIRECTORY is not set, \
         which systemd sets for units with LoadCredential=master-key, found \"credential:master-key\""
    );
    let faults = load_with(&KEY.replace("master-key'", "../key'"), &[("CREDENTIALS_DIRECTORY", "/x")]);
    assert!(faults.unwrap_err().to_string().contains("accepted are names of credentials"));

    let folder =
        Folder::with("credentials-url", &[("wk.toml", ""), ("given/database-url", "mysql://u:hunter2@h")]);
    let given = folder.0.join("given").display().to_string();
    let faults = folder.load(&[("CREDENTIALS_DIRECTORY", &given)]).unwrap_err().to_string();
    assert_eq!(
        faults,
        "credential database-url: database.url: accepted is a URL that starts with postgres://"
    );
}
