"""`--batch FILE.csv`: a spreadsheet in, a spreadsheet out; templates, order, and what is refused."""
from __future__ import annotations

import csv
import json
import os
import sys

import pytest

from shared.batch.index import Index, Keys
from shared.batch.rows import RowFile
from shared.batch.template import Template
from shared.failures import Failure
from tests.bench import peak_memory
from tests.conftest import BYTECODE, SCRIPTS
from tests.test_batch import _parser, counts, prompts, results

MOOD = {"type": "object", "required": ["mood"], "additionalProperties": False,
        "properties": {"mood": {"enum": ["good", "bad"]}, "reason": {"type": "string"}}}
OUT = ("-o", "out", "--no-think")


def table(folder) -> list:
    """results.csv as Python's csv and a spreadsheet read it."""
    raw = (folder / "results.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(raw.decode("utf-8-sig").splitlines(keepends=True)))


@pytest.fixture
def sheet(work):
    """Writes rows.csv: texts of lines, or bytes."""
    def write(*lines, name="rows.csv"):
        data = lines[0] if isinstance(lines[0], bytes) else "".join(line + "\n" for line in lines).encode("utf-8")
        (work / name).write_bytes(data)
    return write


# ---- from a table to a table -----------------------------------------------------------------------------------------

def test_reviews_are_judged_by_a_schema(run, emulator, work, sheet):
    sheet("id,review,stars", *(f'r{number},"Good, cheap; no. {number}",{number % 5}' for number in range(40)))
    (work / "s.json").write_text(json.dumps(MOOD))
    done = run("Judge: {review}", "--batch", "rows.csv", "--schema", "s.json", *OUT, "--json", "--concurrency", 8)
    assert done.code == 0 and counts(done)["done"] == 40 and done.document["table"] == "out/results.csv", done
    assert sorted(os.listdir(work / "out")) == ["results.csv", "results.jsonl"]
    lines = results(work / "out")
    assert [line["row"] for line in lines] == list(range(2, 42)) and [line["id"] for line in lines][:2] == ["r0", "r1"]
    assert all(line["data"]["mood"] in ("good", "bad") for line in lines)
    found = table(work / "out")
    assert list(found[0]) == ["id", "review", "stars", "ok", "text", "mood", "reason", "cost", "error"]
    assert [row["id"] for row in found] == [f"r{number}" for number in range(40)]
    assert found[7]["review"] == "Good, cheap; no. 7" and found[7]["mood"] == lines[7]["data"]["mood"] and found[7]["ok"] == "true"
    assert prompts(emulator)["Judge: Good, cheap; no. 7"] == 1


def test_pictures_have_the_names_of_their_rows(run, work, sheet):
    sheet("id;colour", "mug-1;red", "mug-2;blue", "a/b;green")
    done = run("{colour} mug, white table", "--batch", "rows.csv", "-o", "out", "--no-sidecar", skill="qianwen-image-generation")
    assert done.code == 0, done
    names = sorted(name for name in os.listdir(work / "out") if name.endswith(".png"))
    assert names[1:] == ["mug-1.png", "mug-2.png"] and names[0].startswith("a-b-")
    assert [row["file"] for row in table(work / "out")][:2] == ["out/mug-1.png", "out/mug-2.png"]


def test_speech_and_pictures_and_films_take_templates(run, emulator, work, sheet):
    sheet("name\tvoice", "Ann\tCherry", "Bob\tEthan", name="rows.tsv")
    done = run("Hello {name}.", "--batch", "rows.tsv", "-o", "said", skill="qianwen-audio-tts")
    assert done.code == 0 and sorted(emulator.speech_texts) == ["Hello Ann.", "Hello Bob."], done
    sheet("what", "a boat")
    done = run("{what} at sea", "--batch", "rows.csv", "-o", "films", "--poll", "0.05", "--resolution", "720P",
               skill="qianwen-video-generation")
    assert done.code == 0 and [create.prompt for create in emulator.creates][-1] == "a boat at sea", done


def test_a_column_may_be_a_flag(run, emulator, work, sheet):
    sheet("prompt,max_tokens,think,stop,status,poll", "one,5,no,,x,yes", ",,yes,a,y,no")
    done = run("instead of {status}", "--batch", "rows.csv", "-o", "out")
    sent = {request.json["messages"][-1]["content"]: request.json for request in emulator.chat_requests}
    assert done.code == 0 and set(sent) == {"one", "instead of y"}, done
    assert sent["one"]["max_tokens"] == 5 and sent["one"]["enable_thinking"] is False
    assert sent["instead of y"]["enable_thinking"] is True and sent["instead of y"]["stop"] == ["a"]


def test_a_system_text_is_a_template_too(run, emulator, work, sheet):
    sheet("word,language", "cat,French")
    assert run("{word}", "--system", "Answer in {language} as {{json}}", "--batch", "rows.csv", *OUT).code == 0
    assert emulator.chat_requests[0].json["messages"][0]["content"] == "Answer in French as {json}"


def test_a_prompt_file_is_a_template(run, emulator, work, sheet):
    sheet("word", "cat")
    (work / "ask.txt").write_text("What is a {word}?\n")
    assert run("--prompt-file", "ask.txt", "--batch", "rows.csv", *OUT).code == 0
    assert prompts(emulator) == {"What is a cat?\n": 1}


@pytest.mark.parametrize("template", [("-",), ("--prompt-file", "-")])
@pytest.mark.parametrize("process", [True, False])
def test_standard_input_is_a_template(run, emulator, work, sheet, template, process):
    """Read once, also where a worker does the rows, and part of what the batch is."""
    sheet("word", "cat", "狗")
    batch = (*template, "--batch", "rows.csv", *OUT)
    asked = "What is a {word}?\n这是什么" + "？" * 100_000
    assert '"would_send": 2' in run(*batch, "--dry-run", stdin=asked.encode()).out
    assert run(*batch, stdin=asked.encode(), process=process).code == 0
    assert prompts(emulator) == {asked.replace("{word}", word): 1 for word in ("cat", "狗")}
    emulator.reset()
    assert run(*batch, stdin=asked.encode(), process=process).code == 0 and not emulator.requests
    done = run(*batch, stdin=b"Another {word}", process=process)
    assert done.code == 2 and "other flags" in done.err and not emulator.requests, done
    assert run("both", "--prompt-file", "-", "--batch", "rows.csv", *OUT).code == 2


def test_json_lines_with_a_template_and_a_table(run, emulator, work):
    (work / "rows.jsonl").write_text('{"name": "Ann", "age": 5}\n{"prompt": "own {x}", "name": "Bob"}\n')
    done = run("Hi {name}", "--batch", "rows.jsonl", "--csv", *OUT)
    assert done.code == 2 and "'age' is not a flag" in done.err and not emulator.requests
    done = run("Hi {name}, {age}", "--batch", "rows.jsonl", "--csv", *OUT)
    assert done.code == 0 and prompts(emulator) == {"Hi Ann, 5": 1, "own {x}": 1}, done
    assert [(row["name"], row["age"], row["ok"]) for row in table(work / "out")] == [("Ann", "5", "true"), ("Bob", "", "true")]


# ---- encodings -------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "gb18030"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_encodings_and_separators(encoding, separator, work, sheet, monkeypatch):
    monkeypatch.chdir(work)
    for header, line in ("编号", 2), ('\r\n"编\n号"', 4):  # a blank line before it, a line end in it
        sheet(f'{header}{separator}评论\r\n甲{separator}"很好{separator}真的\r\n""不错"""\r\n'.encode(encoding))
        row = next(rows_of("说：{评论}"))
        assert row.options().prompt == f'说：很好{separator}真的\r\n"不错"'
        assert (row.line, row.record[header.strip('"\r\n')]) == (line, "甲")


def rows_of(prompt, *arguments):
    row_file = RowFile("rows.csv", _parser().parse_args([prompt, "--batch", "f", *arguments]), _parser, "out", main="prompt")
    row_file.check()
    return row_file.rows()


def test_the_separator_may_be_named(work, sheet, monkeypatch):
    monkeypatch.chdir(work)
    sheet("sep=;", "a,b;c", "1;2", " ;\t", '"3\n4";5')  # a record of blanks is none
    found = list(rows_of("{a,b}{c}"))
    assert [(row.line, row.options().prompt) for row in found] == [(3, "12"), (5, "3\n45")]


# ---- refusals --------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("prompt, lines, words", [
    ("{reviw}", ("review", "x"), "{reviw} is not a column; the columns are: review"),
    ("{a", ("a", "x"), "is not a column"), ("{}", ("a", "x"), "is not a column"), ("}", ("a", "x"), "is not a column"),
    ("x", ("a,a", "x,y"), "two columns are called 'a'"), ("x", ("a", "1,2"), "line 2: it has 2 cells"),
    ("x", ("a", '"open'), "begins on line 2 cannot be read"), ("x", (b"a\n\xff\xff\xff\n",), "neither UTF-8 nor GB18030"),
    ("x", ("a",), "has no rows"), ("x", ("a,max-tokens", "x,many"), "line 2: argument --max-tokens"),
    ("x", ("a,search", "x,maybe"), "'search' is a switch"), ("x", ("id", "1", "1"), "line 3: it has the same id as line 2"),
    (None, ("good", "bad"), "no column is called 'prompt' (the first line must be the header)"),
    ("{a}", ("a,b", ",x"), "'prompt' is empty"), ("x", ("attach,b", "../rows.csv,x"), "neither below"),
])
def test_what_is_refused_before_anything_is_sent(run, emulator, work, sheet, prompt, lines, words):
    sheet(*lines)
    done = run(*([prompt] if prompt else []), "--batch", "rows.csv", *OUT)
    assert done.code == 2 and words in done.err and not emulator.requests and not (work / "out").exists(), done


