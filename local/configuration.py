"""The configuration files that components read; each function returns one file's text."""

import json
from pathlib import Path

from local.network import BRIDGE
from local.paths import NAME, Paths, write_private
from local.plan import Plan

CGROUP_ROOT = "/inferstack"
CLUSTER_DOMAIN = "cluster.local"
# Build cache that buildkitd keeps, in megabytes.
BUILD_CACHE_MB = 6000


def write_all(paths: Paths, plan: Plan, *, pause_image: str, cni_plugins: Path) -> None:
    """Write every configuration file below `paths.config` and the builder's instance file."""
    files = {
        "containerd.toml": containerd(paths, pause_image=pause_image, cni_plugins=cni_plugins),
        "cni/10-inferstack.conflist": pod_network(paths, plan),
        f"registries/{plan.registry}/hosts.toml": registry_host(plan),
        "kubelet.json": kubelet(paths, plan),
        "resolv.conf": f"nameserver {plan.gateway}\n",
        "kube-proxy.json": kube_proxy(paths, plan),
        "Corefile": corefile(paths, plan),
        "registry.yml": registry(paths, plan),
        "buildkitd.toml": buildkitd(paths, plan),
    }
    for name, content in files.items():
        write_private(paths.config / name, content)
    write_private(paths.buildx_instance, buildx_instance(paths))


def containerd(paths: Paths, *, pause_image: str, cni_plugins: Path) -> str:
    """Return containerd's configuration: everything below our folders, oom scores only as far as the kernel lets us."""
    return f"""version = 2
root = "{paths.state}/containerd"
state = "{paths.run}/containerd"
oom_score = 0
disabled_plugins = [
  "io.containerd.internal.v1.opt",
  "io.containerd.internal.v1.tracing",
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.native",
  "io.containerd.snapshotter.v1.zfs",
  "io.containerd.tracing.processor.v1.otlp",
]

[grpc]
  address = "{paths.containerd_socket}"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause_image}"
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true

  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{cni_plugins}"
    conf_dir = "{paths.config}/cni"

  [plugins."io.containerd.grpc.v1.cri".containerd]
    discard_unpacked_layers = true

    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"

      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        Root = "{paths.run}/runc"

  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "{paths.config}/registries"
"""


def registry_host(plan: Plan) -> str:
    """Return how containerd reaches the local registry: plain HTTP on loopback."""
    return f"""server = "http://{plan.registry}"

[host."http://{plan.registry}"]
  capabilities = ["pull", "resolve"]
"""


def pod_network(paths: Paths, plan: Plan) -> str:
    """Return the CNI chain: a bridge with host-local addresses, unmasqueraded: pods have no business outside."""
    bridge = {
        "type": "bridge",
        "bridge": BRIDGE,
        "isDefaultGateway": True,
        "ipMasq": False,
        "hairpinMode": True,
        "ipam": {
            "type": "host-local",
            "ranges": [[{"subnet": plan.pod_cidr, "gateway": plan.gateway}]],
            "dataDir": str(paths.state / "cni"),
        },
    }
    return json.dumps({"cniVersion": "0.4.0", "name": "inferstack", "plugins": [bridge]}, indent=2)


def kubelet(paths: Paths, plan: Plan) -> str:
    """Return the kubelet's configuration; nothing of it outside our folders and our cgroup."""
    config = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": plan.gateway,
        "port": plan.ports["kubelet"],
        "healthzBindAddress": "127.0.0.1",
        "healthzPort": plan.ports["kubelet-health"],
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": f"{paths.pki}/ca.crt"},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": f"{paths.pki}/kubelet-server.crt",
        "tlsPrivateKeyFile": f"{paths.pki}/kubelet-server.key",
        "containerRuntimeEndpoint": f"unix://{paths.containerd_socket}",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": CGROUP_ROOT,
        "failCgroupV1": False,
        "failSwapOn": False,
        # Lowering a score needs CAP_SYS_RESOURCE, which not every machine's root has.
        "oomScoreAdj": 0,
        "enforceNodeAllocatable": [],
        "clusterDNS": [plan.gateway],
        "clusterDomain": CLUSTER_DOMAIN,
        "resolvConf": f"{paths.config}/resolv.conf",
        "podLogsDir": f"{paths.state}/pod-logs",
        "volumePluginDir": f"{paths.state}/volume-plugins",
        # A developer's disk is nearly full most of the time: only a real shortage may evict pods.
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "500Mi", "imagefs.available": "500Mi"},
        # The image of the sandbox is imported, not pulled: no collector may take it.
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "serializeImagePulls": False,
        "maxPods": 110,
        "nodeStatusUpdateFrequency": "5s",
        "shutdownGracePeriod": "0s",
        "featureGates": {},
    }
    return json.dumps(config, indent=2)


