"""The system voices: how many each model has, finding and filtering them, and which do not go with a model."""
from __future__ import annotations

import json

import pytest

import tts_voice_lists
from tests import voice_lists
from tests.folding import each
from tts_models import COSY3, COSY35, MODELS, TABLE
from tts_voice_lists import INCOMPLETE, TABLE_DATE
from tts_voices import GROUPS, LANGUAGES, VOICES, as_json, find, group_of, models_with, near, notes, refusal, table, voices

# ---- the lists -------------------------------------------------------------------------------------------------------

COUNTS = {
    "qwen3-tts-instruct-flash": 24,  # 25 by the model's card
    "qwen3-tts-flash": 48,  # 49 by other pages
    "qwen3-tts-flash-2025-09-18": 17, "qwen-tts": 4, "qwen-tts-latest": 7,
    "cosyvoice-v3-flash": 88,  # the list's 87, and longanhuan_v3 of newer documents
    "cosyvoice-v3-plus": 2,
    "cosyvoice-v2": 8,  # of 106: the contract names no more
    "qwen-audio-3.0-tts-plus": 2, "qwen-audio-3.0-tts-flash": 12, "qwen-audio-3.1-tts-flash": 68,
    "MiniMax/speech": 1,  # the only documented id
}


def test_every_group_has_its_number_of_voices():
    assert {group: len(voices(group)) for group in GROUPS} == COUNTS
    assert {group for voice in VOICES for group in voice.models} == set(GROUPS)
    assert set(INCOMPLETE) <= set(GROUPS)


def test_ids_are_unique_however_they_are_spelled():
    squeezed = [voice.id.replace(" ", "").replace("_", "").replace("-", "").lower() for voice in VOICES]
    assert len(set(squeezed)) == len(VOICES)


def test_every_voice_is_whole():
    for voice in VOICES:
        assert voice.gender in ("female", "male", ""), voice
        assert voice.models and len(set(voice.models)) == len(voice.models), voice
        assert voice.languages and len(set(voice.languages)) == len(voice.languages), voice
        assert voice.id == voice.id.strip() and (voice.id + voice.description).isascii(), voice
        assert isinstance(voice.instruct, bool) and isinstance(voice.ssml, bool)
        assert len(voice.description) <= 45, voice
    assert TABLE_DATE == "2026-10"


def test_every_default_is_a_voice_of_its_group():
    for row in MODELS:
        assert row.group in models_with(row.voice) if row.voice else not row.group, row.id


@pytest.mark.parametrize("line, said", [
    ("Anna X FI warm", "F, M or -"), ("Anna F FZ warm", "some of the letters IFSQL"), ("Anna F FI", "and a description"), ("", "a name")])
def test_a_line_that_cannot_be_read_is_named(line, said):
    form, parse = f"a name, {tts_voice_lists._LETTERS}, and a description", tts_voice_lists._qwen
    with pytest.raises(ValueError) as raised:
        list(tts_voice_lists._read(f"Mia F FI gentle\n{line}\nKai M FI soothing", form, parse))
    assert repr(line) in str(raised.value) and said in str(raised.value)


@pytest.mark.parametrize("text", ["> ko\nanna F warm", "> ko, x\nanna F warm", "> , s\nanna F warm", "anna F warm", "> ko, s\nanna warm"])
def test_a_heading_that_cannot_be_read(text):
    with pytest.raises(ValueError, match="the line '(> |anna)"):
        list(tts_voice_lists._read(text, "an id", tts_voice_lists._listed("cosyvoice-v2")))


@pytest.mark.parametrize("voice, said", [
    (find("Cherry"), "twice"), (find("Mia")._replace(id="Anna", models=("no-group",)), "'no-group', which no row"),
    (find("Mia")._replace(id="Anna", description="wärm"), "not ASCII"),
    (find("Mia")._replace(id="Anna", models=("qwen-tts",) * 2), "a letter twice")])
def test_the_check_tells_voices_that_do_not_go_with_the_rows(voice, said):
    assert voice_lists.problems() == []
    problem, = voice_lists.voice_problems((*VOICES, voice), MODELS)
    assert said in problem


