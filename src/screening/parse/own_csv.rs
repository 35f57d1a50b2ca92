//! Our own form: CSV with the columns `id`, `kind`, `name`, and as many of the others as there is something
//! for. Several values of a column are divided by `;`.

use std::io::BufRead;

use super::{
    ListError, Reading,
    table::{self, Shape},
};
use crate::screening::list::{EntityKind, Gender, ListEntity, NameQuality, NameUse};

const SHAPE: Shape = Shape {
    needed: &["id", "kind", "name"],
    known: &[
        "aliases",
        "weak-aliases",
        "former-names",
        "birth-dates",
        "countries",
        "nationalities",
        "gender",
        "documents",
        "addresses",
        "programs",
        "topics",
        "source",
        "remarks",
        "former-ids",
    ],
    // Written by people, whose editors may leave the last line open.
    ends_its_last_line: false,
};

pub(super) fn read(list: &str, input: &mut impl BufRead, reading: &mut Reading) -> Result<(), ListError> {
    let id_of = |id: &str| format!("{list}:{id}");
    table::each(input, reading, &SHAPE, |row, reading| {
        let id = row.get("id");
        if id.is_empty() {
            return reading.broken(row.line, "it has no id");
        }
        let kind = match row.get("kind").to_lowercase().as_str() {
            "individual" | "person" => EntityKind::Individual,
            "entity" | "organisation" | "organization" | "company" => EntityKind::Entity,
            "vessel" => EntityKind::Vessel,
            "aircraft" => EntityKind::Aircraft,
            _ => {
                reading.faults.kinds += 1;
                EntityKind::Entity
            }
        };
        let mut entity = ListEntity::new(id_of(id), kind);
        entity.add_name(row.get("name"), NameQuality::Primary, NameUse::Current);
        for (column, quality, usage) in [
            ("aliases", NameQuality::Strong, NameUse::Current),
            ("former-names", NameQuality::Strong, NameUse::Former),
            ("weak-aliases", NameQuality::Weak, NameUse::Current),
        ] {
            for name in row.several(column) {
                entity.add_name(name, quality, usage);
            }
        }
        for date in row.several("birth-dates") {
            reading.birth_date(&mut entity, date, false);
        }
        entity.countries.extend(row.several("countries").filter_map(|text| reading.country(text)));
        entity.nationalities.extend(row.several("nationalities").filter_map(|text| reading.country(text)));
        if !row.get("gender").is_empty() {
            entity.gender = Gender::from_word(row.get("gender"));
            if entity.gender.is_none() {
                reading.faults.unknown("gender");
            }
        }
        for document in row.several("documents") {
            let mut parts = document.splitn(3, ':');
            let mut next = || parts.next().unwrap_or_default();
            let (kind, number, country) = (next(), next(), next());
            match reading.document(kind, number, country) {
                Some(document) => entity.documents.push(document),
                None => reading.faults.unknown("document without a number"),
            }
        }
        entity.addresses.extend(row.several("addresses").map(str::to_owned));
        entity.programs.extend(row.several("programs").map(str::to_owned));
        entity.topics.extend(row.several("topics").map(str::to_owned));
        entity.former_ids.extend(row.several("former-ids").map(id_of));
        entity.source = Some(row.get("source")).filter(|url| !url.is_empty()).map(str::to_owned);
        row.get("remarks").clone_into(&mut entity.remarks);
        reading.add(entity, row.line);
    })
}
