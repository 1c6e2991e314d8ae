"""The chat models that were announced as switched off, as rows like those of `models.py`.
Read only for ids that are not among those."""
from __future__ import annotations

from ..money.prices import TokenPrice
from .models import (
    ALL, GRID_28, LONGER, MANY, model, Model, NEW, NO_MORE, own_hit, PLUS, QVQ, QWEN3_VL, QWEN3X, Sight,
    VL_MAX, VL_PLUS, VL_PLUS_3
)

_GONE = "2026-10-10"  # the day of the last long list

_SMALL_VL = QWEN3X._replace(frames=(4, 512), video_seconds=1_200)
_OLDEST = Sight(10_000_000, 256, GRID_28, (4, 80), 150_000_000, 40)
_OPEN_235B, _OPEN_30B = TokenPrice((0, 2, 8, 20)), TokenPrice((0, 0.75, 3, 7.5))
_VL_FLASH = TokenPrice((32, 0.15, 1.5), (128, 0.3, 3), (256, 0.6, 6))
_GLM_4 = own_hit((32, 3, 14), (0, 4, 16))


def _model(name: str, thinking, features: str, limits, price=None, sees=None, *, gone: str,
           day: str = _GONE) -> Model:
    """A row; `gone` is the id to use from `day` on."""
    return model(name, thinking, features, limits, price, sees)._replace(retired=day, successor=gone)


