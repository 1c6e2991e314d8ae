"""The text models as data, and the lookup of a model id's row.

Source: sections 2.3 and 8 of the wire contract (catalogue of 2026-05-27). Data, not law: a model id that is not here
takes the row of its longest matching prefix, with a warning.
"""
from __future__ import annotations

import re
from collections import namedtuple

from shared import models

TABLE_DATE = "2026-05-27"
DEFAULT_MODEL = "qwen3.6-plus"
DOCUMENT_MODEL = "qwen-long"
TRANSLATION_MODEL = "qwen-mt-plus"

# thinking: "on" and "off" are the defaults of models that can switch, "always" and "never" cannot.
# features: fc function calling, so structured output, ws web search, pc prefix continuation (partial mode),
#   stream (streams only), stream-think (thinks only in streams), cumulative (each chunk repeats all before it),
#   mt (translation model), long (reads uploaded documents), plain (content must be a string),
#   mm (native calls go to the multimodal endpoint), tb (takes a thinking budget).
# max_input, max_output, max_thinking: tokens, 0 where unknown or not settable.
Model = namedtuple("Model", "id thinking features max_input max_output max_thinking")

_K = 1024
_ALL = "fc so ws pc"

MODELS = tuple(Model(name, thinking, frozenset(features.split()), *limits) for name, thinking, features, *limits in (
    ("qwen3.7-max", "on", "fc ws pc plain tb", 991808, 65536, 256 * _K),
    ("qwen3.6-max-preview", "on", "fc so ws pc plain tb", 245760, 65536, 0),
    ("qwen3.6-plus", "on", _ALL + " mm tb", 991808, 65536, 81920),
    ("qwen3.6-flash", "on", _ALL + " mm tb", 991808, 65536, 128 * _K),
    ("qwen3.5-plus", "on", _ALL + " mm tb", 991808, 65536, 81920),
    ("qwen3.5-flash", "on", _ALL + " mm tb", 991808, 65536, 0),
    ("qwen3.6-27b", "on", _ALL + " mm tb", 260096, 65536, 0),
    ("qwen3.6-35b-a3b", "on", _ALL + " mm tb", 260096, 65536, 0),
    ("qwen3.5-397b-a17b", "on", _ALL + " mm tb", 260096, 65536, 0),
    ("qwen3.5-122b-a10b", "on", _ALL + " mm tb", 260096, 65536, 0),
    ("qwen3.5-27b", "on", _ALL + " mm tb", 260096, 65536, 0),
    ("qwen3.5-35b-a3b", "on", _ALL + " mm tb", 260096, 65536, 0),
    ("qwen3-max", "off", _ALL + " plain tb", 258048, 65536, 81920),
    ("qwen3-max-preview", "off", "plain tb", 258048, 65536, 0),
    ("qwen-plus", "off", _ALL + " plain tb", 997952, 32768, 0),
    ("qwen-flash", "off", _ALL + " plain tb", 997952, 32768, 0),
    ("qwen-turbo", "off", "so plain tb", 98304, 16384, 0),
    ("qwen-max", "never", _ALL + " plain", 30720, 8192, 0),
    ("qwq-plus", "always", "fc ws stream plain", 98304, 8192, 0),
    ("qwq-32b", "always", "stream plain", 98304, 8192, 0),
    ("qwen-long", "never", "long plain", 10000000, 8192, 0),
    ("qwen-doc-turbo", "never", "", 253952, 8192, 0),
    ("qwen3-coder-plus", "never", "fc plain", 997952, 65536, 0),
    ("qwen3-coder-flash", "never", "fc plain", 997952, 65536, 0),
    ("qwen3-coder-next", "never", "fc plain", 204800, 65536, 0),
    ("qwen3-coder-480b-a35b-instruct", "never", "fc plain", 204800, 65536, 0),
    ("qwen3-coder-30b-a3b-instruct", "never", "fc plain", 204800, 65536, 0),
    ("qwen-coder-plus", "never", "plain", 129024, 8192, 0),
    ("qwen-coder-turbo", "never", "plain", 129024, 8192, 0),
    ("qwen-math-plus", "never", "plain", 3072, 3072, 0),
    ("qwen-math-turbo", "never", "plain", 3072, 3072, 0),
    ("qwen-mt-plus", "never", "mt cumulative plain", 8192, 8192, 0),
    ("qwen-mt-turbo", "never", "mt cumulative plain", 8192, 8192, 0),
    ("qwen-mt-flash", "never", "mt plain", 8192, 8192, 0),
    ("qwen-mt-lite", "never", "mt plain", 8192, 8192, 0),
    ("qwen-plus-character", "never", "plain", 32768, 4096, 0),
    ("qwen-flash-character", "never", "plain", 8000, 4096, 0),
    ("qwen3-235b-a22b", "on", "fc so pc stream-think plain tb", 129024, 16384, 0),
    ("qwen3-235b-a22b-instruct-2507", "never", "fc so pc plain", 129024, 32768, 0),
    ("qwen3-235b-a22b-thinking-2507", "always", "fc pc plain tb", 129024, 32768, 0),
    ("qwen3-32b", "on", "fc so pc stream-think plain tb", 129024, 16384, 0),
    ("qwen3-30b-a3b", "on", "fc so pc stream-think plain tb", 129024, 16384, 0),
    ("qwen3-30b-a3b-instruct-2507", "never", "fc so pc plain", 129024, 32768, 0),
    ("qwen3-30b-a3b-thinking-2507", "always", "fc pc plain tb", 129024, 32768, 0),
    ("qwen3-14b", "on", "fc so pc stream-think plain tb", 129024, 8192, 0),
    ("qwen3-8b", "on", "fc so pc stream-think plain tb", 129024, 8192, 0),
    ("qwen3-next-80b-a3b-instruct", "never", "fc so pc plain", 129024, 32768, 0),
    ("qwen3-next-80b-a3b-thinking", "always", "fc pc plain tb", 129024, 32768, 0),
    ("deepseek-v4-pro", "on", "fc plain", 1000000, 393216, 0),
    ("deepseek-v4-flash", "on", "fc plain", 1000000, 393216, 0),
    ("deepseek-v3.2", "off", "fc plain", 98304, 65536, 0),
    ("deepseek-v3.2-exp", "off", "fc plain", 98304, 65536, 0),
    ("deepseek-v3.1", "off", "fc plain", 98304, 65536, 0),
    ("deepseek-v3", "never", "fc plain", 57344, 8192, 0),
    ("deepseek-r1", "always", "fc plain", 98304, 16384, 0),
    ("deepseek-r1-distill-qwen-32b", "always", "plain", 32768, 16384, 0),
    ("glm-5.1", "on", "fc so plain tb", 202745, 131072, 32768),
    ("glm-5", "on", "fc so plain tb", 169984, 16384, 32768),
    ("glm-4.7", "on", "fc plain tb", 169984, 16384, 32768),
    ("glm-4.6", "on", "fc plain tb", 169984, 16384, 32768),
    ("glm-4.5", "on", "fc plain tb", 98304, 16384, 32768),
    ("glm-4.5-air", "on", "fc plain tb", 98304, 16384, 32768),
    ("kimi-k2.6", "off", "fc mm", 229376, 16384, 0),
    ("kimi-k2.5", "off", "fc mm tb", 229376, 16384, 81920),
    ("kimi-k2-thinking", "always", "fc plain", 229376, 16384, 0),
    ("Moonshot-Kimi-K2-Instruct", "never", "fc plain", 131072, 0, 0),
    ("MiniMax-M2.5", "always", "fc plain", 204800, 32768, 0),
    ("MiniMax-M2.1", "always", "fc plain", 204800, 32768, 0),
    ("kimi/kimi-k2.6", "off", "fc so pc", 262144, 262144, 0),
    ("kimi/kimi-k2.5", "off", "fc so pc", 262144, 262144, 0),
    ("ZHIPU/GLM-5.1", "on", "fc so plain tb", 204800, 131072, 0),
    ("ZHIPU/GLM-5", "on", "fc so plain tb", 204800, 131072, 0),
    ("xiaomi/mimo-v2.5-pro", "on", "fc so plain", 1048576, 131072, 0),
))

