"""Ringmaster's door: hands the command line to ``orchestrator.cli``; says how to get what is missing."""

import sys

PYTHONS = ((3, 11), (3, 14))


def main() -> int:
    """Run the command line; 0 is success, 1 a failed run, 2 bad input."""
    if not PYTHONS[0] <= sys.version_info[:2] < PYTHONS[1]:
        print(f"run.py: Python 3.11 to 3.13 is needed, this is {sys.version.split()[0]}", file=sys.stderr)
        return 2
    try:
        from orchestrator import cli
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing in ("shm", "feed", "brain", "engine", "orchestrator"):
            raise
        # A distribution's own Python refuses pip; a virtual environment never does.
        print(
            f"run.py: {missing} is not installed here. Type: make paper\n"
            "        or: python3 -m venv .venv && .venv/bin/python -m pip install -c constraints.txt -e . "
            "&& .venv/bin/python run.py --paper",
            file=sys.stderr,
        )
        return 2
    return cli.main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
