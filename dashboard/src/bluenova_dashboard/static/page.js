// Fetches the view's figures and tables, renews them, and turns a zoom into an address.
"use strict";
(() => {
  const view = document.getElementById("view"), trouble = document.getElementById("trouble");
  const every = Number(view.dataset.every || 0) * 1000;

  function zoom(from, to) {
    location.assign(`${view.dataset.zoom}&from=${from}&to=${to}`);
  }

  // This script comes first, so that the answer is on its way while the others are read.
  const drawable = new Promise((ready) => {
    if (window.bluenova || document.readyState === "complete") ready();
    else document.addEventListener("DOMContentLoaded", ready);
  });

  async function load() {
    let again = every;
    try {
      const answer = await fetch(view.dataset.source, { headers: { accept: "application/json" } });
      const said = await answer.json();
      if (answer.ok) {
        // The old picture stays until the new one is there; the reader's place stays, too.
        const scrolled = scrollY;
        const fresh = document.createElement("div");
        fresh.innerHTML = said.html;
        view.style.minHeight = `${view.offsetHeight}px`;
        view.replaceChildren(...fresh.childNodes);
        await drawable;
        await bluenova.drawAll(view, said.figures, view.dataset.zoom && zoom);
        view.style.minHeight = "";
        scrollTo(0, scrolled);
        trouble.hidden = true;
        view.dataset.state = "drawn";
      } else {
        trouble.textContent = said.detail;
        trouble.hidden = false;
        again = answer.status >= 500 ? 5000 : 0;
      }
    } catch (error) {
      trouble.textContent = "The page's server does not answer. Trying again …";
      trouble.hidden = false;
      again = 5000;
    }
    if (again) setTimeout(load, again);
  }

  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.target.closest("input, select, .wide")) return;
    const link = { ArrowLeft: "earlier", ArrowRight: "later" }[event.key];
    const target = link && document.getElementById(link);
    if (target) { event.preventDefault(); location.assign(target.href); }
  });

  load();
})();
