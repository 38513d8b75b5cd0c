"""A small stand-in of the host, for tests that run natively: secrets, state, log, configuration, and a provider that answers."""

from __future__ import annotations

import hashlib
import hmac
import time
from contextlib import contextmanager
from unittest import mock

from componentize_py_types import Err
from wit_world.imports import channel, log, secrets, state, types

from . import http, json
from .words import receive

# componentize-py's error is frozen, and so cannot pass through unittest, which notes where an error came from.
Err.__setattr__ = Exception.__setattr__

_HASHES = {secrets.Scheme_HmacSha256: hashlib.sha256, secrets.Scheme_HmacSha1: hashlib.sha1}


class Env:
    """One channel of a host."""

    def __init__(self, config: dict | None = None, secrets: dict[str, str] | None = None):
        self.config = config or {}
        self.secrets = secrets or {}
        #: What the connector asked of the provider.
        self.requests: list[http.Request] = []
        #: What it logged.
        self.lines: list[str] = []
        #: What it keeps. Writes of a call that fails vanish.
        self.stored: dict[str, bytes] = {}
        self._answers: list = []

    def respond(self, body=None, status: int = 200, headers: dict[str, str] | None = None) -> "Env":
        """The provider's next answer; the last one is repeated. An exception is a connection that fails."""
        if not isinstance(body, Exception):
            raw = body if isinstance(body, bytes) else json.dumps(body).encode()
            body = http.Response(status, headers or {}, raw)
        self._answers.append(body)
        return self

    def run(self, call):
        """Runs one call."""
        before = dict(self.stored)
        try:
            with self._playing():
                return call()
        except Exception:
            self.stored = before
            raise

    def fails(self, call):
        """Runs one call that has to fail; its failure."""
        try:
            self.run(call)
        except Err as error:
            return error.value
        raise AssertionError("It did not fail.")

    @contextmanager
    def _playing(self):
        parts = [
            mock.patch.multiple(channel, id=lambda: "test", config=lambda: json.dumps(self.config)),
            mock.patch.multiple(log, write=lambda level, line: self.lines.append(f"{type(level).__name__}: {line}")),
            mock.patch.multiple(
                state,
                get=self.stored.get,
                set=self.stored.__setitem__,
                delete=lambda key: self.stored.pop(key, None),
                list_keys=lambda prefix: sorted(key for key in self.stored if key.startswith(prefix)),
            ),
            mock.patch.multiple(secrets, verify=self._verify, equals=self._equals, sign=self._sign),
            mock.patch.multiple(http, transport=self._answer),
        ]
        for part in parts:
            part.start()
        try:
            yield
        finally:
            for part in parts:
                part.stop()

    def _answer(self, request: http.Request) -> http.Response:
        self.requests.append(request)
        if not self._answers:
            raise AssertionError(f"The test has no answer for {request.url}.")
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _secret(self, name: str) -> bytes:
        if name not in self.secrets:
            raise Err(secrets.SecretError_Missing(f"`{name}` is not set"))
        return self.secrets[name].encode()

    def _sign(self, name, scheme, message):
        if type(scheme) not in _HASHES:
            raise Err(secrets.SecretError_Unsupported("the stand-in does not know it"))
        return hmac.digest(self._secret(name), message, _HASHES[type(scheme)])

    def _verify(self, name, scheme, message, signature):
        return hmac.compare_digest(self._sign(name, scheme, message), signature)

    def _equals(self, name, candidate):
        return hmac.compare_digest(self._secret(name), candidate)


def webhook(
    body: bytes, headers: dict[str, str] | None = None, method: str = "POST", received_at: int | None = None
) -> receive.Request:
    """A webhook request, received now unless said otherwise. Names of headers in lower case."""
    given = [types.Header(name, value.encode()) for name, value in (headers or {}).items()]
    at = int(time.time() * 1000) if received_at is None else received_at
    return receive.Request(method, "https://desk.example.com/hooks/test", given, body, at)
