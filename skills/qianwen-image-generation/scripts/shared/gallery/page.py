"""A folder of generated pictures, videos and sounds as one page:
`index.html`, made from the .json files beside them.

The page is rebuilt whole each time, so nothing is kept but the .json files. It needs no server and no
network: it is opened from the disk, and its Content-Security-Policy lets nothing in but media of its own
folder. What the .json files say is foreign text (prompts, names, whatever the service rewrote): all of it is
escaped, nothing of it is trusted.
"""
from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from datetime import datetime, timezone
from html import escape
from string import Template
from urllib.parse import quote

from ..failures import Exit, Failure, usage
from ..files import probe
from ..files.names import expanded
from ..files.own import open_own, read_own
from ..files.whole import whole
from ..words import data_size


def gallery_of(folder: str, overwrite: bool, console) -> str:
    """Renew the page of a folder; one that cannot be written is warned of, because the files are there."""
    try:
        path = write(folder or ".", overwrite)["path"]
        console.note(f"the gallery is {path}")
        return path
    except Failure as failure:
        console.warn(failure.message, failure.fix)
        return ""


def gallery_alone(options, console) -> None:
    """`--gallery` without anything to make: the page of --output is renewed."""
    folder = expanded(options.output or ".")
    if not os.path.isdir(folder):
        raise usage(f"--gallery: {folder} is not a folder",
                    "name the folder with the files: --gallery -o DIR")
    entry = write(folder, options.overwrite)
    if console.json_mode:
        console.document({"ok": True, "skill": console.skill, "files": [entry], "warnings": console.warnings})
    else:
        console.result(entry["path"] + "\n")


def page_after(session) -> dict:
    """The page at the end of a batch, where one is wanted; proven writable now."""
    options = session.options
    if options.batch is None or not options.gallery:
        return {}
    check(expanded(options.output or "."), options.overwrite)
    return {"after": lambda folder: gallery_of(folder, options.overwrite, session.console)}


INDEX = "index.html"
MARKER = "<!-- qianwen-gallery"  # near the top of a page of ours; without it, the page is someone else's
_MARKER_WITHIN = 512  # bytes
_LARGEST = 1_000_000  # bytes of a .json file; ours have a few thousand
_LONGEST = 8_000  # characters of one text on the page
_ROUNDS = 5
_KINDS = {"image": ("picture", "pictures"), "video": ("video", "videos"), "audio": ("sound", "sounds")}
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def check(folder: str, overwrite: bool) -> None:
    """Refuse, before anything is paid, a folder whose `index.html` is not ours. The folder may be missing."""
    _refuse_foreign(folder, overwrite, "; nothing was sent")


def write(folder: str, overwrite: bool = False) -> dict:
    """Make the page again from all .json files of the folder; return its entry of the JSON document.

    Raises Failure EXISTS for an `index.html` that is not ours, UNSAVED when the page cannot be written.
    """
    _refuse_foreign(folder, overwrite)
    path = os.path.join(folder, INDEX)
    try:
        for _ in range(_ROUNDS):  # another process may have added a picture, and written a page without ours
            seen = _json_files(folder)
            data = _page(_title(folder), _items(folder, seen)).encode("utf-8", "replace")
            with whole(path) as file:
                file.write(data)
            if _json_files(folder) == seen:
                break
    except OSError as error:
        raise Failure(Exit.UNSAVED, f"the gallery {path} could not be written: {error.strerror or error}",
                      fix="make the folder writable, then run the next command with --gallery: "
                          "it rebuilds the page from all results in the folder") from error
    return {"path": path, "bytes": len(data), "media_type": "text/html"}


def _refuse_foreign(folder: str, overwrite: bool, note: str = "") -> None:
    path = os.path.join(folder, INDEX)
    if os.path.isdir(path) and not os.path.islink(path):
        raise Failure(Exit.EXISTS, f"{path} is a folder{note}",
                      fix="rename it, or choose another folder with --output")
    if os.path.lexists(path) and not overwrite and not _is_ours(path):
        raise Failure(Exit.EXISTS, f"{path} exists already and is not a gallery of these skills{note}",
                      fix="choose another folder with --output, or add --overwrite to replace the page")


def _is_ours(path: str) -> bool:
    if not os.path.isfile(path):  # a pipe would never end
        return False
    try:
        with os.fdopen(open_own(path), "rb") as file:
            return MARKER.encode() in file.read(_MARKER_WITHIN)
    except OSError:
        return False


def _title(folder: str) -> str:
    return os.path.basename(os.path.abspath(folder)) or "Gallery"


