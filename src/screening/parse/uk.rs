//! The UK sanctions list, and the older consolidated list of the Treasury (OFSI): one row a name, or an
//! address, or whatever differs; the rows of an id are one entity.

use std::{collections::HashMap, io::BufRead};

use super::{
    ListError, Reading, joined,
    table::{self, Row, Shape},
};
use crate::screening::list::{EntityKind, Gender, ListEntity, NameQuality, NameUse};

const SHAPE: Shape = Shape {
    needed: &["Name 6", "Name 1"],
    known: &[
        "Last Updated",
        "Unique ID",
        "OFSI Group ID",
        "Group ID",
        "UN Reference Number",
        "Name 2",
        "Name 3",
        "Name 4",
        "Name 5",
        "Name type",
        "Alias Type",
        "Alias strength",
        "Alias Quality",
        "Title",
        "Name non-latin script",
        "Non-latin script type",
        "Non-latin script language",
        "Regime Name",
        "Regime",
        "Designation Type",
        "Individual, Entity, Ship",
        "Group Type",
        "Designation source",
        "Sanctions Imposed",
        "Other Information",
        "UK Statement of Reasons",
        "Address Line 1",
        "Address Line 2",
        "Address Line 3",
        "Address Line 4",
        "Address Line 5",
        "Address Line 6",
        "Address Postal Code",
        "Address Country",
        "Address 1",
        "Address 2",
        "Address 3",
        "Address 4",
        "Address 5",
        "Address 6",
        "Post/Zip Code",
        "Country",
        "Phone number",
        "Website",
        "Email address",
        "Date Designated",
        "Listed On",
        "UK Sanctions List Date Designated",
        "D.O.B",
        "DOB",
        "Nationality(/ies)",
        "Nationality",
        "National Identifier number",
        "National Identifier additional information",
        "National Identification Number",
        "National Identification Details",
        "Passport number",
        "Passport additional information",
        "Passport Details",
        "Position",
        "Gender",
        "Town of birth",
        "Country of birth",
        "Type of entity",
        "Subsidiaries",
        "Parent company",
        "Business registration number (s)",
        "IMO number",
        "Current owner/operator (s)",
        "Previous owner/operator (s)",
        "Current believed flag of ship",
        "Previous flags",
        "Type of ship",
        "Tonnage of ship",
        "Length of ship",
        "Year Built",
        "Hull identification number (HIN)",
    ],
    ends_its_last_line: true,
};

pub(super) fn read(input: &mut impl BufRead, reading: &mut Reading) -> Result<(), ListError> {
    let mut order: Vec<(ListEntity, u64)> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    table::each(input, reading, &SHAPE, |row, reading| {
        let Some(id) = id(row) else {
            return reading.broken(row.line, "it has no Unique ID and no Group ID");
        };
        let place = *places.entry(id.clone()).or_insert(order.len());
        if place == order.len() {
            order.push((ListEntity::new(id, kind(row, reading)), row.line));
        }
        if let Some((entity, _)) = order.get_mut(place) {
            add(row, entity, reading);
        }
    })?;
    for (entity, line) in order {
        reading.add(entity, line);
    }
    Ok(())
}

fn id(row: &Row<'_>) -> Option<String> {
    let unique = row.get("Unique ID");
    if !unique.is_empty() {
        return Some(format!("uk:{unique}"));
    }
    let group = [row.get("OFSI Group ID"), row.get("Group ID")].into_iter().find(|id| !id.is_empty())?;
    Some(format!("uk:ofsi-{group}"))
}

/// The first of the columns that says something: the two lists name them differently.
fn first<'a>(row: &'a Row<'_>, columns: &[&str]) -> &'a str {
    columns.iter().map(|column| row.get(column)).find(|text| !text.is_empty()).unwrap_or_default()
}

fn kind(row: &Row<'_>, reading: &mut Reading) -> EntityKind {
    match first(row, &["Designation Type", "Individual, Entity, Ship", "Group Type"]).to_lowercase().as_str()
    {
        "individual" => EntityKind::Individual,
        "entity" => EntityKind::Entity,
        "ship" => EntityKind::Vessel,
        _ => {
            reading.faults.kinds += 1;
            EntityKind::Entity
        }
    }
}

