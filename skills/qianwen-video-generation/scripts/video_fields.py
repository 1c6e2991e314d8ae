"""The flags that are one field of the request, a row each.

FIELDS are those of several families; the rows of video_rows.py name the ones that they take. A flag of one
family is a Field in the row itself, or in the fields that its rows share: `taken("seed", style=Field(...))`.

Source: sections 1.6, 6 and 7 of the video contract.
"""
from __future__ import annotations

from collections import namedtuple
from functools import partial

from shared.cli import fields
from shared.cli.flags import number

LOOK, SPECIAL = "how it looks and sounds", "what some models can do as well"  # groups of --help

# path: where it goes. letter: what it is called in the tables of models.md. group: of --help. flag: arguments
# for argparse; of a switch the texts for yes and for no; `{models}` in a text stands for the first models
# that take it. sent: value -> what is sent instead. most: the most characters that are read, 0 for no limit.
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
        help="one shot or several ({models}); for other models say it in the prompt")),
    "sound": Field(_P + "audio", "A", LOOK, (
        "with sound, where a model offers the choice ({models})",
        "without sound; cheaper with the flash models")),
    "keep_sound": Field(_P + "audio_setting", "K", LOOK, (
        "keep the sound of the video that is edited", "let the model decide on the sound"),
        {True: "origin", False: "auto"}),
    "template": Field("input.template", "T", SPECIAL, dict(
        metavar="NAME", help="an effect such as flying, instead of a prompt ({models})")),
    "quality": Field(_P + "mode", "Q", SPECIAL, dict(
        metavar="MODE", help="wan-std (default) or wan-pro (animate models); std, pro or 4k (kling)")),
}
taken = partial(fields.taken, FIELDS)  # (names of FIELDS, **own): the fields of a row


def flag_of(name: str, value=True) -> str:
    """The flag of a field, as it was written for this value."""
    return f"--{'no-' if value is False else ''}{name.replace('_', '-')}"
