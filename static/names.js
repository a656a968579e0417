// Helps while a name is typed: characters left, and what the eye cannot see. The server decides; this only shows.
const SCRIPTS = ["Latin", "Cyrillic", "Greek", "Armenian", "Cherokee"];
const JOINERS = /[\u200c\u200d\u{e0020}-\u{e007f}]/u; // parts of emoji and of some scripts
const signs = {
  edges: (name) => /^\p{Zs}|\p{Zs}$/u.test(name),
  double: (name) => /\S\p{Zs}{2,}\S/u.test(name),
  direction: (name) => /\p{Bidi_Control}/u.test(name),
  invisible: (name) => [...name].some((char) => /(?!\p{Bidi_Control})\p{Cf}/u.test(char) && !JOINERS.test(char)),
  alike: mixed,
};

/** Whether one word mixes letters of scripts that look alike. */
function mixed(name) {
  return (name.match(/\p{L}+/gu) ?? []).some(
    (word) => SCRIPTS.filter((script) => new RegExp(`\\p{Script=${script}}`, "u").test(word)).length > 1,
  );
}

function show(field) {
  const help = document.getElementById(field.dataset.help);
  if (!help) return;
  const left = Number(field.dataset.limit) - [...field.value.trim()].length;
  const counter = help.querySelector("[data-left]");
  const words = (left < 0 ? "over" : "left") + (Math.abs(left) === 1 ? "One" : "");
  counter.textContent = counter.dataset[words].replace("#", Math.abs(left).toLocaleString(document.documentElement.lang));
  counter.classList.toggle("over", left < 0);
  for (const words of help.querySelectorAll("[data-when]")) words.hidden = !signs[words.dataset.when](field.value);
}

let asking, question;

/** Whether another subscription has the name: only the server knows them all. Asked once a pause in typing. */
async function ask(field) {
  const name = field.value;
  const hint = document.getElementById(field.dataset.help)?.querySelector("[data-same]");
  if (!hint) return;
  const query = new URLSearchParams({ name: [...name].slice(0, Number(field.dataset.limit)).join("") });
  question = new AbortController();
  const { signal } = question;
  const answer = await fetch(`${hint.dataset.same}?${query}`, { redirect: "manual", signal }).catch(() => null);
  const said = answer?.ok ? await answer.json().catch(() => null) : null;
  if (field.value === name) hint.hidden = !said?.same;
}

document.addEventListener("input", ({ target }) => {
  if (!target.matches("[data-help]")) return;
  show(target);
  clearTimeout(asking);
  asking = setTimeout(ask, 300, target);
});
// Nothing is asked any more once a form is sent: where that ends the sign-in, a late answer would take its cookie away.
document.addEventListener("submit", () => {
  clearTimeout(asking);
  question?.abort();
});
document.addEventListener("focusin", ({ target }) => {
  if (target.matches("[data-help]")) show(target);
});
