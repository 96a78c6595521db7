"""A few labeled examples, scikit-learn's interface: augmentation may help or hurt, and cross-validation tells."""

import numpy as np
from sklearn.model_selection import cross_val_score

import manyshot as ms

digits = ms.load_dataset("digits")
order = np.random.default_rng(0).permutation(len(digits))[:320]
X, y = digits.gather(order)[:, 0].numpy(), np.array(digits.class_names)[digits.labels[order]]
known, new = slice(0, 20), slice(20, 320)  # two examples of each digit, on average, are labeled

for plan in ("none", "shots: 8 x affine(10) elastic(0.1)", "shots: 8 x flip"):
    # Give encoder="efficientnet-lite0" for photographs, or "minilm" for sentences.
    classifier = ms.FewShotClassifier(learner="logistic", augment=plan, random_state=0)
    print(f"{plan}: {classifier.fit(X[known], y[known]).score(X[new], y[new]):.1%} of 300 new digits")

folds = cross_val_score(classifier, X[new], y[new], cv=3)
print(f"with 200 labels and flips, by cross-validation: {folds.mean():.1%}")

# As imbalanced-learn does: the examples, then generated ones, so that all classes have 20.
resampler = ms.AugmentResampler("shots: affine(10)", sampling_strategy=25, random_state=0)
more, labels = resampler.fit_resample(X[new][:100], y[new][:100])
print("100 examples become", len(more), "with", {int(n) for n in np.unique(labels, return_counts=True)[1]}, "per class")
