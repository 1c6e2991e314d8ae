"""A folder of generated pictures, videos and sounds as one page: `index.html`, made from the .json files beside them.

The page is rebuilt whole each time, so nothing is kept but the .json files. It needs no server and no network: it is
opened from the disk, and its Content-Security-Policy lets nothing in but media of its own folder. What the .json files
say is foreign text (prompts, names, whatever the service rewrote): all of it is escaped, nothing of it is trusted.
"""
from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from datetime import datetime, timezone
from html import escape
from urllib.parse import quote

from ..failures import Exit, Failure, usage
from ..files.whole import whole


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
    folder = options.output or "."
    if not os.path.isdir(folder):
        raise usage(f"--gallery: {folder} is no folder", "name the folder with the files: --gallery -o DIR")
    entry = write(folder, options.overwrite)
    if console.json_mode:
        console.document({"ok": True, "skill": console.skill, "files": [entry], "warnings": console.warnings})
    else:
        console.result(entry["path"] + "\n")


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
    """Make the page anew from all .json files of the folder; return its entry of the JSON document.

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
                      fix="make the folder writable, then run the next command with --gallery: the page is made anew from "
                      "all results of the folder") from error
    return {"path": path, "bytes": len(data), "media_type": "text/html"}


def _refuse_foreign(folder: str, overwrite: bool, note: str = "") -> None:
    path = os.path.join(folder, INDEX)
    if os.path.isdir(path) and not os.path.islink(path):
        raise Failure(Exit.EXISTS, f"{path} is a folder{note}", fix="rename it, or choose another folder with --output")
    if os.path.lexists(path) and not overwrite and not _is_ours(path):
        raise Failure(Exit.EXISTS, f"{path} exists already and is not a gallery of these skills{note}",
                      fix="choose another folder with --output, or add --overwrite to replace the page")


def _is_ours(path: str) -> bool:
    if not os.path.isfile(path):  # a pipe would never end
        return False
    try:
        with open(path, "rb") as file:
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
                if entry.name.lower().endswith(".json") and entry.is_file() and entry.stat().st_size <= _LARGEST:
                    found.append((entry.name, entry.stat().st_size, entry.stat().st_mtime_ns))
            except OSError:  # gone meanwhile
                continue
    return sorted(found)


def _items(folder: str, names: list) -> list:
    """What can be shown, newest first; what several .json files name is shown once."""
    items = {}
    for name, *_ in names:
        item = _read(os.path.join(folder, name))
        if item and item["file"] != INDEX and os.path.isfile(os.path.join(folder, item["file"])):
            items.setdefault(item["file"], item)
    return sorted(items.values(), key=_newest_first)


def _read(path: str) -> dict | None:
    """A .json file of ours, or None: a folder may hold anything."""
    try:
        with open(path, encoding="utf-8-sig") as file:
            item = json.load(file)
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(item, dict) or not str(item.get("skill", "")).startswith("qianwen-"):
        return None
    name = item.get("file")
    if not isinstance(name, str) or not name or re.search(r"[/\\\0]", name):
        return None
    return item if _kind(item) in _KINDS else None


def _kind(item: dict) -> str:
    return str(item.get("media_type", "")).partition("/")[0]


def _newest_first(item: dict) -> tuple:
    moment = _created(item)
    age = -(moment - _EPOCH).total_seconds() if moment else float("inf")
    return age, _natural(item["file"]), _whole(item.get("number"))


def _created(item: dict) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(item.get("created", "")).replace("Z", "+00:00"))  # 3.9 does not know Z
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
    return _PAGE.format(marker=MARKER, policy=_policy(), style=_STYLE, script=_SCRIPT, title=_text(title),
                        count=_count(items), tools=_tools(items) if items else "", cards=cards, viewer=_VIEWER)


def _policy() -> str:
    """`file:` is there because not every browser takes a folder on the disk for 'self'."""
    here = "'self' file:"
    return (f"default-src 'none'; img-src {here} data:; media-src {here}; style-src {_sha256(_STYLE)}; "
            f"script-src {_sha256(_SCRIPT)}; base-uri 'none'; form-action 'none'")


def _sha256(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _count(items: list) -> str:
    kinds = [_kind(item) for item in items]
    counts = [(kinds.count(kind), *words) for kind, words in _KINDS.items()]
    return ", ".join(f"{count} {one if count == 1 else many}" for count, one, many in counts if count) or "0 pictures"


def _tools(items: list) -> str:
    models = sorted({_text(item.get("model")) for item in items} - {""})
    options = "".join(f'<option value="{model}">{model}</option>' for model in models)
    select = f'<select id="model" aria-label="Model"><option value="">All models</option>{options}</select>'
    return ('<div class="tools" role="search"><input id="search" type="search" aria-label="Search prompts and models" '
            f'placeholder="Search prompts and models" autocomplete="off">{select if len(models) > 1 else ""}</div>')


def _card(item: dict) -> str:
    prompt = _text(item.get("prompt"))
    words = f'<p class="prompt" lang="" dir="auto">{prompt}</p>' if prompt else ""
    copy = '<button class="copy" type="button">Copy prompt</button>' if prompt else ""
    return (f'<li class="card" data-model="{_text(item.get("model"))}">{_media(item)}{words}'
            f'<p class="facts">{_facts(item)}</p>'
            f'<div class="more"><details><summary>Details</summary><dl>{_details(item)}</dl></details>{copy}</div></li>')


def _media(item: dict) -> str:
    kind, url = _kind(item), _url(item["file"])
    label = _text(item.get("prompt"), 500) or _text(item["file"])
    width, height = _whole(item.get("width")), _whole(item.get("height"))
    box = f' width="{width}" height="{height}"' if width and height else ""
    if kind == "image":
        return (f'<a class="mat" href="{url}"><img src="{url}" alt="{label}"{box} loading="lazy" decoding="async"></a>')
    if kind == "video":
        return (f'<div class="mat"><video src="{url}" aria-label="{label}"{box} controls playsinline preload="metadata">'
                "</video></div>")
    return f'<div class="mat sound">{_WAVE}<audio src="{url}" aria-label="{label}" controls preload="none"></audio></div>'


def _facts(item: dict) -> str:
    """What stands below the prompt: the model, then size, seed and date, which break between but not within."""
    width, height, seed = _whole(item.get("width")), _whole(item.get("height")), _text(item.get("seed"), 40)
    size, model = f"{width}\u2009×\u2009{height}" if width and height else "", _text(item.get("model"))
    facts = [f"<span>{fact}</span>" for fact in (size, seed and f"seed {seed}") if fact] + _date(_created(item))
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
    size = _size(_whole(item.get("bytes"), 1 << 50))
    rows = [
        ("Prompt as rewritten", [item.get("actual_prompt")]), ("Negative prompt", [item.get("negative")]),
        ("Input files", item.get("inputs") if isinstance(item.get("inputs"), list) else [item.get("inputs")]),
        ("Size asked for", [item.get("size")]), ("Result", [f"{number} of {of}" if number and of else ""]),
        ("Parameters", _pairs(item.get("parameters"))), ("Usage", _pairs(item.get("usage"))),
        ("Skill", [item.get("skill")]), ("Request id", [item.get("request_id")]), ("Task id", [item.get("task_id")]),
    ]
    file = f'<dt>File</dt><dd><a href="{_url(item["file"])}">{_text(item["file"])}</a>{size and f" ({size})"}</dd>'
    return "".join(_row(name, values) for name, values in rows) + file


def _row(name: str, values: list) -> str:
    texts = [text for text in (_text(value) for value in values[:50]) if text]
    return f"<dt>{name}</dt>" + "".join(f'<dd lang="" dir="auto">{text}</dd>' for text in texts) if texts else ""


def _pairs(values) -> list:
    if not isinstance(values, dict):
        return [values]
    return [f"{name}: {_plain(value)}" for name, value in values.items() if value not in (None, "", [], {})]


def _size(count: int) -> str:
    if count < 1000:
        return f"{count} bytes" if count else ""
    return f"{count / 1e6:.1f} MB" if count >= 999_500 else f"{count / 1000:.0f} kB"


def _plain(value) -> str:
    """Any JSON value as people read it."""
    if value is None or value in ({}, []):
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _text(value, longest: int = _LONGEST) -> str:
    """Any JSON value as HTML, in an element or in an attribute; without the control characters HTML does not know."""
    text = re.sub(r"[\0-\x08\x0b-\x1f\x7f-\x9f]", " ", _plain(value)).strip()
    return escape(text if len(text) <= longest else text[:longest].rstrip() + "…")


def _url(name: str) -> str:
    """A file name as a relative address: a colon would make it a scheme, so nothing but letters and digits stays."""
    return quote(os.fsencode(name), safe="")


_PAGE = """<!DOCTYPE html>
{marker}: rebuilt whole from the .json files beside it; changes made here are lost -->
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>{title}</title>
<link rel="icon" href="data:,">
<style>{style}</style>
<script>{script}</script>
</head>
<body>
<header>
<div class="name"><h1 lang="" dir="auto">{title}</h1><p id="count" role="status">{count}</p></div>
{tools}
</header>
<main>
<ul class="grid" role="list">
{cards}
</ul>
<p class="empty" id="none" hidden>Nothing matches.</p>
</main>
{viewer}
</body>
</html>
"""


_WAVE = ('<svg viewBox="0 0 120 40" aria-hidden="true"><path d="M4 17v6M12 12v16M20 15v10M28 6v28M36 11v18M44 3v34M52 9v22'
         'M60 14v12M68 5v30M76 10v20M84 2v36M92 12v16M100 8v24M108 15v10M116 18v4"/></svg>')


def _button(name: str, label: str, path: str) -> str:
    return (f'<button id="{name}" type="button" aria-label="{label}" title="{label}">'
            f'<svg viewBox="0 0 24 24" aria-hidden="true"><path d="{path}"/></svg></button>')


_VIEWER = f"""<dialog id="viewer" aria-label="Picture" tabindex="-1">
<div class="bar">{_button("before", "Previous picture (left arrow)", "M15 5l-7 7 7 7")}
{_button("after", "Next picture (right arrow)", "M9 5l7 7-7 7")}
<p id="place"></p>
{_button("zoom", "Actual size", "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5")}
<a id="open" title="Open the file" aria-label="Open the file"><svg viewBox="0 0 24 24" aria-hidden="true">
<path d="M14 4h6v6M20 4l-9 9M18 14v6H4V6h6"/></svg></a>
{_button("close", "Close (Escape)", "M6 6l12 12M18 6L6 18")}</div>
<div id="stage" tabindex="-1"><img id="large" alt=""></div>
<div class="caption"><p id="words" lang="" dir="auto"></p><p id="about"></p></div>
</dialog>"""


_STYLE = """
:root { color-scheme: light dark; --page: #faf9f7; --ink: #1e1d1b; --soft: #625e58; --mat: #efede8; --line: #dedad2;
  --edge: #89847b; --accent: #1d5b86; --field: #fff; }
@media (prefers-color-scheme: dark) { :root { --page: #141413; --ink: #eceae6; --soft: #a8a49d; --mat: #1f1e1d;
  --line: #33312e; --edge: #7b7770; --accent: #93c0e4; --field: #1b1a19; } }
* { box-sizing: border-box; }
html { scroll-padding-top: 6rem; -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto,
  "PingFang SC", "Hiragino Sans GB", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif; overflow-wrap: anywhere; }
h1, p, ul, dl, dd { margin: 0; padding: 0; }
a { color: var(--accent); }
button, input, select { font: inherit; color: inherit; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: 3px; }
[hidden] { display: none !important; }

header, main { padding-inline: clamp(16px, 2.5vw, 48px); }
header { display: flex; flex-wrap: wrap; align-items: center; justify-content: space-between; gap: 12px 32px;
  padding-block: 18px 14px; background: var(--page); border-bottom: 1px solid var(--line); }
.name { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0 14px; min-width: 0; }
h1 { font-size: 22px; font-weight: 600; line-height: 1.3; letter-spacing: -.01em; }
#count { color: var(--soft); font-variant-numeric: tabular-nums; }
.tools { display: none; flex: 0 1 560px; gap: 10px; }
.js .tools { display: flex; }
.tools > * { min-width: 0; height: 40px; padding: 0 12px; background: var(--field); border: 1px solid var(--edge);
  border-radius: 8px; }
.tools input { flex: 2 1 220px; }
.tools select { flex: 1 1 140px; }
::placeholder { color: var(--soft); opacity: 1; }
@media (max-width: 959px) { .tools { flex-basis: 100%; } }
@media (max-width: 699px) { .tools > * { font-size: 16px; } }
@media (min-width: 700px) and (min-height: 500px) { header { position: sticky; top: 0; z-index: 1; } }

main { padding-block: 24px 64px; }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, clamp(210px, 14vw, 340px)), 1fr));
  gap: 32px clamp(14px, 1.4vw, 28px); align-items: start; list-style: none; }
