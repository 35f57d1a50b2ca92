//! The lists that are screened against. The UN's is read here only as far as the measurements need it.

use watchkeeper::domain::date::PartialDate;
use watchkeeper::screening::list::{EntityKind, List, ListEntity, NameQuality};
use watchkeeper::screening::ofac;

use crate::data;

/// The US Treasury's list.
pub(crate) fn ofac() -> List {
    ofac::read_folder(&data("ofac-b")).expect("OFAC's list is readable")
}

/// The UN's list: names, aliases, birth dates.
pub(crate) fn un() -> List {
    let text = std::fs::read_to_string(data("un/UN_consolidated.xml")).expect("the UN's list is readable");
    let template = ofac();
    let model = template.entities.first().expect("OFAC's list has entities").clone();
    let people = elements(&text, "INDIVIDUAL").map(|element| (EntityKind::Individual, element));
    let entities = elements(&text, "ENTITY").map(|element| (EntityKind::Entity, element));
    let entities = people.chain(entities).map(|(kind, element)| entity(&model, kind, element)).collect();
    List { name: "un".to_owned(), entities, ..template }
}

/// Both in one.
pub(crate) fn both() -> List {
    let (mut ofac, un) = (ofac(), un());
    ofac.entities.extend(un.entities);
    ofac
}

fn entity(model: &ListEntity, kind: EntityKind, element: &str) -> ListEntity {
    let mut entity = model.clone();
    let listed = model.names.first().expect("an entity has a name");
    entity.id = format!("un:{}", text_of(element, "DATAID"));
    entity.kind = kind;
    entity.countries.clear();
    entity.programs.clear();
    entity.remarks.clear();
    entity.birth_dates = birth_dates(element);
    let parts = ["FIRST_NAME", "SECOND_NAME", "THIRD_NAME", "FOURTH_NAME"].map(|tag| text_of(element, tag));
    let name: Vec<&str> = parts.iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
    let mut names = vec![(name.join(" "), NameQuality::Primary)];
    names.push((text_of(element, "NAME_ORIGINAL_SCRIPT"), NameQuality::Strong));
    for alias in elements(element, "INDIVIDUAL_ALIAS").chain(elements(element, "ENTITY_ALIAS")) {
        let weak = text_of(alias, "QUALITY") == "Low";
        names
            .push((text_of(alias, "ALIAS_NAME"), if weak { NameQuality::Weak } else { NameQuality::Strong }));
    }
    entity.names = names
        .into_iter()
        .filter(|(text, _)| !text.is_empty())
        .map(|(text, quality)| {
            let mut name = listed.clone();
            name.text = text;
            name.quality = quality;
            name
        })
        .collect();
    entity
}

fn birth_dates(element: &str) -> Vec<PartialDate> {
    let mut dates = Vec::new();
    for date in elements(element, "INDIVIDUAL_DATE_OF_BIRTH") {
        let year = |tag| text_of(date, tag).parse::<i32>().ok();
        if let Ok(date) = text_of(date, "DATE").parse() {
            dates.push(date);
        } else if let (Some(from), Some(to)) = (year("FROM_YEAR"), year("TO_YEAR")) {
            dates.extend((from..=to).map(PartialDate::of_year));
        } else {
            dates.extend(year("YEAR").map(PartialDate::of_year));
        }
    }
    dates
}

/// What stands in each `<tag>` of `text`.
fn elements<'a>(text: &'a str, tag: &str) -> impl Iterator<Item = &'a str> {
    let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
    let mut rest = text;
    std::iter::from_fn(move || {
        let (_, after) = rest.split_once(&open)?;
        let (inside, after) = after.split_once(&close)?;
        rest = after;
        Some(inside)
    })
}

fn text_of(text: &str, tag: &str) -> String {
    let inside = elements(text, tag).next().unwrap_or_default();
    inside
        .replace("&amp;", "&")
        .replace("&apos;", "'")
        .replace("&quot;", "\"")
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}
