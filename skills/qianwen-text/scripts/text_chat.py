"""The conversation in a file of --chat: a turn is added when its answer is there."""
from __future__ import annotations

from shared.chat.answer import tool_calls_for_messages
from shared.failures import Exit, Failure
from shared.files.json_file import replace_json

from text_request import put_documents, user_text


def append(path: str, turn) -> None:
    """Add this turn to what the file holds now, in one step;
    another process may have added its own turn meanwhile."""
    ask, clean = turn.asked, turn.console.redact_result
    said = [{"role": "assistant", "content": clean(turn.answer.text)}]
    if turn.answer.tool_calls:
        said[0]["tool_calls"] = clean(tool_calls_for_messages(turn.answer))
    if ask.prompt is not None:
        said.insert(0, {"role": "user", "content": clean(user_text(ask.prompt, ask.attachments))})

    def grown(messages):
        first = [{"role": "system", "content": clean(ask.system)}] if ask.system and not messages else []
        conversation = first + (messages or [])
        if ask.documents:
            put_documents(conversation, ask.documents)
        return conversation + said
    try:
        replace_json(path, grown)
    except (OSError, ValueError, TypeError, KeyboardInterrupt) as error:
        is_interrupt = isinstance(error, KeyboardInterrupt)
        code, why = (Exit.INTERRUPTED, "interrupted") if is_interrupt else (Exit.UNSAVED, error)
        where = f"in {turn.files[0]['path']}" if turn.files else "shown"
        raise turn.billed(Failure(
            code, f"the answer could not be added to {path}: {why}",
            fix=f"the answer is {where}: nothing has to be paid for again", accepted="maybe",
            request_id=turn.answer.request_id, files=turn.files, partial=turn.answer.partial())) from error
