// The list by keyboard, and renaming in a row. Without this script each row's link leads to a page that does the same.
const before = new WeakMap(); // what a row looked like before its field was opened, by the row that holds the field

const rowOf = (element) => element?.closest?.("tr[data-row]");
const opener = (row) => row?.querySelector("[data-rename]");
const search = () => document.getElementById("search");
const isTyping = (element) => element.matches("input:not([type=checkbox]), textarea, select");

function move(step) {
  const rows = [...document.querySelectorAll("tr[data-row]")].filter(opener);
  const at = rows.indexOf(rowOf(document.activeElement));
  const next = rows[at < 0 ? 0 : Math.min(Math.max(at + step, 0), rows.length - 1)];
  opener(next)?.focus();
}

function cancel(row) {
  const old = before.get(row);
  if (!old) return;
  row.replaceWith(old);
  htmx.process(old);
  opener(old)?.focus();
}

const keys = {
  "/": () => search()?.focus(),
  "?": () => document.getElementById("keys")?.showModal(),
  ArrowDown: () => move(1),
  ArrowUp: () => move(-1),
  F2: () => opener(rowOf(document.activeElement))?.click(),
};

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && event.target.closest("[data-row-form]")) return cancel(rowOf(event.target));
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || event.target.closest("dialog")) return;
  if (!Object.hasOwn(keys, event.key) || !document.querySelector("[data-list]")) return;
  event.preventDefault();
  keys[event.key]();
});

document.addEventListener("click", async (event) => {
  const target = event.target;
  if (target.closest("[data-cancel]")) {
    event.preventDefault();
    cancel(rowOf(target));
  } else if (target.closest("[data-name]")) opener(rowOf(target))?.click();
  else if (target.closest("[data-keys]")) document.getElementById("keys").showModal();
  else if (target.closest("[data-copy]")) copy(target.closest("[data-copy]"));
});

async function copy(button) {
  await navigator.clipboard.writeText(button.dataset.copy);
  const live = document.getElementById("said");
  live.textContent = button.dataset.done;
  button.classList.add("copied");
  setTimeout(() => {
    button.classList.remove("copied");
    live.textContent = "";
  }, 2000);
}

// What comes for a row must be a row: an error page of another kind leaves what was typed where it is, and says so.
let replaced = null;
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  replaced = rowOf(detail.target);
  if (!replaced) return isResults(detail) || location.assign(detail.pathInfo.finalRequestPath);
  detail.shouldSwap = detail.xhr.responseText.trimStart().startsWith("<tr");
  if (!detail.shouldSwap) fail(replaced);
});
for (const trouble of ["htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(trouble, ({ target }) => fail(rowOf(target)));
}

/** Whether what comes for the search is the results, not some other page: that is gone to as a whole. */
function isResults(detail) {
  detail.shouldSwap = !detail.xhr.responseText.includes("<html");
  return detail.shouldSwap;
}

function fail(row) {
  const words = row?.querySelector("[data-failed]");
  if (words) words.hidden = false;
  else if (row) location.assign(opener(row).href);
}

document.addEventListener("htmx:load", ({ detail }) => {
  const row = detail.elt;
  if (!row.matches?.("tr[data-row]")) return;
  if (row.matches("[data-row-form]")) before.set(row, before.get(replaced) ?? replaced);
  const field = row.querySelector("[autofocus], [data-focus], input[type=text]") ?? opener(row);
  field?.focus();
  if (field?.matches("input")) field.select();
});

document.addEventListener("htmx:afterSettle", ({ target }) => {
  if (target.id !== "results") return;
  const found = target.querySelector(".found");
  history.replaceState(null, "", found.dataset.address);
  document.querySelector(".language [name=next]").value = found.dataset.address;
  document.getElementById("said").textContent = found.querySelector("p").textContent;
});

// Another language is another page: what is typed in open rows is kept there, and they open again.
document.addEventListener("submit", async (event) => {
  const forms = [...document.querySelectorAll("[data-row-form] form")];
  if (!forms.length || !event.target.matches(".language")) return;
  event.preventDefault();
  for (const form of forms) {
    const body = new FormData(form);
    body.set("language", event.submitter.value);
    if (!(await post(form.action, body))) return fail(rowOf(form));
  }
  location.hash = forms.map((form) => form.getAttribute("action")).join();
  location.reload();
});

/** Whether it arrived: the answer is to go elsewhere, which the page does by itself. */
async function post(address, body) {
  const answer = await fetch(address, { method: "POST", body, redirect: "manual" }).catch(() => null);
  return answer?.type === "opaqueredirect";
}

document.addEventListener("DOMContentLoaded", () => {
  const paths = location.hash.slice(1).split(",");
  if (location.hash) history.replaceState(null, "", location.pathname + location.search);
  for (const link of document.querySelectorAll("[data-rename]")) {
    if (paths.includes(link.getAttribute("href"))) link.click();
  }
});

// htmx notes the address for a history of its own, which is off: nothing is to stay in the browser.
document.addEventListener("DOMContentLoaded", () => sessionStorage.removeItem("htmx-current-path-for-history"));
