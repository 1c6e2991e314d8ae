"""Where a text for speech may be cut:
the borders of its sentences and clauses, what is kept whole, grapheme clusters.

A border is an index at which a slice may end; white space after a mark belongs to the slice before it. What
is ambiguous ("etc." before a capital letter) ranks lower than it might, because a wrong pause is heard and a
missing one is not.
"""
from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left, bisect_right

CONTROL_TAGS = (
    "sad", "amazed", "deep and loud shouting", "trembling", "angry", "excited", "sarcastic", "curious",
    "like dracula", "bored", "tired", "scornful", "shouting", "asmr", "panicked", "mischievously",
    "empathetic", "whispers", "reluctantly", "crying", "serious", "very slowly", "very fast")
SOUND_TAGS = ("gasp", "sighing", "clears throat", "giggles", "laughing", "cough", "snorts")

HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_KANA = "\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9f"
_SOUTH_EAST = ("\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff\u1950-\u19df"
               "\u1a20-\u1aad\ua980-\ua9df\uaa60-\uaadf")
WIDE_PUNCTUATION = "\u3001-\u303f\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65“”…—"
# Scripts that put no spaces between words.
UNSPACED = HAN + _KANA + _SOUTH_EAST + "\u3005-\u3007\u3100-\u312f"

CONTROL_TAG = re.compile(r"\[(?:%s)\]" % "|".join(CONTROL_TAGS), re.IGNORECASE)


# ---- marks ---------------------------------------------------------------------------------------------

_STOPS = "。！？｡．؟۔।॥።፧፨။។៕։׃᠃"  # end a sentence whatever follows
_STRICT_OPEN = "([{（［｛「『【〔〖〘〚〈《｢„‚‹¿¡"
_STRICT_CLOSE = ")]}）］｝」』】〕〗〙〛〉》｣›"
_SIDED = frozenset("\"'“”‘’«»")  # opening or closing: seen from their neighbours
_NEVER_FIRST = frozenset(_STRICT_CLOSE + _STOPS + ".!?,;:，、；：､﹐﹑﹔﹕،؛፣፤፥၊៖‼⁇⁈⁉%‰％℃ๆฯ")
# Never first unless white space is before them.
_SELDOM_FIRST = frozenset("・·…‥—―〜～°々〻ーぁぃぅぇぉっゃゅょゎゕゖァィゥェォッャュョヮヵヶヽヾゝゞｧｨｩｪｫｬｭｮｯｰ")
_NEVER_LAST = frozenset(_STRICT_OPEN + "$¥￥€£₩₹№§")
# Never last unless white space is behind them.
_SELDOM_LAST = frozenset("#＃@＠")

_EMOJI = "\u2600-\u27bf\ufe0f\u200d\u20e3\U0001f1e6-\U0001faff\U000e0020-\U000e007f"
# What belongs to the sentence whose end it follows: brackets, quotes and emoji.
_CLOSING = re.compile(rf"(?:[)\]}}）］｝」』】〕〗〙〛〉》｣›”’{_EMOJI}]|[ \u00a0\u202f]?»(?!\w)"
                      r"|[“‘«\"'](?=[\s.,;:!?)\]}，。！？；：、）」』”’\"']|\Z))*")
_OPENING = re.compile(r"[(\[{（［｛「『【〔〖〘〚〈《｢„‚‹¿¡\"'“‘«»]*")

_COUNTERS = "年月日号號时時分秒点點"
_NUMBER = (r"\d(?:[.,:/'’·\u00a0\u202f–—~～-]?\d|：\d\d(?!\d)|[．，：][０-９])*"
           rf"(?:\s?(?:[%‰％℃]|°[CF]?)|[{_COUNTERS}个個元円岁歲万萬亿億千百]{{1,4}}(?:\d{{1,4}}[{_COUNTERS}])*)?")
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}\.?"
_KEPT = (r"\$\$[^$]{1,2000}\$\$|</?[A-Za-z][^<>]{0,300}>|(?:https?|ftp|file)://[!-~]*[A-Za-z0-9_/#=~%&+-]"
         + "|" + rf"\b{_MONTH}\s\d{{1,2}}(?:st|nd|rd|th)?,?\s\d{{4}}\b|{_NUMBER}")
_TAG = r"\[[^\[\]\n]{1,60}\]"
_MARKS = (
    r"|(?P<line>[\n\r\f\v\x1c-\x1e\x85\u2028\u2029]\s*)"
    rf"|(?P<stop>[.!?…‥{_STOPS}]+)"
    r"|(?P<clause>[，、；：､﹐﹑﹔﹕،؛፣፤፥၊៖༎།]|[—―]+|(?<=\s)[–-](?=\s)"
    rf"|[,;:·](?=[\s”’\"')\]])|[,;:](?=[{UNSPACED}])|(?<=[{UNSPACED}])[,;:]"
    rf"|(?<![(（][0-9A-Za-z一二三四五六七八九十])[)）】〕］](?=[\s{UNSPACED}])"
    rf"|(?<=[{UNSPACED}{WIDE_PUNCTUATION}])\s+(?=[{UNSPACED}{WIDE_PUNCTUATION}]))"
    rf"|(?P<open>(?<=[\s{UNSPACED}])[(（【〔［])")
