"""Reads files of strangers in a process of its own, which may not take more than this.

Nothing here imports Django or any other part of the product: `generations/probing.py` starts it. A file that
breaks a decoder breaks this process, and that is an answer like any other.
"""

SECONDS_MAX = 4  # of the processor
WAIT_SECONDS_MAX = 8  # by the clock: a machine that is busy makes no file a bad one
MEMORY_BYTES_MAX = 512_000_000  # of address space
# A finished video comes from a vendor, and a piece of it is made anew: that takes longer.
OUTPUT_SECONDS_MAX = 15  # of the processor, and by the clock
OUTPUT_MEMORY_BYTES_MAX = 1_500_000_000
WRITTEN_BYTES_MAX = 64_000_000
# A larger picture is measured, and never decoded.
IMAGE_PIXELS_MAX = 36_000_000
VIDEO_PIXELS_MAX = 8_847_360  # 4096 x 2160
FRAMES_PER_SECOND_MAX = 120
HEADER_SLACK_SECONDS = 1  # how far a header may promise more than there is


class Bad(Exception):
    """The file cannot be used; the text says why, and reads on after "The file "."""
