// Small conveniences; every page works without them.
"use strict";
(() => {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    const wanted = root.dataset.theme;
    root.dataset.bsTheme = wanted === "auto" ? (dark.matches ? "dark" : "light") : wanted;
  };
  apply();
  dark.addEventListener("change", apply);
  document.addEventListener("click", (event) => {
    const toggle = event.target.closest("[data-theme-toggle]");
    if (toggle) {
      root.dataset.theme = root.dataset.bsTheme === "dark" ? "light" : "dark";
      document.cookie = `theme=${root.dataset.theme}; path=/; max-age=31536000; samesite=lax`;
      apply();
      return;
    }
    const row = event.target.closest("tr.linked");
    if (row && !event.target.closest("a, button, input, label")) row.querySelector("a.row-link")?.click();
    const all = event.target.closest("[data-check-all]");
    if (all) for (const box of document.querySelectorAll('input[name="ids"]')) box.checked = all.checked;
  });
  // Updates wait while the tab is hidden or somebody is choosing rows or typing.
  document.addEventListener("htmx:configRequest", (event) => {
    const chosen = document.querySelector('input[name="ids"]:checked');
    const live = event.detail.elt;
    const typing = live.contains(document.activeElement) && document.activeElement.matches("input, select, textarea");
    if (live.hasAttribute("data-live") && (document.hidden || chosen || typing)) event.preventDefault();
  });
})();
