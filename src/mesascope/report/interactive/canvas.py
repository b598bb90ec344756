"""A panel as it is translated: what has been drawn on it so far."""

import dataclasses
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

Trace = dict[str, Any]


@dataclasses.dataclass
class Canvas:
    """The traces and shapes of a panel; `x` and `y` name the axes that are drawn on, such as "x" and "y2"."""

    axes: "Axes"
    x: str = "x"
    y: str = "y"
    traces: list[Trace] = dataclasses.field(default_factory=list)
    shapes: list[Trace] = dataclasses.field(default_factory=list)
    annotations: list[Trace] = dataclasses.field(default_factory=list)
    untranslated: list[str] = dataclasses.field(default_factory=list)

    def on(self, axes: "Axes", x: str, y: str) -> "Canvas":
        """The same panel, on another of its axes."""
        return dataclasses.replace(self, axes=axes, x=x, y=y)

    def trace(self, kind: str, artist: "Artist | Any", **told: Any) -> Trace:
        """A trace added, with the label of what it is of."""
        trace = {"type": kind, "xaxis": self.x, "yaxis": self.y, **self.named(artist), **told}
        self.traces.append(trace)
        return trace

    def shape(self, artist: "Artist", in_data: tuple[bool, bool], **told: Any) -> None:
        """A shape added, of which x or y may be counted from 0 to 1 over the panel."""
        x, y = (name if data else f"{name} domain" for name, data in zip((self.x, self.y), in_data, strict=True))
        self.shapes.append({"xref": x, "yref": y, **self.named(artist), **told})

    def annotations_in_data(self) -> bool:
        """Whether some words stand at a place that would be told otherwise on another scale."""
        return any(each["xref"] == self.x for each in self.annotations)

    def named(self, artist: "Artist | Any") -> Trace:
        """The name under which it stands in a legend; "" for none."""
        from mesascope.report.interactive.words import as_html

        label = str(artist.get_label() or "")
        return {"name": "" if label.startswith("_") else as_html(label)}

    def leave_out(self, artist: "Artist") -> None:
        """Note what has no counterpart."""
        self.untranslated.append(type(artist).__name__)
