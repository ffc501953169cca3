"""How a camera is called."""

from __future__ import annotations


def camera_name(make: str | None, model: str | None) -> str | None:
    """Make and model, the make once: "Sony ILCE-7M3", "Canon EOS 80D"."""
    if make and model and not model.casefold().startswith(make.casefold()):
        return f"{make} {model}"
    return model or make
