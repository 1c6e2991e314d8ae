"""The flags that are one field of the request, a row each:
such a flag is added here, and to the rows of the models that take it.

Source: sections 1.6, 6 and 7 of the video contract.
"""
from __future__ import annotations

from collections import namedtuple

from shared.cli.flags import add_switch, number

LOOK, SPECIAL = "how it looks and sounds", "what some models can do as well"  # groups of --help
CONTROLS = ("posebodyface", "posebody", "depth", "scribble")

# path: where it goes, unless the model's row says otherwise. letter: what it is called in the tables of
# models.md. group: of --help. flag: arguments for argparse; of a switch the texts for yes and for no. sent:
# value -> what is sent instead. most: the most characters that are read, 0 for no limit.
Field = namedtuple("Field", "path letter group flag sent most", defaults=({}, 0))

_P = "parameters."
FIELDS = {
    "negative": Field("input.negative_prompt", "N", LOOK,
                      dict(metavar="TEXT", help="what should not be there"), most=500),
    "seed": Field(_P + "seed", "S", LOOK, dict(
        metavar="N", type=number(0, 2**31 - 1, whole=True),
        help="0 to 2147483647; the same seed and request give similar videos")),
    "prompt_extend": Field(_P + "prompt_extend", "E", LOOK, (
        "let the service extend the prompt (its default)", "use the prompt unchanged")),
    "watermark": Field(_P + "watermark", "W", LOOK, (
        "put the service's mark into the corner", "no mark (the default)")),
    "shot": Field(_P + "shot_type", "M", LOOK, dict(
        choices=("single", "multi"),
        help="one shot or several (wan2.6 models; for wan2.7 say it in the prompt)")),
    "sound": Field(_P + "audio", "A", LOOK, (
        "with sound, where a model offers the choice (wan2.6 flash, wan3.0, other vendors)",
        "without sound; cheaper with the flash models")),
    "keep_sound": Field(_P + "audio_setting", "K", LOOK, (
        "keep the sound of the video that is edited", "let the model decide on the sound"),
        {True: "origin", False: "auto"}),
    "template": Field("input.template", "T", SPECIAL, dict(
        metavar="NAME", help="an effect such as flying, instead of a prompt (wan2.x i2v and kf2v models)")),
    "style": Field(_P + "style", "Y", SPECIAL, dict(
        metavar="N", type=number(0, 7, whole=True), help="0 to 7 (video-style-transform)")),
    "strength": Field(_P + "strength", "G", SPECIAL, dict(
        metavar="X", type=number(0, 1), help="with --function video_repainting: 0 to 1")),
    "control": Field(_P + "control_condition", "G", SPECIAL, dict(
        metavar="WHAT", help=f"with --function: what stays of the video: {', '.join(CONTROLS)}")),
    "quality": Field(_P + "mode", "Q", SPECIAL, dict(
        metavar="MODE", help="wan-std (default) or wan-pro (animate models); std, pro or 4k (kling)")),
}


def places(names: str, **others) -> dict:
    """flag -> path, for the row of a model that takes the flags named; `others` go elsewhere there."""
    return {**{name: FIELDS[name].path for name in names.split()}, **others}


def flag_of(name: str, value=True) -> str:
    """The flag of a field, as it was written for this value."""
    return f"--{'no-' if value is False else ''}{name.replace('_', '-')}"


def add_fields(add, group: str) -> None:
    """The flags of a group of --help."""
    for name, field in FIELDS.items():
        if field.group != group:
            continue
        if isinstance(field.flag, tuple):
            add_switch(add, name.replace("_", "-"), *field.flag)
        else:
            add(flag_of(name), **field.flag)
