"""Draw few-shot tasks: the same seed gives the same tasks, whatever the batch size."""

from manyshot import EpisodeSampler, load_dataset

greek = load_dataset("glyphs", "greek")  # letters are classes, typefaces are examples
print(greek)
print(greek.describe())

training, held_out = greek.split((0.8, 0.2), seed=0)  # no letter in common
sampler = EpisodeSampler(training, ways=5, shots=1, queries=3, seed=7)

episode = sampler.batch(0, 16)  # tasks 0 to 15, at once
print("support", tuple(episode.support.items.shape), "labels", tuple(episode.support.labels.shape))
print("query", tuple(episode.query.items.shape), episode.query.items.dtype)
print("task 3 tells apart:", [training.class_names[c] for c in episode.classes[3]])

again = sampler.batch(3, 1)  # task 3 alone is the same task
assert again.query.items[0].equal(episode.query.items[3])

# Ways and shots may vary from task to task; what a task lacks is padding of weight 0.
varied = EpisodeSampler(held_out, ways=(3, 6), shots=(1, 5), queries=3).batch(0, 4)
print("classes of each task:", varied.support.class_mask.sum(1).tolist())
print("support items of each task:", varied.support.weight.sum(1).int().tolist())
