// What the shop's forms do where there is a script. Without it they work as forms do.
(() => {
  "use strict";

  // So long does a button wait for its answer; it may be a download, or have been called off.
  const PATIENCE_MILLISECONDS = 10000;
  // Two notes for the next page of this tab: the press that nobody has answered yet, and where the person was.
  const PRESS = "press", PLACE = "place";

  let goesElsewhere = false; // the answer is for another tab, and this page stays

  const note = {
    read(name) {
      try { return JSON.parse(sessionStorage.getItem(name)) || {}; } catch { return {}; }
    },
    write(name, value) {
      try { sessionStorage.setItem(name, JSON.stringify(value)); } catch { /* a browser that keeps no notes */ }
    },
    drop(name) {
      try { sessionStorage.removeItem(name); } catch { /* see above */ }
    },
  };

  const newName = () => Array.from(crypto.getRandomValues(new Uint32Array(4)), (each) => each.toString(36)).join("-");

  // An add that is sent again because its answer was lost has the name of the first: the shop counts it once.
  function namePress(form) {
    const field = form.elements.press || form.appendChild(document.createElement("input"));
    const what = [form.action, form.elements.sku.value, form.elements.quantity.value].join(" ");
    const unanswered = note.read(PRESS);
    Object.assign(field, { type: "hidden", name: "press" });
    field.value = unanswered.what === what && !goesElsewhere ? unanswered.name : newName();
    if (!goesElsewhere) note.write(PRESS, { what, name: field.value });
  }

  function release(...elements) {
    for (const element of elements) ["aria-busy", "data-sent"].forEach((name) => element.removeAttribute(name));
  }

  addEventListener("click", (event) => {
    goesElsewhere = event.ctrlKey || event.metaKey || event.shiftKey;
  }, true);

  addEventListener("submit", (event) => {
    const form = event.target, button = event.submitter;
    if (form.method !== "post" || event.defaultPrevented) return;
    if (form.hasAttribute("data-sent")) {
      event.preventDefault();
      return;
    }
    if (form.elements.sku) namePress(form);
    if (goesElsewhere) return;
    const line = (button || form).closest(".line, .place");
    if (line) note.write(PLACE, { top: line.getBoundingClientRect().top, button: button?.id });
    // Not disabled: that would take the button's value out of the form, and the focus away.
    form.setAttribute("data-sent", "");
    button?.setAttribute("aria-busy", "true");
    setTimeout(release, PATIENCE_MILLISECONDS, form, button || form);
  });

  addEventListener("pageshow", (event) => {
    if (event.persisted) release(...document.querySelectorAll("[data-sent], [aria-busy]"));
  });

  // This page answers the press, unless it came by the back button or says that it does not know.
  const [came] = performance.getEntriesByType("navigation");
  const isAnswer = came?.type === "navigate" || came?.redirectCount > 0;
  if (isAnswer && !document.querySelector("[data-unsure]")) note.drop(PRESS);

  // Back to the line: it stands where it stood, and the focus is on the very button.
  const place = note.read(PLACE), line = document.getElementById(location.hash.slice(1));
  note.drop(PLACE);
  if (isAnswer && place.top !== undefined && line?.matches(".line, .place")) {
    addEventListener("load", () => { // by then the browser itself has gone to the line, and put the focus on it
      scrollBy({ top: line.getBoundingClientRect().top - place.top, behavior: "instant" });
      const button = place.button && document.getElementById(place.button);
      if ([line, document.body].includes(document.activeElement)) {
        (button && !button.disabled ? button : line).focus({ preventScroll: true });
      }
    });
  }
})();
