"""The `local` stack's own ground: what a cloud would bring, on this machine and without a container engine.

- `python -m local check | up | down | status | logs NAME`: the embedded cluster, a real Kubernetes control plane with
  one real node (all modules that are not named below).
- `python -m local.images`: what the stack's own images are built from.
- `python -m local.stack`: Pulumi on the `local` stack; `python -m local.predict`: a request to it.

The state of a checkout's cluster lies in
`.state/cluster`, what is worth keeping between clusters (image layers, the registry's blobs) in `.state/cache`, and
what the machine can have only once (sockets, the journal of what was changed on the host) in `/run/inferstack`.
"""
