"""Scans: every orientation gives one volume, slices lie by their place, and what is wrong is refused by file name."""

import gzip
import itertools
import json
import zipfile
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nibabel.orientations import axcodes2ornt, inv_ornt_aff, ornt_transform

from manyshot.base import InputError
from manyshot.datasets.dicom import read_picture, read_series
from manyshot.datasets.nifti import read_nifti, write_nifti
from manyshot.datasets.volume_folder import list_scans, read_mask, read_path, read_scan, scans_of
from manyshot.datasets.window import KINDS, parse_window
from phantoms import dicom_slice, ellipsoids, nifti

AFFINE = np.array([[2.0, 0, 0, -10], [0, 1.5, 0, 5], [0, 0, 3, -20], [0, 0, 0, 1]])
ORIENTATIONS = [
    "".join(codes) for order in itertools.permutations(("LR", "PA", "IS")) for codes in itertools.product(*order)
]


def turned(values: np.ndarray, codes: str) -> bytes:
    """The same scan with axes as `codes` says."""
    change = ornt_transform(axcodes2ornt("RAS"), axcodes2ornt(codes))
    moved = nibabel.apply_orientation(values, change)
    return nifti(moved, AFFINE @ inv_ornt_aff(change, values.shape))


class TestNifti:
    @pytest.mark.parametrize("codes", ORIENTATIONS)
    def test_48_orientations_of_one_body_give_one_volume(self, codes):
        values = ellipsoids()[0].astype(np.float32)
        scan = read_nifti(turned(values, codes), codes)
        assert scan.stored == codes
        assert np.array_equal(scan.values[0], values.transpose(2, 1, 0))
        assert np.allclose(scan.affine, AFFINE)
        assert np.allclose(scan.spacing, (3, 1.5, 2))

    def test_real_brains_in_24_orientations_are_one(self, real_data):
        with zipfile.ZipFile(real_data / "orientations" / "brain.zip") as archive:
            scans = [read_nifti(archive.read(name), name) for name in archive.namelist()]
        assert len({scan.stored for scan in scans}) == 24
        assert all(np.array_equal(scan.values, scans[0].values) for scan in scans)

    @pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.float32, np.float64])
    def test_keeps_the_stored_type(self, dtype):
        values = (ellipsoids()[0] * 50).astype(dtype)
        scan = read_nifti(gzip.compress(nifti(values)), "scan")
        assert scan.values.dtype == dtype
        assert np.array_equal(scan.values[0], values.transpose(2, 1, 0))

    def test_reads_the_files_of_nibabel(self):
        folder = Path(nibabel.__file__).parent / "tests" / "data"
        assert read_path(folder / "anatomical.nii").values.shape == (1, 25, 41, 33)
        assert read_path(folder / "example4d.nii.gz").values.shape[0] == 2
        assert read_path(folder / "example_nifti2.nii.gz").kind == "NIfTI"

    @pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
    def test_comes_back_as_written(self, dtype, tmp_path):
        values = (ellipsoids()[0] / 4).astype(dtype).transpose(2, 1, 0)[None]
        write_nifti(tmp_path / "a.nii.gz", values, AFFINE)
        scan = read_path(tmp_path / "a.nii.gz")
        assert np.array_equal(scan.values, values)
        assert np.allclose(scan.affine, AFFINE)

    @pytest.mark.parametrize(
        ("data", "said"),
        [
            (b"", "not a complete NIfTI file"),
            (b"\x1f\x8b\x08broken", "damaged gzip"),
            (nifti(np.ones((4, 4, 4)))[:400], "voxels are missing"),
            (nifti(np.ones((4, 4))), "2 axes"),
            (nifti(np.ones((4, 4, 4), np.complex64)), "not plain numbers"),
        ],
    )
    def test_refuses_what_is_broken_in_one_line(self, data, said):
        with pytest.raises(InputError, match=said) as caught:
            read_nifti(data, "patients/a.nii.gz")
        assert str(caught.value).startswith("patients/a.nii.gz: ")
        assert "\n" not in str(caught.value)


def series(heights: list[float], **changes) -> list[tuple[bytes, str]]:
    """Slices of ellipsoids at heights in mm, named by their place in the list."""
    values = ellipsoids((8, 6, 10))[0] - 200
    return [
        (dicom_slice(values[:, :, index].T, (-3.0, 4.0, height), **changes), f"IM{index:03}.dcm")
        for index, height in enumerate(heights)
    ]


