//! The consolidated list of the UN Security Council.
//!
//! `<CONSOLIDATED_LIST>` holds `<INDIVIDUAL>` and `<ENTITY>`, each with `<DATAID>` for ever, a name in up to
//! four parts, aliases of quality Good or Low (of entities: a.k.a. or f.k.a.), and repeated elements that may be
//! empty.

use std::io::BufRead;

use super::{
    ListError, Reading, joined, one_line,
    xml::{self, Element},
};
use crate::screening::list::{EntityKind, Gender, ListEntity, NameQuality, NameUse};

#[rustfmt::skip]
const KNOWN: &[&str] = &[
    "DATAID", "VERSIONNUM", "FIRST_NAME", "SECOND_NAME", "THIRD_NAME", "FOURTH_NAME", "UN_LIST_TYPE",
    "REFERENCE_NUMBER", "LISTED_ON", "GENDER", "NAME_ORIGINAL_SCRIPT", "COMMENTS1", "TITLE", "DESIGNATION",
    "NATIONALITY", "NATIONALITY2", "LIST_TYPE", "LAST_DAY_UPDATED", "SUBMITTED_BY", "SUBMITTED_ON",
    "INDIVIDUAL_ALIAS", "INDIVIDUAL_ADDRESS", "INDIVIDUAL_DATE_OF_BIRTH", "INDIVIDUAL_PLACE_OF_BIRTH",
    "INDIVIDUAL_DOCUMENT", "ENTITY_ALIAS", "ENTITY_ADDRESS", "SORT_KEY", "SORT_KEY_LAST_MOD", "DELISTED_ON",
];

pub(super) fn read(input: &mut impl BufRead, reading: &mut Reading) -> Result<(), ListError> {
    xml::each(input, reading, "CONSOLIDATED_LIST", &["INDIVIDUAL", "ENTITY"], entry)
}

fn entry(element: &Element, number: u64, reading: &mut Reading) {
    element.count_unknown(KNOWN, reading);
    let id = element.text_of("DATAID");
    if id.is_empty() {
        return reading.broken(number, "it has no DATAID");
    }
    let is_person = element.name == "INDIVIDUAL";
    let kind = if is_person { EntityKind::Individual } else { EntityKind::Entity };
    let mut entity = ListEntity::new(format!("un:{id}"), kind);
    let parts = ["FIRST_NAME", "SECOND_NAME", "THIRD_NAME", "FOURTH_NAME"];
    let name = joined(parts.map(|part| element.text_of(part)), " ");
    entity.add_name(&name, NameQuality::Primary, NameUse::Current);
    // Several in one element are parted by semicolons or commas of their own scripts: one name, as written.
    entity.add_name(element.text_of("NAME_ORIGINAL_SCRIPT"), NameQuality::Strong, NameUse::Original);
    for child in element.children() {
        match child.name.as_str() {
            "INDIVIDUAL_ALIAS" | "ENTITY_ALIAS" => alias(child, &mut entity, reading),
            "INDIVIDUAL_ADDRESS" | "ENTITY_ADDRESS" => address(child, &mut entity, reading),
            "INDIVIDUAL_DATE_OF_BIRTH" => birth(child, &mut entity, reading),
            "INDIVIDUAL_DOCUMENT" => document(child, &mut entity, reading),
            "NATIONALITY" | "NATIONALITY2" => {
                let texts = child.texts("VALUE").chain(Some(child.text()).filter(|text| !text.is_empty()));
                entity.nationalities.extend(texts.filter_map(|text| reading.country(text)));
            }
            _ => {}
        }
    }
    match element.text_of("GENDER") {
        "" => {}
        word => match Gender::from_word(word) {
            Some(gender) => entity.gender = Some(gender),
            None => reading.faults.unknown("gender"),
        },
    }
    entity.programs.extend(
        [element.text_of("UN_LIST_TYPE")].iter().filter(|text| !text.is_empty()).map(|text| one_line(text)),
    );
    entity.topics.push("sanction".to_owned());
    let reference = element.text_of("REFERENCE_NUMBER");
    if !reference.is_empty() {
        entity.source =
            Some(format!("https://main.un.org/securitycouncil/en/search/content?keys={reference}"));
    }
    let comments = element.text_of("COMMENTS1");
    entity.remarks = joined([reference, comments], ": ");
    reading.add(entity, number);
}

fn alias(element: &Element, entity: &mut ListEntity, reading: &mut Reading) {
    let name = element.text_of("ALIAS_NAME");
    let says_more =
        element.children().iter().any(|child| child.name != "QUALITY" && !child.text().is_empty());
    if name.is_empty() && says_more {
        reading.faults.unknown("alias without a name");
    }
    let (quality, usage) = match element.text_of("QUALITY") {
        "Low" => (NameQuality::Weak, NameUse::Current),
        "f.k.a." => (NameQuality::Strong, NameUse::Former),
        "Good" | "a.k.a." | "" => (NameQuality::Strong, NameUse::Current),
        _ => {
            reading.faults.unknown("alias quality");
            (NameQuality::Strong, NameUse::Current)
        }
    };
    // A few elements hold several names.
    for name in name.split(';') {
        entity.add_name(name, quality, usage);
    }
}

fn address(element: &Element, entity: &mut ListEntity, reading: &mut Reading) {
    let parts = ["STREET", "CITY", "STATE_PROVINCE", "ZIP_CODE", "COUNTRY"];
    let address = joined(parts.map(|part| element.text_of(part)), ", ");
    if !address.is_empty() {
        entity.addresses.push(address);
    }
    entity.countries.extend(reading.country(element.text_of("COUNTRY")));
}

fn birth(element: &Element, entity: &mut ListEntity, reading: &mut Reading) {
    let about = element.text_of("TYPE_OF_DATE") == "APPROXIMATELY";
    let (from, to) = (element.text_of("FROM_YEAR"), element.text_of("TO_YEAR"));
    if !from.is_empty() && !to.is_empty() {
        return reading.birth_date(entity, &format!("{from} to {to}"), about);
    }
    let date = [element.text_of("DATE"), element.text_of("YEAR"), from, to];
    reading.birth_date(entity, date.into_iter().find(|text| !text.is_empty()).unwrap_or_default(), about);
}

fn document(element: &Element, entity: &mut ListEntity, reading: &mut Reading) {
    let kinds = [element.text_of("TYPE_OF_DOCUMENT2"), element.text_of("TYPE_OF_DOCUMENT")];
    let countries = [element.text_of("ISSUING_COUNTRY"), element.text_of("COUNTRY_OF_ISSUE")];
    let first =
        |texts: [&str; 2]| texts.into_iter().find(|text| !text.is_empty()).unwrap_or_default().to_owned();
    let number = bare(element.text_of("NUMBER"));
    entity.documents.extend(reading.document(&first(kinds), number, &first(countries)));
}

/// The number in `Libyan passport No. 513519 (expired 2016)`.
fn bare(text: &str) -> &str {
    let text = text.split(" (").next().unwrap_or(text);
    let after = ["No. ", "number "].iter().find_map(|lead| text.rsplit_once(lead));
    after.map_or(text, |(_, number)| number).trim()
}

#[cfg(test)]
mod tests {
    use super::bare;

    #[test]
    fn the_number_of_a_document_is_without_what_the_list_says_of_it() {
        for (text, number) in [
            ("Libyan passport No. 513519", "513519"),
            ("Afghan passport number OA296623", "OA296623"),
            ("403062567 (US)", "403062567"),
            ("C 1234 567", "C 1234 567"),
        ] {
            assert_eq!(bare(text), number, "{text}");
        }
    }
}
