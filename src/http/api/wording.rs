//! What serde finds wrong, in words for people: without Rust's names, and without the value that it found.

/// What a time is written like.
const TIME: &str = "a time as RFC 3339 writes it, such as 2026-03-04T05:06:07Z";

/// What is found wrong with the text of a time.
const OF_TIMES: [&str; 6] = [
    "input is out of range",
    "no possible date and time matching input",
    "input is not enough for unique date and time",
    "input contains invalid characters",
    "premature end of input",
    "trailing input",
];

/// Says what a body must be instead; never what it says.
pub(super) fn of_serde(text: &str) -> String {
    if let Some(field) = text.strip_prefix("missing field ") {
        return format!("{field} is required");
    }
    if let Some(field) = text.strip_prefix("duplicate field ") {
        return format!("{field} is given twice");
    }
    if let Some(unknown) = text.strip_prefix("unknown field ") {
        let Some((field, expected)) = unknown.split_once(", expected ") else {
            let field = unknown.split(", ").next().unwrap_or_default();
            return format!("{field} is an unknown field; accepted is none here");
        };
        let expected = expected.strip_prefix("one of ").unwrap_or(expected);
        return format!("{field} is an unknown field; accepted are {expected}");
    }
    if OF_TIMES.contains(&text) {
        return format!("must be {TIME}");
    }
    let Some((found, expected)) = text.split_once(", expected ") else { return text.to_owned() };
    match found.split_once(": ") {
        Some(("invalid type", found)) => format!("must be {}, and is {}", wanted(expected), kind(found)),
        Some(("invalid value", _)) => format!("must be {}", wanted(expected)),
        Some(("invalid length", found)) => format!("must be {}, and has {found}", wanted(expected)),
        _ if found.starts_with("unknown variant") => {
            format!("must be {}", expected.replacen("one of ", "", 1))
        }
        _ if found.starts_with("invalid length") => format!("must be {}", wanted(expected)),
        _ => text.to_owned(),
    }
}

fn wanted(expected: &str) -> String {
    let words = match expected {
        "a map" | "map" => "an object",
        "a sequence" | "sequence" => "a list",
        "a string" | "a borrowed string" | "string" | "str" | "string or map" | "variant identifier" => {
            "a text"
        }
        "a boolean" | "bool" => "true or false",
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" | "u128" | "usize" => "a whole number from 0 on",
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "unit" | "null" => "null",
        "an RFC 3339 formatted date and time string" => TIME,
        "map with a single key" => "an object with exactly one key",
        _ if expected.starts_with("struct ") || expected.starts_with("map with") => "an object",
        _ if expected.starts_with("enum ") => "a text",
        other => other,
    };
    words.to_owned()
}

fn kind(found: &str) -> &'static str {
    match found.split([' ', '`', '"']).next().unwrap_or_default() {
        "string" | "character" => "a text",
        "integer" => "a whole number",
        "floating" => "a number with a fraction",
        "boolean" => "true or false",
        "sequence" => "a list",
        "map" => "an object",
        "null" | "unit" => "null",
        _ => "something else",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_not_quoted_and_nothing_is_said_in_rust() {
        for (text, expected) in [
            (r#"invalid type: string "Jane Doe", expected a map"#, "must be an object, and is a text"),
            ("invalid type: null, expected struct Data", "must be an object, and is null"),
            ("invalid value: integer `-1`, expected u32", "must be a whole number from 0 to 4294967295"),
            (
                "invalid type: floating point `1.5`, expected i64",
                "must be a whole number, and is a number with a fraction",
            ),
            ("invalid type: integer `5`, expected a string", "must be a text, and is a whole number"),
            ("invalid value: map, expected map with a single key", "must be an object with exactly one key"),
            (
                "input contains invalid characters",
                "must be a time as RFC 3339 writes it, such as 2026-03-04T05:06:07Z",
            ),
            (
                "invalid type: integer `5`, expected an RFC 3339 formatted date and time string",
                "must be a time as RFC 3339 writes it, such as 2026-03-04T05:06:07Z, and is a whole number",
            ),
            ("missing field `name`", "`name` is required"),
            ("unknown variant `Jane`, expected `a` or `b`", "must be `a` or `b`"),
            ("unknown variant `Jane`, expected one of `a`, `b`, `c`", "must be `a`, `b`, `c`"),
            ("unknown field `x`, expected `a` or `b`", "`x` is an unknown field; accepted are `a` or `b`"),
            ("unknown field `x`, there are no fields", "`x` is an unknown field; accepted is none here"),
        ] {
            assert_eq!(of_serde(text), expected);
        }
    }
}
