"""Units, slices of long text in many scripts, and inline tags carried from slice to slice."""
from __future__ import annotations

import random
import re

import pytest

from tests.folding import each
from tts_borders import Borders, CONTROL_TAGS, SOUND_TAGS
from tts_text import speakable, split, units, with_tags

LIMITS = (7, 20, 60, 600)

# (limit, text): | stands where the text must be cut, and nowhere else.
CUTS = {
    "Chinese": [
        (600, "你好。我是小明！今天天气很好。"),
        (20, "今天天气很好。|我们去公园吧！|你说到底好不好呢？"),
        (16, "今天天气很好，|我们去公园吧。"),
        (20, "我们12：30见面，好吗？|共３，０００人，对。"),
        (24, "他说：“我们走吧！”|她没有回答，只是笑。"),
        (24, "“你来了？”“来了。”|“那就好。”我们走吧。"),
        (22, "他想了想……|后来，还是去了那里。"),
        (16, "真的吗？！|我不知道……。|我走了。"),
        (20, "他走了（很远的地方）。|我没有走。"),
        (20, "第一行没有句号\n|第二行也没有句号"),
        (40, "第一段。很短的一段话，不长。\n\n|第二段开始了。第二段还有一句。"),
        (20, "这是一个没有标点符号|的很长的句子它一直不|停下来"),
        (20, "我爱你——|直到海枯石烂的那天"),
        (24, "价格是1,234,567.89元。|我们买了三个。"),
        (20, "圆周率约等于|3.1415926535，|不是3.15。"),
        (30, "我们12:30见面，你要记得来。|不见不散，朋友。"),
        (14, "他在|2024年5月1日来|到了北京。"),
        (20, "书名叫《红楼梦》。|我读过《西游记》。"),
        (23, "一、准备材料；|二、开始动手；|三、检查结果。"),
        (20, "１．介绍一下。|２．开始学习。"),
        (20, "请看：|https://a.cn/b?c=1，|谢谢你。"),
        (20, "他说:\"走吧!\"|她就走了。\"好!\""), (13, "他说。|\"都走吧!\"|好的。"),
        (16, "你好,世界,|大家好,|朋友们都好啊"),
        (16, "太好了！😀|今天真高兴。"),
        (20, "他叫列夫·托尔斯泰，|写过小说。"),
        (20, "公式$$E=mc^2, x$$很|有名。我喜欢。"),
        (12, "他们都𠮷𠮷𠮷|𠮷好，是吧"),
        (20, "用Python写的程序，|运行在3.11.7版。"),
        (20, "文件名是报告.pdf，|不是报告.doc。"),
        (20, "好的。\u3000\u3000|今天我们讲个故事。"),
        (4, "你好|世界"),
    ],
    "Japanese": [
        (20, "今日は暑いですね。|明日も暑いですか？"),
        (14, "「行こう！」|と彼は言った。|そうだ、そうだ。"),
        (23, "『吾輩は猫である』。|名前はまだ無い。本当だ。"),
        (12, "ちょっと、|待ってください。"),
        (12, "今|コンピューターコンピュー|タ"),
        (10, "あいうえおかきくけっ|てさしすせそ"),
        (16, "人々が町に来ました。|楽しいですね。"),
        (20, "東京　大阪　京都　|名古屋　福岡　札幌"),
        (10, "ｶﾞｷﾞｸﾞｹﾞｺﾞ|ｻﾞｼﾞ"),
    ],
    "Korean": [
        (20, "안녕하세요. 반갑습니다. 네. |저도요."),
        (12, "오늘은 비가 옵니다.|내일은 맑습니다."),
        (11, "나는 학교에 가고 |친구는 집에 간다"),
        (12, "“좋아요!” |그가 말했습니다."),
        (6, "\u1112\u1161\u11ab\u1100\u1173\u11af|\u1112\u1161\u11ab"),
    ],
    "English": [
        (30, "Mr. Smith met Dr. Brown. |They talked."),
        (40, "He lives in the U.S. Army base. |She left."),
        (30, "It costs 3.14 dollars. |Not 3.15, I think."),
        (30, "See e.g. Fig. 3 or No. 5. |Then go on."),
        (34, "We met at 10 a.m. on Monday. |We left."),
        (34, "J. R. R. Tolkien wrote books. |I read."),
        (30, "Wait... what did you say? |Nothing. Go."),
        (30, "“Come here!” she said. |“Why?” he asked."),
        (24, "\"Stop!\" |He ran away from me."),
        (24, "Use v1.2.3 or a.b.txt. |Fine, thanks."),
        (40, "Write to joe.b@mail.co.uk, please. |Thanks!"),
        (30, "The server 192.168.0.1 is up. |Good."),
        (28, "On Oct. 3, 2024 he came, |and on Oct. 4, 2024 he left."),
        (20, "It is well known, |but (as I said) |nobody cares."),
        (20, "one two three four |five six seven"),
        (20, "Pages 3–5 are here. |Read."),
        (20, "He ran — fast — |and then he fell."),
        (26, "Apples, pears, etc. |Then we went home again."),
        (12, "don’t stop, |it’s ‘fine’"),
        (20, "1. Open the box. \n|2. Take it out."),
        (20, "line one\nLine two\n|Line three is it"),
        (20, "Here is plan B.\n\n|Here is J. R. R.\n|So it goes."),
        (20, "So did the king. |He left at once."),
        (10, "abcdefghij|klmnopqrst|uvwxyz"),
        (20, "https://example.com/|path/to/something?|query=1"),
        (20, "He said no. |No. 5 is alive, ok"),
        (30, "In 1999. Then it was 12. |It was so."),
        (22, "C# is a language. |So is F#, I think"),
        (18, "He paid £ 500 or |$ 700 in all"),
    ],
    "German": [
        (40, "Am 3. Oktober war es z. B. sehr kalt. |Dann kam Schnee."),
        (36, "Er kam, d. h. er lief. |Nr. 5 lebt usw. und so fort."),
        (36, "„Komm her!“ |Dann ging er mit ihr nach Hause."),
        (36, "Im 19. Jahrhundert war das so. |Heute nicht."),
        (30, "Das kostet 1.234,56 Euro. |Viel zu viel."),
        (30, "»Guten Tag!« |Sie lachte und ging weg."),
        (36, "Im Jahr 44 v. Chr. starb er. |Das war so."),
    ],
    "French": [
        (30, "« Bonjour ! » |M. Dupont est là, enfin."),
        (30, "Quoi ? Non ! Oui : p. ex. lui. |Voilà."),
        (20, "C’est l’été ; |il fait chaud, non ?"),
        (18, "Il y a des gens. |Voilà tout."),
    ],
    "Spanish": [
        (30, "¿Qué tal? ¡Muy bien! |El Sr. Gil y la Sra. Paz."),
        (24, "Vive en EE. UU. y come. |Nada más que eso."),
        (20, "Dijo: ¿cómo estás? |¡Bien, gracias!"),
    ],
    "Russian": [
        (40, "Он жил на ул. Ленина и т. д. долго. |Потом ушёл."),
        (40, "Это было в 1999 г. в Москве. |Там было тепло."),
        (24, "— Да, — сказал он. |— Нет, — она."),
        (30, "Животные, т. е. кошки. |И собаки тоже есть."),
        (24, "«Привет!» |Она вошла в дом и села."),
    ],
    "Greek": [
        (20, "Πώς είσαι; Καλά, |ευχαριστώ πολύ."),
        (24, "Ο κ. Παπάς ήρθε. |Μετά έφυγε, π.χ. χθες."),
    ],
    "Arabic": [
        (24, "كيف حالك؟ |أنا بخير، شكرا لك."),
        (20, "ذهبت إلى البيت. |ثم نمت قليلا."),
        (16, "أولا، ثانيا؛ |ثالثا ورابعا."),
        (20, "یہ کتاب ہے۔ |وہ قلم ہے۔"),
    ],
    "Hebrew": [(20, "שלום לך. מה שלומך? |אני בסדר.")],
    "Devanagari": [
        (24, "नमस्ते। आप कैसे हैं? |मैं ठीक हूँ। धन्यवाद॥"),
        (7, "क्षत्रि|यस्त्री"),
        (30, "डॉ. शर्मा यहाँ हैं। |वे अच्छे हैं।"),
    ],
    "Thai": [
        (24, "สวัสดีครับ |วันนี้อากาศดีมาก |ไปเที่ยวกัน"),
        (6, "น้ำน้ำ|น้ำ"),
        (6, "กินกิน|เเกะ"),
        (16, "เด็ก ๆ วิ่งเร็ว |มากจริงนะ"),
    ],
    "Khmer, Burmese, Amharic, Tibetan": [
        (20, "ខ្ញុំទៅផ្សារ។ |គាត់ទៅផ្ទះ។"),
        (20, "မင်္ဂလာပါ။ |နေကောင်းလား။"),
        (14, "ሰላም ነው። |እንዴት ነህ፣ ወንድሜ።"),
    ],
    "emoji": [
        (8, "👨‍👩‍👧‍👦|👨‍👩‍👧‍👦"),
        (4, "🇨🇳🇯🇵|🇰🇷🇺🇸"),
        (4, "👍🏽👍🏽|👍🏽👍🏽"),
        (6, "1️⃣2️⃣|3️⃣4️⃣"),
        (3, "❤️|❤️|❤️"),
        (20, "Great! 😀😀 Fun 🎉. |See you soon."),
    ],
    "combining": [
        (4, "e\u0301e\u0301|e\u0301e\u0301"),
        (2, "e\u0301|\u0302\u0303"),
    ],
}
ROWS = [pytest.param(limit, marked, id=f"{script}-{number}") for script, rows in CUTS.items() for number, (limit, marked) in enumerate(rows)]
TEXTS = [marked.replace("|", "") for rows in CUTS.values() for _, marked in rows]


