#!/usr/bin/env python3
"""Writes hard strings, a small vocabulary of our own, and Hugging Face's ids for them.

    pip install transformers==5.23.0 tokenizers==0.23.3
    FTBENCH_MIRROR=DIR python3 make_hard.py

hard.jsonl                     one JSON string a line
small_cased/, small_uncased/   vocab.txt + tokenizer_config.json; tokenizer.json in the uncased one
ids/VOCABULARY.txt             a line of ids a string, for the small vocabularies and (with
                               FTBENCH_MIRROR) for bert-base-cased and bert-base-uncased
ids/VOCABULARY_max9.txt        the same cut to 9 ids
"""
import json
import os
import pathlib
import shutil
import unicodedata
from collections import Counter

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertTokenizerFast

HERE = pathlib.Path(__file__).resolve().parent

PROSE = """
The harbour board met on Tuesday and voted to widen the northern channel before winter sets in.
Nobody in the village believed the old baker when he said that the river had once run uphill.
Quarterly revenue rose 4.2% to $18.7 million, the company said, although its margins narrowed again.
Her second novel is slower, stranger and far better than the first; I could not put it down.
We walked for three hours through unbelievably thick fog, talking about tokenization and tea.
"Who are you calling irresponsible?" asked the captain, unimpressed. "I've never missed a tide!"
It's a well-known fact that state-of-the-art systems aren't always up-to-date, isn't it?
The researchers reported misunderstandings, mislabelled samples and overconfident conclusions.
Please re-read paragraphs 3(a), 4(b)-(d) and 12 before signing; see also footnotes 7 & 19.
Un été à la plage, où l'on mange des crêpes et boit du café: voilà le bonheur, n'est-ce pas?
Über den Dächern von Köln flogen größere Vögel; die Straße war naß und müde Füße schmerzten.
El niño pequeño añadió azúcar al té y preguntó: ¿cuántos años tiene tu señora mañana?
Zażółć gęślą jaźń, rzekł żółw. Příliš žluťoučký kůň úpěl ďábelské ódy. Čeština je těžká.
Ένα μικρό παιδί διαβάζει ένα βιβλίο. Быстрая лиса прыгает через ленивую собаку у реки.
今天天气很好，我们去公园散步。东京は日本の首都です。한국어 문장도 하나 넣었습니다.
שלום לכולם, זהו משפט קצר. مرحبا بالعالم، هذه جملة قصيرة. नमस्ते दुनिया, यह एक वाक्य है।
"""

SPACES = [0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x1C, 0x1D, 0x1E, 0x1F, 0x20, 0x85, 0xA0, 0x1680, 0x180E,
          *range(0x2000, 0x2010), 0x2028, 0x2029, 0x202A, 0x202E, 0x202F, 0x205F, 0x2060, 0x2061,
          0x2066, 0x2069, 0x3000, 0x3164, 0xFEFF, 0xFFA0, 0x2800]
ODD = [0x01, 0x02, 0x07, 0x08, 0x0E, 0x1B, 0x7F, 0x80, 0x84, 0x86, 0x9F, 0xAD, 0x378, 0x600, 0x605,
       0x61C, 0x6DD, 0x70F, 0x890, 0x8E2, 0x110BD, 0x110CD, 0x13430, 0x1BCA0, 0x1D173, 0xD7FF,
       0xE000, 0xF8FF, 0xFDD0, 0xFDEF, 0xFFF9, 0xFFFB, 0xFFFC, 0xFFFD, 0xFFFE, 0xFFFF, 0x10000,
       0x1FFFE, 0x1FFFF, 0xE0001, 0xE0020, 0xE007F, 0xE0100, 0xF0000, 0xFFFFD, 0xFFFFF, 0x100000,
       0x10FFFD, 0x10FFFF]
