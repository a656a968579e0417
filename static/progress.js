// A page that nobody sees does not ask how far a batch is: what it was told would count as seen.
document.addEventListener("htmx:beforeRequest", (event) => {
  if (document.hidden) event.preventDefault();
});

// What is being pressed stays until it is released: pressing one element and releasing another is no click.
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (detail.target.querySelector(":active")) detail.shouldSwap = false;
});
