"""Two benches to play on, as a section of an HTML page: regression in context, and sequences that turn.

`section(layer(store))` is the section.
"""

from mesascope.report.bench.page import section
from mesascope.report.bench.trained import Layer, layer

__all__ = ["Layer", "layer", "section"]
