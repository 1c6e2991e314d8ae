"""The first sound of a new voice: out of the answer or behind its link, checked as any speech is, and saved.

Source: sections 9.3, 9.5 and 9.7 of the speech contract.
"""
from __future__ import annotations

from shared.failures import Exit, Failure
from shared.files.outputs import OutputFiles
from shared.transport import download
from tts_answers import Answer, Damaged
from tts_kinds import BadSound, MEDIA_TYPES
from tts_part import most_bytes, Sink
from tts_request import Call
from tts_sound import BLOCK


def save_preview(output: dict, text: str, rate: int, outputs: OutputFiles, client, wire: str) -> dict:
    """The entry of the file with the first sound, which says `text`. Raises BadSound or Damaged where the
    answer has none; Failure where its link gives none, with the link; OSError of the disk."""
    call, answer = Call("", {"input": {"text": text}}, False, "wav", rate), Answer(wire)
    first = output.get("preview_audio") or output.get("demo_audio")
    try:
        sound = answer.take({"output": {"data": {"audio": first}} if wire == "minimax" else {"audio": first}})
        if sound or not answer.url:
            return _saved([sound], call, outputs)
    except (BadSound, Damaged):
        if not answer.url:
            raise
    linked = outputs.temporary()
    download.fetch(client, answer.url, linked.file, limit=most_bytes(text))
    linked.file.seek(0)
    try:
        found = _saved(iter(lambda: linked.file.read(BLOCK), b""), call, outputs)
    except BadSound as error:
        raise Failure(Exit.UNSAVED, f"its link leads to something else: {error}",
                      files=[{"url": answer.url}]) from error
    return {**found, "url": answer.url}


def _saved(blocks, call: Call, outputs: OutputFiles) -> dict:
    temporary = outputs.temporary()
    sink = Sink(temporary.file, call, bare=False)  # without a header it is no preview
    for block in blocks:
        sink.write(block)
    sink.end()
    return outputs.save(temporary, 1, MEDIA_TYPES[sink.form])
