from django.apps import AppConfig


class SyncConfig(AppConfig):
    name = "sync"

    def ready(self) -> None:
        # Receivers and tasks register themselves when they are imported.
        from sync import actions, schedule, tasks  # noqa: F401
