/**
 * The words of the contract (`wit/*.wit`), as the component model spells them in JavaScript: names in camel case, `option` as a value or
 * undefined, a variant as `{ tag, val }`, `list<u8>` as Uint8Array, and 64-bit numbers as bigint. The meaning of each word stands in the
 * WIT; words of `media.wit` that mean something else elsewhere have `File` in their names.
 */

type Case<Tag extends string, Val = undefined> = Val extends undefined
  ? { tag: Tag; val?: undefined }
  : { tag: Tag; val: Val };

/** Milliseconds since 1970. */
export type Timestamp = bigint;
/** `value` is a JSON text. */
export interface Property {
  name: string;
  value: string;
}
/** The name is lower case. */
export interface Header {
  name: string;
  value: Uint8Array;
}
export interface Identifier {
  kind: string;
  namespace?: string;
  value: string;
}
export type Trust = Case<"attested"> | Case<"claimed"> | Case<"inferred"> | Case<"other", string>;
export type Subject =
  | Case<"identifier", Identifier>
  | Case<"name", string>
  | Case<"username", string>
  | Case<"avatar", string>
  | Case<"language", string>
  | Case<"other", Property>;
export interface Hint {
  about: Subject;
  trust: Trust;
  evidence: string;
}
export interface Sender {
  identity: Identifier;
  hints: Hint[];
}
export type Author =
  Case<"customer", Sender> | Case<"account", Sender> | Case<"system", Sender> | Case<"other", [string, Sender]>;
export type ThreadKind =
  Case<"direct"> | Case<"group"> | Case<"comments"> | Case<"mail"> | Case<"call"> | Case<"other", string>;
export interface Thread {
  id: string;
  kind: ThreadKind;
}
/** At least one of `id` and `url` is set. The URL never carries a credential. */
export interface Media {
  id?: string;
  url?: string;
  mime?: string;
  filename?: string;
  size?: bigint;
  sha256?: string;
  caption?: string;
}
export interface Location {
  latitude: number;
  longitude: number;
  name?: string;
  address?: string;
}
export interface Contact {
  name: string;
  identifiers: Identifier[];
}
export interface Interaction {
  title: string;
  payload?: string;
}
export type Part =
  | Case<"text", string>
  | Case<"image", Media>
  | Case<"audio", Media>
  | Case<"video", Media>
  | Case<"file", Media>
  | Case<"sticker", Media>
  | Case<"location", Location>
  | Case<"contact", Contact>
  | Case<"interaction", Interaction>
  | Case<"other", Property>;
export interface Message {
  id: string;
  thread: Thread;
  author: Author;
  sentAt?: Timestamp;
  parts: Part[];
  replyTo?: string;
  extra: Property[];
}
export interface Edit {
  messageId: string;
  editedAt?: Timestamp;
  parts: Part[];
}
export interface Deletion {
  messageId: string;
  deletedAt?: Timestamp;
}
/** Without an emoji it takes the reaction back. */
export interface Reaction {
  messageId: string;
  sender: Sender;
  emoji?: string;
  at?: Timestamp;
}
export interface Problem {
  message: string;
  code?: string;
}
export type DeliveryState =
  Case<"sent"> | Case<"delivered"> | Case<"read"> | Case<"failed", Problem> | Case<"other", string>;
export type DeliveryScope = Case<"message", string> | Case<"thread-until", [string, Timestamp]> | Case<"other", string>;
export interface DeliveryUpdate {
  about: DeliveryScope;
  state: DeliveryState;
  at?: Timestamp;
}
export interface IdentityChange {
  old: Identifier;
  new: Identifier;
  at?: Timestamp;
  reason: string;
}
export interface Touchpoint {
  sender: Sender;
  kind: string;
  at?: Timestamp;
  summary: string;
  extra: Property[];
}
export type CallDirection = Case<"inbound"> | Case<"outbound"> | Case<"other", string>;
export type CallState =
  | Case<"ringing">
  | Case<"answered">
  | Case<"completed">
  | Case<"missed">
  | Case<"busy">
  | Case<"failed", Problem>
  | Case<"other", string>;
export interface Call {
  id: string;
  sender: Sender;
  direction: CallDirection;
  state: CallState;
  at?: Timestamp;
  durationSeconds?: number;
  extra: Property[];
}
export type EventBody =
  | Case<"message", Message>
  | Case<"edit", Edit>
  | Case<"deletion", Deletion>
  | Case<"reaction", Reaction>
  | Case<"delivery", DeliveryUpdate>
  | Case<"identity-change", IdentityChange>
  | Case<"touchpoint", Touchpoint>
  | Case<"call", Call>
  | Case<"other", Property>;
