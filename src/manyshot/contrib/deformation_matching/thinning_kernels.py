"""Thinning of ink to lines of one pixel."""

from typing import no_type_check

import numpy as np

from manyshot.runtime.jit import kernel


@kernel
@no_type_check
def thin(sheet):
    """Remove boundary pixels, from each of the four sides in turn, until only center lines are left.

    A pixel is removed if that disconnects nothing, fills no hole and shortens no end. Pixels are tested one after
    another, so lines of two pixels, which a parallel test may remove completely, are kept.

    Args:
        sheet: `[h, w]` of 0 and 1 with a border of 0; changed in place.
    """
    rows, columns = np.array([0, -1, -1, -1, 0, 1, 1, 1]), np.array([1, 1, 0, -1, -1, -1, 0, 1])
    height, width = sheet.shape
    rim = np.empty((height * width, 2), np.int64)
    ring = np.empty(8, np.int64)
    again = True
    while again:
        again = False
        for side in (2, 6, 0, 4):
            count = 0
            for y in range(1, height - 1):
                for x in range(1, width - 1):
                    if sheet[y, x] and not sheet[y + rows[side], x + columns[side]]:
                        rim[count, 0], rim[count, 1] = y, x
                        count += 1
            for place in range(count):
                y, x = rim[place, 0], rim[place, 1]
                inked, pieces = 0, 0
                for k in range(8):
                    ring[k] = sheet[y + rows[k], x + columns[k]]
                    inked += ring[k]
                for k in range(0, 8, 2):  # number of pieces of ink that the pixel connects (Yokoi 1973)
                    pieces += (1 - ring[k]) * (1 - (1 - ring[k + 1]) * (1 - ring[(k + 2) % 8]))
                if inked > 1 and pieces == 1:
                    sheet[y, x] = 0
                    again = True