LETTERS = list("ßẞſıİIŁłØøÅÅÄäÆæŒœÐðÞþĲĳŉǅǆǱǳĿŀƀΑάΐςΣσϐϑϒϓϔϕЁёЙйЇїѢ\u0531և"
               "\u10a0\u10d0\u1c90\u13a0\uab70ẠặẾệỒổỪữ\u1e9b\u1fb3\u1fbc\u1fe4\u1ff7ΩKÅℵ℮ⅅⅠⅻↃ\u24b6\u24d0"
               "ⰀⰰⱠⱢꙀꙁ\ua64a\ua7aeＡａＺｚ")
LETTERS += [chr(c) for c in (0x10400, 0x10428, 0x10C80, 0x118A0, 0x16E40, 0x1D400, 0x1D7D8,
                             0x1E900, 0x1E922, 0xA7CB, 0xA7DC, 0x10D50, 0x1C89)]
MARKS = [0x300, 0x301, 0x307, 0x308, 0x30A, 0x327, 0x328, 0x323, 0x331, 0x345, 0x34F, 0x360, 0x483,
         0x488, 0x489, 0x5B0, 0x5BC, 0x5BF, 0x64B, 0x651, 0x670, 0x6D6, 0x711, 0x7EB, 0x7FD, 0x8E3,
         0x898, 0x903, 0x93C, 0x93E, 0x94D, 0x9BE, 0xA01, 0xB3F, 0xBBE, 0xC00, 0xC3C, 0xE31, 0xEB1,
         0xF71, 0xF74, 0x135D, 0x1734, 0x17B4, 0x180B, 0x180F, 0x1AB0, 0x1ABF, 0x1DC0, 0x1DF6,
         0x20D0, 0x20DD, 0x20E3, 0x2CEF, 0x302A, 0x302E, 0x3099, 0x309A, 0xA66F, 0xA9BD, 0xFB1E,
         0xFE00, 0xFE0F, 0xFE20, 0x101FD, 0x1D165, 0x1D167, 0x111C9, 0x1E000, 0x1E8D0, 0xE01EF]
SIGNS = [0x21, 0x24, 0x2B, 0x3C, 0x40, 0x5E, 0x5F, 0x60, 0x7C, 0x7E, 0xA1, 0xA2, 0xA3, 0xA7, 0xA8,
         0xA9, 0xAA, 0xAB, 0xAC, 0xB0, 0xB2, 0xB4, 0xB5, 0xB6, 0xB7, 0xB8, 0xB9, 0xBA, 0xBC, 0xBF,
         0xD7, 0xF7, 0x2C6, 0x2D8, 0x37E, 0x387, 0x589, 0x5BE, 0x5F3, 0x60C, 0x61F, 0x66A, 0x6D4,
         0x964, 0xE3F, 0xE4F, 0x10FB, 0x166D, 0x1680, 0x17DB, 0x1B7D, 0x2010, 0x2011, 0x2013,
         0x2014, 0x2015, 0x2016, 0x2018, 0x2019, 0x201A, 0x201C, 0x201D, 0x2020, 0x2022, 0x2026,
         0x2030, 0x2032, 0x2039, 0x203B, 0x203D, 0x203F, 0x2044, 0x2052, 0x2070, 0x207A, 0x207F,
         0x2089, 0x20AC, 0x20B9, 0x20BF, 0x2103, 0x2116, 0x2122, 0x212B, 0x2153, 0x2190, 0x21D2,
         0x2200, 0x2212, 0x221E, 0x2260, 0x2264, 0x2329, 0x232A, 0x2460, 0x2500, 0x25A0, 0x2605,
         0x2713, 0x2764, 0x2E3A, 0x2E43, 0x2E52, 0x3001, 0x3002, 0x3008, 0x300C, 0x3012, 0x301C,
         0x3030, 0x30FB, 0x30FC, 0xA4FE, 0xA673, 0xFD3E, 0xFE10, 0xFE50, 0xFE68, 0xFF01, 0xFF0C,
         0xFF5E, 0xFF61, 0xFFE0, 0xFFE5, 0x10100, 0x1039F, 0x1056F, 0x10A50, 0x11047, 0x12470,
         0x1BC9F, 0x1E95E, 0x1F600]