def _json_files(folder: str) -> list:
    """(name, size, time of change) of every .json file that could be ours, in a steady order."""
    found = []
    with os.scandir(folder or os.curdir) as entries:
        for entry in entries:
            try:
                is_json = entry.name.lower().endswith(".json") and entry.is_file()
                if is_json and entry.stat().st_size <= _LARGEST:
                    found.append((entry.name, entry.stat().st_size, entry.stat().st_mtime_ns))
            except OSError:  # gone meanwhile
                continue
    return sorted(found)


def _items(folder: str, names: list) -> list:
    """What can be shown, newest first; what several .json files name is shown once."""
    items = {}
    for name, *_ in names:
        item = _read(os.path.join(folder, name))
        if item and item["file"] != INDEX and _is_medium(os.path.join(folder, item["file"]), _kind(item)):
            items.setdefault(item["file"], item)
    return sorted(items.values(), key=_newest_first)


def _read(path: str) -> dict | None:
    """A .json file of ours, or None: a folder may hold anything."""
    try:
        item = json.loads((read_own(path, _LARGEST) or b"").decode("utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(item, dict) or not str(item.get("skill", "")).startswith("qianwen-"):
        return None
    name = item.get("file")
    if not isinstance(name, str) or not name or re.search(r"[/\\\0]", name):
        return None
    return item if _kind(item) in _KINDS else None


def _is_medium(path: str, kind: str) -> bool:
    """Whether the first bytes are of that kind:
    a .json file may name a script or a private file as a picture."""
    try:
        with os.fdopen(open_own(path), "rb") as file:
            found = probe.media_type(file.read(64))
    except (OSError, ValueError):
        return False
    bare_samples = kind == "audio" and not found and path.lower().endswith(".pcm")
    return found.startswith(kind + "/") or bare_samples


def _kind(item: dict) -> str:
    return str(item.get("media_type", "")).partition("/")[0]


def _newest_first(item: dict) -> tuple:
    moment = _created(item)
    age = -(moment - _EPOCH).total_seconds() if moment else float("inf")
    return age, _natural(item["file"]), _whole(item.get("number"))


def _created(item: dict) -> datetime | None:
    try:
        created = str(item.get("created", "")).replace("Z", "+00:00")  # 3.9 does not know Z
        moment = datetime.fromisoformat(created)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def _natural(name: str) -> list:
    """Sorts fox-2 before fox-10."""
    return [int(part) if place % 2 else part for place, part in enumerate(re.split(r"(\d+)", name.lower()))]


def _whole(value, most: int = 1_000_000) -> int:
    """A count, or 0 for what is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= most else 0


def _page(title: str, items: list) -> str:
    cards = "\n".join(_card(item) for item in items) or '<li class="empty">Nothing here yet.</li>'
    style, script = _own_file("page.css"), _own_file("page.js")
    return Template(_own_file("page.html")).substitute(
        marker=MARKER, policy=_policy(style, script), style=style, script=script, title=_text(title),
        count=_count(items), tools=_tools(items) if items else "", cards=cards)


def _own_file(name: str) -> str:
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), name)
    with open(path, encoding="utf-8", newline="") as file:
        return file.read()


def _policy(style: str, script: str) -> str:
    """`file:` is there because not every browser takes a folder on the disk for 'self'."""
    here = "'self' file:"
    return (f"default-src 'none'; img-src {here} data:; media-src {here}; style-src {_sha256(style)}; "
            f"script-src {_sha256(script)}; base-uri 'none'; form-action 'none'")


def _sha256(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _count(items: list) -> str:
    kinds = [_kind(item) for item in items]
    counts = [(kinds.count(kind), *words) for kind, words in _KINDS.items()]
    shown = [f"{count} {one if count == 1 else many}" for count, one, many in counts if count]
    return ", ".join(shown) or "0 pictures"


def _tools(items: list) -> str:
    models = sorted({_text(item.get("model")) for item in items} - {""})
    options = "".join(f'<option value="{model}">{model}</option>' for model in models)
    select = f'<select id="model" aria-label="Model"><option value="">All models</option>{options}</select>'
    return ('<div class="tools" role="search">'
            '<input id="search" type="search" aria-label="Search prompts and models" '
            'placeholder="Search prompts and models" autocomplete="off">'
            f'{select if len(models) > 1 else ""}</div>')


def _card(item: dict) -> str:
    prompt = _text(item.get("prompt"))
    words = f'<p class="prompt" lang="" dir="auto">{prompt}</p>' if prompt else ""
    copy = '<button class="copy" type="button">Copy prompt</button>' if prompt else ""
    return (f'<li class="card" data-model="{_text(item.get("model"))}">{_media(item)}{words}'
            f'<p class="facts">{_facts(item)}</p>'
            '<div class="more"><details><summary>Details</summary>'
            f'<dl>{_details(item)}</dl></details>{copy}</div></li>')


def _media(item: dict) -> str:
    kind, url = _kind(item), _url(item["file"])
    label = _text(item.get("prompt"), 500) or _text(item["file"])
    width, height = _whole(item.get("width")), _whole(item.get("height"))
    box = f' width="{width}" height="{height}"' if width and height else ""
    if kind == "image":
        return (f'<a class="mat" href="{url}">'
                f'<img src="{url}" alt="{label}"{box} loading="lazy" decoding="async"></a>')
    if kind == "video":
        return (f'<div class="mat"><video src="{url}" aria-label="{label}"{box} '
                'controls playsinline preload="metadata"></video></div>')
    return (f'<div class="mat sound">{_WAVE}'
            f'<audio src="{url}" aria-label="{label}" controls preload="none"></audio></div>')


def _facts(item: dict) -> str:
    """What stands below the prompt: the model, then size, seed and date,
    which break between but not within."""
    width, height, seed = _whole(item.get("width")), _whole(item.get("height")), _text(item.get("seed"), 40)
    size, model = f"{width}\u2009×\u2009{height}" if width and height else "", _text(item.get("model"))
    facts = [f"<span>{fact}</span>" for fact in (size, seed and f"seed {seed}") if fact]
    facts += _date(_created(item))
    return (f'<span class="model">{model}</span>' if model else "") + "&nbsp;· ".join(facts)


def _date(moment: datetime | None) -> list:
    if not moment:
        return []
    stamp = f"{_utc(moment):%Y-%m-%d %H:%M} UTC"
    return [f'<time datetime="{moment.isoformat()}" title="{stamp}">{stamp}</time>']


def _utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(timezone.utc)
    except OverflowError:  # the first or last day there is
        return moment


def _details(item: dict) -> str:
    number, of = _whole(item.get("number")), _whole(item.get("of"))
    size = _whole(item.get("bytes"), 1 << 50)
    behind = f" ({data_size(size)})" if size else ""
    rows = [
        ("Prompt as rewritten", [item.get("actual_prompt")]), ("Negative prompt", [item.get("negative")]),
        ("Input files", item.get("inputs") if isinstance(item.get("inputs"), list) else [item.get("inputs")]),
        ("Size asked for", [item.get("size")]), ("Result", [f"{number} of {of}" if number and of else ""]),
        ("Parameters", _pairs(item.get("parameters"))), ("Usage", _pairs(item.get("usage"))),
        ("Skill", [item.get("skill")]), ("Request id", [item.get("request_id")]),
        ("Task id", [item.get("task_id")]),
    ]
    file = f'<dt>File</dt><dd><a href="{_url(item["file"])}">{_text(item["file"])}</a>{behind}</dd>'
    return "".join(_row(name, values) for name, values in rows) + file


def _row(name: str, values: list) -> str:
    texts = [text for text in (_text(value) for value in values[:50]) if text]
    if not texts:
        return ""
    return f"<dt>{name}</dt>" + "".join(f'<dd lang="" dir="auto">{text}</dd>' for text in texts)


def _pairs(values) -> list:
    if not isinstance(values, dict):
        return [values]
    return [f"{name}: {_plain(value)}" for name, value in values.items() if value not in (None, "", [], {})]


def _plain(value) -> str:
    """Any JSON value as people read it."""
    if value is None or value in ({}, []):
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _text(value, longest: int = _LONGEST) -> str:
    """Any JSON value as HTML, in an element or in an attribute;
    without the control characters HTML does not know."""
    text = re.sub(r"[\0-\x08\x0b-\x1f\x7f-\x9f]", " ", _plain(value)).strip()
    return escape(text if len(text) <= longest else text[:longest].rstrip() + "…")


def _url(name: str) -> str:
    """A file name as a relative address:
    a colon would make it a scheme, so nothing but letters and digits stays."""
    return quote(os.fsencode(name), safe="")


_WAVE = ('<svg viewBox="0 0 120 40" aria-hidden="true"><path d="'
         "M4 17v6M12 12v16M20 15v10M28 6v28M36 11v18M44 3v34M52 9v22M60 14v12"
         'M68 5v30M76 10v20M84 2v36M92 12v16M100 8v24M108 15v10M116 18v4"/></svg>')
