"""Frozen. It uses the contract itself and no SDK, so that no change of an SDK changes what it proves."""

import json

from componentize_py_types import Err
from post import post
from wit_world.exports import receive, send
from wit_world.imports import channel, secrets, state, types


class Receive:
    def handle(self, request):
        signature = next((item.value for item in request.headers if item.name == "x-signature"), b"")
        raw = bytes.fromhex(signature.decode("ascii"))
        if not secrets.verify("webhook-secret", secrets.Scheme_HmacSha256(), request.body, raw):
            raise Err(types.Failure_Unauthenticated(types.Problem("The header X-Signature is missing or wrong.", None)))
        body = json.loads(request.body)
        seen = int(state.get("seen") or b"0") + 1
        state.set("seen", str(seen).encode())
        who = types.Identifier("golden", "golden", body["from"])
        hint = types.Hint(types.Subject_Name(body["from"]), types.Trust_Claimed(), "golden")
        message = types.Message(
            body["id"],
            types.Thread(body["from"], types.ThreadKind_Direct()),
            types.Author_Customer(types.Sender(who, [hint])),
            request.received_at,
            [types.Part_Text(body["say"])],
            None,
            [types.Property("seen", str(seen))],
        )
        event = types.Event("", types.EventBody_Message(message))
        return receive.Outcome(receive.Reply(200, [], b"golden"), [event], [])


class Send:
    def deliver(self, delivery, key):
        match delivery.action:
            case send.Action_Message(value=send.Content(parts=[types.Part_Text(value=say)])):
                base = json.loads(channel.config()).get("api_base", "https://golden.example")
                body = {"to": delivery.to.value, "say": say, "key": key}
                status, answer = post(f"{base}/messages", body)
                if status != 200:
                    problem = types.Problem(f"The provider answered with status {status}.", None)
                    raise Err(types.Failure_Retry((None, problem)))
                return send.Receipt([answer["id"]], [])
            case _:
                raise Err(types.Failure_Unsupported(types.Problem("Only text.", None)))


class Identity:
    def hints(self, who):
        return [types.Hint(types.Subject_Username(who.value), types.Trust_Claimed(), "golden")]
