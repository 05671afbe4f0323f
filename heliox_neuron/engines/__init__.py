"""Engines other than the CPU engine, which is compiled (src/cpu)."""
