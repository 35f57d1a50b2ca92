//! Invented entries in each publisher's form, and each way in which a file can be cut off.

use super::*;
use crate::screening::list::{EntityKind, Gender, NameQuality, NameUse};

fn read(format: Format, text: &str) -> Result<List, ListError> {
    format.read_from("test", "test-file", text.as_bytes())
}

fn only(format: Format, text: &str) -> (ListEntity, ParseFaults) {
    let list = read(format, text).unwrap();
    assert_eq!(list.entities.len(), 1);
    (list.entities.into_iter().next().unwrap(), list.faults)
}

fn names(entity: &ListEntity) -> Vec<(&str, NameQuality, NameUse)> {
    entity.names.iter().map(|name| (name.text.as_str(), name.quality, name.usage)).collect()
}

fn dates(entity: &ListEntity) -> Vec<String> {
    entity.birth_dates.iter().map(ToString::to_string).collect()
}

fn documents(entity: &ListEntity) -> Vec<(&str, &str, Option<&str>)> {
    let documents = entity.documents.iter();
    documents.map(|one| (one.kind.as_str(), one.number.as_str(), one.country.as_deref())).collect()
}

const UN: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<CONSOLIDATED_LIST dateGenerated="2026-01-01">
  <INDIVIDUALS>
    <INDIVIDUAL>
      <DATAID>17</DATAID><FIRST_NAME>TARIK &amp;</FIRST_NAME><SECOND_NAME>BELHOUMI</SECOND_NAME><THIRD_NAME/>
      <NAME_ORIGINAL_SCRIPT>طارق</NAME_ORIGINAL_SCRIPT><GENDER>Male</GENDER>
      <UN_LIST_TYPE>Libya</UN_LIST_TYPE><REFERENCE_NUMBER>LYi.900</REFERENCE_NUMBER>
      <NATIONALITY><VALUE>Syrian Arab Republic</VALUE><VALUE>na</VALUE></NATIONALITY>
      <INDIVIDUAL_ALIAS><QUALITY>Good</QUALITY><ALIAS_NAME>Tarek Belhumi</ALIAS_NAME></INDIVIDUAL_ALIAS>
      <INDIVIDUAL_ALIAS><QUALITY>Low</QUALITY><ALIAS_NAME>Abu T</ALIAS_NAME></INDIVIDUAL_ALIAS>
      <INDIVIDUAL_ALIAS><QUALITY/><ALIAS_NAME/></INDIVIDUAL_ALIAS>
      <INDIVIDUAL_ADDRESS><CITY>Tripoli</CITY><COUNTRY>Libya</COUNTRY></INDIVIDUAL_ADDRESS>
      <INDIVIDUAL_DATE_OF_BIRTH><TYPE_OF_DATE>EXACT</TYPE_OF_DATE><DATE>1970-05-21</DATE></INDIVIDUAL_DATE_OF_BIRTH>
      <INDIVIDUAL_DATE_OF_BIRTH><TYPE_OF_DATE>APPROXIMATELY</TYPE_OF_DATE><YEAR>1971</YEAR></INDIVIDUAL_DATE_OF_BIRTH>
      <INDIVIDUAL_DATE_OF_BIRTH><TYPE_OF_DATE>BETWEEN</TYPE_OF_DATE><FROM_YEAR>1973</FROM_YEAR><TO_YEAR>1974</TO_YEAR></INDIVIDUAL_DATE_OF_BIRTH>
      <INDIVIDUAL_DOCUMENT><TYPE_OF_DOCUMENT>Passport</TYPE_OF_DOCUMENT><NUMBER>A1</NUMBER><ISSUING_COUNTRY>Atlantis</ISSUING_COUNTRY></INDIVIDUAL_DOCUMENT>
      <NEW_ELEMENT>x</NEW_ELEMENT>
    </INDIVIDUAL>
  </INDIVIDUALS>
  <ENTITIES/>
</CONSOLIDATED_LIST>
"#;

