"""The chat models as data, one row for text and vision: thinking, abilities, limits, price, sight, end.

Source: the wire contract's catalogue (2026-05-27) and the vendor's pages of October 2026, which are right
where they differ. Data, not law: an id that is not here takes the row of its longest matching prefix,
with a warning.
"""
from __future__ import annotations

from collections import namedtuple
from functools import partial

from ..money.prices import TokenPrice

AS_OF = "2026-10-09"
_MB, _GB = 1_000_000, 1_000_000_000

# What a model sees. picture_bytes: the largest picture. pictures: how many of them in one request. pixels:
# the least and the most that --min-pixels and --max-pixels may name, (0, 0) where they are not taken. frames:
# the least and the most pictures of a frame list, (0, 0) where it takes no video. video_bytes, video_seconds:
# the largest and longest video. 0: no limit is known.
Sight = namedtuple("Sight", "picture_bytes pictures pixels frames video_bytes video_seconds")

GRID_32, GRID_28 = (4_096, 16_777_216), (3_136, 12_845_056)
QWEN3X = Sight(20 * _MB, 256, GRID_32, (4, 8000), 2 * _GB, 7_200)  # 3.5 to 3.8
MANY = QWEN3X._replace(pictures=2048)
QWEN3_VL = QWEN3X._replace(frames=(4, 2000), video_seconds=3_600)
VL_MAX = Sight(10 * _MB, 256, GRID_32, (4, 512), 2 * _GB, 600)
VL_PLUS = VL_MAX._replace(video_bytes=1 * _GB)
QVQ = VL_PLUS._replace(pixels=GRID_28)
GUI = Sight(10 * _MB, 256, GRID_28, (0, 0), 0, 0)
KIMI = Sight(10 * _MB, 256, (0, 0), (4, 2000), 2 * _GB, 0)
OTHER_MAKERS = KIMI._replace(frames=(4, 512))
OCR_28 = Sight(10 * _MB, 1, (3_136, 23_520_000), (0, 0), 0, 0)
OCR_32 = Sight(10 * _MB, 1, (3_072, 30_720_000), (0, 0), 0, 0)
DEEPSEEK_OCR = Sight(10 * _MB, 1, (0, 0), (0, 0), 0, 0)
ANY = Sight(0, 2048, (1, 1_000_000_000), (4, 8000), 0, 0)

# thinking: "on" and "off" are defaults of models that can switch, "always" and "never" cannot, None: not
# known. features, a line for each thing they are about:
#   fc function calling, ws web search, pc prefix continuation, mt translation, long reads uploaded documents
#   ocr reads one picture and needs no prompt, ocr-tasks has built-in reading tasks on the native endpoint,
#     hr has a high-resolution mode, no-system ignores the system message
#   so takes JSON mode, js has the service keep to a JSON Schema, jt keeps to JSON while it thinks
#   tb takes a thinking budget, th is switched by `thinking` instead of `enable_thinking`
#   stream answers in streams only, stream-think thinks in streams only, cumulative: chunks repeat what came
#   mm: native calls go to the multimodal endpoint; ba can be in a file of the Batch API
#   new: an id newer than the table, which may have any of these
# efforts: what --effort may say; "none" switches thinking off. sees: a Sight, None for text alone.
# max_input, max_output, max_thinking: tokens, 0 where unknown or not settable. price: a TokenPrice or None.
# retired: the first day without the model, as announced, or ''; successor: the id to use instead.
# like: of an id newer than the table the row whose bounds its estimate takes, else None.
Model = namedtuple("Model", "id thinking features max_input max_output max_thinking price sees efforts "
                            "retired successor like", defaults=(None,))

_QWEN_EFFORTS = ("none", "low", "medium", "xhigh")
_THREE_EFFORTS = ("low", "high", "max")
_ALL_EFFORTS = ("low", "medium", "high", "xhigh", "max")
EFFORTS = ("low", "medium", "high", "xhigh", "max", "none")

ALL = "fc so ws pc"
NEW = ALL + " js jt mm tb"
_SEEN = ALL + " mm tb hr"


def model(name: str, thinking, features: str, limits, price=None, sees=None, efforts=()) -> Model:
    """A row. `limits`: most input, output and thinking tokens."""
    most_in, most_out, most_thinking = (*limits, 0)[:3]
    return Model(name, thinking, frozenset(features.split()), most_in, most_out, most_thinking, price, sees,
                 tuple(efforts), "", "")


