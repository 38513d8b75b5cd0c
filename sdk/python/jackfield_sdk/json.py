"""JSON that somebody else wrote, and JSON of ours."""

import json as standard
import math
import re

# What the standard library imports only when it needs it cannot be imported in a component: everything has to be there from the start.
import json.decoder
import json.encoder
import json.scanner

# Levels of lists and objects. What is deeper would use up the component's stack.
_DEPTH = 128
_HALF = re.compile("[\ud800-\udfff]")

# Everything but brackets, with those in texts.
_BETWEEN = re.compile(r'"(?:[^"\\]++|\\.)*+"|[^][{}"]++', re.DOTALL)


def loads(text: str | bytes):
    """Reads a JSON text. Halves of surrogate pairs, which some providers leave where they cut a text, become U+FFFD: no UTF-8 has them.

    Raises ValueError for what is no JSON in UTF-8, and for what is nested deeper than 128 levels.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8-sig")
    if text.count("[") + text.count("{") > _DEPTH and _is_deep(text):
        raise ValueError("the JSON is nested too deeply")
    value = standard.loads(text, parse_constant=_no_number)
    return _mended(value) if "\\ud" in text.lower() else value


def dumps(value) -> str:
    """Writes a JSON text as short as it gets. Numbers beyond all bounds, which no JSON has, become null."""
    try:
        return standard.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except ValueError:
        return standard.dumps(_bounded(value), ensure_ascii=False, separators=(",", ":"))


def _is_deep(text: str) -> bool:
    """Whether brackets are left when the innermost pairs were taken out once for every level."""
    brackets = _BETWEEN.sub("", text)
    for _ in range(_DEPTH):
        fewer = brackets.replace("[]", "").replace("{}", "")
        if fewer == brackets:
            break
        brackets = fewer
    return len(brackets) > _DEPTH


def _no_number(word: str):
    raise ValueError(f"{word} is no JSON")


def _bounded(value):
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list):
        return [_bounded(item) for item in value]
    if isinstance(value, dict):
        return {name: _bounded(item) for name, item in value.items()}
    return value


def _mended(value):
    if isinstance(value, str):
        return _HALF.sub("\ufffd", value)
    if isinstance(value, list):
        return [_mended(item) for item in value]
    if isinstance(value, dict):
        return {_mended(name): _mended(item) for name, item in value.items()}
    return value
