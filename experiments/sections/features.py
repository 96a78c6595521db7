"""Augmenters of features."""

from sections.cells import difference, several, table, with_differences


def feature_augmenters(found: dict) -> str:
    """Augmenters of features, compared with their baselines."""
    text = [
        "## Augmenters of features\n",
        "Trained through ridge regression on 1 to 5 shots of classes that the encoder has not seen, and tested on "
        "classes "
        "that neither has seen (other alphabets of Omniglot, validation classes of CIFAR-FS). Features are centered "
        "and have "
        "length 1. The penalty of ridge, and the weight of what autoencoder and calibration generate, are chosen for "
        "each "
        "arm, seed and number of shots on other classes. The same network without noise, the learned shift and the "
        "learned "
        f"noise are baselines. {found['seeds']} seeds of augmenter and encoder (EfficientNet is pre-trained), "
        f"{found['copies']} generated examples per shot. Differences are from ridge alone.\n",
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
        gaps = "; ".join(
            f"{several(int(k), 'shot')} {difference(gap, 'p_value')} ({gap['control']})"
            for k in shots
            for gap in [domain["shots"][k]["hallucinator_beside_best_control"]]
        )
        text += [
            f"### {name}, {domain['ways']}-way\n",
            *table(heads, rows),
            "",
            f"{domain['tasks']} tasks. The hallucinator against the best baseline: {gaps}.\n",
        ]
    return "\n".join((*text, f"```console\n$ {found['command']}\n```\n"))
