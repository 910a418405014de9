// Copies the built files of the pinned packages, and makes one sprite of the icons in use.
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const modules = join(here, "node_modules");
const target = join(here, "..", "static", "vendor");
const icons = [
  "layout-dashboard", "arrows-right-left", "plug", "adjustments", "history", "logout", "search",
  "circle-check", "clock", "hand-stop", "alert-triangle", "player-skip-forward", "loader-2",
  "refresh", "download", "chevron-right", "chevron-left", "moon", "sun", "edit", "plus", "trash",
  "player-play", "external-link", "shield-check", "route", "user", "file-invoice", "x", "pencil-exclamation",
  "server-2", "copy", "key",
];
mkdirSync(target, { recursive: true });
copyFileSync(join(modules, "@tabler/core/dist/css/tabler.min.css"), join(target, "tabler.min.css"));
copyFileSync(join(modules, "htmx.org/dist/htmx.min.js"), join(target, "htmx.min.js"));
const symbols = icons.map((name) => {
  const svg = readFileSync(join(modules, `@tabler/icons/icons/outline/${name}.svg`), "utf8");
  const inner = svg.replace(/<!--[\s\S]*?-->/g, "").replace(/<svg[\s\S]*?>/, "").replace("</svg>", "").trim();
  return `<symbol id="${name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round">${inner}</symbol>`;
});
writeFileSync(join(target, "icons.svg"), `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join("")}</svg>\n`);
