// @ts-check
// A chart of the last minute: round trip and bit rate, each on its own scale,
// since what matters is how they move.

const points = 60; // one a second

export class Chart {
  #canvas;
  #rtt = [];
  #rate = [];

  constructor(canvas) {
    this.#canvas = canvas;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", "no figures yet");
  }

  add(rtt, bits, label) {
    push(this.#rtt, rtt);
    push(this.#rate, bits);
    this.#canvas.setAttribute("aria-label", label);
    this.#draw();
  }

  #draw() {
    const canvas = this.#canvas;
    const scale = devicePixelRatio || 1;
    const width = canvas.clientWidth;
    const height = canvas.clientHeight;
    if (!width) return;
    canvas.width = width * scale;
    canvas.height = height * scale;
    const pen = canvas.getContext("2d");
    pen.scale(scale, scale);
    const colours = getComputedStyle(canvas);
    line(pen, this.#rate, width, height, colours.getPropertyValue("--accent"));
    line(pen, this.#rtt, width, height, colours.getPropertyValue("--amber"));
  }
}

function push(list, value) {
  list.push(value);
  if (list.length > points) list.shift();
}

function line(pen, values, width, height, colour) {
  const top = Math.max(...values.filter((v) => v !== undefined), 1e-9) * 1.15;
  pen.strokeStyle = colour;
  pen.lineWidth = 1.8;
  pen.lineJoin = "round";
  pen.beginPath();
  let down = false;
  values.forEach((v, i) => {
    if (v === undefined) return (down = false);
    const x = width - 3 - ((values.length - 1 - i) * (width - 6)) / (points - 1);
    const y = height - 3 - (v / top) * (height - 6);
    if (down) pen.lineTo(x, y);
    else pen.moveTo(x, y);
    down = true;
  });
  pen.stroke();
}
