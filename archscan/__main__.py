"""``python -m archscan``."""

from archscan.cli import main

if __name__ == "__main__":
    main()
