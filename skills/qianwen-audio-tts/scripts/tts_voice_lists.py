"""The system voices as data: who speaks what with which model.

Source: sections 3.6, 4.6, 6.3, 6.5 and 8.1 of the speech contract. No endpoint lists these voices, so this is
data and not law. To add a voice, add a line under its model; `make check` names a line that cannot be read.
For a group of voices that is new, add an entry to _LISTS, and name the group in the rows of tts_models.py.
"""
from __future__ import annotations

from collections import namedtuple

# The newest month of the lists: of Qwen-Audio 2026-10, of CosyVoice and MiniMax 2026-05,
# of Qwen3-TTS early 2026.
TABLE_DATE = "2026-10"

# models: the voice groups that have it. gender: "female", "male", or '' where the lists do not say. instruct:
# whether it follows instructions in at least one of its models. ssml: whether it reads SSML; true where the
# lists are silent, so that nothing is refused on a guess.
Voice = namedtuple("Voice", "id models gender languages description instruct ssml")

_LEGACY = ("the legacy models speak Chinese and English only, "
           "whatever else their voices speak with newer models")
INCOMPLETE = {  # voice group -> what its list does not tell; {count}: how many voices the list has
    "qwen3-tts-flash": "{count} voices are listed here; the service's pages speak of 48, or of 49",
    "qwen3-tts-instruct-flash": "{count} voices are listed here; the model's card speaks of 25",
    "qwen-tts": _LEGACY,
    "qwen-tts-latest": _LEGACY,
    "cosyvoice-v3-flash": "{count} voices are listed here, most of them from the list of 2026-05; "
                          "others may have followed",
    "cosyvoice-v2": "{count} of 106 voices are listed here; most of the others end in _v2",
    "qwen-audio-3.0-tts-plus": "some 500 more base voices have ids that begin with qwen-audio-3.0-tts-plus-",
    "qwen-audio-3.0-tts-flash":
        "some 500 more base voices have ids that begin with qwen-audio-3.0-tts-flash-",
    "qwen-audio-3.1-tts-flash":
        "what most of these voices are like and which languages they speak is not published in the list",
    "MiniMax/speech":
        "the service documents this one id as an example; any other MiniMax voice id is sent unchanged",
}

_GENDERS = {"F": "female", "M": "male", "-": ""}
_QWEN_LANGUAGES = ("en", "fr", "de", "ru", "it", "es", "pt", "ja", "ko")
_QWEN_GROUPS = {  # a letter of the lists below -> the groups
    "I": ("qwen3-tts-instruct-flash",), "F": ("qwen3-tts-flash",), "S": ("qwen3-tts-flash-2025-09-18",),
    "Q": ("qwen-tts", "qwen-tts-latest"), "L": ("qwen-tts-latest",)}

# A line: name, gender, letters of _QWEN_GROUPS, description. In the name _ stands for a space; the gender is
# F, M, or - where it is not known. All in ASCII, a description of at most 45 letters.
_QWEN = """
Cherry F FSIQ bright, friendly young woman
Serena F FIQ soft-spoken young woman
Ethan M FSIQ warm and lively, a touch of the north
Chelsie F FIQ girlfriend from an anime
Momo F FI playful tease
Vivian F FI cute, sassy, quick-tempered
Moon M FI frank and dashing
Maia F FI thoughtful and soft
Kai M FI soothing
Nofish M FSI designer who does not curl his tongue
Bella F FI little girl
Eldric_Sage M FI wise old man
Mia F FI gentle and well-behaved
Mochi M FI bright child
Bellona F FI heroic, loud storyteller
Vincent M FI hoarse and smoky, for epics
Bunny F FI very cute little girl
Neil M FI level newsreader
Elias F FSI exact lecturer
Arthur M FI old village storyteller
Nini F FI sugary little sister
Seren F FI calm, for bedtime
Pip M FI cheeky boy
Stella F FI sweet magical girl
Jennifer F FS American, as in the cinema
Ryan M FS dramatic, full of rhythm
Katerina F FS mature, with rhythm
Aiden M F young American
Bodega M F warm Spanish uncle
Sonrisa F F cheerful Latin American
Alek M F Russian, cool outside and warm inside
Dolce M F easy-going Italian uncle
Sohee F F gentle, emotional Korean
Ono_Anna F F quirky Japanese childhood friend
Lenn M F sober German with a rebellious streak
Emilien M F romantic Frenchman
Andre M F calm and magnetic
Radio_Gol M F football commentator
"""
# The same with a place of _SPOKEN in place of the description.
_QWEN_DIALECTS = """
Jada F FSL shanghai
Dylan M FSL beijing
Li M FS nanjing
Marcus M FS shaanxi
Roy M FS minnan
Peter M FS tianjin
Sunny F FSL sichuan
Eric M FS sichuan
Rocky M FS cantonese
Kiki F FS cantonese
"""

