"""A text as a person would read it aloud:
paragraphs of plain text or Markdown, without what is only for the eye."""
from __future__ import annotations

import html
import re
from collections import namedtuple

from tts_text import speakable, units

# `heading` is the level, 1 to 6; 0 for a paragraph. The lines of `text` are those at which a reader pauses.
Paragraph = namedtuple("Paragraph", "text heading")

SHORT = 40  # units; a shorter line is one of a poem or a list, not one that was wrapped

_UNSPACED = ("\u3000-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uff9f"
             "\U00020000-\U0003ffff“”‘’…—")
_UNSPACED_CHARACTER = re.compile(f"[{_UNSPACED}]")
_SEPARATOR = re.compile(r"\s*(?:[-*_=~#+＊－＝＿～＃—─━═·•◇◆○●☆★※]\s*){3,}")
_BULLET = re.compile(r"\s*[-*•·+]\s+(?=\S)")
_NUMBERED = re.compile(r"\s*(?:[(（]?(?:\d{1,3}|[一二三四五六七八九十百]{1,4})(?:[.)）、．])(?!\d)"
                       r"|[(（]?[a-zA-Z][)）])\s*(?=\S)")
_SENTENCE_END = re.compile(r"[.!?。！？…؟।][)\]”’」』）】》\"']*\Z")


def paragraphs(text: str) -> list:
    """Plain text. Where there are blank lines they part the paragraphs and other line ends are
    undone, except in poems and lists; where there are none, each line is a paragraph. Lines
    such as ---- only part paragraphs."""
    lines = _clean(text.replace("\f", "\n***\n")).strip("\n").split("\n")
    wrapped = any(not line.strip() for line in lines)
    blocks, block = [], []
    for line in [*lines, ""]:
        if not line.strip() or _SEPARATOR.fullmatch(line):
            blocks.append(block)
            block = []
        elif wrapped and block and not line.startswith("\u3000"):
            block.append(line)
        else:
            blocks.append(block)
            block = [line]
    texts = [_tidy("\n".join(_unwrapped(block))) for block in blocks]
    return [Paragraph(text, 0) for text in texts if speakable(text)]


def _unwrapped(block: list) -> list:
    """The lines of a paragraph: one, unless it is a poem or a list,
    or a line ends early, or each ends a sentence.

    How long the last line is says nothing.
    """
    marked = [bool(_BULLET.match(line) or _NUMBERED.match(line)) for line in block]
    widths = [units(line.strip()) for line in block]
    short = sum(mark or width < SHORT for mark, width in zip(marked[:-1], widths))
    kept = (short * 2 > len(block) - 1 or sum(marked) * 2 > len(block)
            or all(_SENTENCE_END.search(line.rstrip()) for line in block))
    listed, widest, lines = any(marked), max(widths, default=0), []
    for index, line in enumerate(block):
        indented = listed and line.startswith((" ", "\t"))
        if lines and not (marked[index] if indented else kept or widths[index - 1] * 2 < widest):
            lines[-1].append(line)
        else:
            bullet = _BULLET.match(line)
            lines.append([line[bullet.end():] if bullet else line])
    return list(map(_joined, lines))


def _joined(lines: list) -> str:
    """Lines that were one: words of scripts with spaces get one between, a hyphenated word none."""
    parts = [lines[0].rstrip()]
    for line in filter(None, map(str.strip, lines[1:])):
        before = parts[-1]
        unspaced = _UNSPACED_CHARACTER.match(before[-1:]) and _UNSPACED_CHARACTER.match(line)
        hyphen = before[-1:] in ("-", "\u2010") and before[-2:-1].isalpha() and line[0].isalpha()
        parts += ["" if unspaced or hyphen else " ", line]
    return "".join(parts)


# ---- characters ----------------------------------------------------------------------------------------

_LINE_END = re.compile("\r\n|[\r\v\x85\u2028\u2029\x1c-\x1e]")
# Not read and not seen. U+200C and U+200D are kept: they shape letters and emoji.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f"
    "\ud800-\udfff\ufdd0-\ufdef\ufeff\ufff9-\ufffb\ufffe\uffff]")


