"""From a text to the parts that are spoken: sections and the silences between them, slices, tags, SSML, subtitles."""
from __future__ import annotations

import random
import re

import pytest

from shared.failures import Exit, Failure
from tts_flags import make_parser, read_ask
from tts_plan import HEADING_PAUSE, Part, read, split
from tts_subtitles import CUE as MOST, subtitles
from tts_text import units

# ---- read ------------------------------------------------------------------------------------------------------------

TEXT = "One line.\nAnother line.\n\nThe second paragraph is here."
DOCUMENT = """\
# Title

First words.

Second words.

## Part

Third words.

```
code
```
"""
READ = {  # name -> text, kind, pause, sections
    "an argument as it is": (TEXT, "", None, [(TEXT, 0)]), "an argument without pauses": (TEXT, "", 0, [(TEXT, 0)]),
    "an argument with pauses": (TEXT, "", 500, [("One line.\nAnother line.", 0), ("The second paragraph is here.", 500)]),
    "white space of an argument": ("  a \n", "", None, [("  a \n", 0)]),
    "a file": (TEXT, "file", None, [("One line.\nAnother line.\nThe second paragraph is here.", 0)]),
    "a file with pauses": (TEXT, "file", 300, [("One line.\nAnother line.", 0), ("The second paragraph is here.", 300)]),
    "a file without pauses": (TEXT, "file", 0, [("One line.\nAnother line.\nThe second paragraph is here.", 0)]),
    "Markdown": (DOCUMENT, "markdown", None, [("Title", 0), ("First words.\nSecond words.", 600), ("Part", 600), ("Third words.", 600)]),
    "Markdown without pauses": (DOCUMENT, "markdown", 0, [("Title\nFirst words.\nSecond words.\nPart\nThird words.", 0)]),
    "Markdown with short pauses": (DOCUMENT, "markdown", 200, [("Title", 0), ("First words.", 600), ("Second words.", 200), ("Part", 600),
                                                              ("Third words.", 600)]),
    "Markdown with long pauses": (DOCUMENT, "markdown", 1000, [("Title", 0), ("First words.", 1000), ("Second words.", 1000), ("Part", 1000),
                                                               ("Third words.", 1000)]),
    "Markdown without headings": ("a b\n\nc d", "markdown", None, [("a b\nc d", 0)]),
    "a heading at the end": ("a b\n\n# T", "markdown", None, [("a b", 0), ("T", 600)]),
    "headings one after the other": ("# A\n\n## B\n\nc", "markdown", None, [("A", 0), ("B", 600), ("c", 600)]),
    "SSML": ("\n <speak>a\n\nb</speak> \n", "ssml", None, [("<speak>a\n\nb</speak>", 0)]),
    "SSML without a pause": ("<speak>a\n\nb</speak>", "ssml", 0, [("<speak>a\n\nb</speak>", 0)]),
}


@pytest.mark.parametrize("text, kind, pause, sections", READ.values(), ids=READ)
def test_sections(text, kind, pause, sections):
    assert read(text, kind, pause) == sections and HEADING_PAUSE == 600


@pytest.mark.parametrize("text, kind", [("```\ncode\n```\n", "markdown"), ("---\n\n***\n", "file"), ("[a]: http://h/x\n", "markdown"),
                                        ("\n\n", "file"), ("<!-- x -->", "markdown")])
def test_nothing_to_read_out_is_refused(text, kind):
    with pytest.raises(Failure) as caught:
        read(text, kind, None)
    assert caught.value.exit_code == Exit.USAGE and "nothing" in caught.value.message


@pytest.mark.parametrize("arguments, kind", [
    (["T"], ""), (["--text-file", "a.md"], "markdown"), (["--text-file", "a.MARKDOWN"], "markdown"), (["--text-file", "a.txt"], "file"),
    (["--text-file", "a"], "file"), (["--text-file", "a.md", "--ssml"], "ssml"), (["T", "--ssml"], "ssml")])
