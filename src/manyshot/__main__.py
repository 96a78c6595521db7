"""`python -m manyshot`."""

from manyshot.cli.main import run

if __name__ == "__main__":
    run()