/* display: block, as browsers renumber all list items for each one that is hidden: seconds with thousands of them */
.card { display: block; min-width: 0; padding: 4px; content-visibility: auto; contain-intrinsic-size: auto 440px; }
.empty { grid-column: 1 / -1; padding: 12vh 0; color: var(--soft); text-align: center; }
.mat { display: grid; grid-template: minmax(0, 1fr) / minmax(0, 1fr); place-items: center; aspect-ratio: 1;
  overflow: hidden; background: var(--mat); border-radius: 6px; }
a.mat { cursor: zoom-in; }
.mat img { display: block; width: 100%; height: 100%; object-fit: contain; color: var(--soft); font-size: 13px; }
.mat video { width: auto; height: auto; max-width: 100%; max-height: 100%; }
.mat:focus-visible { outline-offset: 1px; border-radius: 6px; }
.sound { grid-template-rows: minmax(0, 1fr) auto; padding: 12px; }
.sound svg { width: 62%; fill: none; stroke: var(--edge); stroke-width: 2.5; stroke-linecap: round; }
.sound audio { width: 100%; height: 48px; }
.prompt { margin-top: 12px; white-space: pre-line; display: -webkit-box; -webkit-box-orient: vertical;
  -webkit-line-clamp: 3; line-clamp: 3; overflow: hidden; }
