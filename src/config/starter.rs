//! The configuration that `watchkeeper init` writes: short, complete, and at work at once.

use std::path::Path;

/// What the starter configuration is made for.
#[derive(Clone, Copy, Debug)]
pub struct Starter<'a> {
    /// The folder of OFAC's CSV files.
    pub ofac_folder: &'a Path,
    /// The id of the first master key: small letters, digits and dashes.
    pub master_key_id: &'a str,
    /// The file of the first master key.
    pub master_key_file: &'a Path,
}

/// Writes the starter configuration: OFAC's list, and one schedule each for individuals and businesses.
///
/// Relative paths in it start from the folder in which it is put.
pub fn starter(starter: Starter<'_>) -> String {
    let quoted = |text: &str| toml::Value::from(text).to_string();
    TEXT.replace("@OFAC@", &quoted(&starter.ofac_folder.to_string_lossy()))
        .replace("@KEY@", &quoted(starter.master_key_id))
        .replace("@KEY-FILE@", &quoted(&starter.master_key_file.to_string_lossy()))
}

const TEXT: &str = r#"# Watchkeeper's configuration: what differs from the defaults. config/default.toml is the reference of
# every key. Relative paths start from the folder of this file; conf.d/*.toml beside it is laid over it.

# The database is given in the environment: DATABASE_URL=postgres://watchkeeper@localhost/watchkeeper

[vault]
current = @KEY@

[[vault.master-keys]]
id = @KEY@
file = @KEY-FILE@

# The watchlist, as OFAC publishes it: sdn.csv, alt.csv, add.csv and sdn_comments.csv.
[lists.ofac]
format = "ofac-csv"
folder = @OFAC@

[providers.local]
kind = "local"
lists = ["ofac"]

[report-templates.watchlist]
type = "watchlist"
provider = "local"

[report-templates.business-watchlist]
type = "business-watchlist"
provider = "local"

# Every individual once a day, each at a lasting place within the day. A match tags the account and puts
# it under review; a clear report takes back what the match did, and nothing that a person has done.
[schedules.individuals]
template = "watchlist"
every = "1d"
accounts = { types = ["individual"], statuses = ["active", "under-review"] }
on-match = { tags = ["watchlist-match"], status = "under-review", status-from = ["active"] }
on-clear = { status = "active" }

[schedules.businesses]
template = "business-watchlist"
every = "1d"
accounts = { types = ["business"], statuses = ["active", "under-review"] }
on-match = { tags = ["watchlist-match"], status = "under-review", status-from = ["active"] }
on-clear = { status = "active" }

# A provider behind HTTP, here a yente server, at most 20 calls a second from all processes together.
#[providers.yente]
#kind = "http"
#url = "http://127.0.0.1:8000/match/sanctions"
#headers = { Authorization = { file = "secrets/yente" } }
#kind-words = { person = "Person", organisation = "Company" }
#body = { queries = { subject = { schema = "{{kind}}", properties = { name = "{{names}}", birthDate = "{{birth_date}}", country = "{{countries}}" } } } }
#rate-per-second = 20
#[providers.yente.answer]
#hits = "/responses/subject/results"
#entity = "/id"
#list = "/datasets/0"
#name = "/caption"
#score = "/score"
#matched = "/match"
#facts = ["/properties"]
#[report-templates.sanctions]
#type = "watchlist"
#provider = "yente"

# At a time of day: at half past two in Berlin, spread over two hours.
#[schedules.nightly]
#template = "sanctions"
#cron = "30 2 * * *"
#time-zone = "Europe/Berlin"
#spread = "2h"
#accounts = { types = ["individual"], fields = { country_code = ["DE", "AT"] } }

# How long personal data is kept; without this nothing is redacted by itself. Here as EU law on money laundering has it:
# kept for five years from the end of the relationship (the account is archived), and redacted then.
#[[retention]]
#name = "aml-minimum"
#object = "account"
#rule = "keep"
#period = "5y"
#from = "end-of-relationship"
#[[retention]]
#name = "aml-maximum"
#object = "account"
#rule = "redact"
#period = "5y"
#from = "end-of-relationship"
"#;