#[test]
fn the_un_list_is_read() {
    let (entity, faults) = only(Format::UnXml, UN);
    assert_eq!((entity.id.as_str(), entity.kind), ("un:17", EntityKind::Individual));
    assert_eq!(
        names(&entity),
        [
            ("TARIK & BELHOUMI", NameQuality::Primary, NameUse::Current),
            ("طارق", NameQuality::Strong, NameUse::Original),
            ("Tarek Belhumi", NameQuality::Strong, NameUse::Current),
            ("Abu T", NameQuality::Weak, NameUse::Current),
        ]
    );
    assert_eq!(dates(&entity), ["1970-05-21", "1971", "1973", "1974"]);
    assert_eq!(entity.approximate_dates.len(), 1);
    assert_eq!(
        (entity.countries.join(" "), entity.nationalities.join(" ")),
        ("LY SY".to_owned(), "SY".to_owned())
    );
    assert_eq!((entity.gender, entity.programs.join(" ")), (Some(Gender::Male), "Libya".to_owned()));
    assert_eq!(documents(&entity), [("Passport", "A1", None)]);
    assert_eq!(entity.addresses, ["Tripoli, Libya"]);
    assert_eq!(faults.countries, 1);
    assert_eq!(faults.unknown.keys().collect::<Vec<_>>(), ["element INDIVIDUAL/NEW_ELEMENT"]);
}

const EU: &str = r#"<export xmlns="http://eu.europa.ec/fpi/fsd/export" generationDate="2026-01-01" globalFileId="1">
  <sanctionEntity euReferenceNumber="EU.900.1" logicalId="5">
    <remark>Of note</remark>
    <regulation programme="LBY" logicalId="1"><publicationUrl>https://eur-lex.example/1</publicationUrl></regulation>
    <subjectType code="person" classificationCode="P"/>
    <nameAlias firstName="Tarik" lastName="Belhoumi" wholeName="Tarik Belhoumi" gender="M" strong="true"/>
    <nameAlias firstName="Abu" lastName="T" wholeName="" strong="false"/>
    <citizenship countryIso2Code="SY" countryDescription="SYRIA"/>
    <birthdate circa="true" calendarType="GREGORIAN" year="1971" countryIso2Code="00"/>
    <birthdate circa="false" calendarType="GREGORIAN" birthdate="1970-05-21" year="1970" monthOfYear="5"/>
    <birthdate circa="false" calendarType="ISLAMIC" year="1390"/>
    <address street="Main" city="Tripoli" countryIso2Code="LY" countryDescription="LIBYA"/>
    <address city="" countryIso2Code="00" countryDescription="UNKNOWN"/>
    <identification number="A1" identificationTypeCode="passport" identificationTypeDescription="National passport" countryIso2Code="SY"/>
  </sanctionEntity>
</export>
"#;

#[test]
fn the_eu_list_is_read() {
    let (entity, faults) = only(Format::EuXml, EU);
    assert_eq!((entity.id.as_str(), entity.kind), ("eu:EU.900.1", EntityKind::Individual));
    assert_eq!(
        names(&entity),
        [
            ("Tarik Belhoumi", NameQuality::Primary, NameUse::Current),
            ("Abu T", NameQuality::Weak, NameUse::Current),
        ]
    );
    assert_eq!(dates(&entity), ["1970-05-21", "1971"]);
    assert_eq!(entity.approximate_dates.len(), 1);
    assert_eq!(entity.countries, ["LY", "SY"]);
    assert_eq!(documents(&entity), [("National passport", "A1", Some("SY"))]);
    assert_eq!(entity.addresses, ["Main, Tripoli, LIBYA"]);
    assert_eq!(entity.source.as_deref(), Some("https://eur-lex.example/1"));
    assert_eq!((entity.remarks.as_str(), entity.programs.join(" ")), ("Of note", "LBY".to_owned()));
    assert_eq!((faults.dates, faults.total()), (1, 1), "{faults:?}");
}

