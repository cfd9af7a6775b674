"""Draws what the SQL nodes before it have found: a map of the airports, coloured by delay, with the worst routes.

The picture is one line of SVG, the last that this script writes: so it is the node's output.
"""
import json
import math
import sys

AIRPORTS = json.loads(r"""#{Job.getNodeOutput('airport-delays')}""")
ROUTES = json.loads(r"""#{Job.getNodeOutput('worst-routes')}""")
STATES = json.loads(r"""#{Job.getNodeOutput('delays-by-state')}""")
MONTHS = json.loads(r"""#{Job.getNodeOutput('months')}""")

WIDTH, HEIGHT = 960, 600
INK, PALE = "#1c2733", "#6b7a89"
SOUTH, NORTH, WEST, EAST = 24.0, 50.0, -125.0, -66.0


def project(latitude, longitude):
    """Albers' conic with the standard parallels of the contiguous states, to the page."""
    phi, lam = math.radians(latitude), math.radians(longitude + 96)
    first, second, origin = math.radians(29.5), math.radians(45.5), math.radians(37.5)
    n = (math.sin(first) + math.sin(second)) / 2
    c = math.cos(first) ** 2 + 2 * n * math.sin(first)
    rho = math.sqrt(c - 2 * n * math.sin(phi)) / n
    rho_origin = math.sqrt(c - 2 * n * math.sin(origin)) / n
    x, y = rho * math.sin(n * lam), rho_origin - rho * math.cos(n * lam)
    return 350 + x * 880, 330 - y * 880


def colour(minutes):
    """Blue at no delay, through grey, to red at 16 minutes and more."""
    share = max(0.0, min(1.0, minutes / 16))
    low, middle, high = (44, 123, 182), (200, 200, 190), (202, 32, 39)
    a, b, t = (low, middle, share * 2) if share < 0.5 else (middle, high, share * 2 - 1)
    return "#" + "".join(f"{round(p + (q - p) * t):02x}" for p, q in zip(a, b))


def text(x, y, words, size=13, fill=INK, anchor="start", weight="400"):
    safe = str(words).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f'<text x="{x}" y="{y}" font-size="{size}" fill="{fill}" text-anchor="{anchor}" font-weight="{weight}">{safe}</text>'


def dots():
    drawn, labels, left_out = [], [], 0
    for iata, latitude, longitude, flights, minutes in AIRPORTS:
        latitude, longitude = float(latitude), float(longitude)
        if not (SOUTH < latitude < NORTH and WEST < longitude < EAST) or minutes is None:
            left_out += 1
            continue
        x, y = project(latitude, longitude)
        radius = 1.5 + math.sqrt(int(flights)) / 24
        drawn.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="{colour(float(minutes))}" fill-opacity="0.85" '
            f'stroke="#fff" stroke-width="0.7"><title>{iata}: {flights} flights, {float(minutes):.1f} min</title></circle>'
        )
        if int(flights) >= 60000:
            labels.append(text(round(x, 1), round(y + 4, 1), iata, 10, INK, "middle", "600"))
    return drawn + labels, left_out


def ranking(x, y, title, rows):
    lines = [text(x, y, title, 14, weight="600")]
    for place, (name, percent) in enumerate(rows):
        top = y + 14 + place * 21
        width = float(percent) * 2.2
        lines.append(f'<rect x="{x + 88}" y="{top}" width="{width:.1f}" height="13" fill="#ca2027" fill-opacity="0.75"/>')
        lines.append(text(x, top + 11, name, 12))
        lines.append(text(round(x + 94 + width, 1), top + 11, f"{percent} %", 12, PALE))
    return lines


def main():
    flights = sum(int(count) for _, count, _ in MONTHS)
    circles, left_out = dots()
    shapes = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="Helvetica, Arial, sans-serif">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        text(24, 36, "Where flights run late", 21, weight="600"),
        text(24, 58, f"{flights:,} US flights, January to June 2001. Size: departures; colour: mean delay.", 13, PALE),
        *circles,
        *ranking(690, 110, "Late most often, routes", [(f"{o} to {d}", late) for o, d, _, late, _ in ROUTES[:9]]),
        *ranking(690, 340, "and states", [(state, late) for state, _, _, late, _ in STATES[:8]]),
    ]
    for step in range(9):
        shapes.append(f'<rect x="{24 + step * 22}" y="540" width="22" height="10" fill="{colour(step * 2)}"/>')
    shapes += [
        text(24, 566, "0 min", 11, PALE),
        text(222, 566, "16 min and more", 11, PALE, "end"),
        text(24, 586, f"Late: more than 15 minutes. {left_out} airports outside of the contiguous states are not drawn.", 11, PALE),
        "</svg>",
    ]
    print(f"{len(AIRPORTS)} airports, {len(ROUTES)} routes, {len(STATES)} states, {flights} flights", file=sys.stderr)
    print("".join(shapes))


main()
