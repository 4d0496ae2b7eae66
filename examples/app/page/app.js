// The profile page. Everything that a person wrote reaches the page through textContent only.

const $ = (id) => document.getElementById(id);
const pathHandle = decodeURIComponent(location.pathname).match(/^\/@([^/]+)$/)?.[1] ?? "";

let config; // limits, from the server
let token = sessionStorage.getItem("token") ?? "";
let me = null; // one's own profile, when signed in
let shown = null; // the profile on the page
let items = []; // its activities
let next = ""; // cursor of older ones

// ---- talking to the server ----

class Refusal extends Error {
  constructor(code, problem = {}) {
    super(problem.detail ?? code);
    Object.assign(this, { code, problem });
  }
}

async function call(method, path, body, headers = {}) {
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let res;
  try {
    res = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch {
    throw new Refusal("offline");
  }
  const data = await res.json().catch(() => ({}));
  if (res.ok) return { data, headers: res.headers };
  if (res.status === 401 && token) signOut();
  throw new Refusal(data.code ?? `http_${res.status}`, data);
}

// words says in plain language what a code means.
const words = {
  offline: "The server cannot be reached. Check your connection and try again.",
  unauthorized: "Your session has ended. Please sign in again.",
  not_found: "That does not exist any more.",
  edited_meanwhile: "You edited your profile somewhere else meanwhile. Save again to replace that text with this one.",
  malformed: "The server did not understand the request. Please reload the page.",
  too_large: "This file is too large.",
  too_many_bytes: "This file is too large.",
  unsupported_type: "Please choose a JPEG, PNG, GIF or WebP picture.",
  unsupported_format: "This is not a picture that we can read. Please choose a JPEG, PNG, GIF or WebP file.",
  type_mismatch: "The file is not what its name says. Please save it as JPEG or PNG and try again.",
  empty: "The file is empty.",
  corrupt: "The picture is damaged. Please try another file.",
  too_many_pixels: "The picture has too many pixels. Please make it smaller and try again.",
  dimensions: "The picture's width or height cannot be used.",
  poison: "The picture cannot be processed. Please save it again in a simpler form, such as JPEG.",
  timeout: "The picture took too long to process. Please try a simpler or smaller one.",
  moderated: "This picture cannot be used here.",
  invalid_key: "The upload went to the wrong place. Please try again.",
  expired: "The upload took too long. Please try again.",
  slow: "The picture is still being worked on. It appears here when it is ready.",
  cancelled: "The upload was cancelled.",
  upload_failed: "The upload was interrupted. Please try again.",
  incomplete: "The upload was interrupted. Please try again.",
  sha256: "The file changed on the way. Please choose it again.",
  content_type: "The file is not what its name says. Please save it as JPEG or PNG and try again.",
  too_small: "The file changed on the way. Please choose it again.",
  exists: "This upload was already made. Please choose the file again.",
  bad_signature: "The upload was refused. Please try again.",
  rate_limited: "That was a little too fast. Please wait a moment.",
  internal: "Something went wrong on our side. Please try again.",
  unavailable: "The service is not available right now. Please try again in a moment.",
  keys_unavailable: "The service cannot check who you are right now. Please try again in a moment.",
};

const fieldWords = {
  required: "Please fill this in.",
  too_short: "This is too short.",
  too_long: "This is too long.",
  too_many_bytes: "This is too long.",
  invalid_characters: "This has characters that cannot be used, such as invisible ones.",
};

function explain(err) {
  const text = words[err.code] ?? "That did not work. Please try again.";
  const limit = err.problem?.limit;
  if (limit && /too_large|too_many_bytes/.test(err.code)) return `${text} The limit is ${megabytes(limit)}.`;
  return text;
}

const megabytes = (n) => n >= 1e6 ? `${Math.floor(n / 1e5) / 10} MB` : `${Math.floor(n / 1e3)} kB`;

// say tells a screen reader; what lies outside an open dialog is not read.
function say(text) {
  $($("dialog").open ? "form-live" : "live").textContent = text;
}

function notice(text) {
  $("notice").textContent = text;
  $("notice").hidden = !text;
}

// ---- signing in ----

// signIn takes a user name for the built-in issuer, or else an access token of the user pool.
async function signIn(text) {
  token = config.dev_login ? (await call("POST", "/dev/login", { username: text })).data.access_token : text;
  await start();
  sessionStorage.setItem("token", token);
}

function signOut() {
  token = "";
  me = null;
  sessionStorage.removeItem("token");
  stopListening();
  render();
  if (!pathHandle) $("username").focus();
}

// ---- the page ----

async function start() {
  if (token) {
    me = (await call("GET", "/api/profile")).data;
  }
  await refresh();
  listen();
}

async function refresh() {
  const handle = pathHandle || me?.handle;
  if (!handle) return render();
  try {
    const { data } = await call("GET", `/api/activities/@${encodeURIComponent(handle)}`);
    shown = data.profile;
    keepOlder(data);
    if (shown.handle === me?.handle) me = { ...me, ...shown, can_edit: true };
    notice("");
  } catch (err) {
    if (err.code !== "not_found") return notice(explain(err));
    shown = null;
  }
  render();
}

// keepOlder puts the newest activities before those older ones that are shown already.
function keepOlder({ activities, next: cursor }) {
  const last = activities.at(-1);
  const older = cursor ? items.filter((a) => a.handle === last.handle && a.created_at < last.created_at) : [];
  items = activities.concat(older);
  if (older.length === 0) next = cursor;
}

function render() {
  const own = me && shown && me.handle === shown.handle;
  const person = shown && (pathHandle || me);
  $("who").textContent = me ? `@${me.handle}` : "";
  $("who").hidden = $("sign-out").hidden = !me;
  $("to-sign-in").hidden = Boolean(me) || !pathHandle;
  $("welcome").hidden = Boolean(me) || Boolean(pathHandle);
  $("missing").hidden = Boolean(shown) || !pathHandle;
  $("profile").hidden = $("list").hidden = !person;
  $("edit").hidden = $("compose").hidden = !own;
  if (!person) return;
  document.title = `${shown.display_name} (@${shown.handle}) – Cruddur`;
  $("name").textContent = shown.display_name;
  $("handle").textContent = `@${shown.handle}`;
  $("bio").textContent = shown.bio;
  $("bio").hidden = !shown.bio;
  $("count").textContent = shown.cruds_count.toLocaleString();
  $("count-word").textContent = shown.cruds_count === 1 ? "crud" : "cruds";
  paintAvatar($("avatar"), shown, "256", `Avatar of ${shown.display_name}`);
  showImage($("banner").querySelector("img"), shown.banner, "1500x500", "");
  $("banner").style.backgroundImage = shown.banner ? "none" : "";
  $("banner").style.backgroundColor = shown.banner?.color ?? "";
  $("empty").textContent = own ? "Nothing here yet. Say something above." : `@${shown.handle} has not said anything yet.`;
  $("empty").hidden = items.length > 0;
  $("more").hidden = !next;
  const rows = new Map([...$("activities").children].map((li) => [li.dataset.uuid, li]));
  $("activities").replaceChildren(...items.map((a) => activity(a, rows.get(a.uuid))));
}

// activity fills the row of an activity, a new one or the one that is there, so that its picture does not flicker.
function activity(a, li = emptyRow(a)) {
  paintAvatar(li.querySelector(".avatar"), shown, "128", "");
  li.querySelector("strong").textContent = shown.display_name;
  li.querySelector("time").textContent = ago(a.created_at);
  return li;
}

function emptyRow(a) {
  const li = element("li");
  li.dataset.uuid = a.uuid;
  const avatar = element("div", "avatar");
  avatar.append(Object.assign(element("span"), { ariaHidden: "true" }), Object.assign(new Image(), { hidden: true }));
  const by = element("div", "by");
  const time = element("time");
  time.dateTime = a.created_at;
  time.title = new Date(a.created_at).toLocaleString();
  by.append(element("strong"), element("span", "", `@${a.handle}`), time);
  const text = element("div");
  text.append(by, element("p", "message", a.message));
  li.append(avatar, text);
  return li;
}

function element(tag, className = "", text = "") {
  return Object.assign(document.createElement(tag), { className, textContent: text });
}

// paintAvatar shows the picture, and until it is there, or when there is none, the initials on a colour of the handle's own.
function paintAvatar(box, person, variant, alt) {
  const [span, img] = box.children;
  span.textContent = person.avatar ? "" : initials(person.display_name);
  box.style.backgroundColor = person.avatar?.color ?? `hsl(${hue(person.handle)} 55% 34%)`;
  if (person.avatar) box.removeAttribute("role");
  else Object.assign(box, { role: alt ? "img" : null, ariaLabel: alt || null });
  showImage(img, person.avatar, variant, alt);
}

function showImage(img, picture, variant, alt) {
  img.alt = alt;
  const src = picture ? picture.variants?.[variant] ?? picture.url : "";
  if (img.getAttribute("src") === src) return;
  img.hidden = true;
  if (!src) return img.removeAttribute("src");
  img.onload = () => (img.hidden = false);
  img.src = src;
}

function initials(name) {
  const graphemes = (s) => Array.from(new Intl.Segmenter().segment(s), (g) => g.segment);
  const parts = name.trim().split(/\s+/u).filter(Boolean);
  const picked = parts.length > 1 ? [parts[0], parts.at(-1)] : parts;
  return picked.map((p) => graphemes(p)[0]).join("").toLocaleUpperCase();
}

function hue(text) {
  let h = 7;
  for (const c of text) h = (h * 31 + c.codePointAt(0)) % 360;
  return h;
}

const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

function ago(time) {
  const seconds = Math.min(0, (Date.parse(time) - Date.now()) / 1000);
  for (const [unit, size] of [["year", 31536000], ["month", 2592000], ["day", 86400], ["hour", 3600], ["minute", 60]]) {
    if (-seconds >= size) return relative.format(Math.trunc(seconds / size), unit);
  }
  return "just now";
}

setInterval(() => {
  for (const t of document.querySelectorAll("#activities time")) t.textContent = ago(t.dateTime);
}, 30_000);

// ---- live updates ----

let source = null;
let lastEvent = "";
let polling = 0;
let retry = 0;

async function listen() {
  stopListening();
  if (!shown) return;
  let url = `/events?handle=${encodeURIComponent(shown.handle)}`;
  if (token) {
    try {
      const { data } = await call("POST", "/api/events/ticket", {});
      url += `&ticket=${data.ticket}`;
    } catch {
      // The cookie may still do; else the page polls.
    }
  }
  if (lastEvent) url += `&last_event_id=${encodeURIComponent(lastEvent)}`;
  const changed = (e) => {
    lastEvent = e.lastEventId || lastEvent;
    refresh();
  };
  source = new EventSource(url);
  source.addEventListener("hello", (e) => (lastEvent = e.lastEventId || lastEvent));
  for (const name of ["profile", "picture", "activity", "resync"]) source.addEventListener(name, changed);
  source.onopen = () => clearInterval(polling);
  source.onerror = () => {
    if (source?.readyState !== EventSource.CLOSED) return; // it reconnects by itself, with its cookie
    clearInterval(polling);
    polling = setInterval(() => document.hidden || refresh(), 15_000);
    clearTimeout(retry);
    if (token) retry = setTimeout(listen, 5_000);
  };
}

function stopListening() {
  source?.close();
  source = null;
  clearInterval(polling);
  clearTimeout(retry);
}

// ---- the form ----

const pictures = [...document.querySelectorAll(".picture")].map((box) => ({
  kind: box.dataset.kind,
  box,
  input: box.querySelector("input"),
  canvas: box.querySelector("canvas"),
  current: box.querySelector(".preview img"),
  note: box.querySelector(".note"),
  hint: box.querySelector(".note").textContent,
  remove: box.querySelector(".remove"),
  preview: box.querySelector(".preview"),
  progress: box.querySelector(".progress"),
  file: null,
}));

let saving = null; // AbortController while saving

let opened = null; // the profile as it was when the form opened, and its version
let etag = "";

function openForm() {
  opened = me;
  etag = `"${me.version}"`;
  $("display-name").value = me.display_name;
  $("bio-text").value = me.bio;
  for (const id of ["name-error", "bio-error", "form-error"]) $(id).textContent = "";
  for (const input of [$("display-name"), $("bio-text")]) {
    input.removeAttribute("aria-invalid");
    input.dispatchEvent(new Event("input"));
  }
  for (const p of pictures) {
    reset(p);
    showCurrent(p);
  }
  $("dialog").showModal();
  $("display-name").focus();
}

// stopOrClose cancels what is under way, or else closes the form.
function stopOrClose() {
  if (saving) saving.abort();
  else $("dialog").close();
}

// showCurrent puts the published picture, or what stands for it, into the preview.
function showCurrent(p) {
  if (p.kind === "avatar") paintAvatar(p.preview, shown, "256", shown.avatar ? "Current avatar" : "");
  else showImage(p.current, shown.banner, "750x250", "Current banner");
  p.remove.hidden = !shown[p.kind];
}

function reset(p) {
  p.file = null;
  p.input.value = "";
  p.canvas.hidden = p.progress.hidden = true;
  p.note.hidden = false;
  p.current.hidden = !p.current.getAttribute("src");
  note(p, p.hint);
}

function note(p, text, bad = false) {
  p.note.textContent = text;
  p.note.classList.toggle("error", bad);
}

// choose checks what can be checked here and shows the upright picture as it will be cropped.
async function choose(p) {
  const file = p.input.files[0];
  if (!file) return;
  reset(p);
  if (file.size === 0) return note(p, words.empty, true);
  if (!config.types.includes(file.type)) return note(p, words.unsupported_type, true);
  const limit = config.max_bytes[p.kind];
  if (file.size > limit) return note(p, explain(new Refusal("too_large", { limit })), true);
  p.file = file;
  try {
    const image = await createImageBitmap(file, { imageOrientation: "from-image" });
    const { width, height } = p.canvas;
    const scale = Math.max(width / image.width, height / image.height);
    const [w, h] = [image.width * scale, image.height * scale];
    p.canvas.getContext("2d").drawImage(image, (width - w) / 2, (height - h) / 2, w, h);
    image.close();
    p.canvas.hidden = false;
    p.current.hidden = true;
    note(p, `Ready to upload: ${file.name}, ${megabytes(file.size)}`);
  } catch {
    note(p, "There is no preview of this file. You can still try to save it.");
  }
}

async function save() {
  if (saving) return;
  saving = new AbortController();
  busy(true);
  $("form-error").textContent = "";
  try {
    let good = await saveText();
    for (const p of pictures.filter((p) => p.file)) good = (await savePicture(p, saving.signal)) && good;
    await refresh(); // the page shows it before the form is gone
    if (!good) return;
    $("dialog").close();
    say("Your profile is saved.");
  } catch (err) {
    $("form-error").textContent = explain(err);
  } finally {
    saving = null;
    busy(false);
  }
}

// busy changes the buttons while saving. Save keeps the focus, so it is not disabled but ignored.
function busy(on) {
  $("save").setAttribute("aria-disabled", on);
  $("save").textContent = on ? "Saving…" : "Save";
  $("cancel").textContent = on && pictures.some((p) => p.file) ? "Cancel upload" : "Cancel";
  for (const p of pictures) p.input.disabled = p.remove.disabled = on;
}

// saveText sends only what changed and returns whether it was accepted.
async function saveText() {
  const fields = { display_name: $("display-name"), bio: $("bio-text") };
  const changed = Object.fromEntries(Object.entries(fields).map(([k, el]) => [k, el.value]).filter(([k, v]) => v !== opened[k]));
  for (const [id, el] of [["name-error", fields.display_name], ["bio-error", fields.bio]]) {
    $(id).textContent = "";
    el.removeAttribute("aria-invalid");
  }
  if (Object.keys(changed).length === 0) return true;
  try {
    opened = me = (await call("PATCH", "/api/profile/update", changed, { "If-Match": etag })).data;
    etag = `"${me.version}"`;
    return true;
  } catch (err) {
    if (err.code === "edited_meanwhile") etag = err.problem.current ?? etag; // saving again replaces knowingly
    if (err.code !== "invalid") throw err;
    let first = null;
    for (const f of err.problem.fields ?? []) {
      const el = fields[f.field];
      if (!el) continue;
      $(f.field === "bio" ? "bio-error" : "name-error").textContent = fieldWords[f.code] ?? "This cannot be used.";
      el.setAttribute("aria-invalid", "true");
      first ??= el;
    }
    first?.focus();
    return false;
  }
}

// savePicture uploads one file and waits for its outcome; it returns whether the picture was published.
async function savePicture(p, signal) {
  const bar = p.progress.querySelector("progress");
  const out = p.progress.querySelector(".percent");
  p.progress.hidden = false;
  p.note.hidden = true;
  const show = (percent, text) => {
    if (percent === null) bar.removeAttribute("value");
    else bar.value = percent;
    out.textContent = text;
  };
  try {
    show(0, "0 %");
    say(`Uploading the ${p.kind}.`);
    const id = await upload(p, signal, (share) => show(share * 100, `${Math.floor(share * 100)} %`));
    show(null, "Processing…");
    say(`The ${p.kind} is uploaded and being processed.`);
    await outcome(id, signal);
    reset(p);
    return true;
  } catch (err) {
    p.progress.hidden = true;
    p.note.hidden = false;
    if (err.name === "AbortError") {
      note(p, words.cancelled);
      return false;
    }
    reset(p); // it would be refused again
    showCurrent(p);
    note(p, explain(err), true);
    p.input.disabled = false;
    p.input.focus();
    return false;
  }
}

async function upload(p, signal, progress) {
  const request = { kind: p.kind, content_type: p.file.type, size: p.file.size };
  if (crypto.subtle) request.sha256 = hex(await crypto.subtle.digest("SHA-256", await p.file.arrayBuffer()));
  for (let attempt = 0; ; attempt++) {
    const { data: grant } = await call("POST", "/avatars/key_upload", request);
    try {
      await send(grant, p.file, signal, progress);
      return grant.upload_id;
    } catch (err) {
      if (attempt > 0 || err.code !== "expired") throw err; // an expired grant is worth a new one
    }
  }
}

const hex = (buffer) => Array.from(new Uint8Array(buffer), (b) => b.toString(16).padStart(2, "0")).join("");

// send makes exactly the request that the grant describes. XMLHttpRequest, since fetch tells no upload progress.
function send(grant, file, signal, progress) {
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    xhr.open(grant.method, grant.url);
    let body = file;
    if (grant.method === "POST") {
      body = new FormData();
      for (const [name, value] of Object.entries(grant.fields ?? {})) body.append(name, value);
      body.append("file", file);
    } else {
      for (const [name, value] of Object.entries(grant.headers ?? {})) {
        if (!/^(content-length|host)$/i.test(name)) xhr.setRequestHeader(name, value); // the browser's own
      }
    }
    xhr.upload.onprogress = (e) => e.lengthComputable && progress(e.loaded / e.total);
    xhr.onload = () => (xhr.status >= 200 && xhr.status < 300 ? resolve() : reject(new Refusal(refusalOf(xhr))));
    xhr.onerror = () => reject(new Refusal("upload_failed"));
    xhr.onabort = () => reject(new DOMException("cancelled", "AbortError"));
    signal.addEventListener("abort", () => xhr.abort(), { once: true });
    if (signal.aborted) return reject(new DOMException("cancelled", "AbortError"));
    xhr.send(body);
  });
}

