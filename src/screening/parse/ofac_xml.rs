//! OFAC's `sdn.xml` and `consolidated.xml`, in the classic form: `<sdnList>` holds `<sdnEntry>`.

use std::io::BufRead;

use super::{
    ListError, Reading, joined,
    xml::{self, Element},
};
use crate::screening::list::{EntityKind, Gender, ListEntity, NameQuality, NameUse};

const KNOWN: &[&str] = &[
    "uid",
    "firstName",
    "lastName",
    "title",
    "sdnType",
    "remarks",
    "programList",
    "idList",
    "akaList",
    "addressList",
    "nationalityList",
    "citizenshipList",
    "dateOfBirthList",
    "placeOfBirthList",
    "vesselInfo",
];

pub(super) fn read(input: &mut impl BufRead, reading: &mut Reading) -> Result<(), ListError> {
    let mut told: Option<u64> = None;
    let mut seen = 0;
    xml::each(input, reading, "sdnList", &["sdnEntry", "publshInformation"], |element, number, reading| {
        if element.name == "publshInformation" {
            told = element.text_of("Record_Count").replace(',', "").parse().ok();
        } else {
            seen += 1;
            entry(element, number, reading);
        }
    })?;
    match told {
        Some(told) if told > seen => {
            Err(reading.truncated(format!("it says that it has {told} entries, and has {seen}")))
        }
        _ => Ok(()),
    }
}

fn entry(element: &Element, number: u64, reading: &mut Reading) {
    element.count_unknown(KNOWN, reading);
    let id = element.text_of("uid");
    if id.is_empty() {
        return reading.broken(number, "it has no uid");
    }
    let kind = match element.text_of("sdnType") {
        "Individual" => EntityKind::Individual,
        "Entity" => EntityKind::Entity,
        "Vessel" => EntityKind::Vessel,
        "Aircraft" => EntityKind::Aircraft,
        _ => {
            reading.faults.kinds += 1;
            EntityKind::Entity
        }
    };
    let mut entity = ListEntity::new(format!("ofac:{id}"), kind);
    entity.add_name(&name(element), NameQuality::Primary, NameUse::Current);
    for list in element.children() {
        for item in list.children() {
            match list.name.as_str() {
                "programList" => entity.programs.push(item.text().to_owned()),
                "akaList" => alias(item, &mut entity, reading),
                "addressList" => address(item, &mut entity, reading),
                "nationalityList" | "citizenshipList" => {
                    entity.nationalities.extend(reading.country(item.text_of("country")));
                }
                "dateOfBirthList" => reading.birth_date(&mut entity, item.text_of("dateOfBirth"), false),
                "idList" => document(item, &mut entity, reading),
                "vesselInfo" if item.name == "vesselFlag" => {
                    entity.countries.extend(reading.country(item.text()));
                }
                "vesselInfo" if item.name == "callSign" => {
                    entity.documents.extend(reading.document("Call Sign", item.text(), ""));
                }
                _ => {}
            }
        }
    }
    entity.topics.push("sanction".to_owned());
    entity.source = Some(source(id));
    entity.remarks = joined([element.text_of("title"), element.text_of("remarks")], "; ");
    reading.add(entity, number);
}

/// The page of an entry.
pub(in crate::screening) fn source(id: &str) -> String {
    format!("https://sanctionssearch.ofac.treas.gov/Details.aspx?id={id}")
}

fn name(element: &Element) -> String {
    joined([element.text_of("firstName"), element.text_of("lastName")], " ")
}

fn alias(element: &Element, entity: &mut ListEntity, reading: &mut Reading) {
    let quality = match element.text_of("category") {
        "weak" => NameQuality::Weak,
        "strong" | "" => NameQuality::Strong,
        _ => {
            reading.faults.unknown("alias category");
            NameQuality::Strong
        }
    };
    let usage = match element.text_of("type") {
        "f.k.a." => NameUse::Former,
        "a.k.a." | "n.k.a." | "" => NameUse::Current,
        _ => {
            reading.faults.unknown("alias type");
            NameUse::Current
        }
    };
    entity.add_name(&name(element), quality, usage);
}

fn address(element: &Element, entity: &mut ListEntity, reading: &mut Reading) {
    let parts = ["address1", "address2", "address3", "city", "stateOrProvince", "postalCode", "country"];
    let address = joined(parts.map(|part| element.text_of(part)), ", ");
    if !address.is_empty() {
        entity.addresses.push(address);
    }
    entity.countries.extend(reading.country(element.text_of("country")));
}

fn document(element: &Element, entity: &mut ListEntity, reading: &mut Reading) {
    let (kind, number) = (element.text_of("idType"), element.text_of("idNumber"));
    match kind {
        "Gender" => match Gender::from_word(number) {
            Some(gender) => entity.gender = Some(gender),
            None => reading.faults.unknown("gender"),
        },
        "Organization Established Date" => reading.birth_date(entity, number, false),
        // What one does with the entry, and not a number of it.
        kind if kind.starts_with("Secondary sanctions") || kind.starts_with("Additional Sanctions") => {}
        kind => {
            let document = reading.document(kind, number, element.text_of("idCountry"));
            entity.documents.extend(document);
        }
    }
}
