// What is being pressed stays until it is released: pressing one element and releasing another is no click.
const isPressed = () => document.querySelector("#progress :active");

// A page that nobody sees, or that cannot change now, does not ask how far a batch is: the answer would count as seen.
document.addEventListener("htmx:beforeRequest", (event) => {
  if (document.hidden || isPressed()) event.preventDefault();
});
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (isPressed()) detail.shouldSwap = false;
});
