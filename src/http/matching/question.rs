//! What is asked: parameters in the address, examples in the body.

use serde_json::Value;

use crate::{
    domain::{
        date::PartialDate,
        document::Document,
        personal::Personal,
        subject::{Gender, Subject, SubjectKind},
    },
    screening::{DEFAULT_THRESHOLD, countries},
};

/// The most results of a question, as with yente.
const MOST_RESULTS: usize = 500;

/// The most values of a property that are read.
const MOST_VALUES: usize = 50;

/// The longest name that is compared, in characters: no list has one as long.
const LONGEST: usize = 500;

/// Properties of the model that hold numbers, and of what.
const NUMBERS: &[(&[&str], &str)] = &[
    (&["passportNumber"], "Passport"),
    (&["idNumber"], "National ID"),
    (&["taxNumber", "innCode", "vatCode", "socialSecurityNumber"], "Tax ID"),
    (&["registrationNumber", "ogrnCode", "leiCode", "uscCode"], "Registration number"),
    (&["imoNumber"], "IMO"),
];

/// What the address says.
#[derive(Clone, Debug)]
pub(super) struct Parameters {
    /// From which score on a result counts as a match.
    pub(super) threshold: f64,
    /// From which score on a result is shown.
    pub(super) cutoff: f64,
    /// At most so many results.
    pub(super) limit: usize,
    /// Results that come before these are left out.
    pub(super) offset: usize,
    /// Only lists of these names; all when empty.
    pub(super) include: Vec<String>,
    /// No lists of these names.
    pub(super) exclude: Vec<String>,
    /// No entities of these ids, present or former.
    pub(super) exclude_entities: Vec<String>,
    /// Only entities with one of these topics; all when empty.
    pub(super) topics: Vec<String>,
    /// What is searched for.
    q: Option<String>,
    schema: Option<String>,
    countries: Vec<String>,
}

impl Parameters {
    /// Reads the query of an address. What would change the question and is not known is refused.
    pub(super) fn read(query: &str) -> Result<Self, String> {
        let mut read = Self {
            threshold: DEFAULT_THRESHOLD,
            cutoff: 0.5,
            limit: 5,
            offset: 0,
            include: Vec::new(),
            exclude: Vec::new(),
            exclude_entities: Vec::new(),
            topics: Vec::new(),
            q: None,
            schema: None,
            countries: Vec::new(),
        };
        let mut limit = None;
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let number = || value.parse::<usize>().map_err(|_| format!("{name}: accepted is a whole number"));
            let fraction = || {
                let number = value.parse::<f64>().ok().filter(|number| (0.0..=1.0).contains(number));
                number.ok_or_else(|| format!("{name}: accepted is a number from 0 to 1"))
            };
            match name.as_ref() {
                "threshold" => read.threshold = fraction()?,
                "cutoff" => read.cutoff = fraction()?,
                "limit" => limit = Some(number()?),
                "offset" => read.offset = number()?,
                "include_dataset" => read.include.push(value.into_owned()),
                "exclude_dataset" => read.exclude.push(value.into_owned()),
                "exclude_entity_ids" => read.exclude_entities.push(value.into_owned()),
                "topics" => read.topics.push(value.into_owned()),
                "q" => read.q = Some(value.into_owned()),
                "schema" => read.schema = Some(value.into_owned()),
                "countries" => read.countries.push(value.to_uppercase()),
                // There is one algorithm, and each answer is exact: these change nothing.
                "algorithm" | "fuzzy" | "simple" | "sort" | "facets" => {}
                "changed_since" | "exclude_schema" | "filter_op" => {
                    return Err(format!(
                        "{name}: is not supported: leaving it out would answer another question"
                    ));
                }
                _ => return Err(format!("{name}: is no parameter of this API")),
            }
        }
        let limit = limit.unwrap_or(if read.q.is_some() { 10 } else { 5 });
        if limit > MOST_RESULTS {
            return Err(format!("limit: accepted is a whole number up to {MOST_RESULTS}"));
        }
        read.limit = limit;
        // Below half of it everything is like everything.
        read.cutoff = read.cutoff.min(read.threshold).max(0.3);
        Ok(read)
    }

    /// Whom a search looks for: a text says not whether it names a person.
    pub(super) fn searched(&self) -> Result<Vec<Subject>, String> {
        let text = self.q.as_deref().map(str::trim).filter(|text| !text.is_empty());
        let text = text.ok_or("q: a text to search for is needed")?;
        if text.chars().count() > LONGEST {
            return Err(format!("q: accepted are at most {LONGEST} characters"));
        }
        let kinds: &[SubjectKind] = match self.schema.as_deref().map(SubjectKind::of_word) {
            None | Some(None) => &[SubjectKind::Person, SubjectKind::Organisation],
            Some(Some(SubjectKind::Person)) => &[SubjectKind::Person],
            Some(Some(SubjectKind::Organisation)) => &[SubjectKind::Organisation],
        };
        let subject = |kind: &SubjectKind| Subject {
            countries: self.countries.iter().cloned().map(Personal::new).collect(),
            ..Subject::named(*kind, text)
        };
        Ok(kinds.iter().map(subject).collect())
    }
}

/// A question of a batch.
pub(super) struct Asked {
    /// As it was sent; the answer repeats it.
    pub(super) query: Value,
    /// Whom it is about.
    pub(super) subject: Subject,
}

