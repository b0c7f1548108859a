package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strconv"

	sdk "github.com/pulumi/pulumi/sdk/v3"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// exitMessageShown is the exit code with which pulumi-language-python-exec says that the user has seen the reason.
const exitMessageShown = 32

// Run executes a Pulumi program and waits for its end.
func (h *host) Run(ctx context.Context, req *pulumirpc.RunRequest) (*pulumirpc.RunResponse, error) {
	ctx, cancel := h.scope(ctx)
	defer cancel()
	python, err := pythonFor(req.GetInfo())
	if err != nil {
		return nil, err
	}
	if err := python.ValidateVenv(ctx); err != nil {
		return nil, err
	}
	cmd, err := python.Command(ctx, append([]string{"-u", h.executor}, h.programArguments(req)...)...)
	if err != nil {
		return nil, err
	}
	config, err := configEnvironment(req.GetConfig(), req.GetConfigSecretKeys())
	if err != nil {
		return nil, err
	}
	cmd.Env = append(cmd.Environ(), config...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	stopGently(cmd)
	return programResult(cmd.Run())
}

// programArguments is the command line of pulumi-language-python-exec for a request.
func (h *host) programArguments(req *pulumirpc.RunRequest) []string {
	args := []string{
		"--monitor", req.GetMonitorAddress(),
		"--engine", h.engine,
		"--project", req.GetProject(),
		"--root_directory", req.GetInfo().GetRootDirectory(),
		"--stack", req.GetStack(),
		"--pwd", req.GetPwd(),
		"--dry_run", strconv.FormatBool(req.GetDryRun()),
		"--parallel", strconv.Itoa(int(req.GetParallel())),
		"--organization", req.GetOrganization(),
		filepath.Join(req.GetInfo().GetProgramDirectory(), req.GetInfo().GetEntryPoint()),
	}
	return append(args, req.GetArgs()...)
}

// configEnvironment hands the stack's configuration to Python. Nil becomes {} and [], never null, which Python refuses.
func configEnvironment(config map[string]string, secretKeys []string) ([]string, error) {
	if config == nil {
		config = map[string]string{}
	}
	if secretKeys == nil {
		secretKeys = []string{}
	}
	values, err := json.Marshal(config)
	if err != nil {
		return nil, err
	}
	keys, err := json.Marshal(secretKeys)
	if err != nil {
		return nil, err
	}
	return []string{"PULUMI_CONFIG=" + string(values), "PULUMI_CONFIG_SECRET_KEYS=" + string(keys)}, nil
}

// programResult translates how a program ended.
func programResult(err error) (*pulumirpc.RunResponse, error) {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return &pulumirpc.RunResponse{}, nil
	case !errors.As(err, &exit):
		return nil, fmt.Errorf("run the program: %w", err)
	case exit.ExitCode() == exitMessageShown:
		return &pulumirpc.RunResponse{Bail: true}, nil
	case exit.ExitCode() < 0:
		return &pulumirpc.RunResponse{Error: "Program ended by " + exit.String()}, nil
	default:
		return &pulumirpc.RunResponse{Error: fmt.Sprintf("Program exited with non-zero exit code: %d", exit.ExitCode())}, nil
	}
}

// RunPlugin executes a policy pack (kind "analyzer") or another plugin written in Python, until the engine ends it.
func (h *host) RunPlugin(req *pulumirpc.RunPluginRequest, server pulumirpc.LanguageRuntime_RunPluginServer) error {
	ctx, cancel := h.scope(server.Context())
	defer cancel()
	python, err := pythonFor(req.GetInfo())
	if err != nil {
		return err
	}
	if err := python.ValidateVenv(ctx); err != nil {
		return err
	}
	closer, stdout, stderr, err := rpcutil.MakeRunPluginStreams(server, false)
	if err != nil {
		return err
	}
	defer closer.Close() //nolint:errcheck // the stream has ended by then

	folder := req.GetInfo().GetProgramDirectory()
	wait := func(cmd *exec.Cmd) error { return cmd.Wait() }
	args, env, dir := append([]string{"-u", folder}, req.GetArgs()...), req.GetEnv(), req.GetPwd()
	if req.GetKind() == "analyzer" {
		// pulumi-policy reads the stack from its environment; the engine sends it by RPC. The SDK's proxy waits for
		// the RPC, and afterwards stands between the engine and the pack.
		proxy, packOut, err := sdk.NewPolicyProxy(ctx, stdout)
		if err != nil {
			return err
		}
		stack, err := proxy.AwaitConfiguration(ctx)
		if err != nil {
			return err
		}
		stackEnv, err := policyEnvironment(stack)
		if err != nil {
			return err
		}
		stdout, dir, env = packOut, folder, append(env, stackEnv...)
		args = append(append([]string{"-u", "-m", "pulumi.policy"}, req.GetArgs()...), folder)
		wait = func(cmd *exec.Cmd) error { return proxy.Attach(ctx, cmd) }
	}

	cmd, err := python.Command(ctx, args...)
	if err != nil {
		return err
	}
	cmd.Env = append(cmd.Environ(), env...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, stdout, stderr
	stopGently(cmd)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", folder, err)
	}
	code := int32(0)
	if err := wait(cmd); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			return fmt.Errorf("run %s: %w", folder, err)
		}
		code = int32(exit.ExitCode())
	}
	return server.Send(&pulumirpc.RunPluginResponse{Output: &pulumirpc.RunPluginResponse_Exitcode{Exitcode: code}})
}

// policyEnvironment describes the stack to a policy pack; without a stack (`pulumi policy publish`) it is empty.
func policyEnvironment(stack *pulumirpc.AnalyzerStackConfigureRequest) ([]string, error) {
	if stack == nil {
		return nil, nil
	}
	config, err := configEnvironment(stack.GetConfig(), stack.GetConfigSecretKeys())
	if err != nil {
		return nil, err
	}
	return append(config,
		"PULUMI_ORGANIZATION="+stack.GetOrganization(),
		"PULUMI_PROJECT="+stack.GetProject(),
		"PULUMI_STACK="+stack.GetStack(),
		"PULUMI_DRY_RUN="+strconv.FormatBool(stack.GetDryRun()),
	), nil
}

// sdkVersion is the version of Pulumi's SDK in this binary, without the "v".
func sdkVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, module := range info.Deps {
		if module.Path == "github.com/pulumi/pulumi/sdk/v3" {
			return module.Version[1:]
		}
	}
	return ""
}
