"""Augmenters of features."""

from sections.cells import difference, several, table, with_differences


def feature_augmenters(found: dict) -> str:
    """Augmenters of features beside their controls."""
    text = [
        "## Augmenters of features\n",
        "Trained through ridge regression on 1 to 5 shots of classes that the encoder never saw, judged on classes of "
        "which neither saw any (on Omniglot other alphabets, on CIFAR-FS its validation classes). Features are centered"
        " and of length 1. The penalty of ridge, and how much counts what autoencoder and calibration make, are chosen "
        "for each arm, seed and number of shots on a further part of the classes. The same network without noise, the "
        f"learned shift and the learned noise are controls. {found['seeds']} seeds (of encoder and augmenter; "
        f"EfficientNet is given), {found['copies']} made items of each shot. Differences are from ridge alone.\n",
    ]
    for name, domain in found["domains"].items():
        shots = list(domain["shots"])
        heads = ["arm", *with_differences(several(int(k), "shot") for k in shots), "CPU seconds"]
        rows = []
        for arm in domain["shots"][shots[0]]["accuracy"]:
            cells = []
            for k in shots:
                cells.append(f"{domain['shots'][k]['accuracy'][arm]:.1%}")
                cells.append(difference(domain["shots"][k]["difference"].get(arm), "corrected_p_value"))
            rows.append([arm, *cells, f"{domain['cpu_seconds'].get(arm, 0):,.0f}"])
        beside = "; ".join(
            f"{several(int(k), 'shot')} {difference(gap, 'p_value')} ({gap['control']})"
            for k in shots
            for gap in [domain["shots"][k]["hallucinator_beside_best_control"]]
        )
        text += [
            f"### {name}, {domain['ways']}-way\n",
            *table(heads, rows),
            "",
            f"{domain['tasks']} tasks. The hallucinator beside the best control: {beside}.\n",
        ]
    return "\n".join((*text, f"```console\n$ {found['command']}\n```\n"))