# The others by group: a heading "> languages, flags" and under it one voice a line: id (its _ is meant),
# gender as above, description. Flags: s SSML, i instructions, p also with v3-plus; there may be none.
_LISTS = {
    "cosyvoice-v3-flash": """
> zh en, sip
longanyang M sunny young man
longanhuan F lively young woman
> zh en, si
longhuhu_v3 F little girl of 6 to 10
longanhuan_v3 - takes on dialects by instruction
> zh en, s
longpaopao_v3 - bubbly child
longjielidou_v3 M mischievous boy of 10
longxian_v3 F bold girl of 12
longling_v3 F girl of 10, stiff and cute
longshanshan_v3 - theatrical child
longniuniu_v3 M little boy
longfei_v3 M passionate, for poems
longyingxiao_v3 F sweet, for selling
longyingxun_v3 M beginner in customer service
longyingjing_v3 F cool, for customer service
longyingling_v3 F understanding, for customer service
longyingtao_v3 F gentle, for customer service
longxiaochun_v3 F bright assistant
longxiaoxia_v3 F assistant with authority
longyumi_v3 F serious assistant
longanyun_v3 M homely assistant
longanwen_v3 F elegant assistant
longanli_v3 F brisk assistant
longanlang_v3 M crisp assistant
longyingmu_v3 F assistant with style
longantai_v3 F sweet, from Taiwan
longhua_v3 F perky
longcheng_v3 M clever young man
longze_v3 M warm
longzhe_v3 M awkward but kind
longyan_v3 F mild as spring
longxing_v3 F girl next door
longtian_v3 M magnetic
longwan_v3 F soft
longqiang_v3 F romantic
longfeifei_v3 F pampered
longhao_v3 M melancholic
longanrou_v3 F best friend
longhan_v3 M devoted
longanzhi_v3 M wise
longanling_v3 F nimble
longanya_v3 F refined
longanqin_v3 F friendly
longmiao_v3 F cadenced, for audiobooks
longsanshu_v3 M steady, with texture, for audiobooks
longyuan_v3 F healing, for audiobooks
longyue_v3 F warm and magnetic, for audiobooks
longxiu_v3 M storyteller
longnan_v3 M young and wise, for audiobooks
longwanjun_v3 F delicate, for audiobooks
longyichen_v3 M free spirit, for audiobooks
longlaobo_v3 M old man past 60
longlaoyi_v3 F old woman past 60
longjiqi_v3 - robot
longhouge_v3 - Monkey King
longdaiyu_v3 F heroine of a classic novel
longanran_v3 F for live selling
longanxuan_v3 F for live selling
longshuo_v3 M news
longshu_v3 M news
loongbella_v3 F news
> zh-cantonese en, s
longjiaxin_v3 F Cantonese
longjiayi_v3 F Cantonese
longanyue_v3 M Cantonese
> zh-dongbei en, s
longlaotie_v3 M from the north-east
> zh-shaanxi en, s
longshange_v3 M from Shaanxi
> zh-minnan en, s
longanmin_v3 F Hokkien (Minnan)
> ko,
loongkyong_v3 F Korean, Beijing region only
loongjihun_v3 M Korean, Beijing region only
> ja,
loongriko_v3 F Japanese, Beijing region only
loongtomoka_v3 F Japanese, Beijing region only
loongyuuna_v3 F Japanese, Beijing region only
loongtomoya_v3 M Japanese, Beijing region only
loongyuuma_v3 M Japanese, Beijing region only
> en,
loongabby_v3 F American, Beijing region only
loongannie_v3 F American, Beijing region only
loongava_v3 F American, Beijing region only
loongbeth_v3 F American, Beijing region only
loongbetty_v3 F American, Beijing region only
loongcally_v3 F American, Beijing region only
loongcindy_v3 F American, Beijing region only
loongdonna_v3 F American, Beijing region only
loongandy_v3 M American, Beijing region only
loongdavid_v3 M American, Beijing region only
loongemily_v3 F British, Beijing region only
loongluna_v3 F British, Beijing region only
loongeric_v3 M British, Beijing region only
loongluca_v3 M British, Beijing region only
> id,
loongindah_v3 F Indonesian, Beijing region only
""",
    "cosyvoice-v2": """
> zh en, s
longxiaochun_v2 F assistant
longxiaoxia_v2 F assistant
longwan_v2 F soft
longshu_v2 M news
loongbella_v2 F news
longanli - assistant
longanwen - assistant
> zh-dongbei en, s
longlaotie_v2 M from the north-east
""",
    "qwen-audio-3.0-tts-plus": """
> zh en, i
longanlingxin F warm, understanding woman of 25
longanlufeng M bright, cheerful man of 25
""",
    "qwen-audio-3.0-tts-flash": """
> zh en, i
longanfengyue F natural, friendly woman of 30
longanyuanfei F haughty imperial consort
longanlingxi F sweet, cute woman of 25
longanxiaoxin F kind, lively woman of 22
longanhuan_v3.6 F lively woman of 25
longjielidou_v3.6 M innocent boy of 5
longpaopao_v3.6 F soft, cute girl of 5
longhuohuo_v3.6 M naughty boy of 8
> zh zh-sichuan en, i
longchuanshu_v3.6 M uncle of 40 with a Sichuan accent
> en, i
loongmary F warm British woman of 20
loongeva_v3.6 F smart American woman of 28
loongjohn M steady American man of 28
""",
    "MiniMax/speech": """
> zh,
male-qn-qingse M young man
""",
}
# Qwen-Audio 3.1: "> languages, flags, what they are" and then names without their _v3.1,
# women's after F, men's after M, others' after -. What they are may be empty.
_AUDIO31 = """
> zh zh-shanghai zh-cantonese zh-dongbei zh-chongqing zh-shaanxi zh-yunnan zh-ningbo zh-gansu ja ko fr de pt it vi id, i, many languages and dialects
F longanhuan longanlingxin longanfengyue M xunanchuan
> zh, i, Mandarin
F yuxiaoyun qiaoxiaojiao xiaxiaochen wenhuaiqing anxiaolan xieshurou baiqinglan xuyuyuan anruorou wenhuaizhi
F xiaoxingzhi guyunshu yeqinghe yunhuanhuan xuxiaoqiao baianran xuyanchu yezhiqing anyuqing
M anmingyuan huozhuoshi andi
> en, i, British
F Emily Luna M Eric Luca
> en, i, American
F Abby Annie Ava Beth Betty Cally Cindy Donna M Andy Brian David
> zh, i,
F longanyuanfei longanlingxi longyingtao longanya longwan longxing longhua longling longpaopao loongstella
F longyuan longmiao longanli longanwen longxiaoxia
M longjielidou longhuohuo longhan longanzhi longzhe longanyang libai longniuniu longshanshan longsanshu
M longanlang longanchong
"""