@pytest.mark.parametrize("row, said", [
    (COSY3._replace(id="a", group="cosyvoice-v4"), "'cosyvoice-v4', of which tts_voice_lists.py has no voice"),
    (COSY3._replace(id="a", voice=""), "the default voice ''"), (COSY3._replace(id="a", voice="Cherry"), "'Cherry', which is not of its group"),
    (COSY35._replace(id="a", voice="Cherry"), "'Cherry'")])
def test_the_check_tells_rows_that_do_not_go_with_the_voices(row, said):
    problem, = voice_lists.row_problems(VOICES, (row,))
    assert said in problem


@pytest.mark.parametrize("voice, models", [
    ("Cherry", {"qwen3-tts-flash", "qwen3-tts-flash-2025-09-18", "qwen3-tts-instruct-flash", "qwen-tts", "qwen-tts-latest"}),
    ("Serena", {"qwen3-tts-flash", "qwen3-tts-instruct-flash", "qwen-tts", "qwen-tts-latest"}),
    ("Eldric Sage", {"qwen3-tts-flash", "qwen3-tts-instruct-flash"}), ("Ono Anna", {"qwen3-tts-flash"}), ("Radio Gol", {"qwen3-tts-flash"}),
    ("Jada", {"qwen3-tts-flash", "qwen3-tts-flash-2025-09-18", "qwen-tts-latest"}),
    ("Eric", {"qwen3-tts-flash", "qwen3-tts-flash-2025-09-18"}),
    ("longanyang", {"cosyvoice-v3-flash", "cosyvoice-v3-plus"}), ("longhuhu_v3", {"cosyvoice-v3-flash"}),
    ("longanhuan_v3", {"cosyvoice-v3-flash"}), ("longanli", {"cosyvoice-v2"}), ("longanlufeng", {"qwen-audio-3.0-tts-plus"}),
    ("longanhuan_v3.6", {"qwen-audio-3.0-tts-flash"}), ("Brian_v3.1", {"qwen-audio-3.1-tts-flash"}), ("nobody", set())])
def test_models_with(voice, models):
    assert set(models_with(voice)) == models


def test_the_legacy_models_voices():
    assert {voice.id for voice in voices("qwen-tts")} == {"Cherry", "Serena", "Ethan", "Chelsie"}
    assert {voice.id for voice in voices("qwen-tts-latest")} - {voice.id for voice in voices("qwen-tts")} >= {"Dylan", "Jada", "Sunny"}


def test_flags():
    assert {voice.id for voice in voices("cosyvoice-v3-flash") if voice.instruct} == {"longanyang", "longanhuan", "longhuhu_v3", "longanhuan_v3"}
    for voice in voices("cosyvoice-v3-flash"):  # those that speak a foreign language alone do not read it
        assert voice.ssml == any(language.startswith("zh") for language in voice.languages), voice
    assert find("loongbella_v3").ssml and find("loongbella_v3").languages == ("zh", "en")
    assert not any(voice.ssml for group in GROUPS if group.startswith("qwen") for voice in voices(group))
    assert not any(voice.instruct for voice in voices("cosyvoice-v2"))
    assert all(voice.instruct for group in GROUPS if group.startswith("qwen-audio") for voice in voices(group))
    assert all(voice.instruct == ("qwen3-tts-instruct-flash" in voice.models) for voice in voices("qwen3-tts-flash"))


def test_the_31_voices_all_carry_their_version():
    found = voices("qwen-audio-3.1-tts-flash")
    assert all(voice.id.endswith("_v3.1") and voice.gender for voice in found)
    assert len([voice for voice in found if "zh-cantonese" in voice.languages]) == 4
    assert (find("Luna_v3.1").gender, find("Luca_v3.1").gender, find("xunanchuan_v3.1").gender) == ("female", "male", "male")


# ---- models ----------------------------------------------------------------------------------------------------------


