"""From flags to an Ask: every file is looked at and every value read, and nothing is sent."""
from __future__ import annotations

import argparse

import image_sizes
from image_models import all_fields, found_in, models_that, TABLE
from image_request import Ask, masked_models
from shared.body import parse_settings
from shared.cli.fields import add_fields
from shared.cli.flags import number
from shared.cli.inputs import read_prompt, read_request
from shared.failures import usage
from shared.media import inputs as media
from shared.media.prompt import take_prompt_back


# ---- values of flags -----------------------------------------------------------------------------------

def size(text: str):
    try:
        return image_sizes.parse(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a size; legal: WxH such as 1024x768, or 1K, 2K, 4K where the model takes them; "
            "for a shape such as 16:9 use --aspect") from None


def aspect(text: str) -> str:
    try:
        image_sizes.parse_aspect(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not an aspect ratio; legal: W:H such as 16:9") from None
    return text


# ---- flags ---------------------------------------------------------------------------------------------

def add_flags(parser) -> None:
    """The flags of this script alone."""
    parser.add_argument("prompt", nargs="?", metavar="PROMPT",
                        help="what to draw, or what to change ('-' reads stdin)")
    _add_picture_flags(parser.add_argument_group("what goes in").add_argument)
    _add_look_flags(parser.add_argument_group("how it looks").add_argument)
    _add_special_flags(parser.add_argument_group("what some models can do as well").add_argument)


def _add_picture_flags(add) -> None:
    add("--image", metavar="F", nargs="+", action="extend", default=[],
        help="the picture to edit, or several to combine, "
             "in the order the prompt counts them (write the prompt first)")
    add("--mask", metavar="F",
        help=f"a picture of the same size: white is changed, black stays ({masked_models()})")
    add_fields(add, "in", all_fields(), _takers)


def _add_look_flags(add) -> None:
    add("--size", metavar="WxH", type=size,
        help="in pixels, also W*H; 1K, 2K or 4K for models that have these tiers")
    add("--aspect", metavar="W:H", type=aspect,
        help="the shape, such as 16:9; the script finds the best legal size of the model")
    add("--quality", choices=image_sizes.QUALITIES,
        help="how many pixels, for --aspect or the shape of the last picture given "
             "(default: standard, the model's usual size)")
    add("-n", "--n", metavar="N", type=number(1, 100, whole=True),
        help="how many pictures; each one is billed (default: 1)")
    add_fields(add, "look", all_fields(), _takers)


def _add_special_flags(add) -> None:
    add("--series", action="store_true",
        help=f"a set of up to -n pictures with the same subject ({models_that('series')})")
    add("--interleave", action="store_true",
        help="text and pictures in turn, written as Markdown beside the pictures "
             f"({models_that('interleave')})")
    add("--function", metavar="NAME",
        help=f"one edit of {models_that('function')}: "
             "expand, remove_watermark, super_resolution, colorization …")
    add_fields(add, "special", all_fields(), _takers)
    add("--task", action="store_true",
        help="create a task and wait for it, where the model also answers directly: "
             f"a task survives a dropped connection ({TABLE.names(lambda row: row.direct and row.task)})")


def _takers(name: str) -> str:
    return models_that(take=name)


# ---- the Ask -------------------------------------------------------------------------------------------

def read_ask(options, region: str = "") -> tuple:
    """(the Ask, the model's row as it is in the region, a warning for an unknown model)."""
    take_prompt_back(options, ("image",), "image.py PROMPT --image FILE")
    inputs = [path for path in (options.request, options.mask, *options.image) if path == "-"]
    if len(inputs) > 1:
        raise usage("stdin can be read only once, but two inputs name '-'", "put one of them into a file")
    flags = ("model", "size", "aspect", "quality", "n", "series", "interleave", "function", *all_fields())
    ask = Ask(prompt=read_prompt(options.prompt, options.prompt_file, inputs, flag="--image"),
              request=read_request(options.request), settings=parse_settings(options.set),
              task=options.task or options.no_wait, **{name: getattr(options, name) for name in flags})
    ask.mask = options.mask  # it decides on the default model
    model, warning = found_in(region, ask.model_name())
    ask.images = [media.look(path, "--image", model.picture) for path in options.image]
    ask.mask = media.look(options.mask, "--mask", model.picture) if options.mask else None
    _check_mask(ask)
    return ask, model, warning


def _check_mask(ask: Ask) -> None:
    first = ask.images[0] if ask.images else None
    if not ask.mask or not first or not ask.mask.width or not first.width:
        return
    if (ask.mask.width, ask.mask.height) != (first.width, first.height):
        raise usage(f"--mask is {ask.mask.width}x{ask.mask.height} "
                    f"and the picture is {first.width}x{first.height}", "both must have the same size")
