// Draws figures, with the style sheet's colours, and one crosshair over all charts of a figure.
// The page and the report use it alike.
"use strict";
window.bluenova = (() => {
  const touch = matchMedia("(pointer: coarse)").matches;
  const PAPER = { width: 690, height: 720 };
  let printing = false;
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();

  // The figure with colours for their names: "@low" and the like.
  function themed(value) {
    if (typeof value === "string") return value.replace(/@([a-z-]+)/g, (_, name) => colour(name));
    if (Array.isArray(value)) return value.map(themed);
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, key === "meta" ? one : themed(one)]));
    }
    return value;
  }

  function draw(place, figure, onZoom) {
    const layout = themed(figure.layout), data = themed(figure.data);
    if (!onZoom || touch) layout.dragmode = false;
    if (!onZoom) layout.xaxis.fixedrange = true;
    if (figure.meta && place.clientWidth < 600) {
      layout.margin.l = 40;
      layout.margin.r = 40;
      for (const title of layout.annotations) title.font.size -= 2;
      layout.xaxis.tickvals = layout.xaxis.tickvals.filter((_, n) => n % 2 === 0);
      layout.xaxis.ticktext = layout.xaxis.ticktext.filter((_, n) => n % 2 === 0);
    }
    // A swipe over a chart must scroll the page: on a touch screen the chart takes no touches.
    const options = { displayModeBar: false, responsive: true, doubleClick: false, staticPlot: touch, scrollZoom: false };
    if (printing) forPaper(layout, data);
    place.style.height = `${layout.height}px`;
    const drawn = Plotly.react(place, data, layout, options);
    place.bluenova = { figure, onZoom };
    if (!place.dataset.ready) {
      place.dataset.ready = "yes";
      if (figure.meta) crosshair(place);
      place.on("plotly_relayout", (change) => {
        const now = place.bluenova;
        const first = change["xaxis.range[0]"], last = change["xaxis.range[1]"];
        if (now.onZoom && first && last) now.onZoom(utc(first, now.figure.meta), utc(last, now.figure.meta));
      });
    }
    return drawn;
  }

  // Paper is narrower than a window, A4 and Letter alike, and all charts belong on one page.
  function forPaper(layout, data) {
    const shrunk = Math.min(PAPER.height / layout.height, 1);
    layout.width = PAPER.width;
    layout.height *= shrunk;
    layout.font.size = 10;
    for (const title of layout.annotations || []) title.font.size = 10;
    for (const one of data) if (one.colorbar) one.colorbar.len *= shrunk;
  }

  function redraw() {
    for (const place of document.querySelectorAll(".figure[data-ready]")) draw(place, place.bluenova.figure, place.bluenova.onZoom);
  }

  function print(now) {
    printing = now;
    document.documentElement.classList.toggle("printing", now);
    redraw();
    // Without this, a chart would keep the paper's width.
    if (!now) for (const place of document.querySelectorAll(".figure[data-ready]")) Plotly.Plots.resize(place);
  }

  // A drawn time, which has the site's offset at the range's begin, as UTC.
  function utc(text, meta) {
    const at = Date.parse(text.replace(" ", "T").slice(0, 19) + "Z") - 1000 * meta.offset_s;
    return new Date(at).toISOString().slice(0, 19) + "Z";
  }

  const drawnMs = (text) => Date.parse(text.replace(" ", "T") + "Z");

  function nearest(times, at) {
    let low = 0, high = times.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (times[middle] < at) low = middle + 1; else high = middle;
    }
    return low > 0 && at - times[low - 1] < times[low] - at ? low - 1 : low;
  }

  function crosshair(place) {
    const line = document.createElement("div");
    line.className = "cross";
    line.hidden = true;
    place.append(line);
    const readout = place.parentElement.querySelector(".readout");
    const hint = readout ? readout.innerHTML : "";
    const show = (event) => {
      const meta = place.bluenova.figure.meta, axis = place._fullLayout.xaxis, size = place._fullLayout._size;
      const x = event.clientX - place.getBoundingClientRect().left - size.l;
      if (x < 0 || x > size.w || !meta.times.length) { hide(); return; }
      const at = drawnMs(axis.p2d(x).slice(0, 19));
      const n = nearest(meta.times.map(drawnMs), at);
      line.hidden = false;
      line.style.left = `${x + size.l}px`;
      line.style.top = `${size.t}px`;
      line.style.height = `${size.h}px`;
      if (readout) tell(readout, meta, n, at);
    };
    const hide = () => { line.hidden = true; if (readout) readout.innerHTML = hint; };
    place.addEventListener("mousemove", show);
    place.addEventListener("click", show);
    place.addEventListener("mouseleave", hide);
  }

  function tell(readout, meta, n, at) {
    const parts = [["", meta.labels[n]]];
    for (const one of meta.read) {
      const value = one.values[n];
      parts.push([one.name, value === null ? "–" : `${value.toFixed(one.decimals)} ${one.unit}`]);
    }
    if (meta.cell_times.length) {
      const k = nearest(meta.cell_times.map(drawnMs), at);
      const known = meta.cells.map((cell, i) => [meta.deviations[i][k], cell]).filter(([mv]) => mv !== null);
      if (known.length) {
        known.sort((a, b) => a[0] - b[0]);
        const [low, high] = [known[0], known[known.length - 1]];
        parts.push(["Cell " + low[1], `${low[0].toFixed(0)} mV`], ["Cell " + high[1], `+${high[0].toFixed(0)} mV`]);
      }
    }
    readout.replaceChildren(...parts.map(([name, value]) => {
      const part = document.createElement("span"), strong = document.createElement("b");
      strong.textContent = value;
      part.append(name ? name + " " : "", strong);
      return part;
    }));
  }

  function drawAll(root, figures, onZoom) {
    const places = [...root.querySelectorAll(".figure")];
    const drawn = places.map((place) => draw(place, figures[place.dataset.figure], figures[place.dataset.figure].meta && onZoom));
    if (!drawAll.listens) {
      drawAll.listens = true;
      matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
      addEventListener("beforeprint", () => print(true));
      addEventListener("afterprint", () => print(false));
    }
    return Promise.all(drawn);
  }

  return { drawAll };
})();
