"""The flags of tts.py, and from flags to an Ask: every value read and checked, nothing sent."""
from __future__ import annotations

import os

from shared.body import object_in, parse_settings
from shared.cli.flags import (
    add_batch_flags, add_common_flags, add_result_flags, exclude, filled, number, Parser
)
from shared.cli.inputs import read_prompt, read_request
from shared.failures import usage
from shared.words import counted
from tts_models import DEFAULT_MODEL, find_model
from tts_request import DIRECTORY_FORMATS, FORMATS, Ask
from tts_subtitles import CUE

SKILL = "qianwen-audio-tts"
# flags that stand for a command of their own
MANAGE = ("my_voices", "clone", "design", "delete_voice", "voice_status")
_MARKDOWN = (".md", ".markdown", ".mdown", ".mkd")

EPILOG = """\
Text over a model's limit is split at sentence ends and joined into one file. Paid segments stay on disk until the whole is
saved: after a fault the same command again sends only what is missing. The file is named after the text, in the working directory
or where --output says; NAME.json beside it says how it was made. stdout carries only the path; progress, cost and errors go to
stderr.
exit codes: 0 ok, 1 a defect, 2 usage, 3 key, 4 quota, 6 network, 7 target exists, 8 refused or failed, 9 not saved,
10 content inspection, 11 some failed, 130 interrupted.

examples:
  tts.py "你好，欢迎收听。" -o hello.wav
  tts.py --text-file article.md --voice Ethan --pause 500 --srt -o article.wav
  tts.py "Good evening." --model qwen-audio-3.0-tts-flash --instructions "calm, slow, like a newsreader"
  tts.py --text-file book.txt --format mp3 -o book.mp3
  tts.py "Read this at once." --stream -o - | ffplay -nodisp -autoexit -
  tts.py --list-voices --language ja
  tts.py --clone https://example.com/me.wav --name anna --consent
  tts.py "Welcome, {name}." --batch guests.csv -o welcome/
"""


class _Parser(Parser):
    def format_help(self):
        from tts_help import filled
        for action in filter(lambda action: action.help, self._actions):
            action.help = filled(action.help)
        return super().format_help()


def make_parser() -> Parser:
    parser = _Parser(prog="tts.py", epilog=EPILOG,
                     description="Speak text of any length with the speech models of DashScope (千问云): "
                                 "one whole sound file, no segment paid twice.")
    parser.add_argument("text", nargs="?", metavar="TEXT", help="what to speak ('-' reads stdin)")
    _add_voice_flags(parser.add_argument_group("the voice").add_argument)
    _add_sound_flags(parser.add_argument_group("the sound").add_argument)
    _add_own_voice_flags(parser.add_argument_group("voices of your own").add_argument)
    add_result_flags(parser.add_argument_group("the files").add_argument)
    add_batch_flags(parser, parts=True)
    add_common_flags(parser, SKILL, DEFAULT_MODEL, main="text")
    return parser


def _add_voice_flags(add) -> None:
    add("--voice", metavar="ID", type=filled("--list-voices and --my-voices show them; leave --voice out for "
                                             "the model's own"),
        help="a voice of the model or one of your own "
             "(default: the model's own, {voice})")
    add("--list-voices", action="store_true",
        help="list the system voices, by --model, --language and --gender; sends nothing")
    add("--gender", choices=("female", "male"), help="with --list-voices")
    add("--language", metavar="LANG", type=filled("leave --language out to have it detected"),
        help="language of the text as zh, en, ja … (default: detected by the service); "
             "with --list-voices also a dialect")
    add("--instructions", metavar="TEXT",
        help="how to say it, in words ({instructions})")
    add("--speed", metavar="X", type=number(0.1, 10), help="{speed}; 1 is normal")
    add("--pitch", metavar="X", type=number(-100, 100), help="{pitch}")
    add("--volume", metavar="N", type=number(0, 1000), help="{volume}")
    add("--seed", metavar="N", type=number(0, 2**31 - 1, whole=True),
        help="{seed}; the same seed gives the same sound")
    add("--ssml", action="store_true", help="the text is one SSML document ({ssml})")


