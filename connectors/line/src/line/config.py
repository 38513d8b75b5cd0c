"""The channel's configuration, as the manifest's schema describes it."""

from jackfield_sdk import config


def url(path: str) -> str:
    """The URL of a path of the Messaging API."""
    return config().get("api_base", "https://api.line.me").rstrip("/") + path


def namespace() -> str | None:
    """What people's ids are unique in. Without a provider's id the host takes the channel."""
    return config().get("provider_id")


def problems(given) -> list[str]:
    """What the schema cannot tell."""
    base = given.get("api_base") if isinstance(given, dict) else None
    if base is None or str(base).startswith(("https://", "http://")):
        return []
    return ["`api_base` has to begin with https:// or http://."]
