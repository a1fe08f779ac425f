// A server of Go's own TLS that is as strict as it is told, and answers GET /health.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
)

var clients = map[string]tls.ClientAuthType{
	"none":   tls.NoClientCert,
	"any":    tls.RequireAnyClientCert,
	"verify": tls.RequireAndVerifyClientCert,
}

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func main() {
	cert := flag.String("cert", "", "PEM file of the certificate; none: plain HTTP")
	key := flag.String("key", "", "PEM file of its private key")
	ca := flag.String("ca", "", "PEM file of the authority of clients")
	auth := flag.String("clients", "verify", "which certificates clients must show: none, any or verify")
	older := flag.Bool("older", false, "take TLS 1.2 too")
	flag.Parse()

	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	server := &http.Server{Handler: mux}
	listener := must(net.Listen("tcp", "127.0.0.1:0"))
	if *cert == "" {
		log.Fatal(server.Serve(listener))
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(must(os.ReadFile(*ca)))
	server.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS13, ClientAuth: clients[*auth], ClientCAs: pool}
	if *older {
		server.TLSConfig.MinVersion = tls.VersionTLS12
	}
	log.Fatal(server.ServeTLS(listener, *cert, *key))
}
