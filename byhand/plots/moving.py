"""Figures that move: a slider and buttons over a few frames."""

import base64
import html
import io
import re
from collections.abc import Callable

import matplotlib.pyplot as plt
from matplotlib.animation import FuncAnimation
from PIL import Image

from byhand.plots.style import Picture, Shown

# matplotlib's buttons get their icons from the network; these are in every font
SIGNS = {
    "minus": "-",
    "fast-backward": "|◀",
    "step-backward": "←",
    "play fa-flip-horizontal": "◀",
    "pause": "||",
    "play": "▶",
    "step-forward": "→",
    "fast-forward": "▶|",
    "plus": "+",
}
DPI = 120  # pixels of a frame for every inch
COLOURS = 64  # of a frame: our figures have few, and so a frame is a third as large
FRAME = re.compile(r"(?<=data:image/png;base64,)[^\"]+")


class Movie(Shown):
    """A figure and what draws its frames.

    show(k) brings the figure to frame k of `frames`. The last frame says the same as the motion:
    it is what is seen before anything is played, and where no script may run.
    """

    def __init__(self, figure: Picture, show: Callable[[int], None], frames: int, pause: int = 400):
        self.figure, self.show, self.frames, self.pause = figure, show, frames, pause
        self.still()
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # else the panels would jump from frame to frame

    def still(self, frame: int = -1) -> Picture:
        """The figure at one frame, the last unless another is named."""
        self.show(range(self.frames)[frame])
        return self.figure

    @property
    def alt(self) -> str:
        """What the last frame shows."""
        return self.still().alt

    def image(self) -> str:
        """The frames and what plays them, as HTML that needs no other file."""
        with plt.rc_context({"savefig.dpi": DPI, "animation.embed_limit": 20}):
            moving = FuncAnimation(
                self.figure, self.show, self.frames, interval=self.pause, cache_frame_data=False
            )
            page = moving.to_jshtml(default_mode="loop")
        page = page.replace("this.current_frame = 0;", "this.current_frame = frames.length - 1;")
        page = re.sub(r"<link[^>]*>", "", page)
        page = FRAME.sub(_smaller, page.replace("\\\n", ""))
        for icon, sign in SIGNS.items():
            page = page.replace(f'<i class="fa fa-{icon}"></i>', sign)
        still = re.findall(r'frames\[\d+\] = "([^"]*)"', page)[-1]
        width = round(self.figure.get_figwidth() * self.figure.dpi)
        start = f'<img alt="{html.escape(self.alt)}" width="{width}" src="{still}" id='
        return page.replace("<img id=", start, 1)


def _smaller(frame: re.Match[str]) -> str:
    """A PNG in base64 with few colours."""
    file = io.BytesIO()
    picture = Image.open(io.BytesIO(base64.b64decode(frame[0]))).convert("RGB")
    picture.quantize(COLOURS).save(file, "png", optimize=True)
    return base64.b64encode(file.getvalue()).decode()
