// Keeps a page fresh without a jump, copies commands and evidence, says local time. Every page works without it.
//
// 1. The page is asked for again: not sooner than it wishes, nor than twenty times what its last answer took.
// 2. The answer is parsed as a document that runs nothing, and laid over what is shown: what is the same stays the
//    same node, so selection, focus, scroll and open details stay too. A row is known by its id, its data-key or
//    the first link in it.
// 3. While nothing usable comes, the page stays as it is, says of when it is, and is asked for again.
"use strict";

const TIMES_ITS_COST = 20, LONGEST = 120e3, GIVE_UP = 30e3; // milliseconds
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;
const main = document.querySelector("main");
const asOf = document.getElementById("as-of");
const wished = Number(main.dataset.refresh) * 1e3;
const trouble = document.createElement("p");
const pause = made(document, "button", "Pause");
let timer, failures = 0, isPaused = false, isPressed = false, isAsking = false;

// 1. ------------------------------------------------------------------------------------------------------------
async function refresh() {
  if (isAsking || isHeld()) return;
  clearTimeout(timer);
  isAsking = true;
  const begun = performance.now();
  try {
    const fresh = await asked();
    const cost = performance.now() - begun;
    await released();
    if (!isHeld()) show(fresh);
    failures = 0;
    later(Math.max(wished, cost * TIMES_ITS_COST));
  } catch (error) {
    failures += 1;
    tell(`${error.said ?? "The watcher does not answer"}. This page is ${asOf.textContent}; retrying.`);
    later(wished * Math.min(failures, 6));
  } finally {
    isAsking = false;
  }
}

async function asked() {
  const options = { cache: "no-store", headers: { Accept: "text/html" }, signal: AbortSignal.timeout(GIVE_UP) };
  const page = new URL(location.href);
  page.username = page.password = page.hash = ""; // with a password in it, it is refused; the browser knows it anyway
  const answer = await fetch(page, options);
  if (answer.status === 404) throw said("The watcher has no such page now: what it is about may be gone");
  if (!answer.ok) throw said(`The watcher answers with status ${answer.status}`);
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (!fresh.getElementById("as-of")) throw said("What answers is not the watcher");
  return fresh;
}

const said = (words) => Object.assign(new Error(words), { said: words });
const later = (delay) => { timer = setTimeout(refresh, Math.min(delay, LONGEST)); };
const isHeld = () => document.hidden || isPaused;

async function released() { // nothing moves under a finger; an end that is never heard of is waited for ten seconds
  for (let turn = 0; isPressed && turn < 50; turn += 1) await new Promise((resolve) => { setTimeout(resolve, 200); });
}

function tell(words) {
  if (trouble.textContent !== words) trouble.textContent = words;
  trouble.hidden = !words;
}

