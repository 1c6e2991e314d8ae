"""POST /compatible-mode/v1/images/generations: qwen-image-3.0 in the dialect of OpenAI, on the hosts of workspaces."""
from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict

from tests.emulator import images
from tests.emulator.wire import Exchange, Refusal, Reply, ignored, invalid, json_reply, parse_json

MODELS = ("qwen-image-3.0", "qwen-image-3.0-pro")
SERVICE = "/api/v1/services/aigc/multimodal-generation/generation"
PASSED = ("n", "negative_prompt", "seed", "prompt_extend", "enable_thinking", "watermark")
FIELDS = {"model", "prompt", "image", "size", *PASSED}


def generate(exchange: Exchange) -> Reply:
    """Only the header tells the request's id."""
    try:
        given = native_body(parse_json(exchange))
        answer = images.at_once(replace(exchange, path=SERVICE, parsed=given), given)
    except Refusal as refusal:
        error = refusal.compat_body(exchange.request_id)["error"]
        return json_reply({"error": error}, refusal.status)
    urls = [item["image"] for choice in answer["output"]["choices"] for item in choice["message"]["content"]]
    return json_reply({"created": int(exchange.emulator.clock()), "data": [{"url": url} for url in urls], "usage": answer["usage"]})


def native_body(body: Dict[str, Any]) -> Dict[str, Any]:
    for name in sorted(set(body) - FIELDS):
        raise ignored(name, "is not known")
    if body.get("model") not in MODELS:
        raise Refusal(404, "model_not_found", f"The model `{body.get('model')}` does not exist or you do not have access to it.")
    parameters = {name: body[name] for name in PASSED if name in body}
    if body.get("size", "auto") != "auto":
        parameters["size"] = _size(body["size"])
    content = [{"image": address} for address in _images(body)] + [{"text": body.get("prompt")}]
    return {"model": body["model"], "input": {"messages": [{"role": "user", "content": content}]}, "parameters": parameters}


def _size(value: Any) -> str:
    if not isinstance(value, str) or "x" not in value:
        raise invalid("'size' must be WxH or auto", param="size", wrapped=False)
    return value.replace("x", "*")


def _images(body: Dict[str, Any]) -> list:
    """Null and nothing are refused, not left out."""
    if "image" not in body:
        return []
    given = [body["image"]] if isinstance(body["image"], str) else body["image"]
    if not isinstance(given, list) or not 1 <= len(given) <= 3 or not all(isinstance(one, str) and one for one in given):
        raise invalid("'image' must be an address, or a list of 1 to 3", param="image", wrapped=False)
    return given
