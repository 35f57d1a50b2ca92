//! `OpenSanctions`' `entities.ftm.json`: one entity a line, in the `FollowTheMoney` model.
//!
//! Who is listed has `"target": true`. Lines of other schemata say more about them: a `Sanction` names its
//! programme, an `Identification` or `Passport` a document, an `Address` where they are; the others (owners,
//! families, positions) say nothing that is compared, and are counted by schema where we do not know them.

use std::{
    collections::{HashMap, HashSet},
    io::BufRead,
};

use serde::Deserialize;

use super::{ListError, Reading, joined, skip_mark};
use crate::screening::list::{Document, EntityKind, Gender, ListEntity, NameQuality, NameUse};

/// What ids are called before the publisher's own.
pub(super) const PREFIX: &str = "os:";

/// Properties that are read, or that say nothing to compare.
#[rustfmt::skip]
const KNOWN: &[&str] = &[
    "name", "alias", "weakAlias", "previousName", "abbreviation", "firstName", "secondName", "middleName",
    "lastName", "fatherName", "motherName", "patronymic", "matronymic", "title", "nameSuffix", "birthDate",
    "incorporationDate", "buildDate", "birthPlace", "birthCountry", "country", "jurisdiction", "mainCountry",
    "nationality", "citizenship", "flag", "pastFlags", "gender", "topics", "address", "addressEntity",
    "programId", "program", "sourceUrl", "notes", "summary", "description", "passportNumber", "idNumber",
    "registrationNumber", "taxNumber", "innCode", "ogrnCode", "kppCode", "okpoCode", "leiCode", "swiftBic",
    "imoNumber", "mmsi", "callSign", "serialNumber", "registrationDate", "vatCode", "dunsCode",
    "uniqueEntityId", "socialSecurityNumber", "npiCode", "bikCode", "permId", "wikidataId", "keywords",
    "position", "deathDate", "website", "email", "phone", "status", "legalForm", "type", "tonnage",
    "grossRegisteredTonnage", "deadweightTonnage", "education", "religion", "ethnicity", "sector",
    "wikipediaUrl", "publisher", "publisherUrl", "modifiedAt", "createdAt", "retrievedAt", "dissolutionDate",
    "classification", "political", "profession", "height", "weight", "eyeColor", "hairColor", "appearance",
    "model", "manufacturer", "owner", "operator", "spokenLanguage", "amountUsd", "ticker", "isinCode",
    "cageCode", "giiNumber", "ibcRuc", "icijId", "opencorporatesUrl", "proof", "indexText", "alephUrl",
];

/// Properties that hold numbers of documents, with what they are called.
const NUMBERS: &[(&str, &str)] = &[
    ("passportNumber", "Passport"),
    ("idNumber", "Identification"),
    ("socialSecurityNumber", "Social security number"),
    ("registrationNumber", "Registration"),
    ("taxNumber", "Tax number"),
    ("vatCode", "VAT"),
    ("innCode", "INN"),
    ("ogrnCode", "OGRN"),
    ("kppCode", "KPP"),
    ("okpoCode", "OKPO"),
    ("leiCode", "LEI"),
    ("swiftBic", "SWIFT/BIC"),
    ("dunsCode", "DUNS"),
    ("uniqueEntityId", "UEI"),
    ("imoNumber", "IMO"),
    ("mmsi", "MMSI"),
    ("callSign", "Call Sign"),
    ("serialNumber", "Serial number"),
];

/// Schemata that say nothing of who is compared with whom.
#[rustfmt::skip]
const NOT_COMPARED: &[&str] = &[
    "Ownership", "Directorship", "Membership", "Employment", "Family", "Associate", "Representation",
    "Succession", "UnknownLink", "Occupancy", "Position", "Security", "CryptoWallet", "Similar", "Debt",
    "Payment", "Interval", "Documentation", "Document", "Article", "Mention", "BankAccount", "Project",
    "ProjectParticipant", "Vehicle", "RealEstate", "EconomicActivity",
];

#[derive(Deserialize)]
struct Line {
    id: String,
    #[serde(default)]
    caption: String,
    schema: String,
    #[serde(default)]
    properties: HashMap<String, Vec<Value>>,
    #[serde(default)]
    referents: Vec<String>,
    #[serde(default)]
    target: Option<bool>,
}

/// A property's value: text, or an entity in place of its id (`targets.nested.json`).
#[derive(Deserialize)]
#[serde(untagged)]
enum Value {
    Text(String),
    Nested(Box<Line>),
    Other(serde::de::IgnoredAny),
}

