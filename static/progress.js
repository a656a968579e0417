// A page that nobody sees does not ask how far a batch is: what it was told would count as seen.
document.addEventListener("htmx:beforeRequest", (event) => {
  if (document.hidden) event.preventDefault();
});
