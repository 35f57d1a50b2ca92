//! The tables of invented businesses: made-up words, what they deal in, and the legal forms of each country.
//!
//! The words of a table are parted by spaces; `_` stands for a space within a word.

/// How businesses of some countries are named and numbered.
pub(super) struct Trade {
    /// How many businesses of all it has, in proportion to the others.
    pub(super) weight: u32,
    /// Beginnings of made-up words.
    pub(super) starts: &'static str,
    /// Their endings.
    pub(super) ends: &'static str,
    /// What they deal in.
    pub(super) sectors: &'static str,
    /// A country by ISO 3166-1 alpha-2, and `{name}` and `{sector}` with a legal form of it.
    pub(super) forms: &'static [(&'static str, &'static str)],
    /// How the register numbers them: `#` stands for a digit.
    pub(super) number: &'static str,
}

/// Beginnings and endings that do in every language of Latin letters.
const STARTS: &str = "Vel Tor Mar Kel Nor Bri Cas Del Fen Gal Hal Jor Lum Mer Nov Or Pel Quin Ros Sel Tal Ul Ver Win \
    Xan Yar Zel Al Bor Cor Dra Eld Far Gri Ister Kro Lan Mon Nex Pra";
const ENDS: &str = "mora tek vance dor lyn ix andra ando eris fort ton mund ica ello ara via nex olis umar enta wick \
    aris oval istra";

/// Of which a table takes what it does not say itself.
const LATIN: Trade =
    Trade { weight: 3, starts: STARTS, ends: ENDS, sectors: "", forms: &[], number: "########" };