def _clean(text: str) -> str:
    """The text with one kind of line end and without control characters; a form feed parts paragraphs."""
    text = _INVISIBLE.sub("", _LINE_END.sub("\n", text).replace("\f", "\n\n")).replace("\u00a0", " ")
    return re.sub(r"([^\S\n]{8})[^\S\n]+", r"\1", re.sub(r"\n{3,}", "\n\n", text))


def _tidy(text: str) -> str:
    """No white space at the ends of lines or doubled, no empty lines."""
    lines = (re.sub(r"[^\S\n]+", " ", line).strip() for line in text.split("\n"))
    return "\n".join(line for line in lines if line)


# ---- Markdown: blocks ----------------------------------------------------------------------------------

_FRONT_MATTER = re.compile(r"\s*(---|\+\+\+)[ \t]*\n(?=[ \t]*(?:#|[\w\"'-]+[ \t]*[:=]))"
                           r"(?:(?!\1|\.\.\.).*\n)*?(?:\1|\.\.\.)[ \t]*(?:\n|\Z)")
_FENCE = re.compile(r"\s*((?:>\s?)*)\s*(?:(?:[-*+]|\d{1,9}[.)])\s+)?(`{3,}(?!.*`)|~{3,})")
_QUOTE = re.compile(r"(?: {0,3}>[ \t]?)*")
_ATX = re.compile(r" {0,3}(?:(#{1,6})(?:[ \t]+|\Z)|(#{2,6})(?=[^\s#!-~]))(.*)")
_ATX_END = re.compile(r"(?:(?:^|[ \t]+)#+)?[ \t]*\Z")
_ATTRIBUTES = re.compile(r"\{[#.:][^{}]*\}\s*\Z")
_HTML_HEADING = re.compile(r"\s*<h([1-6])\b[^<>]*>(.*)</h\1\s*>\s*\Z", re.IGNORECASE)
_UNDERLINE = re.compile(r" {0,3}(=+|-+)[ \t]*\Z")
_RULE = re.compile(r" {0,3}([-*_])(?:[ \t]*\1){2,}[ \t]*\Z")
_ITEM = re.compile(r"[ \t]*(?:[-*+•]|(\d{1,9})[.)])(?:[ \t]+|\Z)")
_TASK = re.compile(r"\[[ xX]\][ \t]+")
_DELIMITER_ROW = re.compile(r"[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*\Z")
_DEFINITION = re.compile(r" {0,3}\[(?!\^)([^\[\]]{1,200})\]:[ \t]*(?:<[^<>]*>|[!-~]*[./#:][!-~]*)"
                         r"(?:[ \t]+(?:\".*\"|'.*'|\(.*\)))?[ \t]*\Z")
_FOOTNOTE = re.compile(r" {0,3}\[\^[^\[\]\s]+\]:")
_ALERT = re.compile(r"\[!\w+\][-+]?[ \t]*\Z|\[\[?toc\]?\][ \t]*\Z", re.IGNORECASE)
_UNREAD_ELEMENTS = ("script", "style", "pre", "svg", "template", "textarea")


def markdown(text: str) -> list:
    """Markdown: headings, paragraphs, list items and table rows;
    no code blocks, addresses, comments or mark-up."""
    text = _clean(text)
    matter = _FRONT_MATTER.match(text)
    text = text[matter.end():] if matter else text
    text = _without_comments("\n".join(_without_fences(text.expandtabs(4).split("\n"))))
    for element in _UNREAD_ELEMENTS:
        text = _without(text, re.compile(rf"<{element}\b[^<>]*>", re.IGNORECASE),
                        re.compile(rf"</{element}\s*>", re.IGNORECASE))
    return _Document(text.split("\n")).paragraphs()


def _without_fences(lines: list):
    """The lines outside of fenced code; a blank one for each fence."""
    fence = quoted = ""
    for line in lines:
        if fence and not (quoted and not line.lstrip().startswith(">")):
            bare = re.sub(r"^[\s>]*", "", line).rstrip()
            if bare.startswith(fence) and not bare.strip(fence[0]):
                fence = ""
            continue
        match = _FENCE.match(line)
        quoted, fence = match.groups() if match else ("", "")
        yield "" if match else line


def _without_comments(text: str) -> str:
    """The text without <!-- … -->, except where the marks stand in inline code."""
    code = [match.span() for match in _CODE_SPAN.finditer(text)]
    return _without(text, re.compile("<!--"), re.compile("-->"), code)