_SCAN = re.compile(f"(?P<kept>{_KEPT}){_MARKS}")
_SCAN_TAGS = re.compile(f"(?P<kept>{_TAG}|{_KEPT}){_MARKS}")
# What begins an item of a list; the text after it must not be cut off.
_MARKER = re.compile(r"^[ \t\u3000]*"
                     r"(?:[-*•·]|[(（]?(?:\d{1,3}|[A-Za-z]|[ivx]{1,5}|[一二三四五六七八九十百]{1,4})[.)）、．])\s*"
                     r"|(?<=[。；：，\s])[一二三四五六七八九十]{1,3}、\s*", re.MULTILINE)
SPACE = re.compile(r"\s*")
_LINE_END = re.compile(r"\r\n|[\n\r\f\v\x1c-\x1e\x85\u2028\u2029]")
PART = re.compile(r"[-/_.?&=#,;:+@~|]+")  # where an over-long token is cut rather than anywhere


# ---- ambiguous full stops ------------------------------------------------------------------------------

# Words before a full stop; one written with a capital letter here counts only with it.
# Never the end of a sentence:
_ABBREVIATIONS = frozenset("""
    mr mrs ms mx dr prof rev hon gov sen rep gen col lt sgt capt cmdr maj st mt messrs fig figs eq eqs ref
    refs vs viz cf dept univ assn bros approx incl resp misc eds al Tel Ed
    nr Hr Fr Abb Tab bzw vgl evtl ggf inkl exkl ca dipl Ing Geb gest Mio Mrd zzgl sog bspw ehem Str Jh
    Mme Mlle MM Me env av chap éd ex ste bd boul
    sr sra srta dra ud uds ee uu pág págs núm avda aprox gral lic exmo exma
    sig dott avv pag np tzn ul bijv blz Jl tp ts ths pgs
    ул см ср тыс млн млрд коп просп обл им вв акад проф напр вул
    δρ डॉ प्रो श्री""".split())
# An abbreviation only in front of a number:
_BEFORE_NUMBER = frozenset("""
    no nos art arts abs pp vol vols ch chs sec secs kap par pos ziff kl jan feb febr mar apr jun jul aug sep
    sept oct okt nov dec dez стр рис табл гл кв № пп""".split())
# Often the last word of a sentence:
_MAY_END = frozenset("""
    etc usw ecc itd itp enz dll jr inc ltd co corp llc plc uvm usf Chr др пр руб гг a.m p.m ph.d m.d b.a m.a
    b.c a.d b.c.e d.c u.a u.ä o.ä ave blvd rd""".split())
_ORDINAL_AFTER = frozenset("""
    am der die das den dem des zum zur vom im ins beim ein eine einem einer jeder jedem jedes seit bis ab und
    """.split())
_ORDINAL_BEFORE = frozenset("""
    januar jänner februar märz april mai juni juli august september oktober november dezember
    jahrhundert jahrhunderts klasse stock auflage kapitel weltkrieg weltkriegs""".split())
_LAST_WORDS = re.compile(r"(?:([^\W\d_]+)\s+)?([^\s()\[\]{}\"'“”„‘’«»¿¡—–/]+)\Z")
_INITIAL = re.compile("[A-Za-zα-ωа-яёіїєґء-ي]|(?![a-zà-ÿ])[À-ÖØ-ÞĀ-ſΑ-ΩЀ-Я]")
_UNSPACED_CHARACTER = re.compile(f"[{UNSPACED}]")
_HANGUL = re.compile("[\uac00-\ud7a3]")
_WORD = re.compile(r"\w+")
_ROMAN = re.compile("[IVXLC]{2,}")
_NUMERAL = re.compile(r"\d|[IVXLC]+\b")
_THAI = re.compile("[\u0e00-\u0e7f]\\Z")


def _full_stop(text: str, dot: int, following: int) -> str | None:
    """The rank of a border after a single "." with white space behind it;
    `following` is where the text goes on."""
    match = _LAST_WORDS.search(text, max(0, dot - 40), dot)
    previous, token = (match.group(1) or "", match.group(2)) if match else ("", "")
    names, goes_on = {token, token.lower()}, text[following:following + 1].islower()
    if re.fullmatch(r"\d{1,3}", token):
        return _after_number(previous, token, text, following)
    if names & _MAY_END:
        return None if goes_on else "clause"
    if names & _ABBREVIATIONS or _is_initial(token):
        return None
    if names & _BEFORE_NUMBER and _NUMERAL.match(text, following):
        return None
    return "clause" if goes_on or _ROMAN.fullmatch(token) else "sentence"