.card:has(details[open]) .prompt { display: block; }
@supports not selector(:has(*)) { .prompt { display: block; max-height: 12em; overflow: auto; } }
.facts { margin-top: 6px; color: var(--soft); font-size: 13px; line-height: 1.5; font-variant-numeric: tabular-nums; }
.facts .model { display: block; }
.facts :not(.model) { white-space: nowrap; }
.more { display: grid; grid-template-columns: 1fr auto; margin-top: 2px; font-size: 13px; }
.more details { grid-area: 1 / 1 / 2 / 3; min-width: 0; }
.more summary, .copy { padding: 6px 0; color: var(--soft); cursor: pointer; line-height: 20px; }
.more summary { display: block; width: fit-content; }
.more summary::-webkit-details-marker { display: none; }
.more summary::before { content: ""; display: inline-block; width: 6px; height: 6px; margin: 0 9px 2px 2px;
  border: solid currentColor; border-width: 0 1.5px 1.5px 0; transform: rotate(-45deg); }
.more details[open] summary::before { transform: rotate(45deg); margin-bottom: 3px; }
.copy { display: none; grid-area: 1 / 2; align-self: start; z-index: 0; background: none; border: 0; }
.js .copy { display: block; }
.more summary:hover, .copy:hover { color: var(--ink); text-decoration: underline; text-underline-offset: 3px; }
@media (pointer: coarse) { .more summary, .copy { padding: 12px 0; } }
dl { padding: 4px 0 8px; }
dt { margin-top: 10px; color: var(--soft); font-size: 12px; }
dd { white-space: pre-line; }

