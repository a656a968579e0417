// Warns two minutes before a session that is not used ends, and extends it. Without this script the limit still holds.
"use strict";

const banner = document.querySelector("[data-idle-seconds]");
const idle = Number(banner?.dataset.idleSeconds) * 1000;
const ahead = Math.min(120_000, idle / 2);
let timers = [];

function watch() {
  timers.forEach(clearTimeout);
  timers = [setTimeout(() => show("[data-idle-soon]"), idle - ahead), setTimeout(() => show("[data-idle-over]"), idle)];
}

function show(which) {
  for (const text of banner.querySelectorAll("[role=alert]")) text.hidden = !text.matches(which);
  banner.hidden = false;
}

async function stay(event) {
  event.preventDefault();
  const answer = await fetch(banner.action, { method: "POST", body: new FormData(banner), redirect: "manual" }).catch(() => null);
  if (answer?.status !== 204) return show("[data-idle-over]");
  banner.hidden = true;
  watch();
}

if (banner) {
  banner.addEventListener("submit", stay);
  watch();
}