class TestDicom:
    def test_the_order_of_files_is_not_the_order_of_slices(self):
        files = series([3.0 * index for index in range(10)])
        first, other = read_series(files), read_series([files[i] for i in (7, 2, 9, 0, 4, 1, 8, 3, 6, 5)])
        assert np.array_equal(first.values, other.values)
        assert np.allclose(first.affine, other.affine)
        # DICOM's x and y point to the left and to the back.
        expected = np.rint(ellipsoids((8, 6, 10))[0] - 200 - 0.5)[::-1, ::-1].transpose(2, 1, 0)
        assert np.abs(first.values[0] - expected).max() <= 1
        assert np.allclose(first.spacing, (3, 0.5, 0.75))

    def test_values_are_hounsfield_units_and_places_millimeters(self):
        scan = read_series(series([0.0, 3.0, 6.0]))
        assert scan.values.min() < -150
        # The first column of the first row lies at (-3, 4) to the left and back: 3 to the right, 4 to the front.
        assert np.allclose(scan.affine @ [7, 5, 0, 1], [3, -4, 0, 1])

    @pytest.mark.parametrize(
        ("header", "expected"), [({}, 3), ({"SliceThickness": 5}, 5), ({"SpacingBetweenSlices": 4}, 4)]
    )
    def test_one_slice_is_as_far_from_the_next_as_its_header_says(self, header, expected):
        assert np.allclose(read_series(series([7.0], **header)).spacing, (expected, 0.5, 0.75))

    def test_slope_and_intercept_of_each_slice_are_applied_once_and_in_magnetic_resonance_never(self):
        plain = series([0.0, 3.0])
        for kind, slope, intercept in (("PT", 3.5, 7), ("MR", 1, 0)):
            scaled = series([0.0, 3.0], Modality=kind, RescaleSlope=3.5, RescaleIntercept=7)
            stored = read_series(plain).values.astype(float) + 1024
            assert np.allclose(read_series(scaled).values, stored * slope + intercept)
        mixed = read_series([plain[0], series([0.0, 3.0], RescaleSlope=2)[1]]).values
        assert np.array_equal(mixed[0, 0], read_series(plain).values[0, 0])
        assert np.array_equal(mixed[0, 1], (read_series(plain).values[0, 1] + 1024) * 2 - 1024)

    @pytest.mark.parametrize(
        ("heights", "said"),
        [([0, 3, 9, 12], "IM002.dcm: 6 mm after 'IM001.dcm'.*missing"), ([0, 3, 3, 6], "lies where '.*' lies")],
    )
    def test_refuses_gaps_and_duplicates_by_file_name(self, heights, said):
        with pytest.raises(InputError, match=said):
            read_series(series(heights))

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"SeriesInstanceUID": "9.9"}, "another series"),
            ({"ImageOrientationPatient": [0, 1, 0, 0, 0, 1]}, "at an angle"),
            ({"PixelSpacing": [1, 1]}, "another pixel spacing"),
            ({"PhotometricInterpretation": "MONOCHROME1"}, "another meaning"),
        ],
    )
    def test_refuses_mixed_series_by_file_name(self, changes, said):
        odd = dicom_slice(np.zeros((6, 8)), (-3, 4, 30), **changes)
        with pytest.raises(InputError, match=f"odd.dcm: .*{said}"):
            read_series([*series([0.0, 3.0]), (odd, "odd.dcm")])

    def test_inverts_where_large_values_are_dark_exactly_once(self):
        window = parse_window("minmax")
        plain, dark = (
            read_series(series([0.0, 3.0], PhotometricInterpretation=kind)) for kind in ("MONOCHROME2", "MONOCHROME1")
        )
        assert np.allclose(dark.windowed(window), 1 - plain.windowed(window))

    def test_nothing_that_names_a_person_is_kept(self):
        scan = read_series(series([0.0, 3.0]))
        kept = json.dumps({name: str(value) for name, value in vars(scan).items() if name != "values"})
        assert all(name not in kept for name in ("Doe", "Jane", "HOSPITAL", "1970"))
        assert scan.patient == read_picture(*series([5.0])[0]).patient
        assert scan.patient != read_series(series([0.0, 3.0], PatientID="another")).patient

    def test_reads_the_pictures_of_pydicom(self):
        folder = Path(pydicom.__file__).parent / "data" / "test_files"
        ct, mr = (read_path(folder / name) for name in ("CT_small.dcm", "MR_small.dcm"))
        assert (ct.values.min(), ct.values.max()) == (-896, 1167)
        assert mr.values.dtype == np.int16
        with pytest.raises(InputError, match="to decode it: pip install"):
            read_path(folder / "JPEGLSNearLossless_16.dcm")
        with pytest.raises(InputError, match="without a picture"):
            read_path(folder / "test-SR.dcm")
        with pytest.raises(InputError, match="several frames"):
            read_path(folder / "SC_rgb_rle_2frame.dcm")
        for name in ("badVR.dcm", "no_meta.dcm", "MR_truncated.dcm", "meta_missing_tsyntax.dcm"):
            with pytest.raises(InputError, match=name):
                read_path(folder / name)


