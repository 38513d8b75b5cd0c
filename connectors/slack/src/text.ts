/** Slack's way of writing text: three signs are escaped, and everything that links stands between angle brackets. */

/** What Slack sent, as a person reads it. */
export function plain(text: string): string {
  const linked = text.replace(/<([^<>|]+)(?:\|([^<>]*))?>/g, (_, target: string, label?: string) => {
    const rest = target.slice(1);
    switch (target[0]) {
      case "@":
        return `@${label || rest}`;
      case "#":
        return `#${label || rest}`;
      case "!":
        return label || `@${rest.split("^")[0]}`;
      default: {
        const url = target.replace(/^(mailto|tel):/, "");
        return label && label !== url && label !== target ? `${label} (${url})` : url;
      }
    }
  });
  return linked.replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&");
}

/** Text of ours, so that none of it becomes a mention or a link that was not meant. */
export const escaped = (text: string) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
