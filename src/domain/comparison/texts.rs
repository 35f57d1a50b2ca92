//! Values that agree character by character: plain ones, numbers of documents, e-mail addresses.

use serde_json::Value;
use unicode_normalization::UnicodeNormalization;

use super::{Outcome, Reason};

/// The same characters, however Unicode composes them; blanks around do not count.
pub(super) fn exact(one: &Value, other: &Value) -> Outcome {
    let (Some(one), Some(other)) = (one.as_str(), other.as_str()) else {
        return if one == other { Outcome::full(Reason::Same) } else { Outcome::none(Reason::Differs) };
    };
    let (one, other): (String, String) = (one.trim().nfc().collect(), other.trim().nfc().collect());
    if one == other {
        Outcome::full(Reason::Same)
    } else if one.to_lowercase() == other.to_lowercase() {
        Outcome::partial(Reason::CaseDiffers)
    } else {
        Outcome::none(Reason::Differs)
    }
}

/// Case, blanks and punctuation do not count; letters that are read as digits agree in part.
pub(super) fn document(one: &str, other: &str) -> Outcome {
    let (written, other_written) = (one, other);
    let normal = |text: &str| -> String {
        text.nfkc().filter(|c| c.is_alphanumeric()).flat_map(char::to_uppercase).collect()
    };
    let (one, other) = (normal(one), normal(other));
    if one.is_empty() || other.is_empty() {
        return Outcome::none(Reason::NumberDiffers);
    }
    if one == other {
        let same = written.trim() == other_written.trim();
        return Outcome::full(if same { Reason::Same } else { Reason::SameWhenNormalised });
    }
    let as_digits = |text: &str| text.replace('O', "0").replace(['I', 'L'], "1");
    if as_digits(&one) == as_digits(&other) {
        Outcome::partial(Reason::LettersForDigits)
    } else {
        Outcome::none(Reason::NumberDiffers)
    }
}

/// The domain's case never counts. The mailbox's case, its dots and its tag after `+` count at few providers: they
/// agree in part.
pub(super) fn email(one: &str, other: &str) -> Outcome {
    let (Some((mailbox, domain)), Some((other_mailbox, other_domain))) =
        (one.trim().rsplit_once('@'), other.trim().rsplit_once('@'))
    else {
        return exact(&Value::from(one), &Value::from(other));
    };
    if domain.to_lowercase() != other_domain.to_lowercase() {
        return Outcome::none(Reason::EmailDiffers);
    }
    if mailbox == other_mailbox {
        return Outcome::full(Reason::Same);
    }
    let (mailbox, other_mailbox) = (mailbox.to_lowercase(), other_mailbox.to_lowercase());
    if mailbox == other_mailbox {
        return Outcome::partial(Reason::CaseDiffers);
    }
    let bare = |mailbox: &str| mailbox.split('+').next().unwrap_or_default().replace('.', "");
    let one = bare(&mailbox);
    if !one.is_empty() && one == bare(&other_mailbox) {
        Outcome::partial(Reason::DotsOrPlus)
    } else {
        Outcome::none(Reason::EmailDiffers)
    }
}
