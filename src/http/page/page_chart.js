// Drawing the past of a queue on a canvas.

const GAP = 6000;
const AXIS = 34;

let colours = null;

/** The style sheet's colours, by their names there. */
function colour(name) {
  colours ??= getComputedStyle(document.documentElement);
  return colours.getPropertyValue("--" + name).trim();
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { colours = null; });

/** A context in CSS pixels of the canvas's own size, empty; null where it is not to be seen. */
function contextOf(canvas) {
  const {clientWidth: width, clientHeight: height} = canvas;
  if (width === 0)
    return null;
  const scale = devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
  }
  const context = canvas.getContext("2d");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

function stripes(context, name) {
  const tile = document.createElement("canvas");
  tile.width = tile.height = 6;
  const pen = tile.getContext("2d");
  pen.strokeStyle = colour(name);
  pen.lineWidth = 2;
  for (const shift of [-6, 0, 6]) {
    pen.moveTo(shift - 1, 7);
    pen.lineTo(shift + 7, -1);
  }
  pen.stroke();
  return context.createPattern(tile, "repeat");
}

/** Calls `visit(from, end)` for each run of samples without an interruption. */
function eachRun(series, first, visit) {
  for (let from = first; from < series.size;) {
    let end = from + 1;
    while (end < series.size && series.time(end) - series.time(end - 1) < GAP)
      ++end;
    visit(from, end);
    from = end;
  }
}

/** The outline of samples, each of which holds until the next. */
function trace(context, series, from, end, x, y) {
  for (let n = from; n < end; ++n) {
    context.lineTo(x(series.time(n)), y(n));
    if (n + 1 < end)
      context.lineTo(x(series.time(n + 1)), y(n));
  }
}

/** A small line without axes. */
export function drawSpark(canvas, series, field, name, now) {
  const context = contextOf(canvas);
  if (!context || series.size === 0)
    return;
  const {clientWidth: width, clientHeight: height} = canvas;
  const span = series.span(now);
  const first = series.firstSince(now - span);
  let top = 1;
  for (let n = first; n < series.size; ++n)
    top = Math.max(top, series.value(n, field));
  const x = time => width - (now - time) / span * width;
  const y = n => height - 1 - series.value(n, field) / top * (height - 3);
  eachRun(series, first, (from, end) => {
    context.beginPath();
    trace(context, series, from, end, x, y);
    context.strokeStyle = colour(name);
    context.lineWidth = 1.5;
    context.stroke();
    context.lineTo(x(series.time(end - 1)), height);
    context.lineTo(x(series.time(from)), height);
    context.globalAlpha = 0.15;
    context.fillStyle = colour(name);
    context.fill();
    context.globalAlpha = 1;
  });
}

// What an axis ends with, for whole numbers.
function roundUp(n) {
  const power = 10 ** Math.floor(Math.log10(Math.max(n, 1)));
  return [1, 1.2, 1.5, 2, 3, 4, 5, 6, 8, 10].map(step => step * power).find(end => end >= n);
}

/** Layers of a series, one upon the other, with axes. Each is {field, name, striped}. */
export class Chart {
  #canvas;
  #layers;
  #pointed;
  #series = null;
  #x = null;
  #marked = null;

  /** `pointed(n)` when the sample that the reader points at changes; null when at none. */
  constructor(canvas, layers, pointed) {
    this.#canvas = canvas;
    this.#layers = layers;
    this.#pointed = pointed;
    canvas.addEventListener("pointermove", event => this.#point(event.offsetX));
    canvas.addEventListener("pointerleave", () => this.#pointed(null));
    canvas.addEventListener("keydown", event => this.#step(event));
    canvas.addEventListener("blur", () => this.#pointed(null));
  }

  #step(event) {
    const by = {ArrowLeft: -1, ArrowRight: 1}[event.key];
    if (!by || !this.#series || this.#series.size === 0)
      return;
    event.preventDefault();
    const last = this.#series.size - 1;
    const at = this.#marked === null ? last : Math.min(this.#series.firstSince(this.#marked), last);
    this.#pointed(this.#series.time(Math.min(Math.max(at + by, 0), last)));
  }

  #point(offset) {
    if (!this.#series || this.#series.size === 0)
      return;
    let nearest = this.#series.size - 1;
    while (nearest > 0 && this.#x(this.#series.time(nearest)) > offset)
      --nearest;
    this.#pointed(this.#series.time(nearest));
  }

  #sum(n, layers) {
    return layers.reduce((sum, layer) => sum + this.#series.value(n, layer.field), 0);
  }

  /** `marked`: the time that is pointed at, or null. */
  draw(series, now, marked) {
    this.#series = series;
    this.#marked = marked;
    const context = contextOf(this.#canvas);
    if (!context)
      return;
    const width = this.#canvas.clientWidth;
    const height = this.#canvas.clientHeight - 16;
    const span = series.span(now);
    const first = series.firstSince(now - span);
    let most = 0;
    for (let n = first; n < series.size; ++n)
      most = Math.max(most, this.#sum(n, this.#layers));
    const top = roundUp(most);
    this.#x = time => width - (now - time) / span * (width - AXIS);
    this.#axes(context, width, height, top, span);
    for (let i = this.#layers.length; i > 0; --i)
      this.#layer(context, first, this.#layers.slice(0, i), height, top);
    if (marked !== null) {
      context.fillStyle = colour("text");
      context.fillRect(Math.round(this.#x(marked)), 0, 1, height);
    }
  }

  #axes(context, width, height, top, span) {
    context.font = "11px " + getComputedStyle(document.body).fontFamily;
    context.fillStyle = colour("dim");
    context.textAlign = "right";
    context.textBaseline = "top";
    context.fillText(top, AXIS - 6, 0);
    context.textBaseline = "alphabetic";
    context.fillText("0", AXIS - 6, height);
    const step = span > 120_000 ? 60 : span / 4000;
    for (let ago = 0; ago <= span / 1000; ago += step) {
      context.textAlign = ago === 0 ? "right" : "center";
      const text = ago === 0 ? "now" : ago % 60 === 0 ? `−${ago / 60} min` : `−${ago} s`;
      context.fillText(text, width - ago * 1000 / span * (width - AXIS), height + 13);
    }
    context.fillStyle = colour("line");
    for (const y of [0, Math.round(height / 2), height - 1])
      context.fillRect(AXIS, y, width - AXIS, 1);
  }

  // The top of the layers below and this one; those below are drawn over it, on a ground of their own.
  #layer(context, first, layers, height, top) {
    const layer = layers.at(-1);
    const series = this.#series;
    const y = n => height - 1 - this.#sum(n, layers) / top * (height - 2);
    eachRun(series, first, (from, end) => {
      context.beginPath();
      trace(context, series, from, end, this.#x, y);
      context.lineTo(this.#x(series.time(end - 1)), height);
      context.lineTo(this.#x(series.time(from)), height);
      context.closePath();
      context.fillStyle = colour("panel");
      context.fill();
      context.globalAlpha = 0.35;
      context.fillStyle = layer.striped ? stripes(context, layer.name) : colour(layer.name);
      context.fill();
      context.globalAlpha = 1;
      context.beginPath();
      trace(context, series, from, end, this.#x, y);
      context.strokeStyle = colour(layer.name);
      context.lineWidth = 1.5;
      context.stroke();
    });
  }
}
