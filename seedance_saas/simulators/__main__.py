"""`python -m seedance_saas.simulators`: options by command line, else by environment."""

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import uvicorn

from seedance_saas.simulators.config import SimulatorConfig
from seedance_saas.simulators.thread import uvicorn_config

PREFIX = "SIMULATOR_"


def main(arguments: Sequence[str] | None = None) -> None:
    config = parse(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
    sys.stdout.write(
        f"simulators: {config.url} (work {config.work_seconds:g} s, {config.data_dir})\n"
    )
    sys.stdout.flush()
    uvicorn.Server(uvicorn_config(config)).run()


def parse(arguments: Sequence[str] | None) -> SimulatorConfig:
    parser = argparse.ArgumentParser("simulators", description=__doc__)

    def option(name: str, default: str, text: str, **more: object) -> None:
        """Adds --name; its default is the variable SIMULATOR_NAME of the environment."""
        variable = PREFIX + name.replace("-", "_").upper()
        fallback = os.environ.get(variable, default)
        parser.add_argument(f"--{name}", default=fallback, help=f"{text} [{variable}]", **more)  # type: ignore[arg-type]

    option("host", "127.0.0.1", "address to listen at")
    option("port", "8001", "port to listen at", type=int)
    option("data-dir", ".data/simulators", "where jobs and files are kept", type=Path)
    option("public-url", "", "address in answers, if it is not http://host:port")
    option("work-seconds", "8", "pretended work", type=float)
    option("webhook-retry-seconds", "10", "pause between attempts of a webhook", type=float)
    option("dialect", "both", "which documents to follow", choices=["A", "B", "both"])
    option("creates-per-minute", "100", "limit per key", type=int)
    option("concurrent-jobs", "10", "limit per key", type=int)
    option("stripe-webhook-secret", "", "signing secret of every Stripe endpoint that is made")
    option("stripe-async-seconds", "30", "until bank debits and pending refunds settle", type=float)
    option("names", "", "host=origin,…: names that stand for real servers; by default the product")
    _flag(parser, "open-1080p", "the standard models accept 1080p")
    _flag(parser, "documented-executions", "execution lists show only what is documented")
    options = parser.parse_args(arguments)
    # The product listens one port below us and calls itself by this name when it speaks to vendors.
    names = options.names or f"media.example.com=http://127.0.0.1:{options.port - 1}"
    options.names = dict(pair.split("=", 1) for pair in names.split(",") if "=" in pair)
    return SimulatorConfig(**vars(options))


def _flag(parser: argparse.ArgumentParser, name: str, text: str) -> None:
    variable = PREFIX + name.replace("-", "_").upper()
    is_set = os.environ.get(variable, "").lower() in {"1", "true", "yes", "on"}
    parser.add_argument(
        f"--{name}", action="store_true", default=is_set, help=f"{text} [{variable}]"
    )


if __name__ == "__main__":
    main()
