//! The parameters of a query: each is understood, or refused. Ignoring a filter would answer another question than was
//! asked, and whoever takes the first of what comes would take the wrong person.

use super::{
    call::{filter_name, normal, split},
    errors::ApiError,
    operation::Operation,
    sparse::Kinds,
};

/// How parameters begin that say what is answered, whatever stands behind it: they are never ignored.
const TELLING: [&str; 5] = ["filter", "page", "field", "includ", "sort"];

/// What pages are asked for by.
const PAGES: [&str; 3] = ["page[after]", "page[before]", "page[size]"];

/// How other services call that.
const OTHER_PAGES: [&str; 6] = ["after", "before", "size", "limit", "offset", "cursor"];

/// Refuses parameters that the operation does not know, is given twice, or that are empty filters. As Persona does,
/// it ignores a plain word that it does not know (`bogus=1`), where that is no misspelling of what it would obey.
pub(super) fn check(
    operation: &Operation,
    kinds: &Kinds,
    query: &[(String, String)],
) -> Result<(), ApiError> {
    for (place, (key, value)) in query.iter().enumerate() {
        let name = normal(key);
        if let Some(filter) = filter_name(key) {
            of_filter(operation, (key.as_str(), filter.as_str()), value)?;
            continue;
        }
        let is_known = match name.split_once('[') {
            None => name == "include" || operation.queries.iter().any(|(known, _)| *known == name),
            Some(("page", _)) if is_closed(key) => operation.is_paged && PAGES.contains(&name.as_str()),
            Some(("fields", _)) if is_closed(key) => {
                kinds.check(key, value)?;
                true
            }
            Some(_) => false,
        };
        if !is_known && is_telling(operation, key, &name) {
            return Err(ApiError::bad_request(
                key,
                format!("there is no such parameter; {}", accepted(operation)),
            ));
        }
        let mut earlier = query.iter().take(place);
        if is_known && earlier.any(|(other, _)| normal(other) == name) {
            return Err(ApiError::bad_request(key, "must be given once"));
        }
    }
    Ok(())
}

/// Refuses a filter that the listing does not have, and one that says nothing: it would hold for everything.
fn of_filter(operation: &Operation, (key, name): (&str, &str), value: &str) -> Result<(), ApiError> {
    if !is_closed(key) {
        let details = "accepted is filter[NAME], or filter[NAME][] or filter[NAME][0] of several values";
        return Err(ApiError::bad_request(key, details));
    }
    let pointer = format!("filter[{name}]");
    let Some((_, meaning)) = operation.queries.iter().find(|(known, _)| *known == pointer) else {
        let known: Vec<&str> = filters(operation).collect();
        let details = if known.is_empty() {
            "there are no filters here".to_owned()
        } else {
            format!("there is no such filter; there are: {}", known.join(", "))
        };
        return Err(ApiError::bad_request(&pointer, details));
    };
    let mut values = split(value);
    let is_blank = |value: String| value.trim().is_empty();
    let is_empty = if is_list(meaning) { values.any(is_blank) } else { values.all(is_blank) };
    if is_empty {
        let details = if is_list(meaning) { "a value, or several with commas between" } else { "a value" };
        let details =
            format!("{pointer} is empty; accepted is {details}: to have everything, leave the filter out");
        return Err(ApiError::bad_request(&pointer, details));
    }
    Ok(())
}

/// The names of an operation's filters.
fn filters(operation: &Operation) -> impl Iterator<Item = &'static str> {
    operation.queries.iter().filter_map(|(name, _)| name.strip_prefix("filter[")?.strip_suffix(']'))
}

/// Whether a parameter takes several values with commas between.
pub(super) fn is_list(meaning: &str) -> bool {
    meaning.ends_with("with commas between")
}

/// Whether an unknown parameter would have said something about the answer: it begins like one that does, has
/// brackets, is a filter without them, or stands among plain parameters that are obeyed.
fn is_telling(operation: &Operation, key: &str, name: &str) -> bool {
    let begins = key.trim_start_matches(|letter: char| !letter.is_ascii_alphabetic()).to_ascii_lowercase();
    let has_plain = operation
        .queries
        .iter()
        .any(|(known, _)| !known.contains('[') && !TELLING.iter().any(|telling| known.starts_with(telling)));
    has_plain
        || key.contains(['[', ']'])
        || TELLING.iter().any(|telling| begins.starts_with(telling))
        || filters(operation).any(|filter| filter == name)
        || (operation.is_paged && OTHER_PAGES.contains(&name))
}

