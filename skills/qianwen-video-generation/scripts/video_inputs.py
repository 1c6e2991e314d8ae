"""From flags to an Ask: every file is looked at and every value read, and nothing is sent."""
from __future__ import annotations

import argparse
import contextlib
import os
import re

from shared.body import parse_settings
from shared.cli.fields import add_fields
from shared.cli.flags import exclude, number
from shared.cli.inputs import read_prompt, read_request
from shared.failures import usage
from shared.media import inputs as media
from shared.media.prompt import take_prompt_back

from video_fields import LOOK, SPECIAL
from video_models import all_fields, DEFAULTS, longest, MODES, TABLE, takers
from video_request import Ask
from video_rows import ANY, FUNCTION_MODEL, FUNCTIONS
from video_ways import is_video


# ---- values of flags -------------------------------------------------------------------------------------

def size(text: str) -> tuple:
    match = re.fullmatch(r"\s*(\d{2,5})\s*[xX*×]\s*(\d{2,5})\s*", text, re.ASCII)
    if not match:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size; legal: WxH such as 1280x720; "
                                         "for 720P use --resolution, for 16:9 --ratio")
    return int(match.group(1)), int(match.group(2))


def resolution(text: str) -> str:
    if not re.fullmatch(r"(\d{3,4}[pP])|([124][kK])", text.strip(), re.ASCII):
        raise argparse.ArgumentTypeError(f"{text!r} is not a resolution; legal: 480P, 720P, 1080P; "
                                         "other vendors' models have 360P, 540P, 768P, 2K or 4K")
    return text.strip().upper()


def ratio(text: str) -> str:
    if not re.fullmatch(r"\d{1,2}:\d{1,2}|adaptive", text.strip(), re.ASCII):
        raise argparse.ArgumentTypeError(f"{text!r} is not a ratio; legal: 16:9, 9:16, 1:1, 4:3, 3:4")
    return text.strip()


# ---- flags -----------------------------------------------------------------------------------------------

def add_flags(parser) -> None:
    """The flags of this script alone."""
    parser.add_argument("prompt", nargs="?", metavar="PROMPT",
                        help="what happens in the video ('-' reads stdin)")
    _add_media_flags(parser.add_argument_group("what goes in").add_argument)
    _add_look_flags(parser.add_argument_group(LOOK).add_argument)
    _add_special_flags(parser.add_argument_group(SPECIAL).add_argument)


def _add_media_flags(add) -> None:
    add("--image", metavar="F",
        help="the first frame; for wan2.2-animate-move, wan2.2-animate-mix and wan2.2-s2v the person")
    add("--last-frame", metavar="F", help="the last frame")
    add("--reference", metavar="F", nargs="+", action="extend", default=[],
        help="pictures or videos of the people and things to be seen, in the order the prompt counts them: "
             "Image 1, Video 1; happyhorse [Image 1]; wan2.6 character1 (write the prompt first). "
             "wan3.0-video takes addresses of sounds (.mp3), one document (.docx) or one page (.html), too")
    add("--voice", metavar="F", nargs="+", action="extend", default=[],
        help="a voice for each --reference, in their order (wan2.7-r2v)")
    add("--video", metavar="F",
        help="the video to edit; with --mode i2v or a wan2.7-i2v model the one to continue")
    add("--audio", metavar="F", help="the sound that the video follows (WAV or MP3)")
    add("--mask", metavar="F", help="with --function video_edit: white is changed, black stays")
    add("--from-clip", metavar="F",
        help="the last frame of this video becomes the first one of the new video (needs ffmpeg)")
    defaults = ", ".join(f"{mode} {model}" for mode, model in DEFAULTS.items())
    add("--mode", choices=MODES,
        help=f"what to make, where the inputs leave it open; default models: {defaults}")


def _add_look_flags(add) -> None:
    add("--resolution", metavar="720P", type=resolution,
        help="480P, 720P or 1080P, as the model has them; the price depends on it "
             "(default: the model's own, mostly 1080P)")
    add("--ratio", metavar="W:H", type=ratio,
        help="the shape, such as 16:9; an input picture or video decides it instead")
    add("--size", metavar="WxH", type=size, help="in pixels, instead of --resolution and --ratio")
    add("--duration", metavar="N", type=number(-1, longest(), whole=True),
        help="seconds, billed one by one (default: the model's own, mostly 5)")
    add_fields(add, LOOK, all_fields(), takers)


def _add_special_flags(add) -> None:
    add("--function", metavar="NAME", help=f"one edit of {FUNCTION_MODEL}: {', '.join(FUNCTIONS)}")
    add_fields(add, SPECIAL, all_fields(), takers)


# ---- the Ask ---------------------------------------------------------------------------------------------

