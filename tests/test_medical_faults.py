"""Faults that users of other medical libraries reported in public, and the tests that show ours does not have them.

A row is what went wrong elsewhere, then our tests.
"""

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
GEOMETRY, VALUES = "augment/volume/test_volume_geometry.py", "augment/volume/test_volume_values.py"
SCANS, EXPORT = "datasets/test_scans.py", "samples/test_export_scans.py"

FAULTS: dict[str, tuple[str, ...]] = {
    "a transform moves the organ, and the written affine matrix or spacing stays wrong": (
        f"{EXPORT}::test_an_organ_moves_in_space_as_the_params_say",
        f"{EXPORT}::test_every_sample_is_replayed_from_its_line_and_lies_where_the_scan_lies",
    ),
    "a small rotation of thick slices comes out as a skew": (
        f"{GEOMETRY}::test_a_sphere_in_thick_slices_stays_a_sphere",
    ),
    "a mask is padded with the value that pads the image": (
        f"{GEOMETRY}::test_masks_keep_their_type_and_get_no_new_values",
        f"{GEOMETRY}::test_a_mask_lies_where_its_volume_lies",
        f"{GEOMETRY}::test_beyond_the_border_a_mask_is_background_or_what_the_image_shows_there",
    ),
    "labels are interpolated to values that are none, or change their type": (
        f"{GEOMETRY}::test_masks_keep_their_type_and_get_no_new_values",
    ),
    "workers draw the same, or a seed is ignored": (
        "augment/adapters/test_loader.py"
        "::test_the_same_seed_gives_the_same_pixels_with_no_worker_with_four_and_with_workers_that_stay",
        "augment/adapters/test_loader.py::test_workers_draw_differently_from_each_other",
        f"{GEOMETRY}::test_the_same_draw_gives_the_same_bytes_in_any_batch",
    ),
    "a bias field is negative": (f"{VALUES}::test_the_field_is_positive_and_its_logarithm_has_mean_0",),
    "ops on z-scores or Hounsfield units give NaN, or clamp without a word": (
        "augment/ops/test_value_ranges.py::test_every_other_op_on_images_says_that_it_needs_zero_to_one",
        "augment/ops/test_value_ranges.py::test_every_op_on_volumes_takes_any_values_and_stays_finite",
        f"{VALUES}::test_ops_on_volumes_alone_take_any_values_and_scale_with_them",
        f"{VALUES}::test_refuses_values_without_a_magnitude",
    ),
    "16 bits wrap around, or 12 of 16 bits arrive as a few gray levels": (
        f"{SCANS}::test_twelve_bits_in_sixteen_keep_256_levels",
        f"{SCANS}::test_values_of_any_type_lie_between_0_and_1_in_their_order",
        "datasets/test_windowed_pictures.py::test_no_type_wraps_and_all_levels_are_used",
    ),
    "slope and intercept are forgotten, or MONOCHROME1 is inverted never or twice": (
        f"{SCANS}::test_values_are_hounsfield_units_and_places_millimeters",
        f"{SCANS}::test_slope_and_intercept_of_each_slice_are_applied_once_and_in_magnetic_resonance_never",
        f"{SCANS}::test_inverts_where_large_values_are_dark_exactly_once",
        f"{SCANS}::test_reads_the_pictures_of_pydicom",
    ),
    "slices come in the order of files, or axes are mirrored": (
        f"{SCANS}::test_48_orientations_of_one_body_give_one_volume",
        f"{SCANS}::test_the_order_of_files_is_not_the_order_of_slices",
        f"{SCANS}::test_one_slice_is_as_far_from_the_next_as_its_header_says",
        f"{SCANS}::test_a_mask_stored_in_another_orientation_lies_on_its_scan",
    ),
    "mirroring makes left and right labels cross": (
        f"{GEOMETRY}::test_refuses_masks_of_labels_with_a_side_unless_pairs_are_named",
        f"{GEOMETRY}::test_exchanges_the_named_pairs_where_it_mirrors",
    ),
    "thick slices are mixed with each other": (
        f"{GEOMETRY}::test_in_plane_a_slice_does_not_know_the_others_bit_for_bit",
    ),
    "memory grows with every draw": (f"{VALUES}::test_memory_stays_flat_over_many_draws",),
    "stain methods fail on white, black and tiny tiles": (
        "augment/image/test_stain.py"
        "::test_pictures_that_show_nothing_stay_finite_and_white_stays_white_where_glass_is_kept",
    ),
    "elastic deformation drifts to one side": (
        f"{GEOMETRY}::test_its_displacement_has_the_stated_deviation_and_no_drift",
    ),
    "the sign and the unit of a translation are unclear": (
        f"{GEOMETRY}::test_a_positive_shift_moves_towards_the_end_of_the_axis_by_a_share_of_half_the_volume",
    ),
    "an image and its mask of another size do not fit": (f"{GEOMETRY}::test_masks_of_another_resolution_follow",),
    "a patient is in two parts": (
        "tasks/test_disjoint_authors.py::test_parts_share_no_author_and_have_all_classes",
        "tasks/test_disjoint_authors.py::test_support_and_query_of_a_task_share_no_author",
        "tasks/test_disjoint_authors.py::test_a_run_says_how_many_are_in_two_parts",
        "classify/calibrate/test_operating_points.py::test_thresholds_of_other_people_keep_the_specificity_about",
    ),
    "nobody says whether Dice is of slices, of cases or pooled, nor what an empty mask counts": (
        "segment/test_dice_and_surface_distance.py::test_dice_equals_counting_pixels_case_by_case",
        "segment/test_dice_and_surface_distance.py::test_surface_distance_of_empty_masks_is_zero_or_unknown",
    ),
    "own scans of another orientation or range give nonsense": (
        f"{EXPORT}::test_shows_a_scan_with_spacing_orientation_range_and_window",
        "datasets/test_check_scans.py::test_other_units_other_spacing_and_broken_files_are_named",
    ),
}


def test_there_are_twenty():
    assert len(FAULTS) == 20


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_has_tests_that_are_there(fault):
    for test in FAULTS[fault]:
        file, name = test.split("::")
        tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
        assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}, test
