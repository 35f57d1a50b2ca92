//! Words that organisations of many languages share, each with the English one that stands for it here, and short
//! forms of words. What is left apart is no word of business but somebody's name.

/// The word that stands for the folded `word`; itself when it is not known. An adjective that Slavic languages make of
/// a place is the place (`muromskiy`, of Murom).
pub(super) fn concept(word: &str) -> &str {
    let found = CONCEPTS.binary_search_by(|(known, _)| (*known).cmp(word)).ok();
    if let Some((_, concept)) = found.and_then(|at| CONCEPTS.get(at)) {
        return concept;
    }
    let endings = ["skiy", "skii", "skyy", "skaya", "skoye", "skoe", "skogo", "skoy"];
    endings.iter().find_map(|end| word.strip_suffix(end)).filter(|place| place.len() >= 4).unwrap_or(word)
}

/// What a short form says in full, several words; none for other words.
pub(super) fn in_full(word: &str) -> Option<&'static [&'static str]> {
    Some(match word {
        "us" | "usa" => &["united", "states"],
        "uk" => &["united", "kingdom"],
        "uae" => &["united", "arab", "emirates"],
        "dprk" => &["democratic", "people", "republic", "korea"],
        "prc" => &["people", "republic", "china"],
        "drc" => &["democratic", "republic", "congo"],
        "irgc" => &["islamic", "revolutionary", "guard", "corps"],
        "un" => &["united", "nations"],
        "eu" => &["european", "union"],
        _ => return None,
    })
}