@each("model, group", [
    *((name, name) for name in COUNTS),
    ("qwen3-tts-flash-2025-11-27", "qwen3-tts-flash"), ("qwen3-tts-flash-2027-01-01", "qwen3-tts-flash"),
    ("qwen3-tts-instruct-flash-2026-01-26", "qwen3-tts-instruct-flash"), ("qwen-tts-2025-04-10", "qwen-tts"),
    ("qwen-tts-2025-05-22", "qwen-tts-latest"), ("qwen-tts-2027-01-01", "qwen-tts"), ("QWEN3-TTS-Flash", "qwen3-tts-flash"),
    ("MiniMax/speech-2.8-hd", "MiniMax/speech"), ("minimax/speech-02-turbo", "MiniMax/speech"),
    ("cosyvoice-v3-flash-2026-12-01", "cosyvoice-v3-flash"), ("qwen-audio-3.0-tts-flash-2026-12-01", "qwen-audio-3.0-tts-flash"),
    ("qwen3-tts-vc-2026-01-22", ""), ("qwen3-tts-vd-2026-01-26", ""), ("cosyvoice-v3.5-plus", ""), ("cosyvoice-v3.5-flash", ""),
    ("cosyvoice-v1", ""), ("cosyvoice-v4-flash", ""), ("qwen3-tts", ""), ("sambert-zhichu-v1", ""), ("MiniMax/music-1", ""), ("", "")])
def test_group_of(model, group):
    assert group_of(model) == group


def test_a_row_says_whose_voices_it_has(add_row):
    add_row(TABLE, COSY3._replace(id="cosyvoice-v4-flash"))
    assert voices("cosyvoice-v4-flash") == voices("cosyvoice-v3-flash") and refusal("longanyang", "cosyvoice-v4-flash") is None
    assert "use a voice of cosyvoice-v4-flash, such as longanyang" in refusal("Cherry", "cosyvoice-v4-flash")[1]
    assert refusal("Cherry", "cosyvoice-v4-flash-2027-01-01") and refusal("longyumi_v3", "cosyvoice-v4-flash-2027-01-01") is None


def test_a_row_says_that_it_has_custom_voices_alone(add_row):
    add_row(TABLE, COSY35._replace(id="cosyvoice-v9-plus"))
    assert "has no system voices" in refusal("longanyang", "cosyvoice-v9-plus")[0]
    assert refusal("cosyvoice-v9-plus-anna-1", "cosyvoice-v9-plus") is None and voices("cosyvoice-v9-plus") == []


# ---- finding ---------------------------------------------------------------------------------------------------------

@each("given, model, meant", [
    ("Cherry", "", "Cherry"), ("cherry", "", "Cherry"), (" CHERRY ", "", "Cherry"), ("eldric sage", "", "Eldric Sage"),
    ("EldricSage", "", "Eldric Sage"), ("radio_gol", "", "Radio Gol"), ("ono-anna", "", "Ono Anna"), ("LongAnYang", "", "longanyang"),
    ("longmiao_V3", "", "longmiao_v3"), ("longxiaoxin", "", ""), ("longanxuan", "", "longanxuan_v3"), ("longanxuan_v2", "", "longanxuan_v3"),
    ("emily", "", "Emily_v3.1"), ("emily_v3", "", "Emily_v3.1"), ("Brian", "", "Brian_v3.1"), ("longanchong_v3.6", "", "longanchong_v3.1"),
    ("longxiaochun", "", ""),  # both _v2 and _v3
    ("longxiaochun", "cosyvoice-v2", "longxiaochun_v2"), ("longxiaochun", "cosyvoice-v3-flash", "longxiaochun_v3"),
    ("longxiaochun_v2", "cosyvoice-v3-flash", "longxiaochun_v3"), ("longanhuan", "qwen-audio-3.1-tts-flash", "longanhuan_v3.1"),
    ("longanhuan", "qwen-audio-3.0-tts-flash", "longanhuan_v3.6"), ("longanhuan", "cosyvoice-v3-flash", "longanhuan"),
    ("male_qn_qingse", "", "male-qn-qingse"), ("Cherry", "cosyvoice-v2", ""), ("", "", ""), ("_v3", "", ""), ("Cherrie", "", "")])
def test_near(given, model, meant):
    assert near(given, model) == meant


def test_find_is_exact():
    assert find("Cherry").gender == "female" and find("Elias").gender == "female"
    assert find("cherry") is None and find("Eldric_Sage") is None and find("") is None