def _add_sound_flags(add) -> None:
    add("--format", choices=FORMATS,
        help="of the file (default: by the extension of --output, else wav; flac: {flac})")
    add("--sample-rate", metavar="HZ", type=number(8000, 48000, whole=True),
        help="such as 16000, 24000, 48000 (default: {rates})")
    add("--stream", action="store_true",
        help="write the sound as it arrives; with -o - to stdout, for a player")
    add("--pause", metavar="MS", type=number(0, 60000, whole=True),
        help="silence between paragraphs (default: 0; around the headings of a Markdown file 600)")
    add("--srt", action="store_true", help="write subtitles beside the file, with the timing of each segment")
    add("--max-part", metavar="UNITS", type=number(20, 20000, whole=True),
        help="the most that one call speaks, in counting units: a Chinese character is 2, anything else 1 "
             f"(default: by the model, {{part}}; {CUE} with --srt)")


def _add_own_voice_flags(add) -> None:
    add("--my-voices", action="store_true",
        help="list the voices made by this account (of --model's service)")
    add("--clone", metavar="F", type=filled("name the recording"),
        help="clone the voice of a recording (10 to 20 s of clear speech); needs --name and --consent")
    add("--design", metavar="TEXT", type=filled("describe the voice"),
        help="design a voice from a description; needs --name")
    add("--name", metavar="NAME", type=filled("name the voice"),
        help="with --clone and --design: letters and digits that the voice's id will hold")
    add("--consent", action="store_true",
        help="with --clone: the speaker has agreed to being cloned")
    add("--transcript", metavar="TEXT", type=filled("leave --transcript out, or write what the recording says"),
        help="with --clone: what the recording says (where the service takes it)")
    add("--preview-text", metavar="TEXT", type=filled("leave it out for a sentence of the script's own"),
        help="with --design, and --clone for MiniMax: what the new voice says in its first sound file")
    of_own = filled("--my-voices lists the ids")
    add("--voice-status", metavar="ID", type=of_own, help="show the state of a voice of your own")
    add("--delete-voice", metavar="ID", type=of_own, help="delete a voice of your own")


# ---- the Ask -------------------------------------------------------------------------------------------

def manages(options) -> bool:
    """Whether the command is about voices of one's own."""
    return any(getattr(options, name) for name in MANAGE)


def check_single(options) -> None:
    """Refuse flags that would be overruled or forgotten."""
    single = ["list_voices", *MANAGE]
    for name in single:
        if getattr(options, name):
            priced = () if name in ("clone", "design") else ("estimate",)
            others = [other for other in (*single, "batch", "stream", "srt", *priced) if other != name]
            exclude(options, name, others)
    _check_lost(options)
    making = options.clone or options.design
    for name, flag in (("name", "--clone and --design"), ("consent", "--clone"), ("transcript", "--clone"),
                       ("preview_text", "--design")):
        if name == "preview_text" and options.clone:
            continue  # MiniMax says it with the copied voice; the others refuse it later
        needed = making if name == "name" else getattr(options, flag.strip("-").replace("-", "_"))
        if getattr(options, name) and not needed:
            raise usage(f"--{name.replace('_', '-')} goes with {flag}", "add it, or leave this out")
    if options.gender and not options.list_voices:
        raise usage("--gender goes with --list-voices", "add it, or leave this out")
    if options.stream and options.batch is not None:
        raise usage("--stream does not go with --batch", "leave one of them out")


# Flags for what is spoken, and the commands about voices that take them all the same.
_SPEAKING = {
    **dict.fromkeys(("voice", "speed", "pitch", "volume", "seed", "instructions", "ssml", "format", "pause",
                     "max_part", "gallery", "request", "set"), ()),
    "output": ("clone", "design"), "sample_rate": ("design",), "language": ("list_voices", "clone", "design")}


