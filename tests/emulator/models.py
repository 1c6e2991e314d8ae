"""What each model can do: thinking, limits, features. A row per model or group of models with the same abilities."""
from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, Dict, FrozenSet, Mapping, Optional, Tuple

from tests.emulator.wire import Refusal

MEGABYTE = 1024 * 1024
NEVER, OFF, ON, ALWAYS = "never", "off", "on", "always"   # thinking: off and on are the defaults of models that can toggle


@dataclass(frozen=True)
class Sight:
    """How a model sees: its grid, and what it takes. Pixel bounds are width x height."""
    patch: int = 32                       # a token is patch x patch pixels
    min_pixels: int = 4_096
    max_pixels: int = 2_621_440           # unless the request says otherwise
    most_pixels: int = 16_777_216         # what max_pixels may be, and what vl_high_resolution_images means
    markers: int = 2                      # tokens around a picture
    high_resolution: bool = True          # knows vl_high_resolution_images
    pixel_bounds: bool = True             # takes min_pixels and max_pixels
    images: int = 256
    image_mb: int = 10
    data_uri: int = 10 * MEGABYTE         # characters of one data URL
    videos: int = 64                      # 0: takes none
    video_mb: int = 2_048
    video_seconds: int = 3_600
    frames: Tuple[int, int] = (4, 512)    # how many pictures may make a video


QWEN3_VL = Sight(image_mb=20, data_uri=20 * MEGABYTE, frames=(4, 2_000))
SMALL_VL = replace(QWEN3_VL, video_seconds=1_200, frames=(4, 512))
QWEN36 = replace(QWEN3_VL, video_seconds=7_200, frames=(4, 8_000))       # and all of 3.5 to 3.8
QWEN38 = replace(QWEN36, images=2_048)
VL_MAX = Sight(video_seconds=600)
# captured usage of this grid has no tokens for the markers: 29 x 43 patches were 1247 tokens
QVQ = Sight(28, 3_136, 1_003_520, 12_845_056, markers=0, video_mb=1_024, video_seconds=600)
GUI = replace(QVQ, frames=(4, 80), video_seconds=40, video_mb=150)
KIMI = Sight(28, 3_136, 1_003_520, 12_845_056, high_resolution=False, pixel_bounds=False, frames=(4, 2_000))
OCR_32 = Sight(32, 3_072, 8_388_608, 30_720_000, high_resolution=False, images=1, videos=0)
OCR_28 = replace(OCR_32, patch=28, min_pixels=3_136, max_pixels=6_422_528, most_pixels=23_520_000)
DEEPSEEK_OCR = replace(KIMI, images=1, videos=0)


ALL_EFFORTS = ("low", "medium", "high", "xhigh", "max")
QWEN_EFFORTS = ("none", "low", "medium", "xhigh")    # none switches thinking off
THREE_EFFORTS = ("low", "high", "max")


@dataclass(frozen=True)
class Model:
    """`features`: fc function calling, so structured output, ws web search, pc prefix continuation, ca explicit cache,
    qw Qwen's own sampling fields, n several choices, lp logprobs, ci code interpreter, pt preserve_thinking, jo JSON
    objects without schemas, jt JSON while it thinks, mm lives on the multimodal endpoint though it is blind, th the
    field `thinking` instead of enable_thinking, ft no heed to a forced tool while it thinks, ts tool_stream, lb
    logit_bias, files fileid:// documents, docs doc_url and skills, mt translation, mtc translation that streams
    cumulatively, ocr built-in reading tasks, ns no use for system messages."""
    name: str
    thinking: str
    max_input: int
    max_output: int
    features: FrozenSet[str]
    max_thinking: Optional[int] = None    # ceiling of thinking_budget; None: the field is not taken
    sight: Optional[Sight] = None         # of models that take pictures; these live on the multimodal endpoint
    efforts: Tuple[str, ...] = ()         # values of reasoning_effort; (): the field is not taken
    stream_only: bool = False
    stream_to_think: bool = False         # open hybrids: thinking needs a stream

    def can(self, feature: str) -> bool:
        return feature in self.features

    @property
    def vision(self) -> bool:
        return self.sight is not None

    @property
    def multimodal(self) -> bool:
        """Whether native calls go to multimodal-generation."""
        return self.vision or self.can("mm")

    @property
    def hybrid(self) -> bool:
        return self.thinking in (OFF, ON)


