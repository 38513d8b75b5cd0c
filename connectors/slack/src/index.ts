/** The Slack connector: one app in one workspace is one channel. */

import {
  type Configure,
  type Files,
  type Identity,
  type Receive,
  type Send,
  Failure,
  bodyText,
  outcome,
  reply,
} from "jackfield-sdk";

import { problems } from "./config.ts";
import * as envelope from "./envelope.ts";
import * as files from "./files.ts";
import * as outbound from "./outbound.ts";
import * as profile from "./profile.ts";
import * as setup from "./setup.ts";
import { isGenuine } from "./signature.ts";

export const receive: Receive = {
  handle(request) {
    if (request.method !== "POST") return outcome(reply(405));
    if (!isGenuine(request)) {
      throw Failure.unauthenticated(
        "X-Slack-Signature is missing or wrong, or the request is older than five minutes.",
      );
    }
    return envelope.read(request, bodyText(request));
  },
};

export const send: Send = { deliver: (delivery) => outbound.deliver(delivery) };

export const media: Files = {
  fetch: (media) => files.fetch(media),
  upload: (file) => files.upload(file),
  resume: (file, answer) => files.resume(file, answer),
};

export const identity: Identity = { hints: (who) => profile.hints(who) };

export const configure: Configure = {
  validate: (config) => problems(JSON.parse(config)),
  check: () => setup.check(),
  connect: (publicUrl) => setup.steps(publicUrl),
};
