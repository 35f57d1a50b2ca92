//! The EU's consolidated list of financial sanctions, `xmlFullSanctionsList` 1.1.
//!
//! `<export>` holds `<sanctionEntity>`; what it says is in attributes. Country code `00` means unknown.

use std::io::BufRead;

use super::{
    ListError, Reading, joined,
    xml::{self, Element},
};
use crate::screening::list::{EntityKind, Gender, ListEntity, NameQuality, NameUse};

const KNOWN: &[&str] = &[
    "remark",
    "regulation",
    "subjectType",
    "nameAlias",
    "citizenship",
    "birthdate",
    "address",
    "identification",
];

pub(super) fn read(input: &mut impl BufRead, reading: &mut Reading) -> Result<(), ListError> {
    xml::each(input, reading, "export", &["sanctionEntity"], entry)
}

fn entry(element: &Element, number: u64, reading: &mut Reading) {
    element.count_unknown(KNOWN, reading);
    let ids = [element.attribute("euReferenceNumber"), element.attribute("logicalId")];
    let Some(id) = ids.into_iter().find(|id| !id.is_empty()) else {
        return reading.broken(number, "it has neither euReferenceNumber nor logicalId");
    };
    let subject = element.all("subjectType").next();
    let kind = match subject.map_or("", |subject| subject.attribute("code")) {
        "person" => EntityKind::Individual,
        "enterprise" | "entity" => EntityKind::Entity,
        _ => {
            reading.faults.kinds += 1;
            EntityKind::Entity
        }
    };
    let mut entity = ListEntity::new(format!("eu:{id}"), kind);
    for child in element.children() {
        match child.name.as_str() {
            "nameAlias" => name(child, &mut entity, reading),
            "citizenship" => {
                entity.nationalities.extend(country(child, reading));
            }
            "birthdate" => birth(child, &mut entity, reading),
            "address" => address(child, &mut entity, reading),
            "identification" => {
                let described = child.attribute("identificationTypeDescription");
                let kind =
                    if described.is_empty() { child.attribute("identificationTypeCode") } else { described };
                let numbers = [child.attribute("number"), child.attribute("latinNumber")];
                let number = numbers.into_iter().find(|number| !number.is_empty()).unwrap_or_default();
                if let Some(mut document) = reading.document(kind, number, "") {
                    document.country = country(child, reading);
                    entity.documents.push(document);
                }
            }
            "regulation" => {
                let program = child.attribute("programme");
                if !program.is_empty() {
                    entity.programs.push(program.to_owned());
                }
                if let Some(url) = child.texts("publicationUrl").next() {
                    entity.source = Some(url.to_owned());
                }
            }
            _ => {}
        }
    }
    entity.topics.push("sanction".to_owned());
    entity.remarks = joined(element.texts("remark"), "; ");
    reading.add(entity, number);
}

fn name(element: &Element, entity: &mut ListEntity, reading: &mut Reading) {
    let parts = ["firstName", "middleName", "lastName"].map(|part| element.attribute(part));
    let whole = element.attribute("wholeName");
    let text = if whole.is_empty() { joined(parts, " ") } else { whole.to_owned() };
    let is_weak = element.attribute("strong") == "false";
    let quality = match (is_weak, entity.names.is_empty()) {
        (true, _) => NameQuality::Weak,
        (false, true) => NameQuality::Primary,
        (false, false) => NameQuality::Strong,
    };
    entity.add_name(&text, quality, NameUse::Current);
    match element.attribute("gender") {
        "" => {}
        word => match Gender::from_word(word) {
            Some(gender) => entity.gender = Some(gender),
            None => reading.faults.unknown("gender"),
        },
    }
}

fn country(element: &Element, reading: &mut Reading) -> Option<String> {
    match element.attribute("countryIso2Code") {
        "" => reading.country(element.attribute("countryDescription")),
        "00" => None,
        code => reading.country(code),
    }
}

fn birth(element: &Element, entity: &mut ListEntity, reading: &mut Reading) {
    let about = element.attribute("circa") == "true";
    if !["GREGORIAN", ""].contains(&element.attribute("calendarType")) {
        reading.faults.dates += 1;
        return;
    }
    let (from, to) = (element.attribute("yearRangeFrom"), element.attribute("yearRangeTo"));
    let whole = element.attribute("birthdate");
    let (year, month) = (element.attribute("year"), element.attribute("monthOfYear"));
    let text = if !whole.is_empty() {
        whole.to_owned()
    } else if !from.is_empty() && !to.is_empty() {
        format!("{from} to {to}")
    } else if !month.is_empty() && !year.is_empty() {
        format!("{year}-{month}")
    } else if year.is_empty() && from.is_empty() && to.is_empty() {
        // A day or a month without a year is no date that could be compared.
        let parts = [month, element.attribute("dayOfMonth")];
        reading.faults.dates += usize::from(parts.iter().any(|part| !part.is_empty()));
        return;
    } else {
        [year, from, to].into_iter().find(|year| !year.is_empty()).unwrap_or_default().to_owned()
    };
    reading.birth_date(entity, &text, about);
}

fn address(element: &Element, entity: &mut ListEntity, reading: &mut Reading) {
    let parts = ["street", "poBox", "city", "place", "region", "zipCode"];
    let mut parts: Vec<&str> = parts.map(|part| element.attribute(part)).to_vec();
    if element.attribute("countryIso2Code") != "00" {
        parts.push(element.attribute("countryDescription"));
    }
    let address = joined(parts, ", ");
    if !address.is_empty() {
        entity.addresses.push(address);
    }
    entity.countries.extend(country(element, reading));
}
