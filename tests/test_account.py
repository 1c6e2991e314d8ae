"""Where the key, the base URL, the region and the guard's mode come from: the environment and `.env` files."""
from __future__ import annotations

import os

import pytest
from shared import account, key_guard
from shared.account import find_account, parse_env, Settings
from shared.failures import Failure

from shared.files.own import open_own

from tests.conftest import PLAN_KEY, STANDARD_KEY

NEAR, FAR, HOME_KEY, OTHER = (f"sk-{name}-0123456789" for name in ("near", "far", "home", "other"))
EVIL = "https://evil.example.com"


def put(folder, *lines, encoding="utf-8"):
    """Write a `.env` file and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / ".env"
    path.write_bytes("\n".join(lines).encode(encoding))
    return str(path)


@pytest.fixture
def settings(home):
    """The folder of the home `.env` file."""
    return home / ".config" / "qianwen"


@pytest.fixture
def find(home, work):
    """`find(cwd, VARIABLE=…)`: the account of a run in `cwd` with these variables in its environment."""
    def find_in(cwd=work, **environ):
        return find_account(Settings({"HOME": str(home), **environ}, str(cwd)))
    return find_in


@pytest.fixture
def settings_of(home, work):
    """`settings_of(VARIABLE=…)`: what a run in the working folder finds, before anything is judged."""
    return lambda **environ: Settings({"HOME": str(home), **environ}, str(work))


def line(key: str) -> str:
    return "DASHSCOPE_API_KEY=" + key


# ---- which file wins ---------------------------------------------------------------------------------------------------

def test_nearest_file_wins(find, work, settings):
    put(settings, line(HOME_KEY))
    put(work, line(FAR))
    near = put(work / "a" / "b", line(NEAR))
    found = find(work / "a" / "b")
    assert (found.key.value, found.key_source) == (NEAR, "DASHSCOPE_API_KEY in " + near)
    assert find(work / "a").key.value == FAR


def test_files_of_the_way_up_complete_each_other(find, work, settings):
    put(work / "a", line(NEAR))
    put(work, "QWEN_REGION=us-east-1")
    put(settings, "QIANWEN_KEY_GUARD=strict")
    found = find(work / "a")
    assert (found.key.value, found.endpoint.region, found.strict) == (NEAR, "us-east-1", True)


@pytest.mark.parametrize("git", ["folder", "file of a worktree"])
def test_search_ends_at_the_project_root(find, tmp_path, git):
    put(tmp_path, line(FAR))
    root = tmp_path / "project"
    (root / "a").mkdir(parents=True)
    (root / ".git").mkdir() if git == "folder" else (root / ".git").write_text("gitdir: /elsewhere\n")
    assert find(root / "a").key.kind == key_guard.MISSING
    put(root, line(NEAR))
    assert find(root / "a").key.value == NEAR


def test_inner_project_ends_the_search_before_the_outer_one(find, work):
    put(work, line(FAR))
    (work / "inner" / ".git").mkdir(parents=True)
    assert find(work / "inner").key.kind == key_guard.MISSING


def test_without_a_project_only_the_working_directory_counts(find, tmp_path, settings):
    folder = tmp_path / "loose" / "a"
    put(tmp_path / "loose", line(FAR))
    put(settings, line(HOME_KEY))
    folder.mkdir()
    assert find(folder).key.value == HOME_KEY
    put(folder, line(NEAR))
    assert find(folder).key.value == NEAR


def test_home_file_comes_last(find, work, settings):
    path = put(settings, line(HOME_KEY))
    assert (find().key.value, find().key_source) == (HOME_KEY, "DASHSCOPE_API_KEY in " + path)
    put(work, line(FAR))
    assert find().key.value == FAR


def test_environment_wins(find, work, settings):
    put(work, line(FAR), "QWEN_REGION=us-east-1")
    put(settings, line(HOME_KEY))
    found = find(DASHSCOPE_API_KEY=OTHER, QWEN_REGION="ap-southeast-1")
    assert (found.key.value, found.key_source, found.endpoint.region) == \
        (OTHER, "DASHSCOPE_API_KEY in the environment", "ap-southeast-1")


@pytest.mark.parametrize("value", ["", "  ", "\n"])
def test_empty_variable_counts_as_unset(find, work, value):
    put(work, line(FAR))
    assert find(DASHSCOPE_API_KEY=value, QWEN_BASE_URL=value, QWEN_REGION=value).key.value == FAR


def test_empty_line_does_not_hide_a_farther_file(find, work):
    put(work, line(FAR))
    put(work / "a", "DASHSCOPE_API_KEY=", "QIANWEN_API_KEY=''")
    assert find(work / "a").key.value == FAR


def test_nothing_is_put_into_the_environment(find, work, settings):
    put(work, line(FAR), "QWEN_REGION=us-east-1", "HTTPS_PROXY=http://proxy", "NEW_VARIABLE=1")
    before = dict(os.environ)
    given = {"HOME": str(work.parent / "home"), "PATH": "/bin"}
    find_account(Settings(given, str(work)))
    assert dict(os.environ) == before and set(given) == {"HOME", "PATH"}


# ---- what a file may hold ------------------------------------------------------------------------------------------------

def test_only_the_listed_variables_are_read(find, work):
    put(work, "OPENAI_API_KEY=" + OTHER, "DASHSCOPE_API_KEYS=" + OTHER, "MY_DASHSCOPE_API_KEY=" + OTHER,
        "dashscope_api_key=" + OTHER, "QWEN_BASE_URLS=" + EVIL, "HOME=/evil", "PATH=/evil", "PYTHONPATH=/evil")
    found = find()
    assert found.key.kind == key_guard.MISSING and found.endpoint.host == "dashscope.aliyuncs.com"
    assert parse_env(f"OPENAI_API_KEY={OTHER}\nDASHSCOPE_API_KEY={NEAR}") == {"DASHSCOPE_API_KEY": NEAR}


LINES = {
    "plain": f"DASHSCOPE_API_KEY={NEAR}", "export": f"export DASHSCOPE_API_KEY={NEAR}", "export, tab": f"export\tDASHSCOPE_API_KEY={NEAR}",
    "indented": f"   DASHSCOPE_API_KEY={NEAR}", "blanks around =": f"DASHSCOPE_API_KEY = {NEAR}  ",
    "double quotes": f'DASHSCOPE_API_KEY="{NEAR}"', "single quotes": f"export DASHSCOPE_API_KEY='{NEAR}'",
    "comment": f"DASHSCOPE_API_KEY={NEAR} # mine", "comment after quotes": f'DASHSCOPE_API_KEY="{NEAR}" # mine',
    "comment, tab": f"DASHSCOPE_API_KEY={NEAR}\t# mine", "comment holding a quote": f"DASHSCOPE_API_KEY={NEAR} # it's mine",
    "comment lines around": f"# DASHSCOPE_API_KEY={OTHER}\nDASHSCOPE_API_KEY={NEAR}\n#DASHSCOPE_API_KEY={OTHER}",
    "CRLF": f"QWEN_REGION=cn-beijing\r\nDASHSCOPE_API_KEY={NEAR}\r\n", "cmd": f"set DASHSCOPE_API_KEY={NEAR}",
    "PowerShell": f'$env:DASHSCOPE_API_KEY="{NEAR}"', "PowerShell, blanks": f"$Env:DASHSCOPE_API_KEY = '{NEAR}'",
    "bash": f"declare -x DASHSCOPE_API_KEY={NEAR}", "a pasted name twice": f"DASHSCOPE_API_KEY= {NEAR}\t",
    "no line end": f"\n\nDASHSCOPE_API_KEY={NEAR}", "the last line counts": f"DASHSCOPE_API_KEY={OTHER}\nDASHSCOPE_API_KEY={NEAR}",
    "text that is no assignment": f"hello\n=\n==x\n[section]\nDASHSCOPE_API_KEY={NEAR}\nend",
}


@pytest.mark.parametrize("text", LINES.values(), ids=LINES)
def test_line_is_understood(text):
    assert parse_env(text)["DASHSCOPE_API_KEY"] == NEAR


@pytest.mark.parametrize("text, value", [("'a # b'", "a # b"), ('"a # b"', "a # b"), ("a#b", "a#b"), ("# a", None), ("a b", "a b"),
                                         ("'a", "'a"), ('""', None), (r'"a\"b"', 'a"b'), (r'"a\n"', "a\n"), ("a=b", "a=b"), ("'$HOME'", "$HOME")])
def test_value(text, value):
    assert parse_env("QWEN_BASE_URL=" + text).get("QWEN_BASE_URL") == value


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_byte_order_mark_and_line_ends(find, work, encoding, end):
    put(work, line(NEAR) + end + "# 注释" + end + "QWEN_REGION=us-east-1" + end, encoding=encoding)
    found = find()
    assert (found.key.value, found.key.trimmed, found.endpoint.region, found.warnings) == (NEAR, (), "us-east-1", [])


def test_stray_bytes_do_not_hide_the_key(find, work):
    (work / ".env").write_bytes(b"# \xff\xfe\x80 caf\xe9\n" + line(NEAR).encode())
    assert find().key.value == NEAR


@pytest.mark.parametrize("content", [bytes(range(256)) * 8, b"\0" * 1000, b"\x7fELF" + os.urandom(5000), b""],
                         ids=["every byte", "zeros", "a program", "empty"])
def test_binary_file_is_harmless(find, work, content):
    (work / ".env").write_bytes(content)
    assert find().key.kind == key_guard.MISSING


def test_huge_file_is_ignored_with_a_warning(find, work, settings):
    put(settings, line(HOME_KEY))
    path = put(work, line(FAR), "#" * (1 << 20))
    found = find()
    assert found.key.value == HOME_KEY and path in found.warnings[0] and "larger" in found.warnings[0]


def test_unreadable_file_is_passed_over_with_a_warning(find, work, settings, monkeypatch):
    put(settings, line(HOME_KEY))
    path = put(work, line(FAR))

    def guarded(name, *arguments):
        if name == path:
            raise PermissionError(13, "Permission denied", name)
        return open_own(name, *arguments)
    monkeypatch.setattr(account, "open_own", guarded)
    found = find()
    assert found.key.value == HOME_KEY and found.warnings == [f"{path} could not be read: Permission denied"]


@pytest.mark.parametrize("text", [
    "export FOO=1 {}", "FOO=1; {}", "FOO=1 && export {}", "FOO=1\r{}\r", "# mine\r{}\r", "dashscope_api_key={key}", "DASHSCOPE-API-KEY={key}",
    "DASHSCOPE_API_KEY: {key}", 'Environment="{}"', "DASHSCOPE_API_KEY=\\\n{key}", 'DASHSCOPE_API_KEY="\n{key}\n"'])
def test_a_line_with_a_key_that_is_not_read_is_named(find, work, text):
    path = put(work, "", text.format(line(NEAR), key=NEAR))
    found = find()
    assert found.key.kind == key_guard.MISSING
    assert found.warnings == [f"{path}, line 2: DASHSCOPE_API_KEY is not set by a line DASHSCOPE_API_KEY=value of its own, so it is ignored"]


@pytest.mark.parametrize("text", [
    "{name}='{key}'; export DASHSCOPE_API_KEY", "{name}={key};", "{name}={key} ; export DASHSCOPE_API_KEY", "{name}={key} && echo ok",
    '{name}="{key}" && export DASHSCOPE_API_KEY', "{name}=={key}", "export {name}={key} # DASHSCOPE_API_KEY=other"])
def test_a_line_that_a_shell_reads_as_well_sets_the_key(find, work, text):
    put(work, text.format(name="DASHSCOPE_API_KEY", key=NEAR))
    assert (find().key.value, find().key.trimmed, find().warnings) == (NEAR, (), [])


@pytest.mark.parametrize("text", ["KEY=$DASHSCOPE_API_KEY", "# DASHSCOPE_API_KEY=", "A=1 # DASHSCOPE_API_KEY=x", "MY_DASHSCOPE_API_KEY=x",
                                  "NOTE='see DASHSCOPE_API_KEY'"])
def test_a_line_that_only_speaks_of_a_key_is_none(find, work, text):
    put(work, text)
    assert (find().key.kind, find().warnings) == (key_guard.MISSING, [])


def test_a_second_variable_of_a_line_is_named(find, work):
    put(work, line(NEAR) + "; QWEN_REGION=us-east-1")
    assert find().key.value == NEAR and "line 1: QWEN_REGION is not set by a line" in find().warnings[0]


def test_folder_named_env_is_passed_over(find, work, settings):
    put(settings, line(HOME_KEY))
    (work / ".env").mkdir()
    assert find().key.value == HOME_KEY


# ---- the key -----------------------------------------------------------------------------------------------------------

def test_second_name_of_the_key(find, work):
    assert find(QIANWEN_API_KEY=OTHER).key_source == "QIANWEN_API_KEY in the environment"
    assert find(QIANWEN_API_KEY=OTHER, DASHSCOPE_API_KEY=NEAR).key.value == NEAR
    assert find(QIANWEN_API_KEY=OTHER, DASHSCOPE_API_KEY=" ").key.value == OTHER
    path = put(work, "QIANWEN_API_KEY=" + OTHER)
    assert (find().key.value, find().key_source) == (OTHER, "QIANWEN_API_KEY in " + path)
    put(work, "QIANWEN_API_KEY=" + OTHER, line(NEAR))
    assert find().key.value == NEAR


def test_no_key(find):
    found = find()
    assert (found.key.kind, found.key_source, found.warnings) == (key_guard.MISSING, "", [])


def test_every_key_found_is_a_secret(settings_of, work, settings):
    before = "sk-" + OTHER[3:][::-1]
    put(work, line(before), line(f'"{FAR}"'), "QIANWEN_API_KEY=" + OTHER)
    put(settings, line(HOME_KEY))
    found = settings_of(DASHSCOPE_API_KEY=f"Bearer {NEAR}")
    assert set(found.secrets) == {NEAR, FAR, OTHER, HOME_KEY, before}  # a line that a later one replaces as well


def test_unused_standard_key_is_named_beside_a_plan_key(find, work):
    path = put(work, line(STANDARD_KEY))
    assert find(DASHSCOPE_API_KEY=PLAN_KEY).spare == "DASHSCOPE_API_KEY in " + path
    assert find(DASHSCOPE_API_KEY=OTHER).spare == ""


# ---- the base URL: a stranger's project must not get your key ------------------------------------------------------------

def test_base_url_of_the_environment_always_counts(find, work):
    put(work, line(FAR))
    found = find(QWEN_BASE_URL=EVIL)
    assert (found.endpoint.host, found.endpoint_source) == ("evil.example.com", "QWEN_BASE_URL in the environment")


def test_base_url_counts_beside_its_key(find, work):
    path = put(work, "QWEN_BASE_URL=https://gateway.example.com/team", line(FAR))
    found = find(QIANWEN_TRUST_PROJECT="1")
    assert (found.endpoint.native, found.endpoint_source, found.warnings) == \
        ("https://gateway.example.com/team/api/v1", "QWEN_BASE_URL in " + path, [])


STOLEN = {  # where the key is: lines of the project file, lines of a file farther up, lines of the home file, environment
    "key in the environment": ([], [], [], {"DASHSCOPE_API_KEY": OTHER}),
    "key under its second name in the environment": ([], [], [], {"QIANWEN_API_KEY": OTHER}),
    "key in the home file": ([], [], [line(HOME_KEY)], {}),
    "key in another file of the project": ([], [line(FAR)], [], {}),
    "the file has a key, but the environment's wins": ([line(NEAR)], [], [], {"DASHSCOPE_API_KEY": OTHER}),
    "no key at all": ([], [], [], {}),
}


@pytest.mark.parametrize("near, far, at_home, environ", STOLEN.values(), ids=STOLEN)
def test_base_url_without_its_key_is_ignored_with_a_warning(find, work, settings, near, far, at_home, environ):
    path = put(work / "a", "QWEN_BASE_URL=" + EVIL, *near)
    put(work, *far)
    put(settings, *at_home)
    found = find(work / "a", **environ)
    assert (found.endpoint.host, found.endpoint.kind) == ("dashscope.aliyuncs.com", key_guard.DASHSCOPE)
    assert len(found.warnings) == 1 and path in found.warnings[0] and "ignored" in found.warnings[0]


def test_ignored_base_url_leaves_the_region_as_it_is(find, work):
    put(work, "QWEN_BASE_URL=" + EVIL)
    found = find(DASHSCOPE_API_KEY=OTHER, QWEN_REGION="ap-southeast-1")
    assert (found.endpoint.host, found.endpoint_source) == ("dashscope-intl.aliyuncs.com", "QWEN_REGION in the environment")


def test_ignored_base_url_lets_a_farther_legal_one_count(find, work):
    put(work / "a", "QWEN_BASE_URL=" + EVIL)
    put(work, line(FAR), "QWEN_BASE_URL=https://dashscope-intl.aliyuncs.com")
    assert find(work / "a").endpoint.host == "dashscope-intl.aliyuncs.com"


def test_malformed_base_url_that_does_not_count_is_no_error(find, work):
    put(work, "QWEN_BASE_URL=nonsense")
    assert find(DASHSCOPE_API_KEY=OTHER).endpoint.kind == key_guard.DASHSCOPE
    put(work, "QWEN_BASE_URL=nonsense", line(FAR))
    with pytest.raises(key_guard.BadEndpoint):
        find()


def test_base_url_over_region_is_said(find):
    found = find(QWEN_BASE_URL="https://dashscope-intl.aliyuncs.com", QWEN_REGION="cn-beijing")
    assert found.endpoint.region == "ap-southeast-1" and "overrides QWEN_REGION" in found.warnings[0]


def test_real_script_ignores_the_base_url_of_a_strangers_project(run, emulator, work):
    put(work, "QWEN_BASE_URL=" + emulator.url)
    result = run("--check", "--json", key=STANDARD_KEY, base_url=None)
    assert result.document["endpoint"]["url"] == "https://dashscope.aliyuncs.com"
    assert "QWEN_BASE_URL" in result.document["warnings"][0] and str(work / ".env") in result.err


def test_real_script_takes_key_and_base_url_of_one_file(run, emulator, work):
    put(work, "export DASHSCOPE_API_KEY='%s' # mine" % STANDARD_KEY, "QWEN_BASE_URL=" + emulator.url)
    (work / "a").mkdir()
    result = run("hello", key=None, base_url=None, cwd=work / "a")
    assert (result.code, emulator.requests) == (2, []) and "QIANWEN_TRUST_PROJECT=1" in result.err
    result = run("hello", key=None, base_url=None, cwd=work / "a", env={"QIANWEN_TRUST_PROJECT": "1"})
    assert result.code == 0 and [request.key_kind for request in emulator.requests] == ["standard"]


# ---- the guard's mode --------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("value, strict", [("warn", False), ("strict", True), ("STRICT", True), (" strict ", True), ("", False)])
def test_key_guard_mode(find, value, strict):
    assert find(QIANWEN_KEY_GUARD=value).strict is strict


def test_key_guard_mode_is_warn_by_default(find):
    assert find().strict is False


@pytest.mark.parametrize("value", ["off", "no", "0", "1", "strickt", "warn,strict"])
def test_unknown_key_guard_mode_is_an_error(find, work, value):
    with pytest.raises(Failure) as caught:
        find(QIANWEN_KEY_GUARD=value)
    assert value in str(caught.value) and "warn" in caught.value.fix and "strict" in caught.value.fix
    path = put(work, "QIANWEN_KEY_GUARD=" + value)
    with pytest.raises(Failure, match=path):
        find()


def test_unknown_key_guard_mode_ends_the_script(run, emulator):
    result = run("hello", env={"QIANWEN_KEY_GUARD": "off"})
    assert (result.code, emulator.requests) == (2, []) and "QIANWEN_KEY_GUARD" in result.err


@pytest.mark.parametrize("project, at_home, environ, strict", [
    ("warn", "strict", None, True), ("strict", "warn", None, True), ("warn", "warn", None, False), ("warn", "strict", "warn", False),
    ("warn", "warn", "strict", True)])
def test_project_cannot_loosen_the_home_file(find, work, settings, project, at_home, environ, strict):
    put(work, "QIANWEN_KEY_GUARD=" + project)
    put(settings, "QIANWEN_KEY_GUARD=" + at_home)
    assert find(**({"QIANWEN_KEY_GUARD": environ} if environ else {})).strict is strict


def test_list_of_variables_is_complete():
    assert set(account.VARIABLES) == {"DASHSCOPE_API_KEY", "QIANWEN_API_KEY", "QWEN_BASE_URL", "QWEN_REGION", "QIANWEN_KEY_GUARD", "QIANWEN_BUDGET",
                                      "QIANWEN_TRUST_PROJECT", "DASHSCOPE_WORKSPACE", "DASHSCOPE_REGION"}


# ---- a project's file may be a stranger's --------------------------------------------------------------------------------

STRANGE = ("https://gateway.example.com/v1", "http://127.0.0.1:8081", "https://dashscope.aliyuncs.com.evil.com")


@pytest.mark.parametrize("url", STRANGE)
def test_a_project_may_not_choose_a_foreign_host(find, work, settings, url):
    path = put(work, line(NEAR), "QWEN_BASE_URL=" + url, "QIANWEN_TRUST_PROJECT=1")
    put(settings, line(HOME_KEY))
    with pytest.raises(Failure, match=path) as caught:
        find()
    assert "QIANWEN_TRUST_PROJECT=1" in caught.value.fix and "/v1" not in str(caught.value)
    with pytest.raises(Failure):
        find(QIANWEN_TRUST_PROJECT="0")


@pytest.mark.parametrize("url", STRANGE)
@pytest.mark.parametrize("at_home", [False, True])
def test_the_users_yes_lets_a_project_choose(find, work, settings, url, at_home):
    put(work, line(NEAR), "QWEN_BASE_URL=" + url)
    put(settings, "QIANWEN_TRUST_PROJECT=1" if at_home else "")
    found = find(**({} if at_home else {"QIANWEN_TRUST_PROJECT": "1"}))
    assert (found.key.value, found.endpoint.host in url) == (NEAR, True)


@pytest.mark.parametrize("url", STRANGE)
def test_a_key_of_the_environment_ignores_the_projects_host(find, work, url):
    put(work, line(NEAR), "QWEN_BASE_URL=" + url)
    found = find(DASHSCOPE_API_KEY=OTHER)
    assert (found.key.value, found.endpoint.kind, len(found.warnings)) == (OTHER, key_guard.DASHSCOPE, 1)


def test_the_home_file_may_choose_any_host(find, settings):
    put(settings, line(HOME_KEY), "QWEN_BASE_URL=https://gateway.example.com")
    assert find().endpoint.host == "gateway.example.com"


@pytest.mark.parametrize("value", ["yes", "true", "2", "1 0"])
def test_half_a_yes_is_an_error(find, work, value):
    put(work, line(NEAR), "QWEN_BASE_URL=https://gateway.example.com")
    with pytest.raises(Failure, match="QIANWEN_TRUST_PROJECT"):
        find(QIANWEN_TRUST_PROJECT=value)


def test_a_strangers_project_gets_no_file_of_the_user(run, emulator, work, settings, tmp_path):
    """The project brings a key, a host and a batch that names a private file."""
    (tmp_path / "private").write_text("PRIVATE")
    put(settings, line(HOME_KEY))
    put(work, line(STANDARD_KEY), "QWEN_BASE_URL=" + emulator.url)
    (work / "rows.jsonl").write_text('{"prompt":"x","attach":"../private"}\n')
    result = run("--batch", "rows.jsonl", "-o", "out/", "-q", key=None, base_url=None)
    assert (result.code, emulator.requests) == (2, []) and "QIANWEN_TRUST_PROJECT" in result.err


@pytest.mark.parametrize("setting", [f"DASHSCOPE_WORKSPACE=token-plan", "QWEN_BASE_URL=https://token-plan.maas.qianwenaiapi.com"])
def test_a_plan_host_of_a_project_is_refused_by_the_guard(run, work, setting):
    put(work, line(STANDARD_KEY), setting)
    result = run("hello", key=None, base_url=None)
    assert result.code == 3 and "Token Plan endpoint" in result.err and "Nothing was sent" in result.err


# ---- files that are not the user's own -----------------------------------------------------------------------------------

POSIX = pytest.mark.skipif(os.name != "posix", reason="links, pipes and modes of POSIX")


@POSIX
@pytest.mark.parametrize("make, why", [
    (lambda path: os.mkfifo(path), "not a regular file"), (lambda path: os.symlink("/dev/zero", path), "it is a link"),
    (lambda path: os.symlink("other", path), "it is a link"),
    (lambda path: (open(path, "w").close(), os.chmod(path, 0o666)), "others may write to it"),
], ids=["pipe", "endless device", "link", "open to all"])
def test_what_is_not_the_users_own_file_is_named_and_passed_over(find, work, settings, make, why):
    put(settings, line(HOME_KEY))
    (work / "other").write_text(line(FAR))
    make(str(work / ".env"))
    found = find()
    assert found.key.value == HOME_KEY and [why in warning for warning in found.warnings] == [True]
    assert str(work / ".env") in found.warnings[0]


@POSIX
def test_the_home_file_may_be_a_link_of_the_user(find, tmp_path, settings):
    path = put(tmp_path / "dotfiles", line(HOME_KEY))
    settings.mkdir(parents=True)
    (settings / ".env").symlink_to(path)
    assert find().key.value == HOME_KEY and find().warnings == []


@POSIX
@pytest.mark.parametrize("who", ["stranger's file", "stranger's .git", "open .git"])
def test_other_users_files_do_not_count(find, work, settings, monkeypatch, who):
    """The folder above belongs to somebody else, as in /tmp; user ids are only told, so that no second user is needed."""
    put(settings, line(HOME_KEY))
    path = put(work, line(FAR))
    (work / "a").mkdir()
    if who == "open .git":
        os.chmod(work / ".git", 0o777)
    else:
        theirs = os.stat(path if who == "stranger's file" else work / ".git").st_ino
        real = account.is_private
        monkeypatch.setattr(account, "is_private", lambda found: found.st_ino != theirs and real(found))
    found = find(work / "a")
    assert found.key.value == HOME_KEY and len(found.warnings) == 1 and path in found.warnings[0]


@pytest.mark.parametrize("mark", ["\u2028", "\u2029", "\x85", "\x0c", "\x0b", "\x1c", "\r"], ids=ascii)
def test_one_visible_line_holds_one_variable(mark):
    assert parse_env(f"# a comment{mark}QWEN_BASE_URL={EVIL}") == {}
    assert set(parse_env(f"X=1{mark}DASHSCOPE_API_KEY={OTHER}\nDASHSCOPE_API_KEY={NEAR}")) == {"DASHSCOPE_API_KEY"}
    assert parse_env(f"X=1{mark}DASHSCOPE_API_KEY={OTHER}") == {}


@pytest.mark.parametrize("blank", ["'   '", "\u200b", '"\ufeff"', "\u00a0", "'Bearer '", '"\'\'"'], ids=ascii)
def test_blank_key_of_a_project_does_not_hide_the_users_own(find, work, settings, blank):
    put(settings, line(HOME_KEY))
    put(work, line(blank), "QWEN_REGION=" + ("''" if "Bearer" in blank else blank))
    found = find()
    assert (found.key.value, found.endpoint.region, found.warnings) == (HOME_KEY, "cn-beijing", [])


@pytest.mark.parametrize("text", [f"set -x DASHSCOPE_API_KEY {NEAR}", f"setx DASHSCOPE_API_KEY {NEAR}", f"DASHSCOPE_API_KEY: {NEAR}",
                                  f'set "DASHSCOPE_API_KEY={NEAR}"', f"DASHSCOPE_API_KEY {NEAR}"])
def test_line_that_is_not_understood_is_named(find, work, text):
    path = put(work, "# DASHSCOPE_API_KEY: a comment", text, "OTHER=$DASHSCOPE_API_KEY")
    assert [f"{path}, line 2: DASHSCOPE_API_KEY" in warning for warning in find().warnings] == [True]


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "NO_PROXY", "SSL_CERT_FILE"])
def test_variables_that_only_the_environment_sets_are_named(find, work, settings, name):
    """A project's file may not choose a proxy; a silent line would be taken for one that counts."""
    path = put(work, f"export {name}=evil.example.com:3128", f"{name}=x", f"#{name}=y")
    warning, = find().warnings
    assert warning.startswith(f"{name} in {path} is ignored") and "environment" in warning
    assert find(**{name: "mine"}).warnings == []


