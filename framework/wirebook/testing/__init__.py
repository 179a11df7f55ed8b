"""The conformance suite: what every protocol plugin proves, ours and a stranger's alike.

One short file in a plugin's tests takes in all of it:

.. code-block:: python

    from pathlib import Path

    from wirebook.testing import DecoderConformance


    class TestItch(DecoderConformance):
        protocol = "nasdaq-totalview-5.0"
        vectors = Path(__file__).parent / "vectors"

It needs pytest and hypothesis: ``pip install 'wirebook[testing]'``.
"""

import sys
from typing import TYPE_CHECKING

from wirebook.testing.vectors import Vector, VectorError, load_vectors

if TYPE_CHECKING:
    from wirebook.testing.suite import DecoderConformance

__all__ = ["DecoderConformance", "Vector", "VectorError", "load_vectors"]


def __getattr__(name: str) -> object:
    """Imports the suite when it is first asked for.

    That is within a run of pytest, which can then make its assertions say what they compared.
    """
    if name != "DecoderConformance":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import pytest

    if "wirebook.testing.suite" not in sys.modules:
        pytest.register_assert_rewrite("wirebook.testing.suite")
    from wirebook.testing.suite import DecoderConformance

    return DecoderConformance
