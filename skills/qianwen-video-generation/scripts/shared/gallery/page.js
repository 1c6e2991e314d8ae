"use strict";
document.documentElement.classList.add("js");
addEventListener("DOMContentLoaded", () => {
  const find = (id) => document.getElementById(id);
  const cards = [...document.querySelectorAll(".card")];
  const count = find("count"), all = count.textContent;

  // Dates in the reader's own time zone.
  const two = (number) => String(number).padStart(2, "0");
  for (const time of document.querySelectorAll("time")) {
    const at = new Date(time.dateTime);
    if (!isNaN(at)) {
      time.textContent = at.getFullYear() + "-" + two(at.getMonth() + 1) + "-" + two(at.getDate()) + " " +
        two(at.getHours()) + ":" + two(at.getMinutes());
    }
  }

  // Search: every word must occur in the prompt, the model or the file name.
  const search = find("search"), model = find("model");
  let haystacks = null;
  const haystack = (card) => [card.querySelector(".prompt"), card.querySelector("dl > dd:last-child > a")]
    .map((part) => part ? part.textContent : "").concat(card.dataset.model).join("\n").toLowerCase();
  function filter() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean), wanted = model ? model.value : "";
    haystacks = haystacks || cards.map(haystack);
    let shown = 0;
    cards.forEach((card, place) => {
      const fits = (!wanted || card.dataset.model === wanted) && words.every((word) => haystacks[place].includes(word));
      card.hidden = !fits;
      shown += fits;
    });
    count.textContent = shown === cards.length ? all : shown + " of " + cards.length + " shown";
    find("none").hidden = shown > 0;
  }
  if (search) {
    search.addEventListener("input", filter);
    if (model) model.addEventListener("change", filter);
    if (search.value || (model && model.value)) filter();  // what the browser restored
  }

  // Copy a prompt. Where the clipboard is out of reach, the older way by a selection is tried.
  async function copy(button) {
    const prompt = button.closest(".card").querySelector(".prompt");
    let done = false;
    try {
      await navigator.clipboard.writeText(prompt.textContent);
      done = true;
    } catch (error) {
      getSelection().selectAllChildren(prompt);
      done = document.execCommand("copy");
    }
    button.textContent = done ? "Copied" : "Selected: copy it by hand";
    setTimeout(() => { button.textContent = "Copy prompt"; }, 1800);
  }

  // The viewer: one picture, large.
  const viewer = find("viewer"), large = find("large"), stage = find("stage"), zoom = find("zoom");
  let links = [], current = 0;
  function actual(on) {
    viewer.classList.toggle("actual", on);
    zoom.setAttribute("aria-pressed", on);
    if (on) {
      stage.scrollTo((stage.scrollWidth - stage.clientWidth) / 2, (stage.scrollHeight - stage.clientHeight) / 2);
      stage.focus();
    }
  }
  function show(place) {
    current = (place + links.length) % links.length;
    const link = links[current], card = link.closest(".card"), small = link.querySelector("img");
    const prompt = card.querySelector(".prompt");
    actual(false);
    large.removeAttribute("src");  // or the last picture stays until this one is there
    large.alt = small.alt;
    large.src = find("open").href = link.href;
    find("words").textContent = prompt ? prompt.textContent : "";
    find("about").textContent = [...card.querySelector(".facts").children].map((fact) => fact.textContent).join(" · ");
    find("place").textContent = current + 1 + " of " + links.length;
    find("before").hidden = find("after").hidden = links.length < 2;
  }
  function open(link) {
    links = cards.filter((card) => !card.hidden).map((card) => card.querySelector("a.mat")).filter(Boolean);
    viewer.showModal();
    viewer.focus();
    show(links.indexOf(link));
  }
  document.addEventListener("click", (event) => {
    const button = event.target.closest(".copy"), link = event.target.closest("a.mat");
    if (button) copy(button);
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    open(link);
  });
  find("before").addEventListener("click", () => show(current - 1));
  find("after").addEventListener("click", () => show(current + 1));
  find("close").addEventListener("click", () => viewer.close());
  large.addEventListener("load", () => {
    const whole = large.naturalWidth <= large.clientWidth + 1;
    viewer.classList.toggle("whole", whole);
    zoom.hidden = whole;  // it is shown in its actual size already
  });
  zoom.addEventListener("click", () => actual(!viewer.classList.contains("actual")));
  large.addEventListener("click", () => { if (!zoom.hidden) actual(!viewer.classList.contains("actual")); });
  stage.addEventListener("click", (event) => { if (event.target === stage) viewer.close(); });
  viewer.addEventListener("close", () => {
    large.removeAttribute("src");
    links[current].focus();
  });
  viewer.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || event.altKey || event.ctrlKey || event.metaKey || viewer.classList.contains("actual")) return;
    event.preventDefault();
    show(current + step);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || !search || viewer.open || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
    event.preventDefault();
    search.focus();
  });

  // A swipe turns to the next picture, unless the picture itself is being moved.
  let from = null;
  stage.addEventListener("touchstart", (event) => {
    const zoomed = viewer.classList.contains("actual") || (window.visualViewport && visualViewport.scale > 1.01);
    from = zoomed || event.touches.length > 1 ? null : event.touches[0];
  }, { passive: true });
  stage.addEventListener("touchend", (event) => {
    if (!from) return;
    const to = event.changedTouches[0], across = to.clientX - from.clientX, down = to.clientY - from.clientY;
    if (Math.abs(across) > 50 && Math.abs(across) > 2 * Math.abs(down)) show(current - Math.sign(across));
    from = null;
  });
});
