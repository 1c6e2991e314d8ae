"""`make demo`: the real scripts against the emulator. Needs no key and no network; `make demo DIR=FOLDER` keeps the results.

Each step shows the command as a person would type it, then what the script itself prints: the answer from stdout as it
arrives, what it says to a person from stderr.
"""
from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests import media_samples
from tests.emulator import Emulator

ROOT = Path(__file__).resolve().parent.parent
TEXT = ROOT / "skills" / "qianwen-text" / "scripts" / "text.py"
IMAGE = ROOT / "skills" / "qianwen-image-generation" / "scripts" / "image.py"
VIDEO = ROOT / "skills" / "qianwen-video-generation" / "scripts" / "video.py"
TTS = ROOT / "skills" / "qianwen-audio-tts" / "scripts" / "tts.py"
VISION = ROOT / "skills" / "qianwen-vision" / "scripts" / "vision.py"
STANDARD_KEY = "sk-demo-standard-key-of-nobody-0000"
PLAN_KEY = "sk-sp-demo-plan-key-of-nobody-0000"
TOKEN_PLAN = "https://token-plan.cn-beijing.maas.aliyuncs.com/compatible-mode/v1"

SCHEMA = {"title": "cities", "type": "object", "required": ["cities"], "additionalProperties": False, "properties": {
    "cities": {"type": "array", "minItems": 2, "items": {"type": "string", "enum": ["Hangzhou", "Suzhou", "Wuxi"]}}}}

MOOD = {"type": "object", "required": ["mood"], "additionalProperties": False, "properties": {"mood": {"enum": ["good", "bad"]}}}

