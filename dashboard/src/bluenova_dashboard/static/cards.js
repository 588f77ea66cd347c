// Renews the cards, and lets them turn grey by themselves if nothing comes.
"use strict";
(() => {
  const EVERY_MS = 5000;
  const place = document.getElementById("cards"), trouble = document.getElementById("trouble");
  let fetched = performance.now();

  function span(seconds) {
    const s = Math.round(seconds);
    if (s < 60) return `${s} s`;
    return s < 3600 ? `${Math.floor(s / 60)} min` : `${Math.floor(s / 3600)} h`;
  }

  function age() {
    for (const card of document.querySelectorAll(".card")) {
      const old = Number(card.dataset.age) + (performance.now() - fetched) / 1000;
      card.classList.toggle("stale", old > Number(card.dataset.staleAfter));
      card.querySelector(".age").textContent = span(old);
    }
  }

  async function renew() {
    try {
      const answer = await fetch("cards", { headers: { accept: "text/html" } });
      if (answer.ok) {
        // Whoever is at a link by keyboard stays there.
        const at = place.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
        place.innerHTML = await answer.text();
        if (at) place.querySelector(`a[href="${CSS.escape(at)}"]`)?.focus();
        fetched = performance.now();
        trouble.hidden = true;
      } else {
        trouble.textContent = (await answer.json()).detail;
        trouble.hidden = false;
      }
    } catch (error) {
      trouble.textContent = "The page's server does not answer. Trying again …";
      trouble.hidden = false;
    }
    age();
    setTimeout(renew, EVERY_MS);
  }

  setInterval(age, 1000);
  setTimeout(renew, EVERY_MS);
  age();
})();
