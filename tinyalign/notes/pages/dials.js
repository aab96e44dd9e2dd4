// Dials: draw the frame that the sliders name. Every number was computed by Python when the page was
// built and stands in the page; here numbers become places on the screen, as in notes/dials/axes.py.
"use strict";

const WIDTH = 340, HEIGHT = 230, LEFT = 48, RIGHT = 10, TOP = 14, BOTTOM = 40, MOST_LABELS = 6;
const ACROSS = WIDTH - LEFT - RIGHT, UP = HEIGHT - TOP - BOTTOM;

const tenth = (value) => Math.floor(value * 10 + 0.5) / 10;
const signed = (value) => String(value).replaceAll("-", "−");
const share = (value, [low, high]) => (Math.min(Math.max(value, low), high) - low) / (high - low);
const across = (value, [x]) => tenth(LEFT + share(value, x) * ACROSS);
const down = (value, [, y]) => tenth(HEIGHT - BOTTOM - share(value, y) * UP);

function places(panel, mark) {
  return mark.y.map((y, k) => [mark.x[k], y])
    .filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y))
    .map(([x, y]) => [across(x, panel.limits), down(y, panel.limits)]);
}

// The shapes of a mark: the same text of SVG that Python wrote for the first picture.
const SHAPES = {
  line: (panel, mark) => `<polyline points="${places(panel, mark).join(" ")}"></polyline>`,
  points: (panel, mark) => places(panel, mark)
    .map(([x, y]) => `<circle cx="${x}" cy="${y}" r="5"></circle>`).join(""),
  bars: (panel, mark, i) => {
    const rows = panel.marks.flatMap((other, j) => (other.kind === "bars" ? [j] : []));
    const step = ACROSS / panel.names.length, width = (0.8 * step) / rows.length;
    const labels = rows.length * panel.names.length <= MOST_LABELS;
    return mark.y.map((height, k) => {
      const x = tenth(LEFT + (k + 0.1) * step + rows.indexOf(i) * width);
      const top = down(Math.max(height, 0), panel.limits);
      const foot = down(Math.min(height, 0), panel.limits);
      const size = `width="${tenth(width)}" height="${tenth(foot - top)}"`;
      const text = `<text x="${tenth(x + width / 2)}" y="${tenth(top - 3)}">${signed(height)}</text>`;
      return `<rect x="${x}" y="${top}" ${size}></rect>${labels ? text : ""}`;
    }).join("");
  },
};

// The same words as `in_words` of notes/dials/axes.py.
const WORDS = {
  bars: (panel, mark) => `${mark.label}: ` + mark.y
    .map((y, k) => `${panel.names[k]} ${y}`).join(", "),
  points: (panel, mark) => `${mark.label} at ` + mark.y
    .map((y, k) => `${mark.x[k]}, ${y}`).join(", "),
  line: (panel, mark) => `${mark.label}, a line from ${mark.y[0]} to ${mark.y.at(-1)}`,
};

class Dial {
  constructor(figure) {
    this.figure = figure;
    this.data = JSON.parse(figure.querySelector("script").textContent);
    this.sliders = [...figure.querySelectorAll("input")];
    this.outputs = [...figure.querySelectorAll("output")];
    this.pictures = [...figure.querySelectorAll("svg")];
    this.numbers = [...figure.querySelectorAll("dd")];
    this.shown = -1;
    for (const slider of this.sliders) {
      slider.hidden = false;
      slider.addEventListener("input", () => this.show());
    }
    this.show(); // a browser may have kept the sliders' places
  }

  // Frames stand in the order of their settings, the last one changing first.
  place() {
    return this.sliders.reduce(
      (at, slider, i) => at * this.data.settings[i].length + Number(slider.value), 0);
  }

  show() {
    const at = this.place(), before = this.shown;
    if (at === before) return;
    this.shown = at;
    const frame = this.data.frames[at];
    this.showSettings();
    this.data.panels.forEach((panel, p) => this.showPanel(panel, this.pictures[p], frame.panels[p]));
    frame.numbers.forEach((text, i) => { this.numbers[i].textContent = text; });
    if (before >= 0) this.say(frame);
  }

  showSettings() {
    this.sliders.forEach((slider, i) => {
      const text = this.data.settings[i][slider.value];
      slider.setAttribute("aria-valuetext", text);
      this.outputs[i].textContent = text;
      for (const span of this.figure.querySelectorAll(`[data-setting="${i}"]`)) {
        span.textContent = text.replaceAll("−", "-");
      }
    });
  }

  showPanel(panel, picture, changes) {
    const groups = picture.querySelectorAll(".mark");
    const marks = panel.marks.map((mark, i) => ({ ...mark, ...changes[i] }));
    marks.forEach((mark, i) => {
      if (Object.keys(changes[i]).length) groups[i].innerHTML = SHAPES[mark.kind](panel, mark, i);
    });
    const [title, up, below] = panel.words;
    const words = marks.map((mark) => WORDS[mark.kind](panel, mark));
    picture.setAttribute("aria-label", `Plot: ${title}. ${[`${up} against ${below}`, ...words].join(". ")}.`);
  }

  // A screen reader hears the numbers when the slider rests, not at every step.
  say(frame) {
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => {
      const names = [...this.figure.querySelectorAll("dt")].map((name) => name.textContent);
      const status = this.figure.querySelector("[role=status]");
      status.textContent = names.map((name, i) => `${name} ${frame.numbers[i]}`).join("; ");
    }, 400);
  }
}

for (const figure of document.querySelectorAll(".dial")) figure.dial = new Dial(figure);
