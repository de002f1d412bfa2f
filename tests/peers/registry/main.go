// A registry in memory that has the referrers API, on the address it is given.
package main

import (
	"fmt"
	"net"
	"net/http"
	"os"

	"github.com/google/go-containerregistry/pkg/registry"
)

func main() {
	listener, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(listener.Addr())
	if err := http.Serve(listener, registry.New(registry.WithReferrersSupport(true))); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
