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
    const copy = event.target.closest("[data-copy]");
    if (copy) {
      const from = document.getElementById(copy.dataset.copy);
      navigator.clipboard.writeText(from.value ?? from.textContent).then(() => {
        copy.querySelector("span").textContent = "Copied";
      });
    }
    const all = event.target.closest("[data-check-all]");
    if (all) for (const box of document.querySelectorAll('input[name="ids"]')) box.checked = all.checked;
  });
  // Who fills in a field of one choice means that choice.
  document.addEventListener("input", (event) => {
    const meant = document.getElementById(event.target.dataset.chooses);
    if (meant) meant.checked = true;
  });
  // What cannot be taken back is asked about once more; without scripts it is simply done.
  document.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (!button?.dataset.confirm || button.dataset.confirmed) return;
    event.preventDefault();
    const dialog = document.createElement("dialog");
    dialog.className = "confirm card";
    const label = button.textContent.trim() || button.title;
    dialog.setAttribute("aria-label", label);
    const words = document.createElement("p");
    words.textContent = button.dataset.confirm;
    const answers = document.createElement("div");
    answers.className = "inline-form";
    const choose = (name, look, act) => {
      const answer = document.createElement("button");
      answer.type = "button";
      answer.className = `btn ${look}`;
      answer.textContent = name;
      answer.addEventListener("click", act);
      answers.append(answer);
    };
    choose(label, "btn-primary", () => {
      button.dataset.confirmed = "yes";
      dialog.close();
      button.form.requestSubmit(button);
    });
    choose("Cancel", "", () => dialog.close());
    dialog.append(words, answers);
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
  });
  // A link to a folded group of settings opens it.
  const unfold = () => {
    const wanted = document.getElementById(location.hash.slice(1));
    if (wanted instanceof HTMLDetailsElement) wanted.open = true;
  };
  addEventListener("hashchange", unfold);
  document.addEventListener("DOMContentLoaded", () => {
    unfold();
    if (navigator.clipboard) for (const copy of document.querySelectorAll("[data-copy]")) copy.hidden = false;
    // On a narrow screen the open tab may be one of those that are scrolled away.
    const tabs = document.querySelector(".tabs");
    const open = tabs?.querySelector("[aria-current]");
    if (open) tabs.scrollLeft = open.offsetLeft - tabs.offsetLeft - (tabs.clientWidth - open.offsetWidth) / 2;
  });
  // Updates wait while the tab is hidden or somebody is choosing rows or typing.
  document.addEventListener("htmx:configRequest", (event) => {
    const chosen = document.querySelector('input[name="ids"]:checked');
    const live = event.detail.elt;
    const asked = document.querySelector("dialog[open]");
    const typing = live.contains(document.activeElement) && document.activeElement.matches("input, select, textarea");
    if (live.hasAttribute("data-live") && (document.hidden || chosen || asked || typing)) event.preventDefault();
  });
})();