def _without(text: str, opening, closing, spared=()) -> str:
    """The text without what stands between two marks; an opening mark that is never closed stays."""
    kept, done, spared = [], 0, iter(spared)
    spare = next(spared, (len(text), len(text)))
    for match in opening.finditer(text):
        while spare[1] <= match.start() < len(text) and spare[0] < len(text):
            spare = next(spared, (len(text), len(text)))
        if match.start() < done or spare[0] <= match.start():
            continue
        end = closing.search(text, match.end())
        if not end:
            break
        kept.append(text[done:match.start()])
        done = end.end()
    return "".join(kept) + text[done:]


class _Document:
    """Reads lines of Markdown into paragraphs."""

    def __init__(self, lines: list):
        self.lines, self.labels = lines, set()
        for line in lines:
            match = _DEFINITION.match(_unquoted(line))
            if match:
                self.labels.add(_label(match.group(1)))
        # items: the lines of each item of the open list, or of the paragraph
        self.read, self.items, self.is_list = [], [], False
        self.in_list = self.in_footnote = False
        self.after_blank, self.quoted = True, False

    def paragraphs(self) -> list:
        index = 0
        while index < len(self.lines):
            index += self._take(index)
        self._close()
        return self.read

    def _take(self, index: int) -> int:
        """Read one line, or a table; return how many lines were read."""
        line = _unquoted(self.lines[index])
        quoted = line != self.lines[index]
        if quoted and not self.quoted:
            self._close()
        self.quoted = quoted
        if not line.strip():
            self._close()
            self.after_blank = True
            return 1
        rows = self._table(index)
        if not rows and not self._is_unread(line):
            self._line(line)
        self.after_blank = False
        return rows or 1

    def _is_unread(self, line: str) -> bool:
        """Whether a line is a definition, a note, indented code or a rule."""
        indented = line.startswith("  ") and self.in_footnote or line.startswith("    ") and not self.in_list
        if indented and (self.after_blank or self.in_footnote) and not self.items:
            self.after_blank = True
            return True
        self.in_footnote = bool(_FOOTNOTE.match(line)) or self.in_footnote and not self.after_blank
        if self.in_footnote or _DEFINITION.match(line) or _ALERT.match(line.strip()):
            self._close()
            return True
        return self._is_heading(line)

    def _is_heading(self, line: str) -> bool:
        """Read a heading or the line under one; a rule is not read."""
        underline = _UNDERLINE.match(line)
        if underline and self.items and not self.is_list:
            self._close(1 if "=" in line else 2)
            return True
        match, element = _ATX.match(line), _HTML_HEADING.match(line)
        if not (match or element or _RULE.match(line) or _SEPARATOR.fullmatch(line)):
            return False
        self._close()
        self.in_list = False
        if match or element:
            level = len(match.group(1) or match.group(2)) if match else int(element.group(1))
            text = match.group(3) if match else element.group(2)
            self._add(_inline(_ATX_END.sub("", _ATTRIBUTES.sub("", text), 1), self.labels), level)
        return True

    def _line(self, line: str) -> None:
        """A line of a paragraph or of a list."""
        match = _ITEM.match(line)
        if match and (self.in_list or not self.items or match.group(1) in (None, "1")):
            self._item(line, match)
        elif self.items:
            self.items[-1].append(line)
        else:
            self.in_list = self.in_list and line.startswith("  ")
            self.items, self.is_list = [[line]], False

    def _item(self, line: str, match) -> None:
        if not self.is_list:
            self._close()
        number, text = match.group(1), line[match.end():]
        while not number and _ITEM.match(text) and text.strip():
            number, text = _ITEM.match(text).group(1), text[_ITEM.match(text).end():]
        text = _TASK.sub("", text, 1) if _TASK.match(text) else text
        heading = _ATX.match(text)
        text = _ATX_END.sub("", heading.group(3), 1) if heading else text
        self.items.append([f"{number}. {text}" if number else text])
        self.is_list = self.in_list = True

    def _table(self, index: int) -> int:
        """Read a table that begins here; return its number of lines."""
        delimiter = _unquoted(self.lines[index + 1]) if index + 1 < len(self.lines) else ""
        if "|" not in self.lines[index] or "|" not in delimiter or not _DELIMITER_ROW.match(delimiter):
            return 0
        self._close()
        end = index
        while end < len(self.lines) and "|" in _unquoted(self.lines[end]):
            end += 1
        rows = [_row(_unquoted(line), self.labels) for line in self.lines[index:end]
                if not _DELIMITER_ROW.match(_unquoted(line))]
        self._add("\n".join(rows), 0)
        return end - index

    def _close(self, heading: int = 0) -> None:
        """The paragraph or list read so far is over."""
        texts = [_inline(_unbroken(lines), self.labels) for lines in self.items]
        if self.items and not any(map(speakable, texts)):
            texts = [_inline(_unbroken(lines), self.labels, pictures=True) for lines in self.items]
        self._add("\n".join(text for text in texts if speakable(text)), heading)
        self.items, self.is_list = [], False

    def _add(self, text: str, heading: int) -> None:
        text = _tidy(text)
        if speakable(text):
            self.read.append(Paragraph(text.replace("\n", " ") if heading else text, heading))