# ---- filters ---------------------------------------------------------------------------------------------------------

def ids(**filters):
    return {voice.id for voice in voices(**filters)}


def test_a_model_filter():
    assert len(voices()) == len(VOICES)
    assert ids(model="qwen3-tts-flash-2025-11-27") == ids(model="qwen3-tts-flash")
    assert voices(model="cosyvoice-v3.5-plus") == voices(model="qwen3-tts-vc-2026-01-22") == voices(model="nonsense") == []


@pytest.mark.parametrize("name", ["zh-cantonese", "cantonese", "Cantonese", "CANTONESE", "粤语", "广东话", "yue", "zh_cantonese", "zh-HK"])
def test_a_dialect_by_all_its_names(name):
    assert ids(language=name) == ids(language="zh-cantonese")
    assert ids(language=name) >= {"Rocky", "Kiki", "longjiaxin_v3", "longjiayi_v3", "longanyue_v3", "longanhuan_v3.1", "longanlingxin_v3.1",
                                  "longanfengyue_v3.1", "xunanchuan_v3.1"}


@pytest.mark.parametrize("name, some", [
    ("sichuan", {"Sunny", "Eric", "longchuanshu_v3.6"}), ("shanghai", {"Jada"}), ("beijing", {"Dylan"}), ("minnan", {"Roy", "longanmin_v3"}),
    ("nanjing", {"Li"}), ("shaanxi", {"Marcus", "longshange_v3"}), ("tianjin", {"Peter"}), ("dongbei", {"longlaotie_v3", "longlaotie_v2"})])
def test_who_speaks_a_dialect(name, some):
    found = ids(language=name)
    assert some <= found and found == ids(language="zh-" + name)
    assert all("zh-" + name in find(voice).languages for voice in found)
    assert "zh-" + name in LANGUAGES


def test_languages():
    assert all("en" in find(name).languages for name in ids(language="en"))
    assert "Jennifer" in ids(language="en-US") == ids(language="English") == ids(language="en") == ids(language=" EN ")
    assert ids(language="Korean", model="cosyvoice-v3-flash") == {"loongkyong_v3", "loongjihun_v3"} == ids(language="ko", model="cosyvoice-v3-flash")
    assert "loongriko_v3" in ids(language="ja") and "loongriko_v3" not in ids(language="zh")
    assert ids(language="zh") == ids(language="zh-CN") == ids(language="Chinese") == ids(language="zh-Hans-CN")
    assert {"Rocky", "Cherry", "longlaotie_v3", "longanmin_v3"} <= ids(language="zh")
    assert ids(language="zh-klingon") == ids(language="th") == ids(language="xx") == ids(language="flash") == ids(language="-") == set()


@pytest.mark.parametrize("names", [("female", "f", "F", "女", " Female "), ("male", "m", "M", "男")])
def test_gender(names):
    for name in names:
        found = voices("qwen3-tts-instruct-flash", gender=name)
        assert found == [voice for voice in voices("qwen3-tts-instruct-flash") if voice.gender == names[0]] != []


def test_a_gender_that_is_none():
    with pytest.raises(ValueError, match="female or male"):
        voices(gender="x")


def test_filters_together():
    assert ids(model="qwen3-tts-flash", language="cantonese", gender="女") == {"Kiki"}
    assert ids(model="cosyvoice-v3-flash", language="en", gender="m") & {"loongluca_v3", "longanyang"} == {"loongluca_v3", "longanyang"}
    unsaid = {voice.id for voice in voices("cosyvoice-v3-flash") if not voice.gender}
    assert unsaid >= {"longanhuan_v3", "longpaopao_v3", "longshanshan_v3", "longjiqi_v3", "longhouge_v3"}
    assert not unsaid & (ids(gender="f") | ids(gender="m"))


# ---- refusals --------------------------------------------------------------------------------------------------------

def test_every_voice_goes_with_its_models_and_no_other():
    for voice in VOICES:
        for group in GROUPS:
            model = "MiniMax/speech-2.8-hd" if group == "MiniMax/speech" else group
            assert (refusal(voice.id, model) is None) == (group in voice.models), (voice.id, model)