class TestFolders:
    def test_finds_masks_beside_scans_and_in_their_folder_classes_and_series(self, tmp_path):
        values, mask = ellipsoids()
        for path in ("images/a.nii", "images/b.nii", "labels/a.nii", "cat/c.nii", "cat/masks/c.nii"):
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_bytes(nifti(mask if "s/" in path and "images" not in path else values))
        (tmp_path / "cat" / "d").mkdir()
        for data, name in series([0.0, 3.0, 6.0]):
            (tmp_path / "cat" / "d" / name).write_bytes(data)
        with scans_of(tmp_path) as (tree, scans):
            assert [(s.class_name, s.name, len(s.files), s.mask and "/".join(s.mask)) for s in scans] == [
                ("cat", "c", 1, "cat/masks/c.nii"),
                ("cat", "d", 3, None),
                ("images", "a", 1, "labels/a.nii"),
                ("images", "b", 1, None),
            ]
            scan = read_scan(tree, scans[2])
            assert np.array_equal(read_mask(tree, scans[2].mask, scan), mask.transpose(2, 1, 0))

    @pytest.mark.parametrize("codes", ["LPS", "SRA", "AIL"])
    def test_a_mask_stored_in_another_orientation_lies_on_its_scan(self, codes, tmp_path):
        values, mask = ellipsoids()
        (tmp_path / "labels").mkdir()
        (tmp_path / "a.nii").write_bytes(nifti(values, AFFINE))
        (tmp_path / "labels" / "a.nii").write_bytes(turned(mask, codes))
        with scans_of(tmp_path) as (tree, scans):
            found = read_mask(tree, scans[0].mask, read_scan(tree, scans[0]))
        assert np.array_equal(found, mask.transpose(2, 1, 0))

    def test_refuses_masks_that_do_not_fit(self, tmp_path):
        values, mask = ellipsoids()
        wrong = {
            "size": (nifti(mask[:5]), "5 voxels, its scan"),
            "place": (nifti(mask, AFFINE), "lies elsewhere"),
            "values": (nifti(mask * 0.5), "whole numbers"),
        }
        for name, (data, said) in wrong.items():
            folder = tmp_path / name
            (folder / "labels").mkdir(parents=True)
            (folder / "a.nii").write_bytes(nifti(values))
            (folder / "labels" / "a.nii").write_bytes(data)
            with scans_of(folder) as (tree, scans), pytest.raises(InputError, match=said):
                read_mask(tree, scans[0].mask, read_scan(tree, scans[0]))

    def test_a_folder_without_scans_is_refused(self, tmp_path):
        (tmp_path / "a.txt").write_text("hello")
        with scans_of_nothing(tmp_path) as said:
            assert "no scans" in said


class scans_of_nothing:
    def __init__(self, path):
        self.path = path

    def __enter__(self):
        from manyshot.datasets.folder_or_zip import open_tree

        with open_tree(self.path) as tree, pytest.raises(InputError) as caught:
            list_scans(tree)
        return str(caught.value)

    def __exit__(self, *error):
        return None


class TestWindows:
    @given(
        dtype=st.sampled_from(["uint8", "uint16", "int16", "int32", "float16", "float32", "float64"]),
        text=st.sampled_from(["minmax", "percentile(1, 99)", "width(400, 40)", "lung", "bone"]),
        seed=st.integers(0, 99),
    )
    def test_values_of_any_type_lie_between_0_and_1_in_their_order(self, dtype, text, seed):
        values = (np.random.default_rng(seed).normal(100, 300, 200).clip(0 if dtype[0] == "u" else -2000, 250)).astype(
            dtype
        )
        shown = parse_window(text).apply(values, "scan")
        assert shown.dtype == np.float32
        assert shown.min() >= 0
        assert shown.max() <= 1
        assert (np.diff(shown[np.argsort(values, kind="stable")]) >= 0).all()

    def test_twelve_bits_in_sixteen_keep_256_levels(self):
        values = np.linspace(0, 4095, 10_000).astype(np.uint16)
        for text, levels in (("full", 17), ("minmax", 256), ("percentile(0.5, 99.5)", 256)):
            shown = np.rint(parse_window(text).apply(values, "scan") * 255)
            assert len(np.unique(shown)) == levels

    @pytest.mark.parametrize("name", ["lung", "mediastinum", "abdomen", "brain", "bone"])
    def test_named_windows_are_those_of_radiology(self, name):
        low, high = parse_window(name).limits(np.zeros(1), "scan")
        assert {
            "lung": (-1350, 150),
            "mediastinum": (-125, 225),
            "abdomen": (-160, 240),
            "brain": (0, 80),
            "bone": (-500, 1300),
        }[name] == (low, high)

    def test_what_is_not_finite_becomes_0_and_does_not_count(self):
        shown = parse_window("minmax").apply(np.array([np.nan, -5.0, 5.0]), "scan")
        assert shown.tolist() == [0, 0, 1]
        assert parse_window("minmax").apply(np.full(3, 7.0), "scan").tolist() == [0, 0, 0]

    @pytest.mark.parametrize(
        "text",
        [
            "lungs",
            "width",
            "width(1)",
            "width(-1, 2)",
            "percentile(5, 1)",
            "percentile(-1, 99)",
            "lung(3)",
            "width(a, b)",
        ],
    )
    def test_refuses_what_is_no_window_in_one_line(self, text):
        with pytest.raises(InputError, match=r"^window: ") as caught:
            parse_window(text)
        assert "\n" not in str(caught.value)

    def test_full_needs_whole_numbers(self):
        with pytest.raises(InputError, match="no full range"):
            parse_window("full").limits(np.zeros(3), "scan")
        assert set(KINDS) >= {"full", "minmax"}
