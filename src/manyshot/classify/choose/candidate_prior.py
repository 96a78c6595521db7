"""What is known before a user's examples are seen: how candidates did on other data sets."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

from manyshot.classify.choose.candidates import Candidate
from manyshot.classify.encode.frozen_encoders import encoder_blocks
from manyshot.classify.examples.example_set import ENCODED_AS, Kind

UNKNOWN_SD = 0.03
"""Standard deviation of the gain of a candidate of which nothing is known."""


@dataclass(frozen=True)
class Gain:
    """What is known from other data sets, such as the accuracy gained over a reference.

    Args:
        mean: Mean over data sets.
        sd: Standard deviation between data sets.
    """

    mean: float
    sd: float


UNKNOWN_LOG_RATIO = Gain(-1.0, 0.7)
"""Mean and standard deviation of log(temperature / spread of the training logits) of a head of which nothing is known:
medians of the heads lie between -0.9 and -1.4."""


@dataclass(frozen=True)
class Prior:
    """Gains of encoders and of settings, by number of examples per class.

    An encoder and a setting are taken to add up.

    Args:
        encoders: By encoder and shots, the gain over the first encoder.
        settings: By key of the setting and shots, the gain over the mean of all settings.
        temperatures: By head and shots, the logarithm of the temperature that suits new examples best, over the spread
            of the training logits.
        names: By strength and shots, the gain by names of classes that agree with the examples, see `choose_names`.
    """

    encoders: Mapping[str, Mapping[int, Gain]]
    settings: Mapping[str, Mapping[int, Gain]]
    temperatures: Mapping[str, Mapping[int, Gain]] = field(default_factory=dict)
    names: Mapping[str, Mapping[int, Gain]] = field(default_factory=dict)

    def gain_of(self, candidate: Candidate, shots: float) -> Gain:
        """The gain that is to be expected of a candidate.

        Args:
            candidate: Encoder and setting.
            shots: Examples per class.

        Example:
            >>> from manyshot.classify.choose.candidates import Setting
            >>> from manyshot.classify.heads import Transform
            >>> setting = Setting(Transform(), "centroid")
            >>> prior = Prior({"a": {1: Gain(0.02, 0.0)}}, {setting.key: {1: Gain(0.01, 0.01), 5: Gain(0.0, 0.01)}})
            >>> round(prior.gain_of(Candidate("a", setting), shots=2).mean, 3)
            0.03
        """
        encoder = self._encoder(candidate.encoder, shots)
        setting = _nearest(self.settings.get(candidate.setting.key, {}), shots) or Gain(0.0, UNKNOWN_SD)
        return Gain(encoder.mean + setting.mean, math.hypot(encoder.sd, setting.sd))

    def temperature_of(self, head: str, shots: float) -> Gain:
        """Mean and standard deviation over data sets of log(temperature / spread of the training logits).

        Args:
            head: Head with its options.
            shots: Examples per class.

        Example:
            >>> Prior({}, {}).temperature_of("centroid", 5)
            Gain(mean=-1.0, sd=0.7)
        """
        return _nearest(self.temperatures.get(head, {}), shots) or UNKNOWN_LOG_RATIO

    def gain_of_names(self, strength: float, shots: float) -> Gain:
        """The gain that is to be expected of names.

        Args:
            strength: Strength of the names.
            shots: Examples per class.

        Example:
            >>> Prior({}, {}, names={"1": {1: Gain(0.05, 0.03), 5: Gain(0.0, 0.01)}}).gain_of_names(1.0, 2)
            Gain(mean=0.05, sd=0.03)
        """
        return _nearest(self.names[f"{strength:g}"], shots) or Gain(0.0, UNKNOWN_SD)

    def _encoder(self, name: str, shots: float) -> Gain:
        """The gain of an encoder; of joined encoders that were not measured together, that of the best of them."""
        known = _nearest(self.encoders.get(name, {}), shots)
        if known is not None:
            return known
        parts = [
            _nearest(self.encoders.get(block, {}), shots) or Gain(0.0, UNKNOWN_SD) for block in encoder_blocks(name)
        ]
        return max(parts, key=lambda gain: gain.mean)


def _nearest(by_shots: Mapping[int, Gain], shots: float) -> Gain | None:
    """The gain at the number of shots that is nearest in ratio."""
    if not by_shots:
        return None
    return by_shots[min(by_shots, key=lambda known: abs(math.log(known / max(shots, 1))))]


@cache
def load_prior(kind: Kind) -> Prior:
    """The gains that were measured on public data sets and ship with the package.

    `experiments/fit_defaults.py` measures them. For recordings nothing was measured: heads and transforms are taken to
    do as on sentences, and all encoders alike. Encoders and heads of scans are taken to do as on pictures.

    Args:
        kind: "pictures", "sentences", "sounds" or "scans".

    Example:
        >>> {"minilm", "ngrams"} <= set(load_prior("sentences").encoders)
        True
    """
    tables = json.loads((files("manyshot.classify.choose") / "candidate_prior.json").read_text())
    known = ENCODED_AS.get(kind, kind)
    return prior_from_tables(tables[known] if known in tables else tables["sentences"] | {"encoders": {}})


def prior_from_tables(tables: Mapping[str, Mapping[str, Mapping[str, Sequence[float]]]]) -> Prior:
    """A prior from `{"encoders": {name: {shots: [mean, sd]}}, ...}`, with "settings", "temperatures" and "names" alike.

    Args:
        tables: As JSON has them, with shots as text.
    """

    def gains(rows: Mapping[str, Mapping[str, Sequence[float]]]) -> dict[str, dict[int, Gain]]:
        return {name: {int(shots): Gain(*gain) for shots, gain in row.items()} for name, row in rows.items()}

    rest = (gains(tables.get(name, {})) for name in ("temperatures", "names"))
    return Prior(gains(tables["encoders"]), gains(tables["settings"]), *rest)
