"""Vectors like CLIP's, drawn: pictures lie in a cone around a mean with one outlier dimension, in
clusters, with a spectrum that falls off; texts lie in a cone of their own, far off (the modality gap)."""

import numpy

WIDTH = 512
CLUSTERS = 2000
MEAN, CLUSTER, SELF = 0.65, 0.55, 0.5  # what a picture is made of
BATCH = 50_000


def unit(vectors):
    return vectors / numpy.linalg.norm(vectors, axis=-1, keepdims=True)


class World:
    def __init__(self, seed=1):
        self.random = numpy.random.default_rng(seed)
        turn, _ = numpy.linalg.qr(self.random.standard_normal((WIDTH, WIDTH)))
        spectrum = (1 + numpy.arange(WIDTH) / 32) ** -0.5
        self.shape = (spectrum / numpy.linalg.norm(spectrum))[:, None] * turn
        mean = self.draw(1)[0]
        mean[133] = 6 * numpy.abs(mean).max()
        self.mean = unit(mean)
        self.clusters = self.draw(CLUSTERS)
        own = self.draw(1)[0]
        self.text_mean = unit(unit(own - own @ self.mean * self.mean) + 0.25 * self.mean)
        self.chances = self.random.zipf(1.3, CLUSTERS).clip(max=50).astype(float)
        self.chances /= self.chances.sum()

    def draw(self, count):
        noise = self.random.standard_normal((count, WIDTH)).astype(numpy.float32)
        return noise @ self.shape.astype(numpy.float32)

    def choose(self, count):
        return self.random.choice(CLUSTERS, count, p=self.chances)

    def pictures(self, count):
        of_cluster = self.clusters[self.choose(count)]
        return unit(MEAN * self.mean + CLUSTER * of_cluster + SELF * self.draw(count))

    def near(self, pictures):
        return unit(pictures + 0.35 * self.draw(len(pictures)))

    def texts(self, count):
        of_cluster = self.clusters[self.choose(count)]
        return unit(0.85 * self.text_mean + 0.3 * of_cluster + 0.4 * self.draw(count))


def write(path, count, queries):
    """Pictures into path.pictures, then `queries` near some and as many texts into path.queries."""
    world = World()
    seeds = []
    with open(f"{path}.pictures.part", "wb") as file:
        for start in range(0, count, BATCH):
            batch = world.pictures(min(BATCH, count - start)).astype(numpy.float32)
            batch.tofile(file)
            seeds.append(batch[:: max(1, count // queries)])
    seeds = numpy.concatenate(seeds)[:queries]
    both = numpy.concatenate([world.near(seeds), world.texts(queries)])
    both.astype(numpy.float32).tofile(f"{path}.queries")
    path.with_name(f"{path.name}.pictures.part").rename(f"{path}.pictures")
