// A mutual TLS server of another make: SPIFFE's own Go library, with an SVID and a bundle from PEM files.
package main

import (
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"

	"github.com/spiffe/go-spiffe/v2/bundle/x509bundle"
	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"github.com/spiffe/go-spiffe/v2/spiffetls/tlsconfig"
	"github.com/spiffe/go-spiffe/v2/svid/x509svid"
)

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func main() {
	cert := flag.String("cert", "", "PEM file of the SVID, leaf first")
	key := flag.String("key", "", "PEM file of its private key")
	bundle := flag.String("bundle", "", "PEM file of the trust domain's authorities")
	trustDomain := flag.String("trust-domain", "", "whose members may call")
	flag.Parse()

	td := must(spiffeid.TrustDomainFromString(*trustDomain))
	svid := must(x509svid.Load(*cert, *key))
	config := tlsconfig.MTLSServerConfig(svid, must(x509bundle.Load(td, *bundle)), tlsconfig.AuthorizeMemberOf(td))
	listener := must(net.Listen("tcp", "127.0.0.1:0"))
	fmt.Println(listener.Addr())

	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	log.Fatal((&http.Server{Handler: mux, TLSConfig: config}).ServeTLS(listener, "", ""))
}