def read_ask(options) -> tuple:
    """(the Ask, the model's row, a warning for an unknown model)."""
    take_prompt_back(options, ("reference", "voice"), "video.py PROMPT --reference FILE")
    files = (options.request, options.image, options.last_frame, options.video, options.audio, options.mask,
             *options.reference, *options.voice)
    inputs = [path for path in files if path == "-"]
    if len(inputs) > 1:
        raise usage("stdin can be read only once, but two inputs name '-'", "put one of them into a file")
    flags = ("model", "mode", "function", "resolution", "size", "ratio", "duration", *all_fields())
    ask = Ask(prompt=read_prompt(options.prompt, options.prompt_file, inputs, flag="--image"),
              request=read_request(options.request), settings=parse_settings(options.set),
              **{name: getattr(options, name) for name in flags})
    _look_at_media(ask, options)
    model, warning = TABLE.find(ask.model_name())
    check_media(ask, model)
    return ask, model, warning


def _look_at_media(ask: Ask, options) -> None:
    """What each file is decides on the model; whether it fits the model is checked after that."""
    ask.image = options.image and media.look(options.image, "--image", ANY["image"])
    if ask.image and options.from_clip:
        ask.image.argument = options.from_clip  # what messages and sidecars call it
    ask.last_frame = options.last_frame and media.look(options.last_frame, "--last-frame", ANY["image"])
    ask.video = options.video and media.look(options.video, "--video", ANY["video"])
    ask.audio = options.audio and media.look(options.audio, "--audio", ANY["sound"])
    formats = ANY["image"].formats + ANY["video"].formats
    both = ANY["image"]._replace(kind="a picture or video", formats=formats)
    ask.mask = options.mask and media.look(options.mask, "--mask", both)
    ask.references = [media.look(path, "--reference", both) for path in options.reference]
    ask.voices = [media.look(path, "--voice", ANY["sound"]) for path in options.voice]


def check_media(ask: Ask, model) -> None:
    """Each file against the limits of the model."""
    given = [("--image", ask.image, "image"), ("--last-frame", ask.last_frame, "image"),
             ("--video", ask.video, "video"), ("--audio", ask.audio, "sound")]
    given += [("--reference", item, "video" if is_video(item) else "image") for item in ask.references]
    given += [("--voice", item, "sound") for item in ask.voices]
    if ask.mask:
        given.append(("--mask", ask.mask, "video" if is_video(ask.mask) else "image"))
    for flag, item, kind in given:
        if item and not item.url and kind in model.media:
            media.check(item, flag, model.media[kind])


def pictures_and_more(ask: Ask) -> list:
    """(role, medium) of everything that is given."""
    found = [(role, getattr(ask, role)) for role in ("image", "last_frame", "video", "audio", "mask")
             if getattr(ask, role)]
    found += [("reference" if not is_video(item) else "reference_video", item) for item in ask.references]
    return found + [("voice", item) for item in ask.voices]


# ---- the last frame of a clip ----------------------------------------------------------------------------

@contextlib.contextmanager
def first_frame(options):
    """While this lasts, the last frame of --from-clip is the --image."""
    if not options.from_clip:
        yield
        return
    import tempfile
    exclude(options, "from_clip", ("image", "request"))
    with tempfile.TemporaryDirectory(prefix="qianwen-") as folder:
        options.image = last_frame_of(options.from_clip, folder)
        yield


_FORMATS = "mov,mp4,matroska,webm,avi,mpegts,mpeg,flv,asf,ogg,gif"  # none of them names other files to read
_SEARCH_SECONDS = 300.0


def last_frame_of(path: str, folder: str) -> str:
    """The last frame of a video as a PNG in `folder`, made by ffmpeg.
    Raises usage where that cannot be done."""
    from shared.cli.commands import on_path
    if not os.path.isfile(path):
        raise usage(f"--from-clip {path} does not exist or is not a file", "name a video on this machine")
    program = on_path("ffmpeg")
    if program is None:
        raise usage("--from-clip needs ffmpeg, which is not installed",
                    "install ffmpeg, or extract the last frame in another way and give it as --image")
    target = os.path.join(folder, "last-frame.png")
    for seek in (["-sseof", "-1"], []):  # the last second is enough, except in very short or odd files
        code, said = _run([program, "-nostdin", "-v", "error", *seek, "-protocol_whitelist", "file",
                           "-format_whitelist", _FORMATS, "-i", os.path.abspath(path),
                           "-update", "1", "-y", target])
        if code == 0 and os.path.exists(target) and os.path.getsize(target):
            return target
    raise usage(f"--from-clip {path}: ffmpeg could not read its last frame{said and ': ' + said}",
                "check the video")


def _run(command: list) -> tuple:
    """(exit code, last line of stderr) of a program, which is not given the key."""
    import subprocess
    from shared.account import bare_environment
    try:
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                              env=bare_environment(), timeout=_SEARCH_SECONDS)
    except subprocess.TimeoutExpired:
        return 1, f"it takes more than {_SEARCH_SECONDS:g} seconds"
    return done.returncode, (done.stderr.decode("utf-8", "replace").strip().splitlines() or [""])[-1]
