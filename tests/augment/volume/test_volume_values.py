"""What ops do to the values of volumes, beside transforms written out, the ops on images, and what scans show."""

import numpy as np
import pytest
import torch
from scipy.stats import rice

from manyshot import ops
from manyshot.augment.volume.along_axis_op import along, circulant
from manyshot.base import InputError

AXES = {"z": 0, "y": 1, "x": 2}


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def volumes(n: int = 3, size: tuple[int, int, int] = (9, 12, 10)) -> torch.Tensor:
    return torch.rand(n, 2, *size, generator=generator(1), dtype=torch.float64)


class TestLines:
    @pytest.mark.parametrize("axis", [0, 1, 2])
    def test_multiplies_each_line_of_an_axis(self, axis):
        items = volumes()
        matrices = torch.rand(3, items.shape[2 + axis], items.shape[2 + axis], dtype=torch.float64)
        names = ["d", "h", "w"]
        source = "".join(names)
        expected = torch.einsum(f"nk{names[axis]},nc{source}->nc{source.replace(names[axis], 'k')}", matrices, items)
        assert torch.allclose(along(items, matrices, axis), expected)

    @pytest.mark.parametrize("side", [1, 7, 8])
    def test_a_circulant_matrix_is_the_real_part_of_gains_of_the_spectrum(self, side):
        gains = torch.rand(4, side, dtype=torch.float64)
        lines = torch.rand(4, side, dtype=torch.float64)
        expected = np.fft.ifft(np.fft.fft(lines.numpy()) * gains.numpy()).real
        assert np.allclose((circulant(gains) @ lines[..., None])[..., 0].numpy(), expected)


class TestBiasField3:
    def test_the_field_is_positive_and_its_logarithm_has_mean_0(self):
        op = ops.BiasField3(2.0)
        field = op.apply(torch.ones(5, 1, 6, 7, 8, dtype=torch.float64), op.sample(5, generator()))
        assert (field > 0).all()
        assert torch.allclose(field.log().flatten(1).mean(1), torch.zeros(5, dtype=torch.float64), atol=1e-9)

    def test_is_the_polynomial_written_out(self):
        op = ops.BiasField3()
        params = op.sample(1, generator())
        size = (5, 6, 7)
        z, y, x = torch.meshgrid(*[(torch.arange(s).double() * 2 + 1) / s - 1 for s in size], indexing="ij")
        powers = [
            (i, j, k)
            for t in (1, 2, 3)
            for i in range(t, -1, -1)
            for j in range(t - i, -1, -1)
            if (k := t - i - j) >= 0
        ]
        log = sum(
            c.double() * x**i * y**j * z**k for c, (i, j, k) in zip(params["coefficients"][0], powers, strict=True)
        )
        field = op.apply(torch.ones(1, 1, *size, dtype=torch.float64), params)[0, 0]
        assert torch.allclose(field, (log - log.mean()).exp())


