//! What an inquiry collects, how that is compared with the account, and what of it goes into the account.

use serde::{Deserialize, Serialize};

use super::{
    account_type::{AccountType, Field, FieldKind},
    comparison::{Alternative, Level, Method, Requirement, Rule},
    id::{InquiryTemplateId, Shard, stable},
    subject::SubjectKind,
};

/// How long an inquiry may take where nobody says: thirty days, in seconds.
const THIRTY_DAYS: u32 = 30 * 24 * 60 * 60;

/// After how many seconds an inquiry expires; never where there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Expiration {
    /// When nobody has begun it since it was made.
    pub after_create: Option<u32>,
    /// When it is not completed since it was begun.
    pub after_start: Option<u32>,
    /// When it is not completed since it was resumed.
    pub after_resume: Option<u32>,
}

impl Default for Expiration {
    fn default() -> Self {
        let after = Some(THIRTY_DAYS);
        Self { after_create: after, after_start: after, after_resume: after }
    }
}

/// What an inquiry is made by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct InquiryTemplate {
    /// Its name in the configuration.
    pub name: String,
    /// The type of the accounts that it is for.
    pub account_type: String,
    /// The keys of the account's fields that it collects.
    pub fields: Vec<String>,
    /// How what was collected is compared with the account.
    pub compare: Vec<Rule>,
    /// Whether it is also compared with the last inquiry of the account that was completed; a mismatch there is
    /// shown, and fails nothing.
    pub compare_with_last: bool,
    /// The fields that every completed inquiry writes into the account. The first one fills what the account
    /// lacks, whatever stands here.
    pub updates: Vec<String>,
    /// When its inquiries expire.
    pub expiration: Expiration,
}

impl InquiryTemplate {
    /// The id of the template of a name: the same on every machine, for ever.
    pub fn id_of(name: &str) -> InquiryTemplateId {
        InquiryTemplateId(stable("inquiry-template", name, Shard(0)))
    }

    /// Its id.
    pub fn id(&self) -> InquiryTemplateId {
        Self::id_of(&self.name)
    }

    /// The template that a type has without any configuration: named after it, it collects every field, wants the
    /// name and the date of birth to agree at least in part, shows what else differs, and keeps the account's
    /// means of contact up to date.
    pub fn of_type(account_type: &AccountType) -> Self {
        let is_collected = |field: &&Field| field.kind != FieldKind::File;
        let keys = || account_type.active_fields().filter(is_collected).map(|field| field.key.as_str());
        let name = match account_type.kind {
            SubjectKind::Person => Method::NameFuzzy,
            SubjectKind::Organisation => Method::OrganisationName,
        };
        let mut compare = Vec::new();
        let mut add = |field: &str, method, requirement| {
            let any = vec![Alternative { method, level: Level::Partial, with: None }];
            compare.push(Rule { field: field.to_owned(), requirement, any });
        };
        if let Some(field) = account_type.screened.names.first() {
            add(field, name, Requirement::Required);
        }
        if let Some(field) = &account_type.screened.birth_date {
            add(field, Method::Date, Requirement::Required);
        }
        if has_parts(account_type, "address") {
            add("address", Method::Address, Requirement::NotRequired);
        }
        for key in keys() {
            match key {
                "phone_number" => add(key, Method::Phone, Requirement::NotRequired),
                "email_address" => add(key, Method::Email, Requirement::NotRequired),
                _ if key.ends_with("_number") || key.ends_with("_numbers") => {
                    add(key, Method::DocumentNumber, Requirement::NotRequired);
                }
                _ => {}
            }
        }
        let is_contact =
            |key: &&str| ["email", "phone", "address"].iter().any(|start| key.starts_with(start));
        Self {
            name: account_type.name.clone(),
            account_type: account_type.name.clone(),
            fields: keys().map(str::to_owned).collect(),
            compare,
            compare_with_last: false,
            updates: keys().filter(is_contact).map(str::to_owned).collect(),
            expiration: Expiration::default(),
        }
    }

    /// Whether it collects a field of the account.
    pub fn collects(&self, key: &str) -> bool {
        self.fields.iter().any(|field| field == key)
    }
}

/// Whether a type has a field, or fields for its parts: `address`, or `address_city`.
pub fn has_parts(account_type: &AccountType, key: &str) -> bool {
    let is_part =
        |field: &str| field.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'));
    account_type.active_fields().any(|field| is_part(&field.key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::account_type::{Screened, Status};

    fn account_type(keys: &[&str]) -> AccountType {
        AccountType {
            name: "individual".to_owned(),
            kind: SubjectKind::Person,
            fields: keys.iter().map(|key| Field::new(key, FieldKind::TEXT)).collect(),
            statuses: vec![Status::new("active")],
            default_status: "active".to_owned(),
            screened: Screened {
                names: vec!["name".to_owned()],
                birth_date: Some("birthdate".to_owned()),
                countries: Vec::new(),
                ..Screened::default()
            },
            relations: Vec::new(),
        }
    }

    #[test]
    fn a_template_has_the_same_id_for_ever() {
        assert_eq!(InquiryTemplate::id_of("kyc").to_string(), InquiryTemplate::id_of("kyc").to_string());
        assert_ne!(InquiryTemplate::id_of("kyc"), InquiryTemplate::id_of("kyb"));
        assert!(InquiryTemplate::id_of("kyc").to_string().starts_with("itmpl_"));
    }

    #[test]
    fn a_type_has_a_template_without_configuration() {
        let kinds = account_type(&[
            "name",
            "birthdate",
            "address_city",
            "address_street_1",
            "phone_number",
            "email_address",
            "passport_number",
        ]);
        let template = InquiryTemplate::of_type(&kinds);
        let methods: Vec<(&str, Method, Requirement)> = template
            .compare
            .iter()
            .map(|rule| (rule.field.as_str(), rule.any[0].method, rule.requirement))
            .collect();
        let (must, may) = (Requirement::Required, Requirement::NotRequired);
        assert_eq!(
            methods,
            [
                ("name", Method::NameFuzzy, must),
                ("birthdate", Method::Date, must),
                ("address", Method::Address, may),
                ("phone_number", Method::Phone, may),
                ("email_address", Method::Email, may),
                ("passport_number", Method::DocumentNumber, may),
            ]
        );
        assert_eq!(template.updates, ["address_city", "address_street_1", "phone_number", "email_address"]);
        assert!(template.collects("passport_number") && !template.collects("segment"));
    }

    #[test]
    fn a_name_is_had_whole_or_in_parts() {
        let kinds = account_type(&["name_first", "addressee"]);
        assert!(
            has_parts(&kinds, "name") && has_parts(&kinds, "name_first") && !has_parts(&kinds, "address")
        );
    }
}