function refusalOf(xhr) {
  try {
    return JSON.parse(xhr.responseText).code;
  } catch {
    return xhr.status === 403 ? "expired" : "upload_failed"; // a cloud's XML says 403 for a grant past its time
  }
}

async function outcome(id, signal) {
  const end = Date.now() + 60_000;
  for (let wait = 150; Date.now() < end; wait = Math.min(wait * 1.5, 2000)) {
    if (signal.aborted) throw new DOMException("cancelled", "AbortError");
    const { data } = await call("GET", `/api/uploads/${id}`);
    if (data.state === "ready") return;
    if (data.state === "rejected") throw new Refusal(data.reason, data);
    if (data.state === "expired") throw new Refusal("expired");
    await new Promise((r) => setTimeout(r, wait));
  }
  throw new Refusal("slow");
}

async function removePicture(p) {
  try {
    await call("DELETE", `/api/avatar?kind=${p.kind}`);
    await refresh();
    reset(p);
    showCurrent(p);
    note(p, `The ${p.kind} is removed.`);
    p.input.focus();
  } catch (err) {
    note(p, explain(err), true);
  }
}

// ---- wiring ----

// count shows the length in grapheme clusters, which is what the server counts and a person sees.
function count(input, counter, max) {
  const update = () => {
    const n = Array.from(new Intl.Segmenter().segment(input.value.trim())).length;
    counter.textContent = n > 0 ? `${n} / ${max}` : "";
    counter.classList.toggle("over", n > max);
  };
  input.addEventListener("input", update);
  update();
}