# ---- other variables -----------------------------------------------------------------------------------------------------

def test_budgets_are_collected_as_written(find, work, settings):
    path, at_home = put(work, "QIANWEN_BUDGET=5/day # mine"), put(settings, "QIANWEN_BUDGET=''\nQIANWEN_BUDGET=100/month")
    assert find(QIANWEN_BUDGET=" 20 ").budgets == [("20", "the environment"), ("5/day", path), ("100/month", at_home)]
    assert find(QIANWEN_BUDGET=" ").budgets == [("5/day", path), ("100/month", at_home)]


@pytest.mark.parametrize("environ, host, region", [
    ({"DASHSCOPE_REGION": "ap-southeast-1"}, "dashscope-intl.aliyuncs.com", "ap-southeast-1"),
    ({"DASHSCOPE_REGION": "ap-southeast-1", "QWEN_REGION": "us-east-1"}, "dashscope-us.aliyuncs.com", "us-east-1"),
    ({"DASHSCOPE_WORKSPACE": "ws-1"}, "ws-1.cn-beijing.maas.aliyuncs.com", "cn-beijing"),
    ({"DASHSCOPE_WORKSPACE": "ws-1", "DASHSCOPE_REGION": "eu-central-1"}, "ws-1.eu-central-1.maas.aliyuncs.com", "eu-central-1"),
    ({"DASHSCOPE_WORKSPACE": "ws-1", "QWEN_REGION": "us-east-1"}, "ws-1.us-east-1.maas.aliyuncs.com", "us-east-1"),
    ({"DASHSCOPE_WORKSPACE": "ws-1", "QWEN_BASE_URL": "https://dashscope.aliyuncs.com"}, "dashscope.aliyuncs.com", "cn-beijing"),
    ({"DASHSCOPE_REGION": "eu-central-1", "QWEN_REGION": "cn-beijing"}, "dashscope.aliyuncs.com", "cn-beijing")])
