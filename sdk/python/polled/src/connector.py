"""A channel without webhooks that has files. It exists for its tests, which hold the SDK to the interfaces `poll` and `media`."""

from jackfield_sdk import failure, files, http, json, types, words

BASE = "https://news.example"


class Poll:
    def poll(self, cursor):
        query = f"?after={cursor.decode()}" if cursor else ""
        answer = http.ask(http.request("GET", f"{BASE}/messages{query}")).json()
        batch = words.batch(words.need(answer, "next").encode())
        words.each(batch, answer.get("messages"), _events)
        batch.more = answer.get("more") is True
        return batch


class Identity:
    def hints(self, who):
        return []


class Media:
    def fetch(self, media):
        return files.download(f"{BASE}/files/{media.id}", mime="image/png", size=media.size, sha256=media.sha256)

    def upload(self, file, idempotency_key):
        fields = [files.field("name", file.filename), files.file_field("content")]
        return files.form(files.request("POST", f"{BASE}/files"), fields, context=idempotency_key.encode())

    def resume(self, file, answer):
        if answer.status == 202:
            return files.whole(files.request("PUT", f"{BASE}/files/again"), answer.context)
        if answer.status != 200:
            raise failure.rejected(f"The file was not taken: status {answer.status}.")
        return files.done(file, words.need(json.loads(answer.body), "id"))


def _events(item):
    who = words.need(item, "from")
    return [
        words.event(
            types.EventBody_Message(
                types.Message(
                    words.need(item, "id"),
                    types.Thread(who, types.ThreadKind_Direct()),
                    types.Author_Customer(words.sender(types.Identifier("news", None, who))),
                    None,
                    [types.Part_Image(words.media(id=words.need(item, "file")))],
                    None,
                    [],
                )
            )
        )
    ]
