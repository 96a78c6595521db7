import numpy as np
import pytest
import torch

from manyshot.datasets import feature_store as module
from manyshot.datasets.feature_store import FeatureStore, encode_stored

NAMES = [f"example {number}" for number in range(10)]
FEATURES = torch.arange(40.0).reshape(10, 4)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MANYSHOT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def encode(names=NAMES, key="key", **options) -> tuple[torch.Tensor, list[int]]:
    """The features of examples by their number, and which were computed."""
    seen: list[int] = []

    def compute(places: np.ndarray) -> torch.Tensor:
        numbers = [NAMES.index(names[index]) for index in places]
        seen.extend(numbers)
        return FEATURES[numbers]

    return encode_stored(key, names, lambda places: places, compute, **options), seen


class TestStore:
    def test_rows_are_found_by_name_and_key(self):
        store = FeatureStore("key")
        store.add(NAMES[:3], FEATURES[:3])
        store.add(NAMES[5:7], FEATURES[5:7])
        features, result = store.find([NAMES[6], "new", NAMES[0], NAMES[6]])
        assert result.tolist() == [True, False, True, True]
        assert features[[0, 2, 3]].equal(FEATURES[[6, 0, 6]])
        assert FeatureStore("other").find(NAMES)[0] is None

    def test_a_flipped_bit_or_half_a_file_is_not_believed(self):
        store = FeatureStore("key")
        path = store.add(NAMES, FEATURES)
        whole = path.read_bytes()
        for damaged in (
            whole[:-1] + bytes([whole[-1] ^ 1]),
            whole[: len(whole) // 2],
            b"",
            b"\xff" * 100,
            b"\x08\0\0\0\0\0\0\0{}      ",
        ):
            path.write_bytes(damaged)
            assert not store.find(NAMES)[1].any() or store.find(NAMES)[0].equal(FEATURES)
            assert encode()[0].equal(FEATURES)
        path.write_bytes(whole[: len(whole) // 2])
        assert not store.find(NAMES)[1].any()

    def test_many_files_become_one(self, monkeypatch):
        monkeypatch.setattr(module, "MAX_SMALL_FILES", 4)
        store = FeatureStore("key")
        for number, name in enumerate(NAMES):
            store.add([name], FEATURES[[number]])
        store.merge()
        assert len(list(store.folder.iterdir())) == 1
        assert store.find(NAMES)[0].equal(FEATURES)

    def test_large_files_are_left_alone_and_only_read_for_their_own_examples(self, monkeypatch):
        monkeypatch.setattr(module, "MAX_SMALL_FILES", 1)
        monkeypatch.setattr(module, "SMALL_BYTES", 1)
        store = FeatureStore("key")
        first, second = store.add(NAMES[:5], FEATURES[:5]), store.add(NAMES[5:], FEATURES[5:])
        store.merge()
        assert set(store.folder.iterdir()) == {first, second}
        read: list = []
        monkeypatch.setattr(module, "_read", lambda path, old=module._read: read.append(path) or old(path))
        assert store.find(NAMES[6:8])[0].equal(FEATURES[6:8])
        assert read == [second]


class TestEncodeStored:
    def test_each_example_is_encoded_once(self):
        names = [NAMES[2], NAMES[0], NAMES[2]]
        features, seen = encode(names)
        assert features.equal(FEATURES[[2, 0, 2]])
        assert sorted(seen) == [0, 2]
        features, seen = encode()
        assert features.equal(FEATURES)
        assert sorted(seen) == [1, 3, 4, 5, 6, 7, 8, 9]
        assert encode()[1] == []
        assert encode(key="other")[1] == list(range(10))

    @pytest.mark.parametrize("batch", [1, 3, 32])
    def test_the_size_of_batches_does_not_matter(self, batch):
        assert encode(batch=batch)[0].equal(FEATURES)

    def test_parts_that_were_written_on_the_way_become_one_file(self, monkeypatch):
        monkeypatch.setattr(module, "SAVE_EVERY", -1.0)
        assert encode(batch=2)[0].equal(FEATURES)
        assert len(list(FeatureStore("key").folder.iterdir())) == 1
        assert encode()[1] == []

    def test_what_was_encoded_before_an_error_is_kept(self):
        def stops(places: np.ndarray) -> torch.Tensor:
            if 5 in places:
                raise KeyboardInterrupt
            return FEATURES[places]

        with pytest.raises(KeyboardInterrupt):
            encode_stored("key", NAMES, lambda places: places, stops, batch=2)
        assert FeatureStore("key").count_missing(NAMES) == 6
        assert encode()[1] == [4, 5, 6, 7, 8, 9]

    def test_errors_of_loading_reach_the_caller(self):
        def load(places: np.ndarray) -> np.ndarray:
            raise ValueError(f"broken: {places[0]}")

        with pytest.raises(ValueError, match="broken: 0"):
            encode_stored("key", NAMES, load, lambda items: FEATURES)

    def test_a_disk_that_cannot_be_written_is_no_error(self, tmp_path, monkeypatch):
        (tmp_path / "file").write_text("", encoding="utf-8")
        monkeypatch.setenv("MANYSHOT_CACHE", str(tmp_path / "file"))
        assert encode(batch=2)[0].equal(FEATURES)
        assert FeatureStore("key").count_missing(NAMES) == 10

    def test_a_full_disk_is_no_error(self, monkeypatch):
        def full(*args):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(module, "save_file", full)
        assert encode(batch=2)[0].equal(FEATURES)
