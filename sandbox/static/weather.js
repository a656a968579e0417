// Applies a switch without leaving the page, and keeps the log fresh. Without this script both still work, by reloading.
"use strict";

const ADDRESS = "/weather/api";
const body = document.querySelector("[data-log]");
const said = document.querySelector("[data-said]");
let shown = "";

function cell(row, ...parts) {
  const made = row.insertCell();
  made.append(...parts);
  return made;
}

function make(tag, text, attributes = {}) {
  const made = Object.assign(document.createElement(tag), { textContent: text });
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

function addRow(call) {
  const row = body.insertRow();
  cell(row, make("time", new Date(call.time).toLocaleTimeString("en-GB"), { datetime: call.time }));
  cell(row, call.stand_in.toUpperCase());
  cell(row, make("code", `${call.method} ${call.path}`), " ", make("span", call.note, { class: "quiet" }));
  const status = cell(row, String(call.status ?? "no answer"));
  status.className = "status";
  status.dataset.kind = call.status && call.status < 400 ? "good" : "bad";
  cell(row, `${call.person} `, make("code", call.token));
}

function show(state) {
  for (const button of document.querySelectorAll("button[aria-pressed]")) {
    button.setAttribute("aria-pressed", String(state[button.name] === button.value));
  }
  const log = JSON.stringify(state.log);
  if (log === shown) return;
  shown = log;
  body.replaceChildren();
  state.log.forEach(addRow);
  document.querySelector("[data-empty]").hidden = state.log.length > 0;
}

async function ask(wish) {
  const answer = await fetch(ADDRESS, wish && {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(wish),
  });
  const state = await answer.json();
  if (!answer.ok) throw new Error(state.error);
  show(state);
}

async function apply(event) {
  event.preventDefault();
  const wish = Object.fromEntries(new FormData(event.target));
  delete wish.csrfmiddlewaretoken;
  const button = event.submitter;
  if (button?.name) wish[button.name] = button.value;
  try {
    await ask(wish);
    const name = button?.name in { aos: 1, aps: 1 } ? `${button.name.toUpperCase()}: ` : "";
    said.textContent = `Done: ${name}${button?.textContent.trim() ?? ""}`;
  } catch (problem) {
    said.textContent = `Not done: ${problem.message}`;
  }
}

async function follow() {
  try {
    if (!document.hidden) await ask();
  } catch {
    said.textContent = "The stand-in does not answer. Is it still running?";
  }
  setTimeout(follow, 1500);
}

for (const form of document.querySelectorAll("form[data-weather]")) form.addEventListener("submit", apply);
follow();
