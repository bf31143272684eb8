"""Small real packages to test on: each recipe is a folder with C source, compiler flags and the facts they decide.

``python -m corpus OUT [NAME…]`` builds them with gcc, binutils and Python alone.
"""