IDEOGRAPHS = [0x2E80, 0x2F00, 0x3005, 0x3006, 0x3007, 0x3041, 0x30A2, 0x3105, 0x3131, 0x31F0, 0x3220,
              0x32D0, 0x3300, 0x33FF, 0x3400, 0x4DBF, 0x4DC0, 0x4DFF, 0x4E00, 0x9FA5, 0x9FFF,
              0xA000, 0xAC00, 0xD7A3, 0xF900, 0xFA0E, 0xFAFF, 0xFF66, 0x1B000, 0x20000, 0x2A6DF,
              0x2A6E0, 0x2A700, 0x2B81F, 0x2B820, 0x2B91F, 0x2B920, 0x2CEAF, 0x2CEB0, 0x2F800,
              0x2FA1F, 0x2FA20, 0x30000]

WRITTEN = [
    "", " ", "   ", "\n", "\t\t", "\r\n\r\n", " \u00a0\u2003 ", "\u200b", "\ufeff", "\ufffd",
    "a", "A", "I", ".", "...", "…", "--", "—", "'", "''", "\"", "``", "#", "##", "###", "##ing",
    "[", "]", "[]", "[[", "[X]", "[CLS", "CLS]", "[ MASK ]", "[mask]", "[Mask]", "[MASK]",
    " [MASK] ", "[MASK][MASK]", "a[MASK]b", "[CLS] hello [SEP]", "[SEP][SEP][SEP]", "[PAD] [PAD]",
    "[UNK]", "the [UNK]s", "[[MASK]]", "[MASK", "[MASK]ing", "un[MASK]able", "[MASK]\u0301",
    "\u0301[MASK]", "e[SEP]\u0301", "[ＭＡＳＫ]", "[MA\u200bSK]", "[MA SK]", "[unused1]", "[unused99]",
    "<s>", "</s>", "<mask>", "<pad>", "<|endoftext|>", "[CLS][PAD][MASK][SEP][UNK]",
    "hello world", "Hello World", "HELLO WORLD", "hElLo WoRlD", "  hello   world  ",
    "hello\tworld", "hello\nworld", "hello\r\nworld", "hello\u0085world", "hello\vworld",
    "hello,world", "hello , world", "(hello)", "\"hello\"", "hello!!!", "hello?!", "¡hola! ¿qué?",
    "don't", "don’t", "DON'T", "I'd've", "rock 'n' roll", "it's 5 o'clock", "'tis", "dogs'",
    "state-of-the-art", "e-mail", "co\u00adoperate", "co\u2011operate", "re\u2010read", "a_b_c",
    "snake_case_name", "camelCaseName", "ALLCAPS", "C++", "C#", "F#", ".NET", "a.b.c", "U.S.A.",
    "unaffable", "unbelievably", "misunderstandings", "antidisestablishmentarianism",
    "pneumonoultramicroscopicsilicovolcanoconiosis", "supercalifragilisticexpialidocious",
    "zzzzzzzzzzzz", "qqqxxxzzz", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "a" * 99, "a" * 100, "a" * 101, "ab" * 50, "ab" * 51, "é" * 100, "é" * 101, "e\u0301" * 50,
    "e\u0301" * 51, "e\u0301" * 100, "e\u0301" * 101, "中" * 101, "😀" * 100, "😀" * 101,
    "a" * 100 + "." + "a" * 100, "x " * 200, "word" * 25, "word" * 26, "a" * 1000, "." * 300,
    "İ" * 50, "İ" * 51, "ß" * 101, "가" * 33, "가" * 34, "각" * 33, "각" * 34, "\u0301" * 150,
    "0", "007", "42", "3.14159", "1,234,567.89", "-273.15", "+1", "1e-9", "0x1F", "1/2", "½", "¼cup",
    "x²", "H₂O", "E=mc²", "10⁻⁹", "№5", "№ 5", "1st 2nd 3rd", "100%", "50‰", "$5", "$1.5M", "US$20",
    "€9,99", "£3bn", "¥1000", "₹500", "₿0.1", "¢99", "5€", "EUR131m", "EUR 131 mn", "20°C", "90°",
    "2024-02-29", "12:34:56", "7/4/1976", "4:30pm", "9-5", "24/7", "1990s", "'90s", "Q3 2010",
    "٠١٢٣", "१२३", "１２３", "Ⅳ", "①②③", "𝟘𝟙𝟚", "一二三", "+358 9 1234 567", "555-0199",
    "http://example.org/a?b=c&d=e#f", "https://www.example.com/path/to_file-1.html",
    "www.example.co.uk", "ftp://x.y", "mailto:a.b@c.de", "someone+tag@mail.example.org",
    "C:\\Users\\name", "/usr/local/bin", "~/.config", "a/b\\c", "192.168.0.1", "::1", "#1", "a#b",
    "@user", "@user @user2: hi!", "RT @some_one: so #true", "#NotReally #irony", "#100DaysOfCode",
    "#über", "@üser", "#日本", "so excited for #Monday... NOT", "love it!! <3 <3", ":-) ;-) :P XD",
    "¯\\_(ツ)_/¯", "(╯°□°)╯︵ ┻━┻", "ʕ•ᴥ•ʔ", "lol!!!!1!", "soooo goooood", "w00t", "gr8 m8 l8r",
    "&amp; &lt; &gt; &quot; &#39; &nbsp;", "#39;s", "&#x27;", "AT&amp;T", "AT&T", "R&D", "Q&A",
    "<br />", "<br/><br/>", "<b>bold</b>", "<a href=\"x\">y</a>", "{\"k\": [1, null]}", "x = y + 1;",
    "if (a<b && c>d) { return !e; }", "`code`", "**bold** _it_", "\\n \\t \\\\", "\\u0041", "%20%41",
    "$x^2 + y_1$", "a|b||c", "~approx~", "^caret^", "TSU||YOU $ can", "tab\tsep\tvalues",
    "😀", "😀😀", "a😀b", "hi 😀!", "👍🏽", "👍🏽👍", "👨‍👩‍👧‍👦", "👩🏾‍💻 codes", "🏳️‍🌈", "🏴‍☠️", "🇫🇮🇸🇪", "❤️", "❤", "☺︎", "1️⃣",
    "#️⃣", "©️®️™", "🧑‍🚀🪐", "text👌text", "🫠", "🪿", "✈️ 2 Paris", "♥♦♣♠", "→←⇒", "■□▲", "✓✗", "★☆",
    "café", "cafe\u0301", "CAFÉ", "naïve", "nai\u0308ve", "résumé", "Zoë", "coöperate", "façade",
    "Ångström", "A\u030angstro\u0308m", "Ångström", "piñata", "pin\u0303ata", "jalapeño", "über",
    "Straße", "STRASSE", "STRAẞE", "Größe", "İstanbul", "istanbul", "ISTANBUL", "ısı", "Iğdır",
    "DİYARBAKIR", "I\u0307", "i\u0307", "Σίσυφος", "ΣΊΣΥΦΟΣ", "ΟΔΟΣ", "ὀδός", "ᾠδή", "ᾼ", "ΐ",
    "Việt Nam", "Vie\u0302\u0323t", "Vie\u0323\u0302t", "Đà Nẵng", "Łódź", "Reykjavík", "Þór",
    "ﬁne ﬂow oﬃce ﬅ", "ĳs Ĳs", "Ǆ ǅ ǆ", "ŉ", "ſs", "ﬀ", "ﷺ", "ﷲ", "㎏ ㎡ ㏒", "㈱", "℡", "℀", "K Å Ω",
    "ＦＵＬＬ ｗｉｄｔｈ", "Ｈｅｌｌｏ，ｗｏｒｌｄ！", "ﾊﾝｶｸ", "ガ", "カ\u3099", "が", "か\u3099", "ぱ", "ー", "々",
    "中", "中文", "中文字", "中 文", "中文test中文", "我爱北京天安门", "東京タワー", "東京は日本の首都です。", "中,文", "中。文",
    "「引用」", "（括号）", "【標題】", "《书》", "〜", "・", "한국어", "한국", "한", "\u1112\u1161\u11ab", "\u1100\u1161",
    "\u1100\u1161\u11a8\u1100", "ㅋㅋㅋ", "ㅎ", "각하", "\u3131\u314f", "조선말 2", "\ud7a3", "\ud7b0", "\ua960",
    "שלום", "שָׁלוֹם", "עברית, עם פיסוק.", "״ציטוט״", "ש\u05c1", "שׁ", "مرحبا", "مُحَمَّد", "السلام عليكم؟", "ـــ",
    "ﻻ", "لا", "اَلْعَرَبِيَّةُ", "فارسی می\u200cروم", "اردو۔", "\u202eabc\u202c", "\u2067abc\u2069", "a\u200eb\u200fc",
    "नमस्ते", "हिन्दी।", "क्ष", "क\u094dष", "ड़", "ড়", "বাংলা", "ਪੰਜਾਬੀ", "தமிழ்", "తెలుగు", "ಕನ್ನಡ", "മലയാളം", "සිංහල",
    "ไทย", "ภาษาไทย", "น้ำ", "ລາວ", "བོད་ཡིག", "བོད།", "ཀྵ", "မြန်မာ", "ខ្មែរ", "ᠮᠣᠩᠭᠣᠯ", "አማርኛ።", "ᏣᎳᎩ", "ꮳꮃꭹ",
    "Привет, мир!", "ПРИВЕТ", "ёлка", "е\u0308лка", "Йод", "И\u0306од", "Україна", "Њ", "Ѣ", "҂а\u0483",
    "Ελληνικά", "Հայերեն։", "և", "ქართული", "ᲥᲐᲠᲗᲣᲚᲘ", "Ⴀ", "𐐀𐐨", "𝓗𝓮𝓵𝓵𝓸", "𝐁𝐨𝐥𝐝 𝕏", "ⓒⓘⓡⓒⓛⓔ", "Ⓐ", "🅰️", "🆗",
    "H̷e̷l̷l̷o̷", "Z̸̢̛a̷̡͝l̵̨͠g̶̢̈́o̸̧̕", "a\u0300\u0301\u0302\u0303\u0304b", "\u0301", "\u0301a", "a\u0301", " \u0301",
    ".\u0301", "!\u0308\u0301", "a\u20dd", "o\u0338", "≠", "=\u0338", "a\u0327\u0301", "a\u0301\u0327", "q\u0307\u0323",
    "q\u0323\u0307", "d\u0323\u0307", "\u1e0d\u0307", "\u0344", "\u0340\u0341", "\u0374", "\u037e", "\u0387", "\u2126",
    "\u1d15e", "\U0001d15e", "\U0001d1bb", "\u302e\u302f가", "가\u302e\u0301", "a\u1dce\u0301\u0327b", "\u05b8\u05b0א",
    "\U00011935\U00011930", "\U00011938", "\U000111c9x", "\u166d", "᙮",
    "a\u200db", "a\u200cb", "a\u2060b", "\ufeffhello", "hello\ufeff", "a\ufffdb", "\ufffd\ufffd", "a\ufffcb", "\x7f",
    "a\x01b\x02c", "\x1b[31mred\x1b[0m", "line\x0cfeed", "bell\x07", "a\x08b", "a\x80b", "a\x9fb", "caf\x85 noir",
    "quote \x93x\x94", "\xad", "soft\xadhyphen\xad", "\xa0nbsp\xa0", "thin\u2009space", "10\u202f000", "\u3000全角",
    "zero\u200bwidth", "a\u2028b\u2029c", "x\u180ey", "x\u115fy", "x\u3164y", "x\u2800y", "\ud7ff\ue000", "\uf8ff",
    "\U0010ffff", "\U000e0041", "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", "a\U000e0100b", "葛\U000e0100",
    "The quick brown fox jumps over the lazy dog", "THE QUICK BROWN FOX", "the Quick, brown: fox; jumps!",
    "Mr. O'Neill-Smith (b. 1950) isn't here…", "He said: “Stop—now!” and ‘left’.", "1) one 2) two; a) b)",
    "She paid 3,50 € for 2 kg (~4.4 lb) of apples @ the market.", "“Ünïcödé” is—well—hard…",
    "This movie was sooo bad!!! 0/10 would not watch again :(", "Net sales fell to EUR 12.1 mn from EUR 13.4 mn",
    "SPACE.com - TORONTO, Canada -- A second team of rocketeers", "Stocks \\$1.35 rise\\", "it 's a charming journey .",
    "one two three four five six seven eight nine ten eleven twelve", "a b c d e f g h i j k l m n o p",
    "well-being, well being; wellbeing", "über-cool Ästhetik œuvre", "co-operate/cooperate", "tokenization tokenizers",
]


