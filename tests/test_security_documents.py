"""SECURITY.md and docs/keys.md: what they state of the guard is what the guard does, in both languages."""
from __future__ import annotations

import re

import pytest
from shared import account, key_guard
from shared.key_guard import DASHSCOPE, GATEWAY, GO, LOOPBACK, REFUSE, TOKEN_PLAN, WARN

from tests.conftest import PLAN_KEY, ROOT, STANDARD_KEY
from tests.test_key_guard import judge

SECURITY, ENGLISH, CHINESE = (ROOT / name for name in ("SECURITY.md", "docs/keys.md", "docs/keys.zh-CN.md"))
DOCUMENTS = pytest.mark.parametrize("path", [SECURITY, ENGLISH, CHINESE], ids=lambda path: path.name)
KEYS = pytest.mark.parametrize("path", [ENGLISH, CHINESE], ids=lambda path: path.name)


def tables(path) -> list:
    """The tables of a document: lists of rows, rows of cells."""
    blocks = re.findall(r"(?:^\|.*\n)+", path.read_text("utf-8"), re.MULTILINE)
    return [[[cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))] for line in block.splitlines()] for block in blocks]


def code(text: str) -> list:
    return re.findall(r"`([^`]+)`", text)


@DOCUMENTS
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text("utf-8")):
        assert target.startswith("https://platform.qianwenai.com/") or (path.parent / target).is_file(), target


@DOCUMENTS
def test_variables_that_are_named_are_read(path):
    named = set(re.findall(r"\b(?:QIANWEN|QWEN|DASHSCOPE)_[A-Z_]+\b", path.read_text("utf-8")))
    assert named - set(account.VARIABLES) == set()


def test_both_languages_say_the_same():
    english, chinese = tables(ENGLISH), tables(CHINESE)
    assert [[len(row) for row in table] for table in english] == [[len(row) for row in table] for table in chinese]
    wanted = [sorted(code(cell)) for table in english for row in table for cell in row]
    assert [sorted(code(cell)) for table in chinese for row in table for cell in row] == wanted
    dates = [sorted(set(re.findall(r"2026-\d\d-\d\d", path.read_text("utf-8")))) for path in (ENGLISH, CHINESE)]
    assert dates[0] == dates[1] == ["2026-05-01", "2026-09-22"]


@KEYS
def test_hosts_of_the_document_are_what_it_says(path):
    rows = next(table for table in tables(path) if "dashscope.aliyuncs.com" in table[2][0])[2:]
    kinds = [DASHSCOPE, DASHSCOPE, DASHSCOPE, None, LOOPBACK]
    for (hosts, _), kind in zip(rows, kinds):
        for host in code(hosts):
            name = host.replace("<workspace>", "ws-1").replace("<region>", "cn-beijing")
            if kind:
                assert key_guard.endpoint_kind(name) == kind, name
            elif "." in name and name not in ("aliyuncs.com", "qianwenaiapi.com"):
                assert key_guard.is_plan_host(name), name
            elif "." not in name:
                assert all(key_guard.is_plan_host(f"{label}.{parent}") for label in (name, name + "-x")
                           for parent in ("maas.qianwenaiapi.com", "cn-beijing.maas.aliyuncs.com")), name


GUARD = (  # row of the table -> keys, endpoints, more than one request, action
    (["", "sk-your-key-here", "sk-012 345", f"{STANDARD_KEY},{PLAN_KEY}"], [DASHSCOPE, GATEWAY], False, REFUSE),
    ([f" {STANDARD_KEY}\n", f"Bearer {STANDARD_KEY}", f"DASHSCOPE_API_KEY={STANDARD_KEY}"], [DASHSCOPE], False, WARN),
    ([STANDARD_KEY, "sk-ws-0123456789", "st-0123456789"], [DASHSCOPE], False, GO), ([STANDARD_KEY], [TOKEN_PLAN], False, REFUSE),
    ([PLAN_KEY], [DASHSCOPE], False, WARN), ([PLAN_KEY], [TOKEN_PLAN], False, REFUSE), ([PLAN_KEY], [DASHSCOPE, GATEWAY, LOOPBACK], True, REFUSE),
    (["sk-ant-0123456789", "sk-proj-0123456789", "sk-or-0123456789", "AIza0123456789", "LTAI0123456789"], [DASHSCOPE, GATEWAY], False, REFUSE),
    ([STANDARD_KEY], [GATEWAY, LOOPBACK], False, GO))


@KEYS
def test_the_guards_table_is_what_the_guard_does(path):
    rows = next(table for table in tables(path) if len(table) == len(GUARD) + 2 and "sk-ant-" in table[9][0])[2:]
    refusing, going = ("refuses", "拒绝"), ("goes", "放行")
    for row, (keys, kinds, many, action) in zip(rows, GUARD):
        assert {judge(key, kind, many=many).action for key in keys for kind in kinds} == {action}
        assert row[2].startswith(refusing) == (action == REFUSE) and row[2].startswith(going) == (action == GO), row


def test_how_to_report_invents_no_address():
    text = SECURITY.read_text("utf-8")
    assert "Report a vulnerability" in text and "@" not in text and not re.findall(r"https?://", text)
