from django.apps import AppConfig


class KernelConfig(AppConfig):
    name = "seedance_saas"

    def ready(self) -> None:
        from seedance_saas import checks  # noqa: F401  # registers them
