"""The language of plans: parsed without eval, printed back the same, wrong names answered with the nearest."""

import torch

from manyshot import InputError, Plan
from manyshot.augment import PRESETS, take

plan = Plan("task:turn;support:affine( 15 )elastic(.1,p=0.50);shots:8x elastic weight 0.5")
print(plan)
assert Plan(str(plan)) == plan

for name, preset in PRESETS.items():
    print(f"{name}: {Plan(name)}\n    {preset.summary}")

for wrong in ("support: elastc", "suport: elastic", "support: affine(sheer=1)", "support: 8 x flip"):
    try:
        Plan(wrong)
    except InputError as error:
        print(error)

# Below the language: an op draws its parameters apart from applying them, so any call can be replayed or shared.
op = Plan("support: affine(30) noise(0.1)").item_op()
images = torch.rand(4, 1, 28, 28)
params = op.sample(4, torch.Generator().manual_seed(0))
assert op.apply(images, params).equal(op.apply(images, params))
shared = take(params, torch.zeros(4, dtype=torch.long))  # the first image's parameters for all four
print("the same change for all:", op.apply(images, shared).shape)
