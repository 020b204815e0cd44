#include "engine/sample_pictures.h"

#include <math.h>

enum { WIDTH = 448, HEIGHT = 336 };

struct colour {
    float red, green, blue;  // 0..1
};

// A number of 0..1 that follows from a place of the grid.
static float grid_noise(int x, int y, unsigned seed) {
    unsigned hash = (unsigned)x * 0x9E3779B1u ^ (unsigned)y * 0x85EBCA77u ^ seed * 0xC2B2AE3Du;
    hash = (hash ^ (hash >> 15)) * 0x2C1B3C6Du;
    hash = (hash ^ (hash >> 12)) * 0x297A2D39u;
    return (float)((hash ^ (hash >> 15)) >> 8) / 16777216.0f;
}

static float mix(float a, float b, float t) { return a + (b - a) * t; }

static float smooth_noise(float x, float y, unsigned seed) {
    float left = floorf(x), top = floorf(y), u = x - left, v = y - top;
    int column = (int)left, row = (int)top;
    u = u * u * (3 - 2 * u);
    v = v * v * (3 - 2 * v);
    return mix(mix(grid_noise(column, row, seed), grid_noise(column + 1, row, seed), u),
               mix(grid_noise(column, row + 1, seed), grid_noise(column + 1, row + 1, seed), u), v);
}

// Halved at each doubling of the frequency, as the details of photographs are.
static float texture(float x, float y, unsigned seed) {
    float sum = 0, weight = 0.5f;
    for (unsigned octave = 0; octave < 6; octave++) {
        sum += weight * smooth_noise(x, y, seed + octave);
        x *= 2;
        y *= 2;
        weight /= 2;
    }
    return sum;
}

static struct colour blend(struct colour a, struct colour b, float t) {
    t = fminf(fmaxf(t, 0), 1);
    return (struct colour){mix(a.red, b.red, t), mix(a.green, b.green, t), mix(a.blue, b.blue, t)};
}

// 1 inside, 0 outside, `soft` wide in between.
static float disc(float x, float y, float centre_x, float centre_y, float radius, float soft) {
    return fminf(fmaxf((radius - hypotf(x - centre_x, y - centre_y)) / soft, 0), 1);
}

// The painters: x and y are 0..1 from the upper left corner.
static struct colour paint_landscape(float x, float y) {
    struct colour sky =
        blend((struct colour){0.25f, 0.5f, 0.9f}, (struct colour){0.9f, 0.85f, 0.75f}, y * 1.6f);
    sky = blend(sky, (struct colour){1, 1, 1}, texture(x * 4, y * 9, 1) * 2 - 1);
    sky = blend(sky, (struct colour){1, 0.95f, 0.6f}, disc(x, y, 0.75f, 0.2f, 0.08f, 0.03f));
    struct colour grass =
        blend((struct colour){0.1f, 0.25f, 0.08f}, (struct colour){0.45f, 0.6f, 0.2f},
              texture(x * 30, y * 60, 2) * 1.4f);
    float horizon = 0.45f + 0.25f * texture(x * 3, 0, 3);
    return y < horizon ? sky : grass;
}

static struct colour paint_portrait(float x, float y) {
    struct colour wall = blend((struct colour){0.35f, 0.3f, 0.28f},
                               (struct colour){0.6f, 0.62f, 0.58f}, texture(x * 2, y * 2, 4));
    struct colour skin =
        blend((struct colour){0.9f, 0.7f, 0.58f}, (struct colour){0.55f, 0.33f, 0.25f},
              x + 0.4f * texture(x * 20, y * 20, 5) - 0.2f);
    struct colour hair = blend((struct colour){0.05f, 0.03f, 0.02f},
                               (struct colour){0.3f, 0.2f, 0.1f}, texture(x * 90, y * 8, 6));
    struct colour seen =
        blend(wall, (struct colour){0.15f, 0.2f, 0.5f}, disc(x, y, 0.5f, 1.2f, 0.42f, 0.01f));
    seen = blend(seen, hair, disc(x, y, 0.5f, 0.38f, 0.25f, 0.02f));
    seen = blend(seen, skin, disc(x, y * 0.85f, 0.5f, 0.4f, 0.19f, 0.01f));
    seen =
        blend(seen, (struct colour){0.02f, 0.02f, 0.05f}, disc(x, y, 0.43f, 0.43f, 0.02f, 0.005f));
    seen =
        blend(seen, (struct colour){0.02f, 0.02f, 0.05f}, disc(x, y, 0.57f, 0.43f, 0.02f, 0.005f));
    return blend(seen, (struct colour){0.7f, 0.2f, 0.2f},
                 disc(x, y * 2, 0.5f, 1.16f, 0.05f, 0.01f));
}

