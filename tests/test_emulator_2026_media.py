"""Pictures, videos and speech of November 2026, as the emulator takes them."""
from __future__ import annotations

import base64
import json

import pytest

from tests import media_samples as samples
from tests.emulator import image_models, video_models, voicing
from tests.test_emulator import MULTIMODAL, post, send
from tests.test_emulator_videos import KEY, fetch, finish

SPEAK = "/api/v1/services/audio/tts/SpeechSynthesizer"
FILM = "/api/v1/services/aigc/video-generation/video-synthesis"
DRAW = "/@workspace/compatible-mode/v1/images/generations"
WEB = "https://example.com/"


# Pictures

@pytest.mark.parametrize("name", ["vidu/vidu-image_reference2image", "vidu/vidu-image-pro_reference2image", "vidu/viduq3-fast_reference2image",
                                  "vidu/viduq2-pro_reference2image", "vidu/viduq2-fast_reference2image"])
def test_more_of_vidu(name):
    assert image_models.find(name).task == image_models.IMAGE_GENERATION


def draw(emulator, **fields):
    return post(emulator, DRAW, {"model": "qwen-image-3.0-pro", "prompt": "a red fox", **fields})


def test_pictures_in_the_dialect_of_openai(emulator):
    answer = draw(emulator, n=2, size="1024x768", seed=7, negative_prompt="text", watermark=False)
    assert answer.status == 200 and set(answer.json) == {"created", "data", "usage"} and len(answer.json["data"]) == 2
    assert answer.json["usage"]["output_width"] == 1024 and emulator.creates[-1].pictures == 2
    assert fetch(emulator, answer.json["data"][0]["url"]).status == 200
    assert draw(emulator, image=samples.data_url(samples.png(64, 64), "image/png"), size="auto").status == 200
    assert draw(emulator, image=[WEB + "a.png"] * 3, model="qwen-image-3.0").status == 200


@pytest.mark.parametrize("fields", [
    {"image": None}, {"image": ""}, {"image": []}, {"image": [WEB] * 4}, {"size": "1024*768"}, {"size": "9000x9000"}, {"n": 7},
    {"prompt": " "}, {"prompt": None}, {"style": "vivid"}, {"seed": -1}])
def test_what_is_refused_there(emulator, fields):
    answer = draw(emulator, **fields)
    assert answer.status == 400 and set(answer.json) == {"error"} and emulator.creates == []
    assert set(answer.json["error"]) == {"message", "type", "param", "code"}


def test_where_that_endpoint_is(emulator):
    assert draw(emulator, model="qwen-image-2.0").status == 404
    body = {"model": "qwen-image-3.0", "prompt": "a red fox"}
    assert post(emulator, DRAW.replace("workspace", "maas"), body).status == 200
    assert post(emulator, DRAW.replace("/@workspace", ""), body).status == 404


def test_the_tier_of_what_went_in_is_told(emulator):
    def usage(*images):
        content = [*({"image": image} for image in images), {"text": "a red fox"}]
        body = {"model": "qwen-image-3.0", "input": {"messages": [{"role": "user", "content": content}]}, "parameters": {"size": "2048*2048"}}
        return post(emulator, MULTIMODAL, body).json["usage"]
    small, large = (samples.data_url(samples.png(side, side), "image/png") for side in (64, 1600))
    assert usage(small)["input_image_type"] == "qima_input_1k" and usage(small)["output_image_type"] == "qima_output_2k"
    assert usage(small, large)["input_image_type"] == "qima_input_2k"


# Videos

@pytest.mark.parametrize("name", ["vidu/viduq3-pro-fast_img2video", "vidu/viduq3-drama_reference2video", "vidu/viduq3-ad_reference2video",
                                  "pixverse/pixverse-v6-r2v-omni", "pixverse/pixverse-lipsync"])
def test_more_video_models(name):
    assert video_models.find(name).usage == "vendor"


def film(emulator, model, **given):
    parameters = given.pop("parameters", {})
    return post(emulator, FILM, {"model": model, "input": given, "parameters": parameters}, key=KEY,
                X_DashScope_Async="enable")


def items(*pairs):
    return [{"type": kind, "url": url} for kind, url in pairs]


def test_a_turbo_takes_one_first_frame_and_is_never_silent(emulator):
    answer = film(emulator, "kling/kling-v3-turbo-video-generation", prompt="a fox", media=items(("first_frame", WEB + "a.png")))
    assert finish(emulator, answer)["output"]["task_status"] == "SUCCEEDED" and emulator.creates[-1].details["sound"] is True


def test_an_omni_model_with_references(emulator):
    def made(count):
        return film(emulator, "pixverse/pixverse-v6-r2v-omni", prompt="a fox", media=items(*[("image_url", WEB + "a.png")] * count),
                    parameters={"duration": 5, "size": "1280*720"})
    assert (made(0).status, made(1).status, made(7).status, made(8).status) == (400, 200, 200, 400)