// 2. ------------------------------------------------------------------------------------------------------------
function show(fresh) {
  if (source(fresh) !== source(document)) { // another version of the watcher
    location.reload();
    return;
  }
  const focused = document.activeElement, chosen = selected(), places = seen();
  decorate(fresh);
  document.title = fresh.title;
  lay(asOf, fresh.getElementById("as-of"));
  lay(main, fresh.querySelector("main"));
  if (focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
  select(chosen);
  hold(places);
  tell("");
}

function seen() { // what is on the screen, and where; at the top of a page its top stays, for what is worst is there
  const parts = scrollY ? [...main.querySelectorAll("tr, h2, h3, p, li, figure")] : [];
  const found = parts.map((part) => [part, part.getBoundingClientRect().top]);
  return found.filter(([, top]) => top > 0 && top < innerHeight);
}

function hold(places) { // as most of it moved; one row may have risen to the top of all
  const kept = places.filter(([part]) => part.isConnected);
  const moved = kept.map(([part, top]) => part.getBoundingClientRect().top - top).sort((one, other) => one - other);
  if (moved.length) scrollBy(0, moved[moved.length >> 1]);
}

const source = (of) => of.querySelector("script[src]").getAttribute("src");

function lay(node, fresh) {
  if (node.isEqualNode(fresh)) return;
  if (node.nodeType !== Node.ELEMENT_NODE) {
    node.nodeValue = fresh.nodeValue;
    return;
  }
  for (const { name } of [...node.attributes]) if (!fresh.hasAttribute(name) && name !== "open") node.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (node.getAttribute(name) !== value && name !== "open") node.setAttribute(name, value);
  layChildren(node, fresh);
}

function layChildren(node, fresh) {
  const keys = named(fresh.childNodes), wanted = new Set(keys.values()), known = named(node.childNodes);
  const byKey = new Map([...known].map(([child, key]) => [key, child]));
  let at = node.firstChild;
  for (const next of [...fresh.childNodes]) {
    while (at && known.has(at) && !wanted.has(known.get(at))) at = removed(at);
    const kept = keys.has(next) ? byKey.get(keys.get(next)) : !known.has(at) && isAlike(at, next) && at;
    if (!kept || !isAlike(kept, next)) node.insertBefore(document.importNode(next, true), at);
    else {
      if (kept === at) at = at.nextSibling;
      else move(node, kept, at);
      lay(kept, next);
    }
  }
  while (at) at = removed(at);
}

const isAlike = (node, next) => node?.nodeName === next.nodeName;
const move = (node, child, before) => (node.moveBefore ? node.moveBefore(child, before) : node.insertBefore(child, before));

function removed(node) {
  const next = node.nextSibling;
  node.remove();
  return next;
}

function named(nodes) { // of those that have a name; a second one of the same name is another
  const found = new Map(), times = new Map();
  for (const node of nodes) {
    const link = node.localName === "tr" && node.querySelector("a[href]");
    const name = node.id || node.dataset?.key || (link && link.getAttribute("href"));
    if (!name) continue;
    times.set(name, (times.get(name) ?? 0) + 1);
    found.set(node, `${times.get(name)} ${name}`);
  }
  return found;
}

function selected() {
  const { anchorNode, anchorOffset, focusNode, focusOffset, isCollapsed } = getSelection();
  return isCollapsed ? null : [anchorNode, anchorOffset, focusNode, focusOffset];
}

function select(chosen) {
  if (!chosen || !chosen[0].isConnected || !chosen[2].isConnected) return;
  const isKept = selected()?.every((part, place) => part === chosen[place]);
  const within = (node, offset) => Math.min(offset, node.nodeValue?.length ?? node.childNodes.length);
  const [from, start, to, end] = chosen;
  if (!isKept) getSelection().setBaseAndExtent(from, within(from, start), to, within(to, end));
}

// What is done to a page once it is there, and to each that comes after it. -------------------------------------
function decorate(page) {
  for (const time of page.querySelectorAll("time[datetime]")) {
    const moment = new Date(time.dateTime);
    if (moment.getTimezoneOffset()) time.dataset.local = local(moment);
  }
  for (const text of page.querySelectorAll("main pre")) {
    const button = made(page, "button", "Copy");
    button.className = "copy";
    text.after(button);
  }
}

function local(moment) {
  const isSameDay = moment.getDate() === moment.getUTCDate();
  const parts = { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZoneName: "short", ...(isSameDay ? {} : { weekday: "short" }) };
  return new Intl.DateTimeFormat(undefined, parts).format(moment);
}

function made(page, name, words) {
  const element = page.createElement(name);
  if (name === "button") element.type = "button";
  element.textContent = words;
  return element;
}

async function copy(button) { // as text, and nothing in it that a terminal acts on unseen
  const text = button.previousElementSibling;
  const plain = text.textContent.trimEnd().replace(CONTROLS, (at) => `\\u${at.charCodeAt(0).toString(16).padStart(4, "0")}`);
  try {
    await navigator.clipboard.writeText(plain); // there only over HTTPS, or on the machine itself
    button.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(text);
    button.textContent = "Selected: press Ctrl+C";
  }
  setTimeout(() => { button.textContent = "Copy"; }, 3000);
}

// 3. ------------------------------------------------------------------------------------------------------------
trouble.className = "own stale";
trouble.hidden = true;
trouble.setAttribute("role", "alert");
main.before(trouble);
decorate(document);
if (wished) {
  asOf.after(pause);
  later(wished);
}

pause.addEventListener("click", () => {
  isPaused = !isPaused;
  pause.textContent = isPaused ? "Resume" : "Pause";
  if (!isPaused) refresh();
});
document.addEventListener("visibilitychange", () => { if (wished && !document.hidden) refresh(); });
document.addEventListener("pointerdown", ({ button }) => { isPressed = button === 0; });
for (const end of ["pointerup", "pointercancel"]) document.addEventListener(end, () => { isPressed = false; });
document.addEventListener("click", ({ target }) => { if (target.matches("button.copy")) copy(target); });

// `/` leads to the search, until the reader turns that off (WCAG 2.1.4). -----------------------------------------
const shortcut = made(document, "footer", ""), toggle = made(document, "button", ""), OFF = "shortcut-off";
shortcut.append("Press ", made(document, "kbd", "/"), " to search. ", toggle);
main.after(shortcut);
const name = () => { toggle.textContent = localStorage.getItem(OFF) ? "Turn this on" : "Turn this off"; };
name();
toggle.addEventListener("click", () => {
  if (localStorage.getItem(OFF)) localStorage.removeItem(OFF);
  else localStorage.setItem(OFF, "yes");
  name();
});
document.addEventListener("keydown", (event) => {
  const isTyping = event.target.closest("input, select, textarea") || event.ctrlKey || event.metaKey || event.altKey;
  if (event.key !== "/" || isTyping || localStorage.getItem(OFF)) return;
  event.preventDefault();
  search();
});

function search() {
  const field = document.querySelector('[role="search"] input');
  if (field) field.focus();
  else location.href = "/#search";
}
if (location.hash === "#search") search();