@pytest.mark.parametrize("name, content", [("rows.xlsx", b"PK\x03\x04"), ("rows.csv", b"PK\x03\x04 renamed"), ("rows.xls", b"x")])
def test_a_spreadsheet_says_how_to_save_it(run, work, sheet, name, content):
    sheet(content, name=name)
    done = run("x", "--batch", name, *OUT)
    assert done.code == 2 and "is a spreadsheet" in done.err and "CSV UTF-8" in done.err


@pytest.mark.parametrize("more", [(), ("--dry-run",), ("--estimate",), ("--estimate", "--batch-api")])
def test_a_misspelt_flag_is_warned_of(run, work, sheet, more):
    sheet("word,max_token,status,Prompt", "cat,5,x,y")
    done = run("{word}", "--batch", "rows.csv", *OUT, *more)
    assert done.code == 0 and "call it 'max-tokens'" in done.err and "call it 'prompt'" in done.err, done
    assert "'status'" not in done.err and "'word'" not in done.err


# ---- the table that comes out ----------------------------------------------------------------------------------------

def test_formulas_are_made_harmless_and_names_differ(run, emulator, work, sheet):
    answers = ["=SUM(A1)", "-5.5", "-text", "+49", "@x", "\ttab", "plain"]
    sheet(",text,word", *(f"n{number},=1+1,{number}" for number in range(len(answers))))
    for answer in answers:
        emulator.reply(text=answer)
    assert run("{word}", "--batch", "rows.csv", *OUT, "--concurrency", 1).code == 0
    found = table(work / "out")
    assert list(found[0]) == ["column 1", "text", "word", "ok", "text_2", "cost", "error"] and found[0]["text"] == "=1+1"
    assert [row["column 1"] for row in found] == [f"n{number}" for number in range(len(answers))]
    assert [row["text_2"] for row in found] == ["'=SUM(A1)", "-5.5", "'-text", "+49", "'@x", "'\ttab", "plain"]