impl Line {
    fn texts<'a>(&'a self, property: &str) -> impl Iterator<Item = &'a str> {
        self.properties.get(property).into_iter().flatten().filter_map(|value| match value {
            Value::Text(text) => Some(text.as_str()),
            Value::Nested(line) => Some(line.id.as_str()),
            Value::Other(_) => None,
        })
    }

    fn first(&self, property: &str) -> &str {
        self.texts(property).next().unwrap_or_default()
    }
}

/// What lines of other schemata say of entities, until all entities are known.
#[derive(Default)]
struct Beside {
    programs: HashMap<String, Vec<String>>,
    sources: HashMap<String, String>,
    documents: HashMap<String, Vec<Document>>,
    addresses: HashMap<String, String>,
    /// Which addresses an entity has, by their ids.
    lives_at: Vec<(String, String)>,
    /// Who is in the file without being listed: owners, families.
    unlisted: HashSet<String>,
}

/// The kind of a schema; none when it is nobody and nothing that is compared.
pub(super) fn kind(schema: &str) -> Option<EntityKind> {
    Some(match schema {
        "Person" => EntityKind::Individual,
        "Organization" | "Company" | "LegalEntity" | "PublicBody" => EntityKind::Entity,
        "Vessel" => EntityKind::Vessel,
        "Airplane" => EntityKind::Aircraft,
        _ => return None,
    })
}

/// The page of an entity.
pub(super) fn source(id: &str) -> String {
    format!("https://www.opensanctions.org/entities/{id}/")
}

pub(super) fn read(input: &mut impl BufRead, reading: &mut Reading) -> Result<(), ListError> {
    skip_mark(input).map_err(|source| reading.unreadable(source))?;
    let mut beside = Beside::default();
    let mut entities: Vec<(ListEntity, u64)> = Vec::new();
    let mut text = Vec::new();
    // A line that is no JSON is broken; one that is the last is where the file was cut off.
    let mut broken: Option<(u64, String)> = None;
    for number in 1.. {
        text.clear();
        let count = input.read_until(b'\n', &mut text).map_err(|source| reading.unreadable(source))?;
        if count == 0 {
            break;
        }
        if text.trim_ascii().is_empty() {
            continue;
        }
        if let Some((number, fault)) = broken.take() {
            reading.broken(number, fault);
        }
        match serde_json::from_slice::<Line>(&text) {
            Ok(line) => take(&line, number, &mut entities, &mut beside, reading),
            // Its own words may quote the line.
            Err(error) => {
                broken = Some((number, format!("it is no entity in JSON, from column {}", error.column())));
            }
        }
    }
    if let Some((number, fault)) = broken {
        return Err(reading.truncated(format!("its last line, {number}: {fault}")));
    }
    let mut lives_at: HashMap<String, Vec<String>> = HashMap::new();
    for (entity, address) in std::mem::take(&mut beside.lives_at) {
        match beside.addresses.get(&address) {
            Some(text) => lives_at.entry(entity).or_default().push(text.clone()),
            None => reading.faults.orphans += 1,
        }
    }
    for (mut entity, number) in entities {
        let id = entity.id.trim_start_matches(PREFIX).to_owned();
        entity.programs.extend(beside.programs.remove(&id).unwrap_or_default());
        entity.documents.extend(beside.documents.remove(&id).unwrap_or_default());
        entity.addresses.extend(lives_at.remove(&id).unwrap_or_default());
        entity.source = beside.sources.remove(&id).or(entity.source);
        reading.add(entity, number);
    }
    let left = beside.programs.keys().chain(beside.documents.keys());
    reading.faults.orphans += left.filter(|id| !beside.unlisted.contains(*id)).count();
    Ok(())
}

fn take(
    line: &Line,
    number: u64,
    entities: &mut Vec<(ListEntity, u64)>,
    beside: &mut Beside,
    reading: &mut Reading,
) {
    // Entities that stand in place of their ids say what lines of their own would.
    if kind(&line.schema).is_none() && line.target == Some(true) {
        reading.faults.unknown(&format!("listed {}", line.schema));
    }
    if kind(&line.schema).is_some() && line.target == Some(false) {
        beside.unlisted.insert(line.id.clone());
    }
    if kind(&line.schema).is_none() || line.target == Some(false) {
        return note(line, beside, reading);
    }
    for nested in line.properties.values().flatten() {
        if let Value::Nested(nested) = nested {
            note_of(nested, std::slice::from_ref(&line.id), beside, reading);
        }
    }
    if let Some(entity) = entity(line, beside, reading) {
        entities.push((entity, number));
    }
}