const SDN: &str = r#"<sdnList xmlns="http://tempuri.org/sdnList.xsd">
  <publshInformation><Publish_Date>01/02/2026</Publish_Date><Record_Count>1</Record_Count></publshInformation>
  <sdnEntry>
    <uid>36</uid><firstName>Tarik</firstName><lastName>BELHOUMI</lastName><sdnType>Individual</sdnType>
    <programList><program>LIBYA3</program></programList>
    <idList>
      <id><uid>1</uid><idType>Passport</idType><idNumber>A1</idNumber><idCountry>Syria</idCountry></id>
      <id><uid>2</uid><idType>Gender</idType><idNumber>Male</idNumber></id>
    </idList>
    <akaList>
      <aka><uid>3</uid><type>a.k.a.</type><category>weak</category><lastName>ABU T</lastName></aka>
      <aka><uid>4</uid><type>f.k.a.</type><category>strong</category><lastName>BEL</lastName><firstName>Tarik</firstName></aka>
    </akaList>
    <addressList><address><uid>5</uid><city>Tripoli</city><country>Libya</country></address></addressList>
    <nationalityList><nationality><uid>6</uid><country>Syria</country><mainEntry>true</mainEntry></nationality></nationalityList>
    <dateOfBirthList><dateOfBirthItem><uid>7</uid><dateOfBirth>circa 1971</dateOfBirth></dateOfBirthItem></dateOfBirthList>
  </sdnEntry>
</sdnList>
"#;

#[test]
fn ofacs_xml_is_read_under_the_ids_of_its_csv() {
    let (entity, faults) = only(Format::OfacXml, SDN);
    assert_eq!(entity.id, "ofac:36");
    assert_eq!(
        names(&entity),
        [
            ("Tarik BELHOUMI", NameQuality::Primary, NameUse::Current),
            ("ABU T", NameQuality::Weak, NameUse::Current),
            ("Tarik BEL", NameQuality::Strong, NameUse::Former),
        ]
    );
    assert_eq!((dates(&entity), entity.approximate_dates.len()), (vec!["1971".to_owned()], 1));
    assert_eq!(entity.countries, ["LY", "SY"]);
    assert_eq!(entity.gender, Some(Gender::Male));
    assert_eq!(documents(&entity), [("Passport", "A1", Some("SY"))]);
    assert_eq!(faults, ParseFaults::default());
}

#[test]
fn ofacs_xml_with_fewer_entries_than_it_says_is_refused() {
    let fault = read(Format::OfacXml, &SDN.replace("Count>1<", "Count>2<")).unwrap_err();
    assert!(matches!(fault, ListError::Truncated { .. }), "{fault}");
}

const UK: &str = "Report Date: 01-Jan-2026
Last Updated,Unique ID,OFSI Group ID,Name 6,Name 1,Name 2,Name type,Alias strength,Name non-latin script,Regime Name,Designation Type,Address Line 1,Address Country,D.O.B,Nationality(/ies),Passport number,Gender,IMO number
01/01/2026,LIB0900,77,BELHOUMI,Tarik,,Primary Name,,طارق,Libya,Individual,1 Main Street,Libya,dd/mm/1970,(1) Syria (2) Libya,(1) A1 (2) B2,Male,
01/01/2026,LIB0900,77,T,Abu,,Alias,Low quality,,Libya,Individual,1 Main Street,Libya,21/05/1971,,,,
01/01/2026,LIB0901,78,SEA QUEEN,,,Primary Name,,,Libya,Ship,,,,,,,IMO 9000001
";

#[test]
fn the_uk_list_is_read_with_an_entitys_rows_as_one() {
    let list = read(Format::UkCsv, UK).unwrap();
    let [person, ship] = list.entities.as_slice() else { panic!("two entities") };
    assert_eq!(
        (person.id.as_str(), ship.id.as_str(), ship.kind),
        ("uk:LIB0900", "uk:LIB0901", EntityKind::Vessel)
    );
    assert_eq!(
        names(person),
        [
            ("Tarik BELHOUMI", NameQuality::Primary, NameUse::Current),
            ("طارق", NameQuality::Strong, NameUse::Original),
            ("Abu T", NameQuality::Weak, NameUse::Current),
        ]
    );
    assert_eq!(dates(person), ["1970", "1971-05-21"]);
    assert_eq!(
        (person.countries.join(" "), person.nationalities.join(" ")),
        ("LY SY".to_owned(), "LY SY".to_owned())
    );
    assert_eq!(documents(person), [("Passport", "A1", None), ("Passport", "B2", None)]);
    assert_eq!(documents(ship), [("IMO", "IMO 9000001", None)]);
    assert_eq!(person.addresses, ["1 Main Street, Libya"]);
    assert_eq!(list.faults, ParseFaults::default());
}