@pytest.mark.parametrize("kinds", [("first_frame", "reference_image"), ("file", "link")])
def test_media_that_exclude_each_other_fail_in_the_task(emulator, kinds):
    urls = {"first_frame": "a.png", "reference_image": "b.png", "file": "a.docx", "link": "news"}
    answer = film(emulator, "wan3.0-video", prompt="a fox", media=items(*((kind, WEB + urls[kind]) for kind in kinds)))
    done = finish(emulator, answer)["output"]
    assert done["task_status"] == "FAILED" and "mutually exclusive" in done["message"] and emulator.creates == []


@pytest.mark.parametrize("kind, url, status", [
    ("file", WEB + "report.docx", 200), ("file", WEB + "notes.MD?x=1", 200), ("file", WEB + "film.mp4", 400), ("link", WEB + "news", 200),
    ("link", "data:text/html;base64,PGI+", 400)])
def test_documents_and_pages(emulator, kind, url, status):
    assert film(emulator, "wan3.0-video", prompt="a fox", media=items((kind, url))).status == status


def test_lengths_and_seeds_of_wan3(emulator):
    def made(*seconds, **parameters):
        given = {"media": items(*[("reference_video", WEB + "a.mp4")] * len(seconds))} if seconds else {}
        emulator.web_seconds = max(seconds, default=5)
        return film(emulator, "wan3.0-video", prompt="a fox", parameters=parameters, **given)
    assert made(seed=2147483647).status == 200 and made(seed=2147483648).status == 400
    assert made(7.5, 7.5, duration=5).status == 200
    usage = finish(emulator, made(7.5, duration=5))["usage"]
    assert usage["input_video_duration"] == 7.5 and isinstance(usage["output_video_duration"], float)
    assert made(8, 8, duration=5).json["code"] == "InvalidFile.Duration"
    assert made(7.5, 7.5, duration=16).json["code"] == "InvalidFile.Duration"


# Speech without text and voice

def speak(emulator, sse=False, parameters=None, **given):
    body = {"model": "qwen-audio-3.1-tts-next", "input": {"text_prompt": "A calm voice says: hello", **given}}
    if parameters:
        body["parameters"] = parameters
    return post(emulator, SPEAK, body, **({"X_DashScope_SSE": "enable"} if sse else {}))


def coded(data):
    return {"audio_data": base64.b64encode(data).decode()}


def test_a_prompt_becomes_sound(emulator):
    answer = speak(emulator, seed=42, channels=1, volume=50, enable_cbr=True)
    assert answer.status == 200 and set(answer.json["usage"]) == {"duration"} and answer.json["usage"]["duration"] > 1
    sound = fetch(emulator, answer.json["output"]["audio"]["url"]).body
    assert sound[:4] == b"RIFF" and int.from_bytes(sound[24:28], "little") == 48000
    assert voicing.decode(sound[44:]) == "A calm voice says: hello"
    mp3 = speak(emulator, parameters={"format": "mp3", "sample_rate": 24000}).json["output"]["audio"]["url"]
    assert voicing.decode_mp3(fetch(emulator, mp3).body) == "A calm voice says: hello"


def test_voices_are_cited_from_references(emulator):
    two = [{"audio_url": WEB + "a.wav"}, coded(samples.wav(5))]
    assert speak(emulator, text_prompt="@voice1 asks, @voice2 answers", references=two).status == 200
    assert emulator.speech_texts == ["@voice1 asks, @voice2 answers"]


@pytest.mark.parametrize("fields, part", [
    ({"text": "hello"}, "silently ignored"), ({"voice": "longanhuan"}, "silently ignored"), ({"text_prompt": ""}, "required"),
    ({"text_prompt": "x" * 3001}, "3000"), ({"references": []}, "1 to 3"), ({"references": [{"audio_url": WEB}] * 4}, "1 to 3"),
    ({"text_prompt": "@voice2", "references": [{"audio_url": WEB}]}, "@voice2 is cited"),
    ({"references": [{"audio_url": WEB}]}, "never cited"), ({"text_prompt": "@voice1", "references": [{"url": WEB}]}, "must be audio_url"),
    ({"text_prompt": "@voice1", "references": [{"audio_data": "%%%"}]}, "no base64"),
    ({"text_prompt": "@voice1", "references": [coded(samples.wav(31))]}, "last 30 s"),
    ({"text_prompt": "@voice1", "references": [coded(b"no sound at all")]}, "cannot be read"),
    ({"format": "opus"}, "input.format"), ({"channels": 3}, "input.channels"), ({"sse": True}, "does not support streaming")])
def test_what_that_model_refuses(emulator, fields, part):
    answer = speak(emulator, **fields)
    assert answer.status == 400 and part in answer.json["message"] and emulator.creates == []


def test_its_own_errors_have_a_code_of_their_own(emulator):
    assert speak(emulator, text_prompt="").json["code"] == "CLIENT_ERROR"
    assert json.loads(send(emulator, "POST", SPEAK, b"{}", Content_Type="application/json").body)["code"] == "BadRequest.EmptyModel"
