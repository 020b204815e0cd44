"""Draws a scene: anti-aliased, at a random place, size, tint and resolution, with faults of the
kind that cameras and file formats add. Also says where each thing lies, which training uses."""

import colorsys
import math

import cv2
import numpy as np

from world import COLOURS, SHAPES, Landscape, Pair, Several, Single

cv2.setNumThreads(1)

# Ranges of hue in degrees, saturation and value.
TINTS = {
    "red": ((-6, 6), (0.8, 1.0), (0.7, 1.0)), "orange": ((22, 33), (0.85, 1.0), (0.9, 1.0)),
    "yellow": ((51, 60), (0.75, 1.0), (0.9, 1.0)), "green": ((100, 145), (0.6, 1.0), (0.4, 0.85)),
    "blue": ((208, 238), (0.7, 1.0), (0.55, 1.0)), "purple": ((272, 295), (0.5, 0.9), (0.45, 0.8)),
    "pink": ((325, 345), (0.3, 0.5), (0.95, 1.0)), "brown": ((18, 28), (0.55, 0.8), (0.3, 0.48)),
    "gray": ((0, 360), (0.0, 0.08), (0.4, 0.65)), "black": ((0, 360), (0.0, 0.3), (0.0, 0.14)),
    "white": ((0, 360), (0.0, 0.05), (0.92, 1.0)),
    # For landscapes only.
    "sky": ((200, 215), (0.3, 0.6), (0.9, 1.0)), "dusk": ((15, 35), (0.6, 0.9), (0.9, 1.0)),
    "midnight": ((225, 245), (0.5, 0.9), (0.08, 0.25)), "sand": ((36, 45), (0.4, 0.6), (0.8, 0.9)),
    "water": ((205, 222), (0.6, 0.9), (0.4, 0.7)),
    "rock": ((0, 360), (0.0, 0.15), (0.35, 0.55)), "moonlight": ((45, 60), (0.0, 0.2), (0.85, 1)),
}
GROUNDS = {"field": "green", "snow": "white", "desert": "sand", "sea": "water"}
HEAVENS = {"day": "sky", "sunny": "sky", "sunset": "dusk", "night": "midnight", "moon": "midnight"}

# What a patch of the picture may show; training asks the vision tower for it (see labels()).
KINDS = ("nothing", *SHAPES, "house", "tree", "mountains", "boat", "sun", "moon")
MAP_SIZE = 48  # of the map of things that goes with each picture
FRACTION_BITS = 4  # OpenCV takes coordinates in sixteenths of a pixel


def tint(name, random):
    hue, saturation, value = (random.uniform(*bounds) for bounds in TINTS[name])
    rgb = colorsys.hsv_to_rgb(hue / 360 % 1, saturation, value)
    return tuple(round(255 * part) for part in rgb)


def polygon(corners, start=-90.0, radii=(1.0,)):
    angles = np.radians(start + 360 * np.arange(corners) / corners)
    lengths = np.resize(radii, corners)
    return np.stack([lengths * np.cos(angles), lengths * np.sin(angles)], axis=1)


def heart():
    turn = np.linspace(0, 2 * math.pi, 40, endpoint=False)
    x = 16 * np.sin(turn) ** 3
    y = -(13 * np.cos(turn) - 5 * np.cos(2 * turn) - 2 * np.cos(3 * turn) - np.cos(4 * turn))
    return np.stack([x, y + 2.5], axis=1) / 16


def cross(arm=0.34):
    corner = [(-arm, -1), (arm, -1), (arm, -arm), (1, -arm), (1, arm), (arm, arm), (arm, 1),
              (-arm, 1), (-arm, arm), (-1, arm), (-1, -arm), (-arm, -arm)]
    return np.array(corner) * 0.95


def ring(width=0.42):
    """Out along the rim, back along the hole: filled by the even-odd rule, it stays open."""
    rim, hole = polygon(48), polygon(48) * (1 - width)
    return np.concatenate([rim, rim[:1], hole[:1], hole[::-1]])


# Outlines within the unit circle or nearly so.
OUTLINES = {
    "circle": polygon(48) * 0.92, "square": polygon(4, start=45) * 1.15,
    "triangle": polygon(3) * 1.1, "star": polygon(10, radii=(1.1, 0.46)), "heart": heart(),
    "cross": cross(), "ring": ring(), "diamond": polygon(4) * [0.8, 1.12],
}


