// Asks for the token of the server. However many requests were refused at once, there is one dialog.
let pending = null;
const dialog = document.getElementById("token-dialog");

// Nothing can be shown without the token, so Escape does not close the dialog; where a browser closes it all the
// same, as Chromium does at a second Escape, it comes back.
dialog.addEventListener("cancel", (event) => event.preventDefault());
dialog.addEventListener("close", () => { if (pending !== null && !dialog.open) dialog.showModal(); });

/** The token that the user types; `why` is what the server said about the last one. */
export function askForToken(why) {
  pending ??= new Promise((resolve) => {
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
      pending = null;
      dialog.close();
      resolve(token);
    };
    dialog.addEventListener("submit", onSubmit);
    dialog.showModal();
    input.focus();
  });
  return pending;
}