@each("limit, marked", ROWS)
def test_slices_end_at_the_marks(limit, marked):
    assert "|".join(split(marked.replace("|", ""), limit)) == marked


# (limit, text, what is not cut)
WHOLE = [
    (30, "请访问https://example.com/a/b?c=1然后再看看别的东西吧", ["https://example.com/a/b?c=1"]),
    (30, "请写信给zhang.san@example.com谢谢你们大家的支持和帮助", ["zhang.san@example.com"]),
    (30, "我们有一千零一个公式$$a + b, c. D = 5$$在这里等着你", ["$$a + b, c. D = 5$$"]),
    (20, "In all there are 1,234,567.89 of them, or 10 000 000 now", ["1,234,567.89"]),
    (20, "Il y en a 10\u202f000\u202f000 dans tout le pays, dit-on", ["10\u202f000\u202f000"]),
    (20, "我们在2024-05-01和12:30:45之间见面可以吗好的", ["2024-05-01", "12:30:45"]),
    (20, "The file archive.tar.gz is at 10.0.0.1 now, see it", ["archive.tar.gz", "10.0.0.1"]),
    (24, "I bought it on May 5, 2023 for $5.50. Nice day, it was", ["May 5, 2023", "$5.50"]),
    (20, "版本号是v12.34.56请升级到最新的版本再试一次", ["v12.34.56"]),
    (20, "今天下雨——我们没有出门——在家里看了一天书", ["——"]),
    (20, "我……我……我不知道说什么……才好……", ["……"]),
    (20, "降价了50%以上！只要9.9元！快来买吧朋友们！", ["50%", "9.9元"]),
    (20, "He said «so» and “so” and ‘so’ and then (so) [so].", ["«so»", "“so”", "‘so’", "(so)", "[so]"]),
    (24, "<b>粗体</b>的文字<break time=\"500ms\"/>在这里停一下", ["<break time=\"500ms\"/>", "<b>", "</b>"]),
    (20, "第3章第12节第105页的内容是关于2个问题的讨论", ["第3章", "第12节", "105页", "2个"]),
    (8, "👩‍🚀👩‍🚀👩‍🚀🏳️‍🌈🏳️‍🌈👨‍❤️‍👨", ["👩‍🚀", "🏳️‍🌈", "👨‍❤️‍👨"]),
]


