"""One POST over `wasi:http`. Frozen."""

import json

from componentize_py_types import Ok
from wit_world.imports import http_types as wasi
from wit_world.imports import outgoing_handler


def post(url: str, body: dict) -> tuple[int, dict]:
    scheme, _, rest = url.partition("://")
    authority, _, path = rest.partition("/")
    request = wasi.OutgoingRequest(wasi.Fields.from_list([("content-type", b"application/json")]))
    request.set_method(wasi.Method_Post())
    request.set_scheme(wasi.Scheme_Https() if scheme == "https" else wasi.Scheme_Http())
    request.set_authority(authority)
    request.set_path_with_query(f"/{path}")
    outgoing = request.body()
    pending = outgoing_handler.handle(request, None)
    with outgoing.write() as stream:
        stream.blocking_write_and_flush(json.dumps(body).encode())
    wasi.OutgoingBody.finish(outgoing, None)
    with pending.subscribe() as ready:
        ready.block()
    match pending.get():
        case Ok(value=Ok(value=response)):
            with response.consume() as incoming, incoming.stream() as stream:
                return response.status(), json.loads(stream.blocking_read(65_536))
        case _:
            return 0, {}
