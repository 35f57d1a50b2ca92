//! Just enough of Rust's grammar to tell which paths a file names.

/// Stands for a line that was cut out.
pub(crate) const CUT: &str = "//cut";

/// The code of a file: comments, texts and characters are blanked, lines stay.
pub(crate) fn code_of(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let at = |place: usize| characters.get(place).copied().unwrap_or('\0');
    let mut code = String::with_capacity(text.len());
    let mut place = 0;
    while place < characters.len() {
        let end = match at(place) {
            '/' if at(place + 1) == '/' => until(&characters, place, |at| characters[at] == '\n'),
            '/' if at(place + 1) == '*' => end_of_comment(&characters, place),
            '"' => end_of_text(&characters, place),
            'r' if matches!(at(place + 1), '"' | '#') && !is_within_word(&characters, place) => {
                end_of_raw_text(&characters, place)
            }
            // A lifetime has no closing quotation mark after one character.
            '\'' if at(place + 1) == '\\' => until(&characters, place + 3, |at| characters[at] == '\'') + 1,
            '\'' if at(place + 2) == '\'' => place + 3,
            _ => place,
        };
        if end == place {
            code.push(at(place));
            place += 1;
        } else {
            let blanked = characters[place..end.min(characters.len())].iter();
            code.extend(blanked.map(|character| if *character == '\n' { '\n' } else { ' ' }));
            place = end;
        }
    }
    code
}

fn until(characters: &[char], from: usize, is_end: impl Fn(usize) -> bool) -> usize {
    (from..characters.len()).find(|at| is_end(*at)).unwrap_or(characters.len())
}

fn is_within_word(characters: &[char], place: usize) -> bool {
    // `br"…"` is a raw text too.
    let before = place.checked_sub(1).map_or(' ', |before| characters[before]);
    (before.is_alphanumeric() || before == '_') && before != 'b'
}

fn end_of_comment(characters: &[char], start: usize) -> usize {
    let (mut depth, mut place) = (0_usize, start);
    while place < characters.len() {
        match characters[place..] {
            ['/', '*', ..] => (depth, place) = (depth + 1, place + 2),
            ['*', '/', ..] => (depth, place) = (depth - 1, place + 2),
            _ => place += 1,
        }
        if depth == 0 {
            return place;
        }
    }
    place
}

fn end_of_text(characters: &[char], start: usize) -> usize {
    let mut place = start + 1;
    while place < characters.len() {
        match characters[place] {
            '\\' => place += 2,
            '"' => return place + 1,
            _ => place += 1,
        }
    }
    place
}

fn end_of_raw_text(characters: &[char], start: usize) -> usize {
    let hashes = characters[start + 1..].iter().take_while(|character| **character == '#').count();
    let opening = start + 1 + hashes;
    if characters.get(opening) != Some(&'"') {
        // A raw identifier such as `r#type`.
        return start;
    }
    let closes = |at: usize| {
        characters[at] == '"'
            && characters[at + 1..].iter().take_while(|character| **character == '#').count() >= hashes
    };
    until(characters, opening + 1, closes) + 1 + hashes
}

/// A file without its inline test modules: their lines are [`CUT`].
pub(crate) fn without_tests(text: &str) -> String {
    let code = code_of(text);
    let code: Vec<&str> = code.lines().collect();
    let mut kept: Vec<&str> = text.lines().collect();
    let mut line = 0;
    while line < code.len() {
        let is_test = code[line].trim() == "#[cfg(test)]"
            && code.get(line + 1).is_some_and(|next| next.trim().ends_with('{'));
        if !is_test {
            line += 1;
            continue;
        }
        kept[line] = CUT;
        line += 1;
        let mut depth = 0_usize;
        while line < code.len() {
            let count = |wanted: char| code[line].chars().filter(|found| *found == wanted).count();
            depth = (depth + count('{')).saturating_sub(count('}'));
            kept[line] = CUT;
            line += 1;
            if depth == 0 {
                break;
            }
        }
    }
    kept.join("\n")
}

/// Every path of the code, groups written out: `use a::{b, c::d}` names `a::b` and `a::c::d`.
pub(crate) fn paths_of(code: &str) -> Vec<Vec<String>> {
    let tokens = tokens_of(code);
    let mut paths = Vec::new();
    let mut place = 0;
    while place < tokens.len() {
        place = if is_word(&tokens[place]) { path(&tokens, place, &[], &mut paths) } else { place + 1 };
    }
    paths
}

/// Reads the path that begins at `place` below `above`. Returns where it ends.
fn path(tokens: &[String], place: usize, above: &[String], paths: &mut Vec<Vec<String>>) -> usize {
    let mut here = above.to_vec();
    here.push(tokens[place].clone());
    let token = |place: usize| tokens.get(place).map_or("", String::as_str);
    if token(place + 1) != "::" {
        paths.push(here);
        return place + 1;
    }
    match token(place + 2) {
        "{" => {
            let mut place = place + 3;
            while place < tokens.len() && token(place) != "}" {
                place = match token(place) {
                    "*" => {
                        paths.push([here.as_slice(), &["*".to_owned()]].concat());
                        place + 1
                    }
                    "as" => place + 2,
                    word if is_word(word) => path(tokens, place, &here, paths),
                    _ => place + 1,
                };
            }
            place + 1
        }
        "*" => {
            here.push("*".to_owned());
            paths.push(here);
            place + 3
        }
        word if is_word(word) => path(tokens, place + 2, &here, paths),
        _ => {
            paths.push(here);
            place + 2
        }
    }
}

fn is_word(token: &str) -> bool {
    token.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

fn tokens_of(code: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut rest = code;
    while let Some(first) = rest.chars().next() {
        let length = if first.is_alphanumeric() || first == '_' {
            rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())
        } else if rest.starts_with("::") {
            2
        } else {
            first.len_utf8()
        };
        let (token, behind) = rest.split_at(length);
        if !first.is_whitespace() {
            tokens.push(token.to_owned());
        }
        rest = behind;
    }
    tokens
}
