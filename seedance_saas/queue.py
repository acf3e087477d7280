"""The only door to the task queue. A task is a dotted name and ids: it loads the rest when it runs."""

from django_q.tasks import async_task


def enqueue(task: str, *args: str | int) -> None:
    """Queue `task` inside the caller's transaction: the row commits or rolls back with the work."""
    async_task(task, *args)
