// Package codegen stands in for Pulumi's C# code generator, which the docker-build provider needs only to describe
// how its C# SDK is generated. The schema of a stack written in Python never reads it.
package codegen

// CSharpPackageInfo is the part of the generator's options that the provider sets.
type CSharpPackageInfo struct {
	PackageReferences    map[string]string `json:"packageReferences,omitempty"`
	RespectSchemaVersion bool              `json:"respectSchemaVersion,omitempty"`
}