@pytest.mark.parametrize("told", [{"files": 5}, {"files": ["x", {"path": 5}]}, {"text": {"a": 1}}, {"text": [1]}, {"error": "x"},
                                  {"error": {"code": 5, "message": [1]}}, {"billing": 5}, {"billing": {"cost": [1]}}, {"data": [1]},
                                  *({"billing": {"cost": {"amount": amount}}} for amount in ("x", 10**400, float("nan")))])
def test_lines_of_an_odd_form_do_not_spoil_the_table(run, work, sheet, told):
    sheet("id,word", "a,x", "b,y")
    assert run("Say {word}", "--batch", "rows.csv", *OUT).code == 0
    first, second = (work / "out" / "results.jsonl").read_text("utf-8").splitlines()
    (work / "out" / "results.jsonl").write_text(json.dumps({"key": json.loads(first)["key"], "ok": True, **told}) + f"\n{second}\n", "utf-8")
    done = run("Say {word}", "--batch", "rows.csv", *OUT)
    assert done.code == 0 and [row["id"] for row in table(work / "out")] == ["a", "b"] and table(work / "out")[1]["text"], done


def test_failed_rows_are_named_and_only_worth_repeating_when_it_helps(run, emulator, work, sheet):
    sheet("id,word", *(f"r{number},w{number}" for number in range(12)))
    emulator.inject("error", status=400, code="invalid_parameter_error", times=None)
    done = run("{word}", "--batch", "rows.csv", *OUT, "--concurrency", 1)
    assert done.code == 8 and "line 2 (r0): " in done.err and "line 11 (r9): " in done.err and "line 12 (" not in done.err, done
    assert "and 2 more" in done.err and "correct the rows named above" in done.err and "same command again" not in done.err
    assert all(row["ok"] == "false" and row["error"] for row in table(work / "out"))
    emulator.reset()
    emulator.inject("500", times=4)
    assert "run the same command again" in run("{word}", "--batch", "rows.csv", *OUT, "--concurrency", 1, "--retries", 0).err