/// The tables.
pub(super) const TRADES: &[Trade] = &[
    Trade {
        weight: 16,
        sectors: "Logistics Software Capital Foods Pharmaceuticals Materials Energy Media Robotics \
            Insurance_Services Freight Design Bakery Holdings",
        forms: &[
            ("US", "{name} {sector}, Inc."),
            ("US", "{name} {sector} LLC"),
            ("US", "{name} {sector} Corp."),
            ("US", "{name} & Sons {sector}, Inc."),
            ("CA", "{name} {sector} Ltd."),
            ("CA", "{name} {sector} Inc."),
        ],
        number: "##-#######",
        ..LATIN
    },
    Trade {
        weight: 9,
        sectors: "Trading Shipping Advisory Engineering Textiles Property Catering Analytics \
            Marine Interiors Wealth_Management",
        forms: &[
            ("GB", "{name} {sector} Limited"),
            ("GB", "{name} {sector} Ltd"),
            ("GB", "{name} {sector} PLC"),
            ("GB", "{name} {sector} LLP"),
            ("IE", "{name} {sector} DAC"),
            ("AU", "{name} {sector} Pty Ltd"),
            ("NZ", "{name} {sector} Limited"),
        ],
        ..LATIN
    },
    Trade {
        weight: 8,
        sectors: "Maschinenbau Handels Getränke Bäckerei Elektrotechnik Immobilien Spedition \
            Vermögensverwaltung Möbelwerke Kühltechnik Werkzeugbau",
        forms: &[
            ("DE", "{name} {sector} GmbH"),
            ("DE", "{name} {sector} GmbH & Co. KG"),
            ("DE", "{sector} {name} e.K."),
            ("DE", "{name} {sector} UG (haftungsbeschränkt)"),
            ("AT", "{name} {sector} Ges.m.b.H."),
            ("CH", "{name} {sector} AG"),
        ],
        number: "HRB ######",
        ..LATIN
    },
    Trade {
        weight: 6,
        sectors: "Négoce Énergie Boulangerie Conseil Mécanique Transports Santé Pêche Bâtiment \
            Vignobles",
        forms: &[
            ("FR", "{name} {sector} SARL"),
            ("FR", "{name} {sector} SAS"),
            ("FR", "Établissements {name} {sector} SARL"),
            ("BE", "{name} {sector} SRL"),
            ("LU", "Société {name} {sector} S.à r.l."),
        ],
        number: "### ### ###",
        ..LATIN
    },
    Trade {
        weight: 6,
        sectors: "Construcciones Alimentación Inversiones Transportes Minería Exportación Diseño \
            Energía Café Pesquera",
        forms: &[
            ("ES", "{sector} {name}, S.L."),
            ("ES", "{sector} {name}, S.A."),
            ("MX", "{sector} {name} S.A. de C.V."),
            ("CO", "Grupo {name} {sector} S.A.S."),
            ("AR", "{sector} {name} S.R.L."),
            ("PE", "{sector} {name} S.A.C."),
            ("CL", "{sector} {name} SpA"),
        ],
        number: "B########",
        ..LATIN
    },
    Trade {
        weight: 4,
        sectors: "Construções Comércio Soluções Agropecuária Logística Confecções Padaria \
            Mineração",
        forms: &[
            ("BR", "{name} {sector} Ltda."),
            ("BR", "{sector} {name} S.A."),
            ("PT", "{name} {sector}, Lda."),
        ],
        number: "##.###.###/0001-##",
        ..LATIN
    },
    Trade {
        sectors: "Costruzioni Alimentari Moda Meccanica Trasporti Ceramiche Società_Agricola",
        forms: &[
            ("IT", "{name} {sector} S.r.l."),
            ("IT", "{name} {sector} S.p.A."),
            ("IT", "{sector} {name} S.n.c."),
        ],
        number: "###########",
        ..LATIN
    },
    Trade {
        sectors: "Bloemen Scheepvaart Zuivel Techniek Vastgoed Groothandel",
        forms: &[
            ("NL", "{name} {sector} B.V."),
            ("NL", "{name} {sector} N.V."),
            ("BE", "{name} {sector} BV"),
        ],
        ..LATIN
    },
    Trade {
        sectors: "Usługi Budownictwo Spożywczy Logistyka Hurtownia Młyny",
        forms: &[
            ("PL", "{name} {sector} Sp. z o.o."),
            ("PL", "{name} {sector} S.A."),
            ("PL", "P.P.H.U. {name} {sector}"),
        ],
        number: "##########",
        ..LATIN
    },
    Trade {
        sectors: "Strojírenství Pivovar Doprava Sklárny Potraviny",
        forms: &[
            ("CZ", "{name} {sector} s.r.o."),
            ("CZ", "{name} {sector}, a.s."),
            ("SK", "{name} {sector}, spol. s r.o."),
        ],
        number: "##########",
        ..LATIN
    },
    Trade {
        sectors: "Gıda İnşaat Tekstil Lojistik Dış_Ticaret Çelik Taşımacılık",
        forms: &[
            ("TR", "{name} {sector} A.Ş."),
            ("TR", "{name} {sector} Ltd. Şti."),
            ("TR", "{name} {sector} San. ve Tic. A.Ş."),
        ],
        ..LATIN
    },
    Trade {
        sectors: "Fiskeri Möbler Skogsbruk Rederi Bygg Vindkraft Sjötransport Teknik",
        forms: &[
            ("SE", "{name} {sector} AB"),
            ("NO", "{name} {sector} AS"),
            ("DK", "{name} {sector} ApS"),
            ("FI", "{name} {sector} Oy"),
        ],
        number: "######-####",
        ..LATIN
    },
    Trade {
        sectors: "Vận_Tải Thủy_Sản Xây_Dựng Dệt_May",
        forms: &[("VN", "Công ty TNHH {sector} {name}"), ("VN", "Công ty Cổ phần {sector} {name}")],
        number: "##########",
        ..LATIN
    },
    Trade {
        sectors: "Sejahtera Makmur Nusantara Abadi Perkasa",
        forms: &[
            ("ID", "PT {name} {sector}"),
            ("ID", "CV {name} {sector}"),
            ("ID", "PT {name} {sector} Tbk"),
        ],
        number: "#############",
        ..LATIN
    },
    Trade {
        sectors: "Agro Cement Oil_Services Ventures Farms Telecoms Haulage",
        forms: &[
            ("NG", "{name} {sector} Ltd"),
            ("NG", "{name} {sector} Nigeria Plc"),
            ("KE", "{name} {sector} Ltd"),
            ("ZA", "{name} {sector} (Pty) Ltd"),
            ("GH", "{name} {sector} Enterprises"),
        ],
        number: "RC ######",
        ..LATIN
    },
    Trade {
        sectors: "General_Trading Commodities Shipping Jewellery Technologies Exports",
        forms: &[
            ("AE", "{name} {sector} FZE"),
            ("AE", "{name} {sector} LLC"),
            ("SG", "{name} {sector} Pte. Ltd."),
            ("HK", "{name} {sector} Co., Limited"),
            ("IN", "{name} {sector} Pvt. Ltd."),
        ],
        ..LATIN
    },
    Trade {
        weight: 5,
        starts: "Вел Тор Мар Кел Нор Бри Сев Дел Гал Лум Мер Нов Рос Сел Тал Вер Яр Зел Бор Кор Дон Урал Волг Балт",
        ends: "мора тек дор линкс андра форт тон ика элло ария прим олис ента истра нефа лайн",
        sectors: "Строй Торг Логистик Снаб Агро Пром Транс Сервис Металл",
        forms: &[
            ("RU", "ООО «{name}{sector}»"),
            ("RU", "АО «{name} {sector}»"),
            ("RU", "ПАО «{sector}{name}»"),
            ("RU", "ЗАО «{name}»"),
            ("KZ", "ТОО «{name} {sector}»"),
            ("BY", "ОДО «{name}{sector}»"),
        ],
        number: "#############",
    },
    Trade {
        weight: 2,
        starts: "Вел Тор Мар Кел Нор Дел Гал Лум Мер Нов Сел Тал Вер Зел Бор",
        ends: "мора тек дор андра форт тон ика ария прим олис ента",
        sectors: "Буд Агро Транс Постач Сервіс",
        forms: &[
            ("UA", "ТОВ «{name} {sector}»"),
            ("UA", "ПрАТ «{name} {sector}»"),
            ("BG", "«{name} {sector}» ЕООД"),
        ],
        number: "########",
    },
    Trade {
        weight: 3,
        starts: "Βελ Τορ Μαρ Κελ Νορ Δελ Γαλ Λουμ Μερ Νεφ Σελ Ταλ Βερ Ζελ",
        ends: "μόρα τέκ δώρ άνδρα φόρτ τόνα ίκα άρια πρίμ ώλις έντα",
        sectors: "Ναυτιλιακή Εμπορική Τουριστική Κατασκευαστική Ενεργειακή",
        forms: &[
            ("GR", "{name} {sector} Α.Ε."),
            ("GR", "{name} {sector} Ε.Π.Ε."),
            ("CY", "{name} {sector} Λτδ"),
        ],
        number: "############",
    },
    Trade {
        weight: 4,
        starts: "نور فجر واحة نجم بحر جبل ريم درة سهم أفق برق نسيم",
        ends: "ان ين ات ار ال ام",
        sectors: "للتجارة للمقاولات للنقل للاستثمار للأغذية للطاقة",
        forms: &[
            ("SA", "شركة {name} {sector} المحدودة"),
            ("AE", "شركة {name} {sector} ذ.م.م"),
            ("EG", "شركة {name} {sector} ش.م.م"),
            ("JO", "مؤسسة {name} {sector}"),
        ],
        number: "##########",
    },
    Trade {
        weight: 1,
        starts: "נור גל אור טל רם שקד אלון",
        ends: "ית ון אל טק",
        sectors: "סחר בנייה טכנולוגיות מזון",
        forms: &[("IL", "{name} {sector} בע״מ")],
        number: "51#######",
    },
    Trade {
        weight: 6,
        starts: "北辰 东岳 南星 西岭 海澜 金川 云帆 瑞禾 恒石 远航 长河 明泽 青松 天工",
        ends: "达 丰 泰 信 隆 源 盛 通 和 宇",
        sectors: "贸易 科技 物流 实业 食品 国际船务 新材料 电子",
        forms: &[
            ("CN", "{name}{sector}有限公司"),
            ("CN", "{name}{sector}股份有限公司"),
            ("CN", "{name}{sector}集团"),
            ("TW", "{name}{sector}股份有限公司"),
            ("HK", "{name}{sector}有限公司"),
        ],
        number: "91############",
    },
    Trade {
        weight: 4,
        starts: "北風 青波 朝凪 星野 白鷺 東雲 若草 夕月 海原",
        ends: "堂 屋 丸 舎 工房",
        sectors: "商事 工業 運輸 食品 電機 建設 製作所",
        forms: &[
            ("JP", "株式会社{name}{sector}"),
            ("JP", "{name}{sector}株式会社"),
            ("JP", "合同会社{name}{sector}"),
            ("JP", "有限会社{name}{sector}"),
        ],
        number: "#############",
    },
    Trade {
        weight: 3,
        starts: "한빛 새벽 푸른 가람 온누리 다솜 미르 하늘",
        ends: "나 온 셀 텍 원",
        sectors: "무역 전자 물산 해운 식품 건설",
        forms: &[
            ("KR", "(주){name}{sector}"),
            ("KR", "주식회사 {name}{sector}"),
            ("KR", "{name}{sector} 유한회사"),
        ],
        number: "###-##-#####",
    },
    Trade {
        weight: 3,
        starts: "सूर्य नील अमृत विश्व नव दीप गंगा शिव",
        ends: "ज्योति लोक धारा किरण सागर",
        sectors: "उद्योग व्यापार वस्त्र निर्माण ऊर्जा",
        forms: &[("IN", "{name} {sector} प्राइवेट लिमिटेड"), ("IN", "{name} {sector} लिमिटेड")],
        number: "U#####MH####PTC######",
    },
    Trade {
        weight: 2,
        starts: "ทอง ศรี ไทย ชัย บุญ แสง",
        ends: "เจริญ รุ่งเรือง พัฒนา มงคล",
        sectors: "การค้า ขนส่ง ก่อสร้าง อาหาร",
        forms: &[("TH", "บริษัท {name}{sector} จำกัด"), ("TH", "ห้างหุ้นส่วนจำกัด {name}{sector}")],
        number: "01###########",
    },
    Trade {
        weight: 1,
        starts: "ველ თორ მარ კელ ნორ გალ",
        ends: "ორა ანდი ელი არია",
        sectors: "ვაჭრობა მშენებლობა ტრანსპორტი ღვინო",
        forms: &[("GE", "შპს {name} {sector}"), ("GE", "სს {name} {sector}")],
        number: "#########",
    },
    Trade {
        weight: 1,
        starts: "Վել Թոր Մար Կել Նոր Գալ",
        ends: "որա անդի ելի արիա",
        sectors: "Առևտուր Շինարարություն Տրանսպորտ Գինի",
        forms: &[("AM", "{name} {sector} ՍՊԸ"), ("AM", "{name} {sector} ՓԲԸ")],
        number: "########",
    },
];
