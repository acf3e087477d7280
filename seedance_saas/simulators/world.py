"""What every vendor shares: options, jobs, films, the names of the internet and hosted files."""

from dataclasses import dataclass

from seedance_saas.simulators.config import SimulatorConfig
from seedance_saas.simulators.films import FilmLibrary
from seedance_saas.simulators.hosted import HostedFiles
from seedance_saas.simulators.internet import Internet
from seedance_saas.simulators.jobs import JobStore


@dataclass(frozen=True)
class World:
    config: SimulatorConfig
    jobs: JobStore
    films: FilmLibrary
    internet: Internet
    hosted: HostedFiles
