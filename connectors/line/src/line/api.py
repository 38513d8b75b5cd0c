"""Calling the Messaging API, and what its refusals mean."""

from jackfield_sdk import failure, http, words

from . import config

# A month's quota does not come back in a minute.
_QUOTA_MS = 3_600_000


def post(path: str, body: dict, retry_key: str | None = None) -> dict:
    """Does something. With a retry key it can be done again: LINE then answers 409 with what came of it the first time."""
    headers = {"x-line-retry-key": retry_key} if retry_key else {}
    response = http.act(http.request("POST", config.url(path), body, headers))
    if response.status == 409 and retry_key:
        return response.json()
    return _accept(response)


def put(path: str, body: dict) -> dict:
    """Sets something, which can be set again."""
    return _accept(http.ask(http.request("PUT", config.url(path), body)))


def get(path: str) -> dict:
    """Asks something."""
    return _accept(http.ask(http.request("GET", config.url(path))))


def preparation(message: str) -> str | None:
    """How far LINE is with the sound or the film of a message. None for what is there at once, and for what is gone."""
    response = http.ask(http.request("GET", f"{config.content_url(message)}/transcoding"))
    if response.status in (400, 404, 410):
        return None
    return words.text(_accept(response), "status")


def _accept(response: http.Response) -> dict:
    if 200 <= response.status < 300:
        return response.json()
    raise _refusal(response)


def _refusal(response: http.Response):
    status, after = response.status, response.retry_after_ms()
    message, code = _sentence(response), str(status)
    if status == 429:
        quota = "monthly limit" in message.lower()
        return failure.rate_limited(message, code, after or (_QUOTA_MS if quota else None))
    # 403 is for what the account's plan does not allow.
    if status in (401, 403):
        return failure.credentials(message, code)
    # Somebody on the way waited in vain; what became of the request behind them is unknown.
    if status == 504:
        return failure.uncertain(message, code)
    if status >= 500:
        return failure.retry(message, code, after)
    return failure.rejected(message, code)


def _sentence(response: http.Response) -> str:
    value = response.json()
    said = value.get("message")
    details = value.get("details")
    about = [
        f"{detail.get('property')}: {detail.get('message')}"
        for detail in (details if isinstance(details, list) else [])
        if isinstance(detail, dict)
    ]
    if not isinstance(said, str) or not said:
        return f"LINE answered with HTTP status {response.status}."
    return f"LINE says: {said}" + (f" ({'; '.join(about)})" if about else "")