class Canvas:
    """A picture in RGB and, drawn beside it, a small map: 1 + the index of the thing at a point."""

    def __init__(self, width, height):
        self.pixels = np.zeros((height, width, 3), np.uint8)
        self.map = np.zeros((MAP_SIZE, MAP_SIZE), np.uint8)
        self.things = []  # (kind, colour or None, centre x, centre y), x and y from 0 to 1
        self.size = np.array([width, height], float)
        self.unit = float(min(width, height))

    def _fill(self, points, colour):  # points in pixels
        fixed = np.round(points * (1 << FRACTION_BITS)).astype(np.int32)
        cv2.fillPoly(self.pixels, [fixed], colour, cv2.LINE_AA, FRACTION_BITS)

    def _mark(self, points, index):
        fixed = np.round(points / self.size * MAP_SIZE * (1 << FRACTION_BITS)).astype(np.int32)
        cv2.fillPoly(self.map, [fixed], 1 + index, cv2.LINE_8, FRACTION_BITS)

    def add(self, kind, colour_name, points, colour):
        """A thing that captions name. `points` from 0 to 1 in both directions."""
        self.things.append((kind, colour_name, *((points.min(0) + points.max(0)) / 2)))
        self._fill(points * self.size, colour)
        self._mark(points * self.size, len(self.things) - 1)

    def extend(self, points, colour):
        """One more part of the thing added last."""
        self._fill(points * self.size, colour)
        self._mark(points * self.size, len(self.things) - 1)

    def decorate(self, points, colour):
        self._fill(points * self.size, colour)

    def shape(self, thing, centre, radius, random):
        """`centre` from 0 to 1 in both directions, `radius` in parts of the shorter side."""
        angle = math.radians(random.uniform(-10, 10))
        turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
        stretch = np.array([random.uniform(0.93, 1.07), random.uniform(0.93, 1.07)])
        outline = (OUTLINES[thing.shape] * stretch) @ turn.T * radius
        self.add(thing.shape, thing.colour, outline * self.unit / self.size + centre,
                 tint(thing.colour, random))

    def reach(self, radius):
        """How far a shape's edge may lie from its centre, from 0 to 1 in both directions."""
        return 1.08 * radius * self.unit / self.size


def paint_ground(canvas, colour, random, top=0.0):
    """Fills from `top` down with a colour that brightens or darkens a little along the way."""
    height = canvas.pixels.shape[0]
    start = round(top * height)
    slope = np.linspace(-1, 1, height - start) * random.uniform(-14, 14)
    rows = np.array(colour, float)[None] + slope[:, None]
    canvas.pixels[start:] = np.clip(rows, 0, 255).astype(np.uint8)[:, None]


def spot(random, reach):
    return np.array([random.uniform(reach[0] + 0.01, 0.99 - reach[0]),
                     random.uniform(reach[1] + 0.01, 0.99 - reach[1])])


def draw_single(scene, canvas, random):
    low, high = {"small": (0.10, 0.17), "large": (0.33, 0.44), "": (0.21, 0.28)}[scene.size]
    radius = random.uniform(low, high)
    canvas.shape(scene.thing, spot(random, canvas.reach(radius)), radius, random)


def draw_pair(scene, canvas, random):
    if scene.relation == "inside":
        outer = random.uniform(0.34, 0.44)
        inner = outer * random.uniform(0.34, 0.42)
        centre = spot(random, canvas.reach(outer))
        canvas.shape(scene.second, centre, outer, random)
        lower = {"triangle": 0.12, "heart": -0.08}.get(scene.second.shape, 0.0)
        wobble = np.array([random.uniform(-0.06, 0.06), lower + random.uniform(-0.04, 0.04)])
        place = centre + wobble * outer * canvas.unit / canvas.size
        canvas.shape(scene.first, place, inner, random)
        return
    axis = 1 if scene.relation == "above" else 0  # along which the two are apart
    first, second = random.uniform(0.14, 0.22), random.uniform(0.14, 0.22)
    near, far = canvas.reach(first), canvas.reach(second)
    slack = max(0.0, 1 - 2 * near[axis] - 2 * far[axis] - 0.06)
    places = np.empty((2, 2))
    start = 0.02 + random.uniform(0, slack)
    places[0, axis] = start + near[axis]
    places[1, axis] = places[0, axis] + near[axis] + far[axis] + 0.02 + random.uniform(
        0, max(0.0, 0.98 - start - 2 * near[axis] - 2 * far[axis] - 0.02))
    middle = random.uniform(0.36, 0.64)
    places[:, 1 - axis] = [middle + random.uniform(-0.1, 0.1) for _ in range(2)]
    canvas.shape(scene.first, places[0], first, random)
    canvas.shape(scene.second, places[1], second, random)


