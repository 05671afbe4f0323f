"""Kernels: C++ printed from the lowered MOD file, compiled for this CPU, kept on disk."""

from __future__ import annotations

from .resolve import Resolution, resolve, resolve_many

__all__ = ["Resolution", "resolve", "resolve_many"]