@pytest.mark.parametrize("limit, text, whole", WHOLE)
def test_what_belongs_together_is_kept_whole(limit, text, whole):
    slices = split(text, limit)
    check(text, limit, slices)
    assert [part for part in whole if sum(piece.count(part) for piece in slices) != text.count(part)] == []


# | stands where a sentence ends.
@each("marked", [
    "Dr. No is here. |He met Prof. X and Mt. Fuji vs. Mr. T.", "She has a Ph.D. degree. |It is so.", "See pp. 3 and vol. IV here. |Then p. 5.",
    "We moved to St. Louis. |It rains there.", "It was 5 p.m. already. |All slept.", "Version 2.0. |Then came 3.", "Is it 5? |Yes. |No! |Well.",
    "Visit www.example.com. |Then go.", "Inc. Magazine is old. |We read it.", "“Go.” |“Why?” |“Go!”", "He said (see p. 5.) |Then left.",
    "Yahoo! is a firm. |So is it.", "Node.js runs. |Go.", "Das ist der 2. Weltkrieg. |Er war lang.", "Ludwig XIV. war König. |Er starb.",
    "Vgl. Abb. 3 und Tab. 4. |Das ist klar.", "Это г. Москва, ул. Мира, д. 5. |Да.", "Он любил её. |Она его.", "El núm. 5 y la pág. 3. |Bien.",
    "Er zahlte 3 Mio. Euro. |Viel.", "Il est parti. |M. Hugo aussi.", "She loves me. |I know.", "네. |아니요. |그래요.", "Dạ. |Vâng ạ. |Tôi đi.",
    "在线。|好！|坏？|对；是。", "走了…… |“啊！”|他说。", "真的？！|对！！！|嗯。", "नमस्ते। |हाँ।", "ពិត។ |បាទ។", "نعم؟ |لا. |كذلك۔"])
