//! Why a comparison came to what it came to, in words that quote nothing.

use serde::{Deserialize, Serialize};

macro_rules! reasons {
    ($($(#[$about:meta])* $name:ident = $word:literal, $text:literal;)*) => {
        /// Why a comparison came to what it came to.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Reason {$(
            #[doc = $text]
            $name,
        )*}

        impl Reason {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Its word in the API.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// The reason for a person to read.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

reasons! {
    Same = "same", "both are the same";
    SameWhenNormalised = "same_when_normalised", "both are the same but for case, accents, blanks or punctuation";
    SameInOtherScript = "same_in_other_script", "both are the same, written in another alphabet";
    NoAccount = "no_account", "there is no account to compare with";
    BaselineLacks = "no_value_to_compare_with", "there is no value to compare with";
    InquiryLacks = "not_collected", "the inquiry did not collect it";
    CaseDiffers = "letter_case_differs", "they differ in upper and lower case only";
    Differs = "values_differ", "they differ";

    Nickname = "short_form_of_name", "one name is a short or usual other form of the other";
    Initial = "initial_only", "a name is only an initial on one side";
    Transposed = "first_and_last_name_transposed", "first and last name are the other way round";
    OtherOrder = "parts_in_other_order", "the parts of the name stand in another order";
    DividedOtherwise = "parts_divided_otherwise", "the same parts are divided otherwise between first, middle and last name";
    SpelledAlike = "spelled_alike", "they are spelled nearly alike";
    PartLeftOut = "part_of_name_left_out", "a part of the name is on one side only";
    LegalFormDiffers = "legal_form_differs", "the legal forms differ, or one is left out";
    MiddleNameLeftOut = "middle_name_left_out", "the middle name is on one side only";
    MiddleNameDiffers = "middle_name_differs", "the middle names differ";
    FirstNameDiffers = "first_name_differs", "the first names differ";
    LastNameDiffers = "last_name_differs", "the last names differ";
    NameDiffers = "name_differs", "the names differ";

    DayOff = "day_off_by_one", "the dates are one day apart";
    DayAndMonthSwapped = "day_and_month_swapped", "day and month are the other way round";
    OneDigitWrong = "one_digit_wrong", "one digit differs";
    LessPrecise = "date_less_precise", "one side knows less of the date; what both know agrees";
    DateDiffers = "date_differs", "the dates differ";
    NotADate = "not_a_date", "a value is not a date";

    UnitLeftOut = "unit_left_out", "the unit (flat, floor, door) is on one side only";
    UnitDiffers = "unit_differs", "the units (flat, floor, door) differ";
    StreetAlike = "street_spelled_alike", "the streets are spelled nearly alike";
    StreetLeftOut = "street_left_out", "the street is on one side only; what else is known agrees";
    HouseNumberLeftOut = "house_number_left_out", "the house number is on one side only";
    HouseNumberDiffers = "house_number_differs", "the house numbers differ";
    StreetDiffers = "street_differs", "the streets differ";
    PostalCodeDiffers = "postal_code_differs", "the postal codes differ; street and city agree";
    CityDiffers = "city_differs", "the cities differ; street and postal code agree";
    PlaceLeftOut = "place_left_out", "city and postal code are on one side only; the streets agree";
    PlaceDiffers = "place_differs", "city and postal code differ";
    SubdivisionDiffers = "subdivision_differs", "the states or provinces differ";
    CountryDiffers = "country_differs", "the countries differ";

    CountryCodeLeftOut = "country_code_left_out", "the same number, its country code on one side only";
    ExtensionDiffers = "extension_differs", "the same number with another extension";
    NotAPhoneNumber = "not_a_phone_number", "a value is not a telephone number";
    NumberDiffers = "number_differs", "the numbers differ";

    LettersForDigits = "letters_for_digits", "they differ in letters that are read as digits (O and 0, I and 1)";

    DotsOrPlus = "dots_or_plus_tag", "the same mailbox at many providers: dots or a tag after + differ";
    EmailDiffers = "email_differs", "the e-mail addresses differ";
}
