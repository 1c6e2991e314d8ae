"""What only some families of video models refuse."""
from __future__ import annotations

from typing import Any, Callable, Dict, Tuple

from tests.emulator.video_call import VideoCall
from tests.emulator.video_media import bad
from tests.emulator.video_models import CLIP, FUNCTIONS
from tests.emulator.wire import ignored, invalid

EXCLUSIVE = invalid("The two modes are mutually exclusive.", param="media")     # told by the task, not by the create


def wan_reference(call: VideoCall) -> None:
    if not call.model.name.startswith("wan2.7-r2v"):
        return
    if "first_frame" in call.types and "ratio" in call.options:
        raise ignored("ratio", "does nothing beside a first_frame")
    if "reference_video" in call.types and call.options.get("duration", 5) > 10:
        raise invalid("emulator: 'duration' must be in [2, 10] with a reference_video", param="duration")


def wan3(call: VideoCall) -> None:
    if not call.model.name.startswith("wan3.0"):
        return
    types = set(call.types)
    if not types and not call.prompt.strip():
        raise invalid('Required parameter "prompt" missing from request.', param="prompt")
    frames = types & {"first_frame", "last_frame"}
    if frames and types - frames or {"file", "link"} <= types:
        raise EXCLUSIVE


def shots(call: VideoCall) -> None:
    if "shot_type" in call.options and call.options.get("prompt_extend") is False:
        raise ignored("shot_type", "does nothing without prompt_extend")


def silent(call: VideoCall) -> None:
    if call.options.get("audio") is False and "audio_url" in call.input:
        raise ignored("input.audio_url", "does nothing when 'audio' is false")


def template(call: VideoCall) -> None:
    if call.input.get("template"):
        for name in ("prompt", "last_frame_url"):
            if call.input.get(name):
                raise ignored(f"input.{name}", "does nothing beside a template")


def references(call: VideoCall) -> None:
    if not call.model.name.startswith("wan2.6-r2v"):
        return
    if ("reference_urls" in call.input) == ("reference_video_urls" in call.input):
        raise invalid('Required parameter "reference_urls" missing from request.', param="reference_urls")


def vace(call: VideoCall) -> None:
    function = FUNCTIONS.get(call.input.get("function", ""))
    if function is None or "function" not in call.model.inputs:
        return
    given, name = set(call.input) - {"function", "prompt"}, call.input["function"]
    for missing in sorted(function.needed - given):
        raise invalid(f'Required parameter "{missing}" missing from request.', param=missing)
    for other in sorted(given - function.needed - function.others):
        raise ignored(f"input.{other}", f"is not taken with {name}")
    VACE_CHECKS.get(name, lambda call, given: None)(call, given)


def _image_reference(call: VideoCall, given: Any) -> None:
    count = len(call.input["ref_images_url"])
    if "obj_or_bg" in call.options and len(call.options["obj_or_bg"]) != count or "obj_or_bg" not in call.options and count > 1:
        raise invalid("ref_images_url and obj_or_bg must be the same length.", param="obj_or_bg")


def _video_repainting(call: VideoCall, given: Any) -> None:
    if "control_condition" not in call.options:
        raise invalid('Required parameter "control_condition" missing from request.', param="control_condition")
    _one_reference(call)


def _video_edit(call: VideoCall, given: Any) -> None:
    if ("mask_image_url" in given) == ("mask_video_url" in given):
        raise invalid('Required parameter "mask_image_url" missing from request. emulator: one of mask_image_url and mask_video_url',
                      param="mask_image_url")
    if call.options.get("mask_type") == "fixed":
        for name in ("expand_ratio", "expand_mode"):
            if name in call.options:
                raise ignored(name, "does nothing with mask_type fixed")
    _one_reference(call)


def _video_extension(call: VideoCall, given: Any) -> None:
    if not given - {"video_url"}:
        raise invalid('Required parameter "first_frame_url" missing from request. emulator: or another frame or clip',
                      param="first_frame_url")
    if "video_url" in given and not call.options.get("control_condition"):
        raise invalid('Required parameter "control_condition" missing from request.', param="control_condition")


def _one_reference(call: VideoCall) -> None:
    if len(call.input.get("ref_images_url", ())) > 1:
        raise ignored("input.ref_images_url", f"may hold one picture with {call.input['function']}")


VACE_CHECKS: Dict[str, Callable[[VideoCall, Any], None]] = {
    "image_reference": _image_reference, "video_repainting": _video_repainting, "video_edit": _video_edit,
    "video_extension": _video_extension}


def vendors(call: VideoCall) -> None:
    name, count = call.model.name, len(call.input.get("media", ()))
    low, high = next((many for ending, many in VENDOR_MEDIA.items() if name.startswith(("vidu/", "pixverse/")) and name.endswith(ending)),
                     (0, 99))
    if not low <= count <= high:
        raise invalid(f"emulator: {name} takes {low} to {high} media", param="media")
    if name.startswith("pixverse/"):
        wanted = "size" if name.endswith(("-t2v", "-r2v", "-r2v-omni")) else "resolution" if name.endswith(("-it2v", "-kf2v")) else ""
        if wanted and wanted not in call.options:
            raise invalid(f'Required parameter "{wanted}" missing from request.', param=wanted)
    told = call.prompt.strip() or call.input.get("multi_prompt") or call.input.get("media")
    if call.model.usage == "vendor" and not told:
        raise invalid('Required parameter "prompt" missing from request.', param="prompt")


VENDOR_MEDIA = {"_text2video": (0, 0), "_img2video": (1, 1), "_start-end2video": (2, 2), "_reference2video": (1, 7), "-t2v": (0, 0),
                "-it2v": (1, 1), "-kf2v": (2, 2), "-r2v": (1, 7), "-r2v-omni": (1, 7)}
CHECKS: Tuple[Callable[[VideoCall], None], ...] = (wan_reference, wan3, shots, silent, template, references, vace, vendors)


# What depends on the media themselves

def reference_kinds(call: VideoCall) -> None:
    if call.model.name.startswith("wan2.6-r2v") and len(call.of(CLIP)) > 3:
        raise invalid("emulator: 'input.reference_urls' may hold 3 videos", param="reference_urls")


def wan3_seconds(call: VideoCall) -> None:
    if not call.model.name.startswith("wan3.0"):
        return
    for role in ("reference_video", "reference_audio"):
        total = sum(one.seconds for one in call.seen if one.role == role)
        if total > 15:
            raise bad("Duration", f"all {role} together have {total:g} s; 15 s are taken")
    if sum(one.seconds for one in call.of(CLIP)) + max(0, call.options.get("duration", 5)) > 30:
        raise bad("Duration", "the videos that go in and come out have more than 30 s together")


def masks(call: VideoCall) -> None:
    sizes = {(one.width, one.height) for one in call.seen
             if one.role in ("video_url", "mask_image_url", "mask_video_url") and one.width}
    if len(sizes) > 1 and call.input.get("function") == "video_edit":
        raise bad("Resolution", f"the mask and the video differ: {sorted(sizes)}")


LATER_CHECKS: Tuple[Callable[[VideoCall], None], ...] = (reference_kinds, wan3_seconds, masks)