def _rows() -> Dict[str, Model]:
    table: Dict[str, Model] = {}

    def add(names: str, thinking: str, limits: Tuple[int, int], features: str = "", max_thinking: Optional[int] = None,
            **others: Any) -> None:
        for name in names.split():
            table[name] = Model(name, thinking, limits[0], limits[1], frozenset(features.split()), max_thinking, **others)

    million, quarter = (991_808, 65_536), (260_096, 65_536)
    everything = "fc so ws pc ca qw"
    longer, tail = (991_808, 131_072), everything + " pt jt"
    add("qwen3.8-max qwen3.8-max-0902 qwen3.8-max-prime qwen3.8-flash", ON, longer, tail, 262_144, sight=QWEN38, efforts=QWEN_EFFORTS)
    add("qwen3.8-27b", ON, million, "fc jo ws pc qw pt", 262_144, sight=QWEN36)
    add("qwen3.8-2.4t-a95b", ALWAYS, million, "fc ws qw pt", 262_144, sight=QWEN36)
    add("qwen3.8-omni-flash", NEVER, million, "fc qw", sight=QWEN36, stream_only=True)
    add("qwen3.7-plus qwen3.7-plus-us", ON, million, tail + " ci", 262_144, sight=QWEN38)
    add("qwen3.7-flash", ON, million, tail + " ci ft", 262_144, sight=QWEN36)
    add("qwen3.7-max", ON, million, tail + " ci mm", 262_144)
    add("qwen3.7-max-2026-06-08", ON, million, tail + " ci", 262_144, sight=QWEN36)
    add("qwen3.7-max-preview qwen3.7-max-2026-05-17", ALWAYS, million, "fc ws pc ca qw pt ci mm", 262_144)
    add("qwen3.6-max-preview", ON, (245_760, 65_536), everything + " pt ci mm", 81_920)
    add("qwen3.6-plus", ON, million, everything + " pt ci", 81_920, sight=QWEN36)
    add("qwen3.6-flash qwen3.6-flash-us", ON, million, everything + " pt ci", 131_072, sight=QWEN36)
    add("qwen3.5-plus qwen3.5-flash", ON, million, everything + " ci", 81_920, sight=QWEN36)
    add("qwen3.6-27b qwen3.6-35b-a3b", ON, quarter, "fc so ws pc qw pt", 81_920, sight=QWEN36)
    add("qwen3.5-397b-a17b qwen3.5-122b-a10b qwen3.5-27b qwen3.5-35b-a3b", ON, quarter, "fc so ws pc qw", 81_920, sight=QWEN36)
    add("qwen3-max", OFF, (258_048, 65_536), everything + " ci n", 81_920)
    add("qwen3-max-preview", OFF, (258_048, 65_536), "ca qw ci", 81_920)
    add("qwen-plus", OFF, (997_952, 32_768), everything + " n lp", 81_920)
    add("qwen-plus-us", OFF, (997_952, 32_768), everything + " n lp", 81_920)
    add("qwen-flash qwen-flash-us", OFF, (997_952, 32_768), everything, 81_920)
    add("qwen-turbo", OFF, (98_304, 16_384), "fc so ca qw lp", 38_912)
    add("qwen-max", NEVER, (30_720, 8_192), everything)
    add("qwq-plus qwq-32b", ALWAYS, (98_304, 8_192), "fc ws qw", stream_only=True)
    add("qwen-long", NEVER, (10_000_000, 8_192), "files qw")
    add("qwen-doc-turbo", NEVER, (253_952, 8_192), "docs ca qw")
    add("qwen3-coder-plus qwen3-coder-flash", NEVER, (997_952, 65_536), "fc ca qw")
    add("qwen3-coder-next qwen3-coder-480b-a35b-instruct qwen3-coder-30b-a3b-instruct", NEVER, (204_800, 65_536), "fc qw")
    add("qwen-coder-plus qwen-coder-turbo", NEVER, (129_024, 8_192), "qw")
    add("qwen-math-plus qwen-math-turbo", NEVER, (3_072, 3_072), "qw")
    add("qwen-mt-plus qwen-mt-turbo", NEVER, (8_192, 8_192), "mt mtc qw")
    add("qwen-mt-flash qwen-mt-lite", NEVER, (8_192, 8_192), "mt qw")
    add("qwen-plus-character", NEVER, (32_768, 4_096), "qw n lb")
    add("qwen-flash-character", NEVER, (8_000, 4_096), "qw n lb")
    add("farui-plus", NEVER, (12_000, 2_000), "qw")
    add("tongyi-intent-detect-v3", NEVER, (8_192, 4_096), "qw")
    add("tongyi-xiaomi-analysis-flash tongyi-xiaomi-analysis-pro", NEVER, (28_672, 4_096), "qw")
    add("qwen3-235b-a22b qwen3-32b qwen3-14b qwen3-8b qwen3-30b-a3b qwen3-4b qwen3-1.7b qwen3-0.6b", ON, (98_304, 16_384), "fc so pc qw n lp", 38_912,
        stream_to_think=True)
    add("qwen3-235b-a22b-instruct-2507 qwen3-30b-a3b-instruct-2507 qwen3-next-80b-a3b-instruct", NEVER, (129_024, 32_768),
        "fc so pc qw n lp")
    add("qwen3-235b-a22b-thinking-2507 qwen3-30b-a3b-thinking-2507 qwen3-next-80b-a3b-thinking", ALWAYS, (126_976, 32_768),
        "fc so pc qw lp", 81_920)
    add("qwen3-vl-plus qwen3-vl-flash", OFF, (260_096, 32_768), "fc so pc ca qw", 81_920, sight=QWEN3_VL)
    for size, sight in (("235b-a22b", QWEN3_VL), ("30b-a3b", SMALL_VL), ("32b", SMALL_VL), ("8b", SMALL_VL)):
        add(f"qwen3-vl-{size}-instruct", NEVER, (129_024, 32_768), "fc so pc qw", sight=sight)
        add(f"qwen3-vl-{size}-thinking", ALWAYS, (126_976, 32_768), "fc so pc qw", 81_920, sight=sight)
    add("qwen-vl-max", NEVER, (129_024, 8_192), "so pc ca qw", sight=VL_MAX)
    add("qwen-vl-plus", NEVER, (129_024, 8_192), "so pc ca qw", sight=replace(VL_MAX, video_mb=1024))
    add("qwen-vl-max-2025-04-08 qwen-vl-max-2025-04-02 qwen-vl-max-2025-01-25 qwen-vl-plus-2025-05-07 qwen-vl-plus-2025-01-25",
        NEVER, (129_024, 8_192), "so pc qw", sight=QVQ)
    add("qwen-vl-max-1230 qwen-vl-max-1119 qwen-vl-max-1030 qwen-vl-max-0809 qwen-vl-plus-0809 qwen-vl-plus-0102",
        NEVER, (30_720, 2_048), "qw", sight=replace(QVQ, frames=(4, 80), video_seconds=40, video_mb=150))
    add("qwen-vl-ocr", NEVER, (30_000, 4_096), "qw lp ocr", sight=OCR_28)
    add("qwen-vl-ocr-latest qwen-vl-ocr-2025-11-20 qwen3.5-ocr", NEVER, (30_000, 8_192), "qw lp ocr", sight=OCR_32)
    add("qvq-max qvq-plus", ALWAYS, (106_496, 8_192), "qw ns", sight=QVQ, stream_only=True)
    add("gui-plus", OFF, (254_976, 32_768), "qw", 81_920, sight=GUI)
    add("kimi-k2.5", OFF, (229_376, 16_384), "fc ca", 81_920, sight=KIMI)
    add("kimi-k2.6", OFF, (229_376, 16_384), "fc ca pt", sight=KIMI)
    add("kimi/kimi-k2.5 kimi/kimi-k2.6", ON, (262_144, 262_144), "fc so pc ca pt jt", sight=KIMI)
    add("kimi-k3 kimi/kimi-k3", ALWAYS, (262_144, 262_144), "fc jo pt jt", efforts=THREE_EFFORTS)
    add("kimi-k2.7-code", ALWAYS, (262_144, 262_144), "fc pt")
    add("kimi/kimi-k2.7-code kimi/kimi-k2.7-code-highspeed", ALWAYS, (262_144, 262_144), "fc jo pt jt")
    add("vanchin/deepseek-ocr", NEVER, (8_192, 8_192), "so", sight=DEEPSEEK_OCR)
    add("kimi-k2-thinking", ALWAYS, (229_376, 16_384), "fc")
    add("Moonshot-Kimi-K2-Instruct", NEVER, (131_072, 8_192), "fc")
    deep = (1_000_000, 393_216)
    add("deepseek-v4-pro deepseek-v4-flash", ON, deep, "fc jo jt", efforts=ALL_EFFORTS)
    add("deepseek-v4-pro-0813 deepseek-v4-flash-0731", ON, deep, "fc jo jt", efforts=THREE_EFFORTS)
    add("deepseek-v4.1-flash vanchin/deepseek-v4.1-flash", ON, deep, "fc jo jt", sight=replace(KIMI, frames=(4, 512)),
        efforts=THREE_EFFORTS)
    add("deepseek-v3.2 deepseek-v3.2-exp deepseek-v3.1", OFF, (98_304, 65_536), "fc")
    add("deepseek-v3", NEVER, (57_344, 8_192), "fc")
    add("deepseek-r1 deepseek-r1-0528", ALWAYS, (98_304, 16_384), "fc")
    add(" ".join(f"deepseek-r1-distill-qwen-{size}" for size in ("32b", "14b", "7b", "1.5b")), ALWAYS, (32_768, 16_384))
    add("glm-5.2 glm-5.2-fast-preview", ON, (202_745, 131_072), "fc so ts", 32_768)
    add("glm-5.3 ZHIPU/GLM-5.3 ZHIPU/GLM-5.3-FlashX", ALWAYS, (1_000_000, 131_072), "fc so ts", efforts=ALL_EFFORTS)
    add("ZHIPU/GLM-5.3-Flash", ALWAYS, (1_000_000, 131_072), "fc so ts", sight=replace(KIMI, frames=(4, 512)), efforts=ALL_EFFORTS)
    add("glm-5.1", ON, (202_745, 131_072), "fc so ts", 32_768)
    add("glm-5", ON, (169_984, 16_384), "fc so ts", 32_768)
    add("glm-4.7 glm-4.6", ON, (169_984, 16_384), "fc ts", 32_768)
    add("glm-4.5 glm-4.5-air", ON, (98_304, 16_384), "fc", 32_768)
    add("ZHIPU/GLM-5 ZHIPU/GLM-5.1", ON, (204_800, 131_072), "fc so ts", 32_768)
    add("MiniMax-M2.1 MiniMax-M2.5 MiniMax/MiniMax-M2.1", ALWAYS, (204_800, 32_768), "fc")
    add("MiniMax/MiniMax-M2.5 MiniMax/MiniMax-M2.7", ALWAYS, (204_800, 131_072), "fc")
    add("MiniMax/MiniMax-M3", ON, (1_000_000, 131_072), "fc th")
    add("stepfun/step-3.7-flash stepfun/step-5-preview", ON, (262_144, 65_536), "fc jo jt")
    add("unisound/unisound-u2", NEVER, (131_072, 32_768), "fc")
    add("qwen-mt-uni", NEVER, (8_192, 8_192), "mt qw")
    add("xiaomi/mimo-v2.5-pro", ON, (1_048_576, 131_072), "fc so")
    return table


MODELS: Dict[str, Model] = _rows()
NATIVE_ONLY = re.compile(r"(qwen-deep-research|qwen-image|wan\d|wanx|qwen3-tts|qwen-tts|cosyvoice|z-image|text-embedding).*")
SNAPSHOT = re.compile(r"(.+?)-(latest|\d{4}|\d{4}-\d{2}-\d{2}(?:-us)?)")


def find(name: str, models: Mapping[str, Model] = MODELS) -> Optional[Model]:
    """The row of a model id; dated snapshots and -latest take the row of their stem. Case matters."""
    match = SNAPSHOT.fullmatch(name)
    model = models.get(name) or (models.get(match.group(1)) if match else None)
    return replace(model, name=name) if model else None


def unsupported(name: str) -> Refusal:
    return Refusal(404, "model_not_supported", f"Unsupported model {name} for OpenAI compatibility mode.", native="ModelNotFound")


def unknown(name: str) -> Refusal:
    return Refusal(404, "model_not_found", f"The model `{name}` does not exist or you do not have access to it.",
                   native="ModelNotFound", native_message="Model can not be found.")
