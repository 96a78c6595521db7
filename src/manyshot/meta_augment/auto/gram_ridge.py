"""Ridge regression on frozen features of which only the inner products are known, for many supports at once."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

PENALTY = 0.1
"""Of ridge regression on rows of length 1."""
TINY = 1e-12


class Frame(NamedTuple):
    """How rows are centered at the weighted mean and brought to length 1: the CL2N of SimpleShot, by inner products.

    Args:
        mass: Weight of each row over the total `[b, n]`.
        reach: Inner product of each row and the mean `[b, n]`.
        square: Squared length of the mean `[b]`.
        length: Length of each centered row `[b, n]`.
    """

    mass: Float[Tensor, "b n"]
    reach: Float[Tensor, "b n"]
    square: Float[Tensor, "b"]
    length: Float[Tensor, "b n"]

    def __call__(self, cross: Float[Tensor, "b m n"], squares: Float[Tensor, "b m"]) -> Float[Tensor, "b m n"]:
        """Cosines of m other rows and the n rows, after centering.

        Args:
            cross: Their inner products.
            squares: Squared length of each of the m rows.
        """
        reach = (cross @ self.mass[..., None])[..., 0]
        length = (squares - 2 * reach + self.square[:, None]).clamp(min=TINY).sqrt()
        centered = cross - reach[..., None] - self.reach[:, None] + self.square[:, None, None]
        return centered / (length[..., None] * self.length[:, None])


def frame(gram: Float[Tensor, "b n n"], weights: Float[Tensor, "b n"]) -> Frame:
    """Center and normalize rows.

    Args:
        gram: Inner products of the rows.
        weights: Weight of each row in the mean.
    """
    mass = weights / weights.sum(1, keepdim=True)
    reach = (gram @ mass[..., None])[..., 0]
    square = (reach * mass).sum(1)
    squares = gram.diagonal(dim1=1, dim2=2) - 2 * reach + square[:, None]
    return Frame(mass, reach, square, squares.clamp(min=TINY).sqrt())


class GramRidge(NamedTuple):
    """A fitted ridge regression: `W, b = argmin sum_i w_i |W x_i + b - y_i|^2 + penalty |W|^2`.

    It equals `manyshot.classify.heads.Ridge` on the same rows, and the work does not depend on the number of features.

    Args:
        frame: How rows are centered and normalized.
        coefficients: `[b, n, c]`, W is their sum over rows.
        offset: b `[b, c]`.
    """

    frame: Frame
    coefficients: Float[Tensor, "b n c"]
    offset: Float[Tensor, "b c"]

    def __call__(self, cross: Float[Tensor, "b m n"], squares: Float[Tensor, "b m"]) -> Float[Tensor, "b m c"]:
        """Logits of m rows.

        Args:
            cross: Inner products with the n rows of the fit.
            squares: Squared length of each of the m rows.
        """
        return self.frame(cross, squares) @ self.coefficients + self.offset[:, None]


def fit_gram_ridge(
    gram: Float[Tensor, "b n n"],
    targets: Float[Tensor, "b n c"],
    weights: Float[Tensor, "b n"],
    penalty: float = PENALTY,
) -> GramRidge:
    """Fit b ridge regressions.

    Args:
        gram: Inner products of the n rows of each fit.
        targets: Labels, one-hot or soft.
        weights: Weight of each row; 0 leaves it out.
        penalty: Of the squared length of W.

    Example:
        >>> x = torch.tensor([[[-1.0, 0.0], [1.0, 0.0]]])
        >>> head = fit_gram_ridge(x @ x.mT, torch.eye(2)[None], torch.ones(1, 2), penalty=2.0)
        >>> head(x @ x.mT, torch.ones(1, 2)).round(decimals=2)
        tensor([[[0.7500, 0.2500],
                 [0.2500, 0.7500]]])
    """
    own = frame(gram, weights)
    cosines = own(gram, gram.diagonal(dim1=1, dim2=2))
    mass = own.mass[..., None]
    mean = cosines @ mass  # of each row with the mean of the rows of length 1
    centered = cosines - mean - mean.mT + mass.mT @ mean
    root = weights.sqrt()[..., None]
    system = root * centered * root.mT + penalty * torch.eye(gram.shape[1]).to(gram)
    center = mass.mT @ targets
    factor, _ = torch.linalg.cholesky_ex(system)
    half = torch.linalg.solve_triangular(factor, root * (targets - center), upper=False)
    dual = root * torch.linalg.solve_triangular(factor.mT, half, upper=True)
    # W (x - mean) = sum of dual_i (x_i - mean) (x - mean): the means are folded into coefficients and offset.
    coefficients = dual - mass * dual.sum(1, keepdim=True)
    offset = center - mean.mT @ coefficients
    return GramRidge(own, coefficients, offset[:, 0])


def hat_matrix(
    gram: Float[Tensor, "b n n"], weights: Float[Tensor, "b n"], penalty: float = PENALTY
) -> Float[Tensor, "b n n"]:
    """The matrix that turns targets into what the regression fitted to them says of the same rows.

    With it, what a fit without some rows says of them takes no further fit:
    `y - (I - H)^-1 (y - H y)`, all on these rows (the centers of `frame` stay where all rows put them).

    Args:
        gram: Inner products of the n rows of each fit.
        weights: Weight of each row, above 0.
        penalty: Of the squared length of W.

    Example:
        >>> x = torch.tensor([[[-1.0, 0.0], [1.0, 0.0]]])
        >>> (hat_matrix(x @ x.mT, torch.ones(1, 2), penalty=2.0) @ torch.eye(2)).round(decimals=2)
        tensor([[[0.7500, 0.2500],
                 [0.2500, 0.7500]]])
    """
    n = gram.shape[1]
    own = frame(gram, weights)
    cosines = own(gram, gram.diagonal(dim1=1, dim2=2))
    mass = own.mass[..., None]
    mean = cosines @ mass
    centered = cosines - mean - mean.mT + mass.mT @ mean
    root = weights.sqrt()[..., None]
    # With C the centered inner products and S = W^1/2 C W^1/2, W^1/2 H W^-1/2 = S (S + penalty)^-1 + the mean's part.
    system = root * centered * root.mT
    eye = torch.eye(n).to(gram)
    factor, _ = torch.linalg.cholesky_ex(system + penalty * eye)
    smooth = eye - penalty * torch.cholesky_inverse(factor)
    return mass.mT + (smooth - smooth @ root * (mass / root).mT) / root * root.mT
