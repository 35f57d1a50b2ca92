//! Import of a file of new accounts.

use std::{
    fs::{self, File},
    path::PathBuf,
    time::Instant,
};

use watchkeeper::{
    actions::import::{self, ImportOptions},
    app::demo::people,
};

use super::{Failure, Report, Sizes, forget_peak, peak, seed::Bench};

const COLUMNS: [&str; 9] = [
    "reference_id",
    "type",
    "name_first",
    "name_last",
    "business_name",
    "birthdate",
    "country_code",
    "registration_number",
    "tags",
];

pub(crate) async fn measure(bench: &Bench, sizes: &Sizes, report: &mut Report) -> Result<(), Failure> {
    let file = file(bench, sizes.import)?;
    bench.settle().await?;
    let types: Vec<_> = bench.applied.types.values().cloned().collect();
    forget_peak();
    let began = Instant::now();
    let imported = import::import(
        &bench.context,
        &types,
        &ImportOptions::default(),
        "the benchmark's file",
        File::open(&file)?,
        &mut (),
    )
    .await?;
    let took = began.elapsed();
    // Nobody is there to enrol them.
    sqlx::query("truncate enrol_queue").execute(&mut bench.patient().await?).await?;
    fs::remove_file(&file)?;
    if imported.rejected > 0 || imported.created != sizes.import as u64 {
        return Err(format!("{} of {} rows were taken", imported.created, sizes.import).into());
    }
    report.add("import: rows", sizes.import, took, &peak());
    Ok(())
}

/// A file beside the others of the system that may go: memory is that of the import alone.
fn file(bench: &Bench, count: usize) -> Result<PathBuf, Failure> {
    // A name of its own for every time, so that every row is new.
    let time = bench.context.now().timestamp_millis();
    let path = std::env::temp_dir().join(format!("watchkeeper-bench-{time}.csv"));
    let mut writer = csv::Writer::from_path(&path)?;
    writer.write_record(COLUMNS)?;
    for account in people::generate(count, 1, &[]) {
        let text = |key: &str| account.fields.get(key).and_then(|value| value.as_str()).unwrap_or_default();
        let part = |part: &str| {
            let name = account.fields.get("name").and_then(|name| name.get(part));
            name.and_then(|value| value.as_str()).unwrap_or_default()
        };
        writer.write_record([
            &format!("{time}-{}", account.reference_id),
            account.account_type,
            part("first"),
            part("last"),
            text("business_name"),
            text("birthdate"),
            text("country_code"),
            text("registration_number"),
            &account.tags.join(";"),
        ])?;
    }
    writer.flush()?;
    Ok(path)
}
