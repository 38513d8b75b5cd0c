"""What an author of a connector uses.

A connector is a module `connector` with the classes `Receive` and `Identity`, and where it can do more, `Send`, `Configure`, `Poll` and
`Media`. The words of the contract are in `wit_world.imports.types`, here as `types`; their meaning stands in the WIT. `files` is for
connectors with the class `Media`, and imported by them.
"""

from wit_world.imports import types

from . import early  # noqa: F401: for what it imports
from . import failure, http, json, log, secrets, state, words
from .channel import channel_id, config

__all__ = ["channel_id", "config", "failure", "http", "json", "log", "secrets", "state", "types", "words"]
