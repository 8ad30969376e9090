"""What a function's error reply says: the type of the error, and nothing else of it."""

from __future__ import annotations

MAX_TYPE = 200
_KEY = '"errorType": "'


def posted_error_type(reply: object) -> str:
    """`errorType` of an error reply, as the runtime client hands it over: an object or its JSON.

    In the JSON it is found without parsing, which would take as long as the traceback is: a quote
    inside a text is escaped there, so the key cannot stand in the message that precedes it.
    """
    if isinstance(reply, dict):
        word = reply.get("errorType")
        return word[:MAX_TYPE] if isinstance(word, str) and word else "Error"
    if isinstance(reply, str):
        word = reply.partition(_KEY)[2][: MAX_TYPE + 1].partition('"')[0]
        return word[:MAX_TYPE] or "Error"
    return "Error"
