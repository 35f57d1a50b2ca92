//! What somebody asks a type to be, checked.

use serde_json::Value;

use crate::{
    actions::{ActionError, Invalid},
    domain::{
        account_type::{
            AccountType, ContactKind, Field, FieldKind, Screened, ScreenedDocument, Status, keep_archived,
            read_field,
        },
        document::DocumentKind,
        subject::SubjectKind,
    },
    store::account_types::TypeRow,
};

/// The most fields and statuses of a type.
const MOST_FIELDS: usize = 500;
const MOST_STATUSES: usize = 100;

/// A type to make.
#[derive(Clone, Debug)]
pub struct NewType {
    /// Its name.
    pub name: String,
    /// Whom its accounts stand for.
    pub kind: SubjectKind,
    /// The schemas of its fields, as the API writes them.
    pub field_schemas: Vec<Value>,
    /// Its statuses; `active` alone when there are none.
    pub statuses: Vec<StatusDraft>,
    /// The name of the status of new accounts; the first when not given.
    pub default_status: Option<String>,
    /// What reports ask about; guessed from the keys of fields when not given.
    pub screened: Option<Screened>,
}

/// A status as somebody asks for it.
#[derive(Clone, Debug, Default)]
pub struct StatusDraft {
    /// The id of the one that is there, when it is to be renamed.
    pub id: Option<String>,
    /// Its name.
    pub name: String,
    /// Its colour.
    pub colour: Option<String>,
}

/// What to change about a type; what is none stays as it is.
#[derive(Clone, Debug, Default)]
pub struct TypeChange {
    /// Schemas of fields that are new or replace those of the same keys; the other fields stay.
    pub field_schemas: Vec<Value>,
    /// Keys of fields to take out of use.
    pub removed_fields: Vec<String>,
    /// All statuses.
    pub statuses: Option<Vec<StatusDraft>>,
    /// The name of the status of new accounts.
    pub default_status: Option<String>,
    /// What reports ask about.
    pub screened: Option<Screened>,
}

const ATTRIBUTES: &str = "/data/attributes";

impl NewType {
    /// The type, or all that is wrong with it.
    pub(super) fn checked(&self) -> Result<AccountType, ActionError> {
        let mut faults = Vec::new();
        let name = self.name.trim();
        if name.is_empty() || name.chars().count() > 64 || name.contains(char::is_control) {
            let details = "accepted is a text of 1 to 64 characters without control characters";
            faults.push(Invalid::at(format!("{ATTRIBUTES}/name"), details));
        }
        let fields = fields(&self.field_schemas, &mut faults);
        let usual = [StatusDraft { name: "active".to_owned(), ..StatusDraft::default() }];
        let drafts = if self.statuses.is_empty() { usual.as_slice() } else { &self.statuses };
        let statuses = statuses(None, drafts, &mut faults);
        let screened = self.screened.clone().unwrap_or_else(|| guessed(&fields));
        let account_type = finished(
            AccountType {
                name: name.to_owned(),
                kind: self.kind,
                default_status: statuses.first().map(|status| status.key.clone()).unwrap_or_default(),
                fields,
                statuses,
                screened,
                relations: Vec::new(),
            },
            self.default_status.as_deref(),
            &mut faults,
        );
        if faults.is_empty() { Ok(account_type) } else { Err(ActionError::Invalid(faults)) }
    }
}

impl TypeChange {
    /// Where the schema of a field stands in the request.
    pub(super) fn pointer_to(&self, key: &str) -> String {
        let place = self.field_schemas.iter().position(|schema| schema.get("key") == Some(&Value::from(key)));
        let all = format!("{ATTRIBUTES}/field-schemas");
        place.map_or_else(|| all.clone(), |place| format!("{all}/{place}"))
    }

    /// The type as it is to be, or all that is wrong with it.
    pub(super) fn applied(
        &self,
        row: &TypeRow,
        now: chrono::DateTime<chrono::Utc>,
    ) -> Result<AccountType, ActionError> {
        let mut faults = Vec::new();
        let before = &row.account_type;
        let mut after = before.clone();
        for (index, field) in fields(&self.field_schemas, &mut faults).into_iter().enumerate() {
            match after.fields.iter_mut().find(|known| known.key == field.key) {
                Some(known) => {
                    if known.pii != field.pii {
                        let at = format!("{ATTRIBUTES}/field-schemas/{index}/config/pii");
                        faults.push(Invalid::at(at, "cannot be changed once the field is made"));
                    }
                    *known = field;
                }
                None => after.fields.push(field),
            }
        }
        for (index, key) in self.removed_fields.iter().enumerate() {
            let field = after.fields.iter_mut().find(|field| field.key == *key);
            match field {
                Some(field) => field.archived_at = Some(field.archived_at.unwrap_or(now)),
                None => faults.push(Invalid::at(
                    format!("{ATTRIBUTES}/removed-fields/{index}"),
                    "is no field of the type",
                )),
            }
        }
        for field in after.fields.iter_mut().filter(|field| field.archived_at.is_some()) {
            field.required = false;
        }
        if let Some(drafts) = &self.statuses {
            after.statuses = statuses(Some(row), drafts, &mut faults);
        }
        if let Some(screened) = &self.screened {
            after.screened = screened.clone();
        } else {
            // What only says more of whom the names find goes with its field.
            let gone = |path: &String| self.removed_fields.contains(path);
            after.screened.documents.retain(|document| !gone(&document.field));
            after.screened.gender = after.screened.gender.take().filter(|path| !gone(path));
            for kind in ContactKind::ALL {
                if let Some(paths) = after.screened.contacts_mut(kind) {
                    paths.retain(|path| !gone(path));
                }
            }
        }
        let mut after = finished(after, self.default_status.as_deref(), &mut faults);
        keep_archived(before, &mut after, now);
        if faults.is_empty() { Ok(after) } else { Err(ActionError::Invalid(faults)) }
    }
}