def test_how_a_text_is_read(arguments, kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in arguments[1:2]:
        (tmp_path / name).write_text("\ufeffT", "utf-8")
    ask, found = read_ask(make_parser().parse_args(arguments))
    assert (ask.text, found) == ("T", kind)


# ---- split -----------------------------------------------------------------------------------------------------------

def parts_of(*sections, limit=60, **more):
    return split([section if isinstance(section, tuple) else (section, 0) for section in sections], limit, **more)


LONG = "Here is a sentence of ten words, give or take some. " * 3


def test_a_part_for_each_section_with_its_pause():
    assert parts_of(("Title", 0), (" First words. ", 600), ("Part\n", 250)) == [
        Part("Title", "Title", 0), Part("First words.", "First words.", 600), Part("Part", "Part", 250)]


def test_pause_is_before_the_first_slice_of_a_section_alone():
    found = parts_of(LONG, (LONG, 600))
    assert [part.pause for part in found] == [0, 0, 0, 600, 0, 0] and {part.spoken for part in found} == {LONG[:51]}


def test_there_is_no_pause_before_the_beginning():
    assert [part.pause for part in parts_of(("a", 500), ("b", 300))] == [0, 300]
    assert [part.pause for part in parts_of((" \n", 100), ("a", 500), ("b", 300))] == [0, 300]


def test_pause_stays_when_a_row_of_marks_is_left_out():
    found = parts_of(("One.", 0), ("-" * 45 + " Words.", 500), limit=20)
    assert "One." in found[0].spoken and "Words." in found[-1].spoken and sum(part.pause for part in found) == 500


@pytest.mark.parametrize("text", ["", " ", "\n\n", "。。。", "***"])
def test_nothing_is_refused(text):
    with pytest.raises(Failure) as caught:
        parts_of(text)
    assert caught.value.exit_code == Exit.USAGE and "nothing" in caught.value.message


SENTENCES = ["Here is one.", "今天天气怎么样？", "A longer sentence, with a clause, and another; then the end!", "Ünïcödé 😀.", "一二三四五六七八九十，" * 3 + "。",
             "\n\n", "Dr. Smith paid $3.50 on Jan. 5, 2024.", "“Quoted,” he said. "]


@pytest.mark.parametrize("seed", range(20))
def test_no_part_is_above_the_limit_and_nothing_is_lost(seed):
    chance = random.Random(seed)
    sections = [(" ".join(chance.choices(SENTENCES, k=chance.randint(1, 12))), chance.choice((0, 300))) for _ in range(chance.randint(1, 4))]
    sections = [section for section in sections if section[0].strip()]
    limit = chance.choice((20, 42, 84, 240, 600))
    found = split(sections, limit)
    assert all(part.spoken == part.shown == part.spoken.strip() and 0 < units(part.spoken) <= limit for part in found)
    assert "".join("".join(part.spoken.split()) for part in found) == "".join("".join(text.split()) for text, _ in sections)


def test_what_is_whole_is_never_cut():
    ssml = f"<speak>{LONG}</speak>"
    found = parts_of((f" {ssml}\n", 0), limit=20, whole=True)
    assert [part.spoken for part in found] == [ssml]


@pytest.mark.parametrize("ssml, shown", [
    ("<speak>Hello</speak>", "Hello"),
    ('<speak rate="1.2">Hello<break time="500ms"/> &amp; <sub alias="World Wide Web">WWW</sub></speak>', "Hello & WWW"),
    ("<speak>\n  你好\n</speak>", "你好")])
def test_ssml_is_shown_without_its_marks(ssml, shown):
    """In subtitles, in the name of the file, and where the length of the speech is judged."""
    found = parts_of(ssml, whole=True, limit=240)
    assert found[0].spoken == ssml and " ".join(found[0].shown.split()) == shown


CONTROL = re.compile(r"\[(?:sad|very fast|very slowly|deep and loud shouting)\]", re.IGNORECASE)

# ---- tags ------------------------------------------------------------------------------------------------------------

def test_control_tag_is_repeated_in_front_of_each_part():
    found = parts_of("[sad] " + LONG, tags=True)
    assert len(found) >= 3 and all(part.spoken.startswith("[sad] ") and units(part.spoken) <= 60 for part in found)
    assert " ".join(part.spoken.replace("[sad] ", "") for part in found).split() == LONG.split()


def test_the_last_control_tag_counts():
    found = parts_of("[sad] " + LONG + "[very fast] " + LONG, tags=True, limit=70)
    changed = next(number for number, part in enumerate(found) if "[very fast]" in part.spoken)
    assert all(part.spoken.startswith("[sad]") for part in found[:changed])
    assert all(part.spoken.startswith("[very fast]") for part in found[changed + 1:]) and changed < len(found) - 1


def test_sound_tags_are_not_repeated():
    found = parts_of("[laughing] " + LONG, tags=True)
    assert [part.spoken.count("[laughing]") for part in found] == [1, *[0] * (len(found) - 1)]


def test_tags_are_nothing_special_for_models_without_them():
    found = parts_of("[sad] " + LONG)
    assert [part.spoken.count("[sad]") for part in found] == [1, *[0] * (len(found) - 1)] and found[0].shown.startswith("[sad]")


def test_control_tag_holds_beyond_a_pause():
    """Section 6.4: it applies to all that follows until the next one, so each piece must say it again."""
    found = parts_of(("[whispers] Be quiet.", 0), ("They are near.", 500), ("[shouting] Run!", 500), ("Now!", 500), tags=True)
    assert [part.spoken for part in found] == ["[whispers] Be quiet.", "[whispers] They are near.", "[shouting] Run!", "[shouting] Now!"]
    assert [part.pause for part in found] == [0, 500, 500, 500]


def test_control_tag_that_is_repeated_beyond_a_pause_keeps_the_limit():
    found = parts_of(("[deep and loud shouting] Hear me.", 0), (LONG, 500), tags=True)
    assert len(found) >= 4 and all(units(part.spoken) <= 60 and part.spoken.startswith("[deep and loud shouting]") for part in found)


def test_control_tag_alone_is_no_part():
    """There would be nothing to say in it, and it would be paid."""
    assert parts_of(("[sad]", 0), ("Text.", 500), tags=True) == [Part("[sad] Text.", "Text.", 0)]
    assert parts_of(("One.", 0), ("[sad]\n", 500), ("Two.", 500), tags=True) == [Part("One.", "One.", 0), Part("[sad] Two.", "Two.", 500)]
    assert [part.spoken for part in parts_of(("One.", 0), ("[laughing]", 500), tags=True)] == ["One.", "[laughing]"]


def spoken_how(texts) -> list:
    """(letter, control tag) for each letter of texts, where each text begins again with no tag."""
    found = []
    for text in texts:
        active, place = "", 0
        for tag in [*CONTROL.finditer(text), None]:
            found += [(letter, active) for letter in text[place:tag.start() if tag else len(text)] if not letter.isspace()]
            active, place = (tag.group().lower(), tag.end()) if tag else ("", 0)
    return found


@pytest.mark.parametrize("seed", range(20))
def test_every_word_is_spoken_as_its_tag_says(seed):
    chance = random.Random(seed)
    tags = ["[sad]", "[very fast]", "[Deep And Loud Shouting]", "[laughing]", "[a remark]"]
    sections = [(" ".join(chance.choice(chance.choice((tags, SENTENCES[:5]))) for _ in range(chance.randint(3, 25))) + " End.", 300)
                for _ in range(chance.randint(1, 4))]
    limit = chance.choice((120, 240, 2000))
    found = split(sections, limit, tags=True)
    assert all(units(part.spoken) <= limit for part in found)
    assert spoken_how(part.spoken for part in found) == spoken_how(["".join(text for text, _ in sections)])


def test_control_tags_are_not_shown():
    found = parts_of("[sad] How sad. [Very Slowly] And slow." + LONG, tags=True)
    assert not any(CONTROL.search(part.shown) for part in found)
    assert "".join(part.shown for part in found).replace(" ", "") == ("How sad. And slow." + LONG).replace(" ", "")


def test_other_brackets_are_shown():
    assert parts_of("A [remark] here [1].", tags=True)[0].shown == "A [remark] here [1]."


# ---- subtitles -------------------------------------------------------------------------------------------------------

def test_subtitles_are_subrip():
    parts = [Part("[sad] Hello.", "Hello.", 0), Part("你好。", "你好。", 600), Part("End", "End", 0)]
    assert subtitles(parts, [(0, 1.5), (2.1, 3.25), (3.25, 3661.0016)]) == (
        "1\n00:00:00,000 --> 00:00:01,500\nHello.\n\n2\n00:00:02,100 --> 00:00:03,250\n你好。\n\n3\n00:00:03,250 --> 01:01:01,002\nEnd\n")


@pytest.mark.parametrize("seconds, clock", [
    (0, "00:00:00,000"), (0.0004, "00:00:00,000"), (0.0006, "00:00:00,001"), (0.9996, "00:00:01,000"), (59.9999, "00:01:00,000"),
    (60, "00:01:00,000"), (3599.9996, "01:00:00,000"), (3600, "01:00:00,000"), (86399.5, "23:59:59,500"), (360000, "100:00:00,000")])
def test_clock(seconds, clock):
    assert subtitles([Part("x", "x", 0)], [(seconds, seconds)]) == f"1\n{clock} --> {clock}\nx\n"


CUE = re.compile(r"(\d+)\n(\d\d:\d\d:\d\d,\d{3}) --> (\d\d:\d\d:\d\d,\d{3})\n((?:[^\n]+\n)+)")


@pytest.mark.parametrize("text", [LONG * 3, "今天天气怎么样？" * 20, "two\n\nparagraphs\n\n\nhere", "x" * 500, " a \n\n b ", "line\r\nends\r\n\r\nhere"])
def test_cues_have_lines_of_half_a_subtitle_and_no_empty_ones(text):
    parts = split([(text, 0)], MOST)
    made = subtitles(parts, [(number, number + 1) for number in range(len(parts))])
    found = CUE.findall(made)
    assert "\n".join(f"{number}\n{begin} --> {end}\n{lines}" for number, begin, end, lines in found) == made
    assert [int(number) for number, *_ in found] == list(range(1, len(parts) + 1))
    lines = [line for *_, cue in found for line in cue.split("\n")[:-1]]
    assert all(0 < units(line) <= MOST // 2 and line == line.strip() for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert max(cue.count("\n") for *_, cue in found) <= 4


@pytest.mark.parametrize("shown", ["", " \n"])
def test_part_with_nothing_to_show_has_no_cue(shown):
    """A part of sound tags alone, or an SSML document of pauses: an empty cue would end the file for some players."""
    parts = [Part("One", "One", 0), Part("[laughing]", shown, 0), Part("Two", "Two", 0)]
    assert subtitles(parts, [(0, 1), (1, 2), (2, 3)]) == "1\n00:00:00,000 --> 00:00:01,000\nOne\n\n2\n00:00:02,000 --> 00:00:03,000\nTwo\n"


def test_no_parts_no_subtitles():
    assert subtitles([], []) == ""