def _check_lost(options) -> None:
    """Refuse what a listing or a command about voices would silently leave aside."""
    if not (options.list_voices or manages(options)):
        return
    if options.text or options.text_file:
        raise usage("a text does not go with --list-voices and commands about voices",
                    "leave it out; a preview's text is --preview-text")
    for name, takers in _SPEAKING.items():
        is_taken = any(getattr(options, taker) for taker in takers)
        if getattr(options, name) not in (None, False, []) and not is_taken:
            raise usage(f"--{name.replace('_', '-')} has no effect here: nothing is spoken", "leave it out")


def read_ask(options) -> tuple:
    """(the Ask, the kind of text for tts_plan.read)."""
    if options.request == "-" and "-" in (options.text, options.text_file):
        raise usage("stdin can be read only once, but two inputs name '-'", "put one of them into a file")
    request = read_request(options.request)
    text = read_prompt(options.text, options.text_file, [options.request], main="text")
    flags = ("model", "voice", "language", "instructions", "sample_rate", "speed", "pitch", "volume", "seed")
    ask = Ask(text=text or "", request=request, settings=parse_settings(options.set), ssml=options.ssml,
              **{name: getattr(options, name) for name in flags})
    if text is None:
        given = ask.given_input(find_model(ask.model_name())[0].says)
        if not isinstance(given, str) or not given.strip():
            raise usage("there is no text",
                        'write it as the argument, for example: tts.py "你好", or use --text-file FILE')
        ask.text = given
    named = _format_of(options.output, find_model(ask.model_name())[0].formats)
    if options.format and named and options.format != named:
        raise usage(f"--format {options.format} and --output {options.output} contradict each other",
                    "leave --format out, or change the name's extension")
    ask.format = options.format or named or _given_format(ask) or None
    return ask, "ssml" if ask.is_marked() else _kind(options.text_file)


def _kind(file: str | None) -> str:
    """How a file is read: Markdown by its extension, other text files as a person would,
    an argument as it stands."""
    if file is None:
        return ""
    return "markdown" if os.path.splitext(file)[1].lower() in _MARKDOWN else "file"


def _format_of(output: str | None, formats) -> str:
    """The format that a file's extension asks for.
    Raises usage for one that the model does not make, where `formats` are those that it makes."""
    if not output or output == "-" or output.endswith(("/", os.sep)) or os.path.isdir(output):
        return ""
    extension = os.path.splitext(output)[1][1:].lower()
    found = DIRECTORY_FORMATS.get(extension, "")
    if extension in _OTHER_MEDIA or found and found not in formats:
        legal = (name for name, form in DIRECTORY_FORMATS.items() if form in formats)
        raise usage(f"--output {output}: .{extension} files cannot be made",
                    f"legal: {', '.join('.' + name for name in legal)}")
    return found


_OTHER_MEDIA = frozenset(
    "m4a m4b aac wma aif aiff amr au mp4 mov webm mka mkv ra caf mid txt json md srt png jpg".split())


def _given_format(ask: Ask) -> str:
    """The format in --request."""
    setting = object_in(object_in(ask.request, "input"), "audio_setting")
    found = [ask.given_input("format"), setting.get("format"),
             object_in(ask.request, "parameters").get("response_format")]
    return next((value for value in found if value in FORMATS), "")


# ---- the list ------------------------------------------------------------------------------------------

def list_voices(options, console) -> None:
    """`--list-voices`: the table that comes with this version; nothing is sent."""
    import tts_voice_lists
    import tts_voices
    try:
        found = tts_voices.voices(model=options.model or "", language=options.language or "",
                                  gender=options.gender or "")
    except ValueError as error:
        raise usage(str(error)) from None
    if not found:
        raise usage("no system voice fits",
                    "leave out --model, --language or --gender; "
                    "models without system voices speak with your own (--my-voices)")
    if console.json_mode:
        console.document({"ok": True, "skill": SKILL, "table_date": tts_voice_lists.TABLE_DATE,
                          "voices": tts_voices.as_json(found), "warnings": console.warnings})
        return
    console.result(tts_voices.table(found) + "\n")
    console.note(f"{counted(len(found), 'voice')} by the lists of {tts_voice_lists.TABLE_DATE}; "
                 "others may exist, and your own are listed by --my-voices")
    for note in tts_voices.notes(found):
        console.note(note)