def test_variables_of_the_newer_sdk(find, environ, host, region):
    found = find(DASHSCOPE_API_KEY=OTHER, **environ)
    assert (found.endpoint.host, found.endpoint.region, found.endpoint.kind) == (host, region, key_guard.DASHSCOPE)


@pytest.mark.parametrize("environ, word", [
    ({"DASHSCOPE_REGION": "mars-1"}, "DASHSCOPE_REGION"), ({"DASHSCOPE_REGION": "eu-central-1"}, "DASHSCOPE_REGION"),
    ({"DASHSCOPE_WORKSPACE": "a.b"}, "DASHSCOPE_WORKSPACE"), ({"DASHSCOPE_WORKSPACE": "evil.com/"}, "DASHSCOPE_WORKSPACE"),
    ({"DASHSCOPE_WORKSPACE": "x@evil"}, "DASHSCOPE_WORKSPACE")])
def test_impossible_values_of_the_newer_sdks_variables(find, environ, word):
    with pytest.raises((Failure, key_guard.BadEndpoint), match=word):
        find(DASHSCOPE_API_KEY=OTHER, **environ)


def test_workspace_of_a_project_needs_its_key(find, work):
    put(work, "DASHSCOPE_WORKSPACE=ws-1")
    found = find(DASHSCOPE_API_KEY=OTHER)
    assert found.endpoint.host == "dashscope.aliyuncs.com" and "DASHSCOPE_WORKSPACE" in found.warnings[0]


