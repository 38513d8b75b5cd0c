"""JSON that somebody else wrote, and JSON of ours."""

import json as standard
import re

# What the standard library imports only when it needs it cannot be imported in a component: everything has to be there from the start.
import json.decoder
import json.encoder
import json.scanner

_HALF = re.compile("[\ud800-\udfff]")


def loads(text: str | bytes):
    """Reads a JSON text. Halves of surrogate pairs, which some providers leave where they cut a text, become U+FFFD: no UTF-8 has them.

    Raises ValueError for what is no JSON.
    """
    value = standard.loads(text)
    half = b"\\ud" if isinstance(text, bytes) else "\\ud"
    return _mended(value) if half in text.lower() else value


def dumps(value) -> str:
    """Writes a JSON text as short as it gets."""
    return standard.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _mended(value):
    if isinstance(value, str):
        return _HALF.sub("\ufffd", value)
    if isinstance(value, list):
        return [_mended(item) for item in value]
    if isinstance(value, dict):
        return {_mended(name): _mended(item) for name, item in value.items()}
    return value