_LONG, _QUARTER = (991808, 65536), (260096, 65536)
LONGER, _UNKNOWN = (991808, 131072), (0, 0)
_MAX_38 = TokenPrice((0, 12, 36), cached=1, ap_southeast_1=((0, 14.988, 44.965),))
_MAX_37 = TokenPrice((0, 12, 36), ap_southeast_1=((0, 18.736, 56.207),))
NO_MORE = (0, None, None)  # the prices of larger inputs are not published
_PLUS_37 = TokenPrice((256, 2, 8), (1000, 6, 24), ap_southeast_1=((256, 2.998, 11.991), NO_MORE))
_CODER_FLASH = TokenPrice((32, 1, 4), (128, 1.5, 6), (256, 2.5, 10), (1000, 5, 25))
PLUS = TokenPrice((128, 0.8, 2, 8), (256, 2.4, 20, 24), (1000, 4.8, 48, 64))
VL_PLUS_3 = TokenPrice((32, 1, 10), (128, 1.5, 15), (256, 3, 30))
own_hit = partial(TokenPrice, cached=1)  # of makers and hosts whose hit price only the console tells
_GLM_53 = own_hit((0, 8, 28))
_KIMI_26, _KIMI_25 = own_hit((0, 6.5, 27)), own_hit((0, 4, 21))

