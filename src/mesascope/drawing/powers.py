"""Labels of logarithmic axes. It imports matplotlib, so import it only where something is drawn."""

import re

from matplotlib.ticker import LogFormatterSciNotation


class PlainPowers(LogFormatterSciNotation):
    """1e-6 in place of 10 with an exponent, which is too small to read in print; small powers in digits."""

    def __call__(self, x, pos=None):
        if not super().__call__(x, pos):
            return ""
        digits = f"{x:g}" if 1e-3 <= abs(x) < 1e4 else f"{x:.0e}"
        return re.sub(r"e\+?(-?)0*", r"e\1", digits)
