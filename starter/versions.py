"""The version of a worker, as Temporal's worker deployments know it: the release, or what the settings call it."""

from collections.abc import Callable
from importlib.metadata import version

from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import PatchActivationInput, WorkerDeploymentConfig

from settings import Settings

PACKAGE = "whistle"


def build_of(settings: Settings) -> str:
    """Name the build that a worker of these settings is."""
    return settings.build_id or version(PACKAGE)


def deployment_of(settings: Settings) -> WorkerDeploymentConfig | None:
    """Put a worker into the deployment of its task queue; None where workers are not versioned."""
    if not settings.versioning:
        return None
    return WorkerDeploymentConfig(
        version=WorkerDeploymentVersion(settings.task_queue, build_of(settings)),
        use_worker_versioning=True,
        default_versioning_behavior=VersioningBehavior.AUTO_UPGRADE,
    )


def patches_of(settings: Settings) -> Callable[[PatchActivationInput], bool]:
    """Let every patch begin but those that the settings hold back; what has begun goes on."""
    return lambda asked: asked.patch_id not in settings.held_patches