@each("voice, model, message, fix", [
    ("Cherry", "cosyvoice-v3-flash", "cosyvoice-v3-flash does not have the voice Cherry, which is a voice of qwen3-tts-flash", "longanyang"),
    ("Sunny", "qwen3-tts-instruct-flash", "voice of qwen3-tts-flash", "such as Cherry, "),
    ("Sunny", "qwen3-tts-instruct-flash-2026-01-26", "does not have the voice Sunny", "--model qwen3-tts-flash;"),
    ("Jada", "qwen-tts-2025-04-10", "does not have the voice Jada", "Cherry"),
    ("longanhuan", "qwen-audio-3.1-tts-flash", "voice of cosyvoice-v3-flash, cosyvoice-v3-plus", "use --voice longanhuan_v3.1, or"),
    ("longxiaochun_v3", "cosyvoice-v2", "does not have", "use --voice longxiaochun_v2, or"),
    ("longanlingxin", "qwen-audio-3.0-tts-flash", "voice of qwen-audio-3.0-tts-plus", "longanlingxi, "),
    ("longanlingxi", "qwen-audio-3.0-tts-plus", "voice of qwen-audio-3.0-tts-flash", "longanlingxin"),
    ("Cherry", "MiniMax/speech-02-hd", "MiniMax/speech-02-hd does not have the voice Cherry", "male-qn-qingse"),
    ("male-qn-qingse", "qwen-tts", "voice of MiniMax/speech", "--model MiniMax/speech-2.8-hd"),
    ("cherry", "cosyvoice-v3-flash", "does not have the voice Cherry", "longanyang"),
    ("Cherry", "cosyvoice-v3-flash-2027-01-01", "does not have the voice Cherry", "longanyang"),
    # the wrong spelling
    ("cherry", "qwen3-tts-flash", "'cherry' is written 'Cherry'", "use --voice Cherry"),
    ("EldricSage", "qwen3-tts-flash", "'EldricSage' is written 'Eldric Sage'", "use --voice 'Eldric Sage'"),
    ("Longanyang ", "cosyvoice-v3-plus", "'Longanyang ' is written 'longanyang'", "use --voice longanyang"),
    ("emily_v3.1", "qwen-audio-3.1-tts-flash", "is written 'Emily_v3.1'", "use --voice Emily_v3.1"),
    ("Male-Qn-Qingse", "MiniMax/speech-2.8-hd", "is written 'male-qn-qingse'", "use --voice male-qn-qingse"),
    # models without system voices
    ("longanyang", "cosyvoice-v3.5-flash", "cosyvoice-v3.5-flash has no system voices, and longanyang is one", "--clone or --design"),
    ("Cherry", "qwen3-tts-vc-2026-01-22", "has no system voices", "qwen3-tts-flash"),
    ("cherry", "qwen3-tts-vd-2026-01-26", "has no system voices, and Cherry is one", "--design"),
    # custom voices of other models
    ("cosyvoice-v3-flash-anna01-0123abcd", "cosyvoice-v3-plus", "was made for cosyvoice-v3-flash ", "use --model cosyvoice-v3-flash, or"),
    ("cosyvoice-v3.5-plus-vd-anna01-0123abcd", "cosyvoice-v3.5-flash", "was made for cosyvoice-v3.5-plus ", "again for cosyvoice-v3.5-flash"),
    ("cosyvoice-v3.5-plus-anna01-0123abcd", "qwen3-tts-flash", "was made for cosyvoice-v3.5-plus ", "use --model cosyvoice-v3.5-plus"),
    ("qwen-audio-3.0-tts-flash-longyimuling", "qwen-audio-3.0-tts-plus", "was made for qwen-audio-3.0-tts-flash ", "use --model"),
    ("qwen-audio-3.0-tts-plus-x-1", "qwen-audio-3.1-tts-flash", "was made for qwen-audio-3.0-tts-plus ", "use --model"),
    ("cosyvoice-v2-anna-1", "cosyvoice-v9", "was made for cosyvoice-v2 ", "use --model cosyvoice-v2"),
])
def test_refused(voice, model, message, fix):
    said, then = refusal(voice, model)
    assert message in said
    assert fix in then


