//! The words that tell little about whom a name names. Each table is sorted, for a quick search.
//!
//! They are general knowledge of names, fixed with the program; none is counted from a list.

/// How much an ordinary part of a name tells.
pub const ORDINARY: f64 = 1.0;

/// How much a very common given or family name tells.
pub const COMMON: f64 = 0.5;

/// How much an initial, a kinship word or a word of business tells.
pub const FAINT: f64 = 0.3;

/// Whether the word is a title or an honorific of a person: no part of the name.
pub fn is_title(word: &str) -> bool {
    holds(TITLES, word)
}

/// Whether the word only joins the parts of a person's name, and comes and goes with the writer.
pub fn is_particle(word: &str) -> bool {
    holds(PARTICLES, word)
}

/// Whether the word only joins others in an organisation's name.
pub fn is_joining(word: &str) -> bool {
    holds(JOINING, word)
}

/// Whether the word is one of business or a place: one that is known, so that another one is not a slip of it.
pub fn is_known_in_organisation(word: &str) -> bool {
    holds(BUSINESS, word) || holds(PLACES, word)
}

/// Whether the word is of funds and trusts, which one house numbers in series.
pub fn is_of_series(word: &str) -> bool {
    matches!(
        word,
        "fund"
            | "trust"
            | "series"
            | "partner"
            | "partners"
            | "capital"
            | "securities"
            | "mortgage"
            | "notes"
            | "bond"
            | "bonds"
            | "portfolio"
            | "funding"
            | "issuer"
            | "venture"
            | "opportunity"
            | "opportunities"
            | "investor"
            | "investors"
            | "equity"
    )
}

/// Whether the word is a patronymic by its ending, which writers put in or leave out at will.
pub fn is_patronymic(word: &str) -> bool {
    word.len() >= 7 && PATRONYMIC_ENDINGS.iter().any(|end| word.ends_with(end))
}

/// Whether the word is one of the commonest given and family names.
pub fn is_common_in_person(word: &str) -> bool {
    holds(COMMON_NAMES, word)
}

/// The words that belong to many: common names of people, words of business, places.
pub fn common() -> impl Iterator<Item = &'static str> {
    [COMMON_NAMES, FAINT_IN_PERSONS, BUSINESS, PLACES].into_iter().flatten().copied()
}

/// Whether the word is one of [`common`].
pub fn is_common(word: &str) -> bool {
    [COMMON_NAMES, FAINT_IN_PERSONS, BUSINESS, PLACES].into_iter().any(|table| holds(table, word))
}

/// How much a part of a person's name tells.
pub fn weight_in_person(word: &str) -> f64 {
    if holds(FAINT_IN_PERSONS, word) {
        FAINT
    } else if holds(COMMON_NAMES, word) || word.len() <= 3 && word.is_ascii() {
        COMMON
    } else {
        ORDINARY
    }
}

/// How much a word of an organisation's name tells.
pub fn weight_in_organisation(word: &str) -> f64 {
    if holds(BUSINESS, word) {
        FAINT
    } else if holds(PLACES, word) {
        COMMON
    } else {
        ORDINARY
    }
}

fn holds(table: &[&str], word: &str) -> bool {
    table.binary_search(&word).is_ok()
}

const PATRONYMIC_ENDINGS: &[&str] = &[
    "ovich", "evich", "ovych", "evych", "yovych", "ovna", "evna", "ivna", "ovic", "oglu", "ogly", "oghlu",
    "kyzy", "qizi", "gyzy", "zoda",
];

/// Titles, honorifics and ranks.
#[rustfmt::skip]
const TITLES: &[&str] = &[
    "admiral", "alhaj", "alhajj", "ayatollah", "brigadier", "brother", "capt", "captain", "cheikh", "col",
    "colonel", "comrade", "cpt", "dame", "doctor", "doktor", "don", "dona", "dr", "eng", "esq",
    "excellency", "father", "frau", "gen", "hadji", "haji", "hajj", "hajji", "her", "herr", "his",
    "hojjatoleslam", "hon", "honorable", "honourable", "hr", "ii", "iii", "imam", "ing", "iv", "jr",
    "junior", "king", "lady", "lieutenant", "lord", "lt", "madam", "maj", "major", "marshal", "maulana",
    "maulavi", "mawlana", "mawlawi", "minister", "miss", "mister", "mlle", "mme", "molvi", "monsieur",
    "mr", "mrs", "ms", "mulla", "mullah", "phd", "prasident", "president", "presidente", "prince",
    "princess", "prof", "professor", "qari", "queen", "rev", "reverend", "sayed", "sayyed", "sayyid",
    "senior", "senor", "senora", "seyed", "seyyed", "shaikh", "shaykh", "sheik", "sheikh", "shri", "sir",
    "sister", "smt", "sr", "sri", "syed", "ustad", "ustadh",
];