# Rows for ids that no model above covers, longest prefix first at lookup. A default of None leaves `enable_thinking`
# to the service.
FAMILIES = tuple(Model(name, thinking, frozenset(features.split()), 0, 0, 0) for name, thinking, features in (
    ("", None, "fc so ws pc tb"),
    ("qwen3.", "on", _ALL + " tb"), ("qwen3-", None, _ALL + " tb"), ("qwen", None, _ALL + " tb"), ("qwen-mt-", "never", "mt"),
    ("qwen-long", "never", "long"), ("qwq", "always", "fc stream"), ("qvq", "always", "stream"),
    ("deepseek-v4", "on", "fc"), ("deepseek-", None, "fc"), ("glm-", "on", "fc so tb"), ("kimi", None, "fc tb"),
    ("MiniMax", "always", "fc"),
))

# Ids of other skills' models, for a warning that says where they belong.
OTHER_SKILLS = (
    (r"^(qwen-image|z-image|wan[\d.x]*-(t2i|image|i2i)|wanx[\d.]*-(t2i|image)|qwen-mt-image)", "qianwen-image-generation"),
    (r"^(wan|wanx|happyhorse|kling|vidu|pixverse)", "qianwen-video-generation"),
    (r"(^|-)tts|^cosyvoice|^sambert|speech", "qianwen-audio-tts"),
    (r"-vl-|^qvq|-ocr|^gui-plus", "qianwen-vision"),
)


def find_model(name: str) -> tuple:
    """The row of a model id, and a warning where the id is not in the table ('' where it is)."""
    row, like = models.find(name, MODELS, FAMILIES, "fc so ws pc tb")
    return row, _unknown(name, like) if like else ""


def _unknown(name: str, like: Model) -> str:
    for pattern, skill in OTHER_SKILLS:
        if re.search(pattern, name):
            return f"{name} looks like a model of the {skill} skill; it is sent as a text model all the same"
    return models.unknown(name, like, TABLE_DATE)


def names_with(feature: str, limit: int = 5) -> str:
    """The first few models that have a feature, for an error message."""
    return models.names_with(MODELS, feature, limit)