fn fields(schemas: &[Value], faults: &mut Vec<Invalid>) -> Vec<Field> {
    let at = format!("{ATTRIBUTES}/field-schemas");
    if schemas.len() > MOST_FIELDS {
        faults.push(Invalid::at(&at, format!("accepted are at most {MOST_FIELDS} schemas")));
        return Vec::new();
    }
    let mut fields: Vec<Field> = Vec::new();
    for (index, schema) in schemas.iter().enumerate() {
        let mut refused = Vec::new();
        let field = read_field(schema, &format!("{at}/{index}"), &mut refused);
        faults.extend(refused.into_iter().map(|fault| Invalid::at(fault.path, fault.details)));
        let Some(field) = field else { continue };
        if fields.iter().any(|known| known.key == field.key) {
            faults.push(Invalid::at(format!("{at}/{index}/key"), "accepted is each key once"));
        }
        fields.push(field);
    }
    fields
}

/// The statuses that drafts ask for. One that is there keeps its key, whatever it is called now.
fn statuses(before: Option<&TypeRow>, drafts: &[StatusDraft], faults: &mut Vec<Invalid>) -> Vec<Status> {
    let at = format!("{ATTRIBUTES}/statuses");
    if drafts.is_empty() || drafts.len() > MOST_STATUSES {
        faults.push(Invalid::at(&at, format!("accepted are 1 to {MOST_STATUSES} statuses")));
        return before.map(|row| row.account_type.statuses.clone()).unwrap_or_default();
    }
    let known = |draft: &StatusDraft| -> Option<Status> {
        let row = before?;
        let all = &row.account_type.statuses;
        match &draft.id {
            Some(id) => all.iter().find(|status| status.id(row.id).to_string() == *id).cloned(),
            // One that another draft names by its id is that one's, whatever it was called before.
            None => all
                .iter()
                .filter(|status| {
                    let id = status.id(row.id).to_string();
                    !drafts.iter().any(|other| other.id.as_deref() == Some(&*id))
                })
                .find(|status| status.name == draft.name)
                .cloned(),
        }
    };
    let mut made: Vec<Status> = Vec::new();
    for (index, draft) in drafts.iter().enumerate() {
        let name = draft.name.trim();
        let mut refuse = |part: &str, details: &str| {
            faults.push(Invalid::at(format!("{at}/{index}/{part}"), details));
        };
        if name.is_empty() || name.chars().count() > 128 || name.contains(char::is_control) {
            refuse("name", "accepted is a text of 1 to 128 characters without control characters");
        }
        if made.iter().any(|status| status.name == name) {
            refuse("name", "accepted is each name once");
        }
        if draft.colour.as_ref().is_some_and(|colour| !Status::is_colour(colour)) {
            refuse("color", "accepted is a colour as #1f2937");
        }
        let there = known(draft);
        if draft.id.is_some() && there.is_none() {
            refuse("id", "is no status of the type");
        }
        let mut status = there.unwrap_or_else(|| {
            let mut new = Status::new(name);
            // A key is for ever: one that another status has, or had, is not taken again.
            let taken = |key: &str| {
                made.iter().any(|status| status.key == key)
                    || before.is_some_and(|row| row.account_type.statuses.iter().any(|one| one.key == key))
            };
            let mut number = 2;
            while taken(&new.key) {
                new.key = format!("{name} {number}");
                number += 1;
            }
            new
        });
        name.clone_into(&mut status.name);
        if let Some(colour) = &draft.colour {
            status.colour.clone_from(colour);
        }
        made.push(status);
    }
    made
}

