package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/protobuf/types/known/structpb"
)

// TestProvidersIn: a provider is required if its SDK says so with a name and a version; other packages are not.
func TestProvidersIn(t *testing.T) {
	site := t.TempDir()
	for name, content := range map[string]string{
		"pulumi_kubernetes": `{"resource": true, "name": "kubernetes", "version": "4.25.0"}`,
		"pulumi_tagged":     `{"resource": true, "name": "tagged", "version": "v1.0.0", "server": "https://plugins.example"}`,
		"pulumi_policy":     `{"resource": false}`,
		"own_component":     `{"resource": true, "name": "own"}`,
	} {
		if err := os.Mkdir(filepath.Join(site, name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(site, name, "pulumi-plugin.json"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	packages, err := providersIn(site)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, p := range packages {
		found = append(found, strings.Join([]string{p.GetKind(), p.GetName(), p.GetVersion(), p.GetServer()}, " "))
	}
	want := []string{"resource kubernetes v4.25.0 ", "resource tagged v1.0.0 https://plugins.example"}
	if !slices.Equal(found, want) {
		t.Errorf("providers %q, want %q", found, want)
	}
}

// TestProvidersInBrokenFile: the message names the file that cannot be read.
func TestProvidersInBrokenFile(t *testing.T) {
	site := t.TempDir()
	file := filepath.Join(site, "broken", "pulumi-plugin.json")
	if err := os.Mkdir(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := providersIn(site); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("error %v does not name %s", err, file)
	}
}

// TestConfigEnvironmentIsNeverNull: Python reads an object and a list even when the stack has no configuration.
func TestConfigEnvironmentIsNeverNull(t *testing.T) {
	env, err := configEnvironment(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"PULUMI_CONFIG={}", "PULUMI_CONFIG_SECRET_KEYS=[]"}; !slices.Equal(env, want) {
		t.Errorf("environment %q, want %q", env, want)
	}
}

// TestProgramArguments: the executor gets the stack, the engine, and the entry point inside the program's folder.
func TestProgramArguments(t *testing.T) {
	h := newHost("127.0.0.1:1", "exec")
	args := h.programArguments(&pulumirpc.RunRequest{
		Project: "p", Stack: "s", Pwd: "/app", DryRun: true, Parallel: 8, MonitorAddress: "127.0.0.1:2",
		Organization: "o", Args: []string{"--flag"},
		Info: &pulumirpc.ProgramInfo{RootDirectory: "/app", ProgramDirectory: "/app/src", EntryPoint: "."},
	})
	want := strings.Fields("--monitor 127.0.0.1:2 --engine 127.0.0.1:1 --project p --root_directory /app --stack s " +
		"--pwd /app --dry_run true --parallel 8 --organization o /app/src --flag")
	if !slices.Equal(args, want) {
		t.Errorf("arguments %q, want %q", args, want)
	}
}

// TestProgramResult: a program that has told the user why it failed bails; another's exit code is told.
func TestProgramResult(t *testing.T) {
	for script, want := range map[string]*pulumirpc.RunResponse{
		"exit 0":        {},
		"exit 32":       {Bail: true},
		"exit 3":        {Error: "Program exited with non-zero exit code: 3"},
		"kill -TERM $$": {Error: "Program ended by signal: terminated"},
	} {
		got, err := programResult(exec.Command("sh", "-c", script).Run())
		if err != nil || got.GetError() != want.GetError() || got.GetBail() != want.GetBail() {
			t.Errorf("%s: %v, %v; want %v", script, got, err, want)
		}
	}
	if _, err := programResult(errors.New("no such file")); err == nil {
		t.Error("a program that did not start must be an error")
	}
}

// TestPythonForRefusesWhatItDoesNotKnow: an option that would be ignored in silence is named instead.
func TestPythonForRefusesWhatItDoesNotKnow(t *testing.T) {
	for option, want := range map[string]string{
		"typechecker": "runtime.options.typechecker is not supported",
		"toolchain":   `runtime.options.toolchain: "conda" is not one of auto, pip, poetry, uv`,
	} {
		options, err := structpb.NewStruct(map[string]any{option: "conda"})
		if err != nil {
			t.Fatal(err)
		}
		_, err = pythonFor(&pulumirpc.ProgramInfo{RootDirectory: t.TempDir(), Options: options})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", option, err, want)
		}
	}
}

// TestPythonForUsesTheVirtualEnvironment: a relative virtualenv is looked for beside Pulumi.yaml or PulumiPolicy.yaml.
func TestPythonForUsesTheVirtualEnvironment(t *testing.T) {
	root := t.TempDir()
	options, err := structpb.NewStruct(map[string]any{"virtualenv": "../.venv"})
	if err != nil {
		t.Fatal(err)
	}
	python, err := pythonFor(&pulumirpc.ProgramInfo{RootDirectory: root, Options: options})
	if err != nil {
		t.Fatal(err)
	}
	cmd, err := python.Command(t.Context(), "-V")
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(filepath.Dir(root), ".venv", "bin", "python"); cmd.Path != want {
		t.Errorf("interpreter %s, want %s", cmd.Path, want)
	}
}

// TestSDKVersion: the host reports the version of the SDK that go.mod pins.
func TestSDKVersion(t *testing.T) {
	content, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if version := sdkVersion(); version == "" || !strings.Contains(string(content), "pulumi/sdk/v3 v"+version) {
		t.Errorf("version %q is not the one in go.mod", version)
	}
}
