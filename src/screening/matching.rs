//! How much likeness makes a match: presets, and what they consist of.

use std::str::FromStr;

use crate::names::Rules;

use super::DEFAULT_THRESHOLD;

/// How a report is screened: the threshold, and which liberties names may take.
///
/// The default is [`Preset::Standard`], with which the figures of `docs/matching.md` are measured. A custom matching is
/// any preset with fields of it changed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Matching {
    /// The score, 0 to 1, from which an entity is a hit.
    pub threshold: f64,
    /// Which rules may make one name answer another.
    pub rules: Rules,
    /// Whether aliases that the publisher calls weak are compared at all. They never suffice alone.
    pub weak_aliases: bool,
    /// Whether a name that suffices with the birth date alone is a hit whatever gender, countries and documents say.
    pub equal_stands: bool,
}

/// Settings that belong together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Preset {
    /// The same words in any order; alphabet, accents, titles and legal forms aside. Of what is known beside the name only
    /// a birth date clears them.
    Exact,
    /// What leaves little doubt: no nicknames, initials, acronyms; strong aliases only.
    Strict,
    /// What an analyst would want to see.
    #[default]
    Standard,
    /// More than that: for a first look at a small stock of accounts.
    Tolerant,
}

impl Matching {
    /// What `preset` stands for.
    pub const fn of(preset: Preset) -> Self {
        match preset {
            Preset::Exact => {
                Self { threshold: 0.97, rules: Rules::EXACT, weak_aliases: false, equal_stands: true }
            }
            Preset::Strict => {
                Self { threshold: 0.92, rules: Rules::STRICT, weak_aliases: false, equal_stands: false }
            }
            Preset::Standard => Self {
                threshold: DEFAULT_THRESHOLD,
                rules: Rules::ALL,
                weak_aliases: true,
                equal_stands: false,
            },
            Preset::Tolerant => {
                Self { threshold: 0.78, rules: Rules::ALL, weak_aliases: true, equal_stands: false }
            }
        }
    }

    /// The same with another threshold.
    #[must_use]
    pub const fn with_threshold(self, threshold: f64) -> Self {
        Self { threshold, ..self }
    }
}

impl Default for Matching {
    fn default() -> Self {
        Self::of(Preset::default())
    }
}

impl Preset {
    /// All of them, the narrowest first.
    pub const ALL: [Self; 4] = [Self::Exact, Self::Strict, Self::Standard, Self::Tolerant];

    /// Its name in a configuration.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Strict => "strict",
            Self::Standard => "standard",
            Self::Tolerant => "tolerant",
        }
    }
}

/// Not the name of a preset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a preset of matching; there are exact, strict, standard and tolerant")]
pub struct NotAPreset;

impl FromStr for Preset {
    type Err = NotAPreset;

    fn from_str(text: &str) -> Result<Self, NotAPreset> {
        Self::ALL.into_iter().find(|preset| preset.word() == text).ok_or(NotAPreset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_are_called_by_their_words_and_widen_in_order() {
        for preset in Preset::ALL {
            assert_eq!(preset.word().parse(), Ok(preset));
        }
        assert_eq!("loose".parse::<Preset>(), Err(NotAPreset));
        let thresholds = Preset::ALL.map(|preset| Matching::of(preset).threshold);
        assert!(thresholds.is_sorted_by(|a, b| a > b));
    }
}
