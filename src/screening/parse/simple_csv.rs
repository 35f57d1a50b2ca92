//! `OpenSanctions`' `targets.simple.csv`: one row an entity, several values divided by `;`.

use std::io::BufRead;

use super::{
    ListError, Reading, ftm,
    table::{self, Shape},
};
use crate::screening::list::{ListEntity, NameQuality, NameUse};

const SHAPE: Shape = Shape {
    needed: &["id", "schema", "name"],
    known: &[
        "aliases",
        "birth_date",
        "countries",
        "addresses",
        "identifiers",
        "sanctions",
        "phones",
        "emails",
        "program_ids",
        "dataset",
        "first_seen",
        "last_seen",
        "last_change",
    ],
    ends_its_last_line: true,
};

pub(super) fn read(input: &mut impl BufRead, reading: &mut Reading) -> Result<(), ListError> {
    table::each(input, reading, &SHAPE, |row, reading| {
        let id = row.get("id");
        if id.is_empty() {
            return reading.broken(row.line, "it has no id");
        }
        let Some(kind) = ftm::kind(row.get("schema")) else {
            return reading.faults.unknown(&format!("schema {}", row.get("schema")));
        };
        let mut entity = ListEntity::new(format!("{}{id}", ftm::PREFIX), kind);
        entity.add_name(row.get("name"), NameQuality::Primary, NameUse::Current);
        for alias in row.several_quoted("aliases") {
            entity.add_name(&alias, NameQuality::Strong, NameUse::Current);
        }
        for date in row.several_quoted("birth_date") {
            reading.birth_date(&mut entity, &date, false);
        }
        for code in row.several_quoted("countries") {
            entity.countries.extend(reading.country(&code));
        }
        entity.addresses.extend(row.several_quoted("addresses"));
        for number in row.several_quoted("identifiers") {
            entity.documents.extend(reading.document("", &number, ""));
        }
        let programs = if row.get("program_ids").is_empty() { "sanctions" } else { "program_ids" };
        entity.programs.extend(row.several_quoted(programs));
        entity.source = Some(ftm::source(id));
        row.get("sanctions").clone_into(&mut entity.remarks);
        reading.add(entity, row.line);
    })
}
