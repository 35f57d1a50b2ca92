//! Names of the cultures that write in Latin letters. Common names, combined at random: nobody is meant.

use super::cultures::{Culture, Middle, Order, PLAIN};

/// The tables.
pub(super) const CULTURES: &[Culture] = &[
    // English
    Culture {
        weight: 16,
        countries: "US US US GB GB CA AU IE NZ",
        men: "James Oliver William Henry Thomas George Edward Daniel Matthew Samuel Joseph Benjamin \
            Andrew Christopher Michael Robert Patrick Stephen Nathan Owen Callum Graham Seán Liam",
        women: "Emily Charlotte Grace Amelia Sophie Hannah Alice Eleanor Lucy Margaret Rebecca Victoria \
            Catherine Abigail Harriet Megan Olivia Rachel Fiona Isobel Zoë Chloë Siobhán Niamh",
        family: "Smith Johnson Williams Brown Taylor Davies Evans Wilson Thompson Walker Wright Robinson \
            Harrison Clarke Mitchell Campbell Stewart Murphy O'Brien Kelly Sullivan McCarthy Fletcher \
            Bennett Whitaker Ashworth Holloway Pemberton Langley Carmichael Hawthorne Lockwood Sinclair \
            Turnbull Prescott Bradshaw Ó_Súilleabháin MacDonald Fairbanks Kensington-Hale Drummond Thorne",
        middle: Middle::SecondGiven(40),
        ..PLAIN
    },
    // German
    Culture {
        weight: 9,
        countries: "DE DE DE AT CH",
        men: "Lukas Maximilian Jürgen Günther Björn Sören Matthias Stefan Andreas Thomas Wolfgang Karl \
            Friedrich Johannes Florian Tobias Sebastian Dieter Klaus Uwe Jörg Götz Felix Emil",
        women: "Anna Marlene Käthe Jördis Brigitte Sabine Ursula Katharina Franziska Heike Ingrid Jutta \
            Lena Mareike Petra Renate Silke Susanne Ulrike Annegret Bärbel Theresa Johanna Hannelore",
        family: "Müller Schmidt Schneider Fischer Weber Schäfer Koch Bauer Richter Klein Wolf Schröder \
            Neumann Schwarz Zimmermann Krüger Hofmann Lange Köhler König Böhm Jäger Groß Weiß Vogel \
            Lorenz Brandt Friedrich Günther Winkler Sommer Seidel Ziegler Kühn Pfeiffer Strauß Voß \
            Hölzl Grünwald von_Arnstedt zur_Linden Eßer",
        middle: Middle::SecondGiven(20),
        ..PLAIN
    },
    // French
    Culture {
        weight: 7,
        countries: "FR FR FR BE CH CA SN",
        men: "Étienne François Jérôme Hervé Benoît Gaël Loïc Rémi Sébastien Mathieu Julien Antoine \
            Nicolas Philippe Laurent Guillaume Jean-Baptiste Jean-Luc Théo Raphaël Noé Cédric",
        women: "Aurélie Céline Chloé Élodie Hélène Zoé Inès Léa Manon Mathilde Noémie Océane Pauline \
            Camille Juliette Marie-Claire Anne-Sophie Geneviève Solène Maëlys Brigitte Véronique",
        family: "Martin Bernard Dubois Durand Moreau Laurent Lefèvre Girard Bonnet François Mercier Dupont \
            Lambert Fontaine Rousseau Vincent Muller Faure Mercœur Garnier Chevalier Gauthier Perrin \
            Morel Brun Benoît Lévêque Guérin Prévost Deschamps Beauséjour Château-Renard Delacroix Petitjean \
            Le_Goff Le_Bihan de_la_Tour d'Hautefort Bélanger Tremblay Côté Desrosiers",
        middle: Middle::SecondGiven(25),
        ..PLAIN
    },
    // Spanish
    Culture {
        weight: 10,
        countries: "ES ES MX MX CO AR PE CL EC VE",
        men: "José Luis Carlos Andrés Martín Sebastián Joaquín Nicolás Álvaro Íñigo Jesús Ramón Rubén \
            Óscar Héctor Julián Tomás Emilio Gonzalo Rodrigo Santiago Mauricio Juan_Pablo Miguel_Ángel",
        women: "María Lucía Sofía Inés Rocío Mónica Verónica Ángela Concepción Pilar Guadalupe Ximena \
            Valentina Catalina Begoña Noelia Marisol Esperanza Itziar Belén María_José Ana_Belén Paloma Renata",
        family: "García Rodríguez Martínez Hernández López González Pérez Sánchez Ramírez Torres Flores \
            Rivera Gómez Díaz Vásquez Castro Ortiz Morales Núñez Muñoz Ibáñez Peña Zúñiga Echeverría \
            Etxeberria Urrutia Quiñones Cañizares Montoya Villanueva Salazar Cárdenas Aguirre Bermúdez \
            de_la_Fuente del_Río Arango Restrepo Quispe Mamani Olivares Ballesteros",
        two_families: true,
        middle: Middle::SecondGiven(20),
        ..PLAIN
    },
    // Portuguese
    Culture {
        weight: 6,
        countries: "BR BR BR PT PT AO MZ",
        men: "João António Antônio Luís José Tiago Gonçalo Afonso Duarte Rafael Thiago Caio Heitor \
            Murilo Vinícius Otávio Renato Sérgio Estêvão Simão Vasco Márcio",
        women: "Ana Beatriz Conceição Fátima Inês Joana Larissa Letícia Luísa Mariana Natália Patrícia \
            Raquel Rita Teresa Thaís Vitória Yasmin Graça Simone Débora Antónia",
        family: "Silva Santos Oliveira Souza Pereira Lima Carvalho Ferreira Ribeiro Almeida Costa Gomes \
            Martins Araújo Barbosa Rocha Dias Moreira Nunes Mendes Cardoso Teixeira Corrêa Gonçalves \
            Magalhães Guimarães Conceição Brandão Falcão Galvão Simões Leitão Assunção Mourão Figueirêdo \
            da_Cunha dos_Reis de_Sá do_Nascimento Queirós Bragança Vasconcelos",
        two_families: true,
        middle: Middle::SecondGiven(20),
        ..PLAIN
    },
    // Italian
    Culture {
        weight: 5,
        countries: "IT IT IT CH",
        men: "Alessandro Andrea Niccolò Giosuè Mosè Francesco Lorenzo Matteo Gabriele Leonardo Tommaso \
            Riccardo Edoardo Federico Giuseppe Antonio Salvatore Vincenzo Pasquale Gennaro Massimo Ruggero",
        women: "Giulia Martina Chiara Francesca Alessia Silvia Federica Elisa Paola Valentina Beatrice \
            Ginevra Ludovica Benedetta Rosaria Concetta Immacolata Donatella Giovanna Costanza Noemi Lavinia",
        family: "Rossi Russo Ferrari Esposito Bianchi Romano Colombo Ricci Marino Greco Bruno Gallo Conti \
            De_Luca Mancini Costa Giordano Rizzo Lombardi Moretti Barbieri Fontana Santoro Mariani \
            Rinaldi Caruso Ferrara Galli Martini Leone Longo Gentile Martinelli Vitale Serra Coppola \
            D'Angelo D'Amico Dell'Orto Nicolò Calò Muscarà",
        middle: Middle::SecondGiven(12),
        ..PLAIN
    },
    // Dutch
    Culture {
        weight: 3,
        countries: "NL NL NL BE",
        men: "Jan Pieter Willem Daan Sem Bram Thijs Joris Maarten Sander Ruben Hendrik Cornelis Koen",
        women: "Anneke Marijke Femke Sanne Lotte Fleur Maaike Willemijn Saskia Hanneke Noor Elsje Renée Daniëlle",
        family: "de_Vries van_den_Berg van_Dijk Bakker Janssen Visser Smit Meijer de_Boer Mulder de_Groot \
            Bos Vos Peters Hendriks van_Leeuwen Dekker Brouwer de_Wit Dijkstra van_der_Meer Hoekstra \
            Kuipers van_'t_Hof Zijlstra Coëns",
        middle: Middle::Nothing,
        ..PLAIN
    },
    // Polish
    Culture {
        weight: 5,
        countries: "PL",
        men: "Andrzej Łukasz Paweł Michał Krzysztof Piotr Tomasz Grzegorz Wojciech Zbigniew Stanisław \
            Kazimierz Jerzy Marek Rafał Bartłomiej Mateusz Jakub Przemysław Sławomir Józef Witold",
        women: "Agnieszka Małgorzata Katarzyna Joanna Barbara Ewa Elżbieta Magdalena Krystyna Zofia Jadwiga \
            Grażyna Wiesława Bożena Dorota Aleksandra Zuzanna Maja Oliwia Łucja Stanisława Żaneta",
        family: "Nowak Kowalski Wiśniewski Wójcik Kowalczyk Kamiński Lewandowski Zieliński Szymański Woźniak \
            Dąbrowski Kozłowski Jankowski Mazur Wojciechowski Kwiatkowski Krawczyk Kaczmarek Piotrowski \
            Grabowski Zając Pawłowski Michalski Król Wieczorek Jabłoński Wróbel Nowicki Majewski Stępień \
            Górski Rutkowski Błaszczyk Przybylski Świątek Źródłowski Brzęczyszcz Gołębiewski Czajka Łoś \
            Chrząszczewski Żurawski",
        middle: Middle::SecondGiven(30),
        feminine: &[("ski", "ska"), ("cki", "cka")],
        ..PLAIN
    },
    // Czech and Slovak
    Culture {
        weight: 4,
        countries: "CZ CZ SK",
        men: "Jiří Jan Petr Tomáš Pavel Miroslav Zdeněk Václav František Lukáš Ondřej Vojtěch Matěj \
            Štěpán Kryštof Radek Bohumil Květoslav Ľubomír Dušan Šimon Řehoř",
        women: "Hana Věra Lenka Kateřina Tereza Eliška Anežka Markéta Jiřina Zdeňka Božena Ludmila \
            Růžena Květa Šárka Barbora Veronika Zuzana Ľudmila Žofie Dagmar Michaela",
        family: "Novák Svoboda Novotný Dvořák Černý Procházka Kučera Veselý Horák Němec Pokorný Hájek \
            Jelínek Král Růžička Beneš Fiala Sedláček Doležal Zeman Kolář Navrátil Čermák Vaněk Urban \
            Blažek Kříž Kovář Bartoš Vlček Polák Musil Kopecký Šimek Konečný Malý Holub Čech Štěpánek \
            Kadlec Říha Šťastný",
        middle: Middle::Nothing,
        feminine: &[("ý", "á"), ("ek", "ková"), ("ec", "cová"), ("a", "ová"), ("", "ová")],
        ..PLAIN
    },
    // Hungarian
    Culture {
        weight: 2,
        countries: "HU",
        men: "László István József János Zoltán Sándor Gábor Attila Péter Gergő Árpád Győző Ákos Bálint",
        women: "Mária Erzsébet Katalin Ilona Éva Zsuzsanna Ágnes Enikő Réka Zsófia Boglárka Eszter Emőke Tünde",
        family: "Nagy Kovács Tóth Szabó Horváth Varga Kiss Molnár Németh Farkas Balogh Papp Lakatos Juhász \
            Mészáros Simon Rácz Fekete Szilágyi Török Fehér Gál Kőszegi Szűcs Ördögh Lengyel",
        order: Order::Family,
        ..PLAIN
    },
    // Turkish
    Culture {
        weight: 5,
        countries: "TR TR TR DE",
        men: "Mehmet Mustafa Ahmet Hüseyin İbrahim İsmail Ömer Çağlar Gökhan Oğuz Şükrü Yiğit Barış Cem \
            Deniz Emre Fatih Görkem Hakan Kağan Serdar Ümit",
        women: "Ayşe Fatma Emine Hatice Zeynep Elif Gülşen Çiğdem Özlem Şebnem Tuğba Ümran İpek Işıl Nurgül \
            Pınar Sevgi Songül Yıldız Esra Büşra Derya",
        family: "Yılmaz Kaya Demir Çelik Şahin Yıldız Yıldırım Öztürk Aydın Özdemir Arslan Doğan Kılıç \
            Aslan Çetin Kara Koç Kurt Özkan Şimşek Polat Korkmaz Çakır Erdoğdu Bozkurt Güneş Taş Aksoy \
            Keskin Ünal Güler Turan Karadağ Sarı Uçar Işık Kaplan Avcı Tekin Gümüş Toprak Ağaoğlu",
        middle: Middle::SecondGiven(15),
        ..PLAIN
    },
    // Vietnamese
    Culture {
        weight: 4,
        countries: "VN VN VN AU",
        men: "Anh Bảo Cường Dũng Đức Giang Hải Hiếu Hùng Huy Khánh Khoa Long Minh Nam Nghĩa Phong Quân \
            Sơn Thắng Tuấn Việt",
        women: "Ánh Bích Châu Diệp Dung Hà Hằng Hạnh Hoa Hương Lan Linh Mai My Nga Ngân Nhung Oanh Phượng \
            Quỳnh Thảo Trang",
        family: "Nguyễn Trần Lê Phạm Hoàng Huỳnh Phan Vũ Võ Đặng Bùi Đỗ Hồ Ngô Dương Lý Đoàn Trịnh Đinh \
            Lâm Mai Tô Trương Phùng Tạ Quách Châu Cao Thái Hứa Kiều Lưu Nghiêm Vương Diệp Chu",
        middle: Middle::Words("Văn Đức Hữu Quang Minh Công Xuân Ngọc", "Thị Thị Thu Ngọc Thanh Kim Mỹ Bảo"),
        order: Order::Family,
        ..PLAIN
    },
    // Nigerian: Yoruba, Igbo, Hausa
    Culture {
        weight: 5,
        countries: "NG NG NG GB",
        men: "Olúwaṣeun Adébáyọ̀ Babátúndé Káyọ̀dé Ṣégun Táíwò Chinedu Emeka Ikenna Obinna Uchenna Chukwuemeka \
            Kelechi Nnamdi Abubakar Aminu Musa Sani Umar Yakubu Usman Ezekiel",
        women: "Adésùwà Folákẹ́ Títílayọ̀ Yétúndé Bọ́láńlé Ọmọ́tọ́lá Adaeze Chiamaka Ifeoma Ngozi Nkechi Obiageli \
            Chinwe Amarachi Aisha Hauwa Zainab Hadiza Maryam Halima Blessing Patience",
        family: "Adéyẹmí Ògúnlẹ́yẹ Balógun Ọlátúnjí Adébísí Akíndélé Fálànà Ọ̀ṣúnkọ̀yà Okonkwo Okafor Eze Nwosu \
            Obi Okeke Nwachukwu Onyeama Igwe Anyanwu Chukwu Nnadi Ekwueme Uzoma Danjuma Bello Garba \
            Abdullahi Suleiman Lawal Yusuf Gwarzo Maitama Dantata Effiong Bassey Etim Okon Osagie Igbinedion \
            Oghenekaro Ekpo",
        middle: Middle::SecondGiven(35),
        ..PLAIN
    },
    // Swahili
    Culture {
        weight: 2,
        countries: "KE TZ",
        men: "Juma Baraka Kamau Otieno Kiprono Mwangi Njoroge Hamisi Salim Rajabu Elijah Wanyama Kipchumba Ouma",
        women: "Amani Zuhura Wanjiku Akinyi Chebet Nyambura Mwanaisha Rehema Neema Wangari Atieno Jepkosgei Saida Halima",
        family: "Kariuki Odhiambo Cheruiyot Mutua Njenga Wekesa Barasa Kimani Omondi Kiplagat Mbwana Mushi \
            Massawe Ndungu Mwakyusa Ochieng Rotich Kilonzo Makame Shirima Gathogo Simiyu",
        middle: Middle::FathersName(40),
        ..PLAIN
    },
    // Indonesian
    Culture {
        weight: 4,
        countries: "ID ID ID MY",
        men: "Agus Budi Bambang Dedi Eko Fajar Hendra Irfan Joko Kurniawan Lukman Made Nyoman Oka Putu Rizky \
            Slamet Teguh Wahyu Yudi Arief Dimas",
        women: "Ayu Citra Dewi Endah Fitri Gita Indah Kartika Lestari Maya Ningsih Novi Puspita Ratna Rina \
            Sari Siti Sri Tuti Wulan Yanti Nurhayati",
        family: "Santoso Wijaya Kusuma Hidayat Setiawan Saputra Pratama Nugroho Gunawan Susanto Hartono \
            Suryadi Purnomo Wibowo Utomo Rahman Siregar Nasution Simanjuntak Lubis Hutapea Sitompul \
            Wirawan Darmawan Prasetyo Budiman Halim Suharjo Mulyadi Iskandar Tanuwijaya Sudirja Permana \
            Ramadhan Firmansyah Maulana Sihombing Pangestu Adiputra Mahendra",
        middle: Middle::SecondGiven(30),
        ..PLAIN
    },
    // Nordic
    Culture {
        weight: 5,
        countries: "SE SE NO DK FI IS",
        men: "Åke Björn Gösta Håkan Jörgen Mårten Göran Lars Nils Sven Øyvind Håvard Bjørn Jørgen Søren Kåre \
            Anders Mikkel Väinö Jyrki Þór Sigurður",
        women: "Åsa Märta Görel Birgit Astrid Ingeborg Solveig Sigrid Gunnhild Ragnhild Bodil Kirsten Mette \
            Päivi Aino Hänna Freja Linnéa Tuulikki Guðrún Þórdís Maj-Britt",
        family: "Andersson Johansson Karlsson Nilsson Eriksson Larsson Bergström Lindström Sjöberg Åkesson \
            Öberg Hägglund Hansen Olsen Kristiansen Bjørnstad Ødegård Nygård Solbakken Haugen Nielsen Møller \
            Sørensen Kjær Østergaard Højgaard Korhonen Mäkinen Nieminen Hämäläinen Heikkinen Järvinen \
            Ylönen Väisänen Lindqvist Söderberg Ekström Ängström Fagerlund Bruun Grønlie Sjöström",
        middle: Middle::SecondGiven(30),
        ..PLAIN
    },
];
