"""What the standard library imports only when it is first needed. A component finds no files later, so it has to be there from the start."""

import codecs

for name in (
    "utf-8",
    "ascii",
    "latin-1",
    "utf-16",
    "utf-16-le",
    "utf-16-be",
    "utf-8-sig",
    "cp1252",
    "raw-unicode-escape",
    "unicode-escape",
):
    codecs.lookup(name)
