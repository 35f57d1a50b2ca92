//! Keys in `kebab-case`, as they are known inside.

/// A key in kebab-case, however it was written.
pub fn to_kebab(key: &str) -> String {
    if key.contains(['-', '_']) || !key.contains(|letter: char| letter.is_ascii_uppercase()) {
        return key.replace('_', "-");
    }
    let mut kebab = String::with_capacity(key.len() + 4);
    let mut before = '-';
    for letter in key.chars() {
        let begins = letter.is_ascii_uppercase() || (letter.is_ascii_digit() && !before.is_ascii_digit());
        if begins && !kebab.is_empty() {
            kebab.push('-');
        }
        kebab.push(letter.to_ascii_lowercase());
        before = letter;
    }
    kebab
}