/** `id` is empty where the channel gives none. */
export interface Event {
  id: string;
  body: EventBody;
}
export type FailureValue =
  | Case<"retry", [bigint | undefined, Problem]>
  | Case<"rate-limited", [bigint | undefined, Problem]>
  | Case<"rejected", Problem>
  | Case<"recipient-gone", Problem>
  | Case<"window-closed", Problem>
  | Case<"credentials", Problem>
  | Case<"unsupported", Problem>
  | Case<"uncertain", Problem>
  | Case<"unauthenticated", Problem>
  | Case<"misconfigured", Problem>
  | Case<"other", Problem>;

export interface Request {
  method: string;
  url: string;
  headers: Header[];
  body: Uint8Array;
  receivedAt: Timestamp;
}
export interface Reply {
  status: number;
  headers: Header[];
  body: Uint8Array;
}
export interface Unreadable {
  raw: Uint8Array;
  reason: string;
}
export interface Outcome {
  reply: Reply;
  events: Event[];
  unreadable: Unreadable[];
}

export interface Content {
  parts: Part[];
  replyTo?: string;
}
export interface Template {
  name: string;
  language: string;
  parameters: string[];
  extra: Property[];
}
export type Action =
  | Case<"message", Content>
  | Case<"template", Template>
  | Case<"edit", { messageId: string; content: Content }>
  | Case<"delete", string>
  | Case<"reaction", { messageId: string; emoji?: string }>
  | Case<"mark-read", string>
  | Case<"typing">
  | Case<"call">
  | Case<"other", Property>;
export interface Delivery {
  to: Identifier;
  thread?: string;
  action: Action;
}
export interface Receipt {
  messageIds: string[];
  events: Event[];
}
export interface Health {
  summary: string;
}
export interface Step {
  title: string;
  todo?: string;
}

/** Without `cursor` the next question is the same again. */
export interface Batch {
  events: Event[];
  unreadable: Unreadable[];
  cursor?: Uint8Array;
  more: boolean;
  waitMs?: bigint;
}

/** A request that the host makes for the connector. */
export interface FileRequest {
  method: string;
  url: string;
  headers: Header[];
}
export type FileSource = Case<"download", FileRequest> | Case<"inline", Uint8Array> | Case<"other", Property>;
export interface File {
  source: FileSource;
  mime?: string;
  filename?: string;
  size?: bigint;
  sha256?: string;
  extra: Property[];
}
export interface OutgoingFile {
  kind: string;
  filename: string;
  mime: string;
  size: bigint;
  sha256: string;
  extra: Property[];
}
export interface FileField {
  name: string;
  value: Case<"text", string> | Case<"file"> | Case<"other", Property>;
}
export type FileBody = Case<"file"> | Case<"multipart", FileField[]> | Case<"other", Property>;
/** `context` comes back with the answer. */
export interface FileTransfer {
  request: FileRequest;
  body: FileBody;
  range?: { offset: bigint; length: bigint };
  context: Uint8Array;
}
export interface FileAnswer {
  status: number;
  headers: Header[];
  body: Uint8Array;
  context: Uint8Array;
}
export type FileProgress = Case<"done", Media> | Case<"transfer", FileTransfer> | Case<"other", Property>;

type Awaitable<T> = T | Promise<T>;

/** A connector is a module with these as exports. Each function throws a `Failure` for what went wrong; anything else thrown is a trap. */
export interface Receive {
  handle(request: Request): Awaitable<Outcome>;
}
/** Without this export the channel is inbound only. */
export interface Send {
  deliver(delivery: Delivery, idempotencyKey: string): Awaitable<Receipt>;
}
export interface Identity {
  hints(who: Identifier): Awaitable<Hint[]>;
}
/** Without this export the manifest's schema is all that checks a configuration. */
export interface Configure {
  validate(config: string): Awaitable<Problem[]>;
  check(): Awaitable<Health>;
  connect(publicUrl: string): Awaitable<Step[]>;
}
/** For channels that push nothing. A connector with this export need not have `Receive`. */
export interface Poll {
  poll(cursor?: Uint8Array): Awaitable<Batch>;
}
/** The export `media`: how files are had, and given. `fetches` makes one of a channel that takes no files. */
export interface Files {
  fetch(media: Media): Awaitable<File>;
  upload(file: OutgoingFile, idempotencyKey: string): Awaitable<FileProgress>;
  resume(file: OutgoingFile, answer: FileAnswer): Awaitable<FileProgress>;
}
