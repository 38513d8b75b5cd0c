"""The channel that this call is made for."""

from wit_world.imports import channel

from . import json


def channel_id() -> str:
    """The operator's name for it."""
    return channel.id()


def config() -> dict:
    """Its configuration, valid by the manifest's schema."""
    return json.loads(channel.config())
