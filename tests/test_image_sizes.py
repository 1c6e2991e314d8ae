"""Sizes of pictures: reading them, each family's bounds, the nearest legal ones, and the best one for a shape."""
from __future__ import annotations

import re
from collections import namedtuple
from fractions import Fraction

import pytest

from image_models import MODELS, Ratio, TABLE
from image_request import Ask
from image_sizes import Area, Choice, parse, parse_aspect, QUALITIES, Rule, shown, Sides
from shared.failures import Exit, Failure, usage
from tests.folding import each

# ---- reading ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text, size", [
    ("1024x768", (1024, 768)), ("1024*768", (1024, 768)), ("1024X768", (1024, 768)), ("1024×768", (1024, 768)), (" 1 x 99999 ", (1, 99999)),
    ("1K", "1K"), ("2k", "2K"), (" 4K ", "4K")])
def test_size_is_read(text, size):
    assert parse(text) == size
    assert shown(size) == (size if isinstance(size, str) else f"{size[0]}*{size[1]}")


@each("text", ["", "x", "1024", "1024x", "x768", "0x768", "768x0", "-1x5", "1.5x2", "1024x768x3", "100000x1", "16:9", "3K",
               "K", "12K", "１０２４x768", "٣x٤", "1024 768", "1e3x5", "2K4K", "1024x768px", "auto"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(ValueError):
        parse(text)


@pytest.mark.parametrize("text, aspect", [
    ("16:9", Fraction(16, 9)), ("32:18", Fraction(16, 9)), ("9/16", Fraction(9, 16)), ("4x3", Fraction(4, 3)), ("1.5", Fraction(3, 2)),
    ("2.39:1", Fraction(239, 100)), (" 1 : 1 ", Fraction(1)), ("100", Fraction(100)), ("1:100", Fraction(1, 100)), ("1920X1080", Fraction(16, 9))])
def test_aspect_is_read(text, aspect):
    assert parse_aspect(text) == aspect


@each("text", ["", ":", "16:", ":9", "16:0", "0:9", "0", "101", "1:101", "-1:2", "a:b", "16:9:4", "1e3", "nan", "inf",
               "100000:1", "1.23456:1", "16;9", "１６:9", "1024*768", "wide"])
def test_what_is_no_aspect_is_refused(text):
    with pytest.raises(ValueError):
        parse_aspect(text)


# ---- the bounds of every family --------------------------------------------------------------------------------------

QWEN_1 = ((1664, 928), (1472, 1104), (1328, 1328), (1104, 1472), (928, 1664))
WANX_1 = ((1024, 1024), (720, 1280), (768, 1152), (1280, 720))
# (model, mode) -> sizes at the border that are legal, sizes just beyond it. Written from section 5.
BORDERS = {
    ("qwen-image-3.0", "make"): ([(512, 512), (2048, 2048), (256, 2048), (2048, 256), (182, 1456), (1456, 182)],
                                 [(512, 511), (2048, 2049), (4104, 512), (1448, 181), (181, 1460), (1, 1), (20000, 20000)]),
    ("qwen-image-2.0", "make"): ([(512, 512), (2048, 2048), (2688, 1536), (1536, 2688), (2368, 1728), (1728, 2368), (1033, 1032)],
                                 [(511, 512), (2049, 2048), (2688, 1561), (500, 500), "1K", "2K"]),
    ("qwen-image-2.0-pro", "edit"): ([(512, 512), (2048, 2048), (1536, 1024)], [(511, 512), (2048, 2049)]),
    ("qwen-image-max", "make"): (QWEN_1, [(928, 1665), (1024, 1024), (1664, 927), "1K"]),
    ("qwen-image-plus", "make"): (QWEN_1, [(1328, 1329)]), ("qwen-image", "make"): (QWEN_1, [(512, 512)]),
    ("qwen-image-edit-plus", "edit"): ([(512, 512), (2048, 2048), (512, 2048), (2048, 512)], [(511, 2048), (2049, 512), (512, 2049)]),
    ("qwen-image-edit-max", "edit"): ([(512, 2048)], [(2048, 511)]),
    ("z-image-turbo", "make"): ([(512, 512), (2048, 2048), (1024, 1536), (1536, 1024)], [(512, 511), (2048, 2049)]),
    ("wan2.7-image-pro", "make"): (["1K", "2K", "4K", (768, 768), (4096, 4096), (8192, 2048), (2176, 272)],
                                   [(768, 767), (4096, 4097), (2184, 272), "3K"]),
    ("wan2.7-image-pro", "edit"): (["1K", "2K", (768, 768), (2048, 2048), (4096, 1024)], ["4K", (2048, 2049), (768, 767)]),
    ("wan2.7-image-pro", "series"): (["1K", "2K", (2048, 2048)], ["4K", (2049, 2048)]),
    ("wan2.7-image", "make"): (["1K", "2K", (768, 768), (2048, 2048)], ["4K", (2048, 2049), (767, 768)]),
    ("wan2.6-t2i", "make"): ([(1280, 1280), (1440, 1440), (2560, 640), (2700, 768)], [(1279, 1280), (1440, 1441), (2576, 640)]),
    ("wan2.5-t2i-preview", "make"): ([(768, 2700), (1280, 1280), (1440, 1440)], [(1280, 1279), (640, 2576)]),
    ("wan2.6-image", "edit"): (["1K", "2K", (768, 768), (2048, 2048), (4096, 1024), (800, 1200), (1344, 576)],
                               ["4K", (768, 767), (2048, 2049), (4100, 1020)]),
    ("wan2.6-image", "interleave"): ([(768, 768), (1280, 1280), (2560, 640), (720, 1280)], ["1K", "2K", (768, 767), (1280, 1281), (2576, 640)]),
    ("wan2.5-i2i-preview", "edit"): ([(768, 768), (1280, 1280), (1536, 384)], [(767, 768), (1281, 1280), (1552, 384)]),
    **{(name, "make"): ([(512, 512), (1440, 1440), (512, 1440), (1440, 512)], [(511, 512), (1441, 512), (768, 2700), "1K"])
       for name in ("wan2.2-t2i-flash", "wan2.2-t2i-plus", "wanx2.1-t2i-turbo", "wanx2.1-t2i-plus", "wanx2.0-t2i-turbo")},
    ("wanx-v1", "tool"): (WANX_1, [(1152, 768), (1024, 1025)]),
}
NONE = {("qwen-image-edit", "edit"), ("wanx2.1-imageedit", "function"), ("qwen-mt-image", "translate")}


def rule_of(name, mode):
    return TABLE.find(name)[0].does[mode].sizes


@each("name, mode", BORDERS)
def test_sizes_at_the_border_are_legal_and_those_beyond_are_not(name, mode):
    rule, (legal, illegal) = rule_of(name, mode), BORDERS[name, mode]
    assert [size for size in legal if not rule.fits(size)] == []
    assert [size for size in illegal if rule.fits(size)] == []
    for size in illegal:
        close = rule.nearest(size)
        assert close and all(rule.fits(one) for one in close), (size, close)
        assert len(close) <= 3 and len(set(close)) == len(close), (size, close)


@pytest.mark.parametrize("name, mode", NONE)
def test_model_without_sizes(name, mode):
    assert rule_of(name, mode) is None


@pytest.mark.parametrize("name", ["wan2.6-t2i", "wan2.5-t2i-preview"])
@pytest.mark.parametrize("size", [(1280, 1280), (1104, 1472), (1472, 1104), (960, 1696), (1696, 960)])
def test_sizes_that_the_documents_recommend_are_legal(name, size):
    """Section 5.7 gives them as examples, though four lie a little below the area that it states."""
    assert rule_of(name, "make").fits(size)


# ---- every rule of the table -----------------------------------------------------------------------------------------

def rules(rows) -> dict:
    """rule -> the first model and mode that have it."""
    found: dict = {}
    for row in rows:
        for mode, settings in row.does.items():
            if settings.sizes is not None:
                found.setdefault(settings.sizes, f"{row.id}-{mode}")
    return found


RULES = [pytest.param(rule, id=name) for rule, name in rules(MODELS).items()]
FREE = [one for one in RULES if type(one.values[0]) in (Area, Sides)]  # whose bounds are known here
CHOICES = [one for one in RULES if type(one.values[0]) is Choice]
ASPECTS = ["1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3", "21:9", "9:21", "5:4", "4:5", "2:1", "1:2", "2.39:1", "1.618", "1:2.4",
           "3:1", "1:3", "7:5", "17:16", "4:1", "1:4", "8:1", "1:8", "1.91:1", "239:240"]


ODD_SIZES = ((1, 1), (1, 99999), (99999, 1), (99999, 99999), (17, 9999), (640, 480), (1024, 1024), (1920, 1080), (3840, 2160), "1K", "2K", "4K")


def sent_by(rule, **given):
    """What a rule puts on the body, None where it refuses in words that a user can go by."""
    parameters: dict = {}
    try:
        rule.put(parameters, Ask(prompt="P", **given), "made-up", lambda: Fraction(1))
    except Failure as failure:
        assert failure.exit_code == Exit.USAGE and failure.fix, given
        assert any(word in failure.message for word in ("--size", "--aspect", "--quality")), failure.message
        return None
    assert parameters, given
    return parameters


def check_rule(rule) -> None:
    """What every rule keeps to, those of one family as well: it sends what it calls legal, and names legal sizes otherwise."""
    assert rule.words() and rule.column() and rule.step >= 1
    given = [dict(aspect=aspect, quality=quality) for aspect in (None, *ASPECTS) for quality in (None, *QUALITIES) if aspect or quality]
    found = [sent_by(rule, **one) for one in given]
    assert any(found), "it draws no shape at all"
    assert [sent for sent in found if sent and "size" in sent and not rule.fits(parse(sent["size"]))] == []
    for size in ODD_SIZES:
        sent = sent_by(rule, size=size)
        assert (sent == {"size": shown(size)}) == rule.fits(size) and (sent is None) != rule.fits(size), size
        if any(one and "size" in one for one in found):
            close = rule.nearest(size)
            assert 1 <= len(close) <= 3 and len(set(close)) == len(close) and all(rule.fits(one) for one in close), (size, close)


class Upright(namedtuple("Upright", "heights"), Rule):
    """A rule with the least that one must have: sizes of two to three, never lying."""

    __slots__ = ()

    def fits(self, size) -> bool:
        return size in self.sizes()

    def words(self) -> str:
        return " or ".join(map(shown, self.sizes()))

    def nearest(self, size) -> list:
        return self.sizes()[:1]

    def best(self, aspect, quality, text) -> tuple:
        if aspect != Fraction(2, 3):
            raise usage(f"--aspect {text}: the model draws 2:3 alone", f"legal: {self.words()}")
        return self.sizes()[0 if quality == "low" else -1]

    def sizes(self) -> list:
        return [(height * 2 // 3, height) for height in self.heights]


@pytest.mark.parametrize("rule", [*RULES, pytest.param(Upright((720, 1440)), id="of its own"),
                                  pytest.param(Area(512, 1024, 1.5, 768), id="without 16:9")])
def test_a_rule_sends_what_is_legal_and_names_what_is(rule):
    check_rule(rule)


def most_of(rule) -> Fraction:
    return Fraction(rule.ratio) if isinstance(rule, Area) else Fraction(rule.high, rule.low)


def unlike(size, aspect) -> float:
    ratio = Fraction(*size) / aspect
    return float(max(ratio, 1 / ratio)) - 1


@pytest.mark.parametrize("rule", FREE)
def test_best_size_is_legal_near_the_shape_and_grows_with_quality(rule):
    found = {aspect: [rule.best(aspect, quality, text) for quality in QUALITIES] for text, aspect in shapes_of(rule).items()}
    for aspect, sizes in found.items():
        for size in sizes:
            assert rule.fits(size) and not any(side % 16 for side in size), size
            assert unlike(size, aspect) <= 0.01, f"{size} is no {aspect}"
        areas = [width * height for width, height in sizes]
        assert areas == sorted(areas), aspect
        for (width, height), other in zip(sizes, found.get(1 / aspect, sizes)):
            assert abs(width * height - other[0] * other[1]) <= 0.1 * width * height, f"{width}*{height} lying, {other} standing"


def shapes_of(rule) -> dict:
    """The ASPECTS that a family draws, as fractions."""
    shapes = {text: parse_aspect(text) for text in ASPECTS}
    return {text: aspect for text, aspect in shapes.items() if max(aspect, 1 / aspect) <= most_of(rule)}


@pytest.mark.parametrize("rule", FREE)
def test_standard_size_has_about_the_usual_area(rule):
    above = 1.03 if rule.standard == rule.low else 1.0001  # a usual size at the lower bound can only be rounded up
    for text in {"1:1", "16:9", "2:3", "1.91:1"} & set(shapes_of(rule)):
        width, height = rule.best(parse_aspect(text), "standard", text)
        assert 0.9 * rule.standard ** 2 <= width * height <= above * rule.standard ** 2, (text, width, height)


@pytest.mark.parametrize("rule", FREE)
def test_highest_square_is_the_largest_legal_one(rule):
    side = rule.high // 16 * 16
    assert rule.best(Fraction(1), "high", "1:1") == (side, side)


@pytest.mark.parametrize("rule", FREE)
def test_shape_at_the_limit_is_found_and_one_beyond_names_what_is_legal(rule):
    most = most_of(rule)
    for aspect in (most, 1 / most):
        assert all(rule.fits(rule.best(aspect, quality, "limit")) for quality in QUALITIES)
    for aspect in (most * Fraction(101, 100), 1 / most / Fraction(101, 100)):
        with pytest.raises(Failure) as caught:
            rule.best(aspect, "standard", "99:1")
        assert caught.value.exit_code == Exit.USAGE and "--aspect 99:1" in caught.value.message
        assert rule.words() in caught.value.fix


@pytest.mark.parametrize("rule", CHOICES)
def test_best_of_a_few_sizes_is_the_one_of_that_shape(rule):
    for quality in QUALITIES:
        for size in rule.sizes:
            assert rule.best(Fraction(*size), quality, "x") == size
    for aspect in (Fraction(4), Fraction(1, 4), Fraction(21, 9)):
        with pytest.raises(Failure) as caught:
            rule.best(aspect, "standard", "wide")
        assert "--aspect wide" in caught.value.message
        assert all(shown(size) in caught.value.fix for size in rule.sizes)


@pytest.mark.parametrize("name, text, size", [
    ("qwen-image-max", "16:9", (1664, 928)), ("qwen-image-max", "9:16", (928, 1664)), ("qwen-image-max", "4:3", (1472, 1104)),
    ("qwen-image-max", "3:4", (1104, 1472)), ("qwen-image-max", "1:1", (1328, 1328)), ("wan2.6-t2i", "1:1", (1280, 1280)),
    ("qwen-image-2.0", "1:1", (2048, 2048)), ("wan2.2-t2i-flash", "1:1", (1024, 1024)), ("wan2.7-image", "1:1", (2048, 2048))])
def test_usual_shapes(name, text, size):
    assert rule_of(name, "make").best(parse_aspect(text), "standard", text) == size


@pytest.mark.parametrize("rule", FREE)
def test_nearest_size_keeps_the_shape(rule):
    for size in ODD_SIZES:
        if isinstance(size, tuple):
            close, aspect = rule.nearest(size), Fraction(*size)
            if max(aspect, 1 / aspect) <= most_of(rule):
                assert unlike(close[0], aspect) <= 0.01, (size, close)
            assert (close[0][0] >= close[0][1]) == (size[0] >= size[1]), (size, close)


@pytest.mark.parametrize("rule", FREE)
def test_nearest_to_a_size_that_is_too_large_is_the_largest_of_its_shape(rule):
    close, = rule.nearest((30000, 30000))
    side = rule.high // 16 * 16
    assert close == (side, side)
    close, = rule.nearest((3, 3))
    side = -(-rule.low // 16) * 16
    assert close == (side, side)


@pytest.mark.parametrize("rule", FREE)
def test_description_names_the_bounds(rule):
    said = rule.words()
    assert {rule.low, rule.high} <= {int(number) for number in re.findall(r"\d+", said)}
    if isinstance(rule, Area):
        assert f"{rule.ratio} to 1" in said and all(name in said for name, _ in rule.tiers)


@pytest.mark.parametrize("rule", CHOICES)
def test_description_names_all_sizes_of_a_few(rule):
    assert rule.words() == ", ".join(f"{width}*{height}" for width, height in rule.sizes)


def test_description_of_ratios():
    said = Ratio(("16:9", "1:1"), ("1k", "2k", "4k")).words()
    assert "16:9, 1:1" in said and "--quality low, standard, high" in said


def test_rules_of_their_own():
    assert Sides(500, 700, 600).best(Fraction(1), "high", "") == (688, 688)
    assert Sides(500, 700, 600).fits((500, 700)) and not Sides(500, 700, 600).fits("1K")
    assert Area(100, 200, 2, 150, (("1K", 150),)).fits("1K") and not Area(100, 200, 2, 150).fits("1K")