ROWS = (
    _model("qwen3.8-max-preview", "on", NEW + " hr", LONGER, None, MANY, gone="qwen3.8-max",
           day="2026-08-06"),
    _model("qwen3.6-max-preview", "on", ALL + " mm tb", (245760, 65536),
           TokenPrice((128, 9, 54), (256, 15, 90)), gone="qwen3.7-max"),
    _model("qwen3-max-preview", "off", "tb", (258048, 65536),
           TokenPrice((32, 6, 24), (128, 10, 40), (256, 15, 60)), gone="qwen3-max"),
    *(_model(f"qwen3-max-{day}", "off", ALL + " tb", (258048, 65536, 81920), price, gone="qwen3-max")
      for day, price in (("2025-09-23", TokenPrice((32, 6, 24), (128, 10, 40), (256, 15, 60))),
                         ("2026-01-23", TokenPrice((32, 2.5, 10), (128, 4, 16), (256, 7, 28))))),
    *(_model(f"qwen-plus-{name}", "off", ALL + " tb", (997952, 32768), PLUS, gone="qwen3.7-plus")
      for name in ("0112", "1220", "2025-07-28", "2025-09-11")),
    _model("qwen-plus-us", "off", ALL + " tb", (997952, 32768), gone="qwen3.7-plus-us"),
    _model("qwen-flash-us", "off", ALL + " tb", (997952, 32768), gone="qwen3.6-flash-us"),
    _model("qwen-turbo", "off", "fc so tb", (98304, 16384), TokenPrice((0, 0.3, 0.6, 3)),
           gone="qwen3.6-flash"),
    _model("qwen-turbo-latest", "off", "fc so tb", (98304, 16384), gone="qwen3.6-flash", day="2026-05-13"),
    _model("qwen-max-latest", "never", ALL, (30720, 8192), gone="qwen3.7-max", day="2026-05-13"),
    _model("qwq-plus", "always", "fc ws stream", (98304, 8192), TokenPrice((0, 1.6, 4)), gone="qwen3.7-plus"),
    _model("qwq-plus-latest", "always", "fc ws stream", (98304, 8192), gone="qwen3.7-plus", day="2026-05-13"),
    _model("qwq-32b", "always", "stream", (98304, 8192), gone="qwen3.7-plus", day="2026-05-13"),
    *(_model(f"qwen-long-{name}", "never", "long", (10000000, 8192), TokenPrice((0, 0.5, 2)),
             gone="qwen-long")
      for name in ("latest", "2025-01-25")),
    _model("qwen3-coder-plus", "never", "fc", (997952, 65536),
           TokenPrice((32, 4, 16), (128, 6, 24), (256, 10, 40), (1000, 20, 200)), gone="qwen3.7-plus"),
    # of larger inputs only the last price is known, not from which size on
    *(_model(f"qwen3-coder-{name}", "never", "fc", (204800, 65536), price, gone="qwen3.7-plus")
      for name, price in (("next", TokenPrice((32, 1, 4), NO_MORE)),
                          ("480b-a35b-instruct", TokenPrice((32, 6, 24), NO_MORE)),
                          ("30b-a3b-instruct", TokenPrice((32, 1.5, 6), NO_MORE)))),
    _model("qwen-coder-plus", "never", "", (129024, 8192), TokenPrice((0, 3.5, 7)), gone="qwen3.7-plus"),
    _model("qwen-coder-turbo", "never", "", (129024, 8192), TokenPrice((0, 2, 6)), gone="qwen3.6-flash"),
    _model("qwen-math-plus", "never", "", (3072, 3072), TokenPrice((0, 4, 12)), gone="qwen3.7-plus"),
    _model("qwen-math-turbo", "never", "", (3072, 3072), TokenPrice((0, 2, 6)), gone="qwen3.6-flash"),
    _model("qwen-mt-turbo", "never", "mt cumulative", (8192, 8192), TokenPrice((0, 0.7, 1.95)),
           gone="qwen-mt-flash"),
    _model("farui-plus", "never", "", (12000, 2000), TokenPrice((0, 20, 20)), gone="qwen3.7-plus"),
    _model("qwen3-235b-a22b", "on", "fc so pc stream-think tb", (129024, 16384), _OPEN_235B,
           gone="qwen3.7-plus"),
    _model("qwen3-32b", "on", "fc so pc stream-think tb", (129024, 16384), _OPEN_235B, gone="qwen3.6-27b"),
    _model("qwen3-30b-a3b", "on", "fc so pc stream-think tb", (129024, 16384), _OPEN_30B,
           gone="qwen3.6-35b-a3b"),
    _model("qwen3-14b", "on", "fc so pc stream-think tb", (129024, 8192), TokenPrice((0, 1, 4, 10)),
           gone="qwen3.6-27b"),
    _model("qwen3-8b", "on", "fc so pc stream-think tb", (129024, 8192), TokenPrice((0, 0.5, 2, 5)),
           gone="qwen3.6-27b"),
    *(_model(f"qwen3-{size}", "on", "fc so pc stream-think tb", (0, 0), gone="qwen3.6-27b", day="2026-05-13")
      for size in ("4b", "1.7b", "0.6b")),
    *(_model(f"qwen3-{name}", "never", "fc so pc", (129024, 32768), price, gone="qwen3.6-35b-a3b")
      for name, price in (("235b-a22b-instruct-2507", TokenPrice((0, 2, 8))),
                          ("30b-a3b-instruct-2507", TokenPrice((0, 0.75, 3))),
                          ("next-80b-a3b-instruct", TokenPrice((0, 1, 4))))),
    *(_model(f"qwen3-{name}", "always", "fc tb", (126976, 32768), price, gone="qwen3.6-35b-a3b")
      for name, price in (("235b-a22b-thinking-2507", TokenPrice((0, 2, 20))),
                          ("30b-a3b-thinking-2507", TokenPrice((0, 0.75, 7.5))),
                          ("next-80b-a3b-thinking", TokenPrice((0, 1, 10))))),
    _model("qwen3-vl-flash", "off", "so tb hr ba", (260096, 32768, 81920), _VL_FLASH, QWEN3_VL,
           gone="qwen3.6-flash"),
    *(_model(f"qwen3-vl-plus-{day}", "off", "so tb hr", (260096, 32768, 81920), VL_PLUS_3, QWEN3_VL,
             gone="qwen3-vl-plus")
      for day in ("2025-09-23", "2025-12-19")),
    *(_model(f"qwen3-vl-flash-{day}", "off", "so tb hr", (260096, 32768, 81920), _VL_FLASH, QWEN3_VL,
             gone="qwen3.6-flash")
      for day in ("2025-10-15", "2026-01-22")),
    *(_model(f"qwen3-vl-{size}-instruct", "never", "so hr", (129024, 32768), price, sight,
             gone="qwen3.7-plus")
      for size, sight, price in (("235b-a22b", QWEN3_VL, TokenPrice((0, 2, 8))),
                                 ("30b-a3b", _SMALL_VL, TokenPrice((0, 0.75, 3))),
                                 ("32b", _SMALL_VL, TokenPrice((0, 2, 8))),
                                 ("8b", _SMALL_VL, TokenPrice((0, 0.5, 2))))),
    *(_model(f"qwen3-vl-{size}-thinking", "always", "tb hr", (126976, 32768, 81920), price, sight,
             gone="qwen3.7-plus")
      for size, sight, price in (("235b-a22b", QWEN3_VL, TokenPrice((0, 2, 20))),
                                 ("30b-a3b", _SMALL_VL, TokenPrice((0, 0.75, 7.5))),
                                 ("32b", _SMALL_VL, TokenPrice((0, 2, 20))),
                                 ("8b", _SMALL_VL, TokenPrice((0, 0.5, 5))))),
    _model("qwen-vl-max", "never", "so hr", (129024, 8192), TokenPrice((0, 1.6, 4)), VL_MAX,
           gone="qwen3.7-plus"),
    _model("qwen-vl-plus", "never", "so hr", (129024, 8192), TokenPrice((0, 0.8, 2)), VL_PLUS,
           gone="qwen3.6-flash"),
    *(_model(f"qwen-vl-max-{name}", "never", "so hr", (129024, 8192), TokenPrice((0, 1.6, 4)), VL_MAX,
             gone="qwen3.7-plus", day="2026-05-13")
      for name in ("latest", "2025-08-13")),
    *(_model(f"qwen-vl-plus-{name}", "never", "so hr", (129024, 8192), TokenPrice((0, 0.8, 2)), VL_PLUS,
             gone="qwen3.6-flash", day="2026-05-13")
      for name in ("latest", "2025-08-15", "2025-07-10")),
    *(_model(f"qwen-vl-{name}", "never", "so hr", (129024, 8192), None, sight, gone="qwen3.7-plus",
             day="2026-05-13")
      for name, sight in (("max-2025-04-08", QVQ._replace(video_bytes=2 * 1_000_000_000)),
                          ("max-2025-04-02", QVQ), ("max-2025-01-25", QVQ),
                          ("plus-2025-05-07", QVQ), ("plus-2025-01-25", QVQ))),
    *(_model(f"qwen-vl-{name}", "never", "hr", (30720, 2048), None, _OLDEST, gone="qwen3.7-plus",
             day="2026-05-13")
      for name in ("max-1230", "max-1119", "max-1030", "max-0809", "plus-0809", "plus-0102")),
    _model("qvq-max", "always", "stream hr no-system", (106496, 8192), TokenPrice((0, 8, 32)), QVQ,
           gone="qwen3.7-plus"),
    _model("qvq-plus", "always", "stream hr no-system", (106496, 8192), TokenPrice((0, 2, 5)), QVQ,
           gone="qwen3.7-plus"),
    _model("deepseek-v3.2", "off", "fc", (98304, 65536), TokenPrice((0, 2, 3)), gone="deepseek-v4-flash"),
    _model("deepseek-v3.2-exp", "off", "fc", (98304, 65536), TokenPrice((0, 2, 3)), gone="deepseek-v4-flash"),
    _model("deepseek-v3.1", "off", "fc", (98304, 65536), TokenPrice((0, 4, 12)), gone="deepseek-v4-flash"),
    _model("deepseek-v3", "never", "fc", (57344, 8192), TokenPrice((0, 2, 8)), gone="deepseek-v4-flash"),
    _model("deepseek-r1", "always", "fc", (98304, 16384), TokenPrice((0, 4, 16)), gone="deepseek-v4-pro"),
    *(_model(f"deepseek-r1-distill-qwen-{size}", "always", "", (32768, 16384), price,
             gone="deepseek-v4-flash")
      for size, price in (("32b", TokenPrice((0, 2, 6))), ("14b", TokenPrice((0, 1, 3))),
                          ("7b", TokenPrice((0, 0.5, 1))), ("1.5b", TokenPrice((0, 0, 0))))),
    _model("glm-4.7", "on", "fc tb", (169984, 16384, 32768), _GLM_4, gone="glm-5.2"),
    _model("glm-4.6", "on", "fc tb", (169984, 16384, 32768), _GLM_4, gone="glm-5.2"),
    _model("glm-4.5", "on", "fc tb", (98304, 16384, 32768), _GLM_4, gone="glm-5.2"),
    _model("glm-4.5-air", "on", "fc tb", (98304, 16384, 32768), own_hit((32, 0.8, 6), (0, 1.2, 8)),
           gone="glm-5.2"),
    _model("kimi-k2-thinking", "always", "fc", (229376, 16384), own_hit((0, 4, 16)), gone="kimi-k3"),
    _model("Moonshot-Kimi-K2-Instruct", "never", "fc", (131072, 0), own_hit((0, 4, 16)), gone="kimi-k2.6"),
    _model("MiniMax-M2.1", "always", "fc", (204800, 32768), TokenPrice((0, 2.1, 8.4)),
           gone="MiniMax/MiniMax-M3"),
    _model("MiniMax/MiniMax-M2.1", "always", "fc", (204800, 32768), TokenPrice((0, 2.1, 8.4)),
           gone="MiniMax/MiniMax-M3"),
)
