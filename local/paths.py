"""Where everything of the embedded cluster lies."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from local.errors import ClusterError

NAME = "inferstack-local"
# One folder a machine: Unix socket paths end at 107 characters, so sockets cannot lie below an arbitrary checkout.
RUN = Path("/run/inferstack")
_SAFE_PATH = re.compile(r"[A-Za-z0-9/._+@-]+")


@dataclass(frozen=True, kw_only=True)
class Paths:
    """The folders and files of one checkout's cluster; all absolute."""

    checkout: Path
    run: Path = RUN

    @classmethod
    def of_this_checkout(cls) -> "Paths":
        """Return the paths of the checkout that this file belongs to.

        Raises:
            ClusterError: the checkout's path has characters that overlay mounts or the supervisor cannot take.
        """
        checkout = Path(__file__).resolve().parent.parent
        if not _SAFE_PATH.fullmatch(str(checkout)):
            raise ClusterError(
                f"the checkout lies in {str(checkout)!r}; overlay mounts and the supervisor's configuration take only"
                " letters, digits and / . _ + @ - in a path: move the checkout"
            )
        return cls(checkout=checkout)

    @property
    def tools(self) -> Path:
        """The built tools."""
        return self.checkout / ".tools/bin"

    @property
    def kwok_stages(self) -> Path:
        """KWOK's Stage manifests."""
        return self.checkout / ".tools/share/kwok/stages"

    @property
    def state(self) -> Path:
        """All state that `down` removes."""
        return self.checkout / ".state/cluster"

    @property
    def cache(self) -> Path:
        """What survives `down`."""
        return self.checkout / ".state/cache"

    @property
    def ready_file(self) -> Path:
        """cluster.json: written when the cluster is ready, read by the rest of the product."""
        return self.state / "cluster.json"

    @property
    def plan(self) -> Path:
        """The ports and address ranges that were chosen."""
        return self.state / "plan.json"

    @property
    def pki(self) -> Path:
        """Certificates and keys."""
        return self.state / "pki"

    @property
    def kubeconfigs(self) -> Path:
        """One kubeconfig for each client of the API server."""
        return self.state / "kubeconfigs"

    @property
    def kubeconfig(self) -> Path:
        """The user's kubeconfig (cluster administrator)."""
        return self.state / "kubeconfig"

    @property
    def config(self) -> Path:
        """Generated configuration files of the components."""
        return self.state / "config"

    @property
    def logs(self) -> Path:
        """One log file for each component."""
        return self.state / "logs"

    @property
    def kubelet_data(self) -> Path:
        """The kubelet's data on disk; it sees them as `kubelet_root`."""
        return self.state / "kubelet"

    @property
    def kubelet_root(self) -> Path:
        """A bind mount of `kubelet_data`, short enough for the sockets that the kubelet makes in it."""
        return self.run / "kubelet"

    @property
    def containerd_socket(self) -> Path:
        """The gRPC socket of containerd."""
        return self.run / "containerd.sock"

    @property
    def buildkit_socket(self) -> Path:
        """The gRPC socket of buildkitd."""
        return self.run / "buildkitd.sock"

    @property
    def supervisor_socket(self) -> Path:
        """Supervisor's XML-RPC socket."""
        return self.run / "supervisor.sock"

    @property
    def supervisor_config(self) -> Path:
        """Supervisor's generated configuration."""
        return self.config / "supervisord.conf"

    @property
    def journal(self) -> Path:
        """What the host was like before `up`, for `down` to put back."""
        return self.run / "host.json"

    @property
    def buildx_instance(self) -> Path:
        """The builder, in the form that buildx and Pulumi's docker-build provider read."""
        return self.checkout / ".state/buildx/instances" / NAME

    def log(self, component: str) -> Path:
        """Return the log file of one component."""
        return self.logs / f"{component}.log"


def write_private(path: Path, content: str | bytes) -> None:
    """Write a file of mode 600 so that a reader sees the old content or the new, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content.encode() if isinstance(content, str) else content
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    temporary.replace(path)