/// Sorted by word, so that a search is quick. Folded.
#[rustfmt::skip]
const CONCEPTS: &[(&str, &str)] = &[
    ("admin", "administration"), ("aerolineas", "airlines"), ("agence", "agency"), ("agencia", "agency"),
    ("agentstvo", "agency"), ("agentur", "agency"), ("airways", "airlines"), ("armee", "army"),
    ("armiya", "army"), ("asociacion", "association"), ("asotsiatsiya", "association"),
    ("assn", "association"), ("assoc", "association"), ("associacao", "association"),
    ("associazione", "association"), ("assotsiatsiya", "association"), ("assurance", "insurance"),
    ("assurances", "insurance"), ("aviacion", "aviation"), ("avialinii", "airlines"),
    ("aviatsionny", "aviation"), ("aviatsiya", "aviation"), ("banca", "bank"), ("banco", "bank"),
    ("banka", "bank"), ("bankas", "bank"), ("bankasi", "bank"), ("bankhaus", "bank"), ("banku", "bank"),
    ("banque", "bank"), ("birzha", "exchange"), ("bk", "bank"), ("bnk", "bank"), ("bolnitsa", "hospital"),
    ("brigada", "brigade"), ("brigata", "brigade"), ("bros", "brothers"), ("centre", "center"),
    ("centro", "center"), ("centrum", "center"), ("chemicals", "chemical"), ("chemie", "chemical"),
    ("chimique", "chemical"), ("cientifico", "scientific"), ("cntr", "center"), ("comercio", "trade"),
    ("comm", "communications"), ("commerce", "trade"), ("conseil", "council"), ("consejo", "council"),
    ("construccion", "construction"), ("ctr", "center"), ("cumhuriyeti", "republic"), ("defence", "defense"),
    ("defensa", "defense"), ("denizcilik", "shipping"), ("departament", "department"),
    ("departamento", "department"), ("departement", "department"), ("dept", "department"),
    ("desarrollo", "development"), ("dev", "development"), ("dvizhenie", "movement"), ("ecole", "school"),
    ("ejercito", "army"), ("electronics", "electronic"), ("elektronik", "electronic"),
    ("empresa", "enterprise"), ("energetika", "energy"), ("energia", "energy"), ("energie", "energy"),
    ("energiya", "energy"), ("enerji", "energy"), ("engg", "engineering"), ("entreprise", "enterprise"),
    ("entwicklung", "development"), ("escuela", "school"), ("eslami", "islamic"), ("estatal", "state"),
    ("fabrica", "factory"), ("fabrik", "factory"), ("fabrika", "factory"), ("fabryka", "factory"),
    ("fdn", "foundation"), ("federalnaya", "federal"), ("federalnoe", "federal"), ("federalny", "federal"),
    ("fond", "foundation"), ("fondation", "foundation"), ("fondazione", "foundation"), ("fonds", "fund"),
    ("frente", "front"), ("fundacao", "foundation"), ("fundacion", "foundation"), ("gaz", "gas"),
    ("gobierno", "government"), ("gosudarstvennaya", "state"), ("gosudarstvennoe", "state"),
    ("gosudarstvenny", "state"), ("gouvernement", "government"), ("governo", "government"),
    ("govt", "government"), ("gral", "general"), ("groep", "group"), ("groupe", "group"), ("grp", "group"),
    ("grup", "group"), ("grupa", "group"), ("grupo", "group"), ("gruppa", "group"), ("gruppe", "group"),
    ("handel", "trade"), ("haraka", "movement"), ("harakat", "movement"), ("hldg", "holding"),
    ("hldgs", "holding"), ("holdings", "holding"), ("ind", "industry"), ("inds", "industry"),
    ("industria", "industry"), ("industriale", "industrial"), ("industrie", "industry"),
    ("industrielle", "industrial"), ("industries", "industry"), ("injiniring", "engineering"),
    ("ins", "insurance"), ("insaat", "construction"), ("inst", "institute"), ("institut", "institute"),
    ("instituto", "institute"), ("internacional", "international"), ("internationale", "international"),
    ("internazionale", "international"), ("intl", "international"), ("inv", "investment"),
    ("inversion", "investment"), ("inversiones", "investment"), ("invest", "investment"),
    ("investigacion", "research"), ("investissement", "investment"), ("investitsii", "investment"),
    ("investitsionnaya", "investment"), ("investments", "investment"), ("inzhiniring", "engineering"),
    ("islami", "islamic"), ("islamiya", "islamic"), ("islamiyya", "islamic"), ("issledovatelskii", "research"),
    ("issledovatelskiy", "research"), ("issledovatelsky", "research"), ("istituto", "institute"),
    ("jabha", "front"), ("jabhat", "front"), ("jaish", "army"), ("jamiat", "association"),
    ("jamiyat", "association"), ("jamiyya", "association"), ("jaysh", "army"), ("jumhuriya", "republic"),
    ("khimicheskiy", "chemical"), ("khimichesky", "chemical"), ("kholding", "holding"),
    ("kompaniya", "company"), ("lab", "laboratory"), ("laboratoire", "laboratory"),
    ("laboratorio", "laboratory"), ("laboratoriya", "laboratory"), ("logistica", "logistics"),
    ("logistique", "logistics"), ("manufacture", "manufacturing"), ("markaz", "center"),
    ("mashinostroitelny", "machine"), ("mashinostroitelnyy", "machine"), ("masraf", "bank"),
    ("merkez", "center"), ("mezhdunarodnaya", "international"), ("mezhdunarodny", "international"),
    ("mezhdunarodnyy", "international"), ("mfg", "manufacturing"), ("mgmt", "management"),
    ("militar", "military"), ("milli", "national"), ("ministere", "ministry"), ("ministerio", "ministry"),
    ("ministerium", "ministry"), ("ministerstvo", "ministry"), ("mouvement", "movement"),
    ("movimiento", "movement"), ("muhendislik", "engineering"), ("munazzamat", "organization"),
    ("nacional", "national"), ("nafta", "oil"), ("nakliyat", "transport"), ("nationale", "national"),
    ("natl", "national"), ("natsionalnaya", "national"), ("natsionalny", "national"),
    ("natsionalnyy", "national"), ("nauchnaya", "scientific"), ("nauchno", "scientific"),
    ("nauchny", "scientific"), ("nauchnyy", "scientific"), ("naviera", "shipping"), ("nazionale", "national"),
    ("neft", "oil"), ("oborona", "defense"), ("oborony", "defense"), ("obshestvo", "society"),
    ("org", "organization"), ("organisation", "organization"), ("organizacao", "organization"),
    ("organizacion", "organization"), ("organizaciya", "organization"), ("organizatsiya", "organization"),
    ("partei", "party"), ("parti", "party"), ("partido", "party"), ("partiya", "party"), ("peoples", "people"),
    ("petrochem", "petrochemical"), ("petrochemicals", "petrochemical"), ("petrol", "oil"),
    ("pharm", "pharmaceutical"), ("pharma", "pharmaceutical"), ("pharmaceuticals", "pharmaceutical"),
    ("pravitelstvo", "government"), ("predpriyatie", "enterprise"), ("priborostroitelny", "instrument"),
    ("priborostroitelnyy", "instrument"), ("produccion", "production"), ("produktion", "production"),
    ("proizvodstvennaya", "production"), ("proizvodstvennoe", "production"), ("proizvodstvenny", "production"),
    ("promyshlennaya", "industrial"), ("promyshlennost", "industry"), ("promyshlenny", "industrial"),
    ("promyshlennyy", "industrial"), ("quimica", "chemical"), ("razvitie", "development"),
    ("razvitiya", "development"), ("regierung", "government"), ("republica", "republic"),
    ("republik", "republic"), ("republique", "republic"), ("respublika", "republic"),
    ("respublikanskiy", "republican"), ("rossiiskaya", "russian"), ("rossiyskaya", "russian"),
    ("rossiyskiy", "russian"), ("rossiyskoe", "russian"), ("rossiysky", "russian"), ("sanayi", "industrial"),
    ("schiffahrt", "shipping"), ("scientifique", "scientific"), ("seguros", "insurance"),
    ("service", "services"), ("servicios", "services"), ("servicos", "services"), ("shkola", "school"),
    ("sigorta", "insurance"), ("sistema", "system"), ("sistemas", "systems"), ("sistemy", "systems"),
    ("soc", "society"), ("solns", "solutions"), ("sovet", "council"), ("soyuz", "union"), ("st", "saint"),
    ("stiftung", "foundation"), ("strakhovaya", "insurance"), ("stroeniya", "making"),
    ("stroitelnaya", "construction"), ("stroitelnoe", "construction"), ("stroitelny", "construction"),
    ("sudokhodstvo", "shipping"), ("svc", "services"), ("svcs", "services"), ("sys", "systems"),
    ("systeme", "system"), ("systemes", "systems"), ("tech", "technology"), ("technique", "technical"),
    ("technologie", "technology"), ("technologies", "technology"), ("tecnico", "technical"),
    ("tecnologia", "technology"), ("tekhnicheskiy", "technical"), ("tekhnichesky", "technical"),
    ("tekhnologii", "technology"), ("tekhnologiya", "technology"), ("telecom", "communications"),
    ("telecommunications", "communications"), ("ticaret", "trade"), ("torgovaya", "trade"),
    ("torgovy", "trade"), ("torgovyy", "trade"), ("trading", "trade"), ("transportation", "transport"),
    ("transporte", "transport"), ("transportes", "transport"), ("transportnaya", "transport"),
    ("tsentr", "center"), ("uluslararasi", "international"), ("unitarnoe", "unitary"), ("univ", "university"),
    ("universidad", "university"), ("universidade", "university"), ("universita", "university"),
    ("universitat", "university"), ("universite", "university"), ("universitet", "university"),
    ("usine", "factory"), ("uslugi", "services"), ("vakfi", "foundation"), ("vakif", "foundation"),
    ("verein", "association"), ("vereniging", "association"), ("versicherung", "insurance"),
    ("vizarat", "ministry"), ("voenny", "military"), ("voennyy", "military"), ("wataniya", "national"),
    ("zavod", "plant"), ("zavodu", "plant"), ("zentrum", "center"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_a_concept_stands_for_itself() {
        assert!(CONCEPTS.is_sorted_by(|a, b| a.0 < b.0));
        assert!(CONCEPTS.iter().all(|(_, head)| concept(head) == *head));
    }
}