# What is shown, the key, arguments, the expected exit code.
STEPS = (
    ("A question. The reasoning and the usage line go to stderr, the answer to stdout as it arrives.",
     STANDARD_KEY, (TEXT, "What is a TLS handshake? It's for my sister's class."), 0),
    ("The same in Chinese, without thinking.",
     STANDARD_KEY, (TEXT, "用一句话解释什么是递归 🙂", "--no-think"), 0),
    ("An answer that must match a JSON Schema, saved to a file.",
     STANDARD_KEY, (TEXT, "Two cities near Shanghai", "--schema", "cities.schema.json", "-o", "cities.json"), 0),
    ("A file summarised: its text goes before the prompt.",
     STANDARD_KEY, (TEXT, "Summarise this", "--attach", ROOT / "SKILL.md", "--no-think", "-q"), 0),
    ("A translation with fixed terms.",
     STANDARD_KEY, (TEXT, "千问云的密钥", "--translate-to", "English", "--terms", "terms.json"), 0),
    ("A picture that this demo has just drawn. The emulator decodes it, so what it says was really sent.",
     STANDARD_KEY, (VISION, "What do you see in this picture?", "--image", "flag.png", "--no-think"), 0),
    ("Two pictures compared, in the order given; the question is Chinese.",
     STANDARD_KEY, (VISION, "两张图有什么不同？", "--image", "flag.png", "sea.png", "--no-think", "-q"), 0),
    ("The text of a picture, read by the OCR model.",
     STANDARD_KEY, (VISION, "--ocr", "--image", "flag.png"), 0),
    ("A video of 8 MB: too large to travel inside the request, so it is uploaded to temporary storage first.",
     STANDARD_KEY, (VISION, "What happens in the video?", "--video", "clip.mp4", "--no-think", "-v"), 0),
    ("A picture made; its path is all that stdout has. A description of how it was made goes beside it.",
     STANDARD_KEY, (IMAGE, "A red fox in the snow, woodcut", "--aspect", "16:9", "--quality", "low", "-o", "fox.png"), 0),
    ("The picture edited; the prompt is Chinese.",
     STANDARD_KEY, (IMAGE, "把背景换成夜晚", "--image", "fox.png", "-o", "fox-night.png"), 0),
    ("A video from text: a task, whose id is in a journal before the first wait.",
     STANDARD_KEY, (VIDEO, "A paper boat in the rain", "--resolution", "720P", "--poll", "0.2", "-o", "boat.mp4"), 0),
    ("The picture becomes the first frame of a video. Nothing is left to be fetched after that.",
     STANDARD_KEY, (VIDEO, "狐狸回过头来", "--image", "fox.png", "--resolution", "720P", "--poll", "0.2", "-o", "fox.mp4"), 0),
    ("A sentence spoken.",
     STANDARD_KEY, (TTS, "你好，欢迎收听今天的节目。", "-o", "hello.wav"), 0),
    ("A Chinese article of more than 3,000 characters: split at sentence ends, spoken in parts, joined into one file, with subtitles.",
     STANDARD_KEY, (TTS, "--text-file", "article.md", "--voice", "Ethan", "--srt", "-o", "article.wav"), 0),
    ("A page of all that was made so far: pictures, clips and sounds.",
     STANDARD_KEY, (TTS, "--gallery", "-o", "./"), 0),
    ("A batch of three questions: one line of results.jsonl for each.",
     STANDARD_KEY, (TEXT, "--batch", "questions.jsonl", "-o", "answers/", "--no-think", "--system", "One sentence"), 0),
    ("The same again: nothing is missing, so nothing is sent or billed.",
     STANDARD_KEY, (TEXT, "--batch", "questions.jsonl", "-o", "answers/", "--no-think", "--system", "One sentence"), 0),
    ("A CSV classified by a schema: results.csv has the columns of both.",
     STANDARD_KEY, (TEXT, "Judge: {review}", "--batch", "reviews.csv", "--schema", "mood.schema.json", "-o", "judged/"), 0),
    ("The same by the service's Batch API, at half the price: uploaded, created, waited for, fetched.",
     STANDARD_KEY, (TEXT, "Judge: {review}", "--batch", "reviews.csv", "--schema", "mood.schema.json", "--batch-api", "--poll", "0.2",
                    "-o", "judged-by-jobs/"), 0),
    ("Which key and endpoint would be used? --check says it and sends nothing.",
     STANDARD_KEY, (TEXT, "--check"), 0),
    ("The key guard: a plan key (sk-sp-) is warned of before the call, and the refusal of the service is explained.",
     PLAN_KEY, (TEXT, "Hello"), 3),
    ("The key guard: a plan key and a plan endpoint. A script must not call it, so nothing is sent.",
     PLAN_KEY, (TEXT, "Hello"), 3),
    ("What did all this cost by list price? --spent sums it up, for all five scripts.",
     STANDARD_KEY, (TEXT, "--spent"), 0),
)


def article() -> str:
    """Markdown of some 3,000 Chinese characters: a walk along a lake, hour by hour."""
    hours = "一二三四五六七八九十"
    seen = ("湖面上起了一层薄雾，远处的山只剩下淡淡的影子", "渔船从桥洞下慢慢划出来，船头的灯还亮着", "岸边的柳树被风吹得轻轻摇晃，叶子落在石阶上",
            "几个早起的人在亭子里打拳，动作慢得像水", "卖早点的小店开了门，蒸汽把整条街都熏暖了", "孩子们背着书包跑过去，笑声惊起一群白鹭",
            "茶馆的主人把桌椅搬到院子里，泡上第一壶新茶", "雨忽然下起来，行人都躲到长廊下面看水里的圆圈", "雨停以后，天边出现了一道很淡的彩虹",
            "傍晚的钟声从寺里传来，湖水被夕阳染成了金色")
    parts = ["# 湖边的一天\n"]
    for number, hour in enumerate(hours):
        parts.append(f"## 第{hour}个小时\n")
        for turn in range(4):
            first, second = seen[(number + turn) % 10], seen[(number * 3 + turn + 1) % 10]
            parts.append(f"第{hour}个小时，{first}。我们停下来看了很久，谁也没有说话；{second}。朋友问我：“你还记得上一次来是什么时候吗？”我想了想，"
                         f"说：“大概是{hour}年前吧。”\n")
    return "\n".join(parts)


