package main

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/pulumi/pulumi/sdk/v3/python/toolchain"
)

// stopGrace is how long a Python process may take to end after SIGTERM before it is killed.
const stopGrace = 5 * time.Second

// pythonFor finds the interpreter that runtime.options of Pulumi.yaml or PulumiPolicy.yaml name.
// It knows `virtualenv` (a folder, relative to that file) and `toolchain` (pip, poetry or uv).
func pythonFor(info *pulumirpc.ProgramInfo) (toolchain.Toolchain, error) {
	options := toolchain.PythonOptions{
		Root:       info.GetRootDirectory(),
		ProgramDir: info.GetProgramDirectory(),
	}
	for name, value := range info.GetOptions().AsMap() {
		text, isText := value.(string)
		if !isText {
			return nil, fmt.Errorf("runtime.options.%s: %v is not a string", name, value)
		}
		switch name {
		case "virtualenv":
			options.Virtualenv = text
		case "toolchain":
			kinds := []string{"auto", "pip", "poetry", "uv"}
			switch slices.Index(kinds, strings.ToLower(text)) {
			case 0:
				options.Toolchain = toolchain.Auto
			case 1:
				options.Toolchain = toolchain.Pip
			case 2:
				options.Toolchain = toolchain.Poetry
			case 3:
				options.Toolchain = toolchain.Uv
			default:
				return nil, fmt.Errorf("runtime.options.toolchain: %q is not one of %s", text, strings.Join(kinds, ", "))
			}
		default:
			return nil, fmt.Errorf("runtime.options.%s is not supported by this host; it knows virtualenv and toolchain", name)
		}
	}
	return toolchain.ResolveToolchain(options)
}

// stopGently makes a command's context end it with SIGTERM first, so that Python can close what it holds.
func stopGently(cmd *exec.Cmd) {
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopGrace
}