static struct colour paint_houses(float x, float y) {
    int house = (int)(x * 5);
    float top = 0.15f + 0.4f * grid_noise(house, 0, 7), light = grid_noise(house, 1, 7);
    if (y < top)
        return blend((struct colour){0.7f, 0.75f, 0.8f}, (struct colour){0.95f, 0.95f, 0.95f},
                     texture(x * 3, y * 3, 8));
    struct colour stone =
        blend((struct colour){0.6f, 0.25f, 0.15f}, (struct colour){0.85f, 0.8f, 0.65f}, light);
    stone = blend(stone, (struct colour){0, 0, 0}, 0.4f * texture(x * 60, y * 60, 9));
    float across = x * 25 - floorf(x * 25), down = y * 14 - floorf(y * 14);
    bool is_window = across > 0.25f && across < 0.75f && down > 0.2f && down < 0.8f && y < 0.85f;
    bool is_lit = grid_noise((int)(x * 25), (int)(y * 14), 10) > 0.7f;
    if (!is_window) return y > 0.88f ? (struct colour){0.2f, 0.2f, 0.22f} : stone;
    return is_lit ? (struct colour){1, 0.9f, 0.5f} : (struct colour){0.1f, 0.12f, 0.2f};
}

static struct colour paint_plate(float x, float y) {
    float grain = texture(x * 3 + 2 * texture(x * 4, y * 30, 11), y * 40, 12);
    struct colour seen =
        blend((struct colour){0.3f, 0.15f, 0.06f}, (struct colour){0.75f, 0.5f, 0.28f}, grain);
    float squeezed = 0.5f + (y - 0.5f) * 0.8f;
    seen = blend(seen, (struct colour){0.97f, 0.97f, 0.95f},
                 disc(x, squeezed, 0.5f, 0.5f, 0.36f, 0.01f));
    seen = blend(seen, (struct colour){0.85f, 0.86f, 0.88f},
                 disc(x, squeezed, 0.5f, 0.5f, 0.27f, 0.01f));
    const struct {
        float x, y, radius;
        struct colour colour;
    } food[] = {{0.42f, 0.45f, 0.1f, {0.85f, 0.15f, 0.1f}},
                {0.57f, 0.47f, 0.09f, {0.3f, 0.6f, 0.15f}},
                {0.5f, 0.6f, 0.11f, {0.95f, 0.75f, 0.25f}}};
    for (size_t i = 0; i < sizeof food / sizeof *food; i++)
        seen = blend(seen,
                     blend(food[i].colour, (struct colour){0, 0, 0},
                           0.6f * texture(x * 50, y * 50, 13 + (unsigned)i)),
                     disc(x, squeezed, food[i].x, food[i].y, food[i].radius, 0.01f));
    return seen;
}

static struct colour paint_page(float x, float y) {
    float line = y * 24 - floorf(y * 24);
    bool is_inked = x > 0.08f && x < 0.92f && line > 0.3f && line < 0.8f &&
                    grid_noise((int)(x * 150), (int)(y * 120), 16) > 0.45f &&
                    grid_noise((int)(x * 22), (int)(y * 24), 17) > 0.2f;
    struct colour paper = {0.98f, 0.97f, 0.93f};
    return is_inked ? (struct colour){0.08f, 0.08f, 0.1f} : paper;
}

static struct colour paint_night(float x, float y) {
    struct colour seen = blend((struct colour){0.01f, 0.01f, 0.04f},
                               (struct colour){0.08f, 0.05f, 0.15f}, y * texture(x * 5, y * 5, 18));
    for (int i = 0; i < 24; i++) {
        float centre_x = grid_noise(i, 0, 19), centre_y = grid_noise(i, 1, 19);
        struct colour lamp = {1, 0.5f + 0.5f * grid_noise(i, 2, 19), grid_noise(i, 3, 19)};
        seen = blend(seen, lamp, 0.5f * disc(x, y, centre_x, centre_y, 0.06f, 0.06f));
        seen = blend(seen, lamp, disc(x, y, centre_x, centre_y, 0.012f, 0.006f));
    }
    return seen;
}

static struct colour paint_noise(float x, float y) {
    int column = (int)(x * WIDTH), row = (int)(y * HEIGHT);
    return (struct colour){grid_noise(column, row, 20), grid_noise(column, row, 21),
                           grid_noise(column, row, 22)};
}

static struct colour paint_stripes(float x, float y) {
    float wave = 0.5f + 0.5f * sinf(40 * x + 12 * sinf(5 * y));
    return (struct colour){wave, y, 1 - wave * y};
}

static uint8_t to_byte(float value) { return (uint8_t)(fminf(fmaxf(value, 0), 1) * 255.0f + 0.5f); }

bool sample_picture_draw(size_t number, struct pixels *pixels, struct error *err) {
    static struct colour (*const painters[SAMPLE_PICTURES])(float, float) = {
        paint_landscape, paint_portrait, paint_houses, paint_plate,
        paint_page,      paint_night,    paint_noise,  paint_stripes};
    if (!pixels_init(pixels, WIDTH, HEIGHT, err)) return false;
    uint8_t *out = pixels->rgb;
    for (int row = 0; row < HEIGHT; row++) {
        for (int column = 0; column < WIDTH; column++, out += 3) {
            struct colour colour =
                painters[number](((float)column + 0.5f) / WIDTH, ((float)row + 0.5f) / HEIGHT);
            out[0] = to_byte(colour.red);
            out[1] = to_byte(colour.green);
            out[2] = to_byte(colour.blue);
        }
    }
    return true;
}
