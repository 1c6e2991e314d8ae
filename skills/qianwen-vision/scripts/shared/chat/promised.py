"""Promised JSON: how a request asks for it."""
from __future__ import annotations

import copy
import json
import re


def put_json(ask, model, body: dict, media: bool) -> None:
    """Promise JSON, as a ChatAsk wants it, and say the word in the messages, as the service demands.

    A schema goes into `response_format` where the service keeps to it. It does not with other models, nor
    where pictures go along: it lowers a schema to JSON mode then without a word. There the schema stands in
    the text at once.
    """
    if ask.schema is not None and "js" in model.features and not media:
        title = str(ask.schema.get("title") or "answer")
        name = re.sub(r"[^A-Za-z0-9_-]+", "_", title)[:64].strip("_") or "answer"
        schema = {"name": name, "strict": True, "schema": copy.deepcopy(ask.schema)}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    else:
        body["response_format"] = {"type": "json_object"}
        if ask.schema is not None:
            add_to_system(body["messages"], _in_words(ask.schema))
    if not _says_json(body["messages"]):
        add_to_system(body["messages"], "Answer in JSON.")


def _in_words(schema: dict) -> str:
    return "Answer with JSON that matches this JSON Schema: " + json.dumps(schema, ensure_ascii=False)


def _says_json(messages: list) -> bool:
    """Whether the word stands in a text of the system or the user;
    addresses and data of media do not count."""
    for message in messages:
        content = message.get("content") if message["role"] in ("system", "user") else ""
        parts = content if isinstance(content, list) else [{"text": content}]
        texts = [part.get("text") for part in parts if isinstance(part, dict)]
        if any("json" in str(text).lower() for text in texts):
            return True
    return False


def add_to_system(messages: list, sentence: str) -> None:
    """Add a sentence to the system message, which is made where there is none."""
    first = messages[0] if messages else {"role": ""}
    if first["role"] == "system" and isinstance(first["content"], str):
        first["content"] += "\n\n" + sentence
    else:
        messages.insert(0, {"role": "system", "content": sentence})


def without_schema(body: dict, schema: dict) -> dict:
    """The same request for a model that takes no json_schema: JSON mode, with the schema in the messages."""
    body = {**body, "messages": copy.deepcopy(body["messages"]), "response_format": {"type": "json_object"}}
    add_to_system(body["messages"], _in_words(schema))
    return body
