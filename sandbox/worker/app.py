"""The Celery application: a doorbell, and nothing else.

The database is the truth about jobs. A message carries a job's id; a forged, doubled, late or lost message can at
most wake a worker for nothing or let the sweeper ring again. So: no result backend, short tasks, late acknowledgement,
no broker loops over lost workers (DESIGN 9, where each value was measured).
"""

from celery import Celery

from sandbox.settings import Settings

TASK = "tick"
HARD_LIMIT_SECONDS = 60
SOFT_LIMIT_SECONDS = 50
VISIBILITY_SECONDS = 300  # longer than the hard limit, or one message would run twice at once
SOFT_SHUTDOWN_SECONDS = 20


def make_app(settings: Settings) -> Celery:
    """Make the application of one node: its own key prefix and its own queue, so that nodes may share a Redis."""
    app = Celery("safeconduct", broker=settings.redis_url, set_as_current=False)
    app.conf.update(
        task_default_queue=queue_name(settings),
        task_ignore_result=True,
        task_store_errors_even_if_ignored=False,
        task_acks_late=True,
        task_acks_on_failure=True,
        task_acks_on_timeout=True,
        task_reject_on_worker_lost=False,
        task_serializer="json",
        accept_content=["json"],
        task_time_limit=HARD_LIMIT_SECONDS,
        task_soft_time_limit=SOFT_LIMIT_SECONDS,
        task_publish_retry=False,
        worker_prefetch_multiplier=1,
        worker_concurrency=settings.worker_concurrency,
        worker_soft_shutdown_timeout=SOFT_SHUTDOWN_SECONDS,
        worker_enable_soft_shutdown_on_idle=False,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        worker_send_task_events=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        visibility_timeout=VISIBILITY_SECONDS,
        broker_transport_options=_transport(settings),
    )
    return app


def queue_name(settings: Settings, machine: str | None = None) -> str:
    """The queue of this node that any of its machines may serve, or that of one machine alone."""
    return f"{settings.node}.tick" if machine is None else f"{settings.node}.tick.{machine}"


def _transport(settings: Settings) -> dict[str, object]:
    return {
        "global_keyprefix": f"{settings.run_directory.name}:{settings.node}:",
        "visibility_timeout": VISIBILITY_SECONDS,
        "unacked_restore_interval": 5,
        "unacked_restore_throttle": 1,
        "socket_timeout": 15,
        "socket_connect_timeout": 3,
        "socket_keepalive": True,
        "health_check_interval": 25,
    }
