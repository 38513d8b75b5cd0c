"""A small blocking HTTP client. Only origins that the manifest names and the operator granted can be reached; the host adds the
credentials on the way out, so no request here carries one.
"""

import re
from dataclasses import dataclass

from componentize_py_types import Err, Ok
from wit_world.imports import http_types as wasi
from wit_world.imports import outgoing_handler, streams

from . import failure, json

_TIMEOUT_NS = 15_000_000_000
_CAP = 1 << 20
_CHUNK = 4096


class Denied(Exception):
    """The host did not let it out. Trying again does not help."""


class Unsent(Exception):
    """Nothing was sent: no such name, connection refused, no TLS."""


class Unanswered(Exception):
    """Something was sent and no whole answer came: it may have been done."""


@dataclass
class Request:
    """A request that is being written. Names of headers in lower case."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes = b""


@dataclass
class Response:
    """A provider's answer; 4xx and 5xx are no errors here. Names of headers in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self):
        """The body as JSON; an empty object if it is none."""
        try:
            value = json.loads(self.body)
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}

    def retry_after_ms(self) -> int | None:
        """From `Retry-After` in seconds, if it is there."""
        seconds = self.headers.get("retry-after", "")
        return int(seconds) * 1000 if seconds.isascii() and seconds.isdigit() else None


def origin(url: str) -> str:
    """The origin of a URL, such as `https://files.example.com`: what stands before its path. Empty for what is no URL."""
    found = re.match(r"https?://[^/?#\\]+", url)
    return found[0] if found else ""


def request(method: str, url: str, body=None, headers: dict[str, str] | None = None) -> Request:
    """A request; with a JSON body where `body` is given."""
    if body is None:
        return Request(method, url, dict(headers or {}))
    return Request(method, url, {"content-type": "application/json", **(headers or {})}, json.dumps(body).encode())


def act(request: Request) -> Response:
    """Does something that must not be done twice: `uncertain` where it may have been done."""
    try:
        return transport(request)
    except Denied as why:
        raise failure.misconfigured(f"The host refused the request: {why}.") from None
    except Unsent as why:
        raise failure.retry(f"The provider was not reached: {why}.") from None
    except Unanswered as why:
        raise failure.uncertain(f"The request went out and no answer came back: {why}.") from None


def ask(request: Request) -> Response:
    """Asks something, which can be asked again."""
    try:
        return transport(request)
    except Denied as why:
        raise failure.misconfigured(f"The host refused the request: {why}.") from None
    except (Unsent, Unanswered) as why:
        raise failure.retry(f"The provider gave no answer: {why}.") from None


def transport(request: Request) -> Response:
    """Sends a request over `wasi:http` and waits for the whole answer. Tests put another one in its place."""
    outgoing = _outgoing(request)
    body = outgoing.body()
    try:
        pending = outgoing_handler.handle(outgoing, _options())
    except Err as error:
        raise _classified(error.value) from None
    # A body that cannot be written is no verdict: the answer, or the reason that there is none, is.
    try:
        _write(body, request.body)
    except Err:
        pass
    with pending.subscribe() as ready:
        ready.block()
    match pending.get():
        case Ok(value=Ok(value=response)):
            return _read(response)
        case Ok(value=Err(value=code)):
            raise _classified(code)
        case _:
            raise Unanswered("the host lost the answer")


def _outgoing(request: Request) -> wasi.OutgoingRequest:
    scheme, authority, path = _split(request.url)
    try:
        fields = wasi.Fields.from_list([(name, value.encode()) for name, value in request.headers.items()])
        outgoing = wasi.OutgoingRequest(fields)
        outgoing.set_method(_method(request.method))
        outgoing.set_scheme(scheme)
        outgoing.set_authority(authority)
        outgoing.set_path_with_query(path)
    except Err:
        raise Denied("a header or the URL is not acceptable") from None
    return outgoing


def _options() -> wasi.RequestOptions:
    options = wasi.RequestOptions()
    options.set_connect_timeout(_TIMEOUT_NS)
    options.set_first_byte_timeout(_TIMEOUT_NS)
    options.set_between_bytes_timeout(_TIMEOUT_NS)
    return options