@each("voice, model", [
    ("cosyvoice-v3-flash-anna01-0123abcd", "cosyvoice-v3-flash"), ("cosyvoice-v3.5-plus-vd-anna01-0123abcd", "cosyvoice-v3.5-plus"),
    ("qwen-audio-3.0-tts-flash-loongivyhu", "qwen-audio-3.0-tts-flash"), ("qwen-audio-3.1-tts-flash-x-1", "qwen-audio-3.1-tts-flash"),
    ("cosyvoice-v9-anna-1", "cosyvoice-v9"), ("cosyvoice-v9-anna-1", "cosyvoice-v3-flash"),  # no target that is known
    ("cosyvoice-v3-flash-2027-01-01-anna-1", "cosyvoice-v3-flash-2027-01-01"), ("cosyvoice-v3-flash-anna-1", "cosyvoice-v3-flash-2027-01-01"),
    ("qwen-tts-vc-anna-voice-0123", "qwen3-tts-vc-2026-01-22"), ("0123456789abcdef", "qwen3-tts-vd-2026-01-26"),
    ("my-own-voice", "MiniMax/speech-2.8-hd"), ("English_Graceful_Lady", "MiniMax/speech-2.8-hd"), ("jennifer", "MiniMax/speech-2.8-hd"),
    ("longanchong_v2", "cosyvoice-v2"), ("NewVoice", "qwen3-tts-flash"), ("longxiaochun", "cosyvoice-v3-flash"), ("", "qwen3-tts-flash"),
    ("Jennifer", "qwen3-tts-instruct-flash-2027-01-01"), ("Jada", "qwen-tts-2027-01-01"),  # newer than the lists: who knows
    ("Cherry", "some-new-model"), ("Cherry", ""), ("Cherry", "cosyvoice-v1")])
def test_let_through(voice, model):
    assert refusal(voice, model) is None


def test_a_refusal_offers_only_voices_that_pass():
    for voice in VOICES:
        for group in GROUPS:
            model = "MiniMax/speech-2.8-hd" if group == "MiniMax/speech" else group
            _, fix = refusal(voice.id, model) or ("", "")
            if "such as" in fix:
                offered = fix.split("such as ")[1].split(", or another model")[0].split(", ")
                assert offered[0] == TABLE.row(model).voice and len(set(offered)) == len(offered) <= 3
                assert all(group in models_with(name) for name in offered), (voice.id, group)


# ---- shown -----------------------------------------------------------------------------------------------------------

def test_the_table_is_aligned():
    shown = table(voices("cosyvoice-v3-flash"))
    lines = shown.split("\n")
    assert shown.isascii() and len(lines) == 1 + COUNTS["cosyvoice-v3-flash"]
    assert lines[0].split() == ["voice", "gender", "languages", "description", "models"]
    column = lines[0].index("models")
    assert all(line[column - 2:column] == "  " and line[column:].startswith("cosyvoice-") for line in lines[1:])
    assert all(line == line.rstrip() for line in lines)
    assert lines[1].startswith("longanyang ") and lines[1].endswith("  cosyvoice-v3-flash, cosyvoice-v3-plus")
    assert table([]) == ""


def test_the_whole_table_names_every_voice():
    assert [line.split("  ")[0] for line in table(VOICES).split("\n")[1:]] == [voice.id for voice in VOICES]


def test_the_json_form():
    found = as_json(voices())
    assert json.loads(json.dumps(found)) == found and len(found) == len(VOICES)
    assert as_json([find("longanyang")]) == [{
        "id": "longanyang", "models": ["cosyvoice-v3-flash", "cosyvoice-v3-plus"], "gender": "male", "languages": ["zh", "en"],
        "description": "sunny young man", "instruct": True, "ssml": True}]


def test_the_foot_notes_of_a_listing():
    assert notes([]) == [] and notes(voices("qwen-audio-3.0-tts-plus"))[0].startswith("qwen-audio-3.0-tts-plus: some 500 more base voices")
    assert len(notes(VOICES)) == len(INCOMPLETE)
    assert notes(voices("cosyvoice-v2"))[0].startswith(f"cosyvoice-v2: {COUNTS['cosyvoice-v2']} of 106 voices are listed here")
