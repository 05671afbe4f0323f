"""The version of what the passes and printers make of a MOD text.

Raise it when any of them changes its output: it is part of the cache's keys and names.
"""

PASSES_VERSION = 4