#[test]
fn the_older_uk_list_is_read_too() {
    let (entity, faults) = only(
        Format::UkCsv,
        "Last Updated,01/01/2026\r\nName 6,Name 1,Group Type,Alias Type,Alias Quality,DOB,Nationality,Regime,Group ID,Surprise\r\n\
         BELHOUMI,Tarik,Individual,Primary name,,21/05/1970,Syria,Libya,77,x\r\n",
    );
    assert_eq!((entity.id.as_str(), entity.primary_name()), ("uk:ofsi-77", "Tarik BELHOUMI"));
    assert_eq!(dates(&entity), ["1970-05-21"]);
    assert_eq!(faults.unknown.keys().collect::<Vec<_>>(), ["column surprise"]);
}

const SIMPLE: &str = "id,schema,name,aliases,birth_date,countries,addresses,identifiers,sanctions,phones,emails,program_ids,dataset,first_seen,last_seen,last_change
Q900,Person,Tarik Belhoumi,\"Tarek Belhumi;Bel, T.\",1970-05-21;1971,sy;ly,\"1 Main Street, Tripoli\",A1;B2,EU asset freeze,,,EU-LBY,eu_fsf,2026-01-01,2026-01-01,2026-01-01
NK-1,Occupancy,Minister,,,,,,,,,,x,,,
";

#[test]
fn opensanctions_table_is_read() {
    let (entity, faults) = only(Format::OpensanctionsCsv, SIMPLE);
    assert_eq!(entity.id, "os:Q900");
    assert_eq!(entity.names.len(), 3);
    assert_eq!(dates(&entity), ["1970-05-21", "1971"]);
    assert_eq!(
        (entity.countries.join(" "), entity.programs.join(" ")),
        ("LY SY".to_owned(), "EU-LBY".to_owned())
    );
    assert_eq!(documents(&entity), [("Identifier", "A1", None), ("Identifier", "B2", None)]);
    assert_eq!(entity.source.as_deref(), Some("https://www.opensanctions.org/entities/Q900/"));
    assert_eq!(faults.unknown.keys().collect::<Vec<_>>(), ["schema Occupancy"]);
}

const FTM: &str = r#"{"id":"addr-1","schema":"Address","properties":{"full":["1 Main Street, Tripoli"],"country":["ly"]}}
{"id":"NK-9","caption":"Tarik Belhoumi","schema":"Person","target":true,"referents":["Q900","NK-9","eu-5"],"properties":{"name":["Tarik Belhoumi","Tarik BELHOUMI"],"weakAlias":["Abu T"],"previousName":["Tarik Bel"],"birthDate":["1970-05-21"],"nationality":["sy"],"country":["ly"],"gender":["male"],"topics":["sanction","role.pep"],"addressEntity":["addr-1"],"passportNumber":["A1"],"starSign":["leo"]}}
{"id":"s-1","schema":"Sanction","properties":{"entity":["NK-9"],"program":["Libya"],"sourceUrl":["https://example.org/1"]}}
{"id":"p-1","schema":"Passport","properties":{"holder":["NK-9"],"number":["B2"],"country":["sy"],"type":["Diplomatic passport"]}}
{"id":"NK-10","schema":"Person","target":false,"properties":{"name":["His Cousin"]}}
{"id":"f-1","schema":"Family","properties":{"person":["NK-9"],"relative":["NK-10"]}}
{"id":"x-1","schema":"Novelty","properties":{}}
"#;