/// Sets the default status, and checks what refers to fields and statuses.
fn finished(mut account_type: AccountType, default: Option<&str>, faults: &mut Vec<Invalid>) -> AccountType {
    match default.map(|name| account_type.status_key(name).map(str::to_owned)) {
        Some(Some(key)) => account_type.default_status = key,
        Some(None) => faults.push(Invalid::at(
            format!("{ATTRIBUTES}/default-account-status"),
            "accepted is the name of one of the statuses",
        )),
        None if !account_type.statuses.iter().any(|status| status.key == account_type.default_status) => {
            faults.push(Invalid::at(
                format!("{ATTRIBUTES}/statuses"),
                "accepted are statuses of which one is the default status",
            ));
        }
        None => {}
    }
    let screened = &account_type.screened;
    let kinds = |path: &str| -> Option<FieldKind> {
        let (key, part) = path.split_once('.').map_or((path, None), |(key, part)| (key, Some(part)));
        let kind = &account_type.field(key)?.kind;
        part.map_or(Some(kind), |part| kind.item(part).map(|item| &item.kind)).cloned()
    };
    let texts = |kind: &FieldKind| kind.is_text() || kind.is_text_list() || kind.is_person_name();
    let mut asked: Vec<(String, &str, bool)> = Vec::new();
    for (word, paths) in [("names", &screened.names), ("countries", &screened.countries)] {
        for (index, path) in paths.iter().enumerate() {
            let holds = kinds(path).is_some_and(|kind| texts(&kind));
            asked.push((format!("{word}/{index}"), "accepted is the key of a field of texts", holds));
        }
    }
    if let Some(path) = &screened.birth_date {
        let holds = kinds(path).is_some_and(|kind| matches!(kind, FieldKind::Date { .. }));
        asked.push(("birth-date".to_owned(), "accepted is the key of a field of type date", holds));
    }
    let text = |path: &String| kinds(path).is_some_and(|kind| kind.is_text());
    if let Some(path) = &screened.gender {
        asked.push(("gender".to_owned(), "accepted is the key of a field of one text", text(path)));
    }
    for contact in ContactKind::ALL {
        for (index, path) in screened.contacts(contact).into_iter().flatten().enumerate() {
            let holds = kinds(path).is_some_and(|kind| kind.is_text() || kind.is_text_list());
            let place = format!("{}/{index}", contact.word());
            asked.push((place, "accepted is the key of a field of texts", holds));
        }
    }
    for (index, document) in screened.documents.iter().enumerate() {
        let kind = kinds(&document.field);
        let says_kind = kind.as_ref().is_some_and(FieldKind::is_documents);
        let holds = says_kind || kind.is_some_and(|kind| kind.is_text() || kind.is_text_list());
        let at = format!("documents/{index}");
        let details = "accepted is the key of a field of texts, or of hashes with identification_number";
        asked.push((format!("{at}/field"), details, holds));
        let details = "is needed where the field does not say it; accepted is passport, national-id, tax-id, \
                       drivers-license, registration or imo";
        asked.push((format!("{at}/kind"), details, says_kind || document.kind.is_some()));
        if let Some(country) = &document.country {
            let details = "accepted is the key of a field of one text";
            asked.push((format!("{at}/country"), details, text(country)));
        }
    }
    for (place, details, _) in asked.into_iter().filter(|(_, _, holds)| !holds) {
        faults.push(Invalid::at(format!("{ATTRIBUTES}/screened/{place}"), details));
    }
    account_type
}

/// The fields of documents, by the keys that they usually have.
fn guessed_documents(fields: &[Field]) -> Vec<ScreenedDocument> {
    let kind_of = |key: &str| {
        Some(match key {
            "passport_number" => DocumentKind::Passport,
            "national_id" | "national_id_number" => DocumentKind::NationalId,
            "tax_id" | "tax_id_number" | "social_security_number" => DocumentKind::TaxId,
            "registration_number" => DocumentKind::Registration,
            "imo_number" => DocumentKind::Imo,
            _ => return None,
        })
    };
    let document = |field: &Field| {
        let kind = kind_of(&field.key).filter(|_| field.kind.is_text());
        let says_kind = field.key == "identification_numbers" && field.kind.is_documents();
        (kind.is_some() || says_kind).then(|| ScreenedDocument {
            field: field.key.clone(),
            kind,
            country: None,
        })
    };
    fields.iter().filter(|field| field.archived_at.is_none()).filter_map(document).collect()
}

/// What reports are to ask about, by the keys that fields usually have.
fn guessed(fields: &[Field]) -> Screened {
    let there = |path: &&str| {
        let (key, part) = path.split_once('.').map_or((*path, None), |(key, part)| (key, Some(part)));
        let field = fields.iter().find(|field| field.key == key && field.archived_at.is_none());
        field.is_some_and(|field| {
            let kind = part.map_or(Some(&field.kind), |part| field.kind.item(part).map(|item| &item.kind));
            kind.is_some_and(|kind| kind.is_text() || kind.is_text_list() || kind.is_person_name())
        })
    };
    let of =
        |paths: &[&str]| paths.iter().filter(|path| there(path)).map(|path| (*path).to_owned()).collect();
    let is_date = |field: &&Field| matches!(field.kind, FieldKind::Date { .. });
    let birth_date = fields.iter().filter(is_date).find(|field| {
        ["birthdate", "birth_date", "date_of_birth", "incorporation_date"].contains(&field.key.as_str())
    });
    Screened {
        names: of(&["name", "business_name", "other_names"]),
        birth_date: birth_date.map(|field| field.key.clone()),
        countries: of(&["country_code", "address.country_code", "nationality"]),
        gender: of(&["gender", "sex"]).into_iter().next(),
        documents: guessed_documents(fields),
        ..Screened::default()
    }
}