fn note(line: &Line, beside: &mut Beside, reading: &mut Reading) {
    let of = |property: &str| line.texts(property).map(str::to_owned).collect::<Vec<_>>();
    let holders = match line.schema.as_str() {
        "Identification" | "Passport" => of("holder"),
        _ => of("entity"),
    };
    note_of(line, &holders, beside, reading);
}

fn note_of(line: &Line, of: &[String], beside: &mut Beside, reading: &mut Reading) {
    match line.schema.as_str() {
        "Sanction" => {
            let programs = if line.first("programId").is_empty() { "program" } else { "programId" };
            for entity in of {
                let programs = line.texts(programs).map(str::to_owned);
                beside.programs.entry(entity.clone()).or_default().extend(programs);
                if let Some(url) = line.texts("sourceUrl").next() {
                    beside.sources.insert(entity.clone(), url.to_owned());
                }
            }
        }
        "Identification" | "Passport" => {
            let kind = match line.first("type") {
                "" => line.schema.as_str(),
                kind => kind,
            };
            for number in line.texts("number").chain(line.texts("passportNumber")) {
                let document = reading.document(kind, number, line.first("country"));
                for entity in of {
                    beside.documents.entry(entity.clone()).or_default().extend(document.clone());
                }
            }
        }
        "Address" => {
            let full = line.first("full");
            let parts = ["street", "city", "region", "postalCode", "country"].map(|part| line.first(part));
            let text = if full.is_empty() { joined(parts, ", ") } else { full.to_owned() };
            beside.addresses.insert(line.id.clone(), text);
        }
        // Not listed themselves: owners, families, sellers.
        schema if kind(schema).is_some() || NOT_COMPARED.contains(&schema) => {}
        schema => reading.faults.unknown(&format!("schema {schema}")),
    }
}

fn entity(line: &Line, beside: &mut Beside, reading: &mut Reading) -> Option<ListEntity> {
    let mut entity = ListEntity::new(format!("{PREFIX}{}", line.id), kind(&line.schema)?);
    for property in line.properties.keys().filter(|property| !KNOWN.contains(&property.as_str())) {
        // Links to others, as `targets.nested.json` has them, say nothing of this one.
        if line
            .properties
            .get(property)
            .is_some_and(|values| values.iter().all(|value| matches!(value, Value::Text(_))))
        {
            reading.faults.unknown(&format!("property {property}"));
        }
    }
    let caption = if line.caption.is_empty() { line.first("name") } else { line.caption.as_str() };
    entity.add_name(caption, NameQuality::Primary, NameUse::Current);
    for (property, quality, usage) in [
        ("name", NameQuality::Strong, NameUse::Current),
        ("alias", NameQuality::Strong, NameUse::Current),
        ("previousName", NameQuality::Strong, NameUse::Former),
        ("weakAlias", NameQuality::Weak, NameUse::Current),
        ("abbreviation", NameQuality::Weak, NameUse::Current),
    ] {
        for name in line.texts(property) {
            entity.add_name(name, quality, usage);
        }
    }
    for property in ["birthDate", "incorporationDate", "buildDate"] {
        for date in line.texts(property) {
            reading.birth_date(&mut entity, date, false);
        }
    }
    for property in ["country", "jurisdiction", "mainCountry", "flag"] {
        entity.countries.extend(line.texts(property).filter_map(|code| reading.country(code)));
    }
    for property in ["nationality", "citizenship"] {
        entity.nationalities.extend(line.texts(property).filter_map(|code| reading.country(code)));
    }
    for (property, kind) in NUMBERS {
        entity.documents.extend(line.texts(property).filter_map(|number| reading.document(kind, number, "")));
    }
    match line.first("gender") {
        // Others than these two say nothing that is compared.
        "" | "other" => {}
        word => match Gender::from_word(word) {
            Some(gender) => entity.gender = Some(gender),
            None => reading.faults.unknown("gender"),
        },
    }
    entity.addresses.extend(line.texts("address").map(str::to_owned));
    beside.lives_at.extend(line.texts("addressEntity").map(|address| (line.id.clone(), address.to_owned())));
    entity.programs.extend(line.texts("programId").map(str::to_owned));
    entity.topics.extend(line.texts("topics").map(str::to_owned));
    entity.source = Some(line.texts("sourceUrl").next().map_or_else(|| source(&line.id), str::to_owned));
    entity.remarks = joined(line.texts("notes").chain(line.texts("summary")), "; ");
    entity
        .former_ids
        .extend(line.referents.iter().filter(|id| **id != line.id).map(|id| format!("{PREFIX}{id}")));
    Some(entity)
}