def _after_number(previous: str, token: str, text: str, following: int) -> str | None:
    """A number and a full stop: an ordinal ("am 3. Oktober") or the end of a sentence."""
    word = _WORD.match(text, following)
    after = previous.lower() in _ORDINAL_AFTER
    before = word and word.group().lower() in _ORDINAL_BEFORE
    ordinal = len(token) < 3 and (after or before)
    return None if ordinal or text[following:following + 1].islower() else "sentence"


def _is_initial(token: str) -> bool:
    """Whether a token is a letter of a name or of an abbreviation,
    or several with full stops between: J, z.B, U.S, т.е.

    Thai has no full stop; what looks like one belongs to an abbreviation.
    """
    parts = token.split(".")
    longest = 1 if len(parts) == 1 else 2
    if all(part and len(part) <= longest and _INITIAL.match(part) for part in parts):
        return True
    return bool(_THAI.search(token))


# ---- borders -------------------------------------------------------------------------------------------

class Borders:
    """The borders of a text by rank, each rank holding the higher ones too,
    and the spans that no border may cut."""

    def __init__(self, text: str, tags: bool):
        self.text = text
        self.starts, self.ends = [], []
        self.ranks = {"paragraph": [], "sentence": [], "clause": []}
        self.barred = {match.end() for match in _MARKER.finditer(text)}
        if tags:
            self.barred |= {self._skip_space(match.end()) for match in CONTROL_TAG.finditer(text)}
        self.closing = _closing_quotes(text)
        for match in (_SCAN_TAGS if tags else _SCAN).finditer(text):
            getattr(self, "_" + match.lastgroup)(match)
        for rank, positions in self.ranks.items():
            self.ranks[rank] = sorted(set(positions))

    def last(self, rank: str, begin: int, end: int) -> int:
        """The last border of a rank behind `begin`, up to `end`; 0 for none."""
        positions = self.ranks[rank]
        index = bisect_right(positions, end)
        return positions[index - 1] if index and positions[index - 1] > begin else 0

    def next(self, rank: str, after: int) -> int:
        positions = self.ranks[rank]
        index = bisect_right(positions, after)
        return positions[index] if index < len(positions) else len(self.text)

    def kept(self, position: int) -> tuple | None:
        """The span to be kept whole that a position is inside of."""
        index = bisect_left(self.starts, position) - 1
        return (self.starts[index], self.ends[index]) if index >= 0 and position < self.ends[index] else None

    def allows(self, position: int) -> bool:
        """Whether a slice may end here: no closing mark would begin a slice,
        no opening one end it, nothing whole be cut."""
        before = self._before_space(position)
        own_line = _LINE_END.search(self.text, before, position)
        if position in self.barred or self.kept(position) or self._opens(before - 1):
            return False
        return bool(own_line) or not self._closes(position)

    def _add(self, rank: str | None, position: int) -> None:
        if not rank or not 0 < position < len(self.text) or not self.allows(position):
            return
        if not joined(self.text, position):
            names = ("paragraph", "sentence", "clause")
            for name in names[names.index(rank):]:
                self.ranks[name].append(position)

    # What _SCAN found, by the name of the group.

    def _kept(self, match) -> None:
        self.starts.append(match.start())
        self.ends.append(match.end())

    def _line(self, match) -> None:
        """A line end: a paragraph's, unless the line plainly goes on."""
        end = self._before_space(match.start())
        before, after = self.text[end - 1:end], self.text[match.end():match.end() + 1]
        if len(_LINE_END.findall(match.group())) > 1:
            self._add("paragraph", match.end())
        elif after.islower():
            self._add("sentence" if before and before in ".!?" else "clause", match.end())
        else:
            self._add("clause" if before and before in "，、,;；" else "paragraph", match.end())

    def _stop(self, match) -> None:
        closed = _CLOSING.match(self.text, match.end()).end()
        if closed == match.end() and closed in self.closing:
            closed += 1
        position = self._skip_space(closed)
        rank = self._rank(match, closed, position)
        self._add(rank, position)
        is_abbreviation = rank is None and (position > closed or match.group() == "．")
        if is_abbreviation and not _LINE_END.search(self.text, closed, position):
            self.barred.add(position)

    def _clause(self, match) -> None:
        self._add("clause", self._skip_space(_CLOSING.match(self.text, match.end()).end()))

    def _open(self, match) -> None:
        self._add("clause", match.start())

    def _rank(self, match, closed: int, position: int) -> str | None:
        """The rank of the border at `position`,
        after a run of full stops and the like and what closes behind it."""
        text, run, spaced = self.text, match.group(), position > closed
        following = _OPENING.match(text, position).end()
        before, after = text[match.start() - 1:match.start()], text[following:following + 1]
        if any(mark in _STOPS for mark in run):
            return None if run == "．" and before.isdigit() else "sentence"
        unspaced = bool(_UNSPACED_CHARACTER.match(after)
                        or "." not in run and _UNSPACED_CHARACTER.match(before)
                        or _HANGUL.match(before) and _HANGUL.match(after))
        if "…" in run or "‥" in run or ".." in run:
            return "sentence" if (spaced or unspaced) and not after.islower() else "clause"
        if not spaced:
            return "sentence" if unspaced and not (run == "." and before.isdigit()) else None
        if run == ".":
            return _full_stop(text, match.start(), following)
        return "clause" if after.islower() else "sentence"

    # Neighbours of a position.

    def _skip_space(self, position: int) -> int:
        return SPACE.match(self.text, position).end()

    def _before_space(self, position: int) -> int:
        while position > 0 and self.text[position - 1].isspace():
            position -= 1
        return position

    def _closes(self, position: int) -> bool:
        """Whether the character at a position belongs to what is before it."""
        mark, spaced = self.text[position:position + 1], self.text[position - 1:position].isspace()
        if mark in _NEVER_FIRST or not spaced and mark in _SELDOM_FIRST:
            return True
        return mark in _SIDED and self._side(position) != "open"

    def _opens(self, position: int) -> bool:
        """Whether the character at a position belongs to what is behind it."""
        if position < 0:
            return False
        mark, spaced = self.text[position], self.text[position + 1:position + 2].isspace()
        if mark in _NEVER_LAST or not spaced and mark in _SELDOM_LAST:
            return True
        return mark in _SIDED and self._side(position) != "close"

    def _side(self, position: int) -> str:
        """Whether a quotation mark is an opening or a closing one; "" when that cannot be seen."""
        mark, before = self.text[position], self.text[position - 1:position]
        after = self.text[position + 1:position + 2]
        free_before, free_after = not before or before.isspace(), not after or after.isspace()
        if mark in "”’»":
            return "open" if free_before and not free_after and not (mark == "»" and before) else "close"
        if free_before != free_after and mark != "«":
            return "open" if free_before else "close"
        if mark == "«" and free_after and not free_before or position in self.closing:
            return "close"
        return "" if mark == "'" else "open"