def _unquoted(line: str) -> str:
    return line[_QUOTE.match(line).end():]


def _label(text: str) -> str:
    return " ".join(text.casefold().split())


def _unbroken(lines: list) -> str:
    """The lines of a paragraph as one, with line ends at hard breaks."""
    groups = [[]]
    for line in lines:
        backslash = (len(line) - len(line.rstrip("\\"))) % 2 == 1
        groups[-1].append(line[:-1] if backslash else line)
        if backslash or line.endswith("  "):
            groups.append([])
    return "\n".join(_joined(group) for group in groups if group)


def _row(line: str, labels: set) -> str:
    """A table row as a sentence would list it."""
    cells = re.split(r"(?<!\\)\|", line.strip())
    cells = [_tidy(_inline(cell.replace("\\|", "|"), labels, pictures=True)).replace("\n", " ")
             for cell in cells]
    comma = "，" if re.search("[\u3400-\u9fff]", line) else ", "
    row = ""
    for cell in filter(None, cells):
        row += cell + ("" if cell[-1] in "。！？；" else " " if cell[-1] in ".!?;" else comma)
    return row.rstrip("， ,")


# ---- Markdown: inside a paragraph ----------------------------------------------------------------------

_CODE_SPAN = re.compile(r"(?<!`)(`{1,9})(?!`)((?:(?!\n[ \t]*\n)[\s\S]){1,1000}?)(?<!`)\1(?!`)")
_ADDRESS = (r"(?:[!#-'*-;=?-Z\[\]\\^_a-z{|}~\ufdd0\ufdd1]|\([!#-'*-;=?-~]{0,500}\)){0,2000}"
            r"[/#=%&+$0-9A-Za-z_\ufdd1-]")
_URL = re.compile(rf"(?<![A-Za-z0-9])(?:(?:https?|ftp)://|(?<![./@_-])www\.){_ADDRESS}"
                  r"(?:\([!#-'*-;=?-~]{0,500}\))?", re.IGNORECASE)
_LITERAL = re.compile(_CODE_SPAN.pattern
                      + r"|(?P<math>\$\$[^$]{1,2000}\$\$|\$(?![\s$])[^$\n]{1,500}(?<!\s)\$(?!\d))"
                      r"|\\(?P<escaped>[!-/:-@\[-`{-~])")
_TEXT = r"([^\[\]]{0,1000}(?:\[[^\[\]]{0,500}\][^\[\]]{0,500}){0,5})"
_TITLE = r"(?:\s+(?:\"[^\"]{0,500}\"|'[^']{0,500}'|\([^()]{0,500}\)))?"
_TARGET = (r"\(\s*(?:<[^<>\n]*>|[^()\s]{0,2000}(?:\([^()\s]{0,500}\)[^()\s]{0,500}){0,5})"
           rf"{_TITLE}\s*\)")
_IMAGE = re.compile(rf"!\[{_TEXT}\](?:{_TARGET}|\[[^\[\]]{{0,200}}\])"
                    r"|<img\b(?:[^<>]{0,1000}?\balt\s*=\s*[\"']([^\"'<>]*)[\"'])?[^<>]*>", re.IGNORECASE)
