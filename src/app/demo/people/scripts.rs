//! Names of the cultures that write in other letters than Latin ones, each with a Latin spelling.
//! Common names, combined at random: nobody is meant.

use super::cultures::{Culture, Middle, Order, PLAIN};

/// Endings of Russian names, and of Bulgarian ones.
const RUSSIAN: &[(&str, &str)] = &[
    ("ович", "овна"),
    ("евич", "евна"),
    ("ский", "ская"),
    ("ой", "ая"),
    ("ов", "ова"),
    ("ев", "ева"),
    ("ёв", "ёва"),
    ("ин", "ина"),
    ("ын", "ына"),
    ("ovich", "ovna"),
    ("evich", "evna"),
    ("skiy", "skaya"),
    ("oy", "aya"),
    ("ov", "ova"),
    ("ev", "eva"),
    ("yov", "yova"),
    ("in", "ina"),
    ("yn", "yna"),
];

/// The tables.
pub(super) const CULTURES: &[Culture] = &[
    // Russian
    Culture {
        weight: 8,
        countries: "RU RU RU RU KZ BY DE CY",
        men: "Алексей/Aleksei Александр/Aleksandr Андрей/Andrey Антон/Anton Борис/Boris Виктор/Viktor \
            Владимир/Vladimir Вячеслав/Vyacheslav Георгий/Georgiy Григорий/Grigoriy Дмитрий/Dmitriy \
            Евгений/Evgeniy Иван/Ivan Илья/Ilya Кирилл/Kirill Константин/Konstantin Лев/Lev Максим/Maksim \
            Михаил/Mikhail Николай/Nikolay Олег/Oleg Павел/Pavel Роман/Roman Сергей/Sergey Юрий/Yuriy \
            Ярослав/Yaroslav Фёдор/Fyodor",
        women: "Анна/Anna Анастасия/Anastasiya Валентина/Valentina Вера/Vera Галина/Galina Дарья/Darya \
            Евгения/Evgeniya Екатерина/Ekaterina Елена/Elena Жанна/Zhanna Зинаида/Zinaida Ирина/Irina \
            Ксения/Kseniya Лариса/Larisa Людмила/Lyudmila Марина/Marina Надежда/Nadezhda Наталья/Natalya \
            Оксана/Oksana Ольга/Olga Светлана/Svetlana Тамара/Tamara Татьяна/Tatyana Юлия/Yuliya",
        family: "Абрамов/Abramov Белов/Belov Беляев/Belyaev Богданов/Bogdanov Бобров/Bobrov Воронин/Voronin \
            Воробьёв/Vorobyov Голубев/Golubev Горшков/Gorshkov Давыдов/Davydov Денисов/Denisov Ершов/Ershov \
            Жданов/Zhdanov Жуков/Zhukov Зайцев/Zaytsev Захаров/Zakharov Зимин/Zimin Ильин/Ilyin Карпов/Karpov \
            Киселёв/Kiselyov Комаров/Komarov Кудрявцев/Kudryavtsev Лаптев/Laptev Лебедев/Lebedev \
            Мельников/Melnikov Морозов/Morozov Никитин/Nikitin Орлов/Orlov Панин/Panin Полянский/Polyanskiy \
            Рябов/Ryabov Савельев/Savelyev Синицын/Sinitsyn Соболев/Sobolev Тихонов/Tikhonov \
            Толмачёв/Tolmachyov Уваров/Uvarov Фомин/Fomin Хохлов/Khokhlov Царёв/Tsaryov Чернов/Chernov \
            Шишкин/Shishkin Щербаков/Shcherbakov Яковлев/Yakovlev Лесной/Lesnoy",
        middle: Middle::Patronymic(
            "Александрович/Aleksandrovich Алексеевич/Alekseevich Андреевич/Andreevich Борисович/Borisovich \
            Викторович/Viktorovich Владимирович/Vladimirovich Дмитриевич/Dmitrievich Иванович/Ivanovich \
            Михайлович/Mikhailovich Николаевич/Nikolaevich Олегович/Olegovich Петрович/Petrovich \
            Сергеевич/Sergeevich Фёдорович/Fyodorovich Юрьевич/Yuryevich",
        ),
        feminine: RUSSIAN,
        ..PLAIN
    },
    // Ukrainian
    Culture {
        weight: 3,
        countries: "UA UA PL",
        men: "Андрій/Andrii Богдан/Bohdan Василь/Vasyl Володимир/Volodymyr Григорій/Hryhorii Дмитро/Dmytro \
            Євген/Yevhen Іван/Ivan Ігор/Ihor Микола/Mykola Олексій/Oleksii Остап/Ostap Сергій/Serhii Тарас/Taras",
        women: "Галина/Halyna Ганна/Hanna Євгенія/Yevheniia Ірина/Iryna Катерина/Kateryna Леся/Lesia \
            Людмила/Liudmyla Марія/Mariia Наталія/Nataliia Оксана/Oksana Олена/Olena Світлана/Svitlana",
        family: "Бондаренко/Bondarenko Ткаченко/Tkachenko Коваленко/Kovalenko Кравченко/Kravchenko \
            Олійник/Oliinyk Шевчук/Shevchuk Поліщук/Polishchuk Мельник/Melnyk Гончар/Honchar Лисенко/Lysenko \
            Руденко/Rudenko Савчук/Savchuk Мороз/Moroz Яцюк/Yatsiuk Щербина/Shcherbyna Гнатюк/Hnatiuk \
            Залізняк/Zalizniak Грищук/Hryshchuk Чайківський/Chaikivskyi Вишневський/Vyshnevskyi",
        middle: Middle::Patronymic(
            "Андрійович/Andriiovych Богданович/Bohdanovych Васильович/Vasylovych Володимирович/Volodymyrovych \
            Іванович/Ivanovych Миколайович/Mykolaiovych Петрович/Petrovych Сергійович/Serhiiovych",
        ),
        feminine: &[
            ("йович", "ївна"),
            ("ович", "івна"),
            ("ський", "ська"),
            ("iovych", "iivna"),
            ("ovych", "ivna"),
            ("skyi", "ska"),
        ],
        ..PLAIN
    },
    // Bulgarian
    Culture {
        weight: 2,
        countries: "BG",
        men: "Георги/Georgi Димитър/Dimitar Иван/Ivan Йордан/Yordan Красимир/Krasimir Любомир/Lyubomir \
            Николай/Nikolay Петър/Petar Пламен/Plamen Стоян/Stoyan Тодор/Todor Цветан/Tsvetan",
        women: "Боряна/Boryana Весела/Vesela Гергана/Gergana Десислава/Desislava Елена/Elena Йорданка/Yordanka \
            Мария/Maria Надежда/Nadezhda Петя/Petya Радостина/Radostina Стефка/Stefka Цветелина/Tsvetelina",
        family: "Ангелов/Angelov Василев/Vasilev Вълчев/Valchev Ганчев/Ganchev Димитров/Dimitrov \
            Желязков/Zhelyazkov Златев/Zlatev Илиев/Iliev Колев/Kolev Маринов/Marinov Недялков/Nedyalkov \
            Петков/Petkov Русев/Rusev Стоичков/Stoichkov Тодоров/Todorov Христов/Hristov Цонев/Tsonev \
            Шопов/Shopov",
        feminine: RUSSIAN,
        ..PLAIN
    },
    // Greek
    Culture {
        weight: 4,
        countries: "GR GR GR CY",
        men: "Αλέξανδρος/Alexandros Ανδρέας/Andreas Αντώνης/Antonis Βασίλης/Vasilis Γιώργος/Giorgos \
            Γιάννης/Giannis Δημήτρης/Dimitris Ευάγγελος/Evangelos Ηλίας/Ilias Θανάσης/Thanasis \
            Θεόδωρος/Theodoros Κώστας/Kostas Λεωνίδας/Leonidas Μάριος/Marios Μιχάλης/Michalis \
            Νίκος/Nikos Παναγιώτης/Panagiotis Πέτρος/Petros Σπύρος/Spyros Στέφανος/Stefanos \
            Στυλιανός/Stylianos Χρήστος/Christos",
        women: "Αγγελική/Angeliki Αικατερίνη/Aikaterini Αθηνά/Athina Αναστασία/Anastasia Βασιλική/Vasiliki \
            Γεωργία/Georgia Δέσποινα/Despoina Δήμητρα/Dimitra Ειρήνη/Eirini Ελένη/Eleni Ευαγγελία/Evangelia \
            Ευτυχία/Eftychia Ζωή/Zoi Θεοδώρα/Theodora Ιωάννα/Ioanna Κωνσταντίνα/Konstantina \
            Μαρία/Maria Ουρανία/Ourania Παρασκευή/Paraskevi Σοφία/Sofia Στυλιανή/Styliani Χρυσούλα/Chrysoula",
        family: "Παπαδόπουλος/Papadopoulos Αγγελόπουλος/Angelopoulos Δημητρόπουλος/Dimitropoulos \
            Χριστόπουλος/Christopoulos Γεωργόπουλος/Georgopoulos Κωνσταντόπουλος/Konstantopoulos \
            Ιωαννίδης/Ioannidis Γεωργιάδης/Georgiadis Κωνσταντινίδης/Konstantinidis Νικολαΐδης/Nikolaidis \
            Βασιλειάδης/Vasileiadis Σταματάκης/Stamatakis Μαυράκης/Mavrakis Περάκης/Perakis \
            Μανωλάκης/Manolakis Καραγιάννης/Karagiannis Δημητρίου/Dimitriou Γεωργίου/Georgiou \
            Ιωάννου/Ioannou Χατζηνικολάου/Chatzinikolaou Αθανασίου/Athanasiou Οικονόμου/Oikonomou \
            Βλάχος/Vlachos Αγγελής/Angelis Σαμαράς/Samaras Κολοκοτρώνης/Kolokotronis Ζαχαριάδης/Zachariadis \
            Ξενάκης/Xenakis Λαμπρόπουλος/Lampropoulos Τριανταφύλλου/Triantafyllou Καλογερόπουλος/Kalogeropoulos \
            Ψαράκης/Psarakis Ραπτόπουλος/Raptopoulos Μακρίδης/Makridis Σιδέρης/Sideris Τσακίρης/Tsakiris",
        feminine: &[
            ("όπουλος", "οπούλου"),
            ("opoulos", "opoulou"),
            ("άδης", "άδου"),
            ("ίδης", "ίδου"),
            ("ΐδης", "ΐδου"),
            ("adis", "adou"),
            ("idis", "idou"),
            ("ος", "ου"),
            ("os", "ou"),
            ("ης", "η"),
            ("ής", "ή"),
            ("is", "i"),
            ("άς", "ά"),
            ("as", "a"),
        ],
        ..PLAIN
    },
    // Arabic
    Culture {
        weight: 8,
        countries: "EG EG SA AE JO LB MA IQ TN QA",
        men: "أحمد/Ahmad محمد/Mohammed محمود/Mahmoud علي/Ali حسن/Hassan حسين/Hussein خالد/Khaled عمر/Omar \
            يوسف/Youssef إبراهيم/Ibrahim مصطفى/Mustafa طارق/Tareq سامي/Sami كريم/Karim ياسر/Yasser وليد/Walid \
            فيصل/Faisal عبد_الله/Abdullah عبد_الرحمن/Abdulrahman زياد/Ziad ماجد/Majed نبيل/Nabil",
        women: "فاطمة/Fatima عائشة/Aisha مريم/Maryam زينب/Zainab نور/Nour سارة/Sara ليلى/Layla هدى/Huda \
            منى/Mona سلمى/Salma ريم/Reem دينا/Dina أمل/Amal رانيا/Rania خديجة/Khadija ياسمين/Yasmin \
            سميرة/Samira نادية/Nadia إيمان/Iman شيماء/Shaimaa هالة/Hala غادة/Ghada",
        family: "المصري/El-Masry الشامي/Al-Shami البغدادي/Al-Baghdadi الحداد/Haddad النجار/Al-Najjar \
            الخطيب/Al-Khatib القاضي/Al-Qadi الشريف/El-Sherif منصور/Mansour سليمان/Suleiman حمدان/Hamdan \
            العتيبي/Al-Otaibi القحطاني/Al-Qahtani الغامدي/Al-Ghamdi الزهراني/Al-Zahrani الشمري/Al-Shammari \
            الدوسري/Al-Dosari المنصوري/Al-Mansoori الهاشمي/Al-Hashimi العلوي/Alaoui بناني/Bennani \
            الفاسي/El_Fassi التازي/Tazi خوري/Khoury صايغ/Sayegh عبود/Abboud فارس/Fares غانم/Ghanem \
            رزق/Rizk شاهين/Shahin بركات/Barakat درويش/Darwish الجبوري/Al-Jubouri العبيدي/Al-Obaidi \
            الربيعي/Al-Rubaie الطائي/Al-Tai التميمي/Al-Tamimi بن_يوسف/Ben_Youssef الطرابلسي/Trabelsi \
            زيتوني/Zaytouni عطية/Attia",
        middle: Middle::FathersName(55),
        ..PLAIN
    },
    // Hebrew
    Culture {
        weight: 2,
        countries: "IL",
        men: "דוד/David משה/Moshe יוסף/Yosef אברהם/Avraham יצחק/Yitzhak אורי/Uri נועם/Noam איתי/Itai \
            גיל/Gil אלון/Alon רועי/Roi שמואל/Shmuel",
        women: "שרה/Sarah רחל/Rachel נועה/Noa תמר/Tamar מיכל/Michal יעל/Yael אסתר/Esther הילה/Hila \
            שירה/Shira רבקה/Rivka אביגיל/Avigail טליה/Talia",
        family: "כהן/Cohen לוי/Levy מזרחי/Mizrahi פרץ/Peretz ביטון/Biton אברהמי/Avrahami פרידמן/Friedman \
            אזולאי/Azoulay כץ/Katz שפירא/Shapira גולן/Golan חדד/Hadad ברק/Barak רוזנברג/Rosenberg \
            בן_דוד/Ben-David אשכנזי/Ashkenazi שחר/Shahar זיו/Ziv",
        ..PLAIN
    },
    // Persian
    Culture {
        weight: 4,
        countries: "IR IR AF CA",
        men: "علی/Ali رضا/Reza حسین/Hossein مهدی/Mehdi محمد/Mohammad امیر/Amir سعید/Saeed بهرام/Bahram \
            داریوش/Dariush فرهاد/Farhad کامران/Kamran کیوان/Keyvan مسعود/Masoud نادر/Nader پرویز/Parviz \
            رامین/Ramin سهراب/Sohrab شاهین/Shahin سیاوش/Siavash یاشار/Yashar",
        women: "زهرا/Zahra مریم/Maryam فاطمه/Fatemeh نرگس/Narges پریسا/Parisa شیرین/Shirin لیلا/Leila \
            مینا/Mina نسرین/Nasrin آزاده/Azadeh بهاره/Bahareh گلناز/Golnaz الهام/Elham فرزانه/Farzaneh \
            مهسا/Mahsa نیلوفر/Niloufar رویا/Roya سپیده/Sepideh ترانه/Taraneh ژاله/Zhaleh",
        family: "احمدی/Ahmadi حسینی/Hosseini محمدی/Mohammadi رضایی/Rezaei کریمی/Karimi جعفری/Jafari \
            موسوی/Mousavi صادقی/Sadeghi رحیمی/Rahimi قاسمی/Ghasemi ابراهیمی/Ebrahimi اکبری/Akbari \
            شیرازی/Shirazi تهرانی/Tehrani اصفهانی/Esfahani کرمانی/Kermani یزدانی/Yazdani نوری/Nouri \
            فرهادی/Farhadi بهرامی/Bahrami رستمی/Rostami شریفی/Sharifi مرادی/Moradi زارع/Zare عباسی/Abbasi \
            کاظمی/Kazemi نظری/Nazari سلطانی/Soltani امینی/Amini قربانی/Ghorbani پورمحمد/Pourmohammad \
            گلستانی/Golestani طالبی/Talebi چراغی/Cheraghi ژیان/Zhian خسروی/Khosravi",
        ..PLAIN
    },
    // Chinese
    Culture {
        weight: 9,
        countries: "CN CN CN TW HK SG",
        men: "伟/Wei 强/Qiang 磊/Lei 军/Jun 勇/Yong 杰/Jie 涛/Tao 超/Chao 明/Ming 浩然/Haoran 子轩/Zixuan \
            志强/Zhiqiang 建国/Jianguo 文博/Wenbo 宇航/Yuhang 俊杰/Junjie 天佑/Tianyou 国栋/Guodong 永康/Yongkang \
            嘉豪/Jiahao 振华/Zhenhua 德明/Deming 鹏飞/Pengfei 晓东/Xiaodong",
        women: "芳/Fang 娜/Na 敏/Min 静/Jing 丽/Li 艳/Yan 娟/Juan 霞/Xia 秀英/Xiuying 欣怡/Xinyi 梓涵/Zihan \
            雨桐/Yutong 诗涵/Shihan 佳怡/Jiayi 美玲/Meiling 雪梅/Xuemei 淑珍/Shuzhen 慧敏/Huimin 晓燕/Xiaoyan \
            婷婷/Tingting 思琪/Siqi 玉兰/Yulan 月华/Yuehua 紫萱/Zixuan",
        family: "王/Wang 李/Li 张/Zhang 刘/Liu 陈/Chen 杨/Yang 黄/Huang 赵/Zhao 吴/Wu 周/Zhou 徐/Xu 孙/Sun \
            马/Ma 朱/Zhu 胡/Hu 郭/Guo 何/He 高/Gao 林/Lin 罗/Luo 郑/Zheng 梁/Liang 谢/Xie 宋/Song 唐/Tang \
            许/Xu 韩/Han 冯/Feng 邓/Deng 曹/Cao 彭/Peng 曾/Zeng 肖/Xiao 田/Tian 董/Dong 袁/Yuan 潘/Pan \
            蒋/Jiang 蔡/Cai 余/Yu 欧阳/Ouyang 司马/Sima 诸葛/Zhuge 上官/Shangguan",
        order: Order::FamilyJoined,
        latin_order: Order::Family,
        ..PLAIN
    },
    // Japanese
    Culture {
        weight: 6,
        countries: "JP",
        men: "翔太/Shota 大輔/Daisuke 健太/Kenta 拓也/Takuya 直樹/Naoki 誠/Makoto 浩二/Koji 隆/Takashi 蓮/Ren \
            陽翔/Haruto 悠真/Yuma 和也/Kazuya 亮/Ryo 聡/Satoshi 修/Osamu 康弘/Yasuhiro 勇気/Yuki 慎一/Shinichi \
            大翔/Hiroto 樹/Itsuki 龍之介/Ryunosuke 一郎/Ichiro",
        women: "陽菜/Hina 結衣/Yui 葵/Aoi さくら/Sakura 美咲/Misaki 愛/Ai 裕子/Yuko 恵子/Keiko 直美/Naomi \
            由美子/Yumiko 真由美/Mayumi 千尋/Chihiro 彩/Aya 麻衣/Mai 優奈/Yuna 凛/Rin 香織/Kaori 洋子/Yoko \
            和子/Kazuko ひかり/Hikari 明美/Akemi 桃子/Momoko",
        family: "佐藤/Sato 鈴木/Suzuki 高橋/Takahashi 田中/Tanaka 伊藤/Ito 渡辺/Watanabe 山本/Yamamoto \
            中村/Nakamura 小林/Kobayashi 加藤/Kato 吉田/Yoshida 山田/Yamada 佐々木/Sasaki 山口/Yamaguchi \
            松本/Matsumoto 井上/Inoue 木村/Kimura 林/Hayashi 斎藤/Saito 清水/Shimizu 山崎/Yamazaki 森/Mori \
            池田/Ikeda 橋本/Hashimoto 石川/Ishikawa 中島/Nakajima 前田/Maeda 藤田/Fujita 小川/Ogawa \
            岡田/Okada 後藤/Goto 長谷川/Hasegawa 石井/Ishii 村上/Murakami 近藤/Kondo 坂本/Sakamoto \
            遠藤/Endo 青木/Aoki 藤井/Fujii 西村/Nishimura 福田/Fukuda 太田/Ota",
        order: Order::Family,
        ..PLAIN
    },
    // Korean
    Culture {
        weight: 6,
        countries: "KR KR KR US",
        men: "민준/Min-jun 서준/Seo-jun 도윤/Do-yun 예준/Ye-jun 시우/Si-woo 하준/Ha-jun 지호/Ji-ho 준서/Jun-seo \
            건우/Geon-woo 현우/Hyun-woo 우진/Woo-jin 성민/Sung-min 동현/Dong-hyun 영수/Young-soo 철수/Chul-soo \
            상훈/Sang-hoon 재현/Jae-hyun 태양/Tae-yang 승호/Seung-ho 기태/Ki-tae",
        women: "서연/Seo-yeon 서윤/Seo-yun 지우/Ji-woo 서현/Seo-hyun 하은/Ha-eun 민서/Min-seo 지유/Ji-yu \
            윤서/Yun-seo 채원/Chae-won 수아/Su-ah 지민/Ji-min 영희/Young-hee 미경/Mi-kyung 은주/Eun-ju \
            혜진/Hye-jin 정숙/Jeong-suk 수진/Soo-jin 보람/Bo-ram 아름/A-reum 유나/Yu-na",
        family: "김/Kim 이/Lee 박/Park 최/Choi 정/Jung 강/Kang 조/Cho 윤/Yoon 장/Jang 임/Lim 한/Han 오/Oh \
            서/Seo 신/Shin 권/Kwon 황/Hwang 안/Ahn 송/Song 류/Ryu 전/Jeon 홍/Hong 고/Ko 문/Moon 양/Yang \
            손/Son 배/Bae 백/Baek 허/Heo 유/Yoo 남/Nam 심/Shim 노/Noh 하/Ha 곽/Kwak 성/Sung 차/Cha \
            남궁/Namgung 선우/Sunwoo 황보/Hwangbo 제갈/Jegal",
        order: Order::FamilyJoined,
        latin_order: Order::Family,
        ..PLAIN
    },
    // Hindi
    Culture {
        weight: 8,
        countries: "IN IN IN IN AE GB",
        men: "अमित/Amit अर्जुन/Arjun अनिल/Anil राहुल/Rahul राजेश/Rajesh रमेश/Ramesh सुरेश/Suresh संजय/Sanjay \
            विजय/Vijay विकास/Vikas मनोज/Manoj दीपक/Deepak प्रकाश/Prakash रवि/Ravi कृष्ण/Krishna गौरव/Gaurav \
            हर्ष/Harsh नितिन/Nitin आदित्य/Aditya अभिषेक/Abhishek मोहन/Mohan देवेन्द्र/Devendra",
        women: "अनीता/Anita प्रिया/Priya पूजा/Pooja नेहा/Neha सुनीता/Sunita गीता/Geeta सीता/Sita राधा/Radha \
            कविता/Kavita मीना/Meena रेखा/Rekha लक्ष्मी/Lakshmi सरस्वती/Saraswati अंजलि/Anjali दीपिका/Deepika \
            ज्योति/Jyoti किरण/Kiran शालिनी/Shalini स्वाति/Swati उषा/Usha वंदना/Vandana निशा/Nisha",
        family: "शर्मा/Sharma वर्मा/Verma गुप्ता/Gupta सिंह/Singh कुमार/Kumar पटेल/Patel मेहता/Mehta \
            अग्रवाल/Agarwal जोशी/Joshi मिश्रा/Mishra पांडे/Pandey तिवारी/Tiwari चौधरी/Chaudhary यादव/Yadav \
            त्रिपाठी/Tripathi सक्सेना/Saxena श्रीवास्तव/Srivastava कपूर/Kapoor मल्होत्रा/Malhotra चोपड़ा/Chopra \
            खन्ना/Khanna भाटिया/Bhatia अरोड़ा/Arora सेठी/Sethi बंसल/Bansal गोयल/Goyal जैन/Jain शाह/Shah \
            देसाई/Desai कुलकर्णी/Kulkarni देशपांडे/Deshpande पाटिल/Patil नायर/Nair राव/Rao रेड्डी/Reddy \
            मुखर्जी/Mukherjee चटर्जी/Chatterjee बनर्जी/Banerjee ठाकुर/Thakur राठौर/Rathore",
        middle: Middle::FathersName(20),
        ..PLAIN
    },
    // Thai
    Culture {
        weight: 3,
        countries: "TH",
        men: "สมชาย/Somchai สมศักดิ์/Somsak ประเสริฐ/Prasert วิชัย/Wichai สุรชัย/Surachai อนุชา/Anucha \
            ณัฐพล/Nattaphon กิตติ/Kitti ธนากร/Thanakorn พงษ์ศักดิ์/Phongsak ชัยวัฒน์/Chaiwat ปิยะ/Piya",
        women: "สมหญิง/Somying สุดา/Suda มาลี/Malee วันดี/Wandee ณัฐธิดา/Natthida อรทัย/Orathai \
            พิมพ์ใจ/Phimchai กัญญา/Kanya ศิริพร/Siriporn นภา/Napha รัตนา/Rattana จันทร์เพ็ญ/Chanphen",
        family: "แสงทอง/Saengthong ใจดี/Jaidee ศรีสุข/Srisuk ทองดี/Thongdee บุญมี/Boonmee รักไทย/Rakthai \
            วงศ์สวัสดิ์/Wongsawat สุวรรณ/Suwan จันทร์แก้ว/Chankaew พรหมมา/Phromma ชัยมงคล/Chaimongkol \
            เจริญสุข/Charoensuk แก้วมณี/Kaewmanee นาคสุข/Naksuk สายบัว/Saibua ดวงดี/Duangdee \
            มั่นคง/Mankhong อินทร์ทอง/Inthong",
        ..PLAIN
    },
    // Georgian
    Culture {
        weight: 2,
        countries: "GE",
        men: "გიორგი/Giorgi დავით/Davit ლევან/Levan ნიკოლოზ/Nikoloz ირაკლი/Irakli ზურაბ/Zurab თამაზ/Tamaz \
            ვახტანგ/Vakhtang კახა/Kakha შოთა/Shota მამუკა/Mamuka ბესიკ/Besik",
        women: "ნინო/Nino თამარ/Tamar მარიამ/Mariam ანა/Ana ეკატერინე/Ekaterine ქეთევან/Ketevan ნანა/Nana \
            მაია/Maia ლელა/Lela სალომე/Salome თეა/Tea ხატია/Khatia",
        family: "ბერიძე/Beridze კაპანაძე/Kapanadze გელაშვილი/Gelashvili მაისურაძე/Maisuradze \
            გიორგაძე/Giorgadze ლომიძე/Lomidze წიკლაური/Tsiklauri კვარაცხელია/Kvaratskhelia \
            ხუციშვილი/Khutsishvili ნოზაძე/Nozadze ჯაფარიძე/Japaridze ქავთარაძე/Kavtaradze \
            ჩხეიძე/Chkheidze ღვინიაშვილი/Ghviniashvili მჭედლიშვილი/Mchedlishvili ტაბატაძე/Tabatadze",
        ..PLAIN
    },
    // Armenian
    Culture {
        weight: 2,
        countries: "AM AM FR",
        men: "Արամ/Aram Արմեն/Armen Գևորգ/Gevorg Դավիթ/Davit Հայկ/Hayk Տիգրան/Tigran Վահագն/Vahagn \
            Կարեն/Karen Նարեկ/Narek Սարգիս/Sargis Ռուբեն/Ruben Հրանտ/Hrant",
        women: "Անի/Ani Անահիտ/Anahit Գայանե/Gayane Լուսինե/Lusine Մարիամ/Mariam Նարինե/Narine Սոնա/Sona \
            Աստղիկ/Astghik Հասմիկ/Hasmik Շուշան/Shushan Արփինե/Arpine Տաթևիկ/Tatevik",
        family: "Հարությունյան/Harutyunyan Սարգսյան/Sargsyan Գրիգորյան/Grigoryan Հակոբյան/Hakobyan \
            Վարդանյան/Vardanyan Պետրոսյան/Petrosyan Մկրտչյան/Mkrtchyan Ավետիսյան/Avetisyan \
            Խաչատրյան/Khachatryan Ղազարյան/Ghazaryan Մանուկյան/Manukyan Ստեփանյան/Stepanyan \
            Մելքոնյան/Melkonyan Զաքարյան/Zakaryan Դանիելյան/Danielyan Թորոսյան/Torosyan",
        ..PLAIN
    },
];
