import { type Problem, channel, http } from "jackfield-sdk";

/** As the manifest's schema describes it. */
export interface Config {
  team_id?: string;
  api_base?: string;
  media_base?: string;
}

export const config = () => channel.config<Config>();

/** The URL of a method of the Web API. */
export const url = (method: string) =>
  `${(config().api_base ?? "https://slack.com").replace(/\/+$/, "")}/api/${method}`;

/** Whether a URL is where files are kept. */
export const keeps = (url: string) =>
  http.origin(url) === http.origin(config().media_base ?? "https://files.slack.com");

/** What the schema cannot tell. */
export function problems(config: Config | null): Problem[] {
  const bases = [
    ["api_base", config?.api_base],
    ["media_base", config?.media_base],
  ];
  return bases
    .filter(([, base]) => base !== undefined && !/^https?:\/\//.test(base))
    .map(([name]) => ({ message: `\`${name}\` has to begin with https:// or http://.` }));
}