_LINK = re.compile(rf"\[{_TEXT}\]{_TARGET}")
_REFERENCE = re.compile(r"\[([^\[\]]{1,500})\](?:\[([^\[\]]{0,200})\])?")
_WIKI_LINK = re.compile(r"\[\[(?:[^\[\]|]{1,200}\|)?([^\[\]|]{1,200})\]\]")
_AUTOLINK = re.compile(r"<(?:[A-Za-z][A-Za-z0-9+.-]{1,31}:[^\s<>]*|[\w.+-]+@[\w.-]+)>")
_DELETED = re.compile(r"~~(?=[^\s~])[^~]{0,500}(?<=\S)~~|<(del|s|strike)\b[^<>]*>[^<>]{0,1000}</\1\s*>",
                      re.IGNORECASE)
_BREAK = re.compile(r"<br\s*/?>|</?(?:p|div|li|ul|ol|dl|dt|dd|tr|table|blockquote|section|article|figure"
                    r"|figcaption|details|summary|h[1-6])\b[^<>]*>", re.IGNORECASE)
_ELEMENT = re.compile(r"</?[A-Za-z][A-Za-z0-9-]*(?:\s[^<>]*)?/?>")
_LETTER = "A-Za-z0-9\u00c0-\u04ff"
_EMPHASIS = [re.compile(pattern) for pattern in (
    r"(?<![0-9*])(\*{2,3})(?=[^\s*])([^*]{1,300}(?:\*[^*\s][^*]{0,100}\*[^*]{0,100}){0,3})\1"
    r"(?!(?<=[0-9]\*\*)[0-9])",
    rf"(?<![{_LETTER}*])(\*)(?=[^\s*])([^*]{{0,500}}[^\s*])\1(?![{_LETTER}*])",
    rf"(?<![{_LETTER}_])(_{{1,3}})(?=[^\s_])((?:[^_]|(?<=[{_LETTER}])_(?=[{_LETTER}])){{0,500}}[^\s_])\1"
    rf"(?![{_LETTER}_])",
    r"(?<!=)(==)(?=[^\s=])([^=\n]{0,500}[^\s=])\1(?!=)")]
_STRAY = re.compile(rf"(?<![{_LETTER}\s*])\*{{2,3}}(?!\*)|(?<!\*)\*{{2,3}}(?![{_LETTER}\s*])"
                    r"|(?<!\S)\*{2,3}(?=[^\s*])")
_EMPTY_PAIR = re.compile(r"\(\s*\)|（\s*）|\[\s*\]|【\s*】|<\s*>|《\s*》|「\s*」")
_STORED = re.compile("\ufdd0([0-9]+)\ufdd1")


def _inline(text: str, labels: set, pictures: bool = False) -> str:
    """What is read of a paragraph's text; with `pictures`, also what stands for its images."""
    stored = []
    text = _LITERAL.sub(lambda match: _store(match, stored), text)
    text = _IMAGE.sub(lambda match: (match.group(1) or match.group(2) or "") if pictures else "", text)
    text = _AUTOLINK.sub("", text)
    text = _LINK.sub(r"\1", text)
    text = _WIKI_LINK.sub(r"\1", re.sub(r"\[\^[^\[\]\s]{1,100}\]", "", text))
    text = _REFERENCE.sub(lambda match: _referred(match, labels), text)
    text = _without_addresses(_DELETED.sub("", text))
    text = _ELEMENT.sub("", _BREAK.sub("\n", text))
    for pattern in _EMPHASIS * 2:
        text = pattern.sub(r"\2", text)
    text = html.unescape(_STRAY.sub("", text))
    return _STORED.sub(lambda match: stored[int(match.group(1))], text)


def _referred(match, labels: set) -> str:
    """What is read of a reference link: its words, and nothing of a mere number such as [1]."""
    words, label = match.groups()
    if _label(label or words) not in labels:
        return match.group()
    return "" if words.isdigit() and not label else words


def _store(match, stored: list) -> str:
    """Put aside what is to be read as it is written; a mark takes its place."""
    if match.group("escaped") or match.group("math"):
        stored.append(match.group("escaped") or match.group("math"))
    else:
        stored.append(_without_addresses(match.group(2).replace("\n", " ").strip()))
    return f"\ufdd0{len(stored) - 1}\ufdd1"


def _without_addresses(text: str) -> str:
    """The text without URLs and the brackets that held nothing else."""
    shorter = _URL.sub("", text)
    if shorter == text:
        return text
    return re.sub(r"[^\S\n]+(?=[,.;:!?，。；：！？、)）])", "", _EMPTY_PAIR.sub("", shorter))
