// Dialogs, keyboard shortcuts and the few settings of the call.

import { $, $$ } from "/static/shared/dom.js";

/** Opens a dialog of the page; Escape and its closing button close it. */
export function showDialog(name) {
  const dialog = $(`[data-dialog="${name}"]`);
  for (const button of $$("[data-close]", dialog)) button.onclick = () => dialog.close();
  if (!dialog.open) dialog.showModal();
  return dialog;
}

/** Opens a dialog that asks, and calls `confirmed` on yes. */
export function confirmDialog(name, confirmed) {
  const dialog = showDialog(name);
  $("[data-confirm]", dialog).onclick = () => {
    dialog.close();
    confirmed();
  };
}

/** Which shortcut a key press is, or null: never while somebody types, or while a dialog is open. */
export function shortcutOf(event, enabled) {
  if (!enabled || event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.repeat) return null;
  if (event.target.closest?.("input, textarea, select, [contenteditable]") || $("dialog[open]")) return null;
  return { m: "mute", t: "type", "?": "help" }[event.key.toLowerCase()] ?? null;
}

/** The candidate's settings, kept in this browser. */
export class Settings {
  shortcuts = true;

  /** @param {import("./captions.js").Captions} captions */
  constructor(captions) {
    const apply = {
      shortcuts: (on) => {
        this.shortcuts = on;
      },
      announce: (on) => {
        captions.announce = on;
      },
    };
    for (const input of $$("[data-setting]")) {
      const name = input.dataset.setting;
      const stored = read(name);
      if (stored !== null) input.checked = stored === "on";
      apply[name](input.checked);
      input.onchange = () => {
        apply[name](input.checked);
        write(name, input.checked ? "on" : "off");
      };
    }
  }
}

// Storage may be blocked altogether; then a setting lasts as long as the page.
function read(name) {
  try {
    return localStorage.getItem(`emma.${name}`);
  } catch {
    return null;
  }
}

function write(name, value) {
  try {
    localStorage.setItem(`emma.${name}`, value);
  } catch {
    // See above.
  }
}
