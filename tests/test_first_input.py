"""The first real input through the main job: this project's README summarised, the request checked field by field."""
from __future__ import annotations

from shared import VERSION

from tests.conftest import ROOT

README = (ROOT / "README.md").read_text("utf-8")


def test_readme_summarised(run, emulator):
    result = run("Summarise this in three sentences: it's for 小王 🙂", "--attach", ROOT / "README.md")
    assert result.code == 0 and result.out.strip(), result
    (sent,) = emulator.chat_requests
    assert sent.status == 200 and (sent.method, sent.path, sent.query) == ("POST", "/compatible-mode/v1/chat/completions", {})
    assert sent.bearer and sent.key_kind == "standard" and "x-api-key" not in sent.headers
    assert sent.headers["content-type"] == "application/json" and sent.headers["accept"] == "text/event-stream"
    assert sent.headers["user-agent"] == f"qianwen-skills/{VERSION} (qianwen-text)"
    assert not [name for name in sent.headers if name.startswith("x-dashscope")] and "accept-encoding" not in sent.headers or \
        sent.headers.get("accept-encoding") == "identity"
    assert sent.json == {
        "model": "qwen3.7-plus",
        "messages": [{"role": "user", "content": f'<file name="README.md">\n{README.rstrip()}\n</file>\n\n'
                                                 "Summarise this in three sentences: it's for 小王 🙂"}],
        "enable_thinking": True, "stream": True, "stream_options": {"include_usage": True}}
    assert "小王 🙂".encode() in sent.body and b"\\u" not in sent.body.replace(README.encode(), b"")
    assert int(sent.headers["content-length"]) == len(sent.body)