def test_sentences_end_where_they_do(marked):
    ends = Borders(marked.replace("|", ""), tags=False).ranks["sentence"]
    assert ends == [match.start() - number for number, match in enumerate(re.finditer(r"\|", marked))]


def check(text: str, limit: int, slices: list) -> None:
    """What holds of every split."""
    assert "".join(slices) == text
    assert [piece for piece in slices if units(piece.strip()) > limit] == []
    assert [piece for piece in slices if not piece.strip()] == []


def test_units_are_counted_as_billed():
    assert units("") == 0
    assert units("今天天气怎么样？") == 15
    assert units("今天是不是很开心呀，当然了！") == 26
    assert units("Hello, 世界") == 11
    assert units("かな ハングル 한글 漢字") == 15
    assert units("\u3400\u4dbf\u4e00\u9fff\uf900\ufaff\U00020000\U0003fffd") == 16
    assert units("々〇，。Ａ１😀\n") == 8


@each("limit", LIMITS)
@each("text", TEXTS)
def test_every_row_at_every_limit(text, limit):
    check(text, limit, split(text, limit))
    check(text * 5, limit, split(text * 5, limit, tags=True))


def test_white_space_belongs_to_the_slice_before_it():
    assert split("", 20) == []
    assert split(" \n ", 20) == [" \n "]
    assert split("  \n好。\n\n  ", 20) == ["  \n好。\n\n  "]
    assert split("a" + " " * 1000 + "b", 7) == ["a" + " " * 1000, "b"]
    assert split(" " * 1000 + "好吗\u3000\n好的", 4) == [" " * 1000 + "好吗\u3000\n", "好的"]


@pytest.mark.parametrize("limit", [1, 0, -5])
def test_a_limit_below_one_character_is_refused(limit):
    with pytest.raises(ValueError):
        split("好", limit)
    with pytest.raises(ValueError):
        split("好" * 9, 5, count=lambda text: 6 * len(text))