ROWS = (
    # -- Qwen 3.5 to 3.8
    model("qwen3.7-plus", "on", NEW + " hr ba", _LONG, _PLUS_37, MANY),
    model("qwen3.8-max", "on", NEW + " hr ba", LONGER, _MAX_38, MANY, _QWEN_EFFORTS),
    model("qwen3.8-flash", "on", NEW + " hr ba", LONGER,
          TokenPrice((0, 0.8, 2.7), cached=1, ap_southeast_1=((0, 1.094, 3.427),)), MANY, _QWEN_EFFORTS),
    model("qwen3.7-max", "on", NEW + " ba", (*_LONG, 262144), _MAX_37),
    model("qwen3.7-flash", "on", NEW + " hr ba", _LONG,
          TokenPrice((32, 0.2, 0.8), (256, 0.6, 2.4), (1000, 1.2, 4.8)), QWEN3X),
    model("qwen3.8-max-0902", "on", NEW + " hr", LONGER, _MAX_38, MANY, _QWEN_EFFORTS),
    model("qwen3.8-max-2026-09-02", "on", NEW + " hr", LONGER, _MAX_38, MANY, _QWEN_EFFORTS),
    model("qwen3.8-max-prime", "on", NEW + " hr", LONGER, TokenPrice((0, 24, 72), cached=1), MANY,
          _QWEN_EFFORTS),
    model("qwen3.8-27b", "on", _SEEN, _UNKNOWN, None, QWEN3X),
    model("qwen3.8-2.4t-a95b", "always", "fc ws mm tb hr", _UNKNOWN, None, QWEN3X),
    model("qwen3.7-plus-us", "on", NEW + " hr", _LONG, None, MANY),
    model("qwen3.7-max-2026-06-08", "on", NEW + " hr", (*_LONG, 262144), _MAX_37, QWEN3X),
    model("qwen3.7-max-preview", "always", "fc ws mm tb", (*_LONG, 262144), _MAX_37),
    model("qwen3.7-max-2026-05-17", "always", "fc ws mm tb", (*_LONG, 262144), _MAX_37),
    model("qwen3.6-plus", "on", _SEEN + " ba", (*_LONG, 81920),
          TokenPrice((256, 2, 12), (1000, 8, 48), ap_southeast_1=((256, 3.75, 22.48), NO_MORE)), QWEN3X),
    model("qwen3.6-flash", "on", _SEEN + " ba", (*_LONG, 131072),
          TokenPrice((256, 1.2, 7.2), (1000, 4.8, 28.8)), QWEN3X),
    model("qwen3.6-flash-us", "on", _SEEN, (*_LONG, 131072), None, QWEN3X),
    model("qwen3.5-plus", "on", _SEEN + " ba", (*_LONG, 81920),
          TokenPrice((128, 0.8, 4.8), (256, 2, 12), (1000, 4, 24)), QWEN3X),
    model("qwen3.5-flash", "on", _SEEN + " ba", _LONG,
          TokenPrice((128, 0.2, 2), (256, 0.8, 8), (1000, 1.2, 12)), QWEN3X),
    model("qwen3.6-27b", "on", _SEEN, _QUARTER, TokenPrice((0, 3, 18)), QWEN3X),
    model("qwen3.6-35b-a3b", "on", _SEEN, _QUARTER, TokenPrice((0, 1.8, 10.8)), QWEN3X),
    model("qwen3.5-397b-a17b", "on", _SEEN, _QUARTER, TokenPrice((128, 1.2, 7.2), (256, 3, 18)), QWEN3X),
    model("qwen3.5-122b-a10b", "on", _SEEN, _QUARTER, TokenPrice((128, 0.8, 6.4), (256, 2, 16)), QWEN3X),
    model("qwen3.5-27b", "on", _SEEN, _QUARTER, TokenPrice((128, 0.6, 4.8), (256, 1.8, 14.4)), QWEN3X),
    model("qwen3.5-35b-a3b", "on", _SEEN, _QUARTER, TokenPrice((128, 0.4, 3.2), (256, 1.6, 12.8)), QWEN3X),
    # -- Qwen, text alone
    model("qwen3-max", "off", ALL + " tb ba", (258048, 65536, 81920),
          TokenPrice((32, 2.5, 10), (128, 4, 16), (256, 7, 28))),
    model("qwen-plus", "off", ALL + " tb ba", (997952, 32768), PLUS),
    model("qwen-flash", "off", ALL + " tb ba", (997952, 32768),
          TokenPrice((128, 0.15, 1.5), (256, 0.6, 6), (1000, 1.2, 12))),
    model("qwen-max", "never", ALL, (30720, 8192), TokenPrice((0, 2.4, 9.6))),
    model("qwen3-coder-flash", "never", "fc", (997952, 65536), _CODER_FLASH),
    model("qwen-long", "never", "long ba", (10000000, 8192), TokenPrice((0, 0.5, 2))),
    model("qwen-doc-turbo", "never", "", (253952, 8192), TokenPrice((0, 0.6, 1))),
    model("qwen-mt-plus", "never", "mt cumulative", (8192, 8192), TokenPrice((0, 1.8, 5.4))),
    model("qwen-mt-flash", "never", "mt", (8192, 8192), TokenPrice((0, 0.7, 1.95))),
    model("qwen-mt-lite", "never", "mt", (8192, 8192), TokenPrice((0, 0.6, 1.6))),
    model("qwen-mt-uni", "never", "mt", (8192, 8192)),
    model("qwen-plus-character", "never", "", (32768, 4096), TokenPrice((0, 0.8, 2))),
    model("qwen-flash-character", "never", "", (8000, 4096), TokenPrice((0, 0.25, 1.5))),
    model("tongyi-intent-detect-v3", "never", "", (8192, 4096), TokenPrice((0, 0.4, 1))),
    model("tongyi-xiaomi-analysis-flash", "never", "", (28672, 4096), TokenPrice((0, 0.2, 0.4))),
    model("tongyi-xiaomi-analysis-pro", "never", "", (28672, 4096), TokenPrice((0, 1, 2.7))),
    # -- made for pictures
    model("qwen3-vl-plus", "off", "so tb hr ba", (260096, 32768, 81920), VL_PLUS_3, QWEN3_VL),
    model("qwen-vl-ocr", "never", "ocr ocr-tasks ba", (30000, 4096), TokenPrice((0, 0.3, 0.5)), OCR_28),
    model("qwen-vl-ocr-latest", "never", "ocr ocr-tasks ba", (30000, 8192), TokenPrice((0, 0.3, 0.5)),
          OCR_32),
    model("qwen-vl-ocr-2025-11-20", "never", "ocr ocr-tasks", (30000, 8192), TokenPrice((0, 0.3, 0.5)),
          OCR_32),
    *(model(f"qwen-vl-ocr-{day}", "never", "ocr ocr-tasks", (30000, 4096), TokenPrice((0, 5, 5)), OCR_28)
      for day in ("1028", "2024-10-28")),
    model("qwen3.5-ocr", "never", "ocr ocr-tasks", (30000, 8192), None, OCR_32),
    model("gui-plus", "off", "tb hr", (254976, 32768), TokenPrice((0, 1.5, 4.5)), GUI),
    model("vanchin/deepseek-ocr", "never", "so ocr", (8192, 8192), TokenPrice((0, 0.216, 0.216)),
          DEEPSEEK_OCR),
    # -- other makers
    model("deepseek-v4-pro", "on", "fc so jt", (1000000, 393216), TokenPrice((0, 12, 24), cached=1 / 12),
          efforts=_ALL_EFFORTS),
    model("deepseek-v4-flash", "on", "fc so jt", (1000000, 393216), TokenPrice((0, 1, 2)),
          efforts=_ALL_EFFORTS),
    model("deepseek-v4-pro-0813", "on", "fc so jt", (1000000, 393216), efforts=_THREE_EFFORTS),
    model("deepseek-v4-flash-0731", "on", "fc so jt", (1000000, 393216), efforts=_THREE_EFFORTS),
    model("deepseek-v4.1-flash", "on", "fc so", (1000000, 393216), None, OTHER_MAKERS, _THREE_EFFORTS),
    model("vanchin/deepseek-v4.1-flash", "on", "fc so", (1000000, 393216), None, OTHER_MAKERS,
          _THREE_EFFORTS),
    model("glm-5.3", "always", "fc", (1000000, 131072), _GLM_53, efforts=_THREE_EFFORTS),
    model("glm-5.2", "on", "fc so tb", _UNKNOWN, _GLM_53),
    model("glm-5.2-fast-preview", "on", "fc so tb", _UNKNOWN),
    model("glm-5.1", "on", "fc so tb", (202745, 131072, 32768), own_hit((32, 6, 24), (200, 8, 28))),
    model("glm-5", "on", "fc so tb", (169984, 16384, 32768), own_hit((32, 4, 18), (0, 6, 22))),
    model("ZHIPU/GLM-5.3", "always", "fc", (1000000, 131072), _GLM_53, efforts=_THREE_EFFORTS),
    model("ZHIPU/GLM-5.3-Flash", "always", "fc", (1000000, 131072), own_hit((0, 0.8, 2.8)),
          OTHER_MAKERS, _THREE_EFFORTS),
    model("ZHIPU/GLM-5.3-FlashX", "always", "fc", (1000000, 131072), own_hit((0, 2, 7)),
          efforts=_THREE_EFFORTS),
    model("ZHIPU/GLM-5.1", "on", "fc so tb", (204800, 131072), own_hit((0, 8, 28))),
    model("ZHIPU/GLM-5", "on", "fc so tb", (204800, 131072), own_hit((0, 6, 22))),
    model("kimi-k3", "always", "fc so jt", _UNKNOWN, efforts=_THREE_EFFORTS),
    model("kimi/kimi-k3", "always", "fc so jt", _UNKNOWN, efforts=_THREE_EFFORTS),
    model("kimi-k2.7-code", "always", "fc", _UNKNOWN),
    model("kimi/kimi-k2.7-code", "always", "fc so jt", _UNKNOWN),
    model("kimi/kimi-k2.7-code-highspeed", "always", "fc so jt", _UNKNOWN),
    model("kimi-k2.6", "off", "fc mm", (229376, 16384), _KIMI_26, KIMI),
    model("kimi-k2.5", "off", "fc mm tb", (229376, 16384, 81920), _KIMI_25, KIMI),
    model("kimi/kimi-k2.6", "on", "fc so pc jt", (262144, 262144), _KIMI_26, KIMI),
    model("kimi/kimi-k2.5", "on", "fc so pc jt", (262144, 262144), _KIMI_25, KIMI),
    model("MiniMax/MiniMax-M3", "on", "fc th", _UNKNOWN, TokenPrice((0, 4.2, 16.8))),
    model("MiniMax-M2.5", "always", "fc", (204800, 32768), TokenPrice((0, 2.1, 8.4))),
    model("MiniMax/MiniMax-M2.5", "always", "fc", (204800, 131072), TokenPrice((0, 2.1, 8.4))),
    model("MiniMax/MiniMax-M2.7", "always", "fc", (204800, 131072), TokenPrice((0, 2.1, 8.4))),
    model("stepfun/step-5-preview", "on", "fc so jt", _UNKNOWN, TokenPrice((0, 7, 20))),
    model("stepfun/step-3.7-flash", "on", "fc so jt", _UNKNOWN, TokenPrice((0, 1.35, 8.1))),
    model("unisound/unisound-u2", "never", "fc", _UNKNOWN),
    model("xiaomi/mimo-v2.5-pro", "on", "fc so", (1048576, 131072),
          TokenPrice((256, 7, 21), (1000, 14, 42))),
)

