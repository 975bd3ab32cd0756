// Figures and text as they are shown. What the server says goes in by textContent alone.

const whole = new Intl.NumberFormat("en", {maximumFractionDigits: 0});

export function count(n) {
  return n < 1e6 ? whole.format(n) : n < 1e9 ? (n / 1e6).toFixed(2) + " M" : (n / 1e9).toFixed(2) + " G";
}

/** A rate a second; nothing is known yet of null. */
export function rate(n) {
  return n === null ? "–" : n === 0 ? "0" : n < 10 ? n.toFixed(1) : count(n);
}

/** Milliseconds, without a unit, to three digits. */
export function milliseconds(ms) {
  return ms === 0 ? "0" : ms < 0.01 ? "<0.01" : ms < 10 ? ms.toFixed(2) : ms < 100 ? ms.toFixed(1) : count(ms);
}

/** A length of time, for people. */
export function duration(ms) {
  const s = ms / 1000;
  if (s < 1)
    return Math.round(ms) + " ms";
  if (s < 60)
    return (s < 10 ? s.toFixed(1) : Math.floor(s)) + " s";
  if (s < 3600)
    return Math.floor(s / 60) + " min " + Math.floor(s % 60) + " s";
  return s < 86400 ? Math.floor(s / 3600) + " h " + Math.floor((s % 3600) / 60) + " min"
                   : Math.floor(s / 86400) + " d " + Math.floor((s % 86400) / 3600) + " h";
}

export function plural(n, one, many = one + "s") {
  return count(n) + " " + (n === 1 ? one : many);
}

export function byId(id) {
  return document.getElementById(id);
}

export function make(tag, className = "", text = "") {
  const node = document.createElement(tag);
  if (className)
    node.className = className;
  if (text)
    node.textContent = text;
  return node;
}

/** Touches the node only where its text changes. */
export function setText(node, text) {
  if (node.textContent !== text)
    node.textContent = text;
}

export function setHidden(node, hidden) {
  if (node.hidden !== hidden)
    node.hidden = hidden;
}

export function setClass(node, className) {
  if (node.className !== className)
    node.className = className;
}

/** Makes the children of `parent` be `n` nodes, kept where they are, new ones by `create`. */
export function resize(parent, n, create) {
  while (parent.childElementCount > n)
    parent.lastElementChild.remove();
  while (parent.childElementCount < n)
    parent.append(create());
  return parent.children;
}
