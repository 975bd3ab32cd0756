"""Scaling curves as SVG."""

import math

COLOURS = ("#2563eb", "#9ca3af")
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 480, 280, 60, 16, 40, 44


def series(measured, name):
    """What a benchmark took for each size, as (size, ns)."""
    points = [(int(n.rsplit("/", 1)[1]), measured.ns(n)) for n in measured.names(f"{name}/") if n.rsplit("/", 1)[1].isdigit()]
    return sorted(points)


def chart(title, x_label, curves):
    """An SVG with logarithmic x and y from zero; `curves` is a list of (label, points)."""
    xs = [math.log10(x) for _, points in curves for x, _ in points]
    top = max(y for _, points in curves for _, y in points) * 1.15
    x_of = lambda x: LEFT + (math.log10(x) - min(xs)) / (max(xs) - min(xs)) * (WIDTH - LEFT - RIGHT)
    y_of = lambda y: HEIGHT - BOTTOM - y / top * (HEIGHT - TOP - BOTTOM)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>', f'<text x="{LEFT}" y="20" font-size="14">{title}</text>']
    for i in range(5):
        y = top * i / 4
        out.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y_of(y):.1f}" y2="{y_of(y):.1f}" stroke="#e5e7eb"/>')
        out.append(f'<text x="{LEFT - 6}" y="{y_of(y) + 4:.1f}" text-anchor="end">{y:.0f} ns</text>')
    for x in sorted({x for _, points in curves for x, _ in points}):
        out.append(f'<text x="{x_of(x):.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{x:,}</text>')
    out.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 8}" text-anchor="middle">{x_label}</text>')
    for (label, points), colour in zip(curves, COLOURS):
        line = " ".join(f"{x_of(x):.1f},{y_of(y):.1f}" for x, y in points)
        out.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        x, y = points[-1]
        out.append(f'<text x="{x_of(x):.1f}" y="{y_of(y) - 8:.1f}" text-anchor="end" fill="{colour}">{label}</text>')
    return "\n".join(out) + "\n</svg>\n"


CHARTS = [
    ("wake_growth", "One slot comes back while callers wait", "callers that wait", [("hotslot", "wake_growth")]),
    ("cancel_growth", "One of the callers that wait is cancelled", "callers that wait", [("hotslot", "cancel_growth")]),
    ("eject_growth", "A random idle slot is ejected and queued again", "idle slots",
     [("hotslot", "eject_growth"), ("a bare list", "floor_eject_growth")]),
]


def draw(measured, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name, title, x_label, of in CHARTS:
        curves = [(label, points) for label, benchmark in of if (points := series(measured, benchmark))]
        if len(curves) == len(of):
            (folder / f"{name}.svg").write_text(chart(title, x_label, curves), encoding="utf-8")
