/** The content of a message. */

import { type Media, type Part, otherPart } from "jackfield-sdk";

import { plain } from "./text.ts";

/** At least one part. */
export function parts(item: any): Part[] {
  const files: any[] = Array.isArray(item.files) ? item.files : [];
  const text = plain(String(item.text ?? ""));
  const found: Part[] = [...(text ? [{ tag: "text" as const, val: text }] : []), ...files.map(file)];
  if (found.length > 0) return found;
  // An app may write in blocks or attachments only.
  const name = ["blocks", "attachments"].find((name) => Array.isArray(item[name]) && item[name].length > 0);
  return [name ? otherPart(name, item[name]) : otherPart("message", item)];
}

/** By id: every URL of a file wants the bot's token. A file of another workspace says nothing but its id. */
function file(item: any): Part {
  const id = typeof item?.id === "string" ? item.id : undefined;
  if (!id) return otherPart("file", item);
  const { mimetype, name, title, size } = item;
  const media: Media = { id, mime: mimetype || undefined, filename: name || title || undefined };
  if (Number.isSafeInteger(size) && size >= 0) media.size = BigInt(size);
  const kind = String(mimetype ?? "").split("/")[0];
  return { tag: kind === "image" || kind === "audio" || kind === "video" ? kind : "file", val: media };
}
