/** Files: those that people share, and those that are shared with them. */

import {
  type File,
  type FileAnswer,
  type FileProgress,
  type Media,
  type OutgoingFile,
  Failure,
  files,
  http,
  text,
} from "jackfield-sdk";

import { ask, tell } from "./api.ts";
import { keeps } from "./config.ts";

/** Where a file is. Its URL wants the bot's token. */
export async function fetch({ id }: Media): Promise<File> {
  const file = await info(id);
  if (file.is_external === true) throw Failure.rejected("This file is not kept by Slack: it is a link to somewhere else.");
  const url = text(file, "url_private_download") ?? text(file, "url_private");
  if (url === undefined) throw Failure.rejected("Slack gives no address of this file: it is deleted, or hidden.");
  // Where the token is no good Slack answers with a page to log in; it is not of this size.
  const size = Number.isSafeInteger(file.size) && file.size >= 0 ? BigInt(file.size) : undefined;
  return files.download(reached(url), { mime: text(file, "mimetype"), filename: text(file, "name"), size });
}

/** The file as the workspace knows it. */
export async function info(id?: string): Promise<any> {
  if (!id || !/^[A-Z0-9]+$/.test(id)) throw Failure.rejected("The attachment has no id on Slack.");
  return (await ask("files.info", { file: id })).file ?? {};
}

/** Begins to give Slack a file that nobody sees until a message shows it. */
export async function upload({ filename, size }: OutgoingFile): Promise<FileProgress> {
  const place = await ask("files.getUploadURLExternal", { filename, length: String(size) });
  const [url, id] = [text(place, "upload_url"), text(place, "file_id")];
  if (url === undefined || id === undefined) throw Failure.retry("Slack gave no address for the file.");
  return files.bytes(files.request("POST", reached(url)), id);
}

/** Ends it, once the bytes are there. */
export async function resume(file: OutgoingFile, { status, context }: FileAnswer): Promise<FileProgress> {
  if (status === 429 || status >= 500) throw Failure.retry(`Slack answered the upload with HTTP status ${status}.`);
  if (status !== 200) throw Failure.rejected(`Slack did not take the file: HTTP status ${status}.`);
  const id = new TextDecoder().decode(context);
  await tell("files.completeUploadExternal", { files: [{ id, title: file.filename }] });
  return files.done(file, id);
}

/** The URL, if this channel may go there. */
function reached(url: string): string {
  if (keeps(url)) return url;
  throw Failure.misconfigured(
    `Slack keeps files at ${http.origin(url)}. Set \`media_base\` to that, and grant it, if the channel should go there.`,
  );
}