/// Articles, prepositions and words of descent.
#[rustfmt::skip]
const PARTICLES: &[&str] = &[
    "ad", "af", "al", "ar", "as", "ash", "at", "av", "az", "ben", "bin", "bint", "binte", "binti", "bt",
    "da", "das", "de", "dei", "del", "della", "den", "der", "di", "do", "dos", "du", "el", "ibn", "la",
    "las", "le", "les", "los", "of", "ten", "ter", "the", "ul", "ur", "van", "von", "zu", "zum", "zur",
];

/// Words of kinship, tribe and unknown names.
#[rustfmt::skip]
const FAINT_IN_PERSONS: &[&str] = &[
    "abou", "abu", "fnu", "khel", "lnu", "na", "senor", "um", "umm", "zai",
];

/// Given and family names that each belong to millions.
#[rustfmt::skip]
const COMMON_NAMES: &[&str] = &[
    "abdallah", "abdaziz", "abdghafar", "abdghani", "abdhakim", "abdhamid", "abdkader", "abdkarim",
    "abdlah", "abdlatif", "abdmajid", "abdmalik", "abdqadir", "abdrahman", "abdsalam", "abdulla",
    "abdullah", "abdwahab", "adam", "adams", "aguilar", "ahmad", "ahmed", "ahmet", "ahn", "aisha", "akbar",
    "akter", "alberto", "alejandro", "aleksander", "aleksandr", "aleksandra", "aleksandrovich",
    "aleksandrovna", "alekseevich", "aleksei", "aleksey", "alexander", "alexandr", "alexandrovich",
    "alexei", "alexey", "ali", "allen", "almeida", "alvarez", "alves", "aly", "amadou", "amina", "ana",
    "anastasia", "anatoly", "anatolyevich", "anderson", "andre", "andreevich", "andrei", "andres",
    "andrew", "andrey", "andrzej", "anna", "anne", "anthony", "antonio", "ashley", "ayse", "aziz", "baker",
    "barbara", "becker", "begum", "benjamin", "bibi", "bo", "brandon", "brian", "brown", "bui", "butt",
    "campbell", "carlos", "carmen", "carter", "castillo", "castro", "cesar", "chandra", "charles",
    "chavez", "chen", "cho", "choe", "choi", "chong", "chowdhury", "christopher", "clark", "contreras",
    "costa", "cruz", "dang", "daniel", "das", "daud", "david", "davis", "dawood", "demir", "dennis",
    "devi", "diallo", "diaz", "diego", "dmitri", "dmitrievich", "dmitriy", "dmitry", "donald", "ebrahim",
    "eduardo", "edward", "ekaterina", "elena", "elizabeth", "emily", "emmanuel", "enrique", "eric",
    "evgeniy", "evgeny", "fang", "fatima", "fatma", "feng", "fernandez", "fernando", "ferreira", "fischer",
    "flores", "francisco", "francois", "frank", "gabriel", "gamal", "gao", "garcia", "gary", "george",
    "giovanni", "giuseppe", "gloria", "gomez", "gonzales", "gonzalez", "green", "gregory", "guadalupe",
    "gul", "guo", "gupta", "gutierrez", "guzman", "hakim", "hall", "hamad", "hamed", "hamid", "han",
    "hans", "harris", "hasan", "hassan", "he", "heinz", "hernandez", "herrera", "hill", "hoang", "hong",
    "hossain", "hossein", "hossen", "hu", "hua", "huang", "hui", "husain", "husayn", "hussain", "hussein",
    "hwang", "ibrahim", "ibrahima", "igor", "iqbal", "irina", "isa", "isabel", "islam", "ismail", "issa",
    "ivan", "ivanov", "ivanova", "ivanovich", "jack", "jackson", "jacob", "jacques", "jamal", "james",
    "jan", "jason", "javier", "jean", "jeffrey", "jennifer", "jessica", "jesus", "jimenez", "jing", "joao",
    "john", "johnson", "jonathan", "jones", "jong", "jorge", "jose", "joseph", "joshua", "juan", "juana",
    "julio", "jun", "jung", "justin", "kamal", "kang", "kareem", "karen", "karim", "karl", "kaur", "kaya",
    "kenneth", "kevin", "khadija", "khaled", "khalid", "khan", "kim", "king", "klaus", "konstantin",
    "krzysztof", "kumar", "kuznetsov", "kwon", "lal", "larry", "latif", "laurent", "le", "lee", "lei",
    "lewis", "li", "liang", "lim", "lima", "lin", "linda", "ling", "lisa", "liu", "lopez", "luca", "lucas",
    "luis", "luisa", "luna", "luo", "ma", "mahdi", "mahmoud", "mahmud", "majid", "maksim", "malik",
    "mamadou", "manuel", "marco", "marcos", "margaret", "maria", "mariam", "marie", "mario", "mark",
    "marta", "martha", "martin", "martinez", "mary", "maryam", "matthew", "maxim", "medina", "mehdi",
    "mehmet", "mendez", "mendoza", "meyer", "michael", "michel", "miguel", "mikhail", "mikhailovich",
    "miller", "ming", "minh", "mitchell", "mohamad", "mohamed", "mohammad", "mohammed", "mohamud", "mohd",
    "moore", "morales", "moreno", "moses", "mostafa", "mousa", "moussa", "muhammad", "muhammed", "muller",
    "munoz", "murad", "musa", "mustafa", "nancy", "nascimento", "naser", "nasir", "nasser", "natalia",
    "natalya", "nelson", "nguyen", "nicholas", "nicolas", "nikolaevich", "nikolaevna", "nikolai",
    "nikolay", "nikolayevich", "oh", "oleg", "olga", "oliveira", "omar", "ortiz", "oscar", "osman",
    "othman", "ousmane", "pablo", "pak", "park", "patel", "patricia", "patrick", "paul", "paulo", "pavel",
    "pedro", "pereira", "perez", "peter", "petrov", "petrova", "petrovich", "pham", "phan", "philippe",
    "pierre", "ping", "piotr", "popov", "prasad", "rafael", "rahim", "rahimi", "rahman", "raj", "ram",
    "ramirez", "ramon", "ramos", "rao", "rasheed", "rashid", "raul", "raymond", "reddy", "reyes", "reza",
    "ri", "ricardo", "richard", "rivera", "robert", "roberto", "roberts", "robinson", "rodrigues",
    "rodriguez", "rojas", "roman", "romero", "ronald", "rosa", "rossi", "roy", "ruiz", "ryan", "saeed",
    "said", "salah", "saleem", "saleh", "salih", "salim", "salman", "samuel", "sanchez", "sandra",
    "santos", "sara", "sarah", "sayeed", "schmidt", "schneider", "scott", "seo", "sergeevich", "sergeevna",
    "sergei", "sergey", "sergeyevich", "sergio", "shah", "sharma", "shin", "silva", "singh", "smirnov",
    "smirnova", "smith", "song", "soto", "sousa", "souza", "stephen", "steven", "sultan", "sun", "susan",
    "svetlana", "tang", "tariq", "tatiana", "tatyana", "taylor", "teresa", "thi", "thomas", "thompson",
    "timothy", "torres", "tran", "traore", "umar", "usman", "uthman", "vargas", "vasily", "vasquez",
    "victor", "viktor", "viktorovich", "vladimir", "vladimirovich", "vladimirovna", "vo", "volkov", "vu",
    "wagner", "waleed", "walid", "walker", "wang", "weber", "wei", "white", "william", "williams",
    "wilson", "wolfgang", "wright", "wu", "xie", "xu", "yahya", "yan", "yang", "yevgeniy", "yevgeny", "yi",
    "yilmaz", "ying", "yoon", "young", "yousef", "yousif", "youssef", "yuri", "yurievich", "yury",
    "yuryevich", "yusuf", "zahra", "zaid", "zainab", "zaki", "zayd", "zhang", "zhao", "zheng", "zhou",
    "zhu",
];

