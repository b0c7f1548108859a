package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/protobuf/types/known/emptypb"
)

// host implements the LanguageRuntime service for Python.
type host struct {
	pulumirpc.UnimplementedLanguageRuntimeServer

	engine   string // the engine's address
	executor string // path of pulumi-language-python-exec

	alive  context.Context // ends when the engine cancels
	cancel context.CancelFunc
}

func newHost(engine, executor string) *host {
	alive, cancel := context.WithCancel(context.Background())
	return &host{engine: engine, executor: executor, alive: alive, cancel: cancel}
}

// scope returns a context that ends with the request or when the engine cancels, whichever comes first.
func (h *host) scope(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	context.AfterFunc(h.alive, cancel)
	return ctx, cancel
}

// Handshake takes the engine's address, which newer engines send here instead of as an argument.
func (h *host) Handshake(
	_ context.Context, req *pulumirpc.LanguageHandshakeRequest,
) (*pulumirpc.LanguageHandshakeResponse, error) {
	h.engine = req.GetEngineAddress()
	return &pulumirpc.LanguageHandshakeResponse{}, nil
}

// Cancel ends all programs and plugins that run.
func (h *host) Cancel(context.Context, *emptypb.Empty) (*emptypb.Empty, error) {
	h.cancel()
	return &emptypb.Empty{}, nil
}

// GetPluginInfo tells the version of the SDK that this host was built with.
func (h *host) GetPluginInfo(context.Context, *emptypb.Empty) (*pulumirpc.PluginInfo, error) {
	return &pulumirpc.PluginInfo{Version: sdkVersion()}, nil
}

// About tells which interpreter runs the program.
func (h *host) About(ctx context.Context, req *pulumirpc.AboutRequest) (*pulumirpc.AboutResponse, error) {
	python, err := pythonFor(req.GetInfo())
	if err != nil {
		return nil, err
	}
	info, err := python.About(ctx)
	if err != nil {
		return nil, err
	}
	return &pulumirpc.AboutResponse{Executable: info.PythonExecutable, Version: info.PythonVersion.String()}, nil
}

// InstallDependencies makes the virtual environment if there is none and installs what the project asks for.
func (h *host) InstallDependencies(
	req *pulumirpc.InstallDependenciesRequest, server pulumirpc.LanguageRuntime_InstallDependenciesServer,
) error {
	ctx, cancel := h.scope(server.Context())
	defer cancel()
	python, err := pythonFor(req.GetInfo())
	if err != nil {
		return err
	}
	closer, stdout, stderr, err := rpcutil.MakeInstallDependenciesStreams(server, req.GetIsTerminal())
	if err != nil {
		return err
	}
	defer closer.Close() //nolint:errcheck // the stream has ended by then
	return python.InstallDependencies(
		ctx, req.GetInfo().GetProgramDirectory(), req.GetUseLanguageVersionTools(), true, stdout, stderr)
}

// GetProgramDependencies lists the installed Python packages.
func (h *host) GetProgramDependencies(
	ctx context.Context, req *pulumirpc.GetProgramDependenciesRequest,
) (*pulumirpc.GetProgramDependenciesResponse, error) {
	python, err := pythonFor(req.GetInfo())
	if err != nil {
		return nil, err
	}
	packages, err := python.ListPackages(ctx, req.GetTransitiveDependencies())
	if err != nil {
		return nil, err
	}
	response := &pulumirpc.GetProgramDependenciesResponse{}
	for _, found := range packages {
		response.Dependencies = append(response.Dependencies,
			&pulumirpc.DependencyInfo{Name: found.Name, Version: found.Version})
	}
	return response, nil
}

// GetRequiredPackages lists the providers whose Python SDKs are installed: each has a pulumi-plugin.json.
func (h *host) GetRequiredPackages(
	ctx context.Context, req *pulumirpc.GetRequiredPackagesRequest,
) (*pulumirpc.GetRequiredPackagesResponse, error) {
	python, err := pythonFor(req.GetInfo())
	if err != nil {
		return nil, err
	}
	if err := python.ValidateVenv(ctx); err != nil {
		return nil, err
	}
	cmd, err := python.Command(ctx, "-I", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))")
	if err != nil {
		return nil, err
	}
	folder, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("ask %s for its packages' folder: %w", cmd.Path, err)
	}
	packages, err := providersIn(strings.TrimSpace(string(folder)))
	return &pulumirpc.GetRequiredPackagesResponse{Packages: packages}, err
}

// GetRequiredPlugins is the older form of GetRequiredPackages.
func (h *host) GetRequiredPlugins(
	ctx context.Context, req *pulumirpc.GetRequiredPluginsRequest,
) (*pulumirpc.GetRequiredPluginsResponse, error) {
	found, err := h.GetRequiredPackages(ctx, &pulumirpc.GetRequiredPackagesRequest{Info: req.GetInfo()})
	if err != nil {
		return nil, err
	}
	response := &pulumirpc.GetRequiredPluginsResponse{}
	for _, p := range found.GetPackages() {
		response.Plugins = append(response.Plugins,
			&pulumirpc.PluginDependency{Name: p.GetName(), Kind: p.GetKind(), Version: p.GetVersion(), Server: p.GetServer()})
	}
	return response, nil
}

// providersIn reads the pulumi-plugin.json of every package in a site-packages folder.
func providersIn(folder string) ([]*pulumirpc.PackageDependency, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*", "pulumi-plugin.json"))
	if err != nil {
		return nil, err
	}
	var packages []*pulumirpc.PackageDependency
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var plugin struct {
			Resource              bool
			Name, Version, Server string
		}
		if err := json.Unmarshal(content, &plugin); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		// Without a name or a version the engine could look for nothing: such a package brings its own executable.
		if !plugin.Resource || plugin.Name == "" || plugin.Version == "" {
			continue
		}
		packages = append(packages, &pulumirpc.PackageDependency{
			Name:    plugin.Name,
			Kind:    "resource",
			Version: "v" + strings.TrimPrefix(plugin.Version, "v"),
			Server:  plugin.Server,
		})
	}
	return packages, nil
}
