"""From flags to an Ask: every file is looked at and every value read, and nothing is sent."""
from __future__ import annotations

import argparse
import re

import image_sizes
from image_models import find_model
from image_request import Ask
from shared.body import parse_settings
from shared.cli.flags import add_switch, number
from shared.cli.inputs import read_body, read_prompt, take_prompt_back
from shared.failures import usage
from shared.media import inputs as media


# ---- values of flags -------------------------------------------------------------------------------------------------

def size(text: str):
    try:
        return image_sizes.parse(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no size; legal: WxH such as 1024x768, or 1K, 2K, 4K where the model "
                                         "takes them; for a shape such as 16:9 use --aspect") from None


def aspect(text: str) -> str:
    try:
        image_sizes.parse_aspect(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no aspect ratio; legal: W:H such as 16:9") from None
    return text


def box(text: str) -> tuple:
    """`left,top,right,bottom`, or `2:left,top,right,bottom` for the second picture."""
    match = re.fullmatch(r"\s*(?:(\d{1,2}):)?\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*", text, re.ASCII)
    numbers = [int(number) for number in match.groups()[1:]] if match else []
    if not match or numbers[0] >= numbers[2] or numbers[1] >= numbers[3]:
        raise argparse.ArgumentTypeError(f"{text!r} is no box; legal: left,top,right,bottom in pixels, with the picture's "
                                         "number before it where there are several: 2:10,20,110,220")
    return int(match.group(1) or 1), numbers


def palette(text: str) -> list:
    """`#C2D1E6=40,#808080=35,#101010=25`: colours with their shares in per cent."""
    found = [re.fullmatch(r"\s*(#[0-9A-Fa-f]{6})\s*=\s*(\d{1,3}(?:\.\d+)?)\s*%?\s*", part) for part in text.split(",")]
    shares = [(match.group(1).upper(), round(float(match.group(2)), 2)) for match in found if match]
    if not all(found) or not 3 <= len(shares) <= 10 or abs(sum(share for _, share in shares) - 100) > 0.004:
        raise argparse.ArgumentTypeError(f"{text!r} is no palette; legal: 3 to 10 colours whose shares sum to 100, such as "
                                         "#C2D1E6=40,#808080=35,#101010=25")
    return shares


# ---- flags -----------------------------------------------------------------------------------------------------------

def add_flags(parser) -> None:
    """The flags of this script alone."""
    parser.add_argument("prompt", nargs="?", metavar="PROMPT", help="what to draw, or what to change ('-' reads stdin)")
    _add_picture_flags(parser.add_argument_group("what goes in").add_argument)
    _add_look_flags(parser.add_argument_group("how it looks").add_argument)
    _add_special_flags(parser.add_argument_group("what some models do besides").add_argument)


def _add_picture_flags(add) -> None:
    add("--image", metavar="F", nargs="+", action="extend", default=[], help="the picture to edit, or several to combine, in "
        "the order the prompt counts them (write the prompt first)")
    add("--mask", metavar="F", help="a picture of the same size: white is changed, black is kept (wanx2.1-imageedit, "
        "wanx-x-painting, image-erase-completion)")
    add("--box", metavar="L,T,R,B", type=box, action="append", help="a region of the picture that the prompt means, in pixels; "
        "N:L,T,R,B for picture N; two for each picture (wan2.7-image)")
    add("--negative", metavar="TEXT", help="what should not be there")


def _add_look_flags(add) -> None:
    add("--size", metavar="WxH", type=size, help="in pixels, also W*H; 1K, 2K or 4K for the wan2.6 and wan2.7 models")
    add("--aspect", metavar="W:H", type=aspect, help="the shape, such as 16:9; the best legal size of the model is found")
    add("--quality", choices=image_sizes.QUALITIES, help="how many pixels, for --aspect or the shape of the last "
        "picture given (default: standard, the model's usual size)")
    add("-n", "--n", metavar="N", type=number(1, 100, whole=True), help="how many pictures; each one is billed "
        "(default: 1)")
    add("--seed", metavar="N", type=number(0, 2**31 - 1, whole=True), help="0 to 2147483647; the same seed and request "
        "give similar pictures")
    add_switch(add, "prompt-extend", "let the service make the prompt richer (most models do unless told not to)",
                       "draw the prompt as it is")
    add_switch(add, "watermark", "put the service's mark into the corner", "no mark (the default of most models)")


def _add_special_flags(add) -> None:
    add_switch(add, "think", "think before drawing (qwen-image-3.0, wan2.7-image; their default)", "draw at once")
    add("--series", action="store_true", help="a set of up to -n pictures with the same subject (wan2.7-image)")
    add("--interleave", action="store_true", help="text and pictures in turn, written as Markdown beside the pictures "
        "(wan2.6-image)")
    add("--max-images", metavar="N", type=number(1, 5, whole=True), help="with --interleave: the most pictures, 1 to 5 "
        "(default: 1)")
    add("--palette", metavar="C=P,…", type=palette, help="3 to 10 colours with their shares: "
        "#C2D1E6=40,#808080=35,#101010=25 (wan2.7-image)")
    add("--function", metavar="NAME", help="one edit of wanx2.1-imageedit: expand, remove_watermark, super_resolution, "
        "colorization …")
    add("--strength", metavar="X", type=number(0, 1), help="with two of the functions: 0 keeps, 1 changes most")
    add("--translate-to", metavar="LANG", help="translate the text in a picture, for example en (qwen-mt-image)")
    add("--translate-from", metavar="LANG", help="its language (default: auto)")
    add("--task", action="store_true", help="make a task and wait for it, where the model also answers directly: a task "
        "outlives a broken connection (wan2.7-image, wan2.6, qwen-image-3.0, qwen-image-plus; not qwen-image-2.0)")


# ---- the Ask ---------------------------------------------------------------------------------------------------------

def read_ask(options) -> tuple:
    """(the Ask, the model's row, a warning for an unknown model)."""
    take_prompt_back(options, ("image",), "image.py PROMPT --image FILE")
    inputs = [path for path in (options.request, options.mask, *options.image) if path == "-"]
    if len(inputs) > 1:
        raise usage("stdin can be read once only, but two inputs name '-'", "put one of them into a file")
    ask = Ask(prompt=read_prompt(options.prompt, options.prompt_file, inputs), request=read_body(options.request),
              settings=parse_settings(options.set), task=options.task or options.no_wait, **{
                  name: getattr(options, name) for name in (
                      "model", "size", "aspect", "quality", "n", "series", "interleave", "function", "negative", "seed",
                      "prompt_extend", "watermark", "think", "box", "palette", "strength", "max_images", "translate_to",
                      "translate_from")})
    ask.mask = options.mask  # it decides on the default model
    model, warning = find_model(ask.model_name())
    ask.images = [media.look(path, "--image", model.picture) for path in options.image]
    ask.mask = media.look(options.mask, "--mask", model.picture) if options.mask else None
    _check_mask(ask)
    return ask, model, warning


def _check_mask(ask: Ask) -> None:
    if ask.mask and ask.images and ask.mask.width and ask.images[0].width:
        sides = [(picture.width, picture.height) for picture in (ask.mask, ask.images[0])]
        if sides[0] != sides[1]:
            raise usage(f"--mask is {sides[0][0]}x{sides[0][1]} and the picture is {sides[1][0]}x{sides[1][1]}",
                        "both must have the same size")