impl Asked {
    /// Reads an example in the `FollowTheMoney` model.
    pub(super) fn read(query: &Value) -> Result<Self, String> {
        let schema =
            query.get("schema").and_then(Value::as_str).ok_or("schema: is needed, such as Person")?;
        let kind = SubjectKind::of_word(schema).ok_or_else(|| {
            "schema: accepted are Person, Organization, Company, LegalEntity, PublicBody, Vessel and Airplane"
                .to_owned()
        })?;
        let properties = query.get("properties").and_then(Value::as_object);
        let properties = properties.ok_or("properties: accepted is an object of values by name")?;
        let values = |names: &[&str]| -> Vec<String> {
            let all = names.iter().filter_map(|name| properties.get(*name)).flat_map(|value| match value {
                Value::Array(values) => values.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
                Value::String(value) => vec![value.clone()],
                _ => Vec::new(),
            });
            all.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()).take(MOST_VALUES).collect()
        };
        let mut names = values(&["name", "alias", "weakAlias", "previousName"]);
        let parts: Vec<String> = ["firstName", "secondName", "middleName", "fatherName", "lastName"]
            .iter()
            .filter_map(|part| values(&[part]).into_iter().next())
            .collect();
        if !parts.is_empty() {
            names.push(parts.join(" "));
        }
        if names.iter().any(|name| name.chars().count() > LONGEST) {
            return Err(format!("properties: accepted are names of at most {LONGEST} characters"));
        }
        let date = values(match kind {
            SubjectKind::Person => &["birthDate"],
            SubjectKind::Organisation => &["incorporationDate", "buildDate"],
        });
        let date = date.iter().find_map(|text| text.get(..10).unwrap_or(text).parse::<PartialDate>().ok());
        let listed =
            values(&["country", "nationality", "citizenship", "jurisdiction", "flag", "mainCountry"]);
        let gender = values(&["gender"]).iter().find_map(|word| Gender::from_word(word));
        let mut documents: Vec<Personal<Document>> = Vec::new();
        for (properties, kind) in NUMBERS {
            documents.extend(
                values(properties).into_iter().map(|number| {
                    Personal::new(Document { kind: (*kind).to_owned(), number, country: None })
                }),
            );
        }
        documents.truncate(MOST_VALUES);
        Ok(Self {
            query: query.clone(),
            subject: Subject {
                kind,
                names: names.into_iter().map(Personal::new).collect(),
                birth_date: date.map(Personal::new),
                countries: listed
                    .iter()
                    .filter_map(|text| countries::of_code_or_name(text))
                    .map(Personal::new)
                    .collect(),
                gender: gender.map(Personal::new),
                documents,
                contacts: Vec::new(),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_example_is_read_with_whatever_form_its_values_have() {
        let query = json!({"schema": "Person", "properties": {
            "name": "Jane Doe", "firstName": ["J."], "lastName": ["Doe"], "birthDate": ["1965-02-01T00:00:00"],
            "nationality": ["us", "Germany", "Atlantis"], "eyeColor": ["blue"], "gender": ["female"],
            "passportNumber": "C01X00T47", "taxNumber": ["77-88"]}});
        let asked = Asked::read(&query).unwrap();
        let names: Vec<&str> = asked.subject.names.iter().map(|name| name.reveal().as_str()).collect();
        assert_eq!(names, ["Jane Doe", "J. Doe"]);
        assert_eq!(asked.subject.gender.as_ref().map(|gender| *gender.reveal()), Some(Gender::Female));
        let numbers: Vec<String> =
            asked.subject.documents.iter().map(|one| one.reveal().to_string()).collect();
        assert_eq!(numbers, ["Passport C01X00T47", "Tax ID 77-88"]);
        assert_eq!(asked.subject.birth_date.unwrap().reveal().to_string(), "1965-02-01");
        let countries: Vec<&str> =
            asked.subject.countries.iter().map(|code| code.reveal().as_str()).collect();
        assert_eq!(countries, ["US", "DE"]);
        for (query, fault) in [
            (json!({}), "schema"),
            (json!({"schema": "Dream", "properties": {}}), "schema"),
            (json!({"schema": "Person"}), "properties"),
            (json!({"schema": "Person", "properties": {"name": ["x".repeat(501)]}}), "properties"),
        ] {
            assert!(Asked::read(&query).err().unwrap().starts_with(fault), "{query}");
        }
    }

    #[test]
    fn a_parameter_that_would_change_the_question_is_refused() {
        for (query, fault) in [
            ("threshold=2", "threshold"),
            ("limit=x", "limit"),
            ("limit=501", "limit"),
            ("changed_since=2026-01-01", "changed_since"),
            ("colour=red", "colour"),
        ] {
            assert!(Parameters::read(query).unwrap_err().starts_with(fault), "{query}");
        }
        let read =
            Parameters::read("limit=7&topics=sanction&topics=role.pep&algorithm=best&threshold=0.9").unwrap();
        assert_eq!((read.limit, read.topics.len()), (7, 2));
        assert!(Parameters::read("").unwrap().searched().is_err());
        assert_eq!(Parameters::read("q=velkorov").unwrap().searched().unwrap().len(), 2);
    }
}
