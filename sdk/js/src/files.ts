/** Short ways to make the words of `media`. A file's bytes go around the connector: it says which request brings or takes them. */

import type { File, FileField, FileProgress, FileRequest, Files, FileTransfer, OutgoingFile } from "./contract.ts";
import { Failure } from "./failure.ts";

const encoder = new TextEncoder();

/** The export `media` of a channel that takes no files, or not like this; `said` is what is answered then. */
export function fetches(fetch: Files["fetch"], said = "This channel takes no files."): Files {
  const refuse = (): never => {
    throw Failure.unsupported(said);
  };
  return { fetch, upload: refuse, resume: refuse };
}

/** A request that the host makes for the connector, which adds the credentials. */
export const request = (method: string, url: string): FileRequest => ({ method, url, headers: [] });

/** The file is what a `GET` of this URL brings. `more` is what the provider says of it: a file of another size or sum is refused. */
export const download = (url: string, more: Partial<File> = {}): File => ({
  source: { tag: "download", val: request("GET", url) },
  extra: [],
  ...more,
});

/** The whole file, as the body of this request. `context` comes back with the answer. */
export const bytes = (request: FileRequest, context = ""): FileProgress => transfer(request, { tag: "file" }, context);

/** The whole file, in a form. One of the fields has the value `file`. */
export const form = (request: FileRequest, fields: FileField[], context = ""): FileProgress =>
  transfer(request, { tag: "multipart", val: fields }, context);

/** A field of text. */
export const field = (name: string, val: string): FileField => ({ name, value: { tag: "text", val } });

/** The field that is the file. */
export const fileField = (name: string): FileField => ({ name, value: { tag: "file" } });

/** The provider has the file, under this id. */
export const done = ({ filename, mime, size, sha256 }: OutgoingFile, id: string): FileProgress => ({
  tag: "done",
  val: { id, filename, mime, size, sha256 },
});

function transfer(request: FileRequest, body: FileTransfer["body"], context: string): FileProgress {
  return { tag: "transfer", val: { request, body, context: encoder.encode(context) } };
}