/// Words that join others in an organisation's name.
#[rustfmt::skip]
const JOINING: &[&str] = &[
    "a", "al", "an", "and", "at", "da", "das", "de", "del", "der", "des", "di", "die", "do", "dos", "du",
    "e", "el", "et", "for", "i", "in", "la", "las", "le", "les", "los", "of", "s", "the", "to", "und",
    "van", "von", "y", "zu",
];

/// What organisations call themselves.
#[rustfmt::skip]
const BUSINESS: &[&str] = &[
    "1st", "aerospace", "agency", "agricola", "agropecuaria", "aid", "air", "airlines", "army", "asset",
    "assets", "associates", "association", "authority", "auto", "automotive", "aviation", "bank", "battalion",
    "beverages", "branch", "brigade", "brothers", "bureau", "capital", "cargo", "center", "central", "charity",
    "chemical", "chemicals", "club", "comercial", "comercializadora", "command", "commercial", "commission",
    "committee", "communications", "compania", "company", "construction", "consultancy", "consultants",
    "consulting", "corps", "council", "court", "data", "defense", "democratic", "department", "design",
    "development", "digital", "division", "east", "eastern", "electronic", "electronics", "energy",
    "engineering", "enterprise", "enterprises", "equipment", "estate", "exchange", "export", "factory",
    "federal", "finance", "financial", "first", "food", "foods", "force", "forces", "foundation", "front",
    "fund", "funds", "gas", "general", "global", "gold", "government", "group", "guard", "holding", "hospital",
    "house", "import", "industrial", "industrias", "industries", "industry", "institute", "institution",
    "instrument", "insurance", "international", "investment", "islamic", "laboratory", "leather", "limited",
    "line", "lines", "logistics", "machine", "machinery", "making", "management", "manufacturing", "marine",
    "maritime", "market", "markets", "media", "medical", "medicine", "metal", "metals", "middle", "military",
    "mining", "ministry", "money", "mortgage", "motor", "motors", "movement", "national", "nations", "network",
    "new", "news", "north", "northern", "office", "oil", "online", "organization", "partners", "partnership",
    "party", "people", "petrochemical", "petroleum", "pharma", "pharmaceutical", "pharmaceuticals", "plant",
    "plastic", "plastics", "press", "production", "products", "project", "properties", "property", "radio",
    "real", "refinery", "reinsurance", "relief", "republic", "research", "revolutionary", "school", "science",
    "sciences", "scientific", "securities", "security", "series", "service", "services", "shipping", "shop",
    "society", "solutions", "son", "sons", "south", "southern", "special", "state", "states", "steel", "store",
    "supplies", "supply", "system", "systems", "technical", "technology", "telecom", "television", "textile",
    "textiles", "tools", "trade", "transport", "travel", "trust", "union", "unit", "unitary", "united",
    "university", "venture", "web", "west", "western", "world",
];