def strings():
    out = list(WRITTEN)
    out += ["to" + chr(c) + "day" for c in SPACES]
    out += [chr(c) + "x " + chr(c) for c in ODD]
    out += [c + " a" + c + "b " + c + c for c in LETTERS]
    out += ["o" + chr(c) + "n k" + chr(c) + "\u0301" + chr(c) for c in MARKS]
    out += ["it" + chr(c) + "is " + chr(c) for c in SIGNS]
    out += ["in" + chr(c) + "on " + chr(c) + chr(c) for c in IDEOGRAPHS]
    return list(dict.fromkeys(s for s in out if "\0" not in s))


def vocabulary(texts):
    """Words by frequency, their beginnings and endings, then every common character both ways."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    split = pre_tokenizers.BertPreTokenizer()
    words = Counter()
    for lower in (False, True):
        normal = normalizers.BertNormalizer(lowercase=lower)
        for line in PROSE.splitlines() + texts:
            for word, _ in split.pre_tokenize_str(normal.normalize_str(line)):
                words[word] += 1 if line in texts else 20
    pieces, chars = Counter(), Counter()
    for word, n in words.items():
        for c in word:
            chars[c] += n
        if n >= 20 and len(word) < 12:
            pieces[word] += n
            for cut in range(2, len(word) - 1):
                pieces[word[:cut]] += n // 20
                pieces["##" + word[cut:]] += n // 20
    order = sorted(pieces, key=lambda p: (-pieces[p], p))[:900]
    # Some characters are left out on purpose: unknown words must occur.
    common = sorted((c for c in chars if chars[c] >= 2 and ord(c) % 7), key=lambda c: (-chars[c], c))
    out = special + order + common[:450] + ["##" + c for c in common[:450]]
    return list(dict.fromkeys(p for p in out if p == "".join(p.split())))


def write_small(pieces, kind):
    folder = HERE / ("small_" + kind)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / "vocab.txt").write_text("".join(p + "\n" for p in pieces), encoding="utf-8")
    lower = kind == "uncased"
    config = {"do_lower_case": lower, "tokenize_chinese_chars": True, "strip_accents": None,
              "tokenizer_class": "BertTokenizer", "model_max_length": 512}
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")
    t = BertTokenizerFast(vocab={p: i for i, p in enumerate(pieces)}, do_lower_case=lower)
    if lower:
        t.backend_tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    return t


def write_ids(name, tokenizer, texts):
    for suffix, max_length in (("", 10 ** 6), ("_max9", 9)):
        rows = tokenizer(texts, truncation=True, max_length=max_length)["input_ids"]
        (HERE / "ids" / (name + suffix + ".txt")).write_text(
            "".join(" ".join(map(str, r)) + "\n" for r in rows))


def main():
    texts = strings()
    with open(HERE / "hard.jsonl", "w") as f:
        f.writelines(json.dumps(t) + "\n" for t in texts)
    (HERE / "ids").mkdir(exist_ok=True)
    pieces = vocabulary(texts)
    print(len(texts), "strings,", len(pieces), "pieces")
    for kind in ("cased", "uncased"):
        write_ids("small_" + kind, write_small(pieces, kind), texts)
        if "FTBENCH_MIRROR" in os.environ:
            real = pathlib.Path(os.environ["FTBENCH_MIRROR"]) / "tokenizers" / ("bert-base-" + kind)
            t = BertTokenizerFast.from_pretrained(real, do_lower_case=kind == "uncased")
            write_ids("bert-base-" + kind, t, texts)


if __name__ == "__main__":
    main()