function wire() {
  if (!config.dev_login) {
    $("welcome-text").textContent = "Paste an access token of your user pool. It stays in this tab.";
    $("username-label").textContent = "Access token";
    $("username").type = "password";
    $("username").autocomplete = "off";
  }
  count($("display-name"), $("name-count"), config.max_display_name);
  count($("bio-text"), $("bio-count"), config.max_bio);
  count($("message"), $("message-count"), config.max_message);

  $("sign-in").addEventListener("submit", async (e) => {
    e.preventDefault();
    $("sign-in-error").textContent = "";
    const text = $("username").value.trim();
    if (!text) {
      $("sign-in-error").textContent = fieldWords.required;
      return $("username").focus();
    }
    try {
      await signIn(text);
      $("username").value = "";
      say(`You are signed in as ${me.handle}.`);
      $("main").focus();
    } catch (err) {
      $("sign-in-error").textContent = explain(err);
    }
  });
  $("sign-out").addEventListener("click", signOut);
  $("post").addEventListener("submit", async (e) => {
    e.preventDefault();
    $("post-error").textContent = "";
    try {
      await call("POST", "/api/activities", { message: $("message").value });
      $("message").value = "";
      $("message").dispatchEvent(new Event("input"));
      await refresh();
      say("Your crud is posted.");
    } catch (err) {
      $("post-error").textContent = err.code === "invalid" ? fieldWords[err.problem.fields?.[0]?.code] : explain(err);
    }
    $("message").focus();
  });
  $("more").addEventListener("click", async () => {
    const path = `/api/activities/@${encodeURIComponent(shown.handle)}?after=${encodeURIComponent(next)}`;
    try {
      const { data } = await call("GET", path);
      items = items.concat(data.activities);
      next = data.next;
      render();
    } catch (err) {
      notice(explain(err));
    }
  });
  $("edit").addEventListener("click", openForm);
  $("close").addEventListener("click", stopOrClose);
  $("cancel").addEventListener("click", stopOrClose);
  $("dialog").addEventListener("cancel", (e) => {
    if (e.target !== $("dialog") || !saving) return; // a file chooser is cancelled with the same event
    e.preventDefault();
    saving.abort();
  });
  $("dialog").addEventListener("close", () => {
    saving?.abort();
    for (const p of pictures) reset(p);
    if (document.activeElement === document.body) $("edit").focus(); // where a click gives no focus to return
  });
  $("form").addEventListener("submit", (e) => {
    e.preventDefault();
    save();
  });
  for (const p of pictures) {
    p.input.addEventListener("change", () => choose(p));
    p.remove.addEventListener("click", () => removePicture(p));
  }
}

try {
  config = (await call("GET", "/config.json")).data;
  wire();
  await start();
} catch (err) {
  if (config) render();
  notice(explain(err));
}
