// Makes a page live. Without it everything works as well, by forms and links.
//
// [data-live=URL]       server-sent events come from there: each is HTML, whose elements take the place of those of the
//                       same id. What is typed and where the focus is stays. #live says whether the page is live.
// form[data-fragment]   is sent by fetch while the page is live; the answer is HTML of the same kind, or plain words.
// [data-until=MS]       counts down to that moment by the server's clock, [data-since=MS] says how long ago it was.
// [data-fill=ID]        a link that puts its text into that field instead.

const page = document.querySelector("[data-live]");
const live = document.getElementById("live");
const csrf = document.querySelector('meta[name="csrf"]')?.content ?? "";
const cameAt = performance.timeOrigin + performance.getEntriesByType("navigation")[0].responseStart;
const skew = page?.dataset.now ? Number(page.dataset.now) - cameAt : 0; // however long loading took after that
const RETRY_MS = 2000;
const whisper = document.createElement("div"); // announced, not seen: what is said stands beside the form as well
whisper.className = "visually-hidden";
whisper.setAttribute("role", "status");
document.body.append(whisper);

let source = null;
let lastId = "";
let isLive = false;

// What comes takes the place of what is there.

function swap(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  for (const fresh of [...template.content.children]) {
    const old = document.getElementById(fresh.id);
    if (!old) continue;
    if (old.id === "status" || old.id === "trouble") {
      old.textContent = fresh.textContent; // a live region stays, else what it says is not announced
      continue;
    }
    if ("say" in fresh.dataset) {
      for (const earlier of document.querySelectorAll(".outcome")) earlier.textContent = "";
      whisper.textContent = fresh.textContent;
    }
    replace(old, fresh);
  }
  tick();
}

function replace(old, fresh) {
  const active = document.activeElement;
  const held = old.contains(active) && active !== old ? active : null;
  for (const field of old.querySelectorAll("input[id], textarea[id]")) {
    const twin = twinOf(field, fresh);
    if (twin && (field === held || field.value !== field.defaultValue)) twin.value = field.value;
  }
  for (const one of old.querySelectorAll("details[id][open]")) twinOf(one, fresh)?.setAttribute("open", "");
  const twin = held?.id ? twinOf(held, fresh) : null;
  const range = held && "selectionStart" in held ? [held.selectionStart, held.selectionEnd] : null;
  old.replaceWith(fresh);
  if (twin) {
    twin.focus({ preventScroll: true });
    if (range && range[0] !== null) twin.setSelectionRange(...range);
  } else if (held) {
    const head = fresh.closest("section")?.querySelector("h2"); // what had the focus is gone
    head?.setAttribute("tabindex", "-1");
    head?.focus({ preventScroll: true });
  }
}

function twinOf(one, within) {
  return within.querySelector(`#${CSS.escape(one.id)}`);
}

// The stream.

function listen() {
  const url = new URL(page.dataset.live, location.href);
  if (lastId) url.searchParams.set("after", lastId);
  source = new EventSource(url);
  source.onopen = () => show(true);
  source.onmessage = (event) => {
    lastId = event.lastEventId;
    swap(event.data);
  };
  source.onerror = () => {
    show(false);
    if (source.readyState === EventSource.CLOSED) setTimeout(resume, RETRY_MS);
  };
}

function resume() {
  if (!document.hidden && (!source || source.readyState === EventSource.CLOSED)) listen();
}

function pause() {
  source?.close();
  show(false);
}

function show(now) {
  if (live && (now !== isLive || !live.dataset.state)) {
    const at = new Date().toLocaleTimeString([], { hour12: false });
    live.className = now ? "live" : "live stale";
    live.textContent = now ? "Live" : `Not live since ${at}: connecting again`;
  }
  if (live) live.dataset.state = now ? "on" : "off";
  isLive = now;
}

// Forms.

async function send(form, button) {
  const body = new URLSearchParams(new FormData(form, button));
  form.dataset.key ??= newKey(); // sent again with the same key, a command is done once at the most
  body.set("key", form.dataset.key);
  const action = button?.hasAttribute("formaction") ? button.formAction : form.action;
  form.setAttribute("aria-busy", "true");
  try {
    const headers = { "X-Fragment": "1", "X-CSRF-Token": csrf };
    const answer = await fetch(action, { method: "POST", body, headers });
    const text = await answer.text();
    if (answer.status < 500 && answer.status !== 429) delete form.dataset.key;
    const isHtml = answer.headers.get("content-type")?.startsWith("text/html");
    trouble(isHtml ? "" : text);
    if (answer.ok && !button?.formNoValidate) clear(form);
    if (isHtml) swap(text);
  } catch {
    trouble("No answer came. Try again: what was sent is done once at the most.");
  } finally {
    form.removeAttribute("aria-busy");
  }
}

function clear(form) {
  for (const field of form.elements) if ("keep" in field.dataset) field.defaultValue = field.value;
  form.reset();
}

function trouble(words) {
  const region = document.getElementById("trouble");
  if (region) region.textContent = words;
}

function newKey() {
  return [...crypto.getRandomValues(new Uint8Array(12))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

// Time.

function tick() {
  const now = Date.now() + skew;
  for (const one of document.querySelectorAll("[data-until]")) {
    const left = Math.min(60, Math.max(0, Math.ceil((Number(one.dataset.until) - now) / 1000))); // a busy server is late
    if (one.localName === "progress") {
      one.hidden = false;
      one.value = left;
    } else {
      one.textContent = left ? `${left} s left` : "expired";
      one.classList.toggle("soon", left <= 10);
    }
  }
  for (const one of document.querySelectorAll("[data-since]")) {
    one.title ||= one.textContent;
    one.textContent = ago(Math.max(0, Math.floor((now - Number(one.dataset.since)) / 1000)));
  }
}

function ago(seconds) {
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  return `${Math.floor(seconds / 3600)} h ago`;
}

if (page) {
  listen();
  document.addEventListener("visibilitychange", () => (document.hidden ? pause() : resume()));
  addEventListener("pagehide", pause);
  addEventListener("pageshow", (event) => event.persisted && resume());
}
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!("fragment" in form.dataset) || !isLive) return; // the browser sends it
  event.preventDefault();
  if (!form.hasAttribute("aria-busy")) send(form, event.submitter);
});
document.addEventListener("input", (event) => delete event.target.form?.dataset.key);
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("[data-fill]");
  const field = link && document.getElementById(link.dataset.fill);
  if (!field || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  field.value = link.textContent.trim();
  field.focus();
});
setInterval(tick, 500);
tick();