# Rows for ids that no model above covers. A thinking of None leaves `enable_thinking` to the service.
FAMILIES = tuple(model(name, thinking, features, (0, 0), None, sees) for name, thinking, features, sees in (
    ("", None, "", None),
    ("qwen3.", "on", "mm", QWEN3X), ("qwen3-", None, "", None), ("qwen3-vl-", None, "", QWEN3_VL),
    ("qwen", None, "", None), ("qwen-vl-", "never", "", VL_MAX),
    ("qwen-vl-ocr", "never", "ocr ocr-tasks", OCR_28), ("qwen*-ocr", "never", "ocr ocr-tasks", OCR_32),
    ("qwen*-omni", None, "stream", ANY), ("qvq", "always", "stream no-system", QVQ),
    ("qwen*-mt-", "never", "mt", None), ("qwen-long", "never", "long", None),
    ("qwq", "always", "stream", None),
    ("deepseek-v4", "on", "jt", None), ("deepseek-", None, "", None),
    ("glm-", "on", "", None), ("ZHIPU/", None, "", None),
    ("kimi", None, "", KIMI), ("MiniMax", None, "", None),
)) + (
    # groups that are retired as a whole
    *(model(name, thinking, features, (0, 0), None, sees)._replace(retired=day, successor=gone)
      for name, thinking, features, sees, day, gone in (
          ("qwen2.5-", "never", "", None, "2026-05-13", "qwen3.7-plus"),
          ("qwen2.5-vl-", "never", "", QVQ, "2026-05-13", "qwen3.7-plus"),
          ("qwen-omni-turbo", "never", "stream", None, "2026-10-10", "qwen3.6-flash"),
          ("deepseek-r1-distill-", "always", "", None, "2026-10-10", "deepseek-v4-flash"))),
    # other hosts: which ids they have is not known, but they cost what the maker's do
    *(model(f"{host}/deepseek-{name}", None, "", (0, 0), price) for host in ("siliconflow", "vanchin")
      for name, price in (("v3", own_hit((0, 2, 8))), ("v3.1", own_hit((0, 4, 12))),
                          ("v3.2", own_hit((0, 2, 3))), ("r1", own_hit((0, 4, 16))))),
)
_ABILITIES, _LACKS = frozenset(("new", "js")), frozenset(("no-system",))


