"""`make bench`: what the script costs beyond a bare one, as ratios of one run; machines are noisy, ratios less so.

- whole-process time of `text.py` for one short answer, against a 15-line `urllib` script that makes the same call, in
  alternation on the same emulator: with bytecode kept (target: at most 1.2), and in a folder without (target: 1.5);
- added time per streamed chunk, against the bare script reading the same long stream;
- peak memory of both;
- peak memory of `vision.py` above its start while it uploads a video of 1 GiB (target: 64 MiB), and while it sends a
  picture of 7 MB inside the request;
- peak memory of `tts.py` above its start while it makes one WAV of a book (target: 64 MiB);
- rows a second of a batch against a server that takes 100 ms for each answer, next to what its workers could do at best;
- peak memory of 100,000 rows through the Batch API (target: 100 MiB above the start).
"""
from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests import media_samples
from tests.emulator import Emulator

ROOT = Path(__file__).resolve().parent.parent
TEXT = ROOT / "skills" / "qianwen-text" / "scripts" / "text.py"
VISION = ROOT / "skills" / "qianwen-vision" / "scripts" / "vision.py"
TTS = ROOT / "skills" / "qianwen-audio-tts" / "scripts" / "tts.py"
ROUNDS = int(os.environ.get("ROUNDS", "40"))
CHUNKS = 4000
TARGETS = {"bytecode kept": 1.2, "without bytecode": 1.5}
API_ROWS = int(os.environ.get("API_ROWS", "100000"))
BATCH_ROWS, BATCH_WORKERS, BATCH_LATENCY, BATCH_TARGET = 600, 32, 0.1, 0.85

BARE = '''\
import json, os, sys, urllib.request
body = {"model": "qwen3.7-plus", "messages": [{"role": "user", "content": sys.argv[1]}],
        "enable_thinking": False, "stream": True, "stream_options": {"include_usage": True}}
request = urllib.request.Request(os.environ["QWEN_BASE_URL"] + "/compatible-mode/v1/chat/completions",
    json.dumps(body).encode(), {"Authorization": "Bearer " + os.environ["DASHSCOPE_API_KEY"],
                                "Content-Type": "application/json"})
with urllib.request.urlopen(request, timeout=310) as response:
    for line in response:
        if line.startswith(b"data: {"):
            for choice in json.loads(line[6:])["choices"]:
                sys.stdout.write(choice["delta"].get("content") or "")
                sys.stdout.flush()
print()
'''

# A server that answers each chat call after so many seconds and costs next to nothing itself. Tells its port.
PROMPT_SERVER = """\
import asyncio, json, sys
CHUNKS = [{"choices": [{"index": 0, "delta": {"content": "Hello there."}, "finish_reason": None}]},
          {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
          {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 3, "total_tokens": 6}}]
BODY = b"".join(b"data: " + json.dumps({"id": "chatcmpl-1", "model": "qwen3.6-plus", **chunk}).encode() + b"\\n\\n"
                for chunk in CHUNKS) + b"data: [DONE]\\n\\n"
HEAD = b"HTTP/1.1 200 OK\\r\\nContent-Type: text/event-stream\\r\\nConnection: close\\r\\nContent-Length: %d\\r\\n\\r\\n"
async def serve(reader, writer):
    head = await reader.readuntil(b"\\r\\n\\r\\n")
    await reader.readexactly(int(head.lower().split(b"content-length:")[1].split(b"\\r\\n")[0]))
    await asyncio.sleep(float(sys.argv[1]))
    writer.write(HEAD % len(BODY) + BODY)
    await writer.drain()
    writer.close()
async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=256)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""

# Runs a script and writes the peak of its memory (MiB) to a file at the end. The kernel counts a child's ru_maxrss from
# its parent's peak on, so a process has to tell its own high-water mark.
WATCHED = """\
import atexit, os, runpy, sys
def tell(path=sys.argv.pop(1)):
    try:
        peak = next(int(line.split()[1]) / 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))
    except OSError:
        import resource
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024)
    open(path, "w").write(str(peak))
def leave(code, end=os._exit):
    tell()
    end(code)
atexit.register(tell)
os._exit = leave  # how our scripts end
del sys.argv[0]
sys.path.insert(0, sys.argv[0].rpartition("/")[0])
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def measure(command: list, environment: dict) -> float:
    """Seconds from start to end of one process."""
    begin = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    seconds = time.perf_counter() - begin
    if done.returncode:
        raise SystemExit(f"{command[1]} ended with exit code {done.returncode}")
    return seconds


