"""Does an answer have the shape of the one that is shown?"""

from __future__ import annotations

__all__ = ["misfits"]


def misfits(shown: object, real: object, path: str = "") -> list[str]:
    """What is shown and not there, or of another type. An answer may have more than is shown, and lists other
    lengths."""
    if isinstance(shown, dict) and isinstance(real, dict):
        missing = [f"{path}.{key} is not there" for key in shown if key not in real]
        return missing + [
            each for key in shown if key in real for each in misfits(shown[key], real[key], f"{path}.{key}")
        ]
    if isinstance(shown, list) and isinstance(real, list):
        if bool(shown) != bool(real):
            return [f"{path} has {len(real)} items"]
        return [each for item in real for each in misfits(shown[0], item, f"{path}[]")]
    numbers = (int, float)
    is_number = isinstance(shown, numbers) and isinstance(real, numbers)
    return [] if type(shown) is type(real) or (is_number and type(real) is not bool) else [f"{path} is {real!r}"]