fn add(row: &Row<'_>, entity: &mut ListEntity, reading: &mut Reading) {
    name(row, entity, reading);
    let original = row.get("Name non-latin script");
    entity.add_name(original, NameQuality::Strong, NameUse::Original);
    for text in numbered(first(row, &["D.O.B", "DOB"])) {
        reading.birth_date(entity, text, false);
    }
    for text in numbered(first(row, &["Nationality(/ies)", "Nationality"])) {
        entity.nationalities.extend(reading.country(text));
    }
    for (column, kind) in [
        ("Passport number", "Passport"),
        ("National Identifier number", "National identifier"),
        ("National Identification Number", "National identifier"),
        ("Business registration number (s)", "Business registration"),
        ("IMO number", "IMO"),
        ("Hull identification number (HIN)", "Hull identification"),
    ] {
        for number in numbered(row.get(column)) {
            let document = reading.document(kind, number, "");
            entity.documents.extend(document);
        }
    }
    address(row, entity, reading);
    for text in numbered(row.get("Current believed flag of ship")) {
        entity.countries.extend(reading.country(text));
    }
    match row.get("Gender") {
        "" => {}
        word => match Gender::from_word(word) {
            Some(gender) => entity.gender = Some(gender),
            None => reading.faults.unknown("gender"),
        },
    }
    let regime = first(row, &["Regime Name", "Regime"]);
    if !regime.is_empty() {
        entity.programs.push(regime.to_owned());
    }
    if entity.topics.is_empty() {
        entity.topics.push("sanction".to_owned());
    }
    let remarks = joined([row.get("Other Information"), row.get("UK Statement of Reasons")], "; ");
    if entity.remarks.is_empty() {
        entity.remarks = remarks;
    }
    if entity.source.is_none() {
        entity.source = Some("https://www.gov.uk/government/publications/the-uk-sanctions-list".to_owned());
    }
}

fn name(row: &Row<'_>, entity: &mut ListEntity, reading: &mut Reading) {
    let parts = ["Name 1", "Name 2", "Name 3", "Name 4", "Name 5", "Name 6"];
    let text = joined(parts.map(|part| row.get(part)), " ");
    let kind = first(row, &["Name type", "Alias Type"]).to_lowercase();
    let strength = first(row, &["Alias strength", "Alias Quality"]).to_lowercase();
    let is_main = kind.starts_with("primary name") && !kind.contains("variation");
    let quality = match strength.as_str() {
        "low quality" | "low" | "weak" => NameQuality::Weak,
        "" | "good quality" | "good" | "strong" if is_main => NameQuality::Primary,
        "" | "good quality" | "good" | "strong" => NameQuality::Strong,
        _ => {
            reading.faults.unknown("alias strength");
            NameQuality::Strong
        }
    };
    let usage = if ["fka", "f.k.a."].contains(&kind.as_str()) { NameUse::Former } else { NameUse::Current };
    entity.add_name(&text, quality, usage);
}

fn address(row: &Row<'_>, entity: &mut ListEntity, reading: &mut Reading) {
    let country = first(row, &["Address Country", "Country"]);
    let lines = (1..=6).map(|line| {
        first(row, &[format!("Address Line {line}").as_str(), format!("Address {line}").as_str()])
    });
    let ends = [first(row, &["Address Postal Code", "Post/Zip Code"]), country];
    let address = joined(lines.chain(ends), ", ");
    if !address.is_empty() {
        entity.addresses.push(address);
    }
    entity.countries.extend(reading.country(country));
}

/// The parts of `(1) Iran (2) Iraq`; the text itself when it has no numbers.
fn numbered(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text;
    for number in 1.. {
        let Some((before, after)) = rest.split_once(&format!("({number})")) else { break };
        parts.push(before);
        rest = after;
    }
    parts.push(rest);
    parts
        .into_iter()
        .map(|part| part.trim().trim_end_matches(['.', ';', ',']).trim())
        .filter(|part| !part.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbered_parts_are_parted() {
        assert_eq!(numbered("(1) Iran (2) Iraq."), ["Iran", "Iraq"]);
        assert_eq!(numbered("Iran"), ["Iran"]);
        assert_eq!(numbered(""), [""; 0]);
    }
}
