// Package java stands in for Pulumi's Java code generator, which the docker-build provider needs only to describe
// how its Java SDK is generated. The schema of a stack written in Python never reads it.
package java

// PackageInfo is the part of the generator's options that the provider sets.
type PackageInfo struct {
	BuildFiles                      string            `json:"buildFiles,omitempty"`
	GradleNexusPublishPluginVersion string            `json:"gradleNexusPublishPluginVersion,omitempty"`
	Dependencies                    map[string]string `json:"dependencies,omitempty"`
}
