"""What was seen, in a sentence, so that a demonstration shows that the very bytes arrived."""
from __future__ import annotations

from typing import List, Optional

from tests.emulator import colours
from tests.emulator.pictures import Picture
from tests.emulator.sight import PICTURE, VIDEO, Seen
from tests.emulator.videos import Video

CHINESE_PLACES = {"left": "左侧", "right": "右侧", "top": "上方", "bottom": "下方", "top left": "左上", "top right": "右上",
                  "bottom left": "左下", "bottom right": "右下", "middle": "中间"}
PREPOSITIONS = {"left": "on", "right": "on", "middle": "in"}
ALL, MOSTLY = 0.97, 0.6                # shares from which one colour is told so
MOST = 16                              # pictures that are told one by one


def sentence(seen: List[Seen], chinese: bool) -> str:
    """Like "I see 1 picture: PNG, 320 x 200 pixels, all red (#c83232)."; "" when there is nothing to see."""
    speak = _chinese if chinese else _english
    return speak(seen) if seen else ""


def _kinds(seen: List[Seen]) -> List[List[Seen]]:
    return [group for group in ([one for one in seen if one.kind == kind] for kind in (PICTURE, VIDEO)) if group]


# English

def _english(seen: List[Seen]) -> str:
    told = []
    for group in _kinds(seen):
        items = [f"({number}) {_item(one)}" for number, one in enumerate(group[:MOST], 1)]
        items += [f"and {len(group) - MOST} more"] if len(group) > MOST else []
        listed = "; ".join(items) if len(items) > 1 else _item(group[0])
        told.append(f"I see {len(group)} {group[0].kind}{'s' if len(group) > 1 else ''}: {listed}.")
    return " ".join(told)


def _item(one: Seen) -> str:
    if one.address:
        return f"at {one.address}, which the emulator does not fetch"
    if one.frames:
        return f"{len(one.frames)} frames, the first {_item(one.frames[0])}"
    return _video(one.video) if one.video else _picture(one.picture)


def _video(video: Video) -> str:
    return video.format if video.seconds is None else (
        f"{video.format}, {video.width} x {video.height} pixels, {video.seconds:g} seconds")


def _picture(picture: Optional[Picture]) -> str:
    assert picture is not None
    size = f"{picture.format}, {picture.width} x {picture.height} pixels"
    found = colours.patches(picture)
    if not found:
        return size
    return size + ", " + ", ".join(_patch(patch) for patch in found)


def _patch(patch: colours.Patch) -> str:
    amount = "all " if patch.share >= ALL else "mostly " if patch.share >= MOSTLY else ""
    value = f" ({patch.hex})" if patch.hex else ""
    place = f" {PREPOSITIONS.get(patch.place, 'at')} the {patch.place}" if patch.place else ""
    return amount + patch.name + value + place


# Chinese

def _chinese(seen: List[Seen]) -> str:
    nouns = {PICTURE: "张图片", VIDEO: "段视频"}
    told = []
    for group in _kinds(seen):
        items = [f"（{number}）{_chinese_item(one)}" for number, one in enumerate(group[:MOST], 1)]
        items += [f"还有 {len(group) - MOST} 个"] if len(group) > MOST else []
        listed = "；".join(items) if len(items) > 1 else _chinese_item(group[0])
        told.append(f"我看到 {len(group)} {nouns[group[0].kind]}：{listed}。")
    return "".join(told)


def _chinese_item(one: Seen) -> str:
    if one.address:
        return f"网址 {one.address} ，模拟服务不去下载"
    if one.frames:
        return f"共 {len(one.frames)} 帧，第一帧 {_chinese_item(one.frames[0])}"
    return _chinese_video(one.video) if one.video else _chinese_picture(one.picture)


def _chinese_video(video: Video) -> str:
    return video.format if video.seconds is None else (
        f"{video.format}，{video.width} x {video.height} 像素，{video.seconds:g} 秒")


def _chinese_picture(picture: Optional[Picture]) -> str:
    assert picture is not None
    size = f"{picture.format}，{picture.width} x {picture.height} 像素"
    found = colours.patches(picture)
    if not found:
        return size
    return size + "，" + "，".join(_chinese_patch(patch) for patch in found)


def _chinese_patch(patch: colours.Patch) -> str:
    amount = "全是" if patch.share >= ALL else "主要是" if patch.share >= MOSTLY else ""
    value = f"（{patch.hex}）" if patch.hex else ""
    place = CHINESE_PLACES.get(patch.place, "")
    return (f"{place}" if not amount else "") + amount + colours.CHINESE[patch.name] + value + (place if amount else "")
