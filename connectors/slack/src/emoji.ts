/** Slack names emoji. The ones that people react with; any other stays a name between colons. */

const NAMES: Record<string, string> = {
  "+1": "👍",
  thumbsup: "👍",
  "-1": "👎",
  thumbsdown: "👎",
  heart: "❤️",
  joy: "😂",
  smile: "😄",
  grinning: "😀",
  slightly_smiling_face: "🙂",
  laughing: "😆",
  heart_eyes: "😍",
  blush: "😊",
  wink: "😉",
  sob: "😭",
  cry: "😢",
  open_mouth: "😮",
  thinking_face: "🤔",
  rage: "😡",
  angry: "😠",
  pray: "🙏",
  clap: "👏",
  raised_hands: "🙌",
  wave: "👋",
  ok_hand: "👌",
  muscle: "💪",
  fire: "🔥",
  tada: "🎉",
  rocket: "🚀",
  eyes: "👀",
  white_check_mark: "✅",
  heavy_check_mark: "✔️",
  x: "❌",
  warning: "⚠️",
  "100": "💯",
  star: "⭐",
  question: "❓",
  exclamation: "❗",
  hourglass: "⌛",
  bulb: "💡",
  sunglasses: "😎",
};

const bare = (emoji: string) => emoji.replace(/\uFE0F/g, "");
const SIGNS = new Map(
  Object.entries(NAMES)
    .reverse()
    .map(([name, sign]) => [bare(sign), name]),
);

/** The sign of a name. A skin tone (`wave::skin-tone-2`) is left out. */
export function sign(name: string): string {
  const [plain] = name.split("::");
  return NAMES[plain!] ?? `:${plain}:`;
}

/** The name of a sign, or none. */
export const name = (emoji: string): string | undefined => SIGNS.get(bare(emoji)) ?? /^:([^:\s]+):$/.exec(emoji)?.[1];