#[test]
fn opensanctions_entities_are_read_with_what_other_lines_say_of_them() {
    let (entity, faults) = only(Format::OpensanctionsFtm, FTM);
    assert_eq!(entity.id, "os:NK-9");
    assert_eq!(
        names(&entity),
        [
            ("Tarik Belhoumi", NameQuality::Primary, NameUse::Current),
            ("Tarik BELHOUMI", NameQuality::Strong, NameUse::Current),
            ("Tarik Bel", NameQuality::Strong, NameUse::Former),
            ("Abu T", NameQuality::Weak, NameUse::Current),
        ]
    );
    assert_eq!(entity.former_ids, ["os:Q900", "os:eu-5"]);
    assert_eq!(entity.topics, ["role.pep", "sanction"]);
    assert_eq!(
        (entity.countries.join(" "), entity.nationalities.join(" ")),
        ("LY SY".to_owned(), "SY".to_owned())
    );
    assert_eq!(documents(&entity), [("Diplomatic passport", "B2", Some("SY")), ("Passport", "A1", None)]);
    assert_eq!(entity.addresses, ["1 Main Street, Tripoli"]);
    assert_eq!(
        (entity.programs.join(" "), entity.source.as_deref()),
        ("Libya".to_owned(), Some("https://example.org/1"))
    );
    assert_eq!(faults.unknown.keys().collect::<Vec<_>>(), ["property starSign", "schema Novelty"]);
}

#[test]
fn entities_that_stand_in_place_of_their_ids_are_read_as_well() {
    let (entity, faults) = only(
        Format::OpensanctionsFtm,
        r#"{"id":"NK-9","schema":"Person","properties":{"name":["Tarik Belhoumi"],"sanctions":[{"id":"s","schema":"Sanction","properties":{"program":["Libya"]}}],"addressEntity":[{"id":"a","schema":"Address","properties":{"full":["Tripoli"]}}]}}"#,
    );
    assert_eq!(
        (entity.programs.join(" "), entity.addresses.join(" ")),
        ("Libya".to_owned(), "Tripoli".to_owned())
    );
    assert_eq!(faults, ParseFaults::default());
}

const OWN: &str = "id,kind,name,aliases,weak-aliases,birth-dates,countries,gender,documents,former-ids,mood
1,person,Tarik Belhoumi,Tarek Belhumi;Bel,Abu T,1970-05-21;circa 1971,Libya;sy,m,Passport:A1:Syria;IMO:9,0,fine
2,gang,The Reds,,,,,,,,";

#[test]
fn our_own_form_is_read() {
    let list = read(Format::Csv, OWN).unwrap();
    let [person, gang] = list.entities.as_slice() else { panic!("two entities") };
    assert_eq!((person.id.as_str(), person.former_ids.join(" ")), ("test:1", "test:0".to_owned()));
    assert_eq!(person.names.len(), 4);
    assert_eq!(person.countries, ["LY", "SY"]);
    assert_eq!(documents(person), [("IMO", "9", None), ("Passport", "A1", Some("SY"))]);
    assert_eq!(gang.kind, EntityKind::Entity);
    assert_eq!((list.faults.kinds, list.faults.total()), (1, 2), "an unknown kind and an unknown column");
}

#[test]
fn a_file_that_is_cut_off_anywhere_is_refused() {
    let all = [
        (Format::UnXml, UN),
        (Format::EuXml, EU),
        (Format::OfacXml, SDN),
        (Format::UkCsv, UK),
        (Format::OpensanctionsCsv, SIMPLE),
        (Format::OpensanctionsFtm, FTM),
    ];
    for (format, text) in all {
        // The end of line at the end of XML and of lines of JSON says nothing.
        let end = if matches!(format, Format::UkCsv | Format::OpensanctionsCsv) { 1 } else { 2 };
        for length in 0..text.trim_end().len() + 2 - end {
            // At the end of a line, a file of lines is whole as far as one can see.
            let is_whole_lines =
                length == 0 || text.as_bytes()[length - 1] == b'\n' || text.as_bytes()[length] == b'\n';
            if !text.is_char_boundary(length)
                || (matches!(format, Format::OpensanctionsFtm) && is_whole_lines)
            {
                continue;
            }
            if matches!(format, Format::UkCsv | Format::OpensanctionsCsv)
                && text.as_bytes().get(length.wrapping_sub(1)) == Some(&b'\n')
            {
                continue;
            }
            assert!(read(format, &text[..length]).is_err(), "{format:?} cut off at byte {length}");
        }
    }
}