def test_a_row_that_is_refused_with_http_200_is_not_worth_repeating(run, emulator, sheet):
    sheet("text", "hello")
    emulator.inject("speech-error-200", times=None)
    done = run("--batch", "rows.csv", "-o", "out", skill="qianwen-audio-tts")
    assert done.code == 8 and "correct the rows named above" in done.err and "same command again" not in done.err, done


def test_a_rerun_keeps_what_is_done_when_other_columns_change(run, emulator, work, sheet):
    sheet("word,note", "cat,1", "dog,2")
    assert run("{word}", "--batch", "rows.csv", *OUT).code == 0
    emulator.reset()
    sheet("note,word", "new,dog", "other,cow", "9,cat")
    assert run("{word}", "--batch", "rows.csv", *OUT).code == 0 and prompts(emulator) == {"cow": 1}
    assert [row["word"] for row in table(work / "out")] == ["dog", "cow", "cat"]
    assert [line["row"] for line in results(work / "out")][1] == 3


@pytest.mark.skipif(os.name != "posix", reason="links of POSIX")
def test_a_link_in_the_place_of_the_table_is_refused(run, emulator, work, sheet, home):
    sheet("word", "cat")
    (home / "mine").write_text("mine")
    (work / "out").mkdir()
    os.symlink(home / "mine", work / "out" / "results.csv")
    done = run("{word}", "--batch", "rows.csv", *OUT)
    assert done.code == 2 and "link" in done.err and not emulator.requests and (home / "mine").read_text() == "mine"


# ---- parts -----------------------------------------------------------------------------------------------------------

def test_templates():
    template = Template("{{a}} {b} {c d}{b}", "it")
    assert template.names == ["b", "c d"] and template.fill({"b": "1", "c d": ["x"]}) == '{a} 1 ["x"]1'
    with pytest.raises(Failure, match="does not have"):
        template.fill({"b": "1"})


def test_keys_and_places():
    keys = Keys([3, 1, 3, 2**64 - 1, 3])
    assert 3 in keys and 2 not in keys and 2**64 - 1 in keys and keys.repeated() == {3: 2}
    index = Index()
    for key, place in ((5, 10), (2**64 - 1, 7), (5, 3), (5, 20)):
        index.add(key, place)
    index.seal()
    assert index.get(5) == 20 and index.get(2**64 - 1) == 7 and index.get(6) is None


def test_memory_stays_bounded(emulator, work, home):
    """40,000 rows with ids, read twice."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "QWEN_BASE_URL": emulator.url, **BYTECODE}
    peaks = []
    for size in (10, 40_000):
        (work / "rows.csv").write_text("id,word\n" + "".join(f"{number},{'x' * 200}\n" for number in range(size)))
        peaks.append(peak_memory([sys.executable, str(SCRIPTS["qianwen-text"]), "{word}", "--batch", str(work / "rows.csv"), "-o",
                                  str(work / "out"), "--dry-run"], environment))
    assert peaks[1] - peaks[0] < 8, "MiB; whole rows would take twice as much"
