"""The embedded cluster: a real Kubernetes control plane and one real node on this machine, without a container engine.

`python -m local up | down | status | logs NAME` is the way in. The state of a checkout's cluster lies in
`.state/cluster`, what is worth keeping between clusters (image layers, the registry's blobs) in `.state/cache`, and
what the machine can have only once (sockets, the journal of what was changed on the host) in `/run/inferstack`.
"""
