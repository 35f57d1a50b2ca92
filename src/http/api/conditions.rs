//! Conditions and orders of listings and searches: on what a key must not see there is none, for who may ask whether
//! it is so finds out how it is.

use serde_json::Value;

use super::{call::Call, errors::ApiError, inflection::to_kebab};

/// Refuses filters, an order and a path that are about attributes which the key must not see.
pub(super) fn of_listing(call: &Call) -> Result<(), ApiError> {
    for name in call.filter_names() {
        of_filter(call, &name, &format!("filter[{name}]"))?;
    }
    if let Some(sort) = call.query_value("sort") {
        call.blocklist.must_not_hide(&to_kebab(sort.trim_start_matches('-')), "sort")?;
    }
    if !call.parameter("reference-id").is_empty() {
        call.blocklist.must_not_hide("reference-id", "reference-id")?;
    }
    Ok(())
}

/// The same for one filter, in a query or in a body.
pub(super) fn of_filter(call: &Call, name: &str, place: &str) -> Result<(), ApiError> {
    let is_of_accounts = call.path.ends_with("/accounts");
    let attribute = match name {
        "account-type" => "account-type-name",
        "status" if is_of_accounts => "account-status",
        _ if is_id(name) => return Ok(()),
        _ => ["-start", "-end", "-from", "-to"]
            .iter()
            .find_map(|bound| name.strip_suffix(bound))
            .unwrap_or(name),
    };
    call.blocklist.must_not_hide(attribute, place)
}

/// Whether a name is that of ids of objects, which are no attributes.
fn is_id(name: &str) -> bool {
    name == "id" || (name.ends_with("-id") && name != "reference-id")
}

/// Refuses a search whose conditions or order are about attributes which the key must not see.
pub(super) fn of_search(call: &Call) -> Result<(), ApiError> {
    if let Some(query) = call.body.get("query") {
        of_query(call, query, "/query")?;
    }
    match call.body.pointer("/sort/attribute") {
        Some(Value::String(attribute)) => of_attribute(call, attribute, "/sort/attribute"),
        _ => Ok(()),
    }
}

fn of_query(call: &Call, query: &Value, place: &str) -> Result<(), ApiError> {
    match query {
        Value::Object(parts) => {
            for (key, part) in parts {
                let place = format!("{place}/{key}");
                match part {
                    Value::String(attribute) if key == "attribute" => of_attribute(call, attribute, &place)?,
                    part => of_query(call, part, &place)?,
                }
            }
            Ok(())
        }
        Value::Array(list) => {
            let mut list = list.iter().enumerate();
            list.try_for_each(|(index, part)| of_query(call, part, &format!("{place}/{index}")))
        }
        _ => Ok(()),
    }
}

fn of_attribute(call: &Call, attribute: &str, place: &str) -> Result<(), ApiError> {
    if attribute.contains('.') {
        return call.blocklist.must_not_hide(attribute, place);
    }
    let word = to_kebab(attribute.trim()).to_ascii_lowercase();
    // Who may not read of them is not told by the way.
    match word.as_str() {
        "hits" | "hit" => call.must_be_allowed("hit.read")?,
        "monitoring" => call.must_be_allowed("report.read")?,
        _ => {}
    }
    let is_of_accounts = call.path.ends_with("/accounts/search");
    let name = match word.as_str() {
        "type" | "account-type" => "account-type-name",
        "status" if is_of_accounts => "account-status",
        "archived" => "archived-at",
        word if is_id(word) => return Ok(()),
        word => word,
    };
    call.blocklist.must_not_hide(name, place)
}