def kube_proxy(paths: Paths, plan: Plan) -> str:
    """Return kube-proxy's configuration: iptables, NodePorts on loopback only, no change of conntrack's limits."""
    unchanged = "0s"
    config = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": f"{paths.kubeconfigs}/proxy"},
        "mode": "iptables",
        "hostnameOverride": NAME,
        "bindAddress": plan.gateway,
        "healthzBindAddress": f"127.0.0.1:{plan.ports['proxy-health']}",
        "metricsBindAddress": f"127.0.0.1:{plan.ports['proxy-metrics']}",
        "nodePortAddresses": ["127.0.0.0/8"],
        "detectLocalMode": "ClusterCIDR",
        "clusterCIDR": plan.pod_cidr,
        "oomScoreAdj": 0,
        "conntrack": {
            "maxPerCore": 0,
            "min": 0,
            "tcpEstablishedTimeout": unchanged,
            "tcpCloseWaitTimeout": unchanged,
        },
        "iptables": {"localhostNodePorts": True, "minSyncPeriod": "100ms"},
    }
    return json.dumps(config, indent=2)


def corefile(paths: Paths, plan: Plan) -> str:
    """Return CoreDNS's configuration: the cluster's names on the bridge address, and no other name."""
    return f""".:53 {{
    bind {plan.gateway}
    errors
    health 127.0.0.1:{plan.ports["coredns-health"]}
    ready 127.0.0.1:{plan.ports["coredns-ready"]}
    kubernetes {CLUSTER_DOMAIN} in-addr.arpa {{
        kubeconfig {paths.kubeconfigs}/coredns
        ttl 5
    }}
}}
"""


def registry(paths: Paths, plan: Plan) -> str:
    """Return docker-registry's configuration: blobs survive `down`, deletion is allowed as in the cloud's registry."""
    config = {
        "version": "0.1",
        "log": {"level": "warn", "accesslog": {"disabled": True}},
        "storage": {
            "filesystem": {"rootdirectory": f"{paths.cache}/registry"},
            "delete": {"enabled": True},
            "cache": {"blobdescriptor": "inmemory"},
        },
        "http": {"addr": plan.registry},
    }
    return json.dumps(config, indent=2)


def buildkitd(paths: Paths, plan: Plan) -> str:
    """Return buildkitd's configuration: runc, a cache that survives `down` and has a limit."""
    return f"""root = "{paths.cache}/buildkit"

[grpc]
  address = ["unix://{paths.buildkit_socket}"]

[worker.oci]
  enabled = true
  snapshotter = "overlayfs"
  defaultCgroupParent = "{CGROUP_ROOT}/buildkit"
  gc = true
  maxUsedSpace = "{BUILD_CACHE_MB}MB"

[worker.containerd]
  enabled = false

[cdi]
  disabled = true

[registry."{plan.registry}"]
  http = true
  insecure = true
"""


def buildx_instance(paths: Paths) -> str:
    """Return the builder as buildx stores it: a remote BuildKit behind a socket that root alone can open."""
    node = {"Name": f"{NAME}0", "Endpoint": f"unix://{paths.buildkit_socket}", "Platforms": None, "DriverOpts": None}
    return json.dumps({"Name": NAME, "Driver": "remote", "Nodes": [node], "Dynamic": False})
