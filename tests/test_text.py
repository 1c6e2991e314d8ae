"""text.py as people and agents run it: a real process against the emulator, what it prints, writes, sends and returns."""
from __future__ import annotations

import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys

import pytest
import text
from shared import main as main_module
from shared.main import run_script

from tests import media_samples
from tests.conftest import BYTECODE, check_each, ROOT, SCRIPTS, STANDARD_KEY, Run

FOLDER = ROOT / "skills" / "qianwen-text"
POSIX = pytest.mark.skipif(os.name == "nt", reason="signals and pipes of POSIX")
TOOLS = [{"name": "get_weather", "description": "Weather now", "parameters": {
    "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}]
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
PDF = b"%PDF-1.7\n1 0 obj\nendobj\n"
RED = '{"city": "Rome"}'


# ---- helpers ---------------------------------------------------------------------------------------------------------

def write(folder, name, content):
    """A file: bytes and text as they are, anything else as JSON."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content if isinstance(content, str) else json.dumps(content, ensure_ascii=False), "utf-8")
    return name


def read(folder, name):
    return json.loads((folder / name).read_text("utf-8"))


def names_in(folder):
    return sorted(os.listdir(folder))


def sent(emulator):
    """The body of the one chat request."""
    assert len(emulator.chat_requests) == 1
    return emulator.chat_requests[0].json


def last_message(emulator):
    return emulator.chat_requests[-1].json["messages"][-1]["content"]


def calls(emulator):
    """Method and path of every request, ids left out."""
    return [f"{request.method} {re.sub('file-fe-[0-9a-z]+', 'ID', request.path)}" for request in emulator.requests]


def refused(result, emulator, *words, code=2):
    """The run ended before anything was sent, and said why in a way that has these words."""
    assert result.code == code, result
    assert emulator.requests == []
    assert [word for word in words if word not in result.err] == [], result
    assert result.err.count("qianwen-text: error: ") == 1


def event(text=None, reasoning=None, finish=None):
    """A raw event of a stream."""
    delta = {name: value for name, value in (("content", text), ("reasoning_content", reasoning)) if value is not None}
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}], "id": "chatcmpl-x", "model": "qwen3.7-plus"}


@pytest.fixture
def environment(emulator, home):
    return {"PATH": os.environ["PATH"], "HOME": str(home), **BYTECODE, "DASHSCOPE_API_KEY": STANDARD_KEY,
            "QWEN_BASE_URL": emulator.url}


@pytest.fixture
def main(environment, work, monkeypatch, capsys):
    """Like `run`, within this process: fast, for what is refused before anything is sent."""
    for name in list(os.environ):
        if name.startswith(("DASHSCOPE_", "QIANWEN_", "QWEN_")):
            monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(work)
    monkeypatch.setattr(main_module, "_stop_on_terminate", lambda: None)

    def run_here(*arguments):
        code = run_script("qianwen-text", text.make_parser, text.execute, list(arguments))
        out, err = capsys.readouterr()
        return Run(subprocess.CompletedProcess(arguments, code, out.encode(), err.encode()))
    return run_here


@pytest.fixture
def start(environment, work):
    """Start text.py without waiting for it; whatever still runs at the end is killed."""
    processes = []

    def start_script(*arguments, **streams):
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams}
        process = subprocess.Popen([sys.executable, str(SCRIPTS["qianwen-text"]), *arguments], env=environment, cwd=str(work),
                                   preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL), **streams)
        processes.append(process)
        return process
    yield start_script
    for process in processes:
        process.kill()
        process.wait()
        for stream in filter(None, (process.stdout, process.stderr)):
            stream.close()


@pytest.fixture
def copy(tmp_path):
    """The skill's folder copied alone."""
    target = tmp_path / "skills" / "qianwen-text"
    shutil.copytree(FOLDER, target, ignore=shutil.ignore_patterns("__pycache__"))
    return target


# ---- the prompt ------------------------------------------------------------------------------------------------------

PROMPTS = ["it's \"quoted\" and `ticked` and $HOME \\n", "two\nlines\n", "\ttabs and  blanks  ", "😀 emoji 👩‍💻", "你好，世界",
           "-5", "--json", "null\u2028separator", "a" * 100_000]


@pytest.mark.parametrize("prompt", PROMPTS, ids=lambda prompt: ascii(prompt)[:20])
def test_prompt_argument_arrives_as_it_is(run, emulator, prompt):
    assert run("--", prompt).code == 0
    assert last_message(emulator) == prompt


@pytest.mark.parametrize("prompt", [*PROMPTS, "x" * 3_000_000, "CR\r\nLF\r\n"], ids=lambda prompt: ascii(prompt)[:20])
def test_prompt_from_stdin_arrives_as_it_is(run, emulator, prompt):
    assert run("-", stdin=prompt.encode("utf-8")).code == 0
    assert last_message(emulator) == prompt


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-16-be", "utf-32-be"])
def test_prompt_file_arrives_as_it_is(run, emulator, work, encoding):
    text = "它's\r\na 😀 prompt\n"
    data = ("\ufeff" * encoding.endswith("-be") + text).encode(encoding)
    assert run("--prompt-file", write(work, "prompt.txt", data)).code == 0 and last_message(emulator) == text
    assert run("-", stdin=data).code == 0 and last_message(emulator) == text


def test_prompt_file_reads_stdin_too(run, emulator):
    assert run("--prompt-file", "-", stdin=b"\xef\xbb\xbfHi").code == 0
    assert last_message(emulator) == "Hi"


def test_an_answer_comes_back_as_it_is(run, emulator):
    text = "it's — \"quoted\" 😀 你好\n\n```\ncode\t\n```\nlast line"
    emulator.reply(text=text)
    assert run("Hi", "-q").out == text + "\n"


@pytest.mark.parametrize("arguments, stdin, words", [
    ((), b"", ("there is no prompt",)), (("",), b"", ("the prompt is empty",)), ((" \n",), b"", ("the prompt is empty",)),
    (("-",), b"", ("the prompt is empty",)), (("-",), "你好".encode("gbk"), ("stdin is not UTF-8",)),
    (("Hi", "--prompt-file", "p.txt"), b"", ("a prompt and --prompt-file",)),
    (("--prompt-file", "none.txt"), b"", ("none.txt does not exist",)),
    (("-", "--messages", "-"), b"x", ("stdin can be read only once",)),
    (("two", "prompts"), b"", ("prompts",)), (("-x",), b"", ("-x",)),
])
def test_bad_prompt_is_refused(run, emulator, arguments, stdin, words):
    refused(run(*arguments, stdin=stdin), emulator, *words)


@POSIX
def test_argument_that_is_no_utf8_is_refused(start, emulator):
    process = start(b"caf\xe9")
    said = process.communicate()[1].decode()
    assert process.returncode == 2 and "not UTF-8" in said and "Traceback" not in said
    assert emulator.requests == []


# ---- streams ---------------------------------------------------------------------------------------------------------

@POSIX
def test_answer_is_shown_while_it_comes(start, emulator):
    emulator.reply(chunks=[event("first "), event("second", finish="stop")], delay=10)
    process = start("Hi")
    assert process.stdout.read(len("first ")) == b"first "
    assert process.poll() is None and len(emulator.chat_requests) == 1, "the rest is still to come"


def test_pieces_are_joined(run, emulator):
    emulator.reply(chunks=["One", ", ", "二", ", 😀"])
    result = run("Hi")
    assert (result.code, result.out) == (0, "One, 二, 😀\n")


def test_a_piece_that_repeats_what_came_is_new_text(run, emulator):
    emulator.reply(chunks=["ha", "ha", "haha", "!"])
    assert run("Hi").out == "hahahaha!\n", "only some translation models repeat the whole text"


@pytest.mark.parametrize("flags", [(), ("--no-stream",)], ids=["streamed", "whole"])
def test_reasoning_goes_to_stderr_only(run, emulator, flags):
    emulator.reply(reasoning="Twice twenty-one.", text="42")
    result = run("Hi", *flags)
    assert result.out == "42\n"
    assert "[thinking]\nTwice twenty-one.\n\n" in result.err


def test_usage_line_says_who_is_billed(run, emulator):
    emulator.reply(text="Hi", usage={"prompt_tokens": 12, "completion_tokens": 34, "total_tokens": 46,
                                     "completion_tokens_details": {"reasoning_tokens": 30},
                                     "prompt_tokens_details": {"cached_tokens": 5}})
    said = run("Hi").err
    assert "12 tokens in (5 cached), 34 out (30 thinking) · qwen3.7-plus · " in said
    assert "pay-as-you-go" in said and "not covered by a Token Plan" in said


@pytest.mark.parametrize("flag", ["-q", "--quiet"])
def test_quiet_leaves_warnings_and_errors(run, emulator, flag):
    emulator.reply(reasoning="Hm.", text="Hi")
    assert run("Hi", flag).err == ""
    emulator.reply(text="Hi", finish_reason="length")
    assert run("Hi", flag).err.startswith("qianwen-text: warning: the answer was cut off")
    emulator.inject("401")
    assert "error: " in run("Hi", flag).err


@pytest.mark.parametrize("flag", ["-v", "--verbose"])
def test_verbose_says_more(run, flag):
    assert "request " not in run("Hi").err
    said = run("Hi", flag).err
    assert re.search(r"request id [0-9a-f-]{36}", said) and "CNY" in said.splitlines()[-1], "the cost comes last"


@pytest.mark.parametrize("flags", [(), ("--no-stream",), ("--json",)])
def test_answer_at_the_token_limit_is_warned_of(run, emulator, flags):
    emulator.reply(text="Half an ans", finish_reason="length")
    result = run("Hi", *flags)
    assert result.code == 0 and "finish_reason length" in result.err and "--max-tokens" in result.err
    if flags == ("--json",):
        assert "finish_reason length" in result.document["warnings"][0]


def test_answer_the_service_had_no_time_for_is_warned_of(run, emulator):
    emulator.reply(text="Half", headers={"x-dashscope-partialresponse": "true"})
    result = run("Hi", "--no-stream")
    assert result.code == 0 and "warning: the service ran out of time" in result.err


@pytest.mark.parametrize("said, flags", [(dict(text='{"a": [1'), ["--json-object"]), (dict(text="", reasoning="Hm."), []),
                                         (dict(tool_calls=[{"name": "get_weather", "arguments": '{"a'}]), ["--tools", "t.json"])])
def test_a_part_that_is_no_result_for_want_of_time_is_to_be_streamed(run, emulator, work, said, flags):
    write(work, "t.json", TOOLS)
    emulator.reply(**said, headers={"x-dashscope-partialresponse": "true"})
    result = run("Hi", "--no-stream", *flags)
    assert result.code == 8 and "next: leave out --no-stream" in result.err, result
    assert "ignored" not in result.err and "another model" not in result.err


def test_empty_answer_fails_with_what_came(run, emulator):
    emulator.reply(text="", reasoning="Hm.")
    result = run("Hi", "--json")
    assert result.code == 8 and "the model returned an empty answer" in result.document["error"]["message"]
    assert result.document["partial"] == {"reasoning": "Hm."}
    assert "billed as well" in result.document["error"]["fix"], "run again, it is paid twice"


@pytest.mark.parametrize("reasoning, advice", [("Hm.", ("--thinking-budget", "--no-think")), ("", ("ask for less",))])
def test_limit_that_left_no_answer_is_to_be_raised(run, emulator, reasoning, advice):
    emulator.reply(text="", reasoning=reasoning, finish_reason="length")
    result = run("Hi", "--max-tokens", "5")
    assert result.code == 8 and "raise --max-tokens" in result.err and "run the command again" not in result.err, result
    assert all(word in result.err for word in advice)


def test_unknown_model_is_sent_with_a_warning(run, emulator):
    result = run("Hi", "--model", "qwen3.9-nova")
    assert sent(emulator)["model"] == "qwen3.9-nova"
    assert "warning: qwen3.9-nova is not in this version's model table" in result.err
    assert result.code == 8, "the emulator does not know it either"


# ---- the JSON document -----------------------------------------------------------------------------------------------

def test_document(run, emulator):
    emulator.reply(reasoning="Hm.", text="Hello")
    result = run("Hi", "--json")
    document = result.document
    assert {name: document[name] for name in ("ok", "skill", "model", "text", "reasoning", "finish_reason", "warnings")} == {
        "ok": True, "skill": "qianwen-text", "model": "qwen3.7-plus", "text": "Hello", "reasoning": "Hm.",
        "finish_reason": "stop", "warnings": []}
    assert document["billing"]["plan"] == "pay-as-you-go"
    assert document["billing"]["units"] == {"input_tokens": document["usage"]["prompt_tokens"],
                                            "output_tokens": document["usage"]["completion_tokens"]}
    assert re.fullmatch(r"[0-9a-f-]{36}", document["request_id"])
    assert set(document) == {"ok", "skill", "model", "request_id", "text", "reasoning", "finish_reason", "usage", "billing",
                             "warnings"}


@pytest.mark.parametrize("arguments", [
    (), ("",), ("Hi", "--temperature", "5"), ("Hi", "--no-such-flag"), ("Hi", "--think", "--no-think"),
    ("Hi", "--attach", "none.txt"), ("Hi", "--set", "x"), ("Hi", "--live"), ("Hi", "--model")])
def test_usage_error_is_one_document_too(main, emulator, arguments):
    result = main(*arguments, "--json")
    assert result.code == 2 and emulator.requests == []
    document = result.document
    assert (document["ok"], document["exit_code"], document["error"]["kind"]) == (False, 2, "usage")
    assert document["error"]["message"] and document["error"]["fix"] and document["error"]["retryable"] is False
    assert (document["skill"], document["files"]) == ("qianwen-text", [])


# ---- tools -----------------------------------------------------------------------------------------------------------

CALL = {"id": "call_1", "name": "get_weather", "arguments": '{"city": "杭州"}'}


@pytest.mark.parametrize("flags", [(), ("--no-stream",)], ids=["streamed", "whole"])
def test_tool_calls_are_json_lines(run, emulator, work, flags):
    emulator.reply(tool_calls=[CALL, {**CALL, "id": "call_2"}])
    result = run("Weather?", "--tools", write(work, "tools.json", TOOLS), *flags)
    assert [json.loads(line) for line in result.out.splitlines()] == [CALL, {**CALL, "id": "call_2"}]
    assert result.code == 0 and "empty answer" not in result.err


def test_text_stands_before_the_tool_calls(run, emulator, work):
    emulator.reply(text="Let me look.", tool_calls=[CALL])
    result = run("Weather?", "--tools", write(work, "tools.json", TOOLS))
    assert result.out.split("\n")[0] == "Let me look." and json.loads(result.out.split("\n")[1]) == CALL


def test_tool_calls_in_the_document(run, emulator, work):
    emulator.reply(tool_calls=[CALL])
    document = run("Weather?", "--tools", write(work, "tools.json", TOOLS), "--json").document
    assert document["finish_reason"] == "tool_calls" and document["text"] == ""
    assert document["tool_calls"] == [{"id": "call_1", "type": "function", "function": {
        "name": "get_weather", "arguments": '{"city": "杭州"}'}}]


def test_tool_loop_by_messages(run, emulator, work):
    """The document's tool_calls go back into the messages as they are, with the tool's result behind them."""
    emulator.reply(tool_calls=[CALL])
    tools = write(work, "tools.json", TOOLS)
    first = run("Weather?", "--tools", tools, "--json").document
    write(work, "talk.json", [{"role": "user", "content": "Weather?"},
                              {"role": "assistant", "content": first["text"], "tool_calls": first["tool_calls"]},
                              {"role": "tool", "tool_call_id": "call_1", "content": "21 degrees"}])
    result = run("--messages", "talk.json", "--tools", tools)
    assert result.code == 0 and "The tool returned: 21 degrees" in result.out, result


def test_forced_tool(run, emulator, work):
    result = run("Weather?", "--tools", write(work, "tools.json", TOOLS), "--tool-choice", "get_weather")
    assert json.loads(result.out)["name"] == "get_weather"
    assert sent(emulator)["tool_choice"] == {"type": "function", "function": {"name": "get_weather"}}


# ---- --dry-run and --check -------------------------------------------------------------------------------------------

@pytest.mark.parametrize("key, shown", [(None, "Bearer ***"), (STANDARD_KEY, "Bearer sk-***")])
@pytest.mark.parametrize("flags", [(), ("--json",)])
def test_dry_run(run, emulator, key, shown, flags):
    result = run("Hi 你好", "--seed", "7", "--dry-run", *flags, key=key)
    assert result.code == 0 and emulator.requests == []
    document = result.document
    assert set(document) == {"method", "url", "headers", "body"}
    assert (document["method"], document["url"]) == ("POST", emulator.url + "/compatible-mode/v1/chat/completions")
    assert document["headers"]["Authorization"] == shown and document["headers"]["Content-Type"] == "application/json"
    assert document["body"] == {"model": "qwen3.7-plus", "messages": [{"role": "user", "content": "Hi 你好"}], "seed": 7,
                                "enable_thinking": True, "stream": True, "stream_options": {"include_usage": True}}


def test_dry_run_shows_what_a_call_sends(run, emulator, work):
    write(work, "a.txt", "A")
    arguments = ("Hi", "--attach", "a.txt", "--system", "S", "--no-think", "--set", "top_k=5")
    shown = run(*arguments, "--dry-run").document
    assert run(*arguments).code == 0
    assert sent(emulator) == shown["body"]
    assert {name.lower(): value for name, value in shown["headers"].items() if name != "Authorization"}.items() <= \
        emulator.chat_requests[0].headers.items()


def test_dry_run_shows_uploads_and_the_native_dialect(run, emulator, work):
    write(work, "a.pdf", PDF)
    document = run("Hi", "--document", "a.pdf", "--dry-run", key=None).document
    assert document["before"][0]["url"].endswith("/compatible-mode/v1/files")
    assert document["before"][0]["body"] == {"purpose": "file-extract", "file": f"<a.pdf, {len(PDF)} bytes>"}
    document = run("Hi", "--document", "fileid://file-fe-a1", "--dry-run", key=None).document
    assert "before" not in document and document["body"]["messages"][1]["content"] == "fileid://file-fe-a1"
    document = run("Hi", "--search", "--sources", "--dry-run", key=None).document
    assert document["url"].endswith("/api/v1/services/aigc/multimodal-generation/generation")
    assert document["headers"]["X-DashScope-SSE"] == "enable" and "input" in document["body"]
    assert emulator.requests == []


def test_dry_run_still_refuses_bad_input(run, emulator):
    refused(run("Hi", "--think", "--model", "qwen-max", "--dry-run", key=None), emulator, "--think")


@pytest.mark.parametrize("key, code", [(STANDARD_KEY, 0), (None, 3), ("sk-your-key-here", 3)])
def test_check(run, emulator, key, code):
    result = run("--check", key=key)
    assert result.code == code and emulator.requests == []
    assert f"usable:    {'yes' if code == 0 else 'no'}" in result.out and emulator.url in result.out
    assert run("--check", "--json", key=key).document["exit_code"] == code


# ---- -o --------------------------------------------------------------------------------------------------------------

def test_output_file(run, emulator, work):
    emulator.reply(text="Hello 你好")
    result = run("Hi", "-o", "new/answer.txt")
    assert (result.code, result.out) == (0, "new/answer.txt\n")
    assert (work / "new" / "answer.txt").read_bytes() == "Hello 你好\n".encode()
    assert names_in(work / "new") == ["answer.txt"]


@pytest.mark.parametrize("flags, extension, output", [
    ((), "md", "new/"), ((), "md", "there"), (("--json-object",), "json", "there/")])
def test_output_folder_gets_a_name_from_the_prompt(run, emulator, work, flags, extension, output):
    (work / "there").mkdir()
    emulator.reply(text="{}")
    path = run("它's a JSON? 你好!", "-o", output, *flags).out.strip()
    assert re.fullmatch(output.rstrip("/") + r"/它-s-a-json-你好-[0-9a-f]{6}\." + extension, path)
    assert (work / path).read_text("utf-8") == "{}\n"


def test_output_in_the_document(run, work):
    document = run("Hi", "-o", "answer.md", "--json").document
    assert document["files"] == [{"path": "answer.md", "bytes": (work / "answer.md").stat().st_size, "media_type": "text/markdown"}]


def test_existing_output_is_refused_before_the_call(run, emulator, work):
    write(work, "answer.md", "old")
    refused(run("Hi", "-o", "answer.md"), emulator, "answer.md exists already", "--overwrite", code=7)
    assert run("Hi", "-o", "answer.md", "--json").document["error"]["kind"] == "exists"
    assert (work / "answer.md").read_text() == "old" and names_in(work) == [".git", "answer.md"]


def test_overwrite(run, emulator, work):
    write(work, "answer.md", "old")
    emulator.reply(text="new")
    assert run("Hi", "-o", "answer.md", "--overwrite").code == 0
    assert (work / "answer.md").read_text() == "new\n"


def test_output_that_cannot_be_written_is_refused_before_the_call(main, emulator, work):
    write(work, "file", "x")
    refused(main("Hi", "-o", "file/answer.md"), emulator, "file", "--output")


def test_tool_calls_in_a_file(run, emulator, work):
    emulator.reply(tool_calls=[CALL])
    assert run("Hi", "--tools", write(work, "tools.json", TOOLS), "-o", "calls.json").out == "calls.json\n"
    assert read(work, "calls.json") == CALL


def test_a_file_has_the_text_and_the_tool_calls_as_stdout_would(run, emulator, work):
    tools = write(work, "tools.json", TOOLS)
    for output in ((), ("-o", "both.md")):
        emulator.reply(text="Let me look.", tool_calls=[CALL, {**CALL, "id": "call_2"}])
        result = run("Hi", "--tools", tools, *output)
        if not output:
            shown = result.out
    assert shown.count("\n") == 3 and (work / "both.md").read_text("utf-8") == shown


# ---- --chat ----------------------------------------------------------------------------------------------------------

def test_conversation_is_kept_in_its_file(run, emulator, work):
    emulator.reply(text="Hello")
    assert run("Hi", "--chat", "talk.json", "--system", "Be kind").out == "Hello\n"
    first = [{"role": "system", "content": "Be kind"}, {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    assert read(work, "talk.json") == first
    emulator.reply(text="再见")
    assert run("Bye 😀", "--chat", "talk.json").code == 0
    assert emulator.chat_requests[-1].json["messages"] == [*first, {"role": "user", "content": "Bye 😀"}]
    assert read(work, "talk.json") == [*first, {"role": "user", "content": "Bye 😀"}, {"role": "assistant", "content": "再见"}]
    assert names_in(work) == [".git", "talk.json"]


def test_system_of_a_conversation_stays(run, emulator, work):
    turns = [{"role": "system", "content": "A"}, {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    write(work, "talk.json", turns)
    refused(run("Hi", "--chat", "talk.json", "--system", "B"), emulator, "--system", "talk.json", "start a new file")
    assert read(work, "talk.json") == turns
    assert run("Hi", "--chat", "talk.json", "--system", "A").code == 0


def test_conversation_with_attachments_prefix_and_tools(run, emulator, work):
    write(work, "a.txt", "A")
    run("Hi", "--chat", "talk.json", "--attach", "a.txt", "--prefix", "Well,")
    user, assistant = read(work, "talk.json")
    assert user["content"] == '<file name="a.txt">\nA\n</file>\n\nHi'
    assert assistant["content"].startswith("Well,") and len(assistant["content"]) > 5
    emulator.reply(tool_calls=[CALL])
    run("Weather?", "--chat", "tools-talk.json", "--tools", write(work, "tools.json", TOOLS))
    assert read(work, "tools-talk.json")[1]["tool_calls"][0]["id"] == "call_1"


def test_tool_calls_without_an_id_can_be_answered(run, emulator, work):
    tools = write(work, "tools.json", TOOLS)
    calls = [{"index": index, "function": {"name": "get_weather", "arguments": "{}"}} for index in (0, 1)]
    emulator.reply(chunks=[{"tool_calls": calls}], finish_reason="tool_calls")
    shown = [json.loads(line)["id"] for line in run("Weather?", "--tools", tools, "--chat", "talk.json").out.splitlines()]
    talk = read(work, "talk.json")
    assert [call["id"] for call in talk[-1]["tool_calls"]] == shown and all(shown) and len(set(shown)) == 2
    write(work, "talk.json", talk + [{"role": "tool", "tool_call_id": name, "content": "21 degrees"} for name in shown])
    assert run("--chat", "talk.json", "--tools", tools).code == 0


@pytest.mark.parametrize("arguments, reason, words", [('{"ci', "length", ("raise --max-tokens", "was cut off")),
                                                      ('{"city": }', "tool_calls", ("use another model", "not JSON"))])
def test_half_a_tool_call_is_no_result_and_stays_out_of_the_conversation(run, emulator, work, arguments, reason, words):
    emulator.reply(tool_calls=[CALL, {**CALL, "id": "call_2", "arguments": arguments}], finish_reason=reason)
    asked = ("Weather?", "--tools", write(work, "tools.json", TOOLS), "--chat", "talk.json")
    result = run(*asked, "--json")
    assert result.code == 8 and not (work / "talk.json").exists(), result
    assert [word for word in words if word not in str(result.document["error"])] == []
    assert result.document["partial"]["tool_calls"][1]["function"]["arguments"] == arguments
    assert run(*asked).code == 0, "the conversation goes on"


@pytest.mark.parametrize("output", [(), ("-o", "calls.md")], ids=["shown", "file"])
@pytest.mark.parametrize("fault", [False, True], ids=["limit", "cut"])
def test_tool_calls_of_an_answer_that_broke_off_are_kept(run, emulator, work, fault, output):
    if not fault:
        emulator.reply(tool_calls=[CALL, {**CALL, "id": "call_2", "arguments": '{"ci'}], finish_reason="length")
    else:
        emulator.inject("cut-sse", after_chunks=2)
        chunks = [{"tool_calls": [{"index": 0, "id": "call_1", "function": {"name": "get_weather", "arguments": CALL["arguments"]}}]}]
        emulator.reply(chunks=chunks)
    result = run("Weather?", "--tools", write(work, "tools.json", TOOLS), *output)
    assert result.code == (6 if fault else 8) and result.out == "", result
    kept = [json.loads(line) for line in ((work / "calls.md.partial").read_text() if output else result.err).splitlines() if line[0] == "{"]
    assert [call["arguments"] for call in kept] == [CALL["arguments"], *([] if fault else ['{"ci'])], result


def test_arguments_with_line_ends_as_they_are_become_json(run, emulator, work):
    emulator.reply(tool_calls=[{**CALL, "arguments": '{"city": "New\nYork"}'}])
    result = run("Weather?", "--tools", write(work, "tools.json", TOOLS))
    assert result.code == 0 and json.loads(json.loads(result.out)["arguments"]) == {"city": "New\nYork"}, result


def test_conversation_goes_on_after_an_empty_answer(run, emulator, work):
    emulator.reply(text="")
    assert run("Hi", "--chat", "talk.json").code == 8 and not (work / "talk.json").exists()
    emulator.reply(text="Now I speak.")
    result = run("And now?", "--chat", "talk.json")
    assert (result.code, result.out) == (0, "Now I speak.\n"), result


@pytest.mark.parametrize("content, words", [
    ("{}", "JSON list"), ("[1]", "message 1"), ("no json", "not JSON"), ("", "not JSON"), (b"\xff\xfea", "talk.json")])
def test_file_that_is_no_conversation_is_refused(main, emulator, work, content, words):
    write(work, "talk.json", content)
    refused(main("Hi", "--chat", "talk.json"), emulator, "--chat talk.json", words, code=2)


@pytest.mark.parametrize("output", ["talk.json", "./talk.json", "link.json"])
@pytest.mark.parametrize("content", [[], None], ids=["there", "new"])
def test_an_answer_does_not_replace_its_conversation(main, emulator, work, output, content):
    if content is not None:
        write(work, "talk.json", content)
    os.symlink("talk.json", work / "link.json")
    refused(main("Hi", "--chat", "talk.json", "-o", output, "--overwrite"), emulator, "--output and --chat both name talk.json")


def test_conversation_that_cannot_be_written_is_refused_before_the_call(main, emulator, work):
    write(work, "file", "x")
    refused(main("Hi", "--chat", "file/talk.json"), emulator, "--chat")


@pytest.mark.parametrize("error, code", [(OSError(28, "No space left on device"), 9), (KeyboardInterrupt(), 130)], ids=["full", "stopped"])
@pytest.mark.parametrize("flags, where", [((), "shown"), (("--json",), "shown"), (("-o", "a.md"), "in a.md")], ids=["text", "json", "file"])
def test_answer_that_cannot_be_added_is_told_with_its_cost(run, work, monkeypatch, flags, where, error, code):
    def replace(*_):
        raise error
    monkeypatch.setattr("text_chat.replace_json", replace)
    result = run("Hi", "--chat", "talk.json", *flags)
    assert result.code == code and f"the answer is {where}: nothing has to be paid for again" in result.err, result
    assert "CNY" in result.err.splitlines()[-1] and names_in(work)[1:] == list(flags[1:])
    if flags == ("--json",):
        assert result.document["billing"]["cost"]["known"] and "emulator" in result.document["partial"]["text"]


def test_conversation_in_a_new_folder(run, emulator, work):
    """The folder is made, as for --output, or the call is refused; the answer is not paid for and then lost."""
    result = run("Hi", "--chat", "new/talk.json")
    if result.code:
        refused(result, emulator, "--chat")
    else:
        assert len(read(work, "new/talk.json")) == 2


@POSIX
def test_turn_that_another_process_added_meanwhile_is_kept(start, emulator, work):
    emulator.reply(chunks=[event("slow"), event("", finish="stop")], delay=60)
    slow = start("mine", "--chat", "talk.json")
    assert slow.stdout.read(len("slow")) == b"slow"
    theirs = [{"role": "user", "content": "theirs"}, {"role": "assistant", "content": "quick"}]
    write(work, "talk.json", theirs)
    emulator.hurry()
    assert slow.wait() == 0
    assert read(work, "talk.json") == [*theirs, {"role": "user", "content": "mine"}, {"role": "assistant", "content": "slow"}]


# ---- --attach --------------------------------------------------------------------------------------------------------

def test_attached_files_stand_before_the_prompt(run, emulator, work):
    write(work, "sub/b.md", "B\n\n")
    write(work, "a.txt", "\ufeff它's A")
    assert run("Compare", "--attach", "sub/b.md", "a.txt", "--attach", "sub/b.md").code == 0
    b, a = '<file name="b.md">\nB\n</file>\n\n', '<file name="a.txt">\n它\'s A\n</file>\n\n'
    assert last_message(emulator) == b + a + b + "Compare"


def test_attached_stdin(run, emulator):
    assert run("Summarise", "--attach", "-", stdin=b"from a pipe\n").code == 0
    assert "\nfrom a pipe\n</file>\n\nSummarise" in last_message(emulator)


@pytest.mark.parametrize("name, content, words", [
    ("none.txt", None, ("none.txt does not exist",)),
    ("empty.txt", b" \n", ("empty.txt is empty",)),
    ("a.bin", b"\x7fELF\0\1", ("a.bin is a document or a binary file", "use --document a.bin")),
    ("gbk.txt", "千问".encode("gbk"), ("gbk.txt is not UTF-8", "iconv -f gb18030")),
    (".", None, ("is a folder",)),
])
def test_file_that_cannot_be_attached_is_refused(main, emulator, work, name, content, words):
    if content is not None:
        write(work, name, content)
    result = main("Read this", "--attach", name)
    refused(result, emulator)
    assert "--attach" in result.err and [word for word in words if word not in result.err] == []


@pytest.mark.parametrize("flag, name", [("--attach", "a.txt"), ("--document", "a.pdf")])
def test_prompt_that_the_flag_swallowed_is_given_back(run, emulator, work, flag, name):
    write(work, name, PDF if name.endswith("pdf") else "text")
    assert run(flag, name, "do this, please").code == 0
    assert last_message(emulator).endswith("do this, please")
    emulator.reset()
    refused(run(flag, name, "Summarise"), emulator, flag, "'Summarise' is not a file", "write the prompt first")


# ---- --document ------------------------------------------------------------------------------------------------------

CHAT, FILES = "POST /compatible-mode/v1/chat/completions", "/compatible-mode/v1/files"


def test_document_is_uploaded_read_and_deleted(run, emulator, work):
    emulator.file_polls = 2
    write(work, "它's a.pdf", PDF)
    result = run("What is this?", "--document", "它's a.pdf", "--system", "Be brief")
    assert result.code == 0, result
    assert calls(emulator) == [f"POST {FILES}", f"GET {FILES}/ID", f"GET {FILES}/ID", CHAT, f"DELETE {FILES}/ID"]
    assert emulator.files == {}
    upload = emulator.requests[0]
    assert upload.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert b'name="purpose"\r\n\r\nfile-extract\r\n' in upload.body and PDF in upload.body
    assert 'filename="它\'s a.pdf"'.encode() in upload.body
    body = sent(emulator)
    assert body["model"] == "qwen-long"
    assert [message["role"] for message in body["messages"]] == ["system", "system", "user"]
    assert body["messages"][0]["content"] == "Be brief"
    assert re.fullmatch("fileid://file-fe-[0-9a-f]{24}", body["messages"][1]["content"])


def test_several_documents_in_order(run, emulator, work):
    for name in ("b.md", "a.csv"):
        write(work, name, "text")
    assert run("Compare", "--document", "b.md", "--document", "a.csv").code == 0
    uploads = [request.body for request in emulator.requests if request.method == "POST" and request.path == FILES]
    assert [b"b.md" in uploads[0], b"a.csv" in uploads[1]] == [True, True]
    assert sent(emulator)["messages"][1]["content"].count("fileid://") == 2
    assert emulator.files == {}


def test_kept_document_is_used_again(run, emulator, work):
    write(work, "a.txt", "text")
    said = run("One", "--document", "a.txt", "--keep-documents").err
    fileid = re.search(r"--document (fileid://file-fe-[0-9a-f]{24})", said).group(1)
    assert list(emulator.files) == [fileid[len("fileid://"):]]
    before = len(emulator.requests)
    assert run("Two", "--document", fileid).code == 0
    assert emulator.chat_requests[-1].json["messages"][1]["content"] == fileid
    assert not [request for request in emulator.requests[before:] if request.method == "DELETE" or request.path == FILES]
    assert emulator.files, "only what this call uploaded is deleted"


def test_conversation_keeps_its_documents(run, emulator, work):
    write(work, "a.txt", "text")
    assert "--document fileid://" in run("One", "--document", "a.txt", "--chat", "talk.json").err
    assert emulator.files and [turn["role"] for turn in read(work, "talk.json")] == ["system", "system", "user", "assistant"]
    assert run("Two", "--chat", "talk.json").code == 0
    sent = emulator.chat_requests[-1].json
    assert sent["model"] == "qwen-long" and sent["messages"][1]["content"] == f"fileid://{next(iter(emulator.files))}"
    write(work, "talk-2.json", sent["messages"])
    for flag, file in (("--chat", "talk.json"), ("--messages", "talk-2.json")):
        refused = run("Three", flag, file, "--model", "qwen3.7-plus")
        assert refused.code == 2 and f"{flag}: qwen3.7-plus cannot read its documents" in refused.err, refused
        assert run("Three", flag, file, "--dry-run").document["body"]["model"] == "qwen-long"


def test_document_the_service_cannot_read(run, emulator, work):
    write(work, "bad.pdf", PDF)
    result = run("What?", "--document", "bad.pdf", "--json")
    assert result.code == 8 and "bad.pdf" in result.document["error"]["message"], result
    assert emulator.chat_requests == [] and emulator.files == {}


def test_document_that_is_not_there_any_more(run, emulator):
    result = run("What?", "--document", "fileid://file-fe-000000000000000000000000")
    assert result.code == 8 and emulator.chat_requests == [] and "file-fe-0" in result.err, result


def test_document_that_cannot_be_deleted_is_no_failure(run, emulator, work):
    class Vanishing(dict):
        """Files that are gone once the question was asked."""

        def __contains__(self, name):
            return not emulator.chat_requests and super().__contains__(name)
    emulator.files = Vanishing()
    write(work, "a.txt", "text")
    emulator.reply(text="Hello")
    result = run("One", "--document", "a.txt")
    assert (result.code, result.out) == (0, "Hello\n") and re.search("warning: .*file-fe-.* could not be deleted", result.err), result


def test_a_document_that_the_service_keeps_is_not_called_deleted(run, emulator, work):
    emulator.files = type("Kept", (dict,), {"__delitem__": lambda *_: None})()
    result = run("One", "--document", write(work, "a.txt", "text"))
    assert result.code == 0 and f"the uploaded document {next(iter(emulator.files))} could not be deleted" in result.err, result
    assert "deleted from your account" not in result.err


def test_documents_stay_when_the_question_fails(run, emulator, work):
    write(work, "a.txt", "text")
    emulator.inject("error", path="/chat/completions", status=400, code="x", message="no")
    result = run("One", "--document", "a.txt")
    assert result.code == 8 and "stay in the account so that you can try again: --document fileid://" in result.err, result
    assert len(emulator.files) == 1


@pytest.mark.parametrize("name, content, words", [
    ("none.pdf", None, "none.pdf does not exist"), ("empty.pdf", b"", "has 0 bytes"), ("a.exe", b"MZ", ".exe is not a format"),
    ("noextension", b"x", "without an extension"), ("page.pdf", b"<html>", "content is something else"),
    ("sheet.xlsx", b"plain", "content is something else"), ("photo.png", b"\xff\xd8\xff", "content is something else"),
    (".git", None, "is not a file"),
])
def test_illegal_document_is_refused_before_the_upload(main, emulator, work, name, content, words):
    if content is not None:
        write(work, name, content)
    result = main("What?", "--document", name)
    refused(result, emulator)
    assert f"--document {name}" in result.err and words in result.err


# ---- promised JSON ---------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("flags", [(), ("--no-stream",)], ids=["streamed", "whole"])
@pytest.mark.parametrize("answer", [RED, f"```json\n{RED}\n```", f"\n```\n{RED}\n```\n"], ids=["plain", "fenced", "padded"])
def test_answer_that_matches_the_schema(run, emulator, work, answer, flags):
    emulator.reply(text=answer)
    result = run("A city", "--schema", write(work, "city.json", CITY), *flags)
    assert (result.code, result.out) == (0, RED + "\n"), result
    body = sent(emulator)
    assert body["response_format"]["json_schema"]["schema"] == CITY and body["enable_thinking"] is False


@pytest.mark.parametrize("answer, words", [
    ('{"city": 5}', "$.city is not of type string"), ("{}", "$ lacks 'city'"), ("Rome", "is not JSON"),
    ('{"city": "Rome"', "is not JSON"), ('{"city": "Rome"} {"city": "Bonn"}', "is not JSON")])
@pytest.mark.parametrize("output", [(), ("-o", "city.out")], ids=["shown", "file"])
def test_answer_that_breaks_the_schema(run, emulator, work, answer, words, output):
    emulator.reply(text=answer)
    result = run("A city", "--schema", write(work, "city.json", CITY), *output)
    assert (result.code, result.out) == (8, "") and words in result.err, result
    assert not (work / "city.out").exists()
    kept = (work / "city.out.partial").read_text() if output else result.err
    assert answer in kept, "the answer is billed, so it is not thrown away"


def test_broken_promise_in_the_document(run, emulator, work):
    emulator.reply(text='{"city": 5}')
    document = run("A city", "--schema", write(work, "city.json", CITY), "--json").document
    assert (document["ok"], document["exit_code"], document["error"]["kind"]) == (False, 8, "failed")
    assert document["partial"]["text"] == '{"city": 5}'


@pytest.mark.parametrize("flags", [("--max-tokens", "5"), ()])
def test_truncated_json_says_so(run, emulator, work, flags):
    emulator.reply(text='{"city": "Ro', finish_reason="length")
    result = run("A city", "--schema", write(work, "city.json", CITY), *flags)
    assert result.code == 8 and "cut off at the token limit" in result.err, result
    assert "next: raise --max-tokens, or ask for less" in result.err and "leave out" not in result.err


@pytest.mark.parametrize("answer", ['{"a": NaN}', "[Infinity]", '{"a": 1, "b": {"c": 1},}', "{'a': 1, 'b': {\"c\": 1}}", '{"a": NaN, "b": [1]}',
                                    'So: {"a": "}", "b": {"c": 1} // yes\n}', '{"a": "x", "b: {"c": 1}}'])
def test_json_answer_with_what_is_no_json(run, emulator, answer):
    emulator.reply(text=answer)
    result = run("Numbers", "--json-object")
    assert (result.code, result.out) == (8, "") and "not JSON" in result.err, result


def test_unchecked_keyword_is_warned_of(run, emulator, work):
    emulator.reply(text='{"day": "someday"}')
    schema = {"type": "object", "properties": {"day": {"type": "string", "format": "date"}}}
    result = run("A day", "--schema", write(work, "day.json", schema), "--json")
    assert result.code == 0 and "'format' at $.properties.day" in result.document["warnings"][0]


@pytest.mark.parametrize("schema", [{"type": "strin"}, {"$ref": "#/none"}, [1], "text", {"multipleOf": 0}])
def test_broken_schema_is_refused(main, emulator, work, schema):
    result = main("A city", "--schema", write(work, "bad.json", json.dumps(schema)))
    refused(result, emulator)
    assert "--schema" in result.err


def test_schema_the_service_does_not_take_goes_into_the_messages(run, emulator, work):
    emulator.inject("error", status=400, code="invalid_parameter_error",
                    message="<400> InternalError.Algo.InvalidParameter: 'response_format.type' json_schema is not supported")
    emulator.reply(text=RED)
    result = run("A city", "--schema", write(work, "city.json", CITY))
    assert (result.code, result.out) == (0, RED + "\n"), result
    first, second = (request.json for request in emulator.chat_requests)
    assert first["response_format"]["type"] == "json_schema" and second["response_format"] == {"type": "json_object"}
    assert json.dumps(CITY) in second["messages"][0]["content"]


@pytest.mark.parametrize("model, paths", [("qwen-flash", ["text", "multimodal"]), ("qwen3.7-plus", ["multimodal", "text"])])
def test_a_model_at_the_other_native_path_is_asked_there(run, emulator, model, paths):
    emulator.inject("error", status=400, code="InvalidParameter", message="url error, please check url！")
    emulator.inject("error", status=400, code="InvalidParameter", message="url error, please check url！", times=1)
    result = run("News?", "--sources", "--model", model)
    asked = [request for request in emulator.requests if "/aigc/" in request.path]
    assert [request.path.split("/aigc/")[1].split("-")[0] for request in asked] == paths and result.code == 8, result
    contents = [type(request.json["input"]["messages"][-1]["content"]) for request in asked]
    assert set(contents) == {str, list} and "url error" in result.err


def test_a_body_that_the_host_does_not_take(run, emulator, work):
    for name in "ab":
        write(work, name + ".txt", "x" * 9_000_000)
    for arguments in ((), ("--dry-run",)):
        result = run("Sum up", "--attach", "a.txt", "b.txt", *arguments, base_url="https://dashscope.aliyuncs.com")
        assert result.code == 2 and "18.0 MB" in result.err and "16.8 MB" in result.err, result
    assert run("Sum up", "--attach", "a.txt", "b.txt", "--dry-run", base_url="https://w-1.cn-beijing.maas.aliyuncs.com").code == 0


def test_json_object(run, emulator):
    emulator.reply(reasoning="", text='```json\n{"a": [1]}\n```')
    result = run("A list", "--json-object")
    assert (result.code, result.out) == (0, '{"a": [1]}\n')
    assert sent(emulator)["response_format"] == {"type": "json_object"}


@POSIX
def test_answer_that_was_held_back_is_a_line_of_its_own_on_a_terminal(start, emulator):
    emulator.reply(reasoning="", text='{"a": [1]}')
    said = start("A list", "--json-object", stderr=subprocess.STDOUT).communicate()[0].decode()
    assert '{"a": [1]}\nqianwen-text: ' in said, said


# ---- prefix, translation, search -------------------------------------------------------------------------------------

@pytest.mark.parametrize("flags", [(), ("--no-stream",)], ids=["streamed", "whole"])
def test_prefix_is_shown_with_what_follows(run, emulator, flags):
    emulator.reply(text="x): return x")
    assert run("A function", "--prefix", "def f(", *flags).out == "def f(x): return x\n"
    assert sent(emulator)["messages"][-1] == {"role": "assistant", "content": "def f(", "partial": True}
    emulator.reply(text="x)")
    assert run("A function", "--prefix", "def f(", "--json").document["text"] == "def f(x)"
    assert run("A function", "--prefix", "def f(", "--sources", *flags).out == "def f( ... and so the emulator ends it.\n"


def test_part_of_an_answer_has_its_prefix_too(run, emulator, work):
    asked = ("A function", "--prefix", "def f(", "--retries", "0")
    results = []
    for flags in ((), ("-o", "f.md"), ("--json",)):
        emulator.reply(chunks=["x", "): return"])
        emulator.inject("cut-sse", after_chunks=2)
        results.append(run(*asked, *flags))
    kept = (results[0].out, (work / "f.md.partial").read_text("utf-8"), results[2].document["partial"]["text"])
    assert [text.strip() for text in kept] == ["def f(x"] * 3 and {result.code for result in results} == {6}


@pytest.mark.parametrize("chunks", [["\n"], []])
def test_prefix_alone_is_an_empty_answer(run, emulator, chunks):
    emulator.reply(chunks=chunks or [""])
    result = run("A function", "--prefix", "def f(", "--json")
    assert result.code == 8 and "empty answer" in result.err and "text" not in result.document.get("partial", {})


@pytest.mark.parametrize("model", ["qwen-mt-plus", "qwen-mt-turbo", "qwen-mt-flash", "qwen-mt-lite"])
@pytest.mark.parametrize("flags", [(), ("--no-stream",)], ids=["streamed", "whole"])
def test_translation_is_shown_once(run, emulator, model, flags):
    result = run("It's a long way home, 家", "--translate-to", "Chinese", "--model", model, *flags)
    assert (result.code, result.out) == (0, "[Chinese] It's a long way home, 家\n"), result


@pytest.mark.parametrize("terms", [{"TLS": "传输层安全"}, [{"source": "TLS", "target": "传输层安全"}]], ids=["object", "list"])
def test_terms(run, emulator, work, terms):
    result = run("TLS is old", "--translate-to", "zh", "--translate-from", "en", "--terms", write(work, "terms.json", terms))
    assert result.out == "[zh] 传输层安全 is old\n"
    assert sent(emulator)["translation_options"] == {"source_lang": "en", "target_lang": "zh",
                                                    "terms": [{"source": "TLS", "target": "传输层安全"}]}


@pytest.mark.parametrize("terms", [[], {}, [["a", "b"]], {"a": 1}, [{"source": "a"}], "text", {"": "b"}])
def test_bad_terms_are_refused(main, emulator, work, terms):
    write(work, "terms.json", json.dumps(terms))
    result = main("Hi", "--translate-to", "zh", "--terms", "terms.json")
    refused(result, emulator)
    assert "--terms terms.json must hold" in result.err


@pytest.mark.parametrize("terms, number", [([{"source": "a", "target": "b"}, "junk", ["c", "d"]], 2),
                                           ([{"source": "a", "target": "b"}, {"source": "c", "target": "d"}, ["e", "f"]], 3),
                                           ({"a": "b", "c": ""}, 2)])
def test_terms_of_which_one_cannot_be_read_are_refused(main, emulator, work, terms, number):
    write(work, "terms.json", terms)
    refused(main("a", "--translate-to", "zh", "--terms", "terms.json"), emulator, f"entry {number}")


def test_search(run, emulator):
    assert run("News?", "--search", "--no-think").code == 0
    assert sent(emulator)["enable_search"] is True and "search_options" not in sent(emulator)


@pytest.mark.parametrize("model", ["qwen3.7-plus", "qwen-plus"])
def test_sources(run, emulator, model):
    emulator.reply(reasoning="Let me see.", text="It rains.")
    result = run("News?", "--search", "--sources", "--think", "--model", model, "--json")
    document = result.document
    assert (result.code, document["text"], document["reasoning"]) == (0, "It rains.", "Let me see."), result
    assert document["sources"][0]["url"] == "https://example.com/a" and "https://example.com/a" in result.err
    assert document["usage"]["plugins"]["search"]["count"] == 1 and ", 1 web search" in result.err
    assert document["billing"]["units"].keys() == {"input_tokens", "output_tokens"}
    assert calls(emulator) == ["POST /api/v1/services/aigc/" + (
        "multimodal" if model == "qwen3.7-plus" else "text") + "-generation/generation"]


# ---- illegal values --------------------------------------------------------------------------------------------------

ILLEGAL = [
    ("--temperature", "2", "[0, 2)"), ("--temperature", "-0.1", "[0, 2)"), ("--temperature", "warm", "not a number"),
    ("--temperature", "nan", "[0, 2)"), ("--top-p", "0", "(0, 1]"), ("--top-p", "1.1", "(0, 1]"),
    ("--max-tokens", "0", "[1, "), ("--max-tokens", "1.5", "whole number"), ("--max-tokens", "65537", "65536"),
    ("--seed", "-1", "2147483647"), ("--seed", "2147483648", "2147483647"), ("--seed", "x", "whole number"),
    ("--thinking-budget", "0", "[1, "), ("--effort", "full", "xhigh"),
    ("--timeout", "0", "seconds"), ("--timeout", "nan", "seconds"), ("--timeout", "soon", "seconds"),
    ("--retries", "-1", "0 to 20"), ("--retries", "21", "0 to 20"), ("--retries", "x", "number"),
    ("--set", "novalue", "KEY=VALUE"), ("--set", "a..b=1", "KEY=VALUE"), ("--set", "messages.x=1", "not an object"),
    ("--messages", "none.json", "none.json does not exist"), ("--messages", "list.txt", "not JSON"),
    ("--request", "none.json", "none.json does not exist"), ("--request", "list.json", "JSON object"),
    ("--request", "native.json", "'input'"), ("--request", "list.txt", "not JSON"),
    ("--schema", "none.json", "none.json does not exist"), ("--schema", "list.json", "JSON object"),
    ("--tools", "none.json", "none.json does not exist"), ("--tools", "native.json", "list of tools"),
    ("--tool-choice", "auto", "--tools"), ("--translate-from", "en", "--translate-to"), 
    ("--live", None, "--models"), ("--temp", "1", "--temp"), ("--no-such-flag", None, "--no-such-flag"), ("--model", None, "--model"),
]


@pytest.mark.parametrize("flag, value, words", ILLEGAL, ids=lambda item: str(item))
def test_illegal_value_is_refused(main, emulator, work, flag, value, words):
    for name, content in (("list.json", [1]), ("list.txt", "[1,"), ("native.json", {"model": "m", "input": {}})):
        write(work, name, content)
    result = main("Hi", flag, *([value] if value is not None else []))
    refused(result, emulator)
    assert flag.lstrip("-") in result.err and words in result.err, result
    assert result.out == ""


def test_every_refusal_says_what_to_do_next(main, work):
    for name, content in (("list.json", [1]), ("broken.json", "[1,"), ("object.json", {}), ("a.txt", "A"), ("empty.txt", " "),
                          ("binary.txt", b"\0"), ("schema.json", {"required": 5})):
        write(work, name, content)
    silent = []
    for flags in (("--messages", "object.json"), ("--messages", "broken.json"), ("--chat", "broken.json"), ("--request", "list.json"),
                  ("--schema", "list.json"), ("--schema", "schema.json"), ("--tools", "object.json"), ("--attach", "empty.txt"),
                  ("--attach", "binary.txt"), ("--attach", ".git"), ("--document", ".git"), ("--set", "messages.x=1"),
                  ("--translate-to", "en", "--terms", "list.json")):
        result = main("Hi", *flags)
        assert result.code == 2, result
        silent += [] if "  next: " in result.err else [flags]
    assert silent == []


@pytest.mark.parametrize("flags", [("--think", "--no-think"), ("--no-think", "--think")])
def test_think_and_no_think_exclude_each_other(main, emulator, flags):
    refused(main("Hi", *flags), emulator, "--think and --no-think exclude each other")


@pytest.mark.parametrize("flags, part", [
    (("--think", "--thinking-budget", "50"), {"enable_thinking": True, "thinking_budget": 50}),
    (("--no-think",), {"enable_thinking": False}),
    (("--temperature", "0", "--top-p", "1", "--max-tokens", "7", "--seed", "0"),
     {"temperature": 0.0, "top_p": 1.0, "max_tokens": 7, "seed": 0}),
    (("--stop", "END", "--stop", "终"), {"stop": ["END", "终"]}),
    (("--system", "它's S"), {"messages": [{"role": "system", "content": "它's S"}, {"role": "user", "content": "Hi"}]}),
    (("--no-stream",), {"stream": False}),
    (("--set", "top_k=20", "--set", "presence_penalty=-1.5"), {"top_k": 20, "presence_penalty": -1.5}),
    (("--set", "model=qwen-plus"), {"model": "qwen-plus"}),
])
def test_flag_arrives_in_the_body(run, emulator, flags, part):
    assert run("Hi", *flags).code == 0
    assert {name: sent(emulator)[name] for name in part} == part


def test_request_from_a_file_and_from_stdin(run, emulator, work):
    request = {"model": "qwen-plus", "messages": [{"role": "user", "content": "Old"}], "top_k": 3}
    assert run("--request", write(work, "body.json", request), "--temperature", "0.5").code == 0
    assert run("New", "--request", "-", stdin=json.dumps(request).encode()).code == 0
    first, second = (request.json for request in emulator.chat_requests)
    assert (first["messages"][0]["content"], first["top_k"], first["temperature"]) == ("Old", 3, 0.5)
    assert [message["content"] for message in second["messages"]] == ["New"]


@pytest.mark.parametrize("body, flags, named", [
    ({"messages": "Hi"}, (), "messages"), ({"messages": [1]}, (), "message 1"), ({"stream_options": "x"}, (), "stream_options"),
    ({"tools": [{"name": "f"}]}, ("--tool-choice", "f"), "tools"), ({"tools": 5}, ("--tool-choice", "f"), "tools"),
    ({"translation_options": "x"}, ("--translate-to", "English"), "translation_options"),
    ({"input": {"messages": []}}, (), "'input'"), ({"parameters": "x"}, (), "'parameters'"), ({"max_tokens": "5"}, (), "max_tokens")],
    ids=lambda item: str(item)[:40])
@pytest.mark.parametrize("way", [(), ("--estimate",)])
def test_odd_request_is_no_defect(run, work, emulator, body, flags, named, way):
    """It is refused, or passed on for the service to judge; it does not break the script."""
    result = run("Hi", "--request", write(work, "body.json", body), *flags, *way)
    assert result.code in (2, 8, 0 if way else 2), result
    assert result.code != 2 or named in result.err and not emulator.requests, result


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens", "thinking_budget", "n"])
@pytest.mark.parametrize("value", ["-10000000", "0", "1e6", '"3"', "true", "9" * 400])
@pytest.mark.parametrize("way", [("--estimate",), ("--batch", "rows.jsonl", "-o", "out/"), ()], ids=["estimate", "row", "call"])
def test_a_count_that_is_no_count_is_refused(run, work, emulator, home, name, value, way):
    """What an estimate could not tell, a budget could not hold."""
    setting = f"{name}={value}"
    (work / "rows.jsonl").write_text(json.dumps({"prompt": "Hi", "set": [setting]}) + "\n")
    asked = ("Hi", "--set", setting, *way) if "--batch" not in way else way
    refused = run(*asked, env={"QIANWEN_BUDGET": "1"})
    assert refused.code == 2 and name in refused.err and "whole number of at least 1" in refused.err, refused
    assert not emulator.chat_requests


@pytest.mark.parametrize("flags", [("--set", "search_options=null"), ("--request", "body.json")])
def test_search_options_of_null_are_as_if_they_were_not_there(run, work, emulator, flags):
    write(work, "body.json", {"search_options": None})
    done = run("Hi", "--sources", *flags)
    assert done.code == 0 and len(emulator.requests) == 1, done


# ---- encodings -------------------------------------------------------------------------------------------------------

CODE_PAGES = [{"PYTHONIOENCODING": "cp1252"}, {"PYTHONIOENCODING": "gbk"}, {"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C"},
              {"LC_ALL": "POSIX"}]


@pytest.mark.parametrize("env", CODE_PAGES, ids=lambda env: "=".join(*env.items()))
def test_every_code_page(run, emulator, env):
    emulator.reply(reasoning="想一想 🤔", text="你好 — naïve 😀")
    result = run("千问 it's 😀", env=env)
    assert (result.code, result.out) == (0, "你好 — naïve 😀\n") and "想一想 🤔" in result.err
    assert last_message(emulator) == "千问 it's 😀"
    assert "千问" in run("--help", env=env).out


@pytest.mark.parametrize("env", CODE_PAGES[2:4], ids=lambda env: "=".join(*env.items()))
def test_names_in_every_code_page(run, env):
    assert run("--version", env=env).code == 0
    assert "文件.txt" in run("Hi", "--attach", "文件.txt", env=env).err


def test_help_and_version(run, emulator):
    result = run("--help", key=None)
    assert result.code == 0 and result.err == ""
    for flag in ("--model", "--set", "--request", "--prompt-file", "-o", "--overwrite", "--json", "--dry-run", "--check",
                 "--live", "--timeout", "--retries", "-q", "-v", "--version", "--help", "--system", "--messages", "--chat",
                 "--attach", "--document", "--think", "--no-think", "--thinking-budget", "--search", "--json-object", "--schema",
                 "--tools", "--tool-choice", "--prefix", "--translate-to", "--translate-from", "--temperature", "--top-p",
                 "--max-tokens", "--seed", "--stop", "--no-stream"):
        assert re.search(rf"(?m)^  (-\w, )?(-\w )?.*{re.escape(flag)}\b", result.out), flag
    assert "qwen3.7-plus" in result.out, "the default model"
    assert re.fullmatch(r"qianwen-text \d+\.\d+\S*\n", run("--version", key=None).out)
    assert emulator.requests == []


# ---- pipes and signals -----------------------------------------------------------------------------------------------

@POSIX
@pytest.mark.parametrize("flags", [(), ("--no-stream",), ("--json",), ("--json-object",)])
def test_reader_that_goes_away_is_no_error(start, emulator, flags):
    """`text.py … | head -c 1`: more is written than a pipe holds, so the writer surely meets the closed end."""
    emulator.reply(chunks=['["' + "x" * 200_000, "y" * 200_000 + '"]'])
    process = start("Hi", *flags)
    assert process.stdout.read(1)
    process.stdout.close()
    said = process.stderr.read().decode()
    assert process.wait() == 0, said
    assert "Traceback" not in said and "BrokenPipe" not in said and "Exception ignored" not in said


@POSIX
@pytest.mark.parametrize("arguments", [("Hi",), ("--help",), ("--version",), ("Hi", "--dry-run"), ("--check",),
                                       ("Hi", "--temperature", "5", "--json")], ids=" ".join)
def test_pipe_that_is_closed_already(start, arguments):
    reader, writer = os.pipe()
    os.close(reader)
    process = start(*arguments, stdout=writer)
    os.close(writer)
    said = process.communicate()[1].decode()
    assert process.returncode == (2 if "5" in arguments else 0), said
    assert "Traceback" not in said and "Exception ignored" not in said


@POSIX
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_stream_that_is_not_there(environment, work, closed):
    """A daemon or a cron job may run the script without one of the standard streams."""
    shell = f'exec "$0" "$1" Hi -o answer.md {closed}'
    done = subprocess.run(["sh", "-c", shell, sys.executable, str(SCRIPTS["qianwen-text"])], env=environment, cwd=str(work),
                          capture_output=True, timeout=60)
    assert done.returncode == 0 and b"Traceback" not in done.stderr, done.stderr.decode()
    assert "answer.md" in names_in(work)


@POSIX
@pytest.mark.parametrize("skill, more, advice", [
    ("text", "", b"-o FILE"), ("text", "--json", b"-o FILE"), ("vision", "--image large.png", b"-o FILE"),
    ("audio-tts", "-o -", b"name a file"), ("audio-tts", "-o - --stream", b"name a file")])
def test_without_stdout_nothing_is_paid_or_uploaded_that_nobody_could_read(environment, emulator, work, skill, more, advice):
    with open(work / "large.png", "wb") as file:
        file.write(media_samples.png(64, 64))
        file.truncate(8_000_000)
    shell = f'exec "$0" "$1" Hi {more} >&-'
    done = subprocess.run(["sh", "-c", shell, sys.executable, str(SCRIPTS["qianwen-" + skill])], env=environment, cwd=str(work),
                          stderr=subprocess.PIPE, timeout=60)
    assert done.returncode == 2 and not emulator.requests and not emulator.uploads, done.stderr.decode()
    assert b"stdout is closed" in done.stderr and advice in done.stderr, done.stderr.decode()


@POSIX
def test_without_stdout_a_conversation_in_a_file_goes_on(environment, emulator, work):
    shell = 'exec "$0" "$1" Hi --chat talk.json >&-'
    done = subprocess.run(["sh", "-c", shell, sys.executable, str(SCRIPTS["qianwen-text"])], env=environment, cwd=str(work),
                          stderr=subprocess.PIPE, timeout=60)
    assert done.returncode == 0 and len(json.loads((work / "talk.json").read_text("utf-8"))) == 2, done.stderr.decode()


@POSIX
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_interrupted_while_an_answer_comes(start, emulator, work, number):
    emulator.reply(chunks=[event("first "), event("second", finish="stop")], delay=10)
    process = start("Hi", "--chat", "talk.json")
    assert process.stdout.read(len("first ")) == b"first "
    process.send_signal(number)
    rest, said = (stream.decode() for stream in process.communicate())
    assert process.returncode == 130, said
    assert "qianwen-text: error: interrupted" in said and "Traceback" not in said and rest == "\n"
    assert names_in(work) == [".git"], "the conversation is not begun by half a turn"


@POSIX
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_interrupted_with_an_output_file(start, emulator, work, number):
    """What came is billed: it is kept beside the target, marked as a part, and nothing else is left."""
    emulator.reply(chunks=[event("first ", reasoning="Hm.\n"), event("second", finish="stop")], delay=10)
    process = start("Hi", "-o", "answer.md", "--json")
    while b"Hm." not in process.stderr.readline():
        pass
    process.send_signal(number)
    out, said = (stream.decode() for stream in process.communicate())
    assert process.returncode == 130 and "Traceback" not in said
    document = json.loads(out)
    assert (document["ok"], document["exit_code"], document["error"]["kind"]) == (False, 130, "interrupted")
    assert names_in(work) == [".git", "answer.md.partial"] and (work / "answer.md.partial").read_text() == "first "


def test_interrupted_after_the_answer_was_saved(run, work, copy):
    """Between the file and the document: the whole answer is there, so no part of it is put beside it."""
    script = copy / "scripts" / "text.py"
    source = script.read_text("utf-8")
    stopped = source.replace("if __name__ ==", "def _report(*_):\n    raise KeyboardInterrupt\n\n\nif __name__ ==")
    script.write_text(stopped, "utf-8")
    assert stopped != source and run("Hi", "-o", "answer.md", "--json", script=script).code == 130
    assert names_in(work) == [".git", "answer.md"]


@POSIX
def test_interrupted_while_the_interpreter_shuts_down(run, copy):
    """The outcome stands: its exit code is kept, what was printed is whole, and no traceback follows it."""
    script = copy / "scripts" / "text.py"
    late = "import atexit, os, signal\n    atexit.register(lambda: os.kill(os.getpid(), getattr(signal, os.environ['LATE'])))\n    "
    source = script.read_text("utf-8")
    script.write_text(source.replace("sys.exit(run_script", late + "sys.exit(run_script"), "utf-8")
    assert source != script.read_text("utf-8")

    def stands(name, flags, code):
        result = run(*flags, "--json", script=script, env={"LATE": name})
        assert result.code == code and "Traceback" not in result.err and "Interrupt" not in result.err
        assert json.loads(result.out)["ok"] == (code == 0)
    check_each({f"{name} {code}": (name, flags, code) for name in ("SIGINT", "SIGTERM", "SIGHUP")
                for flags, code in ((("Hi",), 0), (("Hi", "--temperature", "9"), 2))}, stands)


@POSIX
def test_interrupted_before_the_answer(start, emulator, work):
    emulator.inject("hang", seconds=10)
    process = start("Hi", "-o", "new/answer.md")
    while b"sending to" not in process.stderr.readline():
        pass
    while not emulator.chat_requests:
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert process.returncode == 130 and names_in(work) == [".git"]


@POSIX
def test_interrupted_documents_are_deleted(start, emulator, work):
    write(work, "a.txt", "text")
    emulator.reply(chunks=[event("first "), event("second", finish="stop")], delay=10)
    process = start("Hi", "--document", "a.txt")
    assert process.stdout.read(len("first ")) == b"first " and emulator.files
    process.send_signal(signal.SIGTERM)
    said = process.communicate()[1].decode()
    assert process.returncode == 130 and emulator.files == {}, said


# ---- defects, and the folder alone -----------------------------------------------------------------------------------

def test_a_defect_is_told_in_a_sentence_a_document_or_a_traceback(run, emulator, copy):
    script = copy / "scripts" / "text.py"
    with open(copy / "scripts" / "text_request.py", "a", encoding="utf-8") as file:
        file.write("\n\ndef build_request(*_):\n    raise RuntimeError('injected')\n")
    result = run("Hi", script=script)
    assert (result.code, result.out) == (1, "") and "RuntimeError: injected" in result.err and "-v" in result.err
    assert "Traceback" not in result.err
    result = run("Hi", "-v", script=script)
    assert result.code == 1 and "Traceback" in result.err and "build_request" in result.err
    document = run("Hi", "--json", script=script).document
    assert (document["exit_code"], document["error"]["kind"]) == (1, "unexpected") and "injected" in document["error"]["message"]
    assert emulator.requests == []


@pytest.mark.parametrize("error, code", [(KeyboardInterrupt, 130), (RuntimeError, 1)])
@pytest.mark.parametrize("moment, paid", [("text.chat_request", False), ("shared.chat.turn.Turn.report", True)])
def test_an_end_at_any_place_says_whether_to_pay_again(run, monkeypatch, error, code, moment, paid):
    def end(*given, **named):
        raise error
    monkeypatch.setattr(moment, end)
    failure = run("Hi", "--json").document["error"]
    assert (failure["kind"], "only if paying twice" in failure["fix"]) == ({130: "interrupted", 1: "unexpected"}[code], paid)


def test_folder_copied_alone(run, emulator, copy):
    script = copy / "scripts" / "text.py"
    assert run("--help", script=script, key=None).code == 0
    assert run("Hi", "--dry-run", script=script, key=None).document["body"]["model"] == "qwen3.7-plus"
    assert run("--check", script=script).code == 0
    assert run("Hi", script=script).code == 0 and len(emulator.requests) == 1


def test_read_only_folder(run, copy):
    folders = [copy, *(path for path in copy.rglob("*") if path.is_dir())]
    before = sorted(copy.rglob("*"))
    for path in before + folders:
        path.chmod(path.stat().st_mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))
    try:
        assert run("Hi", script=copy / "scripts" / "text.py").code == 0
        assert sorted(copy.rglob("*")) == before
    finally:
        for path in folders:
            path.chmod(path.stat().st_mode | stat.S_IWUSR)


def test_working_directory_is_not_imported_from(run, work):
    for name in ("json.py", "argparse.py", "urllib/__init__.py", "text_models.py", "shared/__init__.py", "shared/command.py"):
        write(work, name, "raise SystemExit('imported from the working directory')\n")
    assert run("Hi", process=True).code == 0
    assert run("Hi", process=True, env={"PYTHONPATH": ""}).code == 0


def test_any_working_directory(run, emulator, home):
    assert run("Hi", cwd=home).code == 0
    assert run("Hi", cwd="/").code == 0