@pytest.mark.parametrize("count", [len, units, lambda text: len(text.encode("utf-8", "replace")), lambda text: len(text.split()),
                                   lambda text: len(text) // 3])
def test_any_count_that_grows_can_be_used(count):
    text = "".join(TEXTS)
    slices = split(text, 50, count)
    assert "".join(slices) == text and max(count(piece.strip()) for piece in slices) <= 50


def test_few_slices_are_made():
    """Sentences are packed: two neighbours never fit into one slice, unless a paragraph ends between them."""
    text = "今天天气很好。我们去了公园，看到很多花！你呢？" * 50
    slices = split(text, 60)
    assert not any(units(one + other) <= 60 for one, other in zip(slices, slices[1:]))
    assert all(piece[-1] in "。！？" for piece in slices)


def test_paragraph_end_is_preferred_once_half_full():
    long, short = "这是一句十个字的话呀。", "短句。"
    assert split(f"{long * 2}\n{long * 2}", 63) == [long * 2 + "\n", long * 2]
    assert split(f"{short}\n{long * 3}", 56) == [f"{short}\n{long * 2}", long]


# ---- grapheme clusters -----------------------------------------------------------------------------------------------

CLUSTERS = ["e\u0301", "👨‍👩‍👧", "👍🏽", "🇫🇷", "❤️", "1️⃣", "क्षि", "स्त्री", "กำ", "น้ำ", "เก", "각", "\u1100\u1161\u11a8", "가\u11a8", "ｶﾞ", "か\u3099",
            "葛\U000e0100", "🏴\U000e0067\U000e0062\U000e007f", "\ud83d\ude00", "മ്മ", "ক্ত", "ကြ", "ខ្មែ", "བྷྲ"]


@each("cluster", CLUSTERS)
def test_no_grapheme_cluster_is_cut(cluster):
    for text in (cluster * 40, ("x" + cluster) * 40, ("好" + cluster) * 40, (cluster + "。") * 40):
        for limit in (units(cluster) + 2, 20, 33):
            slices = split(text, limit)
            check(text, limit, slices)
            ends, border = {match.end() for match in re.finditer(re.escape(cluster) + r"\s*", text)}, 0
            inside = {position for end in ends for position in range(end - len(cluster) + 1, end)}
            for piece in slices[:-1]:
                border += len(piece)
                assert border not in inside or border in ends


def test_cluster_over_the_limit_is_cut_between_code_points():
    check("e" + "\u0301" * 100, 7, split("e" + "\u0301" * 100, 7))


# ---- any text --------------------------------------------------------------------------------------------------------

PIECES = [
    *CLUSTERS, "。", "，", "！？", "……", "——", "“", "”", "「", "」", "（", "）", "(", ")", "\"", "'", "«", "»", "…", ". ", "! ", "? ", ", ", "; ", " ",
    "\u3000", "\n", "\n\n", "\t", "\xa0", "\r\n", "好", "天气", "的", "き", "ョ", "コンピ", "한국어", "word", "Word", "Mr. ", "U.S. ", "e.g. ", "3.14", "12:30",
    "1,000", "5", "$$x, y. Z$$", "$$",
    "https://a.com/b?c=d", "a@b.co", "[excited]", "[laughing]", "[", "]", "слово", "т. е. ", "سلام", "؟ ", "नमस्ते", "। ",
    "สวัสดี", "λόγος", "z. B. ", "am 3. ", "Oktober", "\u200b", "\ud800", "\x00", "<b>", "~", "-", "–", "_", "々", "。”", "1. ", "一、", "\u2028", "\x1c",
    "\x85"]


@each("seed", range(24))
def test_random_text_is_split_without_loss(seed):
    chance = random.Random(seed)
    text = "".join(chance.choices(PIECES, k=chance.choice((5, 40, 400))))
    for limit in (2, 3, 7, 20, 21, 60, 600):
        check(text, limit, split(text, limit))
        pieces = split(text, limit, tags=True)
        check(text, limit, pieces)
        assert all(units(piece.strip()) <= limit for piece in with_tags(pieces, limit))


CLOSING, OPENING = "。，！？；：、）」』】》”)]}", "（「『【《“([{¿¡"


@pytest.mark.parametrize("seed", range(20))
def test_marks_stay_on_their_side(seed):
    """No slice of ordinary prose begins with a closing mark or ends with an opening one."""
    chance = random.Random(seed)
    words = ["天气", "很好", "我们", "《书》", "“好的。”", "（是）", "Word", "3.14", "きょう", "，", "。", "！", "；", "……", "「は」"]
    text = re.sub("([，。！；…])[，。！；]+", r"\1", "好" + "".join(chance.choices(words, k=300)))
    for limit in (20, 60, 200):
        for piece in split(text, limit):
            assert piece[0] not in CLOSING and piece.rstrip()[-1] not in OPENING


def test_work_grows_with_the_text_and_not_faster():
    measured = []

    def count(text):
        measured.append(len(text))
        return units(text)
    for block in ("你好，世界。Hello (world). ", "a", "字", "。”", "a\n", "[", "\"", "$$", "https://", "1.", "🇨🇳", "\u0301", "Mr. ", "(a "):
        work = []
        for length in (2000, 8000):
            measured.clear()
            split(block * (length // len(block)), 100, count)
            work.append(sum(measured))
        assert work[1] <= 5 * work[0] + 1000, block
        assert work[1] <= 60 * 8000, block


# ---- inline tags -----------------------------------------------------------------------------------------------------

def test_control_tag_is_repeated_until_the_next():
    text = "[excited]太好了！我们赢了比赛。[sad]可是他走了。我很难过，真的。"
    pieces = split(text, 32, tags=True)
    assert pieces == ["[excited]太好了！", "我们赢了比赛。", "[sad]可是他走了。", "我很难过，真的。"]
    assert with_tags(pieces, 32) == ["[excited]太好了！", "[excited] 我们赢了比赛。", "[sad]可是他走了。", "[sad] 我很难过，真的。"]


def test_sound_tags_are_not_repeated():
    assert with_tags(["[laughing]好。", "[cough] [Whispers]走。", "来。", "[shouting] 喂！", "[giggles]嗯。"]) == \
        ["[laughing]好。", "[cough] [Whispers]走。", "[Whispers] 来。", "[shouting] 喂！", "[shouting] [giggles]嗯。"]


def test_unknown_brackets_are_no_tags():
    assert with_tags(["[note]好。", "走。[12]", "来。"]) == ["[note]好。", "走。[12]", "来。"]


def test_tag_that_does_not_fit_is_left_out():
    assert with_tags(["[sad]好", "走" * 10], 20) == ["[sad]好", "走" * 10]
    assert with_tags(["[sad]好", "走" * 7], 20) == ["[sad]好", "[sad] " + "走" * 7]
    assert with_tags([], 20) == []


@each("tag", [*CONTROL_TAGS, *SOUND_TAGS])
def test_tags_are_never_cut(tag):
    text = f"今天天气[{tag}]很好，我们[{tag}] 去公园走一走吧。[{tag}]好。" * 10
    for limit in (30, 47, 60, 200):
        pieces = split(text, limit, tags=True)
        check(text, limit, pieces)
        assert sum(piece.count(f"[{tag}]") for piece in pieces) == 30
        tagged = with_tags(pieces, limit)
        assert all(units(piece.strip()) <= limit for piece in tagged)
        if tag in CONTROL_TAGS:
            assert not any(piece.rstrip().endswith("]") for piece in pieces)
        if tag in CONTROL_TAGS and limit > 50:
            assert all(f"[{tag}]" in piece for piece in tagged)


def test_without_tags_no_room_is_left():
    text = "好" * 60
    assert split(text, 60, tags=True) == split(text, 60)
    assert split("[sad]" + text, 60) != split("[sad]" + text, 60, tags=True)


def test_what_can_be_spoken():
    assert [text for text in ("a", "好", "5", "😀", "é", "ก", "！a") if not speakable(text)] == []
    assert [text for text in ("", " ", "。", "……", "“”", "\n", "--", "\u200b") if speakable(text)] == []
