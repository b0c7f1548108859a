"""A stand-in for what managed add-ons bring to a cluster: kinds that the program makes objects of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from local.api import Api

Json = dict[str, Any]
_GROUP = "secrets-store.csi.x-k8s.io"
_TEXTS: Json = {"type": "object", "additionalProperties": {"type": "string"}}
# As the Secrets Store CSI driver defines it: config/crd/bases of kubernetes-sigs/secrets-store-csi-driver v1.5.
_SECRET_PROVIDER_CLASS: Json = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": f"secretproviderclasses.{_GROUP}"},
    "spec": {
        "group": _GROUP,
        "scope": "Namespaced",
        "names": {
            "kind": "SecretProviderClass",
            "listKind": "SecretProviderClassList",
            "plural": "secretproviderclasses",
            "singular": "secretproviderclass",
        },
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {
                                "type": "object",
                                "properties": {
                                    "provider": {"type": "string"},
                                    "parameters": _TEXTS,
                                    "secretObjects": {
                                        "type": "array",
                                        "items": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                                    },
                                },
                            }
                        },
                    }
                },
            }
        ],
    },
}


def install(api: Api) -> None:
    """Define the kinds."""
    name = _SECRET_PROVIDER_CLASS["metadata"]["name"]
    api.apply(f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}", _SECRET_PROVIDER_CLASS)