/// Countries and cities which many organisations carry in their names.
#[rustfmt::skip]
const PLACES: &[&str] = &[
    "afghanistan", "africa", "african", "albania", "algeria", "america", "american", "angola", "arab",
    "arabia", "argentina", "armenia", "asia", "asian", "australia", "austria", "azerbaijan", "bahrain",
    "bangladesh", "belarus", "belgium", "bolivia", "brazil", "bulgaria", "burma", "cambodia", "canada",
    "chile", "china", "chinese", "colombia", "congo", "cuba", "cyprus", "denmark", "dubai", "ecuador",
    "egypt", "emirates", "ethiopia", "europe", "european", "france", "georgia", "germany", "greece",
    "guatemala", "hong", "india", "indonesia", "iran", "iranian", "iraq", "iraqi", "ireland", "israel",
    "italy", "japan", "jordan", "kazakhstan", "kenya", "kingdom", "kong", "korea", "kuwait", "lebanon",
    "libya", "london", "malaysia", "mexico", "morocco", "moscow", "myanmar", "netherlands", "nicaragua",
    "nigeria", "norway", "oman", "pakistan", "palestine", "panama", "peru", "philippines", "poland",
    "qatar", "romania", "russia", "russian", "saudi", "serbia", "singapore", "somalia", "spain", "sudan",
    "sweden", "switzerland", "syria", "syrian", "taiwan", "tajikistan", "tehran", "thailand", "tunisia",
    "turkey", "turkmenistan", "uae", "uk", "ukraine", "us", "usa", "uzbekistan", "venezuela", "vietnam",
    "yemen", "zimbabwe",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted_so_that_a_search_finds_every_word() {
        for table in [TITLES, PARTICLES, FAINT_IN_PERSONS, COMMON_NAMES, JOINING, BUSINESS, PLACES] {
            assert!(table.is_sorted(), "{:?}", table.first());
        }
    }

    #[test]
    fn common_names_tell_less_than_rare_ones() {
        assert!(weight_in_person("mohammed") < weight_in_person("makhlouf"));
        assert!(weight_in_organisation("bank") < weight_in_organisation("gazprom"));
    }
}