def draw_several(scene, canvas, random):
    largest = {2: 0.21, 3: 0.18, 4: 0.16, 5: 0.14}[scene.count]
    radius = random.uniform(0.11, largest)
    while True:
        reach = canvas.reach(radius)
        places = []
        for _ in range(60):
            place = spot(random, reach)
            if all((np.abs(place - other) > 2 * reach).any() for other in places):
                places.append(place)
            if len(places) == scene.count:
                for place in places:
                    canvas.shape(scene.thing, place, radius * random.uniform(0.85, 1), random)
                return
        radius *= 0.95  # they did not fit


def box(left, top, right, bottom):
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)])


def draw_house(canvas, colour, left, ground, size, random):
    width, height = size, size * random.uniform(0.7, 0.9)
    walls = box(left, ground - height, left + width, ground)
    canvas.add("house", colour, walls, tint(colour, random))
    roof = np.array([(-0.12, 1), (0.5, 1.6), (1.12, 1)]) * [width, -height] + [left, ground]
    canvas.extend(roof, tint(random.choice(("brown", "rock")), random))
    dark = tint("brown", random)
    door = box(0.4, 0.5, 0.62, 0) * [width, -height] + [left, ground]
    canvas.decorate(door, dark)
    for side in (0.1, 0.72):
        window = box(side, 0.8, side + 0.18, 0.55) * [width, -height] + [left, ground]
        canvas.decorate(window, tint("sky", random))


def draw_tree(canvas, left, ground, size, random):
    height, middle = size * random.uniform(1.1, 1.4), left + size / 2
    trunk = box(middle - 0.08 * size, ground - 0.45 * height, middle + 0.08 * size, ground)
    canvas.add("tree", None, trunk, tint("brown", random))
    leaves = tint("green", random)
    if random.random() < 0.5:
        crown = polygon(24) * [0.45 * size, 0.4 * height] + [middle, ground - 0.7 * height]
        canvas.extend(crown, leaves)
    else:
        for step in range(3):
            bottom = ground - (0.3 + 0.25 * step) * height
            half = (0.45 - 0.1 * step) * size
            canvas.extend(np.array([(middle - half, bottom), (middle, bottom - 0.42 * height),
                                    (middle + half, bottom)]), leaves)


def draw_boat(canvas, colour, left, water, size, random):
    hull = np.array([(0, -0.2), (1, -0.2), (0.8, 0.05), (0.2, 0.05)]) * size + [left, water]
    canvas.add("boat", colour, hull, tint(colour, random))
    sail = np.array([(0.5, -1.0), (0.5, -0.26), (0.95, -0.26)]) * size + [left, water]
    canvas.extend(sail, tint(random.choice(("white", "sand")), random))
    canvas.decorate(box(left + 0.46 * size, water - size, left + 0.5 * size, water - 0.2 * size),
                    tint("brown", random))


def draw_mountains(canvas, horizon, random):
    count = random.choice((2, 3))
    for i in range(count):
        middle = (i + random.uniform(0.3, 0.7)) / count
        half, top = random.uniform(0.25, 0.4), horizon - random.uniform(0.22, 0.4)
        peak = np.array([(middle - half, horizon), (middle, top), (middle + half, horizon)])
        add = canvas.add if i == 0 else lambda kind, colour, *rest: canvas.extend(*rest)
        add("mountains", None, peak, tint("rock", random))
        cap = np.array([(-0.25, 0.25), (0, 0), (0.25, 0.25), (0, 0.18)]) * [half, horizon - top]
        canvas.decorate(cap + [middle, top], tint("white", random))


def draw_sky(scene, canvas, horizon, random):
    if scene.sky in ("night", "moon"):
        for _ in range(random.randrange(6, 25)):
            star = polygon(4) * random.uniform(0.003, 0.008)
            canvas.decorate(star + [random.random(), random.uniform(0, horizon)], (230, 230, 230))
    if scene.sky in ("sunny", "moon"):
        radius = random.uniform(0.06, 0.11) * canvas.unit / canvas.size
        centre = np.array([random.uniform(0.12, 0.88), random.uniform(0.11, 0.2)])
        if scene.sky == "sunny":
            canvas.add("sun", None, polygon(24) * radius + centre, tint("yellow", random))
        else:
            canvas.add("moon", None, polygon(24) * radius + centre, tint("moonlight", random))