def _split(url: str) -> tuple[wasi.Scheme, str, str]:
    scheme, found, rest = url.partition("://")
    schemes = {"https": wasi.Scheme_Https(), "http": wasi.Scheme_Http()}
    if not found or scheme not in schemes:
        raise Denied(f"`{url}` is no URL")
    end = min((at for at in (rest.find(sign) for sign in "/?#") if at >= 0), default=len(rest))
    authority, path = rest[:end], rest[end:].partition("#")[0]
    if not authority:
        raise Denied(f"`{url}` names no host")
    return schemes[scheme], authority, path if path.startswith("/") else f"/{path}"


def _method(name: str) -> wasi.Method:
    known = {
        "GET": wasi.Method_Get,
        "HEAD": wasi.Method_Head,
        "POST": wasi.Method_Post,
        "PUT": wasi.Method_Put,
        "DELETE": wasi.Method_Delete,
        "PATCH": wasi.Method_Patch,
    }
    return known[name]() if name in known else wasi.Method_Other(name)


def _write(body: wasi.OutgoingBody, data: bytes) -> None:
    if data:
        # The stream is a child of the body and has to be gone before the body is finished.
        with body.write() as stream:
            for at in range(0, len(data), _CHUNK):
                stream.blocking_write_and_flush(data[at : at + _CHUNK])
    wasi.OutgoingBody.finish(body, None)


def _read(response: wasi.IncomingResponse) -> Response:
    status = response.status()
    with response.headers() as fields:
        headers = {name: value.decode("utf-8", "replace") for name, value in fields.entries()}
    with response.consume() as incoming:
        with incoming.stream() as stream:
            body = bytearray()
            while True:
                try:
                    body += stream.blocking_read(65_536)
                except Err as error:
                    if isinstance(error.value, streams.StreamError_Closed):
                        return Response(status, headers, bytes(body))
                    raise Unanswered("the answer broke off") from None
                if len(body) > _CAP:
                    raise Unanswered("the answer is too large")


_DENIED = {
    wasi.ErrorCode_HttpRequestDenied: "this origin, method or path is not granted",
    wasi.ErrorCode_DestinationIpProhibited: "the address is prohibited",
    wasi.ErrorCode_HttpRequestMethodInvalid: "the method is not acceptable",
    wasi.ErrorCode_HttpRequestUriInvalid: "the URL is not acceptable",
    wasi.ErrorCode_HttpRequestUriTooLong: "the URL is too long",
    wasi.ErrorCode_HttpRequestHeaderSectionSize: "the headers are too large",
    wasi.ErrorCode_HttpRequestHeaderSize: "a header is too large",
    wasi.ErrorCode_HttpRequestBodySize: "the body is too large",
    wasi.ErrorCode_ConfigurationError: "the host's configuration",
}
_UNSENT = {
    wasi.ErrorCode_DnsTimeout: "its name could not be resolved",
    wasi.ErrorCode_DnsError: "its name could not be resolved",
    wasi.ErrorCode_DestinationNotFound: "there is no way to its address",
    wasi.ErrorCode_DestinationUnavailable: "there is no way to its address",
    wasi.ErrorCode_DestinationIpUnroutable: "there is no way to its address",
    wasi.ErrorCode_ConnectionRefused: "the connection was refused",
    wasi.ErrorCode_ConnectionTimeout: "no connection came about in time",
    wasi.ErrorCode_ConnectionLimitReached: "too many connections are open",
    wasi.ErrorCode_TlsProtocolError: "no secure connection came about",
    wasi.ErrorCode_TlsCertificateError: "no secure connection came about",
    wasi.ErrorCode_TlsAlertReceived: "no secure connection came about",
}


def _classified(code: wasi.ErrorCode) -> Exception:
    kind = type(code)
    if kind in _DENIED:
        return Denied(_DENIED[kind])
    if kind in _UNSENT:
        return Unsent(_UNSENT[kind])
    # Whatever is not known to have happened before the first byte may have happened after the last.
    return Unanswered("the exchange failed")
