//! Our own labelled cases, each with the reason why.

use super::{Name, NameKind, align};

/// The default threshold of screening, with which the cases are decided.
const THRESHOLD: f64 = 0.85;

/// What is decided wrong and known: kept small, and never allowed to grow unseen.
const KNOWN_WRONG: &[(&str, &str)] = &[
    ("Government of Niger", "Government of Nigeria"),
    ("RTS Logistics", "RTZ Logistics"),
    ("Omar Khalid al-Shamsi", "Omar Khalid al-Ghamdi"),
    ("Yusuf Kamal Barakat", "Yusuf Jamil Barakat"),
    ("Yuri Tsvetkov", "Yury Cvetkov"),
    ("Aleksey Khrenov", "Alexei Hrenov"),
    ("Zelmer Sp. z o.o.", "Zelmer"),
    ("欧阳娜", "Ouyang Na"),
    ("علی شمخانی", "Ali Shamkhani"),
    ("সঞ্জয় দত্ত", "Sanjay Datta"),
    ("Yevgeny Chaykovskiy", "Evgeni Tchaikovsky"),
    ("محمود الزهار", "Mahmoud al-Zahar"),
    ("Sergei Jukov", "Sergey Zhukov"),
];

#[test]
fn every_labelled_case_is_decided_right_but_for_those_known() {
    let mut reader = csv::Reader::from_reader(include_str!("labelled_cases.csv").as_bytes());
    let (mut count, mut wrong) = (0, Vec::new());
    for row in reader.records() {
        let row = row.unwrap();
        let scores = NameKind::of_schema(&row[0])
            .iter()
            .map(|kind| align(*kind, &Name::new(*kind, &row[1]), &Name::new(*kind, &row[2])).score);
        let score = scores.fold(0.0, f64::max);
        let is_right = (score >= THRESHOLD) == (&row[3] == "true");
        let is_known = KNOWN_WRONG.contains(&(&row[1], &row[2]));
        if is_right == is_known {
            wrong.push(format!("{} | {}: {score:.3}, {}", &row[1], &row[2], &row[4]));
        }
        count += 1;
    }
    assert!(count >= 300, "{count}");
    assert!(wrong.is_empty(), "{wrong:#?}");
}
