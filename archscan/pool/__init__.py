"""Many packages at once, each read in a process of its own that may crash, hang or run out of memory.

::

    main ── executor ── worker ── spawner ── disposable child     (one chain for each of --jobs)

The *worker* is a process of a plain ``concurrent.futures`` executor; it carries logs, and has threads for that. The
*spawner* has one thread and does nothing but fork a child for each package and watch it: a fork from a process with
threads can inherit a lock that nobody will release. The *child* reads the package and says what it finds over a
private pipe, as MessagePack. It can do nothing else (``confined``), and its death is a fact, not an accident: there is
a second attempt without the member that it died of (``attempts``).

Elsewhere the worker is a thread of a cluster (``cluster`` at home, ``remote`` there), and its spawner a program of its
own (``executed``). ``crew`` submits, bounds and repeats jobs for either.
"""

from archscan.pool.answers import passed_over
from archscan.pool.cluster import Cluster
from archscan.pool.confined import Confinement, confinement, lacking
from archscan.pool.executors import readings, readings_elsewhere

__all__ = ["Cluster", "Confinement", "confinement", "lacking", "passed_over", "readings", "readings_elsewhere"]
