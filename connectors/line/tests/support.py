"""What the tests share."""

import base64
import hashlib
import hmac
from pathlib import Path

from jackfield_sdk import testing

FIXTURE = (Path(__file__).parent.parent / "fixtures/events.json").read_bytes()
SECRET = "8c570fa6dd201bb328f1c1eac23a96d8"


def env(**config) -> testing.Env:
    return testing.Env({"api_base": "http://127.0.0.1:4000", **config}, {"channel-secret": SECRET})


def signed(body: bytes):
    """A webhook that LINE signed."""
    signature = base64.b64encode(hmac.digest(SECRET.encode(), body, hashlib.sha256)).decode()
    return testing.webhook(body, {"x-line-signature": signature})