def peak_memory(command: list, environment: dict) -> float:
    """Peak memory (MiB) of one process, told by itself."""
    with tempfile.TemporaryDirectory() as folder:
        told, watcher = Path(folder, "peak"), Path(folder, "watched.py")
        watcher.write_text(WATCHED, "utf-8")
        measure([command[0], str(watcher), str(told), *command[1:]], environment)
        return float(told.read_text())


def alternate(ours: list, bare: list, environment: dict, rounds: int, before=lambda: None) -> tuple:
    """Measure both commands in turn; return the two lists of seconds."""
    results: tuple = ([], [])
    for _ in range(rounds):
        for command, measured in zip((ours, bare), results):
            before()
            measured.append(measure(command, environment))
    return results


def _summary(results: tuple) -> tuple:
    """The middle of the ratios of neighbouring runs, and the middle time of each command."""
    ratio = statistics.median(ours / bare for ours, bare in zip(*results))
    return (ratio, *(statistics.median(runs) for runs in results))


def main() -> int:
    with Emulator() as emulator, tempfile.TemporaryDirectory() as folder:
        bare_script = Path(folder, "bare.py")
        bare_script.write_text(BARE, "utf-8")
        environment = {"PATH": os.environ["PATH"], "HOME": folder, "QWEN_BASE_URL": emulator.url,
                       "DASHSCOPE_API_KEY": "sk-bench-standard-key-of-nobody-0000"}
        ours, bare = ([sys.executable, str(script), "hello", *more] for script, more in
                      ((TEXT, ["--no-think"]), (bare_script, [])))
        without_bytecode(folder, ours, bare, environment)
        ours_time, bare_time = short_answer("bytecode kept", ours, bare, environment)
        long = alternate(ours, bare, environment, max(5, ROUNDS // 8),
                         lambda: emulator.reply(chunks=["word "] * CHUNKS))
        _, ours_long, bare_long = _summary(long)
        added = ((ours_long - ours_time) - (bare_long - bare_time)) / CHUNKS
        per_chunk = (bare_long - bare_time) / CHUNKS
        _say(f"a streamed chunk: {added * 1e6:+.0f} microseconds against the bare script's {per_chunk * 1e6:.0f} "
             f"({(added + per_chunk) / per_chunk:.2f}x, {CHUNKS} chunks, time of the emulator included)")
        peaks = []
        for command in (ours, bare):
            emulator.reply(chunks=["word "] * CHUNKS)
            peaks.append(peak_memory(command, environment))
        media_memory(emulator, folder, environment)
        narration_memory(emulator, folder, environment)
        batch_speed(folder, environment)
        api_memory(folder, environment, emulator)
        _say(f"peak memory: {peaks[0]:.1f} MiB against {peaks[1]:.1f} MiB ({peaks[0] / peaks[1]:.2f}x)")
    return 0


def short_answer(what: str, ours: list, bare: list, environment: dict) -> tuple:
    """Tell the ratio of one short answer; return the middle times."""
    alternate(ours, bare, environment, 3)
    ratio, ours_time, bare_time = _summary(alternate(ours, bare, environment, ROUNDS))
    _say(f"one short answer, {what}: {ratio:.2f}x the bare script ({ours_time * 1000:.0f} ms against "
         f"{bare_time * 1000:.0f} ms, {ROUNDS} alternating runs; target at most {TARGETS[what]}x)")
    return ours_time, bare_time


def without_bytecode(folder: str, ours: list, bare: list, environment: dict) -> None:
    """The same from a copy of the skill that has no bytecode and gets none."""
    copy = Path(folder, "copy")
    shutil.copytree(TEXT.parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
    short_answer("without bytecode", [ours[0], str(copy / TEXT.name), *ours[2:]], bare,
                 {**environment, "PYTHONDONTWRITEBYTECODE": "1"})


def media_memory(emulator: Emulator, folder: str, environment: dict) -> None:
    """Peak memory above the start for a large upload and a large inline picture."""
    emulator.max_file_size_mb = 2048
    video, picture = Path(folder, "gigabyte.mp4"), Path(folder, "large.bmp")
    video.write_bytes(media_samples.mp4_head(60, 640, 360, size=1 << 30))
    os.truncate(video, 1 << 30)
    picture.write_bytes(media_samples.bmp(1500, 1500))
    start = peak_memory([sys.executable, str(VISION), "--check"], environment)
    for what, arguments in (("uploading a video of 1 GiB (target: 64 MiB)", ["--video", str(video)]),
                            (f"sending a picture of {picture.stat().st_size / 1e6:.1f} MB inline", ["--image", str(picture)])):
        peak = peak_memory([sys.executable, str(VISION), "hello", "--no-think", *arguments], environment)
        _say(f"peak memory above the start ({start:.1f} MiB), {what}: {peak - start:.1f} MiB")


def narration_memory(emulator: Emulator, folder: str, environment: dict) -> None:
    """Peak memory above the start for a text of 100,000 characters, spoken twelve parts at a time into one WAV."""
    emulator.unit_seconds = 0.05
    text, book = Path(folder, "book.txt"), Path(folder, "book.wav")
    text.write_text("\n\n".join(f"第{number}段，清晨的山路上没有人。The train leaves at seven, {number} minutes late. " for number in range(1900)), "utf-8")
    start = peak_memory([sys.executable, str(TTS), "--check"], environment)
    peak = peak_memory([sys.executable, str(TTS), "--text-file", str(text), "-o", str(book), "--concurrency", "12"], environment)
    _say(f"peak memory above the start ({start:.1f} MiB), speaking {len(text.read_text('utf-8')):,} characters into a WAV of "
         f"{book.stat().st_size >> 20} MiB (target: 64 MiB): {peak - start:.1f} MiB")


def batch_speed(folder: str, environment: dict) -> None:
    """Rows a second, with and without the start-up, which is the time of the same command when nothing is missing."""
    rows, out = Path(folder, "rows.jsonl"), Path(folder, "out")
    rows.write_text("".join(f'{{"prompt": "hello {number}"}}\n' for number in range(BATCH_ROWS)), "utf-8")
    server = subprocess.Popen([sys.executable, "-c", PROMPT_SERVER, str(BATCH_LATENCY)], stdout=subprocess.PIPE, text=True)
    try:
        environment = {**environment, "QWEN_BASE_URL": "http://127.0.0.1:" + server.stdout.readline().strip()}
        command = [sys.executable, str(TEXT), "--batch", str(rows), "--concurrency", str(BATCH_WORKERS), "-o", str(out)]
        runs = []
        for _ in range(3):
            shutil.rmtree(out, ignore_errors=True)
            runs.append((measure(command, environment), measure(command, environment)))
        whole, start = (statistics.median(times) for times in zip(*runs))
    finally:
        server.kill()
        server.wait()
    ideal, speed = BATCH_WORKERS / BATCH_LATENCY, BATCH_ROWS / (whole - start)
    _say(f"a batch: {speed:.0f} rows a second without the start-up of {start * 1000:.0f} ms, {speed / ideal:.0%} of the ideal "
         f"{ideal:.0f} (target: {BATCH_TARGET:.0%}); {BATCH_ROWS / whole:.0f} with it ({BATCH_ROWS} rows, {BATCH_WORKERS} at a "
         f"time, {BATCH_LATENCY * 1000:.0f} ms each)")


def api_memory(folder: str, environment: dict, emulator: Emulator) -> None:
    """Peak memory and time of a CSV that goes through the Batch API: split, submitted, fetched, merged."""
    rows, out = Path(folder, "rows.csv"), Path(folder, "api-out")
    rows.write_text("id,word\n" + "".join(f"r{number},word {number}\n" for number in range(API_ROWS)), "utf-8")
    emulator.batch_polls = (0, 0, 0)
    start = peak_memory([sys.executable, str(TEXT), "--check"], environment)
    begin = time.perf_counter()
    peak = peak_memory([sys.executable, str(TEXT), "Say {word}", "--batch", str(rows), "--batch-api", "-o", str(out), "--no-think", "-q",
                        "--poll", "1"], environment)
    _say(f"peak memory above the start ({start:.1f} MiB), {API_ROWS:,} rows through the Batch API in {len(emulator.batches)} jobs "
         f"(target: 100 MiB): {peak - start:.1f} MiB; {API_ROWS / (time.perf_counter() - begin):.0f} rows a second")


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