/// What an operation knows, in words.
fn accepted(operation: &Operation) -> String {
    let mut known: Vec<&str> = operation.queries.iter().map(|(name, _)| *name).collect();
    if operation.is_paged {
        known.extend(PAGES);
    }
    known.push("fields[TYPE]");
    format!("accepted is any of: {}", known.join(", "))
}

/// Whether each bracket of a parameter's name is closed before the next is opened, and nothing stands behind the last.
fn is_closed(key: &str) -> bool {
    let Some((_, rest)) = key.split_once('[') else { return !key.contains(']') };
    let words = rest.strip_suffix(']').map(|words| words.split("]["));
    words.is_some_and(|mut words| words.all(|word| !word.contains(['[', ']'])))
}

#[cfg(test)]
mod tests {
    use super::{super::account_bodies::Attributes, *};

    fn listing() -> Operation {
        Operation::get("/accounts", "account.read", "")
            .query("filter[reference-id]", "reference ids, with commas between")
            .query("filter[note]", "exactly this note")
            .query("include", "")
            .lists::<Attributes>("account")
    }

    fn asked(operation: &Operation, query: &str) -> Result<(), ApiError> {
        let query: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        check(operation, &Kinds::of(&[listing()]), &query)
    }

    #[test]
    fn what_is_known_in_any_spelling_and_plain_words_that_say_nothing_pass() {
        for query in [
            "",
            "filter[reference-id]=a,b&filter[referenceId][0]=c&filter[reference_id][]=d",
            "filter[note]=a,, b",
            "page[size]=2&page[after]=act_1",
            "include=account-type",
            "fields[account]=reference-id,tags,fields.tax_number",
            "fields[account]=referenceId,name-first,fields.taxNumber",
            "fields[account]=",
            "bogus=1&utm=2",
        ] {
            asked(&listing(), query).unwrap_or_else(|error| panic!("{query}: {}", error.body()));
        }
    }

    #[test]
    fn an_empty_filter_does_not_stand_for_everything() {
        for query in [
            "filter[reference-id]=",
            "filter[reference-id]",
            "filter[reference-id][]=",
            "filter[reference-id]=,",
            "filter[reference-id]=%20",
            "filter[reference-id]=a,",
            "filter[reference-id]=a&filter[reference-id]=",
            "filter[note]=",
            "filter[note]=,",
        ] {
            let refused = asked(&listing(), query).unwrap_err().body().to_string();
            assert!(
                refused.contains("is empty") && refused.contains("leave the filter out"),
                "{query}: {refused}"
            );
        }
    }

    #[test]
    fn what_would_have_said_something_is_refused_by_its_name() {
        for query in [
            "filters[reference-id]=a",
            "filter]reference-id[=a",
            "fliter[reference-id]=a",
            "[filter]reference-id=a",
            "filter.reference-id=a",
            "filter%255Breference-id%255D=a",
            "reference-id=a",
            "referenceId=a",
            "page[bogus]=2",
            "page=2",
            "pageSize=2",
            "limit=2",
            "page[size]=1&page[size]=2",
            "sort=created-at",
            "includes=x",
            "include[]=x",
            "fields=x",
            "fields[]=x",
            "fields[bogus]=tags",
            "fields[account]=bogus",
            "fields[account]=fields.",
            "fields[account",
        ] {
            let refused = asked(&listing(), query).unwrap_err();
            assert_eq!(refused.status, axum::http::StatusCode::BAD_REQUEST, "{query}");
            let body = refused.body().to_string();
            assert!(
                body.contains("pointer") && (body.contains("accepted") || body.contains("once")),
                "{body}"
            );
        }
        let imports = Operation::post("/importer/accounts", "importer.write", "").query("dry-run", "");
        asked(&imports, "dry_run=true").unwrap();
        asked(&imports, "dryrn=true").unwrap_err();
    }

    #[test]
    fn brackets_must_be_closed() {
        for key in ["filter[a]", "filter[a][]", "filter[a][0]", "filter[a][12]", "a"] {
            assert!(is_closed(key), "{key}");
        }
        for key in ["filter[a", "filter[a]]", "filter[a][0", "filter[[a]]", "filter]a["] {
            assert!(!is_closed(key), "{key}");
        }
    }
}