class TestKSpace:
    @pytest.mark.parametrize("axis", AXES)
    def test_ghosts_are_those_of_slices(self, axis):
        items = volumes()
        params = {"intensity": torch.tensor([0.2, 0.5, 0.9]), "ghosts": torch.tensor([2, 3, 5])}
        moved = items.movedim(2 + AXES[axis], -1)
        flat = ops.Ghosting().apply(moved.flatten(2, 3), {**params, "vertical": torch.zeros(3, dtype=torch.bool)})
        expected = flat.view(moved.shape).movedim(-1, 2 + AXES[axis])
        op = ops.Ghosting3()
        assert torch.allclose(op.apply(items, {**params, "axis": torch.tensor([AXES[axis]] * 3)}).clamp(0, 1), expected)

    def test_gibbs_keeps_the_low_frequencies_and_the_mean_and_rings_beside_edges(self):
        step = torch.zeros(1, 1, 4, 4, 64, dtype=torch.float64)
        step[..., 16:48] = 1
        rung = ops.Gibbs3().apply(step, {"share": torch.tensor([0.5])})
        spectrum = np.fft.fftn(step[0, 0].numpy())
        for axis, side in enumerate((4, 4, 64)):
            line = np.minimum(np.arange(side), side - np.arange(side))
            shape = [1, 1, 1]
            shape[axis] = side
            spectrum = spectrum * (line <= 0.5 * side / 2).reshape(shape)
        assert np.allclose(rung[0, 0].numpy(), np.fft.ifftn(spectrum).real)
        assert rung.mean().item() == pytest.approx(step.mean().item())
        assert 0.05 < rung.max() - 1 < 0.12

    def test_a_spike_is_one_pair_of_samples_of_the_spectrum(self):
        items, op = volumes(1, (8, 12, 16))[:, :1], ops.Spike3(waves=3)
        params = op.sample(1, generator(2))
        difference = np.abs(np.fft.fftn((op.apply(items, params) - items)[0, 0].numpy()))
        assert (difference > 1e-6 * difference.max()).sum() == 2
        waves = params["waves"][0].tolist()
        assert difference[tuple(w % s for w, s in zip(waves, (8, 12, 16), strict=True))] == pytest.approx(
            difference.max()
        )

    @pytest.mark.parametrize("axis", AXES)
    def test_motion_is_the_spectrum_put_together_from_moved_volumes(self, axis):
        items, number = volumes(1, (10, 12, 14)), AXES[axis]
        op = ops.Motion3(degrees=20, shift=0.2, times=3, axis=axis)
        params = op.sample(1, generator()) | {"at": torch.tensor([[0.22, 0.41, 0.76]])}
        still = {"scale": torch.ones(1), "shear": torch.zeros(1, 3)}
        places = [
            ops.Affine3(padding_mode="border").apply(
                items, {**still, "degrees": params["degrees"][:, k], "shift": params["shift"][:, k]}
            )
            for k in range(3)
        ]
        side = items.shape[2 + number]
        spectra = [np.fft.fftshift(np.fft.fft(v.numpy(), axis=2 + number), axes=2 + number) for v in (*places, items)]
        when = (np.arange(side) - side // 2) / side + 0.5
        which = np.select([when < 0.22, when < 0.41, when < 0.76], [0, 1, 3], 2)
        lines = [np.take(spectra[which[k]], k, axis=2 + number) for k in range(side)]
        spectrum = np.fft.ifftshift(np.stack(lines, axis=2 + number), axes=2 + number)
        expected = np.fft.ifft(spectrum, axis=2 + number).real
        assert np.allclose(op.apply(items, params).numpy(), expected, atol=1e-6)

    def test_motion_leaves_the_mean_of_each_line_bundle_where_it_was(self):
        items, op = volumes(4), ops.Motion3(axis="y")
        assert torch.allclose(op.apply(items, op.sample(4, generator())).mean(3), items.mean(3))


class TestAnisotropy3:
    def test_averages_slices_and_interpolates_back(self):
        line = torch.arange(8.0, dtype=torch.float64).view(1, 1, 8, 1, 1)
        params = {"factor": torch.tensor([2.0]), "axis": torch.tensor([0])}
        expected = torch.tensor([0.5, 1, 2, 3, 4, 5, 6, 6.5])
        expected[1:-1] = torch.tensor([1.0, 2, 3, 4, 5, 6])
        thick = ops.Anisotropy3().apply(line, params).flatten()
        means = np.array([0.5, 2.5, 4.5, 6.5])
        assert np.allclose(thick.numpy(), np.interp(np.arange(8), np.arange(4) * 2 + 0.5, means))

    def test_leaves_the_other_axes_and_the_range_alone(self):
        items = volumes()
        thick = ops.Anisotropy3(axis="y").apply(items, {"factor": torch.full((3,), 3.0), "axis": torch.ones(3).long()})
        assert thick.min() >= items.min()
        assert thick.max() <= items.max()
        one = ops.Anisotropy3().apply(items, {"factor": torch.ones(3), "axis": torch.tensor([0, 1, 2])})
        assert torch.allclose(one, items)


class TestBlur3:
    def test_in_plane_it_is_the_blur_of_each_slice(self):
        items, params = volumes(), {"sigma": torch.tensor([0.4, 0.8, 1.0])}
        slices = torch.stack([ops.Blur().apply(items[:, :, z], params) for z in range(9)], 2)
        assert torch.allclose(ops.Blur3(in_plane=True).apply(items, params), slices)

    def test_across_slices_it_is_the_same_blur(self):
        items, params = volumes(), {"sigma": torch.tensor([0.4, 0.8, 1.0])}
        turned = ops.Blur3().apply(items.transpose(2, 4), params).transpose(2, 4)
        assert torch.allclose(ops.Blur3().apply(items, params), turned)


class TestRician:
    @pytest.mark.parametrize("shape", [(1, 1, 200, 200), (1, 1, 30, 40, 40)])
    def test_values_have_the_distribution_of_rice(self, shape):
        noisy = ops.Rician().apply(torch.full(shape, 0.3), {"strength": torch.tensor([0.1]), "seed": torch.tensor([5])})
        for share in (0.1, 0.5, 0.9):
            assert noisy.quantile(share).item() == pytest.approx(rice(3.0, scale=0.1).ppf(share), rel=0.02)

    def test_refuses_values_without_a_magnitude(self):
        with pytest.raises(InputError, match="values below 0"):
            ops.Rician()(torch.full((1, 1, 4, 4), -0.5))


HU = torch.linspace(-1024, 3071, 4 * 6 * 8).view(1, 1, 4, 6, 8)
Z_SCORED = torch.randn(1, 1, 4, 6, 8, generator=generator(4))


@pytest.mark.parametrize("values", [HU, Z_SCORED], ids=("HU", "z-scored"))
@pytest.mark.parametrize(
    "op",
    [
        ops.Affine3(), ops.Elastic3(), ops.Flip3(), ops.BiasField3(), ops.Anisotropy3(), ops.Blur3(), ops.Ghosting3(),
        ops.Motion3(), ops.Spike3(), ops.Gibbs3(),
    ],
    ids=lambda op: type(op).__name__,
)  # fmt: skip
def test_ops_on_volumes_alone_take_any_values_and_scale_with_them(op, values):
    params = op.sample(1, generator())
    once, thousandfold = op.apply(values.double(), params), op.apply(1000 * values.double(), params)
    assert once.isfinite().all()
    assert once.min() < 0
    assert torch.allclose(thousandfold, 1000 * once, rtol=1e-6, atol=1e-3)


@pytest.mark.parametrize("op", [ops.BiasField3(), ops.Anisotropy3(), ops.Blur3()], ids=lambda op: type(op).__name__)
def test_background_of_zeros_stays_zero(op):
    items = torch.zeros(2, 1, 6, 6, 6)
    assert op.apply(items, op.sample(2, generator())).abs().max() == 0


def test_memory_stays_flat_over_many_draws():
    resource = pytest.importorskip("resource")
    op = ops.Compose((ops.Affine3(), ops.Elastic3(), ops.BiasField3(), ops.Ghosting3()))
    items = torch.rand(1, 1, 16, 16, 16)

    def draw(count: int) -> int:
        for seed in range(count):
            op.apply(items, op.sample(1, generator(seed)))
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    before = draw(100)
    assert draw(400) - before < 8_000