@pytest.mark.parametrize("proxy", ["http://user:Pr0xyS3cret@proxy:3128", "http:/user:Pr0xyS3cret@h", "/user:Pr0xyS3cret@h",
                                   "socks5://:Pr0xyS3cret@h", "http://user:Pr0xy%53%33cret@h"])
@pytest.mark.parametrize("name", ["HTTPS_PROXY", "all_proxy"])
def test_password_of_a_proxy_is_a_secret(settings_of, name, proxy):
    assert "Pr0xyS3cret" in settings_of(**{name: proxy}).secrets


def test_password_with_a_sign_of_its_own_is_a_secret_as_python_reads_it(settings_of):
    secrets = settings_of(HTTPS_PROXY="http://user:Pr0xy@S3cret@proxy:3128").secrets
    assert "Pr0xy@S3cret" in secrets
    assert "Pr0xyS3cret" in settings_of(HTTPS_PROXY="http://user:Pr0xyS3cret@proxy/a@b").secrets


@pytest.mark.parametrize("word", ["ollama", "lm-studio", "not-needed", "password", "Secret", "OLLAMA"])
def test_an_everyday_word_as_key_or_password_is_cut_out_of_nothing(settings_of, word):
    assert settings_of(DASHSCOPE_API_KEY=word, HTTPS_PROXY=f"http://user:{word}@proxy:1").secrets == ()


@pytest.mark.parametrize("key", ["oLLama", "ollama1", "sk-ollama", "my-company-gateway", "qXwZkVbNpRtYsJd"])
def test_what_is_no_everyday_word_stays_a_secret(settings_of, key):
    assert settings_of(DASHSCOPE_API_KEY=key).secrets == (key,)


def test_without_a_home_folder_the_variable_is_named(work, monkeypatch):
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    (work / "~" / ".config" / "qianwen").mkdir(parents=True)
    put(work / "~" / ".config" / "qianwen", line(FAR), "QIANWEN_TRUST_PROJECT=1")
    with pytest.raises(Failure) as caught:
        find_account(Settings({}, str(work)))
    assert "HOME" in caught.value.fix and "XDG_STATE_HOME" in caught.value.fix
    found = find_account(Settings({"XDG_STATE_HOME": str(work / "state")}, str(work)))
    assert found.state == str(work / "state" / "qianwen") and found.key.kind == key_guard.MISSING


def test_tilde_of_the_state_folder_is_expanded(find):
    assert find(XDG_STATE_HOME="~/x").state == os.path.join(os.path.expanduser("~"), "x", "qianwen")
