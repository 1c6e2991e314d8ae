"""The cases that say which skill answers which request: well-formed, each skill covered, and the tool that shows them."""
from __future__ import annotations

import json
import re
from collections import Counter

import pytest

from tests import triggers
from tests.conftest import check_each

CASES = triggers.cases()
SKILLS = sorted(triggers.descriptions())


def cjk(text: str) -> bool:
    return bool(re.search("[\u3400-\u9fff]", text))


def test_every_case():
    def check(case):
        assert set(case) <= {"request", "language", "skill", "why", "then"} and case["language"] in ("en", "zh")
        assert case["skill"] in (*SKILLS, None) and case["request"] == case["request"].strip() != ""
        assert cjk(case["request"]) == (case["language"] == "zh")
        assert set(case.get("then", ())) <= set(SKILLS) - {case["skill"]}
        assert case.get("why") or (case["skill"] and not case.get("then")), "a near-miss or a chain says why"
    check_each({case["request"]: (case,) for case in CASES}, check)


def test_there_are_enough():
    assert len(CASES) >= 120 and len({case["request"].casefold() for case in CASES}) == len(CASES)
    count = Counter((case["skill"], case["language"]) for case in CASES)
    assert all(count[skill, language] >= 10 for skill in SKILLS for language in ("en", "zh")), count
    assert all(count[None, language] >= 20 for language in ("en", "zh")), count


@pytest.mark.parametrize("words", ["ranscri", "语音识别", "song", "音乐", "DALL-E", "Midjourney", "Python", "ollama", "crop", "裁", "ffmpeg"])
def test_near_misses_are_there(words):
    assert any(words.casefold() in (case["request"] + case["why"]).casefold() for case in CASES if case["skill"] is None)


@pytest.mark.parametrize("skill", SKILLS)
def test_description_has_words_of_its_requests(skill):
    """A Chinese and an English request need words to hold on to: at least half of each skill's share one with its description."""
    said = triggers.descriptions()[skill].casefold()
    latin = set(re.findall(r"[a-z]{3,}", said))
    for language in ("en", "zh"):
        group = [case["request"].casefold() for case in CASES if case["skill"] == skill and case["language"] == language]
        if language == "en":
            held = [text for text in group if latin & set(re.findall(r"[a-z]{3,}", text))]
        else:
            held = [text for text in group if any(text[at:at + 2] in said for at in range(len(text) - 1) if cjk(text[at:at + 2]))]
        assert len(held) * 2 >= len(group), set(group) - set(held)


def test_listing(capsys):
    assert triggers.main([]) == 0
    shown = capsys.readouterr().out
    assert all(case["request"] in shown for case in CASES) and f"{len(CASES)} requests" in shown


def test_filters(capsys):
    assert triggers.main(["--skill", "none", "--language", "zh", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown == [case for case in CASES if case["skill"] is None and case["language"] == "zh"]


def test_prompt_has_no_answers(capsys):
    assert triggers.main(["--prompt"]) == 0
    shown = capsys.readouterr().out
    assert all(text in shown for text in triggers.descriptions().values())
    requests = shown[shown.index("\n1. "):]
    assert not any(skill in requests for skill in SKILLS) and requests.count("\n") > len(CASES)


def test_scoring(capsys, tmp_path):
    answers = [case["skill"] or "none" for case in CASES]
    (tmp_path / "right.json").write_text(json.dumps(answers), "utf-8")
    assert triggers.main(["--score", str(tmp_path / "right.json")]) == 0
    assert f"{len(CASES)} of {len(CASES)} right" in capsys.readouterr().out
    answers[3] = "none"
    (tmp_path / "wrong.json").write_text(json.dumps(answers), "utf-8")
    assert triggers.main(["--score", str(tmp_path / "wrong.json")]) == 1
    shown = capsys.readouterr().out
    assert CASES[3]["request"] in shown and f"{len(CASES) - 1} of {len(CASES)} right" in shown and CASES[4]["request"] not in shown


@pytest.mark.parametrize("content, words", [("{", "cannot be read"), ("{}", "no JSON list"), ('["none"]', "no JSON list"), (None, "cannot be read")])
def test_answers_that_cannot_be_read(capsys, tmp_path, content, words):
    path = tmp_path / "answers.json"
    if content is not None:
        path.write_text(content, "utf-8")
    assert triggers.main(["--score", str(path)]) == 2 and words in capsys.readouterr().err


def test_answers_of_no_skill(capsys, tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(["qianwen-music"] * len(CASES)), "utf-8")
    assert triggers.main(["--score", str(tmp_path / "a.json")]) == 2 and "qianwen-music" in capsys.readouterr().err
