/** The styles of those Mantine components that are used here, and of those that they are made of: a third of all of them. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { Plugin } from "vite";

const ID = "virtual:mantine.css";
const CORE = "node_modules/@mantine/core";
/** Packages that use components of the core by themselves. */
const ALSO = ["node_modules/@mantine/notifications/esm"];
const ALWAYS = ["baseline", "default-css-variables", "global"];

export function mantineStyles(root: string): Plugin {
  return {
    name: "mantine-styles",
    resolveId: (id) => (id === ID ? `\0${ID}` : undefined),
    load: (id) => (id === `\0${ID}` ? stylesOf(root) : undefined),
  };
}

export function stylesOf(root: string): string {
  const core = join(root, CORE);
  const whole = readFileSync(join(core, "styles.css"), "utf8");
  const where = (name: string) => {
    const text = readFileSync(join(core, "styles", `${name}.css`), "utf8").trim();
    const at = whole.indexOf(text.slice(0, 400));
    // What the order is of is decided by Mantine: a later component overrides an earlier one.
    if (at < 0) throw new Error(`the styles of ${name} are not in Mantine's styles.css`);
    return { at, text };
  };
  return [...ALWAYS, ...needed(root)]
    .map(where)
    .sort((a, b) => a.at - b.at)
    .map(({ text }) => text)
    .join("\n");
}

/** Names of the style sheets that the sources need, themselves or through a component. */
export function needed(root: string): string[] {
  const core = join(root, CORE);
  const index = readFileSync(join(core, "esm/index.mjs"), "utf8");
  const places = new Map<string, string>();
  for (const [, names, place] of index.matchAll(/import \{([^}]*)\} from "(\.[^"]+)"/g))
    for (const name of (names ?? "").split(",")) places.set(name.trim().split(" as ").at(-1) ?? "", place ?? "");
  const seen = new Set<string>();
  const sheets = new Set<string>();
  const follow = (file: string) => {
    if (seen.has(file) || !existsSync(file)) return;
    seen.add(file);
    const sheet = /([A-Za-z]+)\.module\.mjs$/.exec(file)?.[1];
    if (sheet && existsSync(join(core, "styles", `${sheet}.css`))) sheets.add(sheet);
    for (const [, place] of readFileSync(file, "utf8").matchAll(/from "(\.[^"]+\.mjs)"/g)) follow(resolve(dirname(file), place ?? ""));
  };
  for (const name of imported([join(root, "src"), ...ALSO.map((place) => join(root, place))])) {
    const place = places.get(name);
    if (place) follow(resolve(core, "esm", place));
  }
  return [...sheets].sort();
}

function imported(folders: readonly string[]): Set<string> {
  const names = new Set<string>();
  for (const folder of folders)
    for (const entry of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
      if (!/\.(tsx?|mjs)$/.test(entry)) continue;
      const text = readFileSync(join(folder, entry), "utf8");
      for (const [, list] of text.matchAll(/import \{([^}]*)\} from "@mantine\/core"/g))
        for (const name of (list ?? "").split(",")) names.add(name.trim().replace(/^type /, "").split(" as ")[0] ?? "");
    }
  return names;
}