def _closing_quotes(text: str) -> set:
    """Where every second straight double quote of a line stands."""
    closing, is_open = set(), False
    for match in re.finditer('["\n]', text):
        is_open = not is_open and match.group() == '"'
        if not is_open and match.group() == '"':
            closing.add(match.start())
    return closing

# ---- grapheme clusters ---------------------------------------------------------------------------------

_EXTENDING = frozenset("\u200c\u200d\u0e30\u0e32\u0e33\u0e45\u0eb0\u0eb2\u0eb3\uff9e\uff9f"
                       + "".join(map(chr, [*range(0x1f3fb, 0x1f400), *range(0xe0020, 0xe0080)])))
_LEADING = frozenset("\u200d\u0e40\u0e41\u0e42\u0e43\u0e44\u0ec0\u0ec1\u0ec2\u0ec3\u0ec4"
                     "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f")
_JAMO_AFTER = re.compile("[\u1160-\u11ff\ud7b0-\ud7ff]")
_JAMO_PAIR = re.compile("[\u1100-\u115f\ua960-\ua97f][\u1100-\u11ff\uac00-\ud7a3]")
_SURROGATES = re.compile("[\ud800-\udbff][\udc00-\udfff]")


def joined(text: str, position: int, begin: int = 0) -> bool:
    """Whether a position is inside a grapheme cluster; `begin` is one that is not."""
    if not 0 < position < len(text):
        return False
    before, after = text[position - 1], text[position]
    if before < "\u0300" and after < "\u0300":
        return before == "\r" and after == "\n"
    if unicodedata.category(after)[0] == "M" or unicodedata.combining(before) == 9:
        return True
    if after in _EXTENDING or before in _LEADING:
        return True
    if "\U0001f1e6" <= after <= "\U0001f1ff":
        return _flag_letters(text, begin, position) % 2 == 1
    pair = before + after
    return bool(_JAMO_AFTER.match(after) or _JAMO_PAIR.match(pair) or _SURROGATES.match(pair))


def _flag_letters(text: str, begin: int, position: int) -> int:
    """How many regional indicators stand directly before a position."""
    first = position
    while first > begin and "\U0001f1e6" <= text[first - 1] <= "\U0001f1ff":
        first -= 1
    return position - first