def lacks(row: Model, feature: str) -> bool:
    """Whether a model is known not to have a feature."""
    return not row.features & {feature, "new"}


def bounds(row: Model) -> Model:
    """The row that tells what a call can come to at most: a budget holds with it, but nothing is refused."""
    return row.like or row


def free(row: Model, priced: Model | None) -> Model:
    """The row of an id that is newer than the table: all abilities and no limits."""
    is_family, like = row in FAMILIES, priced or row
    known = is_family or row.thinking in ("on", "off")
    return row._replace(thinking=row.thinking if known else None, features=row.features - _LACKS | _ABILITIES,
                        max_input=0, max_output=0, max_thinking=0,
                        price=like.price if priced or is_family else None,
                        sees=ANY, efforts=EFFORTS, like=like._replace(sees=like.sees or QWEN3X))


_THINKS = {"on": "thinks by default", "off": "thinks when asked", "always": "always thinks"}
_DOES = (("fc", "tools"), ("so", "JSON"), ("ws", "search"), ("pc", "prefix"), ("mt", "translation"),
         ("long", "documents"), ("ocr", "OCR"), ("ocr-tasks", "OCR tasks"), ("hr", "high resolution"),
         ("ba", "Batch API"))


def describe(row: Model) -> dict:
    """What --models says of a row."""
    sees = row.sees and (["pictures", "videos"] if row.sees.frames[1] else ["pictures"])
    thinks = _THINKS.get(row.thinking)
    limits = {"input_tokens": row.max_input, "output_tokens": row.max_output,
              "thinking_tokens": row.max_thinking, "efforts": list(row.efforts)}
    if row.sees:
        limits.update(pictures=row.sees.pictures, picture_bytes=row.sees.picture_bytes,
                      frames=row.sees.frames[1], video_bytes=row.sees.video_bytes,
                      video_seconds=row.sees.video_seconds)
    does = [word for name, word in _DOES if name in row.features]
    return {"does": ["text", *(sees or ()), *([thinks] if thinks else ()), *does],
            "limits": {name: value for name, value in limits.items() if value},
            "price": row.price.words() + " CNY per million tokens in/out" if row.price else ""}
