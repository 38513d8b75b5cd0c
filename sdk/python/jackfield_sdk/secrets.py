"""Secrets are used, not read: the host compares and signs. Names are those of the manifest.

Every function raises `misconfigured` when the operator has not set the secret, or it cannot be a key of the scheme.
"""

import base64
import binascii

from componentize_py_types import Err
from wit_world.imports import secrets

from . import failure

HMAC_SHA256 = secrets.Scheme_HmacSha256()
HMAC_SHA1 = secrets.Scheme_HmacSha1()
ED25519 = secrets.Scheme_Ed25519()
ECDSA_P256_SHA256 = secrets.Scheme_EcdsaP256Sha256()


def verify(name: str, scheme: secrets.Scheme, message: bytes, signature: bytes) -> bool:
    """Whether `signature`, raw bytes, is genuine."""
    return _ask(lambda: secrets.verify(name, scheme, message, signature))


def verify_hex(name: str, scheme: secrets.Scheme, message: bytes, signature: str) -> bool:
    """Whether a signature in hexadecimal is genuine. False if it is not hexadecimal."""
    try:
        raw = binascii.unhexlify(signature)
    except ValueError:
        return False
    return verify(name, scheme, message, raw)


def verify_base64(name: str, scheme: secrets.Scheme, message: bytes, signature: str) -> bool:
    """Whether a signature in base64 is genuine. False if it is not base64."""
    try:
        raw = base64.b64decode(signature, validate=True)
    except ValueError:
        return False
    return verify(name, scheme, message, raw)


def equals(name: str, candidate: bytes) -> bool:
    """Whether `candidate` is the secret."""
    return _ask(lambda: secrets.equals(name, candidate))


def sign(name: str, scheme: secrets.Scheme, message: bytes) -> bytes:
    """A signature of `message`, raw bytes."""
    return _ask(lambda: secrets.sign(name, scheme, message))


def _ask(call):
    try:
        return call()
    except Err as refusal:
        raise failure.misconfigured(f"The secret cannot be used: {refusal.value.value}.") from None