def _read(text: str, form: str, parse):
    """The voices of a list's lines, each with the heading above it, split at its commas.
    Raises ValueError naming a line that is not of the form."""
    heading = ()
    for line in text.strip().splitlines():
        try:
            if line[:1] == ">":
                heading = [part.strip() for part in line[1:].split(",", 2)]
                _check_heading(*heading)
            else:
                yield from parse(line, *heading)
        except (KeyError, TypeError, ValueError):
            raise ValueError(f"tts_voice_lists.py: the line {line!r} is not {form}") from None


def _check_heading(languages: str, flags: str, about: str = "") -> None:
    if not languages or set(flags) - set("sip"):
        raise ValueError


def _qwen(line: str):
    name, gender, letters, about = line.split(None, 3)
    yield _qwen_voice(name, gender, letters, "zh", about)


def _qwen_dialect(line: str):
    name, gender, letters, place = line.split(None, 3)
    yield _qwen_voice(name, gender, letters, f"zh-{place}", _SPOKEN[place])


def _qwen_voice(name: str, gender: str, letters: str, chinese: str, about: str) -> Voice:
    groups = tuple(group for letter in letters for group in _QWEN_GROUPS[letter])
    return Voice(name.replace("_", " "), groups, _GENDERS[gender], (chinese, *_QWEN_LANGUAGES), about,
                 "I" in letters, False)


def _listed(group: str):
    def parse(line: str, languages: str, flags: str):
        name, gender, about = line.split(None, 2)
        groups = (group, "cosyvoice-v3-plus") if "p" in flags else (group,)
        yield Voice(name, groups, _GENDERS[gender], tuple(languages.split()), about, "i" in flags,
                    "s" in flags)
    return parse


def _audio31(line: str, languages: str, flags: str, about: str):
    gender = None
    for word in line.split():
        if len(word) == 1:
            gender = _GENDERS[word]
        elif gender is None:
            raise ValueError
        else:
            yield Voice(word + "_v3.1", ("qwen-audio-3.1-tts-flash",), gender, tuple(languages.split()),
                        about, "i" in flags, "s" in flags)


_SPOKEN = {
    "shanghai": "Shanghainese", "beijing": "from Beijing", "nanjing": "from Nanjing",
    "shaanxi": "from Shaanxi", "minnan": "Hokkien (Minnan)", "tianjin": "from Tianjin",
    "sichuan": "from Sichuan", "cantonese": "Cantonese"}
_GENDER = "F, M or -"
_LETTERS = f"{_GENDER}, some of the letters {''.join(_QWEN_GROUPS)}"
_HEADING = "below '> LANGUAGES, FLAGS' with some of the flags s, i, p"
VOICES = (
    *_read(_QWEN, f"a name, {_LETTERS}, and a description", _qwen),
    *_read(_QWEN_DIALECTS, f"a name, {_LETTERS}, and one of {', '.join(_SPOKEN)}", _qwen_dialect),
    *(voice for group, text in _LISTS.items()
      for voice in _read(text, f"an id, {_GENDER}, and a description, {_HEADING}", _listed(group))),
    *_read(_AUDIO31, f"{_GENDER} and the names of such, {_HEADING} and what they are", _audio31))
