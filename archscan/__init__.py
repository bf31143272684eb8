"""archscan: reads an archive of .deb packages once, and answers questions about it for ever.

The tree is the flow::

    sources -> deb -> elf + crypto -> facts -> store -> rules -> findings -> reports
               '---- one disposable process per package ----'

``scan`` is that flow on one page. ``model`` holds every value that travels between the rooms,
``errors`` every exception they raise; nothing else is shared.
"""

import os

# Packages are read in processes forked from one that must have a single thread. OpenBLAS, which NumPy brings along and
# nothing here uses, would start one for each processor; it reads this when NumPy is first imported, by whomever.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

__version__ = "0.1.0"
