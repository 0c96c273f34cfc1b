// Asks for the token of the server. However many requests were refused at once, there is one dialog.
let pending = null;

/** The token that the user types; `why` is what the server said about the last one. */
export function askForToken(why) {
  pending ??= new Promise((resolve) => {
    const dialog = document.getElementById("token-dialog");
    const input = document.getElementById("token");
    const error = document.getElementById("token-error");
    error.textContent = why;
    error.hidden = why === "";
    input.value = "";
    const onSubmit = (event) => {
      event.preventDefault();
      const token = input.value.trim();
      if (token === "") {
        error.textContent = "Type the token that the server was started with.";
        error.hidden = false;
        return;
      }
      dialog.removeEventListener("submit", onSubmit);
      dialog.close();
      pending = null;
      resolve(token);
    };
    dialog.addEventListener("submit", onSubmit);
    // Nothing can be shown without it, so Escape does not close it.
    dialog.addEventListener("cancel", (event) => event.preventDefault());
    dialog.showModal();
    input.focus();
  });
  return pending;
}
