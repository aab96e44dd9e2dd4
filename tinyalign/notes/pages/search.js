// Search over all pages: the index was built with them and is read when the reader first asks.
"use strict";

const MOST = 12, AROUND = 60;
const box = document.querySelector(".search input");
const list = document.querySelector(".search ol");
const status = document.querySelector(".search [role=status]");
let loading = null;

function load() {
  loading ??= new Promise((done, failed) => {
    const script = document.createElement("script");
    script.src = "search-index.js";
    script.onload = done;
    script.onerror = failed;
    document.head.append(script);
  });
  return loading;
}

const simple = (text) => text.toLowerCase().normalize("NFKD").replace(/[\u0300-\u036f]/g, "");

// How well an entry fits: a word counts 20 in a heading, 8 in the page's name, 1 in the text.
function score([, page, section, text], words) {
  let total = 0;
  for (const word of words) {
    const here = 20 * simple(section).includes(word) + 8 * simple(page).includes(word)
      + simple(text).includes(word);
    if (!here) return 0;
    total += here;
  }
  return total;
}

function excerpt(text, word) {
  const at = Math.max(simple(text).indexOf(word), 0), from = Math.max(at - AROUND, 0);
  const cut = text.slice(from, at + 2 * AROUND);
  return `${from ? "… " : ""}${cut}${from + cut.length < text.length ? " …" : ""}`;
}

function item([address, page, section, text], words) {
  const row = document.createElement("li"), link = document.createElement("a");
  link.href = address;
  link.textContent = section ? `${page}: ${section}` : page;
  const under = document.createElement("span");
  under.textContent = excerpt(text, words[0]);
  row.append(link, under);
  return row;
}

async function search() {
  await load();
  const words = simple(box.value).split(/\s+/).filter((word) => word.length > 1);
  const found = words.length === 0 ? [] : window.searchIndex
    .map((entry) => [score(entry, words), entry])
    .filter(([points]) => points > 0)
    .sort(([a], [b]) => b - a);
  list.replaceChildren(...found.slice(0, MOST).map(([, entry]) => item(entry, words)));
  list.hidden = found.length === 0;
  status.textContent = words.length ? `${found.length} found` : "";
}

function close() {
  list.hidden = true;
  status.textContent = "";
}

box.closest(".search").hidden = false;
box.addEventListener("focus", load);
box.addEventListener("input", search);
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") close();
  const writing = event.target.matches("input, textarea, select");
  if (event.key === "/" && !writing) {
    event.preventDefault();
    box.focus();
  }
});
list.addEventListener("click", close);
