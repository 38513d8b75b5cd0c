import { type Problem, channel } from "jackfield-sdk";

/** As the manifest's schema describes it. */
export interface Config {
  team_id?: string;
  api_base?: string;
}

export const config = () => channel.config<Config>();

/** The URL of a method of the Web API. */
export const url = (method: string) =>
  `${(config().api_base ?? "https://slack.com").replace(/\/+$/, "")}/api/${method}`;

/** What the schema cannot tell. */
export function problems(config: Config | null): Problem[] {
  if (config?.api_base === undefined || /^https?:\/\//.test(config.api_base)) return [];
  return [{ message: "`api_base` has to begin with https:// or http://." }];
}
