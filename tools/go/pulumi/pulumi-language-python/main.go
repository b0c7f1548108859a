// Command pulumi-language-python exists only for networks without release archives: it is a thin Python language host
// on Pulumi's own SDK, built where the official one, which ships with the official pulumi, cannot be downloaded.
//
// The engine starts it with its own address as first argument and reads from its standard output the port of the
// LanguageRuntime service. It runs programs through pulumi-language-python-exec, which must lie beside it, and policy
// packs and providers written in Python as plugins. It generates no code and checks no types.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/util/logging"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
)

// engineCheckInterval is how often the host looks whether the engine still lives; without one it has no purpose.
const engineCheckInterval = 5 * time.Second

func main() {
	engine := ""
	if len(os.Args) > 1 {
		engine = os.Args[len(os.Args)-1]
	}
	if err := serve(engine); err != nil {
		fmt.Fprintf(os.Stderr, "pulumi-language-python: %v\n", err)
		os.Exit(1)
	}
}

// serve answers the engine until it goes away or a signal arrives.
func serve(engine string) error {
	logging.InitLogging(false, 0, false)
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find own path: %w", err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if engine != "" {
		if err := rpcutil.Healthcheck(ctx, engine, engineCheckInterval, stop); err != nil {
			return fmt.Errorf("watch the engine at %s: %w", engine, err)
		}
	}

	host := newHost(engine, filepath.Join(filepath.Dir(self), "pulumi-language-python-exec"))
	cancel := make(chan bool)
	context.AfterFunc(ctx, func() {
		host.cancel()
		close(cancel)
	})
	handle, err := rpcutil.ServeWithOptions(rpcutil.ServeOptions{
		Cancel: cancel,
		Init: func(server *grpc.Server) error {
			pulumirpc.RegisterLanguageRuntimeServer(server, host)
			return nil
		},
		Options: rpcutil.TracingServerInterceptorOptions(nil),
	})
	if err != nil {
		return fmt.Errorf("serve: %w", err)
	}
	fmt.Println(handle.Port)
	return <-handle.Done
}
