// Shows times in the viewer's own zone, as their language writes them. Without this script they are UTC, and say so.
const STYLES = {
  full: { dateStyle: "long", timeStyle: "short" },
  short: { dateStyle: "medium", timeStyle: "short" },
  time: { timeStyle: "short" },
  seconds: { timeStyle: "medium" },
};
const page = document.documentElement.lang;
// The viewer's own kind of the page's language: "en-GB" writes dates another way than "en-US".
const locale = navigator.languages.find((each) => each.split("-")[0] === page) ?? page;

function show(within) {
  for (const time of within.querySelectorAll("time[data-local]")) {
    const format = new Intl.DateTimeFormat(locale, STYLES[time.dataset.local]);
    time.textContent = format.format(new Date(time.dateTime));
  }
}

show(document);
document.addEventListener("htmx:load", ({ detail }) => show(detail.elt));
