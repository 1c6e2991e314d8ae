"""The flags that are one field of the body each: a Field is the flag, its help, its place and its form on
the wire.

FIELDS are those of several families; the rows of image_models.py name the ones that they take. A flag of one
family is a Field in the row itself, or in the fields that its rows share: `taken("seed", glow=Field(...))`.
"""
from __future__ import annotations

import argparse
import re
from collections import namedtuple
from functools import partial

from shared.cli import fields
from shared.cli.flags import number
from shared.failures import usage

# path: dotted, in the body. flag: the arguments for argparse, or (help of --x, help of --no-x) for a switch;
# `{models}` in a help text stands for the models that take it. letter: in the table of models.md. group: the
# part of --help. encode: the value as it goes on the wire, from (value, ask). check: refuses what the service
# would, from the ask. modes: those in which the field counts, () for all. unset: mode -> what is sent there
# without the flag.
Field = namedtuple("Field", "path flag letter group encode check modes unset",
                   defaults=("look", lambda value, ask: value, lambda ask: None, (), {}))
_P = "parameters."


# ---- values --------------------------------------------------------------------------------------------

def box(text: str) -> tuple:
    """`left,top,right,bottom`, or `2:left,top,right,bottom` for the second picture."""
    match = re.fullmatch(r"\s*(?:(\d{1,2}):)?\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*", text, re.ASCII)
    numbers = [int(number) for number in match.groups()[1:]] if match else []
    if not match or numbers[0] >= numbers[2] or numbers[1] >= numbers[3]:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a box; legal: left,top,right,bottom in pixels, "
            "with the picture's number before it where there are several: 2:10,20,110,220")
    return int(match.group(1) or 1), numbers


def palette(text: str) -> list:
    """`#C2D1E6=40,#808080=35,#101010=25`: colours with their shares in per cent."""
    found = [re.fullmatch(r"\s*(#[0-9A-Fa-f]{6})\s*=\s*(\d{1,3}(?:\.\d+)?)\s*%?\s*", part)
             for part in text.split(",")]
    shares = [(match.group(1).upper(), round(float(match.group(2)), 2)) for match in found if match]
    if not all(found) or not 3 <= len(shares) <= 10 or abs(sum(share for _, share in shares) - 100) > 0.004:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a palette; legal: 3 to 10 colours whose shares sum to 100, "
            "such as #C2D1E6=40,#808080=35,#101010=25")
    return shares


def _boxes(boxes, ask) -> list:
    """A list of boxes for each picture, in the pictures' order."""
    return [[list(one) for number, one in boxes if number == place]
            for place in range(1, len(ask.images) + 1)]


def _colours(colours, ask) -> list:
    return [{"hex": colour, "ratio": f"{share:.2f}%"} for colour, share in colours]


# ---- checks --------------------------------------------------------------------------------------------

def _check_boxes(ask) -> None:
    counts: dict = {}
    for number, (x1, y1, x2, y2) in ask.box:
        counts[number] = counts.get(number, 0) + 1
        if not 1 <= number <= len(ask.images):
            raise usage(f"--box names picture {number}, but {len(ask.images)} are given",
                        "pictures count from 1")
        if counts[number] > 2:
            raise usage(f"--box: more than two boxes in picture {number}",
                        "the model takes two for each picture")
        picture = ask.images[number - 1]
        if picture.width and (x2 > picture.width or y2 > picture.height):
            sides = f"{picture.width}x{picture.height}"
            raise usage(f"--box {x1},{y1},{x2},{y2} goes beyond picture {number}, which is {sides}",
                        "coordinates are pixels of the original picture: left,top,right,bottom")


def _check_negative(ask) -> None:
    if len(ask.negative) > 500:
        raise usage(f"--negative has {len(ask.negative)} characters, but 500 are read", "shorten it")


def _check_thinking(ask) -> None:
    """Thinking is a part of enriching the prompt where the field is called `enable_thinking`."""
    if ask.think and ask.prompt_extend is False:
        raise usage("--think has no effect together with --no-prompt-extend", "leave one of them out")


# ---- the table -----------------------------------------------------------------------------------------

FIELDS = {  # the option's name -> Field; the flag is the name with dashes
    "negative": Field(_P + "negative_prompt", dict(metavar="TEXT", help="what should not be there"),
                      "N", "in", check=_check_negative),
    "box": Field(_P + "bbox_list", dict(
        metavar="L,T,R,B", type=box, action="append",
        help="a region of the picture that the prompt means, in pixels; N:L,T,R,B for picture N; "
             "two for each picture ({models})"), "B", "in", _boxes, _check_boxes, ("edit",)),
    "seed": Field(_P + "seed", dict(
        metavar="N", type=number(0, 2**31 - 1, whole=True),
        help="0 to 2147483647; the same seed and request give similar pictures"), "S"),
    "prompt_extend": Field(_P + "prompt_extend", (
        "let the service extend the prompt (most models do by default)",
        "draw the prompt unchanged"), "E"),
    "watermark": Field(_P + "watermark", (
        "put the service's mark into the corner", "no mark (the default of most models)"), "W"),
    "think": Field(_P + "thinking_mode", ("think before drawing ({models}; their default)", "draw at once"),
                   "T", "special", modes=("make",)),
    "palette": Field(_P + "color_palette", dict(
        metavar="C=P,…", type=palette,
        help="3 to 10 colours with their shares: #C2D1E6=40,#808080=35,#101010=25 ({models})"),
        "P", "special", _colours, modes=("make", "edit")),
}
taken = partial(fields.taken, FIELDS)  # (names of FIELDS, **own): the fields of a row
ENABLE_THINKING = FIELDS["think"]._replace(path=_P + "enable_thinking", modes=(), check=_check_thinking)
