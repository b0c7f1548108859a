// Command pulumi-resource-kubernetes serves Pulumi's Kubernetes provider.
//
// The provider's own main package embeds two files that its release process generates and that its Go module does
// not hold; the module holds what they are generated from. The build recipe lays those over this folder.
package main

import (
	_ "embed"

	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider"
	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/version"
)

//go:embed schema.json
var schema []byte

//go:embed terraform-mapping.json
var terraformMapping []byte

func main() {
	provider.Serve("kubernetes", version.Version, schema, terraformMapping)
}