def draw(folder: str) -> None:
    """The files that the steps work on."""
    place = Path(folder)
    place.joinpath("article.md").write_text(article(), "utf-8")
    place.joinpath("cities.schema.json").write_text(json.dumps(SCHEMA), "utf-8")
    place.joinpath("mood.schema.json").write_text(json.dumps(MOOD), "utf-8")
    place.joinpath("reviews.csv").write_text("id,review\nr1,\"Good, and cheap\"\nr2,很快就坏了\nr3,As described\n", "utf-8-sig")
    place.joinpath("terms.json").write_text(json.dumps({"千问云": "QianWen Cloud"}, ensure_ascii=False), "utf-8")
    place.joinpath("questions.jsonl").write_text("".join(json.dumps({"prompt": f"What is {what}?"}) + "\n"
                                                         for what in ("TLS", "DNS", "HTTP")), "utf-8")
    red, white, blue = (200, 40, 40), (250, 250, 250), (40, 90, 200)
    place.joinpath("flag.png").write_bytes(media_samples.png(320, 200, lambda x, y: red if y < 100 else white))
    place.joinpath("sea.png").write_bytes(media_samples.png(320, 200, blue))
    place.joinpath("clip.mp4").write_bytes(media_samples.mp4(12, 640, 360, size=8_000_000))


def show(step: str, command: tuple, key: str, base_url: str, folder: str) -> int:
    """Run one step with its output going straight to ours; return the exit code."""
    shown = " ".join(_quoted(os.path.relpath(part, ROOT) if isinstance(part, Path) else part) for part in command)
    sys.stdout.write(f"\n── {step}\n$ python3 {shown}\n")
    sys.stdout.flush()
    environment = {**os.environ, "DASHSCOPE_API_KEY": key, "QWEN_BASE_URL": base_url, "QIANWEN_KEY_GUARD": "warn",
                   "XDG_STATE_HOME": os.path.join(folder, "state")}
    environment.pop("QWEN_REGION", None)
    return subprocess.run([sys.executable, *map(str, command)], cwd=folder, env=environment, stderr=subprocess.STDOUT).returncode


def _quoted(text: str) -> str:
    return '"' + text + '"' if " " in text else text


@contextlib.contextmanager
def _folder(kept: str):
    """Where the steps work: a folder that is new, or one that is gone afterwards."""
    if not kept:
        with tempfile.TemporaryDirectory() as folder:
            yield folder
        return
    os.makedirs(kept)
    yield os.path.abspath(kept)


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.demo", description=__doc__.split("\n")[0])
    parser.add_argument("folder", nargs="?", default="", help="a folder that does not exist yet, for the results")
    kept = parser.parse_args().folder
    if os.path.exists(kept):
        parser.error(f"{kept} exists already; choose another folder, or remove it")
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(encoding="utf-8", errors="replace")
    unexpected = []
    with Emulator() as emulator, _folder(kept) as folder:
        draw(folder)
        sys.stdout.write(f"The emulator of DashScope listens on {emulator.url}; no real service is called.\n")
        for number, (step, key, command, expected) in enumerate(STEPS, 1):
            base_url = TOKEN_PLAN if "plan endpoint" in step else emulator.url
            code = show(f"{number}. {step}", command, key, base_url, folder)
            sys.stdout.write(f"(exit code {code})\n")
            if code != expected:
                unexpected.append(f"step {number} ended with exit code {code}, expected {expected}")
        calls = sum("/services/" in one.path or one.path.endswith("/chat/completions") for one in emulator.requests)
        rows = sum(job.total for job in emulator.batches.values())
    sys.stdout.write(f"\n{calls} calls, one of them refused, and {rows} rows of a job reached the emulator. "
                     + ("; ".join(unexpected) or "Every step ended as it should.") + "\n")
    if kept:
        sys.stdout.write(f"What was made is in {kept}: open index.html there in a browser.\n")
    return 1 if unexpected else 0


if __name__ == "__main__":
    sys.exit(main())
