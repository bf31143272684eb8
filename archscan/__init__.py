"""archscan: reads an archive of .deb packages once, and answers questions about it for ever.

The tree is the flow::

    sources -> deb -> elf + crypto -> facts -> store -> rules -> findings -> reports
               '---- one disposable process per package ----'

``scan`` is that flow on one page. ``model`` holds every value that travels between the rooms,
``errors`` every exception they raise; nothing else is shared.
"""

__version__ = "0.1.0"