dialog { width: 100vw; height: 100vh; height: 100dvh; max-width: none; max-height: none; margin: 0; padding: 0; border: 0;
  overflow: hidden; background: #111110; color: #f1efeb; --accent: #93c0e4; }
dialog[open] { display: grid; grid-template-rows: auto minmax(0, 1fr) auto; }
dialog:focus { outline: none; }
dialog::backdrop { background: #111110; }
.bar { display: flex; align-items: center; gap: 4px; padding: 6px; }
#place { flex: 1; padding-inline: 8px; color: #b9b5ae; font-variant-numeric: tabular-nums; }
.bar button, .bar a { display: grid; place-items: center; flex: none; width: 44px; height: 44px; padding: 0; color: inherit;
  background: none; border: 0; border-radius: 8px; cursor: pointer; }
.bar button:hover, .bar a:hover, #zoom[aria-pressed="true"] { background: #33312f; }
.bar svg { width: 22px; height: 22px; fill: none; stroke: currentColor; stroke-width: 1.75; stroke-linecap: round;
  stroke-linejoin: round; }
#stage { position: relative; display: flex; min-width: 0; min-height: 0; overflow: hidden; outline-offset: -3px; }
#large { position: absolute; inset: 0; margin: auto; max-width: 100%; max-height: 100%; width: auto; height: auto;
  cursor: zoom-in; }
.whole #large { cursor: default; }
.actual #stage { overflow: auto; }
.actual #large { position: static; flex: none; max-width: none; max-height: none; cursor: zoom-out; }
.caption { justify-self: center; width: 100%; max-width: 960px; padding: 12px 16px 16px; }
#words { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 3; line-clamp: 3; overflow: hidden; }
#about { margin-top: 4px; color: #b9b5ae; font-size: 13px; }
@media (min-width: 700px) {
  #stage { margin-inline: 72px; }
  .caption { text-align: center; }
  #before, #after { position: absolute; top: calc(50% - 28px); width: 56px; height: 56px; }
  #before { left: 8px; }
  #after { right: 8px; }
}
@media (max-height: 480px) { #words { -webkit-line-clamp: 1; line-clamp: 1; } .caption { padding-block: 4px 8px; } }
@media (prefers-reduced-motion: no-preference) {
  .mat img { transition: opacity .15s; }
  a.mat:hover img { opacity: .9; }
  dialog[open] { animation: appear .15s; }
  @keyframes appear { from { opacity: 0; } }
}
"""


_SCRIPT = r"""
"use strict";
document.documentElement.classList.add("js");
addEventListener("DOMContentLoaded", () => {
  const find = (id) => document.getElementById(id);
  const cards = [...document.querySelectorAll(".card")];
  const count = find("count"), all = count.textContent;

  // Dates in the reader's own time zone.
  const two = (number) => String(number).padStart(2, "0");
  for (const time of document.querySelectorAll("time")) {
    const at = new Date(time.dateTime);
    if (!isNaN(at)) {
      time.textContent = at.getFullYear() + "-" + two(at.getMonth() + 1) + "-" + two(at.getDate()) + " " +
        two(at.getHours()) + ":" + two(at.getMinutes());
    }
  }

  // Search: every word must occur in the prompt, the model or the file name.
  const search = find("search"), model = find("model");
  let haystacks = null;
  const haystack = (card) => [card.querySelector(".prompt"), card.querySelector("dl > dd:last-child > a")]
    .map((part) => part ? part.textContent : "").concat(card.dataset.model).join("\n").toLowerCase();
  function filter() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean), wanted = model ? model.value : "";
    haystacks = haystacks || cards.map(haystack);
    let shown = 0;
    cards.forEach((card, place) => {
      const fits = (!wanted || card.dataset.model === wanted) && words.every((word) => haystacks[place].includes(word));
      card.hidden = !fits;
      shown += fits;
    });
    count.textContent = shown === cards.length ? all : shown + " of " + cards.length + " shown";
    find("none").hidden = shown > 0;
  }
  if (search) {
    search.addEventListener("input", filter);
    if (model) model.addEventListener("change", filter);
    if (search.value || (model && model.value)) filter();  // what the browser restored
  }

  // Copy a prompt. Where the clipboard is out of reach, the older way by a selection is tried.
  async function copy(button) {
    const prompt = button.closest(".card").querySelector(".prompt");
    let done = false;
    try {
      await navigator.clipboard.writeText(prompt.textContent);
      done = true;
    } catch (error) {
      getSelection().selectAllChildren(prompt);
      done = document.execCommand("copy");
    }
    button.textContent = done ? "Copied" : "Selected: copy it by hand";
    setTimeout(() => { button.textContent = "Copy prompt"; }, 1800);
  }

  // The viewer: one picture, large.
  const viewer = find("viewer"), large = find("large"), stage = find("stage"), zoom = find("zoom");
  let links = [], current = 0;
  function actual(on) {
    viewer.classList.toggle("actual", on);
    zoom.setAttribute("aria-pressed", on);
    if (on) {
      stage.scrollTo((stage.scrollWidth - stage.clientWidth) / 2, (stage.scrollHeight - stage.clientHeight) / 2);
      stage.focus();
    }
  }
  function show(place) {
    current = (place + links.length) % links.length;
    const link = links[current], card = link.closest(".card"), small = link.querySelector("img");
    const prompt = card.querySelector(".prompt");
    actual(false);
    large.removeAttribute("src");  // or the last picture stays until this one is there
    large.alt = small.alt;
    large.src = find("open").href = link.href;
    find("words").textContent = prompt ? prompt.textContent : "";
    find("about").textContent = [...card.querySelector(".facts").children].map((fact) => fact.textContent).join(" · ");
    find("place").textContent = current + 1 + " of " + links.length;
    find("before").hidden = find("after").hidden = links.length < 2;
  }
  function open(link) {
    links = cards.filter((card) => !card.hidden).map((card) => card.querySelector("a.mat")).filter(Boolean);
    viewer.showModal();
    viewer.focus();
    show(links.indexOf(link));
  }
  document.addEventListener("click", (event) => {
    const button = event.target.closest(".copy"), link = event.target.closest("a.mat");
    if (button) copy(button);
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    open(link);
  });
  find("before").addEventListener("click", () => show(current - 1));
  find("after").addEventListener("click", () => show(current + 1));
  find("close").addEventListener("click", () => viewer.close());
  large.addEventListener("load", () => {
    const whole = large.naturalWidth <= large.clientWidth + 1;
    viewer.classList.toggle("whole", whole);
    zoom.hidden = whole;  // it is shown in its actual size already
  });
  zoom.addEventListener("click", () => actual(!viewer.classList.contains("actual")));
  large.addEventListener("click", () => { if (!zoom.hidden) actual(!viewer.classList.contains("actual")); });
  stage.addEventListener("click", (event) => { if (event.target === stage) viewer.close(); });
  viewer.addEventListener("close", () => {
    large.removeAttribute("src");
    links[current].focus();
  });
  viewer.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || event.altKey || event.ctrlKey || event.metaKey || viewer.classList.contains("actual")) return;
    event.preventDefault();
    show(current + step);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || !search || viewer.open || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
    event.preventDefault();
    search.focus();
  });

  // A swipe turns to the next picture, unless the picture itself is being moved.
  let from = null;
  stage.addEventListener("touchstart", (event) => {
    const zoomed = viewer.classList.contains("actual") || (window.visualViewport && visualViewport.scale > 1.01);
    from = zoomed || event.touches.length > 1 ? null : event.touches[0];
  }, { passive: true });
  stage.addEventListener("touchend", (event) => {
    if (!from) return;
    const to = event.changedTouches[0], across = to.clientX - from.clientX, down = to.clientY - from.clientY;
    if (Math.abs(across) > 50 && Math.abs(across) > 2 * Math.abs(down)) show(current - Math.sign(across));
    from = null;
  });
});
"""
