"""The fixtures of all tests of language-queried separation."""

from tests.lass import clips_folder, filled, official_state, tiny_checkpoint, with_tiny

__all__ = ["clips_folder", "filled", "official_state", "tiny_checkpoint", "with_tiny"]
