"""What `fit` and `predict` cost."""

from sections.cells import paragraph, table


def fit_cost(found: dict) -> str:
    """CPU seconds and memory of the commands, what was announced, and where the time of `predict` goes."""
    rows = [row for name, one in found["measured"].items() for row in _rows(name, one)]
    threads = f"{found['of_commands']} thread{'s' if found['of_commands'] > 1 else ''}"
    parts = [
        "### What `fit` costs\n",
        paragraph(
            f"CPU seconds and peak memory of each command, start included, with {threads} on {found['cpu']}. "
            "Photographs are those of CIFAR-FS, enlarged to 640 x 480 pixels; small pictures are the same at 64 x 64. "
            "Nothing is in the cache but in a second fit; kernels, which take 20 seconds once, were compiled before. "
            "`announced` is what `fit` says beforehand of encoding and comparing. Written by `benchmarks/fit_cost.py`."
        ),
        *table(["command", "CPU seconds", "announced", "peak memory, MiB"], rows),
        "",
    ]
    parts += [
        _where(name, one["encoders_alone"], one) for name, one in found["measured"].items() if "encoders_alone" in one
    ]
    return "\n".join(parts)


def _rows(name: str, one: dict) -> list[list[str]]:
    if "first" in one:
        return [*_rows(name, one["first"]), *_rows(f"{name}, once more", one["second"])]
    announced = f"{one['estimate']:.0f}" if "estimate" in one else ""
    return [[name, f"{one['cpu_seconds']:.0f}", announced, f"{one['peak_mib']:,}"]]


def _where(name: str, alone: dict, one: dict) -> str:
    """What `predict` takes beside the calls of the encoder."""
    views, encoders, start = alone["views"], alone["encoders"], alone["start"]
    rest = one["cpu_seconds"] - views - encoders - start
    return paragraph(
        f"{name[0].upper()}{name[1:]}: {encoders:.1f} s in the encoder, {views:.1f} s "
        f"({views / encoders:.0%}) for reading, decoding and changing pictures, {start:.1f} s to start "
        f"and to list them, and {rest:.1f} s ({rest / encoders:.0%}) for all that `predict` does itself."
    )