#[test]
fn what_is_no_list_is_refused_and_says_what_is_accepted() {
    let page = "<html><body>503 Service Unavailable</body></html>\n";
    for format in
        [Format::UnXml, Format::EuXml, Format::OfacXml, Format::UkCsv, Format::OpensanctionsCsv, Format::Csv]
    {
        let fault = read(format, page).unwrap_err().to_string();
        assert!(
            fault.contains("test-file is not of its format") && fault.contains("; accepted is "),
            "{fault}"
        );
    }
    assert!(read(Format::OpensanctionsFtm, page).is_err());
    let fault = read(Format::UnXml, "<CONSOLIDATED_LIST></OTHER>").unwrap_err().to_string();
    assert!(fault.contains("well-formed"), "{fault}");
    let fault = read(Format::UnXml, "<CONSOLIDATED_LIST/>").unwrap_err();
    assert!(matches!(fault, ListError::Empty { .. }), "{fault}");
}

#[test]
fn an_entry_without_id_or_name_is_broken_and_many_fail_the_list() {
    let good = |id: usize| format!("{id},person,Tarik Belhoumi\n");
    let mut text = "id,kind,name\n".to_owned();
    text.extend((0..40).map(good));
    let list = read(Format::Csv, &format!("{text},person,Nobody\n41,person,Somebody\n")).unwrap();
    assert_eq!((list.entities.len(), list.faults.rows), (41, 1));
    let fault =
        read(Format::Csv, &format!("{text}0,person,Twice\n1,person,Twice\n42,person,\n43,person,X\n"))
            .unwrap_err();
    assert!(matches!(fault, ListError::Broken { broken: 3, line: 42, .. }), "{fault}");
}

#[test]
fn equal_contents_have_equal_versions() {
    let version = read(Format::UnXml, UN).unwrap().version;
    assert_eq!((version.len(), &version), (16, &read(Format::UnXml, UN).unwrap().version));
    assert_ne!(version, read(Format::UnXml, &format!("{UN}\n")).unwrap().version);
}

#[test]
fn a_cell_of_several_values_is_a_row_of_csv_itself_and_a_row_too_long_is_said() {
    let text = "\"id\",\"schema\",\"name\",\"aliases\"\n\
                \"Q1\",\"Company\",\"Velkorov\",\"\"\"Velkorov; Sons\"\";Velkorov AG\",\"beyond\"\n";
    let (entity, faults) = only(Format::OpensanctionsCsv, text);
    let names: Vec<&str> = entity.names.iter().map(|name| name.text.as_str()).collect();
    assert_eq!(names, ["Velkorov", "Velkorov; Sons", "Velkorov AG"]);
    assert_eq!(
        faults.unknown.into_iter().collect::<Vec<_>>(),
        [("cells beyond the last column".to_owned(), 1)]
    );
}

#[test]
fn what_is_dropped_is_counted() {
    let counted = |format, text: &str| read(format, text).unwrap().faults;
    let ftm = FTM.to_owned()
        + "{\"id\":\"w-1\",\"schema\":\"CryptoWallet\",\"target\":true,\"properties\":{}}\n\
           {\"id\":\"s-2\",\"schema\":\"Sanction\",\"properties\":{\"entity\":[\"NK-77\"],\"program\":[\"Libya\"]}}\n\
           {\"id\":\"s-3\",\"schema\":\"Sanction\",\"properties\":{\"entity\":[\"NK-10\"],\"program\":[\"Libya\"]}}\n";
    let (before, faults) = (counted(Format::OpensanctionsFtm, FTM), counted(Format::OpensanctionsFtm, &ftm));
    assert_eq!(faults.unknown.get("listed CryptoWallet"), Some(&1));
    assert_eq!(faults.orphans, before.orphans + 1, "of nobody in the file; a cousin is somebody");
    let un = UN.replace("<GENDER>Male</GENDER>", "<GENDER a=1>Male</GENDER>");
    assert_eq!(counted(Format::UnXml, &un).unknown.get("malformed attribute"), Some(&1));
    let nameless =
        "<INDIVIDUAL_ALIAS><QUALITY>Good</QUALITY><NOTE>of no name</NOTE></INDIVIDUAL_ALIAS><GENDER>Male";
    let un = UN.replace("<GENDER>Male", nameless);
    assert_eq!(counted(Format::UnXml, &un).unknown.get("alias without a name"), Some(&1));
}