def draw_landscape(scene, canvas, random):
    paint_ground(canvas, tint(HEAVENS[scene.sky], random), random)
    horizon = random.uniform(0.5, 0.68)
    draw_sky(scene, canvas, horizon, random)
    if scene.subject == "mountains":
        draw_mountains(canvas, horizon, random)
    ground = tint(GROUNDS[scene.place], random)
    if scene.sky in ("night", "moon"):  # everything is darker, snow still bright
        ground = tuple(round(part * 0.6) for part in ground)
    paint_ground(canvas, ground, random, top=horizon)
    if scene.place == "sea":
        for _ in range(random.randrange(4, 10)):
            left, top = random.uniform(0, 0.85), random.uniform(horizon + 0.03, 0.98)
            wave = box(left, top, left + random.uniform(0.05, 0.15), top + 0.008)
            canvas.decorate(wave, tint("sky", random))
    size, foot = random.uniform(0.24, 0.36), horizon + random.uniform(0.04, 0.2)
    left = random.uniform(0.06, 0.9 - size)
    if scene.subject == "boat":
        draw_boat(canvas, scene.colour, left, foot, size * 1.15, random)
    elif scene.subject == "tree":
        draw_tree(canvas, left, foot, size, random)
    elif scene.subject.startswith("house"):
        if "tree" in scene.subject:
            left, tree = random.choice(((0.08, 0.55), (0.58, 0.1)))
            draw_tree(canvas, tree + random.uniform(0, 0.06), foot, size, random)
            left += random.uniform(-0.02, 0.04)
        draw_house(canvas, scene.colour, left, foot, size, random)


DRAWERS = {Single: draw_single, Pair: draw_pair, Several: draw_several, Landscape: draw_landscape}


def draw(scene, random, width=None, height=None):
    """A clean picture of the scene. Without a size, one of those that training meets."""
    if width is None:
        height = random.randrange(80, 193)
        width = round(height * random.choice((1, 1, random.uniform(0.8, 1.3))))
    canvas = Canvas(width, height)
    if not isinstance(scene, Landscape):
        paint_ground(canvas, tint(scene.background, random), random)
    DRAWERS[type(scene)](scene, canvas, random)
    return canvas


def spoil(pixels, random, noise):
    """Uneven light, blur, noise and JPEG, each sometimes. `noise` is a numpy generator."""
    height, width = pixels.shape[:2]
    if random.random() < 0.3:
        light = noise.normal(0, random.uniform(2, 9), (4, 4, 1)).astype(np.float32)
        light = cv2.resize(light, (width, height), interpolation=cv2.INTER_CUBIC)[..., None]
        pixels = np.clip(pixels + light, 0, 255).astype(np.uint8)
    if random.random() < 0.25:
        pixels = cv2.GaussianBlur(pixels, (0, 0), random.uniform(0.3, 0.008 * min(height, width)))
    if random.random() < 0.4:
        grain = noise.standard_normal((height, width, 3), np.float32) * random.uniform(1, 9)
        pixels = np.clip(pixels + grain, 0, 255).astype(np.uint8)
    if random.random() < 0.4:
        quality = [cv2.IMWRITE_JPEG_QUALITY, random.randrange(35, 95)]
        pixels = cv2.imdecode(cv2.imencode(".jpg", pixels, quality)[1], cv2.IMREAD_COLOR)
    return pixels


def labels(canvas, grid):
    """For each of grid x grid patches the kind of thing it shows, its colour (-1: none has a say)
    and whether the thing's centre lies in it."""
    cells = MAP_SIZE // grid
    blocks = canvas.map.reshape(grid, cells, grid, cells).transpose(0, 2, 1, 3).reshape(
        grid * grid, cells * cells)
    kinds, colours = np.zeros(grid * grid, np.int64), np.full(grid * grid, -1, np.int64)
    centres = np.zeros(grid * grid, np.float32)
    most = np.zeros(grid * grid, int)
    for index, (kind, colour, x, y) in enumerate(canvas.things):
        covered = (blocks == 1 + index).sum(1)
        is_largest = covered > np.maximum(most, cells * cells // 5)
        most[is_largest] = covered[is_largest]
        kinds[is_largest] = KINDS.index(kind)
        colours[is_largest] = COLOURS.index(colour) if colour else -1
        column, row = (min(grid - 1, max(0, int(part * grid))) for part in (x, y))
        centres[row * grid + column] = 1
    return kinds, colours, centres
